"""The audit trail on real storage: nothing is lost, nothing stands there twice, and nobody forks it."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AsyncBlobs

from bench.crash_points import Life, mortal
from shared.fleet.auditing import Auditor
from shared.model.audit import Kind, recorded
from shared.model.identity import ClusterId
from shared.model.observation import Memory
from shared.state.audit import LARGEST_BLOCK, AuditTrail
from shared.state.audit_outbox import AuditOutbox
from shared.state.memory import MemoryChanged, MemoryTable, Row
from tests.contract.audits import raw_days, trail_of

NOW = datetime(2026, 11, 27, 23, 50, tzinfo=UTC)
_LATER = count()


def cluster(number, subscription=1):
    """A cluster's id."""
    return ClusterId.parse(
        f"/subscriptions/{subscription:08x}-1111-1111-1111-111111111111/resourceGroups/rg/providers/"
        f"Microsoft.ContainerService/managedClusters/c{number}"
    )


def record(about, **more):
    """A record of a moment of its own."""
    at = NOW + timedelta(milliseconds=next(_LATER))
    return recorded(at, Kind.DECISION, str(about), "Install", by="muster", **more)


class Place:
    """A table of memories with its outbox, and a trail, of one test."""

    def __init__(self, storage, connection, name):
        self.connection, self.name, self.now = connection, name, NOW
        self.table = MemoryTable(storage.table(name))
        self.outbox = AuditOutbox(storage.table(name))
        self.trail = AuditTrail(storage.container(name))

    def auditor(self, trail=None):
        return Auditor(self.outbox, trail or self.trail, lambda: self.now)

    async def partitions(self):
        found = set()
        async for _ in self.table.stored(found):
            pass
        return found

    async def sweep(self):
        await self.auditor().run(await self.partitions())

    async def wait(self, about, *records):
        """Records wait, as a look leaves them."""
        await self.table.write(await self.table.read(about), Memory(), records)

    def records(self):
        return trail_of(self.connection, self.name)


@pytest.fixture
def place(storage, azurite, name):
    """Storage of the test's own."""
    return Place(storage, azurite, name)


def ids(records):
    return Counter(each["id"] for each in records)


async def test_what_waits_is_appended_once_and_waits_no_longer(place):
    """In the order of time, whole; a second sweep finds nothing to do."""
    first, second = record(cluster(1), sent="accepted", keys=("a", "b")), record(cluster(2))
    word = recorded(NOW - timedelta(hours=1), Kind.WORD, "fleet", "Pause", by="ada", who="ada", word="pause-1")
    await place.outbox.put(word)
    await place.wait(cluster(2), second)
    await place.wait(cluster(1), first)
    assert await place.partitions() == {"!fleet", cluster(1).subscription}
    await place.sweep()

    told = [word.plain(), first.plain() | {"keys": ["a", "b"]}, second.plain()]
    assert place.records() == told
    assert await place.partitions() == set()
    assert {row.cluster async for row in place.table.all()} == {cluster(1), cluster(2)}


async def test_nothing_is_asked_of_storage_where_nothing_waits(place):
    """Not one request."""
    with mortal():
        life = Life()
        await life.live(place.auditor().run(set()))

    assert life.requests == 0


async def test_a_day_goes_on_from_the_day_before(place):
    """Its first line names the hash of the last one; a day on which nothing happened has no blob."""
    await place.wait(cluster(1), record(cluster(1)))
    await place.sweep()
    place.now += timedelta(days=2)
    await place.wait(cluster(1), record(cluster(1)), record(cluster(1)))
    await place.sweep()

    assert [(day, raw.count(b"\n")) for day, raw in raw_days(place.connection, place.name).items()] == [
        ("2026-11-27", 1),
        ("2026-11-29", 2),
    ]
    assert len(place.records()) == 3
    assert await place.trail.days() == ["2026-11-27", "2026-11-29"]


async def test_a_day_that_was_begun_and_not_written_breaks_nothing(place):
    """A writer died between making the blob and its first block."""
    await place.wait(cluster(1), record(cluster(1)))
    await place.sweep()
    place.now += timedelta(days=1)
    with BlobServiceClient.from_connection_string(place.connection) as blobs:
        blobs.get_blob_client(place.name, "2026-11-28.jsonl").create_append_blob()
    await place.wait(cluster(1), record(cluster(1)))
    await place.sweep()

    assert len(place.records()) == 2


@pytest.mark.parametrize("after", [False, True], ids=["before-it-is-sent", "after-it-took-effect"])
@pytest.mark.parametrize("begun", [False, True], ids=["on-a-new-day", "on-a-day-that-is-begun"])
async def test_a_writer_may_die_at_any_request(place, after, begun):
    """The next one leaves a whole chain in which every record stands once, and nothing waits."""
    written = []
    with mortal():
        for dies_at in range(1, 40):
            if not begun:
                place.now += timedelta(days=1)
            for subscription in (1, 2, 3):
                about = cluster(1, subscription)
                more = [record(about) for _ in range(3)]
                await place.wait(about, *more)
                written += more
            life = Life(dies_at=dies_at, after=after)
            await life.live(place.sweep())
            await place.sweep()
            await life.bury()

            assert (dies_at, await place.partitions()) == (dies_at, set())
            assert ids(place.records()) == Counter(each.id for each in written), dies_at
            if life.requests < dies_at:
                break
    assert life.requests < dies_at
    assert dies_at > 8


async def test_many_writers_at_once_neither_fork_nor_lose(place):
    """Each appends where it read the end, or not at all; together they bring everything in, once."""
    for round_ in range(4):
        for subscription in range(1, 6):
            about = cluster(round_, subscription)
            await place.wait(about, *(record(about) for _ in range(4)))
        partitions = await place.partitions()
        await asyncio.gather(*(place.auditor().run(partitions) for _ in range(6)))
    await place.sweep()

    assert len(place.records()) == 4 * 5 * 4
    assert set(ids(place.records()).values()) == {1}
    assert await place.partitions() == set()


async def test_of_two_who_read_the_same_end_one_is_refused(place):
    """On a day that is begun, and on one that neither has begun."""
    for _ in range(2):
        one, other = [await place.trail.end(place.now.date().isoformat()) for _ in range(2)]
        assert await place.trail.append(one, [record(cluster(1))]) is not None
        assert await place.trail.append(other, [record(cluster(2))]) is None

    assert [each["subject"] for each in place.records()] == [str(cluster(1))] * 2


async def test_a_trail_that_is_away_costs_a_line_of_log_and_no_record(place, caplog):
    """Everything waits, the sweep goes on; once the trail is back all of it stands there."""
    caplog.set_level("INFO")
    told = [record(cluster(number)) for number in range(3)]
    for number, each in enumerate(told):
        await place.wait(cluster(number), each)
    nowhere = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:9/a;"
    async with AsyncBlobs.from_connection_string(nowhere, retry_total=0) as blobs:
        away = AuditTrail(blobs.get_container_client("muster-audit"))
        await place.auditor(away).run(await place.partitions())
    assert '"event": "audit-unwritten"' in caplog.text
    assert await place.partitions() == {cluster(1).subscription}
    await place.sweep()

    assert ids(place.records()) == Counter(each.id for each in told)


@pytest.mark.parametrize("garbage", [b"not ours\n", b"not ours", b'{"n":1}\n'])
async def test_a_trail_that_somebody_spoiled_goes_on_and_shows_it(place, caplog, garbage):
    """Nothing waits for ever on what nobody can take out of an immutable blob; verifying stops at the spoiled line."""
    await place.wait(cluster(1), record(cluster(1)))
    await place.sweep()
    with BlobServiceClient.from_connection_string(place.connection) as blobs:
        blobs.get_blob_client(place.name, "2026-11-27.jsonl").append_block(garbage)
    await place.wait(cluster(1), record(cluster(1)))
    await place.sweep()
    await place.wait(cluster(1), record(cluster(1)))
    await place.sweep()

    assert await place.partitions() == set()
    assert '"event": "audit-broken"' in caplog.text
    assert raw_days(place.connection, place.name)["2026-11-27"].count(b'"subject"') == 3
    with pytest.raises(AssertionError, match=r"line 2.*its hash is not"):
        place.records()


async def test_a_day_of_a_hundred_thousand_installations_fits_into_a_blob(place):
    """Blocks of a thousand records, none too large however long the sentences: far from 50,000 blocks a day."""
    subscriptions, each_has = range(1, 21), 150
    for subscription in subscriptions:
        about = cluster(1, subscription)
        for number in range(0, each_has, 50):
            long = "\u2028" * 2000 if number == 0 else "r" * 300
            await place.wait(about, *(record(about, reason=long) for _ in range(50)))
    await place.sweep()
    with BlobServiceClient.from_connection_string(place.connection) as blobs:
        blob = blobs.get_blob_client(place.name, "2026-11-27.jsonl").get_blob_properties()
    records, blocks = len(place.records()), blob.append_blob_committed_block_count

    assert records == len(subscriptions) * each_has
    lines, offset, pages = [], 0, 0
    while offset is not None:
        some, offset = await place.trail.page("2026-11-27", offset)
        lines, pages = lines + some, pages + 1
    assert b"\n".join([*lines, b""]) == raw_days(place.connection, place.name)["2026-11-27"]
    assert pages > 2
    assert blocks <= 2 * (records // 1000 + blob.size // LARGEST_BLOCK) + 1
    assert blob.size / blocks <= LARGEST_BLOCK
    # Eight records for each cluster, every one of them as large as here on the average, and a sweep every minute.
    assert 100_000 * 8 * blocks / records + 24 * 60 < 50_000


async def test_a_memory_and_its_records_are_written_together_or_not_at_all(place):
    """Where the row has changed meanwhile, or is there already, no record of that look waits."""
    row = await place.table.write(Row(cluster(1)), Memory(), [record(cluster(1))])
    with pytest.raises(MemoryChanged):
        await place.table.write(Row(cluster(1)), Memory(), [record(cluster(1))])
    newer = await place.table.write(row, Memory(profile="new"), [record(cluster(1))])
    with pytest.raises(MemoryChanged):
        await place.table.write(row, Memory(profile="old"), [record(cluster(1))])
    with pytest.raises(MemoryChanged):
        await place.table.write(Row(cluster(9), etag=newer.etag), Memory(), [record(cluster(9))])
    assert (await place.table.read(cluster(1))).memory.profile == "new"
    assert (await place.table.write(newer, Memory())).etag != newer.etag
    await place.sweep()

    assert len(place.records()) == 2


async def test_what_is_forgotten_leaves_its_records(place):
    """With the row, or where there is none, or not even a table."""
    await place.table.forget(cluster(1), [record(cluster(1))])
    await place.table.write(Row(cluster(2)), Memory())
    await place.table.forget(cluster(2), [record(cluster(2))])
    await place.table.forget(cluster(3))
    assert [row async for row in place.table.all()] == []
    await place.sweep()

    assert [each["subject"] for each in place.records()] == [str(cluster(1)), str(cluster(2))]


async def test_a_row_that_cannot_be_read_holds_nothing_up(place, storage):
    """It is told as such in the trail, and goes."""
    table = storage.table(place.name)
    await place.wait(cluster(1), record(cluster(1)))
    row = f"!audit:20261127T000000000000:{'0' * 24}"
    await table.create_entity({"PartitionKey": cluster(1).subscription, "RowKey": row, "body": "{"})
    await place.sweep()

    assert {each["action"] for each in place.records()} == {"Install", "Unreadable"}
    assert await place.partitions() == set()


# The last day


def writes(line):
    """Whether a line tells of what was sent."""
    return b'"sent":"decided"' not in line


async def append(place, records, day=NOW):
    """One block of a day, whatever is in it."""
    end = await place.trail.end(f"{day:%Y-%m-%d}")
    assert await place.trail.append(end, records) is not None


def at(moment, number, **more):
    """A record of a moment."""
    return recorded(moment, Kind.DECISION, str(cluster(number)), "Install", by=f"i{number}", **more)


async def test_a_write_is_found_behind_a_thousand_looks_after_it(place):
    """The last day reaches over midnight, and whatever tells nothing takes no place."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    early = [at(NOW - 25 * hour, 1, sent="accepted"), at(NOW - 23 * hour, 2, sent="accepted")]
    await append(place, early, NOW - day)
    looks = [at(NOW - hour + timedelta(seconds=n), 3, sent="decided", reason="x" * 800) for n in range(1000)]
    for start in range(0, len(looks), 500):
        await append(place, looks[start : start + 500])
    await append(place, [at(NOW, 4, sent="accepted"), at(NOW, 5, sent="accepted")])
    latest = await place.trail.latest(NOW - day, NOW, writes, 2)

    assert (latest.found, latest.cut) == (3, False)
    assert {each["subject"][-2:] for each in latest.records} == {"c4", "c5"}
    assert [each["subject"][-2:] for each in (await place.trail.latest(NOW - day, NOW, writes, 9)).records][2:] == [
        "c2"
    ]


async def test_a_day_that_is_larger_than_what_is_read_is_cut_and_says_so(place):
    """However much was written, reading ends after a bounded number of requests."""
    await append(place, [at(NOW - timedelta(hours=2), 1, sent="accepted")])
    looks = [at(NOW - timedelta(seconds=n), 3, sent="decided", reason="x" * 1900) for n in range(1500, 0, -1)]
    for start in range(0, len(looks), 400):
        await append(place, looks[start : start + 400])
    latest = await place.trail.latest(NOW - timedelta(days=1), NOW, writes, 9)

    assert (latest.records, latest.found, latest.cut) == ([], 0, True)


async def test_a_line_that_was_changed_is_not_told_and_no_trail_is_no_error(place):
    """What does not carry its own hash never happened."""
    assert (await place.trail.latest(NOW - timedelta(days=1), NOW, writes, 9)).records == []
    await append(place, [at(NOW, 1, sent="accepted")])
    blob = place.trail._blob(f"{NOW:%Y-%m-%d}")
    line = await (await blob.download_blob()).readall()
    await blob.append_block(line.replace(b"accepted", b"ACCEPTED").replace(b'"id":"', b'"id":"0'))
    latest = await place.trail.latest(NOW - timedelta(days=1), NOW, writes, 9)

    assert [each["sent"] for each in latest.records] == ["accepted"]
