"""Small documents on real blobs: compare and swap, conditional reads, damage."""

import pytest

from shared.errors import StorageError
from shared.state.documents import DocumentChanged, Documents


@pytest.fixture
def papers(storage, name):
    """Documents in a container that does not exist yet."""
    return Documents(storage.container(name))


async def test_a_document_comes_back_as_it_was_written(papers):
    """Nested names, letters of any script; nothing is None."""
    assert await papers.read("policy/current.json") is None
    await papers.write("policy/current.json", {"a": [1, None, "Zürich 東京"]})

    assert (await papers.read("policy/current.json")).body == {"a": [1, None, "Zürich 東京"]}


async def test_an_unchanged_document_is_not_read_again(papers, storage, name):
    """The one that is known comes back; a changed one is read; a deleted one is None."""
    await papers.write("x", 1)
    known = await papers.read("x")
    assert await papers.read("x", known=known) is known
    await papers.write("x", 2)
    assert (await papers.read("x", known=known)).body == 2
    await storage.container(name).delete_blob("x")
    assert await papers.read("x", known=known) is None


async def test_a_document_is_swapped_only_over_the_version_that_was_read(papers):
    """The second of two writers learns that it was late, and its text is nowhere."""
    await papers.write("x", "first")
    read = await papers.read("x")
    await papers.write("x", "second", over=read)
    with pytest.raises(DocumentChanged):
        await papers.write("x", "third", over=read)

    assert (await papers.read("x")).body == "second"


async def test_a_fresh_document_replaces_nothing(papers):
    """Of two first writers one is late."""
    await papers.write("x", "first", fresh=True)
    with pytest.raises(DocumentChanged):
        await papers.write("x", "second", fresh=True)

    assert (await papers.read("x")).body == "first"


async def test_a_document_that_is_gone_is_not_swapped(papers, storage, name):
    """Deleted since it was read: that is a change, too."""
    await papers.write("x", 1)
    read = await papers.read("x")
    await storage.container(name).delete_blob("x")
    with pytest.raises(DocumentChanged):
        await papers.write("x", 2, over=read)


@pytest.mark.parametrize("raw", [b"", b"{}", b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff"])
async def test_a_damaged_document_is_named(papers, storage, name, raw):
    """Cut short, or no document of ours: a storage error that says which one, and what to do."""
    await papers.write("x", 1)
    await storage.container(name).upload_blob("x", raw, overwrite=True)
    with pytest.raises(StorageError, match=r"document x .* Restore it"):
        await papers.read("x")
