"""What holds for every decision, whatever was seen."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import event, given
from hypothesis import strategies as st

from shared.azureml.risk import Risk, risk_of_change
from shared.model.decision import Action
from shared.model.gates import Mode
from shared.model.inside import Activity
from shared.model.intent import Word
from shared.model.state import Condition, Management
from shared.policy.model import Enforcement
from shared.reconcile.attempts import counted
from shared.reconcile.decide import decide
from shared.reconcile.inputs import basis_of, inputs_of
from shared.reconcile.record import remembered
from shared.reconcile.situation import is_ours
from tests.unit.reconcile.worlds import MODERATE, NOW, SHIPPED, SMALL, installed, ready, worlds

_OUTSIDE = {Management.NOT_SELECTED, Management.HANDS_OFF, Management.EXEMPT}
_WITHOUT_EXTENSION = {Action.INSTALL, Action.REGISTER_PROVIDER, Action.REMOVE_RELAY}
_ENDED = {"succeeded", "failed", "canceled"}


def sole(seen):
    """The one Azure Machine Learning extension, where there is exactly one."""
    found = [each for each in seen.extensions or () if each.azureml]
    return found[0] if len(found) == 1 else None


def stands(seen):
    """The person's word, while it holds."""
    intent = seen.intent
    return intent if intent and intent.stands(NOW, seen.cluster.incarnation if seen.cluster else None) else None


@MODERATE
@given(worlds())
def test_decide_is_total_and_deterministic(world):
    """Every world gets a decision with a reason, the same one twice, and it can be remembered."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    event(decision.action.value)

    assert decision == decide(seen, policy, NOW)
    assert decision.reason
    assert decision.intended is not None
    assert decision.generation == policy.generation
    if not seen.gone:
        remembered(seen, decision, policy, NOW)
        inputs_of(policy, seen, decision, NOW)


@MODERATE
@given(worlds())
def test_what_was_not_seen_is_never_written_to(world):
    """A write needs the cluster and the list of its extensions, and every gate open."""
    seen, policy = world
    if decide(seen, policy, NOW).action.writes:
        assert seen.cluster is not None
        assert seen.extensions is not None
        assert seen.intents_readable
        assert seen.gates.mode is Mode.ENFORCE
        assert not seen.gates.stopped


@MODERATE
@given(worlds())
def test_a_closed_gate_changes_what_is_done_and_not_what_is_meant(world):
    """Report mode, the kill switch and unreadable intents stop every write and still say what it would be."""
    seen, policy = world
    seen = replace(seen, gates=replace(seen.gates, mode=Mode.ENFORCE, stopped=False), intents_readable=True)
    free = decide(seen, policy, NOW)
    for closed in (
        replace(seen, gates=replace(seen.gates, mode=Mode.REPORT)),
        replace(seen, gates=replace(seen.gates, stopped=True)),
        replace(seen, intents_readable=False),
    ):
        decision = decide(closed, policy, NOW)

        assert not decision.action.writes
        assert decision.intended == free.intended
        if not free.action.writes:
            assert decision == free


@MODERATE
@given(worlds())
def test_only_one_settled_extension_of_ours_is_changed(world):
    """No write meets two extensions, a foreign name, the platform's own, a stranger's, or an operation that runs."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    if not decision.action.writes:
        return
    found = [each for each in seen.extensions if each.azureml]
    assert len(found) <= 1
    if not found:
        assert decision.action in _WITHOUT_EXTENSION
        if decision.action is Action.REMOVE_RELAY:
            return
        assert all(each.name.lower() != decision.extension.lower() for each in seen.extensions)
        return
    assert found[0].provisioning_state.lower() in _ENDED
    assert not found[0].system_managed
    assert decision.extension == found[0].name
    if decision.action is not Action.REMOVE:  # a person's word may remove what somebody else installed
        assert is_ours(found[0], seen.memory, seen.own_names)


@MODERATE
@given(worlds())
def test_clusters_that_are_not_ours_to_manage_are_never_written_to(world):
    """NotSelected, HandsOff, Exempt and AdoptionPending go with no write; a write goes with Managed."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    if decision.action.writes:
        assert decision.state.management is Management.MANAGED
        assert seen.cluster.tag(policy.select_tag) is None or seen.cluster.tag(policy.select_tag).lower() != "false"
    if decision.state.management in _OUTSIDE:
        assert not decision.intended.writes


@MODERATE
@given(worlds())
def test_removal_needs_a_persons_word(world):
    """Remove only for a standing REMOVE: seen idle, its disruption accepted, or by the policy's word; never else."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    word = stands(seen)
    asked = word is not None and word.word is Word.REMOVE
    idle = seen.inside is not None and seen.inside.work is not None and seen.inside.work.activity is Activity.IDLE
    if decision.action is Action.REMOVE:
        assert asked
        assert policy.enforcement.remove is Enforcement.ACT or (
            policy.enforcement.remove is Enforcement.APPROVE and (word.accept_disruption or idle)
        )
    elif decision.action.writes:
        assert not asked or decision.action is Action.REMOVE_RELAY


@MODERATE
@given(worlds())
def test_holds_and_waits_say_when_to_look_again(world):
    """A wait or a hold has its next look ahead; a hold also says why, and shows that same moment."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    if decision.next_look is not None:
        assert decision.next_look > NOW
        assert decision.next_look < NOW + timedelta(days=400)
    if decision.action in {Action.WAIT, Action.HOLD} or decision.action.writes:
        assert decision.next_look is not None
    assert (decision.state.hold is not None) == (decision.action is Action.HOLD)
    if decision.action is Action.HOLD:
        assert decision.state.hold.code
        assert decision.state.hold.reason
        assert decision.state.hold.next == decision.next_look
        assert decision.state.hold.since is not None


@MODERATE
@given(worlds())
def test_a_failed_update_is_mended_by_patch_alone(world):
    """What once worked is never installed anew, reinstalled or removed by itself."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    if decision.state.condition is Condition.FAILED_UPDATE and decision.action.writes:
        assert decision.action in {Action.UPDATE, Action.REPAIR, Action.REMOVE}
        if decision.action is not Action.REMOVE:
            assert decision.patch


@MODERATE
@given(worlds())
def test_what_is_sent_is_complete_and_passes_the_guardrails(world):
    """A step carries what it sends, all of it text; no body holds what a guardrail of the small policy forbids."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    if not decision.action.writes or decision.action is Action.REGISTER_PROVIDER:
        return
    assert decision.extension
    if decision.action in {Action.REMOVE, Action.REINSTALL}:
        return
    assert decision.desired is not None
    sent = {**decision.desired.settings, **decision.patch}
    assert all(isinstance(value, str) for value in sent.values())
    if decision.action is Action.UPDATE:
        assert decision.changes
    if (seen.cluster.tag("env") or "").casefold() == "prod":
        assert sent.get("allowInsecureConnections", "").lower() != "true"


@MODERATE
@given(worlds())
def test_attempts_are_bounded(world):
    """Spent attempts are never followed by another one within the longest pause of the policy."""
    seen, policy = world
    if seen.cluster is None:
        return
    decision = decide(seen, policy, NOW)
    sole_one = sole(seen)
    if decision.action not in {Action.REPAIR, Action.INSTALL} or seen.memory.failed_at is None:
        return
    if seen.memory.basis == basis_of(policy, seen.cluster, seen.intent, NOW) and sole_one is not None:
        unseen = seen.memory.sent_at is not None and seen.memory.sent_at > seen.memory.failed_at
        waited = NOW - (NOW if unseen else seen.memory.failed_at)
        assert seen.memory.attempts == 0 or waited >= policy.timing.backoff_first * 0.9
        if seen.memory.attempts >= policy.max_attempts:
            assert waited >= policy.timing.backoff_max


@MODERATE
@given(
    st.sampled_from(["aks", "arc"]),
    st.sampled_from(["prod", "PROD"]),
    st.sampled_from([SHIPPED, SMALL]),
    st.lists(st.integers(0, 100), min_size=1, max_size=6),
    st.booleans(),
)
def test_the_number_of_nodes_never_leads_to_a_write(kind, env, policy, counts, forgotten):
    """On an installed cluster a changed node count is no difference, whatever rules say of it."""
    tags = {"aml-onboard": "true", "env": env.lower() if policy is SMALL else env, "aml-gpu": "true"}
    before = installed(ready(kind, tags, nodes=3), policy)
    for count in counts:
        seen = replace(before, cluster=replace(before.cluster, nodes=count))
        if forgotten and policy is SHIPPED:  # no rule of it speaks of nodes
            seen = replace(seen, memory=type(seen.memory)())
        decision = decide(seen, policy, NOW)

        assert not decision.intended.writes, decision.reason


@MODERATE
@given(worlds())
def test_counting_a_failure_twice_counts_it_once(world):
    """The same reading counted again changes nothing."""
    from shared.reconcile.situation import read_situation

    seen, policy = world
    if seen.cluster is None:
        return
    situation = read_situation(seen.extensions, seen.memory, name=policy.extension.name, own_names=seen.own_names)
    once = counted(seen.memory, situation, "basis", NOW)
    again = counted(once, situation, "basis", NOW)

    if once.sent_at is None or once.sent_at <= NOW:
        assert again == once
    assert once.attempts <= seen.memory.attempts + 1


@MODERATE
@given(worlds())
def test_running_work_is_never_interrupted_unasked(world):
    """A change that interrupts jobs or endpoints goes out only to a cluster that this look found idle."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    risks = {Risk.INTERRUPTS_JOBS, Risk.INTERRUPTS_ENDPOINTS}.intersection(risk_of_change(decision.changes))
    if decision.action is Action.UPDATE and risks and not decision.adopted:
        assert seen.inside is not None
        assert seen.inside.work is not None
        assert seen.inside.work.activity is Activity.IDLE


@MODERATE
@given(worlds())
def test_what_is_seen_inside_never_leads_to_a_loss(world):
    """Faults of components degrade a cluster; no step is taken for them."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    if decision.state.condition is Condition.DEGRADED:
        assert not decision.action.writes
        assert not decision.intended.writes
