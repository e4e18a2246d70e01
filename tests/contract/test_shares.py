"""How instances learn of each other through storage."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from shared.state.documents import Documents
from shared.state.shares import NAME, Shares


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: datetime = datetime(2026, 11, 26, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def documents(storage, name) -> Documents:
    """A container of the test's own."""
    return Documents(storage.container(name))


async def test_instances_share_what_azure_allows_and_one_that_ended_is_forgotten(documents):
    """Alone it has all; two have a half each; a minute after the other fell silent it has all again."""
    clock = Clock()
    first, second = Shares(documents, clock), Shares(documents, clock)
    await first.tell()
    alone = first.of_all()
    await second.tell()
    third = Shares(documents, clock)
    await third.tell()
    clock.now += timedelta(seconds=61)
    last = Shares(documents, clock)
    await last.tell()

    assert (alone, second.of_all(), third.of_all(), last.of_all()) == (1.0, 1 / 2, 1 / 3, 1.0)


async def test_an_instance_tells_of_itself_seldom(documents):
    """Looks come by the hundred; the document is written once in twenty seconds."""
    shares = Shares(documents, Clock())
    await shares.tell()
    before = (await documents.read(NAME)).etag
    for _ in range(5):
        await shares.tell()
    assert (await documents.read(NAME)).etag == before


async def test_a_document_that_cannot_be_read_stops_nobody(documents):
    """It is made anew by deleting it; until then each keeps the share that it knew."""
    await documents.write_raw(NAME, b"rubbish")
    shares = Shares(documents, Clock())
    await shares.tell()
    assert shares.of_all() == 1.0
