"""Fleets larger than a page, read from the simulated Resource Graph under its quota."""

import pytest

from shared.azure.arm import Arm
from shared.azure.credentials import credential
from shared.azure.resource_graph import ResourceGraph
from shared.errors import Throttled
from shared.model.identity import ClusterId
from simulator.control import Control
from simulator.server import running

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def simulated(monkeypatch):
    """A simulated Azure with 2,300 clusters, and an environment that leads there."""
    with running() as simulator:
        for name, value in simulator.environment().items():
            monkeypatch.setenv(name, value)
        control = Control(simulator.url, simulator.ca_file)
        facts = {"kind": "aks", "subscription": SUBSCRIPTION, "emit": False}
        control.create_clusters([{**facts, "name": f"c{number}"} for number in range(2300)])
        yield simulator, control


@pytest.fixture
async def arm(simulated):
    """Resource Manager of that Azure."""
    simulator, _ = simulated
    async with credential("") as identity, Arm(identity, endpoint=simulator.url, audience=simulator.url) as made:
        # aiohttp reads SSL_CERT_FILE when it is imported, which was before this simulator's CA was made.
        made._transport.connection_config.verify = simulator.ca_file
        yield made


def pages(control):
    """How many queries were answered with a page."""
    return sum(entry["status"] == 200 for entry in control.requests(service="resource-graph"))


async def test_every_page_is_read(simulated, arm):
    """A fleet of 2,300 clusters takes three pages, and every cluster comes exactly once."""
    found = [cluster.name async for cluster in ResourceGraph(arm).clusters([SUBSCRIPTION])]
    assert sorted(found) == sorted(f"c{number}" for number in range(2300))
    assert pages(simulated[1]) == 3


async def test_a_reading_of_the_fleet_waits_for_the_quota(simulated, arm):
    """With two queries in each window the third page waits for the next one; nothing is lost or refused."""
    _, control = simulated
    control.graph(quota=2)
    waited = []

    async def sleep(seconds):
        waited.append(seconds)
        control.advance(seconds)

    found = [cluster.name async for cluster in ResourceGraph(arm, sleep=sleep).clusters([SUBSCRIPTION])]
    assert len(set(found)) == 2300
    assert len(waited) == 1
    assert 0 < waited[0] <= 5
    assert [entry["status"] for entry in control.requests(service="resource-graph")] == [200, 200, 200]


async def test_an_answer_that_is_too_large_is_asked_for_in_smaller_pages(simulated, arm):
    """Rows of large clusters may pass 16 MiB in one page: the reading goes on with half of it, and loses nothing."""
    _, control = simulated
    control.graph(page_bytes=200_000)
    found = [cluster.name async for cluster in ResourceGraph(arm).clusters([SUBSCRIPTION])]
    assert sorted(found) == sorted(f"c{number}" for number in range(2300))
    assert {entry["status"] for entry in control.requests(service="resource-graph")} == {200, 400}


async def test_rows_come_by_subscription_and_id_whatever_the_letters(simulated, arm):
    """Names that begin alike, in mixed case, are ordered by their id in lower case, one subscription after another."""
    _, control = simulated
    later = "22222222-2222-2222-2222-222222222222"
    names = ("aks", "AKS-1", "aks.1", "Aks1")
    facts = {"kind": "arc", "subscription": later, "resource_group": "RG-Mixed", "emit": False}
    control.create_clusters([{**facts, "name": name} for name in names])
    rows = [row async for row in ResourceGraph(arm).cluster_rows([later, SUBSCRIPTION])]
    keys = [(row["subscription"], row["cluster"]) for row in rows]
    assert keys == sorted(keys)
    assert [cluster.rpartition("/")[2] for subscription, cluster in keys if subscription == later] == [
        "aks",
        "aks-1",
        "aks.1",
        "aks1",
    ]


async def test_a_look_does_not_wait_for_the_quota(simulated, arm):
    """A look at single clusters is refused at once where the quota is spent: ARM can answer it."""
    _, control = simulated
    control.graph(quota=0)

    async def sleep(seconds):
        raise AssertionError(f"it slept for {seconds} s")

    with pytest.raises(Throttled):
        await ResourceGraph(arm, sleep=sleep).these([ClusterId.parse(control.clusters()[0])])
