"""Of a look in the audit: whose change it found, and from what to what."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.observation import Observation
from shared.model.state import Condition, Management, State
from shared.reconcile.audited import records_of
from shared.reconcile.decide import decide
from tests.unit.reconcile.test_drifting import ACT, PERSON, changed
from tests.unit.reconcile.worlds import NOW, SHIPPED, installed, looked_at, ready, removal

CURRENT = State(Management.MANAGED, Condition.CURRENT)
SELECTED = {"aml-onboard": "true"}


def body(seen: Observation) -> dict[str, object]:
    """What the record of a look at it says."""
    return dict(records_of(seen, decide(seen, ACT, NOW), seen.memory, ACT, instance="i", now=NOW)[0].body)


def gone(**memory: object) -> Observation:
    """A cluster whose extension stood at the last look and is there no longer."""
    seen, facts = installed(ready(tags=SELECTED)), {"state": CURRENT, "sent_at": NOW - timedelta(hours=1)} | memory
    return replace(looked_at(seen.cluster), memory=replace(seen.memory, **facts))


def test_drift_has_the_kind_of_its_hand_and_the_keys():
    """By the look that finds it first, not by those after it."""
    found = body(changed(PERSON, memory={"state": CURRENT}))
    again = body(changed(PERSON, memory={"state": replace(CURRENT, condition=Condition.DRIFTED)}))

    assert (found["was"], found["condition"], found["hand"]) == ("Current", "Drifted", "person")
    assert found["differs"] == ["enableTraining"]
    assert "hand" not in again


def test_what_the_policy_wants_otherwise_is_nobodys_change():
    """The extension stands as it was sent, and the policy asks for something else."""
    found = body(changed(PERSON, memory={"state": CURRENT, "sent": "another fingerprint", "choice": "another"}))

    assert (found["was"], found["condition"]) == ("Current", "Drifted")
    assert "hand" not in found


@pytest.mark.parametrize(
    ("memory", "intent", "hand"),
    [
        ({}, None, "unknown"),
        ({"reinstalled_at": NOW - timedelta(hours=1)}, None, None),
        ({"state": replace(CURRENT, condition=Condition.REMOVING)}, None, None),
        ({}, "remove", None),
    ],
)
def test_an_extension_that_vanished_was_deleted_by_somebody(memory, intent, hand):
    """Unless Muster deleted it itself, to install it anew or because a person asked."""
    seen = gone(**memory)
    seen = replace(seen, intent=removal(seen.cluster) if intent else None)

    assert body(seen).get("hand") == hand


def test_an_upgrade_is_the_platforms_unless_the_policy_asks_for_that_version():
    """The record of the upgrade says which."""
    seen = installed(ready(tags=SELECTED))
    extension = replace(seen.extensions[0], current_version="1.1.61")
    seen = replace(seen, extensions=(extension,), memory=replace(seen.memory, version="1.1.60"))
    decision = decide(seen, SHIPPED, NOW)
    pinned = replace(decision, desired=replace(decision.desired, version="1.1.61"))
    hands = [
        records_of(seen, each, seen.memory, SHIPPED, instance="i", now=NOW)[-1].body["hand"]
        for each in (decision, pinned)
    ]

    assert hands == ["platform", "us"]
