"""A reinstall: two steps in time, by itself only for what never worked, and never by force."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from shared.model.decision import Action, Want
from shared.model.gates import FleetGates, Gates, Mode
from shared.model.inside import Activity, Inside, RunningWork, Verification
from shared.model.observation import Memory
from shared.model.state import Condition, HoldCode
from shared.policy.model import Enforcement, EnforcementTable
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.decide import decide
from shared.reconcile.record import after_sending, before_sending, remembered
from tests.unit.reconcile.worlds import BROKEN, ENFORCE, MODERATE, NOW, SHIPPED, idle, installed, ready, worlds

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LONG_AGO = NOW - timedelta(days=30)


def broken(*, attempts=2, seen=None, memory=None, **facts):
    """An extension of ours that failed twice and that Helm cannot mend; it is known since before it was made."""
    seen = seen or installed(ready(), state="Failed")
    known = replace(seen.memory, attempts=attempts, failed_at=NOW - HOUR, sent_at=NOW - HOUR - MINUTE, succeeded=False)
    given = {"error_code": "ExtensionOperationFailed", "error_message": BROKEN, "created_at": NOW - HOUR}
    failed = replace(seen.extensions[0], **(given | facts))
    return replace(seen, extensions=(failed,), memory=replace(known, **(memory or {})))


def rows(**rows):
    """The shipped policy with other rows of enforcement."""
    return replace(SHIPPED, enforcement=EnforcementTable(**rows))


def approving(decision):
    """Gates under which a person has approved what a decision waits for."""
    return Gates(Mode.ENFORCE, fleet=FleetGates(approved=frozenset({decision.state.hold.approval})))


# What never worked


def test_what_never_worked_is_sent_again_once_and_then_reinstalled():
    """First the same again; the second failure of a release that never stood leads to the deletion."""
    first = decide(broken(attempts=1), SHIPPED, NOW)
    second = decide(broken(), SHIPPED, NOW)

    assert first.action is Action.REPAIR, first.reason
    assert second.action is Action.REINSTALL, second.reason
    assert second.extension == "azureml"
    assert not second.disruptive
    assert second.next_look == NOW + SHIPPED.timing.follow_up


@pytest.mark.parametrize("text", ["timed out waiting for the condition", "something new", "already exists"])
def test_only_failures_that_the_catalogue_names_lead_there(text):
    """However often another failure comes back, it ends in quarantine and not in a deletion."""
    for attempts in (1, 2, 5, 50):
        decision = decide(broken(attempts=attempts, error_message=text), SHIPPED, NOW + 10 * HOUR)

        assert decision.intended is not Action.REINSTALL


@pytest.mark.parametrize(
    ("memory", "facts"),
    [
        ({"succeeded": True}, {}),
        ({"version": "1.1.90"}, {}),
        ({"verification": Verification(NOW - HOUR, components=True)}, {}),
        ({"sent": None}, {}),
        ({"first_seen": None}, {}),
        ({"first_seen": NOW}, {"created_at": LONG_AGO}),
        ({}, {"created_at": None}),
        ({}, {"current_version": "1.1.90"}),
    ],
)
def test_any_sign_of_success_and_any_doubt_needs_an_approval(memory, facts):
    """A success that was seen, a version that ran, a lost memory: held, and approved it waits for idle work."""
    seen = broken(memory=memory, **facts)
    held = decide(seen, SHIPPED, NOW)
    assert (held.action, held.intended) == (Action.HOLD, Action.REINSTALL), held.reason
    assert held.state.hold.code is HoldCode.APPROVAL

    approved = replace(seen, gates=approving(held))
    busy = decide(approved, SHIPPED, NOW)
    assert (busy.action, busy.state.hold.code) == (Action.HOLD, HoldCode.BUSY)
    assert decide(idle(approved), SHIPPED, NOW).action is Action.REINSTALL
    assert decide(idle(approved), SHIPPED, NOW).disruptive
    assert decide(idle(seen), SHIPPED, NOW).action is Action.HOLD


def test_while_the_approval_is_awaited_the_timed_retry_goes_on():
    """A person may have mended the release in the cluster: once in the longest pause the same is sent again."""
    for memory in ({"succeeded": True}, {"first_seen": None}):
        seen = broken(memory=memory)

        assert decide(seen, SHIPPED, NOW).action is Action.HOLD
        assert decide(seen, SHIPPED, NOW + 6 * HOUR).action is Action.REPAIR


def test_a_policy_that_says_act_does_not_replace_the_approval():
    """What once worked is deleted by a person's word alone, whatever the policy says."""
    act = rows(reinstall=Enforcement.ACT)
    decision = decide(idle(broken(memory={"succeeded": True})), act, NOW)

    assert decision.state.condition is Condition.FAILED_UPDATE
    assert (decision.action, decision.state.hold.code) == (Action.HOLD, HoldCode.APPROVAL)


def test_an_approval_is_for_one_cluster_and_one_step():
    """An approval of an update, or of another cluster, approves no deletion."""
    other = Gates(Mode.ENFORCE, fleet=FleetGates(approved=frozenset({"change-0000000000000000"})))

    assert decide(idle(broken(memory={"succeeded": True}, seen=None)), SHIPPED, NOW).action is Action.HOLD
    assert decide(replace(idle(broken(memory={"succeeded": True})), gates=other), SHIPPED, NOW).action is Action.HOLD


@pytest.mark.parametrize("word", [Enforcement.REPORT, Enforcement.NEVER])
def test_a_policy_that_forbids_it_ends_in_quarantine_with_a_timed_retry(word):
    """The rung is closed: held, and sent again after the longest pause."""
    closed = rows(reinstall_never_succeeded=word)
    held = decide(broken(), closed, NOW)
    retried = decide(broken(), closed, NOW + SHIPPED.timing.backoff_max)

    assert held.state.hold.code is HoldCode.QUARANTINE
    assert retried.action is Action.REPAIR


def test_a_policy_may_ask_for_an_approval_even_for_what_never_worked():
    """reinstallNeverSucceeded: approve holds, and the approved deletion needs no idle cluster."""
    asks = rows(reinstall_never_succeeded=Enforcement.APPROVE)
    held = decide(broken(), asks, NOW)
    done = decide(replace(broken(), gates=approving(held)), asks, NOW)

    assert held.state.hold.code is HoldCode.APPROVAL
    assert done.action is Action.REINSTALL


def test_somebody_elses_extension_is_never_reinstalled():
    """An adopted one is reported, however it failed."""
    seen = broken(memory={"sent": None}, created_by="somebody@example.com")

    assert decide(replace(seen, own_names=frozenset()), SHIPPED, NOW).intended is Action.NOTHING


def test_nothing_is_deleted_where_the_installation_could_not_follow():
    """A preflight check that fails holds both halves."""
    seen = broken(seen=installed(ready(), state="Failed"))
    unfit = replace(seen, cluster=replace(seen.cluster, managed_identity=False))
    memory = replace(unfit.memory, basis=None)
    for attempts in (1, 2, 3):
        decision = decide(replace(unfit, memory=replace(memory, attempts=attempts)), SHIPPED, NOW + HOUR)

        assert decision.intended is not Action.REINSTALL


# Its two halves


def sent(seen, policy=SHIPPED, now=NOW):
    """The decision of a look, and the memory after its step was accepted."""
    decision = decide(seen, policy, now)
    memory = remembered(seen, decision, policy, now)
    if decision.action.writes:
        memory = after_sending(
            memory, before_sending(seen, memory, decision, now), decision, Outcome(Sent.ACCEPTED), now
        )
    return decision, memory


def test_a_reinstall_is_followed_from_the_deletion_to_the_new_installation():
    """Deletion, waiting while it runs, waiting for the cluster to clean up, installation: each a look of its own."""
    seen = broken()
    first, memory = sent(seen)
    running = replace(seen.extensions[0], provisioning_state="Deleting")
    second, memory = sent(replace(seen, extensions=(running,), memory=memory), now=NOW + MINUTE)
    third, memory = sent(replace(seen, extensions=(), memory=memory), now=NOW + 2 * MINUTE)
    fourth, memory = sent(replace(seen, extensions=(), memory=memory), now=NOW + 11 * MINUTE)

    assert [each.action for each in (first, second, third, fourth)] == [
        Action.REINSTALL,
        Action.WAIT,
        Action.WAIT,
        Action.INSTALL,
    ]
    assert second.state.condition is Condition.REMOVING
    assert "installed anew" in second.reason
    assert third.next_look == NOW + SHIPPED.timing.reinstall_pause
    assert memory.sent is not None
    assert memory.reinstalled_at == NOW
    assert memory.sent_at == NOW + 11 * MINUTE


@pytest.mark.parametrize(("namespace", "action"), [("", Action.INSTALL), ("Terminating", Action.WAIT)])
def test_where_the_cluster_can_be_seen_the_namespace_tells(namespace, action):
    """Gone: installed at once. Still terminating: waited for, however long it takes."""
    seen = broken()
    _, memory = sent(seen)
    seen = replace(seen, extensions=(), memory=memory, inside=Inside(NOW, access="user", namespace=namespace))

    assert decide(seen, SHIPPED, NOW + MINUTE).action is action
    if action is Action.WAIT:
        assert decide(seen, SHIPPED, NOW + 5 * HOUR).action is action


def test_a_lost_memory_costs_nothing():
    """Between the halves, without memory, the cluster is one without the extension and gets it."""
    assert decide(replace(broken(), extensions=(), memory=Memory()), SHIPPED, NOW).action is Action.INSTALL


def test_whoever_let_it_be_deleted_let_it_be_installed_again():
    """The second half needs no second word, also where installing needs one."""
    asks = rows(install=Enforcement.APPROVE)
    seen = broken()
    _, memory = sent(seen, asks)
    gone = replace(seen, extensions=(), memory=memory)

    assert decide(gone, asks, NOW + HOUR).action is Action.INSTALL


def test_a_cluster_is_reinstalled_once_a_week_at_most():
    """What fails again after a reinstall is quarantined; a week later the rung is open again."""
    again = broken(attempts=3, memory={"reinstalled_at": NOW - 2 * HOUR})
    old = broken(attempts=3, memory={"reinstalled_at": NOW - timedelta(days=8)})

    assert decide(again, SHIPPED, NOW).state.hold.code is HoldCode.QUARANTINE
    assert decide(again, SHIPPED, NOW + 6 * HOUR).action is Action.REPAIR
    assert decide(old, SHIPPED, NOW).action is Action.REINSTALL


def test_a_deletion_that_never_arrived_is_sent_again_a_few_times():
    """The extension stands there as it did: the next try comes after its pause, and the tries are bounded."""
    seen = broken()
    _, memory = sent(seen)
    actions, now = [], NOW
    for _ in range(12):
        now += 6 * HOUR + MINUTE
        decision, memory = sent(replace(seen, memory=memory), now=now)
        now = decision.next_look if decision.action is Action.WAIT else now
        actions.append(decision.action)

    assert Action.REINSTALL in actions
    assert actions.count(Action.REINSTALL) <= SHIPPED.max_attempts


def test_a_refused_deletion_is_taken_back():
    """Nothing was deleted, so no reinstall is under way."""
    from shared.errors import NotAuthorized

    seen = broken()
    decision = decide(seen, SHIPPED, NOW)
    memory = remembered(seen, decision, SHIPPED, NOW)
    refused = Outcome(Sent.REFUSED, NotAuthorized("403"))
    after = after_sending(memory, before_sending(seen, memory, decision, NOW), decision, refused, NOW)

    assert (after.reinstalled_at, after.sent_at) == (None, memory.sent_at)


# What never happens


def proven(seen):
    """Whether a deletion was right: never worked beyond doubt, or approved by name for this step."""
    extension, memory = seen.extensions[0], seen.memory
    fresh = (
        not memory.succeeded
        and memory.sent is not None
        and not extension.current_version
        and not memory.version
        and extension.created_at is not None
        and memory.first_seen is not None
        and extension.created_at >= memory.first_seen - timedelta(minutes=5)
    )
    return fresh or bool(seen.gates.fleet.approved)


@st.composite
def failing(draw):
    """Worlds that fail the one way in which a reinstall is thinkable, with and without an approval."""
    seen, policy = draw(worlds())
    found = draw(st.sampled_from(["broken", "as drawn"]))
    if found == "broken":
        base = broken(attempts=draw(st.integers(1, 6)))
        extension = replace(
            base.extensions[0],
            current_version=draw(st.sampled_from([None, "1.1.90"])),
            created_at=draw(st.sampled_from([None, NOW - HOUR, LONG_AGO])),
            created_by=draw(st.sampled_from([base.extensions[0].created_by, "somebody@example.com"])),
            provisioning_state=draw(st.sampled_from(["Failed", "Failed", "Canceled", "Creating", "Succeeded"])),
            system_managed=draw(st.sampled_from([False, False, True])),
        )
        memory = replace(
            base.memory,
            succeeded=draw(st.sampled_from([False, False, True])),
            version=draw(st.sampled_from([None, None, "1.1.90"])),
            sent=draw(st.sampled_from([base.memory.sent, None])),
            reinstalled_at=draw(st.sampled_from([None, None, NOW - HOUR, LONG_AGO])),
            first_seen=draw(st.sampled_from([base.memory.first_seen, NOW, None])),
        )
        table = {name: draw(st.sampled_from(Enforcement)) for name in EnforcementTable.__slots__}
        policy = replace(SHIPPED, enforcement=EnforcementTable(**table)) if draw(st.booleans()) else SHIPPED
        seen = replace(base, extensions=(extension,), memory=memory, gates=draw(st.sampled_from([ENFORCE, seen.gates])))
        activity = draw(st.sampled_from([None, *Activity]))
        if activity is not None:
            seen = replace(seen, inside=Inside(NOW, access="user", work=RunningWork(activity, NOW)))
    if draw(st.booleans()):
        name = decide(replace(seen, gates=ENFORCE), policy, NOW).state.hold
        approved = frozenset({name.approval}) if name and name.approval else frozenset()
        seen = replace(seen, gates=replace(seen.gates, fleet=FleetGates(approved=approved)))
    return seen, policy


@MODERATE
@given(failing())
def test_a_deletion_needs_proof_or_a_persons_word(world):
    """DELETE only for what never worked beyond doubt, or with an approval; and what may have worked, only idle."""
    seen, policy = world
    decision = decide(seen, policy, NOW)
    event(decision.action.value)
    if decision.action is not Action.REINSTALL:
        return
    assert proven(seen)
    assert seen.extensions[0].provisioning_state.lower() in {"failed", "canceled"}
    assert not seen.extensions[0].system_managed
    if decision.disruptive:
        assert seen.gates.fleet.approved
        assert seen.inside.work.activity is Activity.IDLE
    if seen.memory.succeeded or seen.extensions[0].current_version:
        assert decision.disruptive


@MODERATE
@given(failing())
def test_without_a_failure_and_without_an_approval_nothing_that_worked_is_deleted(world):
    """No observation of the inside, no drift and no policy leads there alone."""
    seen, policy = world
    seen = replace(seen, gates=replace(seen.gates, fleet=FleetGates()))
    decision = decide(seen, policy, NOW)
    worked = seen.memory.succeeded or any(each.current_version for each in seen.extensions or ())
    if worked or decision.state.condition in {Condition.CURRENT, Condition.DEGRADED, Condition.DRIFTED}:
        assert decision.action is not Action.REINSTALL


def test_before_a_deletion_the_cluster_is_looked_into_where_it_may_be():
    """What the installation would ask about is asked before anything is taken away."""
    decision = decide(broken(), SHIPPED, NOW)

    assert Want.SURROUNDINGS in decision.wants
