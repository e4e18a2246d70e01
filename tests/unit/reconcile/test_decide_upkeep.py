"""The named situations where the extension exists, was asked away, or cannot be seen; under the shipped policy."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.decision import Action, LookBy
from shared.model.gates import Gates, Mode
from shared.model.observation import Memory, Observation
from shared.model.request import Reason
from shared.model.state import Condition, HoldCode, Management, State
from shared.policy.model import Enforcement, EnforcementTable, Policy
from shared.reconcile.decide import decide
from shared.reconcile.inputs import basis_of
from tests.unit.reconcile.worlds import (
    ENFORCE,
    NOW,
    SHIPPED,
    SMALL,
    cluster_id,
    extension,
    idle,
    installed,
    looked_at,
    ready,
    removal,
)

FOLLOW_UP = SHIPPED.timing.follow_up
MINUTE = timedelta(minutes=1)
PROD = {"aml-onboard": "true", "env": "prod", "aml-gpu": "true"}


def with_enforcement(policy: Policy = SHIPPED, **actions: Enforcement) -> Policy:
    """The policy with some actions enforced otherwise."""
    return replace(policy, enforcement=EnforcementTable(**actions))


def failing(state: str, *, attempts: int = 1, ago: timedelta = MINUTE, succeeded: bool = False, **facts: object):
    """An AKS cluster whose extension of ours failed, with failures that were counted some time ago."""
    seen = installed(ready(), state=state)
    failed_at = NOW - ago
    memory = replace(
        seen.memory, attempts=attempts, failed_at=failed_at, sent_at=failed_at - MINUTE, succeeded=succeeded
    )
    broken = replace(seen.extensions[0], **({"error_message": "timed out waiting for the condition"} | facts))
    return replace(seen, memory=memory, extensions=(broken,))


# What runs


@pytest.mark.parametrize(
    ("state", "condition"),
    [
        ("Creating", Condition.INSTALLING),
        ("Updating", Condition.UPDATING),
        ("Deleting", Condition.REMOVING),
        ("Pending", Condition.UNKNOWN),
        ("Hibernating", Condition.UNKNOWN),
        ("", Condition.UNKNOWN),
    ],
)
def test_what_runs_is_waited_for(state, condition):
    """Every state that is not an end is waited for, those that nobody has invented yet, too."""
    decision = decide(looked_at(ready(), extension(state)), SHIPPED, NOW)

    assert decision.action is Action.WAIT
    assert decision.state.condition is condition
    assert decision.next_look > NOW


def test_a_create_over_what_once_worked_is_an_update():
    """A PUT on an extension that succeeded before reads Creating as well."""
    seen = installed(ready(), state="Creating")
    seen = replace(seen, memory=replace(seen.memory, succeeded=True))

    assert decide(seen, SHIPPED, NOW).state.condition is Condition.UPDATING


def test_what_is_stuck_is_looked_at_ever_later_and_says_so():
    """An operation that outlasts the policy's bound is named; nothing is written on top of it."""
    seen = installed(ready(), state="Creating")
    stuck = replace(seen, memory=replace(seen.memory, sent_at=NOW - timedelta(hours=3)))

    assert decide(seen, SHIPPED, NOW - timedelta(minutes=50)).next_look == NOW - timedelta(minutes=50) + FOLLOW_UP
    decision = decide(stuck, SHIPPED, NOW)
    assert decision.action is Action.WAIT
    assert "longer than expected" in decision.reason
    assert decision.next_look > NOW + timedelta(hours=1)


# What stands


@pytest.mark.parametrize("kind", ["aks", "arc"])
@pytest.mark.parametrize("tags", [{"aml-onboard": "true"}, PROD])
def test_a_converged_cluster_asks_for_nothing(kind, tags):
    """Installed as wanted: compliant, nothing to do, no look of its own."""
    decision = decide(installed(ready(kind, tags)), SHIPPED, NOW)

    assert decision.action is Action.NOTHING, decision.reason
    assert decision.state.compliant
    assert decision.next_look is None
    assert decision.changes == {}


@pytest.mark.parametrize("kind", ["aks", "arc"])
def test_lost_memory_of_a_converged_cluster_costs_no_write(kind):
    """Azure's record of who created it is enough to know it for ours, and its own settings for what was chosen."""
    seen = replace(installed(ready(kind)), memory=Memory())

    assert decide(seen, SHIPPED, NOW).action is Action.NOTHING
    assert decide(replace(seen, own_names=frozenset()), SHIPPED, NOW).action is Action.NOTHING


def test_safe_drift_is_reverted_and_disruptive_drift_reported():
    """Somebody changed what Muster sent: by the shipped policy the safe part is put back by PATCH."""
    seen = installed(ready())
    safe = dict(seen.extensions[0].settings)
    safe.pop("enableTraining")
    policy = with_enforcement(drift_safe=Enforcement.ACT, drift_disruptive=Enforcement.REPORT)
    risky = dict(seen.extensions[0].settings) | {"enableInference": "False", "allowInsecureConnections": "False"}

    reverted = decide(replace(seen, extensions=(replace(seen.extensions[0], settings=safe),)), policy, NOW)
    reported = decide(replace(seen, extensions=(replace(seen.extensions[0], settings=risky),)), policy, NOW)

    assert reverted.intended is Action.UPDATE
    assert set(reverted.patch) == {"enableTraining"}
    assert reported.action is Action.NOTHING
    assert reported.intended is Action.UPDATE
    assert reported.state.condition is Condition.DRIFTED
    assert "changed by somebody" in reported.reason


def test_a_changed_profile_is_an_update():
    """A tag that asks for other settings is the policy's own doing, and is enforced as an update."""
    seen = installed(ready())
    tagged = replace(seen.cluster, tags={"aml-onboard": "true", "aml-profile": "training"})
    act = with_enforcement(update_safe=Enforcement.ACT, update_disruptive=Enforcement.ACT)
    small = installed(ready(tags={"aml-onboard": "true", "aml-profile": "training"}))
    grown = replace(small.cluster, tags={"aml-onboard": "true"})

    assert decide(idle(replace(small, cluster=grown)), act, NOW).action is Action.UPDATE
    assert decide(replace(small, cluster=grown), SHIPPED, NOW).state.hold.code is HoldCode.APPROVAL
    assert decide(replace(seen, cluster=tagged), SHIPPED, NOW).profile == "training"


def test_facts_alone_do_not_change_the_profile():
    """A rule that today's facts make win is advice; the profile in force stays."""
    seen = installed(ready("arc", {"aml-onboard": "true", "env": "prod"}, nodes=3), SMALL)
    grown = replace(seen, cluster=replace(seen.cluster, nodes=9))
    decision = decide(grown, SMALL, NOW)

    assert decision.action is Action.NOTHING
    assert decision.profile == "train"
    assert any("big" in line for line in decision.advice)


def test_an_update_waits_for_a_settled_cluster():
    """While AKS itself updates, a PATCH would meet a conflict."""
    small = installed(ready(tags={"aml-onboard": "true", "aml-profile": "training"}))
    busy = replace(small.cluster, tags={"aml-onboard": "true"}, provisioning_state="Upgrading")
    act = with_enforcement(update_safe=Enforcement.ACT, update_disruptive=Enforcement.ACT)

    assert decide(replace(small, cluster=busy), act, NOW).state.hold.code is HoldCode.PREFLIGHT


# What failed


def test_a_failed_install_is_sent_again_after_its_pause():
    """Repair by the whole body, under the name that it has; before that a wait that the sweep ends."""
    early = decide(failing("Failed", ago=timedelta(seconds=5)), SHIPPED, NOW)
    late = decide(failing("Failed", ago=timedelta(minutes=5)), SHIPPED, NOW)

    assert early.action is Action.WAIT
    assert NOW < early.next_look <= NOW + 1.1 * SHIPPED.timing.backoff_first
    assert late.action is Action.REPAIR
    assert late.desired is not None
    assert late.patch == {}


def test_spent_attempts_are_quarantined_until_the_longest_pause():
    """As many failures as the policy allows: a hold that the sweep ends, with its remedy."""
    held = decide(failing("Failed", attempts=5, ago=timedelta(hours=1)), SHIPPED, NOW)
    again = decide(failing("Failed", attempts=5, ago=timedelta(hours=7)), SHIPPED, NOW)

    assert held.state.hold.code is HoldCode.QUARANTINE
    assert held.next_look == NOW - timedelta(hours=1) + SHIPPED.timing.backoff_max
    assert held.look_by is LookBy.SWEEP
    assert again.action is Action.REPAIR


def test_a_changed_input_gives_a_quarantined_cluster_a_fresh_start():
    """Another tag is another basis: attempts count from one again."""
    seen = failing("Failed", attempts=5, ago=timedelta(hours=1))
    changed = replace(seen, cluster=replace(seen.cluster, tags={"aml-onboard": "true", "aml-profile": "training"}))
    decision = decide(changed, SHIPPED, NOW)

    assert decision.action is Action.WAIT
    assert decision.attempts == 1


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_a_failed_update_is_sent_again_by_patch(state):
    """Helm rolled back and the old release serves: the wanted settings go out again, nothing is reinstalled."""
    decision = decide(failing(state, succeeded=True, ago=timedelta(minutes=5)), SHIPPED, NOW)

    assert decision.state.condition is Condition.FAILED_UPDATE
    assert decision.action is Action.REPAIR
    assert decision.patch == decision.desired.settings


def test_a_running_release_makes_a_failure_a_failed_update():
    """A version that runs is a sign of earlier success, even where the memory was lost."""
    decision = decide(failing("Failed", ago=timedelta(minutes=5), current_version="1.1.90"), SHIPPED, NOW)

    assert decision.state.condition is Condition.FAILED_UPDATE


def test_a_failed_update_does_not_get_past_a_guardrail():
    """What failed is sent again only if it may be sent today."""
    cluster = ready(tags={"aml-onboard": "true", "env": "prod", "aml-set-allowInsecureConnections": "true"})
    clean = installed(cluster, replace(SMALL, guardrails=()))
    broken = replace(clean.extensions[0], provisioning_state="Failed", current_version="1.1.90")
    memory = replace(clean.memory, attempts=1, failed_at=NOW - MINUTE)
    decision = decide(replace(clean, extensions=(broken,), memory=memory), SMALL, NOW + timedelta(hours=1))

    assert decision.action is Action.HOLD, decision.reason
    assert decision.state.hold.code is HoldCode.GUARDRAIL


def test_an_update_that_azure_refuses_is_not_sent_for_ever():
    """A refused PATCH counts as a failure of the change, although the extension itself stands."""
    small = installed(ready(tags={"aml-onboard": "true", "aml-profile": "training"}))
    cluster = replace(small.cluster, tags={"aml-onboard": "true"})
    act = with_enforcement(update_safe=Enforcement.ACT, update_disruptive=Enforcement.ACT)
    memory = replace(small.memory, attempts=1, failed_at=NOW, basis=basis_of(act, cluster, None, NOW))
    refused = idle(replace(small, cluster=cluster, memory=memory))

    soon = decide(refused, act, NOW + timedelta(seconds=30))
    later = decide(refused, act, NOW + timedelta(minutes=2))
    spent = decide(replace(refused, memory=replace(memory, attempts=5)), act, NOW + timedelta(minutes=2))

    assert soon.action is Action.WAIT, soon.reason
    assert later.action is Action.UPDATE
    assert spent.state.hold.code is HoldCode.QUARANTINE


# Removal


def test_a_removal_is_sent_where_the_disruption_was_accepted():
    """One DELETE of the extension under its own name, and only then."""
    seen = installed(ready())
    asked = decide(replace(seen, intent=removal(seen.cluster, accept=False)), SHIPPED, NOW)
    accepted = decide(replace(seen, intent=removal(seen.cluster)), SHIPPED, NOW)

    assert asked.state.hold.code is HoldCode.APPROVAL
    assert accepted.action is Action.REMOVE
    assert accepted.extension == "azureml"


def test_a_removed_cluster_stays_removed_although_tagged():
    """Nothing is installed while the person's word stands; once it ended, the tag counts again."""
    cluster = ready()
    word = removal(cluster, until=NOW + timedelta(hours=1))
    seen = looked_at(cluster, intent=word)

    assert decide(seen, SHIPPED, NOW).action is Action.NOTHING
    assert decide(seen, SHIPPED, NOW).state.management is Management.HANDS_OFF
    assert decide(seen, SHIPPED, NOW + timedelta(hours=2)).action is Action.INSTALL


def test_a_removal_does_not_outlive_its_cluster():
    """A cluster rebuilt under the same id is another cluster."""
    cluster = ready(incarnation="second")

    seen = looked_at(cluster, intent=removal(cluster, incarnation="first"))

    assert decide(seen, SHIPPED, NOW).action is Action.INSTALL


@pytest.mark.parametrize(
    "others",
    [
        (extension(system_managed=True),),
        (extension("Deleting"),),
        (extension("Updating"),),
        (extension(), extension(name="b")),
    ],
)
def test_a_removal_waits_or_leaves_alone_what_it_may_not_delete(others):
    """The platform's own, what is being worked on, and one of two: no DELETE."""
    cluster = ready()
    decision = decide(looked_at(cluster, *others, intent=removal(cluster)), SHIPPED, NOW)

    assert not decision.intended.writes


# Gates, and what cannot be seen


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({"gates": Gates(Mode.REPORT)}, Action.NOTHING),
        ({"gates": Gates(Mode.ENFORCE, stopped=True)}, Action.WAIT),
        ({"intents_readable": False}, Action.WAIT),
    ],
)
def test_a_closed_gate_stops_the_install_and_tells_it(facts, action):
    """Report mode, MUSTER_STOP and unreadable intents: nothing is written, the install is still named."""
    decision = decide(looked_at(ready(), **facts), SHIPPED, NOW)

    assert decision.action is action
    assert decision.intended is Action.INSTALL


def test_a_cluster_that_is_gone_needs_nothing():
    """ARM answered 404: nothing to do, no further look."""
    decision = decide(Observation(cluster_id(), Reason.EVENT, ENFORCE, gone=True), SHIPPED, NOW)

    assert decision.action is Action.NOTHING
    assert decision.next_look is None


def test_a_cluster_that_cannot_be_read_is_unknown_and_not_unselected():
    """It keeps its management; the next look comes when Azure asked for it, or soon."""
    memory = Memory(state=State(Management.MANAGED, Condition.CURRENT))
    seen = Observation(cluster_id(), Reason.EVENT, ENFORCE, trouble="503", memory=memory)
    decision = decide(seen, SHIPPED, NOW)

    assert decision.action is Action.WAIT
    assert (decision.state.management, decision.state.condition) == (Management.MANAGED, Condition.UNKNOWN)
    assert NOW < decision.next_look <= NOW + SHIPPED.timing.unavailable_max
    assert decide(replace(seen, retry_after=900), SHIPPED, NOW).next_look == NOW + timedelta(seconds=900)


def test_extensions_that_were_not_read_are_waited_for():
    """Without their list nobody knows whether the extension is missing."""
    assert decide(looked_at(ready(), extensions=None), SHIPPED, NOW).action is Action.WAIT
