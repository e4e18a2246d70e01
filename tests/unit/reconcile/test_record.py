"""What is remembered of a look, before a write and after it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.azureml.drift import fingerprint
from shared.errors import InProgress, NotAuthorized, Refused, Throttled, Unavailable
from shared.model.decision import Action, Want
from shared.model.observation import Memory, Observation
from shared.model.request import Reason
from shared.model.state import Condition, Management
from shared.policy.model import Enforcement, EnforcementTable
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.decide import decide
from shared.reconcile.record import after_sending, before_sending, remembered, upgraded
from tests.unit.reconcile.worlds import ENFORCE, NOW, SHIPPED, cluster_id, idle, installed, looked_at, ready

MINUTE = timedelta(minutes=1)
POLICY = replace(SHIPPED, generation=3)


def look(seen, policy=POLICY, now=NOW):
    """The decision and the memory after a look."""
    decision = decide(seen, policy, now)
    return decision, remembered(seen, decision, policy, now)


def test_a_look_is_remembered_with_what_it_rests_on():
    """State, profile, generation, fingerprints and times, on an empty memory."""
    decision, memory = look(looked_at(ready()))

    assert memory.state == decision.state
    assert (memory.profile, memory.rule) == ("poc-aks", "proof-of-concept-on-aks")
    assert memory.generation == 3
    assert memory.inputs
    assert memory.basis
    assert memory.choice == decision.choice
    assert memory.incarnation == "first"
    assert memory.first_seen == memory.looked_at == memory.changed_at == NOW
    assert memory.sent is None


def test_an_unchanged_state_keeps_the_moment_of_its_change():
    """Ten looks at the same state are one change."""
    seen = looked_at(ready(managed_identity=False))
    _, first = look(seen)
    _, second = look(replace(seen, memory=first), now=NOW + MINUTE)
    _, third = look(replace(seen, cluster=ready(), memory=second), now=NOW + 2 * MINUTE)

    assert second.changed_at == NOW
    assert second.looked_at == NOW + MINUTE
    assert second.first_seen == NOW
    assert third.changed_at == NOW + 2 * MINUTE


def test_trouble_is_remembered_since_it_began_and_loses_nothing():
    """A cluster that cannot be read keeps what was known of it."""
    _, known = look(installed(ready()))
    seen = Observation(cluster_id(), Reason.EVENT, ENFORCE, trouble="503", memory=known)
    _, first = look(seen)
    _, second = look(replace(seen, memory=first), now=NOW + MINUTE)
    _, read = look(replace(installed(ready()), memory=second), now=NOW + 2 * MINUTE)

    assert first.state.condition is Condition.UNKNOWN
    assert first.state.management is Management.MANAGED
    assert (first.sent, first.profile, first.inputs) == (known.sent, known.profile, known.inputs)
    assert first.trouble_since == second.trouble_since == NOW
    assert read.trouble_since is None


def test_an_extension_that_is_gone_takes_what_was_sent_with_it():
    """Somebody deleted it: the next one is not taken for ours, nor for one that once worked."""
    seen = installed(ready())
    _, memory = look(replace(seen, extensions=()))
    _, blind = look(replace(seen, extensions=None))

    assert (memory.sent, memory.sent_keys, memory.succeeded) == (None, (), False)
    assert blind.sent == seen.memory.sent


def test_the_profile_in_force_outlives_a_look_that_sends_nothing():
    """While an update waits for its approval, what is installed is still the old profile's."""
    small = installed(ready(tags={"aml-onboard": "true", "aml-profile": "training"}))
    seen = replace(small, cluster=replace(small.cluster, tags={"aml-onboard": "true"}))
    held, memory = look(seen)
    act = replace(POLICY, enforcement=EnforcementTable(update_disruptive=Enforcement.ACT))
    sent, after = look(idle(seen), act)

    assert (held.action, memory.profile, memory.choice) == (Action.HOLD, "training", small.memory.choice)
    assert (sent.action, after.profile, after.choice) == (Action.UPDATE, "poc-aks", sent.choice)


def test_the_generation_never_falls():
    """A step under an older policy does not hide that a later one was worked by."""
    seen = replace(looked_at(ready()), memory=Memory(generation=9))

    assert look(seen)[1].generation == 9


def test_what_is_about_to_be_sent_is_remembered_first():
    """So that a crash after the write cannot make the extension a stranger's."""
    seen = looked_at(ready())
    decision, memory = look(seen)
    written = before_sending(seen, memory, decision, NOW)

    assert written.sent == fingerprint(decision.desired)
    assert written.sent_at == NOW
    assert set(written.sent_keys) == set(decision.desired.settings)


def test_a_relay_that_was_begun_is_not_asked_for_again():
    """A look that could not finish for want of the relay is remembered as one that began it, and as nothing sent."""
    arc = ready("arc", {"aml-onboard": "true", "env": "prod", "aml-gpu": "false"})
    seen = looked_at(arc, relay_ready=False)
    first, memory = look(seen)
    begun = after_sending(memory, before_sending(seen, memory, first, NOW), first, Outcome(Sent.UNFINISHED), NOW)
    seen = replace(looked_at(arc, relay_ready=None), memory=begun)
    second, memory = look(seen)
    written = before_sending(seen, memory, second, NOW)

    assert (begun.relay_begun, begun.sent, begun.sent_at) == (True, None, None)
    assert (second.action, Want.RELAY in second.wants) == (Action.INSTALL, False)
    for sent in (Sent.ACCEPTED, Sent.UNFINISHED, Sent.AMBIGUOUS, Sent.REFUSED):
        assert not after_sending(memory, written, second, Outcome(sent), NOW).relay_begun


@pytest.mark.parametrize("sent", [Sent.ACCEPTED, Sent.AMBIGUOUS])
def test_what_was_or_may_have_been_accepted_stays_remembered(sent):
    """A time-out may have taken effect: then the extension is ours."""
    seen = looked_at(ready())
    decision, memory = look(seen)
    written = before_sending(seen, memory, decision, NOW)
    error = Unavailable("no answer") if sent is Sent.AMBIGUOUS else None

    after = after_sending(memory, written, decision, Outcome(sent, error), NOW)
    assert replace(after, unanswered=None) == replace(written, unanswered=None)
    assert (after.unanswered is None) == (sent is Sent.ACCEPTED)


def test_an_install_that_was_put_off_is_not_remembered_as_sent():
    """Its relay had to be made first: nothing went out, so an extension that turns up is somebody else's."""
    seen = looked_at(ready())
    decision, memory = look(seen)
    written = before_sending(seen, memory, decision, NOW)

    assert written.sent is not None
    assert after_sending(memory, written, decision, Outcome(Sent.UNFINISHED), NOW).sent is None


def test_a_refusal_for_good_counts_as_a_failure():
    """Nothing was sent, and the same would be refused again: attempts rise and the words are kept."""
    seen = looked_at(ready())
    decision, memory = look(seen)
    written = before_sending(seen, memory, decision, NOW)
    after = after_sending(memory, written, decision, Outcome(Sent.REFUSED, Refused("no such train")), NOW)

    assert (after.sent, after.sent_at, after.sent_keys) == (None, None, ())
    assert (after.attempts, after.failed_at, after.refusal) == (1, NOW, "no such train")


@pytest.mark.parametrize("error", [InProgress("409"), NotAuthorized("403"), Throttled("429")])
def test_a_refusal_that_may_pass_does_not_count(error):
    """It says nothing about the settings."""
    seen = looked_at(ready())
    decision, memory = look(seen)
    written = before_sending(seen, memory, decision, NOW)
    after = after_sending(memory, written, decision, Outcome(Sent.REFUSED, error), NOW)

    assert (after.sent, after.attempts, after.failed_at) == (None, 0, None)
    assert after.reason == error.message


def test_reasons_do_not_grow_from_look_to_look():
    """During a pause every look tells the refusal once."""
    seen = looked_at(ready())
    decision, memory = look(seen)
    refused = Outcome(Sent.REFUSED, Refused("no such train"))
    memory = after_sending(memory, before_sending(seen, memory, decision, NOW), decision, refused, NOW)
    reasons = []
    for second in (1, 2, 3):
        decision, memory = look(replace(seen, memory=memory), now=NOW + timedelta(seconds=second))
        reasons.append(decision.reason)

    assert len(set(reasons)) == 1
    assert reasons[0].count("no such train") == 1


def test_a_refused_update_is_paused_by_the_memory_it_left():
    """The old release still stands in Succeeded; the next look waits, ever longer, and ends in quarantine."""
    small = installed(ready(tags={"aml-onboard": "true", "aml-profile": "training"}))
    seen = replace(small, cluster=replace(small.cluster, tags={"aml-onboard": "true"}))
    act = replace(POLICY, enforcement=EnforcementTable(update_disruptive=Enforcement.ACT))
    memory, now, actions = seen.memory, NOW, []
    for _ in range(12):
        decision, memory = look(idle(replace(seen, memory=memory)), act, now)
        actions.append(decision.action)
        if decision.action.writes:
            written = before_sending(seen, memory, decision, now)
            memory = after_sending(memory, written, decision, Outcome(Sent.REFUSED, Refused("no")), now)
            now += act.timing.follow_up
        else:
            now = decision.next_look

    assert actions.count(Action.UPDATE) == 6
    assert Action.HOLD in actions
    assert now > NOW + act.timing.backoff_max


def test_an_upgrade_by_the_platform_is_an_event_and_no_drift():
    """Another version runs than at the last look: told as such, remembered, and nothing is written for it."""
    seen = installed(ready())
    before = replace(seen, extensions=(replace(seen.extensions[0], current_version="1.1.60"),))
    _, memory = look(before)
    after = replace(seen, memory=memory, extensions=(replace(seen.extensions[0], current_version="1.1.79"),))
    decision, later = look(after)

    assert memory.version == "1.1.60"
    assert upgraded(before) is None
    assert upgraded(after) == ("1.1.60", "1.1.79")
    assert decision.action is Action.NOTHING
    assert not decision.changes
    assert later.version == "1.1.79"
