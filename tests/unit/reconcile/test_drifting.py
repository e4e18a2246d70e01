"""Whose doing a difference is, and when Muster stops taking it back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.decision import Action
from shared.model.hand import Hand, Revert
from shared.model.state import Condition, HoldCode
from shared.policy.model import Enforcement, EnforcementTable
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.attempts import counted
from shared.reconcile.decide import decide
from shared.reconcile.record import after_sending, before_sending, remembered
from shared.reconcile.situation import read_situation
from tests.unit.reconcile.worlds import NOW, OURS, SHIPPED, idle, installed, ready

HOUR = timedelta(hours=1)
ACT = replace(
    SHIPPED,
    enforcement=EnforcementTable(
        drift_safe=Enforcement.ACT,
        drift_disruptive=Enforcement.REPORT,
        update_safe=Enforcement.APPROVE,
        update_disruptive=Enforcement.APPROVE,
    ),
)
PERSON = {"modified_by": "eva.example@example.com", "modified_by_type": "User"}


def changed(by=None, *, without=("enableTraining",), memory=None, **settings):
    """An extension of ours on which a setting is not as Muster sent it."""
    seen = installed(ready())
    there = {key: value for key, value in seen.extensions[0].settings.items() if key not in without} | settings
    extension = replace(seen.extensions[0], settings=there, **(by or {}))
    return replace(seen, extensions=(extension,), memory=replace(seen.memory, **(memory or {})))


# Whose hand


@pytest.mark.parametrize(
    ("by", "hand", "told"),
    [
        (PERSON, Hand.PERSON, "changed by a person"),
        ({"modified_by": "0ddba11", "modified_by_type": "Application"}, Hand.APPLICATION, "another application"),
        ({"modified_by": "0ddba11", "modified_by_type": "ManagedIdentity"}, Hand.APPLICATION, "another application"),
        ({"modified_by": OURS.upper(), "modified_by_type": "Application"}, Hand.US, "nobody else wrote"),
        ({"modified_by": "c699bf69-fb1d-4eaf-999b-99e6b2ae4d85"}, Hand.PLATFORM, "by the platform"),
        ({}, Hand.UNKNOWN, "by somebody"),
        ({"modified_by": "x", "modified_by_type": "Something new"}, Hand.UNKNOWN, "by somebody"),
    ],
)
def test_drift_is_told_with_the_kind_of_its_hand(by, hand, told):
    """Azure's record of the last write says who: the kind is told, never the name."""
    decision = decide(changed(by), ACT, NOW)

    assert decision.action is Action.UPDATE, decision.reason
    assert decision.against is hand
    assert told in decision.reason
    assert "example.com" not in decision.reason
    assert not decision.by_policy


def test_what_hurts_is_reported_by_the_other_row():
    """A person changed what endpoints depend on: the row for disruptive drift decides."""
    decision = decide(changed(PERSON, without=(), allowInsecureConnections="False"), ACT, NOW)

    assert (decision.action, decision.intended) == (Action.NOTHING, Action.UPDATE)
    assert decision.state.condition is Condition.DRIFTED
    assert "a person" in decision.reason


# Fingerprints of other versions


def test_a_new_muster_sends_nothing_to_a_fleet_that_stands_as_wanted():
    """Whatever way the fingerprint in memory was computed: equal values are no difference."""
    for sent in ("v0:feed", "v2:feed", "feed", "", "v10:feed"):
        seen = changed(without=(), memory={"sent": sent})

        assert decide(seen, ACT, NOW).action is Action.NOTHING


def test_with_another_versions_fingerprint_the_policy_tells_drift_from_its_own_change():
    """The same policy, tags and word as when it was sent: somebody's drift. Others, or none known: the policy's."""
    drift = decide(changed(PERSON, memory={"sent": "v0:feed"}), ACT, NOW)
    policy = decide(changed(PERSON, memory={"sent": "v0:feed", "choice": "another"}), ACT, NOW)
    unknown = decide(changed(PERSON, memory={"sent": "v0:feed", "choice": None}), ACT, NOW)

    assert (drift.action, drift.against) == (Action.UPDATE, Hand.PERSON)
    for decision in (policy, unknown):
        assert decision.state.hold.code is HoldCode.APPROVAL
        assert "wanted by the policy" in decision.reason


def test_keys_that_only_a_newer_muster_derives_are_no_reason_to_write():
    """A derived key that was never sent is told as advice; it goes along with a change that somebody wants."""
    keys = tuple(key for key in installed(ready()).memory.sent_keys if key != "jobSchedulerLocation")
    alone = decide(changed(without=("jobSchedulerLocation",), memory={"sent_keys": keys, "sent": "v0:feed"}), ACT, NOW)
    along = decide(
        changed(without=("jobSchedulerLocation", "enableTraining"), memory={"sent_keys": keys, "sent": "v0:feed"}),
        ACT,
        NOW,
    )
    taken = decide(changed(without=("jobSchedulerLocation",)), ACT, NOW)

    assert alone.action is Action.NOTHING, alone.reason
    assert alone.state.condition is Condition.CURRENT
    assert any("jobSchedulerLocation" in line for line in alone.advice)
    assert set(along.patch) == {"jobSchedulerLocation", "enableTraining"}
    assert taken.intended is Action.UPDATE


# The platform


def pinned(**by):
    """A pinned version that another one has replaced."""
    seen = installed(ready())
    extension = replace(seen.extensions[0], current_version="1.1.90", version="1.1.90", release_train="preview", **by)
    return replace(seen, extensions=(extension,))


def test_what_the_platform_upgrades_is_no_drift():
    """Only keys of the platform's own, by its own hand: an event and advice, no write."""
    decision = decide(pinned(modified_by="c699bf69-fb1d-4eaf-999b-99e6b2ae4d85"), ACT, NOW)

    assert decision.action is Action.NOTHING, decision.reason
    assert decision.state.condition is Condition.CURRENT
    assert any("platform" in line for line in decision.advice)


def test_what_a_person_changes_of_the_version_is_drift():
    """The same keys by a person's hand are put back, as the policy says."""
    decision = decide(pinned(**PERSON), ACT, NOW)

    assert decision.action is Action.UPDATE
    assert decision.against is Hand.PERSON


def test_a_sweep_believes_what_a_look_found():
    """Resource Graph does not tell hands: what was judged no drift stays none until another version runs."""
    seen = pinned()
    judged = replace(seen, memory=replace(seen.memory, version="1.1.90"))

    assert decide(seen, ACT, NOW).intended is Action.UPDATE
    assert decide(judged, ACT, NOW).action is Action.NOTHING


def test_the_platforms_hand_does_not_excuse_a_setting():
    """A setting that the platform wrote is drift like any other."""
    decision = decide(changed({"modified_by": "c699bf69-fb1d-4eaf-999b-99e6b2ae4d85"}), ACT, NOW)

    assert decision.against is Hand.PLATFORM


# Contested


def reverts(*hours, hand=Hand.PERSON):
    """Reverts that were so many hours ago, the oldest first."""
    return {"reverts": tuple(Revert(NOW - hour * HOUR, hand) for hour in hours)}


@pytest.mark.parametrize(
    ("before", "contested"),
    [
        ({}, False),
        (reverts(1), False),
        (reverts(20, 1), True),
        (reverts(9, 8, 7), True),
        (reverts(30, 1), False),
        (reverts(49, 26), False),
        (reverts(40, 25), False),
        (reverts(20, 1, hand=Hand.APPLICATION), False),
    ],
)
def test_two_reverts_in_a_day_against_the_same_hand_are_contested(before, contested):
    """Held until a day after the last one; another hand, or one that came back later, is none."""
    decision = decide(changed(PERSON, memory=before), ACT, NOW)

    assert (decision.action is Action.HOLD) == contested, decision.reason
    if contested:
        assert decision.state.hold.code is HoldCode.CONTESTED
        assert decision.state.condition is Condition.DRIFTED
        assert decision.next_look == before["reverts"][-1].at + 24 * HOUR
        assert decide(changed(PERSON, memory=before), ACT, decision.next_look).action is Action.UPDATE


def test_a_sweep_knows_the_contest_without_knowing_the_hand():
    """Else it would ask for the cluster every quarter of an hour."""
    assert decide(changed(memory=reverts(2, 1)), ACT, NOW).state.hold.code is HoldCode.CONTESTED


def test_a_person_has_a_contested_change_taken_back_once_more():
    """By the name that the hold gives: it stands for the reverts so far, and the next one asks anew."""
    seen = changed(PERSON, memory=reverts(2, 1))
    name = decide(seen, ACT, NOW).state.hold.approval
    approved = replace(seen.gates, fleet=replace(seen.gates.fleet, approved=frozenset({name})))
    decision = decide(replace(seen, gates=approved), ACT, NOW)
    again = replace(changed(PERSON, memory=reverts(2, 1, 0)), gates=approved)

    assert name.startswith("revert-")
    assert (decision.action, decision.against) == (Action.UPDATE, Hand.PERSON)
    assert decide(again, ACT, NOW).state.hold.code is HoldCode.CONTESTED


def test_a_report_and_an_approved_change_are_never_contested():
    """What nobody does by himself cannot go back and forth; what a person approved is his word."""
    report = replace(ACT, enforcement=EnforcementTable(drift_safe=Enforcement.REPORT))
    asks = replace(ACT, enforcement=EnforcementTable(drift_safe=Enforcement.APPROVE))

    assert decide(changed(PERSON, memory=reverts(2, 1)), report, NOW).action is Action.NOTHING
    assert decide(changed(PERSON, memory=reverts(2, 1)), asks, NOW).state.hold.code is HoldCode.APPROVAL


def test_a_contest_is_found_by_itself_and_ends_when_an_input_changes():
    """A person puts it back each time: two reverts, then a hold; a changed tag forgets the reverts."""
    seen, now, actions = changed(PERSON), NOW, []
    memory = seen.memory
    for _ in range(4):
        decision = decide(replace(seen, memory=memory), ACT, now)
        actions.append(decision.action)
        memory = remembered(replace(seen, memory=memory), decision, ACT, now)
        if decision.action.writes:
            memory = after_sending(
                memory, before_sending(seen, memory, decision, now), decision, Outcome(Sent.ACCEPTED), now
            )
        now += HOUR

    assert actions == [Action.UPDATE, Action.UPDATE, Action.HOLD, Action.HOLD]
    assert [revert.hand for revert in memory.reverts] == [Hand.PERSON, Hand.PERSON]
    situation = read_situation(seen.extensions, memory, name="azureml", own_names=seen.own_names)
    assert counted(memory, situation, "another basis", now).reverts == ()


def test_reverts_that_were_refused_are_none_and_only_a_few_are_kept():
    """Nothing was taken back; and memory stays small."""
    seen = changed(PERSON, memory=reverts(99, 98, 97, 96))
    decision = decide(seen, ACT, NOW)
    memory = remembered(seen, decision, ACT, NOW)
    written = before_sending(seen, memory, decision, NOW)

    assert len(written.reverts) == 4
    assert written.reverts[-1] == Revert(NOW, Hand.PERSON)
    assert after_sending(memory, written, decision, Outcome(Sent.REFUSED), NOW).reverts == memory.reverts


def test_an_update_by_the_policy_is_no_revert():
    """Nobody's change is taken back."""
    seen = idle(changed(PERSON, memory={"sent": "v1:older"}))
    policy = replace(ACT, enforcement=EnforcementTable(update_safe=Enforcement.ACT))
    decision = decide(seen, policy, NOW)

    assert decision.action is Action.UPDATE
    assert decision.against is None
    assert before_sending(seen, seen.memory, decision, NOW).reverts == ()


# Protected values


def test_that_protected_values_are_not_observable_is_told_where_it_matters():
    """An Arc cluster whose extension somebody else wrote to last: whether he replaced its secrets nobody can tell."""
    seen = installed(ready("arc"))
    theirs = replace(seen, extensions=(replace(seen.extensions[0], **PERSON),))

    assert not any("observable" in line for line in decide(seen, ACT, NOW).advice)
    assert any("not observable" in line for line in decide(theirs, ACT, NOW).advice)
