"""The fleet as lists show it: the last snapshot with what was looked at since, by few requests of storage."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.fleet.inventory import Inventory
from shared.fleet.snapshot import NAME, Entry, Writer
from shared.model.identity import ClusterId, Kind
from shared.model.observation import Memory
from shared.model.state import Condition, Management, State
from shared.state.documents import Documents
from shared.state.memory import MemoryTable, Row

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
