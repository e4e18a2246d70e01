"""People's words on real Azurite: a table, its mirror, and one from the other."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import IntentsUnreadable, Retry
from shared.model.identity import ClusterId, Kind
from shared.model.intent import Intent, Word
from shared.state.intents import Intents
from shared.state.storage import Storage

NOW = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CLUSTER = ClusterId("11111111-1111-1111-1111-111111111111", "rg", Kind.ARC, "edge-1")
OTHER = replace(CLUSTER, name="edge-2")
ENROL = Intent(
    CLUSTER,
    Word.ENROL,
    "eva",
    "größer",
    NOW,
    profile="training",
    settings={"installVolcano": "false"},
    until=NOW + 30 * DAY,
    incarnation="first",
)
REMOVE = Intent(OTHER, Word.REMOVE, "eva", "not needed", NOW, accept_disruption=True)


@pytest.fixture
def intents(storage, name):
    """A store whose table and container do not exist yet."""
    return Intents(storage.table(name), storage.container(name))


async def lines(storage, name):
    """The mirror's lines, month by month."""
    container = storage.container(name)
    names = sorted([blob.name async for blob in container.list_blobs()])
    return {each: (await (await container.download_blob(each)).readall()).splitlines() for each in names}


async def test_a_word_comes_back_as_it_was_given(intents):
    """Every field; the last word counts; a cluster that nobody spoke of has none."""
    assert await intents.of(CLUSTER) is None
    assert await intents.all() == {}
    await intents.put(replace(ENROL, profile="before"))
    await intents.put(ENROL)
    await intents.put(REMOVE)

    assert await intents.of(CLUSTER) == ENROL
    assert await intents.all() == {CLUSTER: ENROL, OTHER: REMOVE}


async def test_a_word_is_withdrawn_once(intents):
    """The second time there is nothing to withdraw; another cluster's word stays."""
    await intents.put(ENROL)
    await intents.put(REMOVE)

    assert await intents.withdraw(CLUSTER, NOW + DAY)
    assert not await intents.withdraw(CLUSTER, NOW + DAY)
    assert await intents.all() == {OTHER: REMOVE}


@pytest.mark.parametrize("first_asked", ["of", "all", "withdraw", "put"])
async def test_a_lost_table_is_restored_from_the_mirror(intents, storage, name, first_asked):
    """Whoever asks first: nobody ever sees an empty table, and what was withdrawn stays withdrawn."""
    third = replace(ENROL, cluster=replace(CLUSTER, name="edge-3"))
    for word in (ENROL, REMOVE, third):
        await intents.put(word)
    await intents.withdraw(third.cluster, NOW + 40 * DAY)
    await storage.table(name).delete_table()

    if first_asked == "of":
        assert await intents.of(OTHER) == REMOVE
    elif first_asked == "withdraw":
        assert not await intents.withdraw(third.cluster, NOW + DAY)
    elif first_asked == "put":
        await intents.put(replace(ENROL, why="again"))
        assert (await intents.of(CLUSTER)).why == "again"
        await intents.put(ENROL)
    assert await intents.all() == {CLUSTER: ENROL, OTHER: REMOVE}


async def test_the_mirror_grows_a_blob_a_month(intents, storage, name):
    """Append-only: every word and every withdrawal is a line, and stays one."""
    await intents.put(ENROL)
    await intents.withdraw(CLUSTER, NOW + DAY)
    await intents.put(replace(REMOVE, at=NOW + 15 * DAY))

    found = await lines(storage, name)
    assert {blob: len(content) for blob, content in found.items()} == {"2026-08.jsonl": 2, "2026-09.jsonl": 1}


async def test_first_words_of_a_month_at_the_same_moment_are_all_mirrored(intents, storage, name):
    """Nobody's beginning of the blob replaces what another one has written."""
    await intents.all()
    words = [replace(ENROL, cluster=replace(CLUSTER, name=f"e{number}")) for number in range(12)]
    await asyncio.gather(*map(intents.put, words))

    (content,) = (await lines(storage, name)).values()
    assert len(content) == len(words)
    await storage.table(name).delete_table()
    assert set(await intents.all()) == {word.cluster for word in words}


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"key": "x"}', b"\xff\xfe"])
async def test_a_damaged_mirror_closes_the_store_and_names_the_line(intents, storage, name, damage):
    """A table that was lost is not refilled by half: nothing may be written until the blob is restored."""
    await intents.put(ENROL)
    blob = storage.container(name).get_blob_client("2026-08.jsonl")
    await blob.append_block(damage + b"\n")
    await storage.table(name).delete_table()

    for _ in range(2):
        with pytest.raises(IntentsUnreadable, match=r"Line 2 of 2026-08\.jsonl"):
            await intents.of(CLUSTER)
    with pytest.raises(IntentsUnreadable):
        await intents.put(REMOVE)


async def test_a_whole_table_is_read_without_its_mirror(intents, storage, name):
    """The mirror is for the day when the table is lost, not for every look."""
    await intents.put(ENROL)
    await storage.container(name).delete_container()

    assert await intents.of(CLUSTER) == ENROL
    assert (await intents.all())[CLUSTER] == ENROL


async def test_a_word_that_this_version_cannot_read_closes_the_store(intents, storage, name):
    """It may say "remove": taking it for no word could install over it."""
    await intents.put(ENROL)
    await storage.table(name).upsert_entity(
        {"PartitionKey": "intents", "RowKey": CLUSTER.key, "body": '{"word": "invented"}'}
    )
    with pytest.raises(IntentsUnreadable) as raised:
        await intents.of(CLUSTER)

    assert raised.value.retry is Retry.LATER
    with pytest.raises(IntentsUnreadable):
        await intents.all()


async def test_an_outage_closes_the_store():
    """Nobody listens there: that is not "nobody has asked for anything"."""
    dead = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=aGk=;"
        "BlobEndpoint=http://127.0.0.1:9/d;QueueEndpoint=http://127.0.0.1:9/d;TableEndpoint=http://127.0.0.1:9/d;"
    )
    async with Storage.by_connection(dead, queue="q") as storage:
        store = Intents(storage.table("t"), storage.container("c"))
        with pytest.raises(IntentsUnreadable, match="nothing is written to any cluster"):
            await store.of(CLUSTER)
        with pytest.raises(IntentsUnreadable):
            await store.all()
