"""The ladder: what a class of failure allows, how often, and that none is without a timed retry."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.azureml.failures import FAMILIES, FailureClass, Step
from shared.model.decision import Action, LookBy, Want
from shared.model.inside import Inside
from shared.model.state import Condition, HoldCode
from shared.policy.model import AksAccess, VerificationChoice
from shared.reconcile.decide import decide
from tests.unit.reconcile.worlds import NOW, SHIPPED, installed, ready

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
TIMING = SHIPPED.timing
TRANSIENT = "etagmismatch"
WAITING = "the namespace is being terminated"
FOREIGN = "another cluster role cannot be imported into the current release"
PATCHED = "Failed to resolve the extension version from the given values"
SLOW = "timed out waiting for the condition"


def failing(text, *, attempts=1, ago=MINUTE, succeeded=False, **facts):
    """An extension of ours whose last attempt failed with a text, some time ago."""
    seen = installed(ready(), state="Failed")
    at = NOW - ago
    memory = replace(seen.memory, attempts=attempts, failed_at=at, sent_at=at - MINUTE, succeeded=succeeded)
    return replace(seen, extensions=(replace(seen.extensions[0], error_message=text, **facts),), memory=memory)


@pytest.mark.parametrize(
    ("text", "attempts", "quarantined"),
    [
        (TRANSIENT, 9, False),
        (TRANSIENT, 10, True),
        (WAITING, 4, False),
        (WAITING, 5, True),
        (FOREIGN, 1, True),
        (PATCHED, 1, True),
        (SLOW, 4, False),
        (SLOW, 5, True),
        ("nobody has seen this", 4, False),
        ("nobody has seen this", 5, True),
    ],
)
@pytest.mark.parametrize("succeeded", [False, True])
def test_each_class_has_its_own_number_of_attempts(text, attempts, quarantined, succeeded):
    """What passes by itself is tried often, what will fail again once; the others as `maxAttempts` says."""
    seen = failing(text, attempts=attempts, succeeded=succeeded)
    decision = decide(seen, SHIPPED, NOW)
    retried = decide(seen, SHIPPED, NOW + TIMING.backoff_max)

    assert decision.action is (Action.HOLD if quarantined else Action.WAIT), decision.reason
    if quarantined:
        assert decision.state.hold.code is HoldCode.QUARANTINE
        assert decision.next_look == NOW - MINUTE + TIMING.backoff_max
    assert retried.action is Action.REPAIR


def test_the_policy_may_say_otherwise():
    """`attempts` names a class, `maxAttempts` bounds the others."""
    policy = replace(SHIPPED, max_attempts=2, attempts={FailureClass.OPERATOR: 3})
    held = [
        decide(failing(text, attempts=attempts), policy, NOW).action is Action.HOLD
        for text, attempts in ((SLOW, 2), (SLOW, 3), (TRANSIENT, 1), (TRANSIENT, 2), (PATCHED, 2))
    ]

    assert held == [False, True, False, True, True]


OF_A_PERSON = [one for one in FAMILIES if one.failure.step is Step.NONE]


@pytest.mark.parametrize("family", OF_A_PERSON, ids=lambda one: one.failure.family)
def test_where_a_person_must_act_nothing_is_sent_but_the_timed_retry(family):
    """Held at the first failure with the remedy, whatever the class may otherwise do."""
    text = family.phrases[0].replace(" ... ", " ")
    decision = decide(failing(text), SHIPPED, NOW)

    assert decision.state.hold.code is HoldCode.QUARANTINE
    assert decision.reason.startswith("1 attempt failed")
    assert decide(failing(text, ago=7 * HOUR), SHIPPED, NOW).action is Action.REPAIR


def test_no_failure_is_without_a_next_look():
    """Every family of the catalogue, at any count: it waits or is held until a moment, and is then sent again."""
    for one in FAMILIES:
        text = one.phrases[0].replace(" ... ", " ")
        for attempts in (1, 3, 100):
            seen = failing(text, attempts=attempts)
            decision = decide(seen, SHIPPED, NOW)
            assert decision.next_look is not None
            assert decision.next_look <= NOW + TIMING.backoff_max
            assert decide(seen, SHIPPED, NOW + TIMING.backoff_max).action.writes, (text, attempts)


def test_what_has_to_end_first_is_tried_much_later():
    """A pause that is several failures longer than that of a race; a documented time goes before both."""
    race, later = (decide(failing(text, ago=timedelta(0)), SHIPPED, NOW).next_look for text in (TRANSIENT, WAITING))
    documented = decide(failing("cannot re-use a name", ago=timedelta(0)), SHIPPED, NOW).next_look

    assert race <= NOW + 1.1 * TIMING.backoff_first
    assert later >= NOW + 7 * TIMING.backoff_first
    assert documented == NOW + HOUR


def test_what_passes_by_itself_is_brought_by_a_message():
    """The others are left to the sweep, which sees the fleet."""
    assert decide(failing(TRANSIENT), SHIPPED, NOW - 30 * timedelta(seconds=1)).look_by is LookBy.MESSAGE
    assert decide(failing(SLOW), SHIPPED, NOW - 30 * timedelta(seconds=1)).look_by is LookBy.SWEEP


def test_other_settings_may_be_sent_where_the_same_fail_again():
    """A failure that asks for other settings is repaired once the wanted ones are not those that failed."""
    same = failing(PATCHED, ago=5 * MINUTE)
    other = replace(same, memory=replace(same.memory, sent="v1:something-else"))
    early = replace(other, memory=replace(other.memory, failed_at=NOW, sent_at=NOW - MINUTE))
    elsewhere = replace(same, memory=replace(same.memory, sent="v0:of-another-muster"))

    assert decide(same, SHIPPED, NOW).state.hold.code is HoldCode.QUARANTINE
    assert decide(other, SHIPPED, NOW).action is Action.REPAIR
    assert decide(early, SHIPPED, NOW).action is Action.WAIT
    assert decide(elsewhere, SHIPPED, NOW).state.hold.code is HoldCode.QUARANTINE


def test_a_failed_update_with_other_settings_is_patched():
    """ARM keeps the settings of the update that failed: where those are not wanted any more, others go out."""
    seen = failing(PATCHED, ago=5 * MINUTE, succeeded=True)
    settings = dict(seen.extensions[0].settings) | {"enableTraining": "False"}
    other = replace(seen, extensions=(replace(seen.extensions[0], settings=settings),))

    assert decide(seen, SHIPPED, NOW).state.hold.code is HoldCode.QUARANTINE
    decision = decide(other, SHIPPED, NOW)
    assert decision.state.condition is Condition.FAILED_UPDATE
    assert decision.action is Action.REPAIR
    assert "enableTraining" in decision.patch


def test_the_report_in_the_cluster_is_read_before_it_is_left_alone():
    """Where Muster may look inside, a quarantined failure is first told as exactly as can be."""
    looking = replace(SHIPPED, verification=VerificationChoice(AksAccess.USER))
    seen = failing("pod healthcheck failed")
    blind = decide(seen, looking, NOW)
    report = {
        "reports-pre-install": "Status: Failed Name: x ErrorCode: E40002 ErrorMessage: too few Severity: critical"
    }
    told = decide(replace(seen, inside=Inside(NOW, access="user", healthcheck=report)), looking, NOW)

    assert Want.INSIDE in blind.wants
    assert told.state.hold.code is HoldCode.QUARANTINE
    assert "E40002" in told.reason


def test_a_refusal_counts_by_its_own_class():
    """What Azure Policy denies is not asked for five times; its words are told with the remedy."""
    small = installed(ready(tags={"aml-onboard": "true"}), state="Succeeded")
    settings = dict(small.extensions[0].settings)
    settings.pop("enableTraining")
    memory = replace(small.memory, attempts=1, failed_at=NOW, refusal="RequestDisallowedByPolicy: no extensions here")
    seen = replace(small, extensions=(replace(small.extensions[0], settings=settings),), memory=memory)
    decision = decide(seen, SHIPPED, NOW + 5 * MINUTE)

    assert decision.state.hold.code is HoldCode.QUARANTINE, decision.reason
    assert "no extensions here" in decision.reason
    assert "exempt the cluster" in decision.reason


@pytest.mark.parametrize("text", [SLOW, FOREIGN, PATCHED])
def test_a_person_ends_a_quarantine_early_and_once(text):
    """Approving what the hold names sends again at once; a later failure is in quarantine under another name."""
    seen = failing(text, attempts=5)
    held = decide(seen, SHIPPED, NOW)
    approved = replace(seen.gates, fleet=replace(seen.gates.fleet, approved=frozenset({held.state.hold.approval})))
    again = decide(replace(seen, gates=approved), SHIPPED, NOW)
    later = replace(seen.memory, failed_at=NOW - MINUTE / 2, sent_at=NOW - MINUTE, attempts=6)
    told_later = replace(seen.memory, failed_at=NOW - MINUTE / 2)
    same = decide(replace(seen, memory=told_later), SHIPPED, NOW)
    failed_again = decide(replace(seen, gates=approved, memory=later), SHIPPED, NOW)

    assert held.state.hold.code is HoldCode.QUARANTINE
    assert held.state.hold.approval.startswith("retry-")
    assert same.state.hold.approval == held.state.hold.approval
    assert again.action is Action.REPAIR
    assert failed_again.state.hold.code is HoldCode.QUARANTINE
    assert failed_again.state.hold.approval != held.state.hold.approval
