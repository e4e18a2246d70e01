"""A write that has had no answer: whether it reached Azure, and what is remembered until that is known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import Unavailable
from shared.model.decision import Action
from shared.model.observation import Observation
from shared.model.request import Reason
from shared.model.state import Condition
from shared.policy.model import Enforcement, EnforcementTable
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.decide import decide
from shared.reconcile.record import after_sending, before_sending, remembered
from shared.reconcile.unanswered import arrived, settled, supposed, undone
from tests.unit.reconcile.worlds import ENFORCE, NOW, OWN_NAMES, SHIPPED, extension, idle, installed, looked_at, ready

MINUTE = timedelta(minutes=1)
ACT = replace(SHIPPED, enforcement=EnforcementTable(update_safe=Enforcement.ACT, update_disruptive=Enforcement.ACT))


def updating() -> Observation:
    """A look that finds another profile wanted than the one that is installed; Azure tells of the last write."""
    small = installed(ready(tags={"aml-onboard": "true", "aml-profile": "training"}))
    written = replace(small.extensions[0], modified_at=NOW - 60 * MINUTE)
    return idle(replace(small, cluster=replace(small.cluster, tags={"aml-onboard": "true"}), extensions=(written,)))


def died(seen: Observation) -> Observation:
    """The same after whoever was to send the step died over it."""
    decision = decide(seen, ACT, NOW)
    assert decision.action.writes
    written = before_sending(seen, remembered(seen, decision, ACT, NOW), decision, NOW)
    return replace(seen, memory=written)


def showing(seen: Observation, **facts: object) -> Observation:
    """The same with something else said of the extension."""
    return replace(seen, extensions=(replace(seen.extensions[0], **facts),))


def test_what_was_answered_has_arrived():
    """Nothing is kept beside the memory, and nothing is asked."""
    assert arrived(installed(ready()))
    assert supposed(installed(ready())) == settled(installed(ready())) == installed(ready()).memory


def test_an_update_that_never_went_out_is_the_policys_and_no_drift():
    """The extension is as it was: the next look sends the same, for the same reason, from the memory before."""
    seen = died(updating())
    again = decide(seen, ACT, NOW + MINUTE)

    assert arrived(seen) is False
    assert settled(seen) == undone(seen.memory)
    assert (settled(seen).sent, settled(seen).profile) == (updating().memory.sent, "training")
    assert (again.action, again.by_policy, again.reason) == (
        Action.UPDATE,
        True,
        decide(updating(), ACT, NOW + MINUTE).reason,
    )


@pytest.mark.parametrize(
    "facts", [{"modified_at": NOW}, {"provisioning_state": "Updating"}], ids=["written-to-since", "an-operation-runs"]
)
def test_an_update_that_took_effect_is_remembered_as_sent(facts):
    """By Azure's own record of the last write, or by the operation that runs."""
    seen = showing(died(updating()), **facts)

    assert arrived(seen) is True
    assert settled(seen) == replace(seen.memory, unanswered=None)
    assert settled(seen).sent != updating().memory.sent


def test_a_reading_that_does_not_tell_leaves_everything_as_it_stands():
    """Rows of Resource Graph, a list that was not read: decided as if it had not arrived, which ARM then confirms."""
    for seen in (showing(died(updating()), modified_at=None), replace(died(updating()), extensions=None)):
        assert arrived(seen) is None
        assert settled(seen) == seen.memory
        assert supposed(seen) == undone(seen.memory)
    nobody = Observation(seen.id, Reason.SWEEP, ENFORCE, trouble="503", memory=seen.memory)
    assert remembered(nobody, decide(nobody, ACT, NOW), ACT, NOW).unanswered == seen.memory.unanswered


def test_what_stands_as_wanted_needs_no_record_of_it():
    """Where Azure does not say when it was last written to: the settings tell, and nobody asks again."""
    sent = died(updating())
    wanted = decide(sent, ACT, NOW).desired
    seen = showing(sent, modified_at=None, settings=dict(wanted.settings))
    memory = remembered(seen, decide(seen, ACT, NOW), ACT, NOW)

    assert arrived(seen) is None
    assert memory.unanswered is None
    assert memory.sent == sent.memory.sent


def test_an_installation_has_arrived_as_soon_as_there_is_one():
    """Whoever died over it: the extension is ours; and where there is none, it is installed as for the first time."""
    seen = died(looked_at(ready()))
    there = replace(seen, extensions=(extension("Creating", name="azureml"),))

    assert (arrived(seen), settled(seen).sent_at) == (False, None)
    assert decide(seen, ACT, NOW).action is Action.INSTALL
    assert (arrived(there), settled(there).sent) == (True, seen.memory.sent)
    assert decide(there, ACT, NOW).state.condition is Condition.INSTALLING


def test_a_refused_update_leaves_the_profile_in_force():
    """Nothing was sent, so that what stands is still the old profile's."""
    seen = updating()
    decision = decide(seen, ACT, NOW)
    memory = remembered(seen, decision, ACT, NOW)
    written = before_sending(seen, memory, decision, NOW)
    after = after_sending(memory, written, decision, Outcome(Sent.REFUSED), NOW)

    assert written.profile == decision.profile != "training"
    assert (after.profile, after.choice, after.sent) == ("training", seen.memory.choice, seen.memory.sent)


def test_a_second_death_forgets_nothing():
    """The same step is written down again: what stands beside it is still what was in force at first."""
    first = died(updating())
    unseen = died(showing(updating(), modified_at=None))

    assert died(first).memory.unanswered == first.memory.unanswered
    assert died(unseen).memory.unanswered == unseen.memory.unanswered


def test_a_hold_on_a_sound_extension_leaves_the_profile_in_force():
    """A pause that begins with a newer policy: nothing was compared, so that nothing is taken for as wanted."""
    seen = updating()
    paused = replace(seen, cluster=replace(seen.cluster, tags=seen.cluster.tags | {"aml-pause-until": "2026-08-30"}))
    decision = decide(paused, ACT, NOW)
    memory = remembered(paused, decision, ACT, NOW)

    assert (decision.action, decision.state.condition) == (Action.HOLD, Condition.CURRENT)
    assert (memory.profile, memory.choice) == ("training", seen.memory.choice)


def test_what_azure_never_takes_up_is_not_sent_for_ever():
    """A PATCH that ends without answer or effect, each time: attempts count, pauses grow, then quarantine."""
    seen, now, sent = updating(), NOW, 0
    for _ in range(40):
        decision = decide(seen, ACT, now)
        memory = remembered(seen, decision, ACT, now)
        if decision.action.writes:
            sent += 1
            written = before_sending(seen, memory, decision, now)
            memory = after_sending(memory, written, decision, Outcome(Sent.AMBIGUOUS, Unavailable("500")), now)
        seen, now = replace(seen, memory=memory), now + MINUTE

    assert sent < 10
    assert seen.memory.attempts >= sent - 1


def test_an_extension_that_somebody_else_made_meanwhile_is_not_ours():
    """The installation never went out: what is there was made by another hand."""
    seen = died(looked_at(ready()))
    other = replace(seen, extensions=(extension(name="azureml", created_by="somebody"),), own_names=OWN_NAMES)

    assert arrived(other) is False
    assert settled(other).sent is None
