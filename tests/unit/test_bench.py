"""The benchmark's own parts: what it counts is what was there, and its tables say it."""

import json
import os
from collections import Counter
from datetime import UTC, datetime

import pytest

from bench import clients, deciding, onboarding, sweeping
from bench.__main__ import BENCHMARKS, written
from bench.event_batches import Batch
from bench.fleet import Fleet, Size, Swept, fleet
from bench.fleet_child import Collector
from bench.machine import cpu_seconds, described, resident_mib
from bench.storage_log import StorageLog, classified
from bench.table import Table, quantile, rendered, shown
from shared.model.decision import Action
from shared.reconcile.decide import decide

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACCESS = '127.0.0.1 - - [23/Nov/2026:22:16:14 +0000] "{} /devstoreaccount1/{} HTTP/1.1" 200 -'


def small_table():
    """Two rows, with every kind of cell."""
    rows = (("first", 1234, 0.12345, None), ("a longer name", 5, 150.4, "x"))
    return Table("small", "A title", ("case", "count", "value", "else"), rows, ("A remark.",))


def test_every_case_of_decide_has_a_rate():
    """Each named observation is what its name says, and gives a positive rate on the shipped policy."""
    policy = deciding.shipped_policy()
    cases = deciding.cases(policy, NOW)
    assert {name.partition(",")[0] for name in cases} == {"not selected", "AKS", "Arc"}
    for seen in cases.values():
        assert deciding.rate(seen, policy, NOW, seconds=0.005) > 0


def test_an_installed_cluster_of_the_benchmark_is_converged():
    """What the benchmark calls installed leaves the product nothing to do, by the product's own decision."""
    policy = deciding.shipped_policy()
    seen = deciding.seen_installed(deciding.facts("arc", {"aml-onboard": "true"}, NOW), policy, NOW)
    decision = decide(seen, policy, NOW)
    assert (decision.action, decision.changes) == (Action.NOTHING, {})


def test_a_cluster_that_gets_nothing_cannot_stand_for_an_installed_one():
    """A case that is not what it claims to be is refused, so no figure can be about something else."""
    with pytest.raises(ValueError, match="nothing would be installed"):
        deciding.seen_installed(deciding.facts("aks", {}, NOW), deciding.shipped_policy(), NOW)


def test_storage_requests_are_told_apart():
    """Blobs, tables, messages sent and what a queue's reader asks are counted each for itself."""
    lines = [
        "Azurite Blob service is starting at http://127.0.0.1:1",
        ACCESS.format("PUT", "muster-leases/abc?comp=lease"),
        ACCESS.format("PUT", "muster-leases?restype=container"),
        ACCESS.format("GET", "mustermemory(PartitionKey='a',RowKey='b')"),
        ACCESS.format("GET", "musterintents()?$top=1000&$filter=PartitionKey%20eq%20'intents'"),
        ACCESS.format("POST", "musterhistory"),
        ACCESS.format("POST", "Tables"),
        ACCESS.format("POST", "$batch"),
        ACCESS.format("POST", "reconcile/messages?messagettl=-1"),
        ACCESS.format("GET", "reconcile/messages?numofmessages=16"),
        ACCESS.format("DELETE", "reconcile/messages/1?popreceipt=2"),
    ]
    assert classified(lines) == {"blob": 2, "table": 5, "send": 1, "poll": 2}


def test_the_log_counts_from_where_it_was_opened(tmp_path):
    """Requests made before are none of the measurement's."""
    path = tmp_path / "azurite.log"
    path.write_text(ACCESS.format("GET", "a/b") + "\n")
    log = StorageLog(path)
    assert log.counts() == {}
    with path.open("a") as file:
        file.write(ACCESS.format("GET", "a/c") + "\n")
    assert log.counts() == {"blob": 1}


def test_a_table_shows_every_cell_under_its_head():
    """Columns are aligned, numbers are short, what is missing is a dash, remarks stand below."""
    assert rendered([small_table()]).splitlines() == [
        "A title (small)",
        "case           count  value  else",
        "-------------  -----  -----  ----",
        "first          1,234  0.123     -",
        "a longer name      5    150     x",
        "  A remark.",
    ]


def test_numbers_keep_what_matters():
    """Whole numbers are never rounded; others keep three digits."""
    assert [shown(cell) for cell in (0, 1234567, 0.00123, 99.96, 1234.5, None)] == [
        "0",
        "1,234,567",
        "0.00123",
        "100",
        "1,234",
        "-",
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (0.9, 9), (1.0, 10)])
def test_quantiles_are_values_that_were_measured(share, expected):
    """Nearest rank: no value between two measurements is made up."""
    assert quantile([10, 1, 9, 2, 8, 3, 7, 4, 6, 5], share) == expected


def test_results_are_written_with_the_machine(tmp_path):
    """bench.json names cores, processor and Python, and each row by its columns."""
    place = tmp_path / "build" / "bench.json"
    written([small_table()], quick=True, place=place)
    body = json.loads(place.read_text())
    assert body["machine"] == described()
    assert body["tables"]["small"]["rows"][0] == {"case": "first", "count": 1234, "value": 0.12345, "else": None}


def test_the_books_of_a_process_are_read():
    """CPU time grows with work and memory is not nothing."""
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < before + 0.02:
        sum(range(10_000))
    assert 0 < resident_mib() <= resident_mib("VmHWM")


REPORT = {
    "clusters": 2000,
    "extensions": 1900,
    "asked": {"Install": 100},
    "whole": True,
    "trouble": "",
    "seconds": 3.0,
    "cpu": 0.5,
    "rssBefore": 80.0,
    "rssPeak": 100.0,
}


def swept(**changes):
    """A sweep over 2,000 clusters of which 100 lack the extension."""
    graph = Counter({"clusters": 2, "extensions": 2, "scope": 1})
    storage = Counter({"blob": 3, "table": 3, "send": 100})
    return Swept(REPORT | changes, graph, 1, Counter({"identity GET": 1}), storage)


def test_a_sweeps_row_is_told_against_its_bounds():
    """Refused queries count as calls, tokens do not, messages are apart from tables and blobs."""
    row = dict(zip(sweeping._COLUMNS, sweeping.row("x", "second", Size(2000, 2), swept(), 80.0), strict=True))

    assert row["pages c+e+s"] == "2+2+1"
    assert (row["calls/bound"], row["refused"], row["other calls"]) == (6 / 7, 1, 0)
    assert (row["table+blob"], row["storage/bound"], row["asked for"]) == (6, 6 / 13, 100)
    assert (row["CPU us/cluster"], row["growth KiB/cluster"]) == (250, 10.24)
    assert row["peak/10k peak"] == 1.25


@pytest.mark.parametrize("changes", [{"whole": False, "trouble": "no role"}, {"clusters": 1999}])
def test_a_sweep_that_did_not_see_everything_has_no_row(changes):
    """A figure of half a fleet would flatter the product."""
    with pytest.raises(RuntimeError):
        sweeping.row("x", "second", Size(2000, 2), swept(**changes))


def test_the_names_of_a_fleet_trap_a_join():
    """Ids are unique without regard to case, sort differently with and without their tails, and half are connected."""
    made = object.__new__(Fleet)
    made.size, made._subscriptions = Size(2400, 2, troubled=True), ["a", "b"]
    facts = [made._facts(number) for number in range(2400)]
    ids = {f"{one['subscription']}/{one['resource_group']}/{one['kind']}/{one['name']}".lower() for one in facts}

    assert len(ids) == 2400
    assert {"aks", "aks-1", "aks.1"} <= {one["name"] for one in facts}
    assert all(one["kind"] == "arc" for one in facts if "." in one["name"])
    assert 0.4 < sum(one["kind"] == "arc" for one in facts) / 2400 < 0.6
    assert sum("env" in one["tags"] for one in facts) == made.size.stands()["held"] == 120
    assert made.size.stands() == {"current": 2160, "held": 120, "quarantined": 120}


async def test_memories_are_written_a_hundred_at_a_time():
    """A transaction of the table service takes rows of one partition, no more than a hundred."""
    sent = []

    class Table:
        async def submit_transaction(self, operations):
            sent.append({row["PartitionKey"] for _, row in operations} | {len(operations)})

    collector = Collector()
    for number in range(250):
        await collector.create_entity({"PartitionKey": "b" if number % 5 else "a", "RowKey": str(number)})
    await collector.write(Table())

    assert sorted(sent, key=repr) == sorted([{"a", 50}, {"b", 100}, {"b", 100}], key=repr)


def entry(method, service, status=200, *, at=0.0, cluster=1):
    """A line of the simulator's log."""
    path = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/{cluster}"
    if service == "extensions":
        path += "/providers/Microsoft.KubernetesConfiguration/extensions/azureml"
    return {"method": method, "service": service, "status": status, "at": at, "path": path}


def test_the_books_of_an_onboarding():
    """Accepted calls go to their bucket, refused ones to none; an install is done once seen after its end."""
    books = onboarding.Books()
    for one in (
        entry("GET", "clusters"),
        entry("PUT", "extensions", 429),
        entry("PUT", "extensions", 201, at=5.0),
        entry("GET", "extensions", at=6.0),
        entry("POST", "credentials", at=7.0),
        {**entry("POST", "resource-graph"), "path": "/providers/Microsoft.ResourceGraph/resources"},
    ):
        books.take(one)
    early = set(books.done)
    books.take(entry("GET", "extensions", at=26.0))

    assert books.counted() == {"reads": 3, "writes": 2, "credentials": 1}
    assert books.counted(5.0) == {"reads": 1, "writes": 1}
    assert (books.refused, books.asked, books.again) == ({"extensions": 1}, 7, 0)
    assert (early, len(books.done)) == (set(), 1)


def test_the_floor_is_the_slowest_buckets():
    """Documented sizes and refills: a thousand installs are bound by their reads, or by a credential each."""
    assert onboarding.ideal(1000) == 110
    assert onboarding.ideal(50) == 0
    assert onboarding.floor({"reads": 2000, "writes": 1000}) == (80, "writes")
    assert onboarding.floor({"reads": 2000, "writes": 2000, "credentials": 1000}) == (940, "credentials")


def test_clients_are_told_against_muster():
    """Per cluster on both sides, and without what a process costs before it does anything."""
    batch = Batch(events=2, calls=[3.0, 3.0], shared=Counter({"resource-graph": 1}), cpu=[0.02], seconds=[0.1, 0.2])
    made = clients.Clients(cpu=[0.2], imports=[0.19], seconds=[0.5], calls=3)

    own, client, bare = clients.rows(batch, made)

    assert own[1:6] == (2, 20, 1.0, 3.5, 1.0)
    assert client[2:6] == pytest.approx((200, 10, 3, 3 / 3.5))
    assert bare[2:4] == pytest.approx((10, 0.5))


def test_every_part_can_be_asked_for():
    """The parts that docs/performance.md names."""
    assert list(BENCHMARKS) == ["cold", "package", "event", "step", "client", "onboard", "decide", "page", "sweep"]


@pytest.mark.scenario
def test_a_small_fleet_stands_as_the_product_would_leave_it(tmp_path):
    """Installed, held and quarantined clusters are planted so that sweeps find nothing to do; lost ones are found."""
    size = Size(80, 2, troubled=True)
    with fleet(tmp_path, size) as made:
        first, second = made.sweep(), made.sweep()
        lost = made.lose()
        third = made.sweep()

    assert made.stands == {"current": 72, "held": 4, "quarantined": 4}
    for one in (first, second):
        assert sweeping.row("x", "any", size, one)[10] == 0
        assert (one.graph["clusters"], one.graph["extensions"], one.refused) == (1, 1, 0)
    assert sum(third.report["asked"].values()) == lost == 4
    assert third.storage["send"] == 4
