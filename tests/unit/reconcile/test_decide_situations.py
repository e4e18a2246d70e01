"""The named situations without an extension of ours: install, hold, or leave alone; under the shipped policy."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.decision import Action, LookBy
from shared.model.intent import Intent, Word
from shared.model.observation import Memory
from shared.model.request import Reason
from shared.model.state import Condition, Hold, HoldCode, Management, State
from shared.policy.model import AdoptionMode, Enforcement, EnforcementTable, Policy
from shared.reconcile.decide import decide
from tests.unit.reconcile.worlds import (
    NOW,
    SHIPPED,
    SMALL,
    cluster_id,
    extension,
    looked_at,
    pool,
    ready,
)

FOLLOW_UP = SHIPPED.timing.follow_up
MINUTE = timedelta(minutes=1)
PROD = {"aml-onboard": "true", "env": "prod", "aml-gpu": "true"}


def with_enforcement(policy: Policy = SHIPPED, **actions: Enforcement) -> Policy:
    """The policy with some actions enforced otherwise."""
    return replace(policy, enforcement=EnforcementTable(**actions))


# What ends in an install


@pytest.mark.parametrize("kind", ["aks", "arc"])
def test_a_ready_cluster_without_the_extension_gets_it(kind):
    """One Install with the policy's name, its profile and rule, and a follow-up to see how it fares."""
    decision = decide(looked_at(ready(kind)), SHIPPED, NOW)

    assert decision.action is Action.INSTALL
    assert decision.extension == "azureml"
    assert (decision.profile, decision.rule) == {
        "aks": ("poc-aks", "proof-of-concept-on-aks"),
        "arc": ("training", "the-rest"),
    }[kind]
    assert decision.desired.settings["enableTraining"] == "true"
    assert decision.next_look == NOW + FOLLOW_UP
    assert decision.state.condition is Condition.MISSING
    assert any(line.startswith("production-on-aks") for line in decision.why)


def test_the_relay_comes_first_where_it_is_missing():
    """On Arc the installation says that it makes the relay's objects, and does not where they are there."""
    cluster = ready("arc", PROD)
    missing = decide(looked_at(cluster, relay_ready=False), SHIPPED, NOW)
    there = decide(looked_at(cluster, relay_ready=True), SHIPPED, NOW)

    assert (missing.action, there.action) == (Action.INSTALL, Action.INSTALL)
    assert "What its Azure Relay lacks is made first." in missing.reason
    assert "Relay" not in there.reason


def test_a_persons_enrolment_needs_no_tag():
    """Enrolled by hand with a profile and settings of its own, an untagged cluster is installed so."""
    cluster = ready("arc", {})
    intent = Intent(
        cluster.id, Word.ENROL, "eva", "trial", NOW, profile="training", settings={"installVolcano": "false"}
    )
    decision = decide(looked_at(cluster, intent=intent), SHIPPED, NOW)

    assert decision.action is Action.INSTALL
    assert decision.profile == "training"
    assert decision.desired.settings["installVolcano"] == "false"


@pytest.mark.parametrize(
    ("enforcement", "action"),
    [
        (Enforcement.ACT, Action.INSTALL),
        (Enforcement.APPROVE, Action.HOLD),
        (Enforcement.REPORT, Action.NOTHING),
        (Enforcement.NEVER, Action.NOTHING),
    ],
)
def test_enforcement_bounds_the_install(enforcement, action):
    """What the policy does not let act is held for approval or only reported, and says what it would be."""
    decision = decide(looked_at(ready()), with_enforcement(install=enforcement), NOW)

    assert decision.action is action
    assert decision.intended is Action.INSTALL
    if action is Action.HOLD:
        assert decision.state.hold.code is HoldCode.APPROVAL
        assert decision.look_by is LookBy.SWEEP


# What holds


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (ready(provisioning_state="Updating"), "provisioningState is Updating"),
        (ready(provisioning_state=None), "provisioning-state: not known"),
        (ready(power_state="Stopped"), "power state is Stopped"),
        (ready(managed_identity=False), "service principal"),
        (ready(pools=(pool("Standard_D4ps_v5"),)), "linux/amd64"),
        (ready(pools=(pool(os_type="Windows"),)), "linux/amd64"),
        (ready("arc", connectivity="Offline"), "connectivity is Offline"),
        (ready("arc", connectivity="Expired"), "certificate has expired"),
        (ready("arc", provisioning_state="Provisioning"), "provisioningState is Provisioning"),
    ],
)
def test_a_cluster_that_cannot_take_it_is_held(cluster, said):
    """The gate before any write names what is wrong; the hold is looked at again."""
    decision = decide(looked_at(cluster), SHIPPED, NOW)

    assert decision.action is Action.HOLD
    assert decision.state.hold.code is HoldCode.PREFLIGHT
    assert said in decision.reason
    assert decision.next_look > NOW


def test_looks_at_a_hold_grow_apart_while_it_lasts():
    """The longer the same hold has lasted the later the next look, up to the policy's longest pause."""
    seen = looked_at(ready(managed_identity=False))
    pauses = []
    for lasted in (timedelta(0), timedelta(hours=1), timedelta(hours=4), timedelta(days=30)):
        hold = Hold(HoldCode.PREFLIGHT, "before", since=NOW - lasted)
        memory = Memory(state=State(Management.MANAGED, Condition.MISSING, hold))
        pauses.append(decide(replace(seen, memory=memory), SHIPPED, NOW).next_look - NOW)

    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[1] < pauses[2]
    assert pauses[-1] <= SHIPPED.timing.backoff_max


@pytest.mark.parametrize(
    ("facts", "missing"),
    [({"nodes": None}, "nodes"), ({"distribution": None}, "distribution")],
)
def test_facts_that_arc_has_not_reported_yet_hold(facts, missing):
    """A young Arc cluster is looked at often while its facts may still come; an old one at growing intervals."""
    seen = looked_at(ready("arc", **facts))
    young = decide(replace(seen, memory=Memory(first_seen=NOW - MINUTE)), SHIPPED, NOW)
    old = decide(replace(seen, memory=Memory(first_seen=NOW - timedelta(hours=1))), SHIPPED, NOW)

    assert young.state.hold.code is HoldCode.FACTS_UNKNOWN
    assert missing in young.reason
    assert young.next_look == NOW + FOLLOW_UP
    assert old.next_look > young.next_look


def test_a_malformed_onboarding_tag_holds():
    """Neither true nor false: somebody meant something, so it is not taken for "no"."""
    decision = decide(looked_at(ready(tags={"aml-onboard": "yes"})), SHIPPED, NOW)

    assert decision.state.hold.code is HoldCode.TAG_INVALID


def test_a_pause_by_tag_holds_until_its_end():
    """The hold shows the end that the tag names, and the sweep looks then."""
    until = NOW + timedelta(days=2)
    tags = {"aml-onboard": "true", "aml-pause-until": until.isoformat()}
    decision = decide(looked_at(ready(tags=tags)), SHIPPED, NOW)

    assert decision.state.hold.code is HoldCode.PAUSE
    assert decision.state.hold.until == decision.state.hold.next == decision.next_look == until
    assert decision.look_by is LookBy.SWEEP


def test_a_guardrail_holds_whoever_asks():
    """A person's own settings do not get past a guardrail either."""
    cluster = ready(tags=PROD)
    intent = Intent(
        cluster.id, Word.ENROL, "eva", "", NOW, profile="poc-aks", settings={"allowInsecureConnections": "true"}
    )
    decision = decide(looked_at(cluster, intent=intent), SHIPPED, NOW)

    assert decision.state.hold.code is HoldCode.GUARDRAIL
    assert "production-speaks-https" in decision.reason


# What is nobody's business, or not to be touched


@pytest.mark.parametrize(
    ("tags", "management"),
    [({}, Management.NOT_SELECTED), ({"AML-Onboard": "False"}, Management.HANDS_OFF)],
)
def test_unselected_clusters_are_left_alone(tags, management):
    """No tag, or the tag that says hands off: nothing is done, even with an extension that failed."""
    decision = decide(looked_at(ready(tags=tags), extension("Failed")), SHIPPED, NOW)

    assert decision.action is Action.NOTHING
    assert decision.state.management is management


def test_an_event_about_an_unselected_cluster_is_looked_at_once_more():
    """The tag that an event speaks of may come late; a follow-up or a sweep asks no further."""
    seen = looked_at(ready(tags={}))

    assert decide(seen, SHIPPED, NOW).next_look == NOW + SHIPPED.timing.second_look
    assert decide(replace(seen, reason=Reason.FOLLOW_UP), SHIPPED, NOW).next_look is None
    assert decide(replace(seen, reason=Reason.SWEEP), SHIPPED, NOW).next_look is None


def test_an_exempt_cluster_is_left_alone():
    """The policy's exception says so until its end."""
    cluster = replace(ready("arc"), id=cluster_id("arc", "exempt"))

    assert decide(looked_at(cluster), SMALL, NOW).state.management is Management.EXEMPT


def test_two_extensions_are_a_conflict():
    """Both are named, neither is written to."""
    seen = looked_at(ready(), extension(name="b"), extension("Failed", name="a"))
    decision = decide(seen, SHIPPED, NOW)

    assert decision.action is Action.NOTHING
    assert decision.state.condition is Condition.CONFLICT
    assert "a, b" in decision.reason


def test_a_name_taken_by_another_type_is_a_conflict():
    """Nothing is sent over somebody's extension of another type."""
    decision = decide(looked_at(ready(), extension(name="AzureML", type="microsoft.flux")), SHIPPED, NOW)

    assert decision.action is Action.NOTHING
    assert decision.state.condition is Condition.CONFLICT


def test_other_types_beside_ours_do_not_matter():
    """An extension of another type under another name is none of our business."""
    decision = decide(looked_at(ready(), extension(name="flux", type="microsoft.flux")), SHIPPED, NOW)

    assert decision.action is Action.INSTALL


@pytest.mark.parametrize("state", ["Succeeded", "Failed"])
def test_the_platforms_own_extension_is_left_alone(state):
    """A system-managed extension is never written to, whatever its state."""
    decision = decide(looked_at(ready(), extension(state, system_managed=True)), SHIPPED, NOW)

    assert decision.action is Action.NOTHING
    assert decision.state.management is Management.ADOPTION_PENDING


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "Canceled"])
@pytest.mark.parametrize("mode", AdoptionMode)
def test_somebody_elses_extension_is_reported_and_kept(state, mode):
    """Under its own name; written by none of the adoption modes but `converge`, and there what is safe alone."""
    foreign = extension(state, name="theirs", created_by="somebody@example.com", settings={"enableTraining": "False"})
    decision = decide(looked_at(ready(), foreign), replace(SHIPPED, adoption=mode), NOW)

    if mode is AdoptionMode.CONVERGE and state == "Succeeded":
        assert decision.action is Action.UPDATE
        assert decision.patch == {"enableTraining": "true", "cluster_name_friendly": "Clu-1"}
    else:
        assert decision.action is Action.NOTHING
        assert not decision.intended.writes
    assert decision.extension == "theirs"
    if state == "Succeeded" and mode is not AdoptionMode.IGNORE:
        assert decision.state.condition is Condition.DRIFTED
        assert decision.changes["enableTraining"] == ("False", "true")
