"""Operations that do not end: how long each may take, and what is told once it took longer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.decision import Action
from shared.model.state import Condition, Management, State
from shared.reconcile.decide import decide
from tests.unit.reconcile.worlds import NOW, SHIPPED, extension, installed, looked_at, ready

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def running(kind="aks", state="Creating", ago=HOUR, **facts):
    """A cluster on which something that Muster sent has been running for some time."""
    seen = installed(ready(kind), state=state)
    memory = replace(seen.memory, sent_at=NOW - ago, state=None)
    return replace(seen, memory=memory, cluster=replace(seen.cluster, **facts))


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting"])
@pytest.mark.parametrize(
    ("kind", "connectivity", "ago", "stuck"),
    [
        ("aks", None, 44 * MINUTE, False),
        ("aks", None, 46 * MINUTE, True),
        ("arc", "Connected", 44 * MINUTE, False),
        ("arc", "Connected", 46 * MINUTE, True),
        ("arc", "Offline", 46 * MINUTE, False),
        ("arc", "Offline", 47 * HOUR, False),
        ("arc", "Offline", 49 * HOUR, True),
        ("arc", "Expired", 49 * HOUR, True),
        ("arc", None, 47 * HOUR, False),
    ],
)
def test_each_kind_has_its_patience(state, kind, connectivity, ago, stuck):
    """45 minutes, and on Arc two days while the agents are not connected; nothing is ever sent on top."""
    decision = decide(running(kind, state, ago, connectivity=connectivity), SHIPPED, NOW)

    assert decision.action is Action.WAIT
    assert ("longer than expected" in decision.reason) == stuck, decision.reason


def test_what_is_told_says_what_to_look_at():
    """An installation, an update and a deletion each ask for something else."""
    told = {
        state: decide(running(state=state, ago=5 * HOUR), SHIPPED, NOW).reason for state in ("Creating", "Deleting")
    }
    away = decide(running("arc", ago=5 * HOUR, connectivity="Offline"), SHIPPED, NOW).reason

    assert "kube-system" in told["Creating"]
    assert "5 h" in told["Creating"]
    assert "finalizers" in told["Deleting"]
    assert "48 hours" in away
    assert "not connected" in away


def test_looks_become_rare_as_it_lasts():
    """Half as long again as it has lasted, never more than the longest pause."""
    pauses = [decide(running(ago=ago), SHIPPED, NOW).next_look - NOW for ago in (MINUTE, HOUR, 5 * HOUR, 90 * HOUR)]

    assert pauses == sorted(pauses)
    assert pauses[0] == SHIPPED.timing.follow_up
    assert pauses[1] > 20 * MINUTE
    assert pauses[-1] <= SHIPPED.timing.backoff_max


def test_an_operation_of_somebody_elses_is_not_stuck_when_it_is_first_seen():
    """The platform upgrades what Muster sent a month ago: it runs since the last look that did not see it."""
    seen = running(state="Updating", ago=timedelta(days=30))
    stood = State(Management.MANAGED, Condition.CURRENT)
    first = replace(seen, memory=replace(seen.memory, state=stood, succeeded=True, looked_at=NOW - 10 * MINUTE))
    runs = State(Management.MANAGED, Condition.UPDATING)
    later = replace(first, memory=replace(first.memory, state=runs, changed_at=NOW - 50 * MINUTE))

    assert "longer than expected" not in decide(first, SHIPPED, NOW).reason
    assert "50 min" in decide(later, SHIPPED, NOW).reason


def test_clocks_that_differ_and_lost_memories_are_borne():
    """A start ahead of now, or none at all, is one that was just seen."""
    seen = looked_at(ready(), extension("Creating", modified_at=NOW + HOUR))

    assert decide(seen, SHIPPED, NOW).next_look == NOW + SHIPPED.timing.follow_up
    assert decide(looked_at(ready(), extension("Creating")), SHIPPED, NOW).action is Action.WAIT


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "Pending"])
def test_nothing_is_sent_to_what_runs_however_long(state):
    """Not after a month, not by any class of failure that stood before it."""
    seen = running(state=state, ago=timedelta(days=30))
    failed = replace(seen.memory, attempts=3, failed_at=NOW - timedelta(days=31))

    for memory in (seen.memory, failed, replace(failed, succeeded=True)):
        assert not decide(replace(seen, memory=memory), SHIPPED, NOW).intended.writes
