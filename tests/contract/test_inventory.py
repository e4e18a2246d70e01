"""The fleet as lists show it: the last snapshot with what was looked at since, by few requests of storage."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import batched

import pytest

from bench.storage_log import StorageLog
from devhost.azurite import Azurite
from shared.fleet.inventory import Inventory
from shared.fleet.snapshot import NAME, Entry, Writer
from shared.model.identity import ClusterId, Kind
from shared.model.observation import Memory
from shared.model.state import Condition, Management, State
from shared.state.documents import Documents
from shared.state.memory import MemoryTable, Row
from shared.state.storage import Storage

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
NOW = datetime.now(UTC)


def cluster(name: str) -> ClusterId:
    return ClusterId(SUBSCRIPTION, "rg", Kind.AKS, name)


def current(moment: datetime) -> Memory:
    return Memory(state=State(Management.MANAGED, Condition.CURRENT), looked_at=moment, reason="a look")


def snapshot(*names: str, as_of: datetime = NOW) -> bytes:
    """One whose clusters are all Drifted."""
    writer = Writer({"asOf": as_of.isoformat()})
    writer.add(
        SUBSCRIPTION,
        [Entry(str(cluster(each)), management="Managed", condition="Drifted", owner="ada") for each in names],
    )
    return writer.finished()


@pytest.fixture
def papers(storage, name):
    return Documents(storage.container(name))


@pytest.fixture
def inventory(papers, storage, name):
    return Inventory(papers, MemoryTable(storage.table(name)), lambda: NOW, most_newer=3)


async def seen(inventory: Inventory) -> dict[str, str]:
    """Condition by name."""
    return {entry.id.rpartition("/")[2]: entry.condition for entry in (await inventory.fleet()).entries}


async def test_nothing_is_known_yet(inventory):
    """Neither a snapshot nor a row: an empty fleet without a time."""
    fleet = await inventory.fleet()
    assert (fleet.as_of, list(fleet.entries), fleet.complete) == (None, [], True)


async def test_a_look_after_the_sweep_is_shown_and_one_before_is_not(inventory, papers):
    """By the time of the look; a cluster that the sweep did not know is there as well; the owner's name stays."""
    await papers.write_raw(NAME, snapshot("a", "b", "c"))
    await inventory.table.write(Row(cluster("a")), current(NOW + timedelta(seconds=5)))
    await inventory.table.write(Row(cluster("b")), current(NOW - timedelta(seconds=5)))
    await inventory.table.write(Row(cluster("aa")), current(NOW + timedelta(seconds=5)))

    assert await seen(inventory) == {"a": "Current", "aa": "Current", "b": "Drifted", "c": "Drifted"}
    fleet = await inventory.fleet()
    assert [entry.id for entry in fleet.entries] == sorted(entry.id for entry in fleet.entries)
    assert fleet.one(cluster("a")).owner == "ada"
    assert fleet.one(cluster("nowhere")) is None


async def test_rows_of_long_ago_are_not_read(inventory, papers):
    """However many there are: what was written before the sweep is in the snapshot."""
    rows = [await inventory.table.write(Row(cluster(f"c{number}")), current(NOW)) for number in range(5)]
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    await papers.write_raw(NAME, snapshot("c0", as_of=ahead))

    assert len(rows) == 5
    assert await seen(inventory) == {"c0": "Drifted"}
    assert (await inventory.fleet()).complete


async def test_more_changes_than_are_read_are_told(inventory, papers):
    """Three of five are overlaid, and the fleet says that it is not complete."""
    await papers.write_raw(NAME, snapshot("c0"))
    for number in range(5):
        await inventory.table.write(Row(cluster(f"c{number}")), current(NOW + timedelta(seconds=5)))
    fleet = await inventory.fleet()

    assert not fleet.complete
    assert sum(entry.condition == "Current" for entry in fleet.entries) == 3


async def test_a_newer_snapshot_takes_the_place_of_the_one_that_was_read(inventory, papers):
    """And while there is no newer one it is not sent again."""
    await papers.write_raw(NAME, snapshot("a"))
    assert await seen(inventory) == {"a": "Drifted"}
    known = inventory._read
    again = await papers.read_raw_unless(NAME, known.etag)
    await inventory.fleet()
    same = inventory._read is known
    await papers.write_raw(NAME, snapshot("b", as_of=NOW + timedelta(minutes=1)))

    assert (again.body, again.etag, same) == (b"", known.etag, True)
    assert await seen(inventory) == {"b": "Drifted"}


async def test_a_troubled_look_is_shown_too(inventory, papers):
    """Its state says Unknown; what lists group by stays."""
    await papers.write_raw(NAME, snapshot("a"))
    troubled = replace(current(NOW + timedelta(seconds=1)), state=State(Management.MANAGED, Condition.UNKNOWN))
    await inventory.table.write(Row(cluster("a")), troubled)

    assert await seen(inventory) == {"a": "Unknown"}


async def test_a_large_fleet_costs_no_more_requests(tmp_path):
    """Ten thousand clusters of which 2,500 were looked at since: the snapshot, and one page of rows; each time."""
    with Azurite(tmp_path, access_log=True) as azurite:
        async with Storage.by_connection(azurite.connection_string, queue="unused") as storage:
            table = storage.table("memory")
            papers, memories = Documents(storage.container("documents")), MemoryTable(table)
            await papers.write_raw(NAME, snapshot(*(f"c{number:05d}" for number in range(10_000))))
            await memories.write(Row(cluster("c00000")), current(NOW + timedelta(seconds=1)))
            body = (await table.get_entity(SUBSCRIPTION, cluster("c00000").key))["body"]
            keys = [cluster(f"c{number:05d}").key for number in range(1, 2_500)]
            for some in batched(keys, 100, strict=False):
                rows = [{"PartitionKey": SUBSCRIPTION, "RowKey": key, "body": body, "v": 1} for key in some]
                await table.submit_transaction([("create", row) for row in rows])
            inventory, costs = Inventory(papers, memories, lambda: NOW), []
            for _ in range(2):
                log = StorageLog(azurite.log)
                fleet = await inventory.fleet()
                costs.append(log.counts())

    assert costs == [{"blob": 1, "table": 1}] * 2
    assert (len(fleet.entries), fleet.complete) == (10_000, False)
    assert sum(entry.condition == "Current" for entry in fleet.entries) == 999
