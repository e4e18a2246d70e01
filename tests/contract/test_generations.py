"""The policy in force: real files, real blobs, a clock of the test's own."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest

from shared.azure.blob_text import BlobTexts
from shared.errors import ConfigurationError, PolicyError, StorageError
from shared.reconcile.generations import CURRENT, REFUSED, Generations
from shared.reconcile.policy_source import PolicySource
from shared.state.documents import Documents

START = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROFILE = (
    "version: 1\nprofiles:\n  {name}: {{settings: {{enableTraining: true}}}}\nrules: [{{name: all, profile: {name}}}]\n"
)
WRONG = "version: 1\nprofiles: {a: {settings: {enableTrainin: true}}}\nrules: [{name: all, profile: a}]\n"


class Package:
    """A deployed package: a policy file with the time it was written, and one instance that runs from it."""

    def __init__(self, path, documents, clock):
        self.path, self.time = path, 0.0
        self._documents, self._clock = documents, clock
        self.restart()

    def restart(self):
        """A new instance of the same package, knowing nothing."""
        source = PolicySource(str(self.path), BlobTexts(None))
        self.generations = Generations(source, self._documents, self._clock, monotonic=lambda: self.time)

    def write(self, text, at=START):
        """Write the policy file."""
        self.path.write_text(text)
        os.utime(self.path, (at.timestamp(), at.timestamp()))
        return self

    def profile(self, name, at=START):
        """Write a valid policy with one profile."""
        return self.write(PROFILE.format(name=name), at)

    async def now(self, **at_least):
        """Generation and profile in force, past what is still fresh."""
        self.time += 60
        policy = await self.generations.current(**at_least)
        return policy.generation, next(iter(policy.profiles))


@pytest.fixture
def documents(storage, name):
    """The documents that all instances share."""
    return Documents(storage.container(name))


@pytest.fixture
def package(tmp_path, documents):
    """Makes packages on the same storage."""
    now = START

    def clock():
        nonlocal now
        now += timedelta(seconds=1)
        return now

    def made(name="a"):
        return Package(tmp_path / f"{name}.yaml", documents, clock)

    return made


async def test_the_first_document_is_generation_one(package, documents):
    """It is kept with its text, and stays in force while nothing changes."""
    one = package().profile("alpha")

    assert await one.now() == (1, "alpha")
    assert await one.now() == (1, "alpha")
    kept = (await documents.read(CURRENT)).body
    assert kept["generation"] == 1
    assert (await documents.read(f"policy/{kept['digest']}.json")).body["texts"] == [
        ["a.yaml", PROFILE.format(name="alpha")]
    ]


async def test_a_changed_document_is_the_next_generation(package):
    """Also for an instance that starts anew."""
    one = package().profile("alpha")
    await one.now()
    one.profile("beta", START + HOUR)

    assert await one.now() == (2, "beta")
    one.restart()
    assert await one.now() == (2, "beta")


async def test_the_policy_is_believed_for_some_seconds(package):
    """A burst of messages costs one reading; a message that knows a later generation is believed at once."""
    one, two = package().profile("alpha"), package("b")
    await one.now()
    two.path = one.path
    two.restart()
    one.profile("beta", START + HOUR)
    assert await two.now() == (2, "beta")

    assert (await one.generations.current()).generation == 1
    assert (await one.generations.current(at_least=2)).generation == 2


async def test_an_invalid_document_never_replaces_anything(package, documents):
    """The last good one stays in force, also for a new instance; what was refused is told with its findings."""
    one = package().profile("alpha")
    await one.now()
    one.write(WRONG, START + HOUR)

    assert await one.now() == (1, "alpha")
    one.restart()
    assert await one.now() == (1, "alpha")
    standing = await one.generations.standing()
    assert standing.generation == 1
    assert any("enableTrainin" in finding for finding in standing.refused["findings"])
    assert (await documents.read(REFUSED)).body["digest"] == standing.refused["digest"]

    one.profile("beta", START + 2 * HOUR)
    assert await one.now() == (2, "beta")
    assert (await one.generations.standing()).refused is None


async def test_a_document_that_cannot_be_read_leaves_the_last_good_one(package):
    """The file is gone, or the place never had one: storage has it."""
    one = package().profile("alpha")
    await one.now()
    one.path.unlink()

    assert await one.now() == (1, "alpha")
    one.restart()
    assert await one.now() == (1, "alpha")


@pytest.mark.parametrize("text", [None, WRONG, "version: 1\n: ["])
async def test_without_any_good_document_there_is_none(package, text):
    """A first deployment with a wrong policy says so at every step; mended, it is generation one."""
    one = package()
    if text is not None:
        one.write(text)
    for _ in range(2):
        with pytest.raises(PolicyError):
            await one.now()

    assert await one.profile("alpha").now() == (1, "alpha")


async def test_an_older_package_follows(package):
    """While instances are replaced the old ones offer the old document; saved anew, it is meant."""
    old, new = package("a").profile("alpha"), package("b").profile("beta", START + HOUR)
    assert await old.now() == (1, "alpha")
    assert await new.now() == (2, "beta")

    assert await old.now() == (2, "beta")
    assert "taken for an old package" in (await old.generations.standing()).stale
    old.restart()
    assert await old.now() == (2, "beta")
    assert (await new.generations.standing()).stale == ""
    old.profile("alpha", START + 2 * HOUR)
    assert await old.now() == (3, "alpha")
    assert await new.now() == (3, "alpha")


async def test_a_new_document_counts_however_old_its_file_says_it_is(package):
    """Packages do not always keep the times of their files."""
    one = package().profile("alpha")
    await one.now()
    one.profile("beta", datetime(1980, 1, 1, tzinfo=UTC))

    assert await one.now() == (2, "beta")


async def test_two_instances_with_the_same_document_agree(package):
    """One generation, whoever was quicker."""
    one, two = package("a").profile("alpha"), package("b")
    two.path = one.path
    two.restart()

    assert await asyncio.gather(one.now(), two.now()) == [(1, "alpha")] * 2
    one.profile("beta", START + HOUR)
    assert await asyncio.gather(one.now(), two.now()) == [(2, "beta")] * 2


@pytest.mark.parametrize("turn", range(5))
async def test_two_instances_with_different_documents_never_share_a_number(package, turn):
    """A generation names one document; in the end all follow one and the same."""
    one = package("a").profile(f"alpha{turn}")
    two = package("b").profile(f"beta{turn}", START + HOUR)
    seen = [*await asyncio.gather(one.now(), two.now()), await one.now(), await two.now()]

    assert len({number for number, _ in seen}) == len(set(seen))
    assert await one.now() == await two.now() == (max(seen)[0], f"beta{turn}")


async def test_a_kept_text_that_is_missing_or_damaged_is_named(package, documents, storage, name):
    """Where nothing valid is on offer either, the message says what to mend."""
    one = package().profile("alpha")
    await one.now()
    kept = (await documents.read(CURRENT)).body["digest"]
    one.path.unlink()
    one.restart()
    await storage.container(name).upload_blob(f"policy/{kept}.json", b"?", overwrite=True)
    with pytest.raises(StorageError, match=kept):
        await one.now()
    await storage.container(name).delete_blob(f"policy/{kept}.json")
    with pytest.raises(PolicyError, match="missing from storage"):
        await one.now()


async def test_a_directory_is_one_document(package, tmp_path):
    """Its files in order; a change of any of them is a change of the policy."""
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "10-profiles.yaml").write_text("version: 1\nprofiles: {a: {settings: {enableTraining: true}}}\n")
    (folder / "20-rules.yaml").write_text("rules: [{name: all, profile: a}]\n")
    one = package()
    one.path = folder
    one.restart()
    first = await one.now()
    (folder / "20-rules.yaml").write_text("rules: [{name: every, profile: a}]\n")

    assert (first, await one.now()) == ((1, "a"), (2, "a"))


async def test_a_place_that_cannot_be_one_is_a_mistake_of_the_settings(documents):
    """Neither a path nor https."""
    source = PolicySource("http://example.com/policy.yaml", BlobTexts(None))
    with pytest.raises(ConfigurationError, match="MUSTER_POLICY"):
        await Generations(source, documents, lambda: START).current()


async def test_where_the_one_in_force_came_from_is_told(package, documents):
    """The app's own file by its name; what came into force before that was kept is not guessed at."""
    one = package().profile("alpha")
    await one.now()
    told = (await one.generations.standing()).by
    current = await documents.read(CURRENT)
    await documents.write(CURRENT, {key: value for key, value in current.body.items() if key not in {"by", "who"}})
    one.restart()
    await one.now()

    assert told == f"the app's own file {one.path.name}"
    assert (await one.generations.standing()).by == "not known"
