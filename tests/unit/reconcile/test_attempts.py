"""Failures are counted once each and forgotten when an input changes or what was sent succeeded."""

from dataclasses import replace
from datetime import timedelta

from shared.model.observation import Memory
from shared.reconcile.attempts import counted
from shared.reconcile.situation import read_situation
from tests.unit.reconcile.worlds import NOW, OWN_NAMES, extension

MINUTE = timedelta(minutes=1)


def reading(state: str | None, memory: Memory, now=NOW, **facts: object) -> Memory:
    """The memory after one more reading of the extension (None: it is missing)."""
    found = () if state is None else (extension(state, **facts),)
    situation = read_situation(found, memory, name="azureml", own_names=OWN_NAMES)
    return counted(memory, situation, "basis", now)


def test_a_failure_is_counted_once_however_often_it_is_read():
    """Only a failure of something that was sent after the last one counts anew."""
    once = reading("Failed", Memory(basis="basis", sent_at=NOW - MINUTE))
    again = reading("Failed", once, NOW + MINUTE)
    resent = replace(again, sent_at=NOW + 2 * MINUTE)
    running = reading("Creating", resent, NOW + 3 * MINUTE)
    twice = reading("Failed", running, NOW + 4 * MINUTE)

    assert once.attempts == again.attempts == running.attempts == 1
    assert again.failed_at == NOW
    assert (twice.attempts, twice.failed_at) == (2, NOW + 4 * MINUTE)


def test_success_ends_the_count():
    """And is remembered: a later failure is one of an update."""
    failed = Memory(basis="basis", attempts=3, failed_at=NOW - 2 * MINUTE, sent_at=NOW - MINUTE)
    done = reading("Succeeded", failed)

    assert (done.attempts, done.failed_at, done.succeeded) == (0, None, True)


def test_somebody_elses_repair_ends_the_count():
    """The extension was changed after it failed, and works."""
    failed = Memory(basis="basis", attempts=3, failed_at=NOW - 2 * MINUTE, sent_at=NOW - 9 * MINUTE)

    assert reading("Succeeded", failed, modified_at=NOW - MINUTE).attempts == 0


def test_a_refused_change_is_not_forgotten_because_the_old_release_works():
    """The service refused the PATCH and changed nothing: what stands says nothing of the change."""
    refused = Memory(
        basis="basis", attempts=2, failed_at=NOW, refusal="no such train", sent_at=NOW - timedelta(hours=1)
    )
    after = reading("Succeeded", refused, NOW + MINUTE, modified_at=NOW - timedelta(hours=1))

    assert (after.attempts, after.failed_at, after.refusal) == (2, NOW, "no such train")
    assert after.succeeded


def test_another_basis_starts_afresh():
    """A changed policy, tag or cluster: what failed before tells nothing about it."""
    before = Memory(basis="other", attempts=5, failed_at=NOW - MINUTE, refusal="no")

    assert reading(None, before).attempts == 0
    assert reading(None, before).refusal == ""
    assert reading("Failed", before).attempts == 1


def test_what_runs_or_is_missing_changes_no_count():
    """Neither success nor failure."""
    memory = Memory(basis="basis", attempts=2, failed_at=NOW - MINUTE, sent_at=NOW)
    for state in ("Creating", "Updating", "Deleting", "Pending", None):
        assert reading(state, memory) == memory
