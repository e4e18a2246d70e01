"""What is seen inside a cluster: verification, running work, GPUs, and traces of a removal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.model.decision import Action, LookBy, Want
from shared.model.inside import Activity, Existing, Form, Inside, Node, Part, RunningWork, Workload
from shared.model.intent import Intent, Word
from shared.model.state import Condition, HoldCode, Verified
from shared.policy.model import AksAccess, Depth, Enforcement, EnforcementTable, LookFirst, VerificationChoice
from shared.reconcile.decide import decide
from shared.reconcile.inputs import basis_of
from shared.reconcile.record import remembered
from tests.unit.reconcile.worlds import NOW, SHIPPED, installed, looked_at, ready, removal

MINUTE = timedelta(minutes=1)
WATCHED = replace(SHIPPED, verification=VerificationChoice(AksAccess.USER, "https://v.example/secrets/k"))
ACT = replace(WATCHED, enforcement=EnforcementTable(update_disruptive=Enforcement.ACT))
NAMES = (
    "gateway",
    "aml-operator",
    "metrics-controller-manager",
    "azureml-kube-state-metrics",
    "azureml-prometheus-operator",
    "amlarc-identity-controller",
    "amlarc-identity-proxy",
    "azureml-fe-v2",
    "inference-operator-controller-manager",
    "volcano-admission",
    "volcano-controllers",
    "volcano-scheduler",
)


def workload(name, form=Form.DEPLOYMENT, *, ready=1, release="azureml"):
    """A workload of namespace azureml that wants one pod."""
    return Workload("azureml", name, form, 1, ready, release, ("manager", "fluent-bit"))


def inside(at=NOW, *, unready=(), activity=Activity.IDLE, **facts):
    """A look inside an AKS cluster with every component of training and inference."""
    workloads = tuple(workload(name, ready=0 if name in unready else 1) for name in NAMES)
    workloads += (workload("prometheus-prom-prometheus", Form.STATEFULSET),)
    workloads += (workload("fluent-bit", Form.DAEMONSET),)
    given = {"namespace": "Active", "workloads": workloads, "pods": (), "nodes": (), "existing": ()}
    given |= {"work": RunningWork(activity, at, "1 job runs" if activity is Activity.BUSY else "")}
    return Inside(at, access="user", **(given | facts))


def node(name="n", *, gpus=0):
    """A node of eight cores."""
    return Node(name, {}, "linux", "amd64", 8, 32, gpus, ready=True, schedulable=True)


def test_a_look_inside_is_due_after_an_install_and_then_once_a_day():
    """Verify while nothing is known; afterwards the sweep asks again when the day is over."""
    seen = installed(ready())
    first = decide(seen, WATCHED, NOW)
    looked = replace(seen, inside=inside())
    second = decide(looked, WATCHED, NOW)
    memory = remembered(looked, second, WATCHED, NOW)
    between = decide(replace(seen, memory=memory), WATCHED, NOW + timedelta(hours=23))
    due = decide(replace(seen, memory=memory), WATCHED, NOW + timedelta(hours=25))

    assert (first.action, first.wants) == (Action.VERIFY, {Want.INSIDE})
    assert second.action is Action.NOTHING, second.reason
    assert second.state.verified is Verified.COMPONENTS
    assert (second.next_look, second.look_by) == (NOW + timedelta(days=1), LookBy.SWEEP)
    assert between.action is Action.NOTHING
    assert between.state.verified is Verified.COMPONENTS
    assert due.action is Action.VERIFY


def test_without_a_way_in_the_cluster_is_verified_by_arm_only():
    """Nothing is asked for, and compliance follows what the policy requires."""
    seen = installed(ready())
    plain = decide(seen, SHIPPED, NOW)
    strict = replace(SHIPPED, verification=VerificationChoice(require=Depth.COMPONENTS))

    assert plain.action is Action.NOTHING
    assert plain.state.verified is Verified.ARM_ONLY
    assert plain.state.compliant
    assert not decide(seen, strict, NOW).state.compliant


def test_a_component_that_stays_unready_degrades_the_cluster_by_name():
    """Within the grace it is looked at again soon; after it the cluster is Degraded; nothing is written for that."""
    seen = installed(ready())
    early = decide(replace(seen, inside=inside(unready=("azureml-fe-v2",))), WATCHED, NOW)
    memory = remembered(replace(seen, inside=inside(unready=("azureml-fe-v2",))), early, WATCHED, NOW)
    later = NOW + timedelta(minutes=11)
    again = replace(seen, memory=memory, inside=inside(later, unready=("azureml-fe-v2",)))
    late = decide(again, WATCHED, later)
    healed = decide(replace(again, inside=inside(later)), WATCHED, later)

    assert early.state.condition is Condition.CURRENT
    assert early.look_by is LookBy.MESSAGE
    assert early.next_look <= NOW + 2 * MINUTE
    assert late.state.condition is Condition.DEGRADED
    assert "azureml-fe-v2" in late.reason
    assert late.action is Action.NOTHING
    assert not late.intended.writes
    assert healed.state.condition is Condition.CURRENT


def test_an_api_server_that_cannot_be_reached_is_told_and_no_fault():
    """The extension stands by ARM's word; why nobody could look inside is advice."""
    decision = decide(replace(installed(ready()), inside=Inside(NOW, trouble={"access": "403."})), WATCHED, NOW)

    assert decision.action is Action.NOTHING
    assert decision.state.condition is Condition.CURRENT
    assert decision.state.verified is Verified.ARM_ONLY
    assert "403." in decision.advice


@pytest.mark.parametrize("activity", [Activity.BUSY, Activity.UNKNOWN, Activity.IDLE])
def test_a_disruptive_change_waits_for_an_idle_cluster(activity):
    """Busy and unknown hold, whatever the policy lets act; only what was seen idle is changed."""
    small = installed(ready(tags={"aml-onboard": "true", "aml-profile": "training"}))
    grown = replace(small, cluster=replace(small.cluster, tags={"aml-onboard": "true"}))
    decision = decide(replace(grown, inside=inside(activity=activity)), ACT, NOW)

    if activity is Activity.IDLE:
        assert decision.action is Action.UPDATE
    else:
        assert decision.state.hold.code is HoldCode.BUSY
        assert decision.intended is Action.UPDATE
        assert activity.value in decision.reason


def test_gpus_that_were_seen_decide_the_rule_on_arc():
    """Azure does not tell of GPUs on Arc: the nodes do, at the look and from memory afterwards."""
    cluster = ready("arc", {"aml-onboard": "true", "env": "prod"})
    blind = decide(looked_at(cluster), WATCHED, NOW)
    seeing = looked_at(cluster, inside=inside(nodes=(node(gpus=2), node(), node()), workloads=(), secrets={}))
    decision = decide(seeing, WATCHED, NOW)

    assert blind.state.hold.code is HoldCode.FACTS_UNKNOWN
    assert Want.INSIDE in blind.wants
    assert decision.profile == "production-arc-gpu"


def test_our_own_components_in_the_cluster_change_nothing():
    """Components of our own release are no reason to switch an install flag."""
    own = tuple(Existing(part, "azureml", part.value, "azureml") for part in Part)
    seen = replace(installed(ready()), inside=inside(existing=own))

    assert not decide(seen, WATCHED, NOW).changes


def test_a_terminating_namespace_is_waited_for():
    """Nothing is installed into a namespace that is still being removed."""
    decision = decide(looked_at(ready(), inside=inside(namespace="Terminating", workloads=())), WATCHED, NOW)

    assert decision.action is Action.WAIT
    assert "still being removed" in decision.reason


def test_an_idle_cluster_may_be_emptied_without_a_second_word():
    """`remove: approve` is satisfied by a person's word on an idle cluster; a busy one wants acceptDisruption."""
    seen = installed(ready())
    asked = replace(seen, intent=removal(seen.cluster, accept=False), computes=("/x/workspaces/ml/computes/k8s",))
    idle = decide(replace(asked, inside=inside()), WATCHED, NOW)
    busy = decide(replace(asked, inside=inside(activity=Activity.BUSY)), WATCHED, NOW)

    assert idle.action is Action.REMOVE
    assert "ml/computes/k8s" in idle.reason
    assert busy.state.hold.code is HoldCode.APPROVAL
    assert "1 job runs" in busy.reason


def test_after_a_removal_only_an_unused_relay_of_ours_is_removed():
    """The relay is looked at first, and goes only where nobody else uses it; then nothing is left to do."""
    cluster = ready("arc")
    seen = looked_at(cluster, intent=removal(cluster), relay_ready=None)
    seen = replace(seen, memory=replace(seen.memory, sent_at=NOW - MINUTE))
    unknown = decide(seen, SHIPPED, NOW)

    assert Want.RELAY_USE in unknown.wants
    assert unknown.action is Action.NOTHING
    assert decide(replace(seen, relay_unused=False), SHIPPED, NOW).action is Action.NOTHING
    assert decide(replace(seen, relay_unused=True), SHIPPED, NOW).action is Action.REMOVE_RELAY


def test_a_cluster_whose_turn_has_not_come_is_looked_into_when_it_comes():
    """Azure hands out credentials one a second: an install waits for its turn, for a while; a standing one is verified.

    Who has waited as long as for late facts goes ahead without the look.
    """
    turn = Inside(NOW, trouble={"access": "one a second"}, retry_after=40.0)
    missing = replace(looked_at(ready(), inside=turn), relay_ready=True)
    waiting = decide(missing, WATCHED, NOW)
    long_known = replace(missing.memory, first_seen=NOW - timedelta(hours=1))
    ahead = decide(replace(missing, memory=long_known), WATCHED, NOW)
    standing = decide(replace(installed(ready()), inside=turn), WATCHED, NOW)

    assert (waiting.action, waiting.intended) == (Action.WAIT, Action.INSTALL)
    assert (waiting.next_look, waiting.look_by) == (NOW + timedelta(seconds=40), LookBy.MESSAGE)
    assert ahead.action is Action.INSTALL, ahead.reason
    assert (standing.action, standing.state.verified) == (Action.NOTHING, Verified.ARM_ONLY)
    assert (standing.next_look, standing.look_by) == (NOW + timedelta(seconds=40), LookBy.MESSAGE)


def test_a_removal_says_when_the_attached_computes_could_not_be_listed():
    """Silence would read as: none is attached."""
    seen = replace(installed(ready()), intent=removal(ready()), inside=inside(), computes_trouble="403 Forbidden.")
    decision = decide(seen, WATCHED, NOW)

    assert "could not be listed: 403 Forbidden" in decision.reason
    assert Want.COMPUTES not in decision.wants


@pytest.mark.parametrize(
    ("policy", "facts", "looks"),
    [
        (WATCHED, {}, False),
        (replace(WATCHED, verification=replace(WATCHED.verification, look_first=LookFirst.ALWAYS)), {}, True),
        (WATCHED, {"attempts": 1, "failed_at": NOW - timedelta(days=1)}, True),
        (WATCHED, {"sent_at": NOW - timedelta(days=1)}, True),
    ],
    ids=["plain", "always", "failed-before", "installed-before"],
)
def test_an_installation_looks_into_its_cluster_first_where_that_decides_something(policy, facts, looks):
    """Azure hands out credentials one a second: a plain first installation goes without."""
    seen = looked_at(ready())
    basis = {"basis": basis_of(policy, ready(), None, NOW)}
    decision = decide(replace(seen, memory=replace(seen.memory, **(basis | facts))), policy, NOW)
    assert decision.action is Action.INSTALL, decision.reason
    assert (Want.INSIDE in decision.wants) is looks


def test_settings_that_depend_on_the_cluster_are_looked_up_first():
    """`auto` follows what is there already, and a secret that a profile names must exist."""
    training = WATCHED.profiles["training"]
    origin = next(iter(training.origins.values()))
    served = {"enableInference": "true", "inferenceRouterServiceType": "LoadBalancer", "sslCname": "ml.example.com"}
    for more in ({"installVolcano": "auto"}, served | {"sslSecret": "inference-tls"}):
        origins = {**training.origins, **dict.fromkeys(more, origin)}
        profile = replace(training, settings={**training.settings, **more}, origins=origins)
        policy = replace(WATCHED, profiles={**WATCHED.profiles, "training": profile})
        enrolled = Intent(ready().id, Word.ENROL, "eva", "", NOW, profile="training")
        decision = decide(replace(looked_at(ready()), intent=enrolled), policy, NOW)
        assert Want.INSIDE in decision.wants, (more, decision.reason)
