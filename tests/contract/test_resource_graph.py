"""Resource Graph: rows as facts, its lag, its scope, its quota, and look-ups that share one query."""

import asyncio

import pytest

from shared.azure.resource_graph import BATCH, Lookup, ResourceGraph
from shared.errors import NotAuthorized, Refused, Throttled, Unavailable
from shared.fleet.rows import fleet_of
from shared.model.cluster import Source
from shared.model.identity import ClusterId
from simulator.control import Control

FIRST = "11111111-1111-1111-1111-111111111111"
SECOND = "22222222-2222-2222-2222-222222222222"
TYPE = "Microsoft.AzureML.Kubernetes"


@pytest.fixture
def graph(arm):
    """The adapter."""
    return ResourceGraph(arm)


def fleet(control: Control, count: int, **facts) -> list[ClusterId]:
    """Make clusters; their ids."""
    wanted = [{"kind": "aks", "subscription": FIRST, "emit": False, **facts, "name": f"c{n}"} for n in range(count)]
    return [ClusterId.parse(each) for each in control.create_clusters(wanted)]


def queries(control: Control) -> list[dict]:
    """The queries that were sent."""
    return control.requests(service="resource-graph")


# Rows


async def test_rows_say_the_same_as_resource_manager(graph, arm, control):
    """Of both kinds: the facts of the two sources differ in nothing but their source."""
    aks = control.create_cluster(kind="aks", name="Aks-1", subscription=FIRST, tags={"A": "b"}, nodes=4)
    arc = control.create_cluster(kind="arc", name="edge", subscription=FIRST, resource_group="RG-Edge", nodes=2)
    rows = {cluster.id: cluster async for cluster in graph.clusters([FIRST])}

    assert set(rows) == {ClusterId.parse(aks), ClusterId.parse(arc)}
    for cluster in rows.values():
        fresh = await arm.cluster(cluster.id)
        assert cluster.source is Source.GRAPH
        for fact in fresh.__slots__:
            if fact not in {"source", "last_connectivity", "pools"}:
                assert getattr(cluster, fact) == getattr(fresh, fact), fact


async def test_extensions_come_with_their_clusters_id(graph, control):
    """Rows in PascalCase; of our type alone, under any name."""
    cluster = control.create_cluster(kind="arc", name="edge", subscription=FIRST)
    settings = {"enableTraining": "True", "cluster_name_friendly": "x"}
    control.put_extension(cluster, "ML", {"extensionType": TYPE, "configurationSettings": settings})
    control.put_extension(cluster, "flux", {"extensionType": "microsoft.flux"})
    ((owner, (extension,)),) = (await fleet_of(graph, [FIRST]))[1].items()

    assert owner == ClusterId.parse(cluster)
    assert extension.azureml
    assert extension.provisioning_state == "Succeeded"
    assert dict(extension.settings) == settings


async def test_it_lags(graph, control):
    """A tag that was set just now is not seen yet; and a frozen index shows what was."""
    (cluster,) = fleet(control, 1)
    control.graph(lag=30)
    control.advance(31)
    control.set_tags(str(cluster), {"aml-onboard": "true"})
    before = (await graph.these([cluster]))[cluster]
    control.advance(31)
    after = (await graph.these([cluster]))[cluster]

    assert dict(before.tags) == {}
    assert dict(after.tags) == {"aml-onboard": "true"}


async def test_a_query_is_bounded_by_its_subscriptions(graph, control):
    """Others are not seen, and no subscription at all is not the whole tenant."""
    (mine,) = fleet(control, 1)
    control.create_cluster(kind="aks", name="theirs", subscription=SECOND)

    assert [cluster.id async for cluster in graph.clusters([FIRST])] == [mine]
    assert len([cluster async for cluster in graph.clusters([FIRST, SECOND])]) == 2
    before = len(queries(control))
    assert [cluster async for cluster in graph.clusters([])] == []
    assert [each async for each in graph.extension_rows(frozenset())] == []
    assert await graph.these([]) == {}
    assert len(queries(control)) == before


async def test_extensions_are_paged(graph, control):
    """More than a thousand rows, each once."""
    clusters = fleet(control, 1100)
    control.put_extensions(
        [{"cluster_id": str(each), "name": "azureml", "properties": {"extensionType": TYPE}} for each in clusters]
    )
    owners = [ClusterId.parse(row["cluster"]) async for row in graph.extension_rows([FIRST])]

    assert sorted(owners) == sorted(clusters)
    assert len(queries(control)) == 2


async def test_a_result_that_is_cut_short_is_an_error(graph, control):
    """A fleet by half would make the other half look deleted."""
    fleet(control, 1)
    cut = {"totalRecords": 2, "count": 1, "data": [], "facets": [], "resultTruncated": "true"}
    control.add_fault(service="resource-graph", kind="status", status=200, body=cut)
    with pytest.raises(Unavailable, match="cut a result short"):
        [cluster async for cluster in graph.clusters([FIRST])]


async def test_a_page_that_fails_fails_the_reading(graph, control):
    """The second page answers 503: nothing is taken for the whole."""
    fleet(control, 1001)
    control.add_fault(service="resource-graph", kind="status", status=503, skip=1)
    with pytest.raises(Unavailable):
        [cluster async for cluster in graph.clusters([FIRST])]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 403}, NotAuthorized),
        ({"kind": "status", "status": 400}, Refused),
        ({"kind": "status", "status": 500}, Unavailable),
        ({"kind": "reset"}, Unavailable),
        ({"kind": "timeout"}, Unavailable),
    ],
)
async def test_failures_have_their_errors(impatient, control, fault, kind):
    """As with Resource Manager."""
    (cluster,) = fleet(control, 1)
    control.add_fault(service="resource-graph", **fault)
    with pytest.raises(kind):
        await ResourceGraph(impatient).these([cluster])


async def test_management_groups_are_told_nearest_first_in_lower_case(graph, control):
    """For every subscription that can be read; one in no group has the tenant's root alone or none."""
    control.add_subscription(FIRST, ["ML-Platform", "Corp"])
    control.add_subscription(SECOND, [])
    found = await graph.ancestors()

    assert found[FIRST][:2] == ("ml-platform", "corp")
    assert "ml-platform" not in found[SECOND]


async def test_a_refused_subscription_is_not_seen(graph, control):
    """Whoever may read nothing there sees nothing of it."""
    fleet(control, 1)
    control.deny(FIRST)

    assert [cluster async for cluster in graph.clusters([FIRST])] == []


# Quota


async def test_the_last_queries_of_a_window_are_left_to_the_sweep(arm, control):
    """Fifteen in five seconds: below three left, single looks are told to ask Resource Manager."""
    (cluster,) = fleet(control, 1)
    time = 100.0
    graph = ResourceGraph(arm, monotonic=lambda: time)
    lookup = Lookup(graph)
    for _ in range(12):
        assert not graph.low_on_quota()
        await graph.these([cluster])
    assert not graph.low_on_quota()
    await graph.these([cluster])
    assert graph.low_on_quota()
    with pytest.raises(Throttled):
        await lookup.cluster(cluster)
    assert len(queries(control)) == 13
    time += 6
    assert not graph.low_on_quota()


async def test_a_refused_query_stops_those_after_it(arm, control):
    """429: until the window ends nobody asks again."""
    (cluster,) = fleet(control, 1)
    time = 100.0
    graph = ResourceGraph(arm, monotonic=lambda: time)
    control.graph(quota=0)
    with pytest.raises(Throttled) as raised:
        await graph.these([cluster])

    assert raised.value.retry_after is not None
    assert graph.low_on_quota()
    time += raised.value.retry_after + 0.1
    assert not graph.low_on_quota()


async def test_a_refusal_reads_the_same_each_time(arm, control):
    """It stands in reasons that are kept and compared: Azure's moment and correlation id are no part of it."""
    (cluster,) = fleet(control, 1)
    control.graph(quota=0)
    told = []
    for _ in range(2):
        with pytest.raises(Throttled) as raised:
            await ResourceGraph(arm).these([cluster])
        told.append(raised.value.message)

    assert told == ["Azure refused to query Resource Graph: 429 RateLimiting."] * 2


# Look-ups


async def test_wishes_at_the_same_time_share_one_query(graph, control):
    """Forty clusters, one of them asked for twice, one that is not there: one query."""
    clusters = fleet(control, 40)
    lookup = Lookup(graph)
    missing = ClusterId(FIRST, "rg-ml", clusters[0].kind, "missing")
    found = await asyncio.gather(*(lookup.cluster(each) for each in [*clusters, clusters[0], missing]))

    assert [each.id for each in found[:-1]] == [*clusters, clusters[0]]
    assert found[-1] is None
    assert len(queries(control)) == 1


async def test_a_query_holds_a_hundred_ids_at_most(graph, control):
    """Two hundred and fifty wishes: two full queries at once, the rest after the window."""
    clusters = fleet(control, 250)
    lookup = Lookup(graph)
    found = await asyncio.gather(*(lookup.cluster(each) for each in clusters))

    assert [each.id for each in found] == clusters
    assert len(queries(control)) == 3
    assert BATCH == 100


async def test_a_later_wish_opens_a_window_of_its_own(graph, control):
    """Answers are never old ones: what changed between is seen."""
    (cluster,) = fleet(control, 1)
    lookup = Lookup(graph)
    before = await lookup.cluster(cluster)
    control.set_tags(str(cluster), {"a": "b"})
    after = await lookup.cluster(cluster)

    assert (dict(before.tags), dict(after.tags)) == ({}, {"a": "b"})
    assert len(queries(control)) == 2


async def test_a_failure_reaches_everybody_who_waits_and_nobody_after(graph, control):
    """Each wish of the window gets the error; the next window asks anew."""
    clusters = fleet(control, 3)
    lookup = Lookup(graph)
    control.add_fault(service="resource-graph", kind="status", status=503, times=1)
    failed = await asyncio.gather(*(lookup.cluster(each) for each in clusters), return_exceptions=True)

    assert [type(each) for each in failed] == [Unavailable] * 3
    assert (await lookup.cluster(clusters[0])).id == clusters[0]


async def test_a_wish_that_is_cancelled_does_not_harm_the_others(graph, control):
    """The host ends one invocation; the rest of the window get their answers."""
    clusters = fleet(control, 3)
    lookup = Lookup(graph)
    wishes = [asyncio.ensure_future(lookup.cluster(each)) for each in clusters]
    await asyncio.wait(wishes, timeout=0.02)
    wishes[1].cancel()
    found = await asyncio.gather(*wishes, return_exceptions=True)

    assert isinstance(found[1], asyncio.CancelledError)
    assert [found[0].id, found[2].id] == [clusters[0], clusters[2]]


async def test_names_with_quotes_find_themselves_alone(graph, control):
    """Ids go through the escape: a hostile name is compared, never run."""
    clusters = fleet(control, 2)
    hostile = ClusterId(FIRST, "rg-ml') or true or ('", clusters[0].kind, "c\\' or true //")

    assert await graph.these([hostile]) == {}
    assert set(await graph.these([clusters[0], hostile])) == {clusters[0]}
