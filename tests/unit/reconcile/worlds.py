"""Clusters, extensions, memories and whole observations: plain builders, and strategies over every state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st

from shared.azureml.drift import fingerprint
from shared.model.cluster import Cluster, NodePool, Source
from shared.model.extension import Extension
from shared.model.gates import Gates, Mode
from shared.model.hand import Hand, Revert
from shared.model.identity import ClusterId, Kind
from shared.model.inside import Activity, Existing, Inside, Part, RunningWork, Verification
from shared.model.intent import Intent, Word
from shared.model.observation import FollowUp, Memory, Observation, Unanswered
from shared.model.request import Reason
from shared.model.state import Condition, Hold, HoldCode, Management, Reachability, State
from shared.model.surroundings import Surroundings
from shared.policy.loading import parse_policy
from shared.policy.model import (
    AdoptionMode,
    AksAccess,
    Depth,
    Enforcement,
    EnforcementTable,
    Policy,
    PolicyText,
    PreflightChoice,
    VerificationChoice,
)
from shared.reconcile.decide import decide
from shared.reconcile.inputs import basis_of, choice_of

NOW = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TYPE = "Microsoft.AzureML.Kubernetes"
OURS = "0c0ffee0-0000-0000-0000-000000000001"
OWN_NAMES = frozenset({OURS})
ENFORCE = Gates(Mode.ENFORCE)


def _policy(text: str) -> Policy:
    # Without its texts, which would fill the screen when an example fails.
    return replace(parse_policy([PolicyText("policy.yaml", text)]), texts=())


# Without the way into AKS clusters that it opens: tests of what is seen inside open it themselves.
SHIPPED = replace(
    _policy((Path(__file__).parents[3] / "policy.yaml").read_text(encoding="utf-8")), verification=VerificationChoice()
)
SMALL = _policy(
    """
version: 1
extension: {name: ml}
profiles:
  train: {selectableByTag: true, settings: {enableTraining: true}}
  serve:
    extends: train
    settings: {enableInference: true, allowInsecureConnections: true, inferenceRouterHA: auto}
rules:
  - {name: big, when: "cluster.nodes > 4", profile: serve}
  - {name: rest, match: {tags: {env: prod}}, profile: train}
noRuleMatched: ignore
tagOverrides: {allow: ["*"]}
exceptions:
  - cluster: >-
      /subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Kubernetes/connectedClusters/exempt
    until: 2027-01-01T00:00:00Z
    owner: eva
    exempt: true
guardrails:
  - {name: quiet, match: {tags: {env: prod}}, forbidSettings: {allowInsecureConnections: true}}
remediation: {maxAttempts: 2}
"""
)

MODERATE = settings(max_examples=80, deadline=None, database=None)

# What Helm says of a release that never stood: the one text that allows a reinstall.
BROKEN = 'Error: UPGRADE FAILED: "azureml" has no deployed releases'
# Every provisioningState of the swagger (2023-05-01 to 2025-03-01), one of older documentation, and two
# that nobody has invented yet.
STATES = ("Succeeded", "Failed", "Canceled", "Creating", "Updating", "Deleting", "Pending", "Hibernating", "")


def cluster_id(kind: str = "aks", name: str = "clu-1") -> ClusterId:
    """An id in the subscription of these tests."""
    return ClusterId(SUBSCRIPTION, "rg", Kind(kind), name)


def pool(size: str = "Standard_D4s_v5", count: int | None = 3, os_type: str = "Linux") -> NodePool:
    """An AKS agent pool."""
    return NodePool("system", count, None, None, size, os_type, "System", "Running")


def ready(kind: str = "aks", tags: dict[str, str] | None = None, *, nodes: int | None = 3, **facts: object) -> Cluster:
    """A cluster with nothing in the way of an install, tagged for onboarding unless `tags` are given."""
    identity = cluster_id(kind)
    shape: dict[str, object] = {"provisioning_state": "Succeeded", "nodes": nodes, "incarnation": "first"}
    shape["source"] = Source.ARM
    if kind == "aks":
        shape |= {"power_state": "Running", "managed_identity": True, "distribution": "aks", "pools": (pool(),)}
        shape |= {"gpu": False}
    else:
        shape |= {"connectivity": "Connected", "distribution": "k3s"}
    tagged = {"aml-onboard": "true"} if tags is None else tags
    return Cluster(identity, "Clu-1", "RG", "westeurope", tagged, **(shape | facts))  # type: ignore[arg-type]


def extension(state: str = "Succeeded", **facts: object) -> Extension:
    """An Azure Machine Learning extension that Muster's identity created."""
    given: dict[str, object] = {"name": "azureml", "type": TYPE, "created_by": OURS}
    return Extension(provisioning_state=state, **(given | facts))  # type: ignore[arg-type]


def looked_at(cluster: Cluster, *extensions: Extension, **facts: object) -> Observation:
    """What a look sees whose gates are open; `facts` replace fields."""
    given: dict[str, object] = {"cluster": cluster, "extensions": extensions, "own_names": OWN_NAMES}
    given |= {"gates": ENFORCE, "relay_ready": True}
    return Observation(cluster.id, Reason.EVENT, **(given | facts))  # type: ignore[arg-type]


def installed(cluster: Cluster, policy: Policy = SHIPPED, state: str = "Succeeded", **facts: object) -> Observation:
    """The same cluster after Muster installed what the policy wants on it."""
    decision = decide(looked_at(cluster), policy, NOW - timedelta(hours=1))
    desired = decision.desired
    assert desired is not None, decision.reason
    memory = Memory(
        profile=decision.profile,
        rule=decision.rule,
        sent=fingerprint(desired),
        sent_at=NOW - timedelta(hours=1),
        sent_keys=tuple(sorted(desired.settings)),
        succeeded=state == "Succeeded",
        choice=decision.choice,
        basis=basis_of(policy, cluster, None, NOW),
        incarnation=cluster.incarnation,
        first_seen=NOW - timedelta(hours=2),
        state=State(Management.MANAGED, Condition.CURRENT),
    )
    given: dict[str, object] = {"memory": memory} | facts
    return looked_at(cluster, extension(state, name=decision.extension, settings=dict(desired.settings)), **given)


def idle(seen: Observation) -> Observation:
    """The same, with a look inside that found no job and no endpoint."""
    return replace(seen, inside=Inside(NOW, access="user", work=RunningWork(Activity.IDLE, NOW)))


def removal(cluster: Cluster, *, accept: bool = True, **facts: object) -> Intent:
    """A person's word that the extension be removed."""
    return Intent(cluster.id, Word.REMOVE, "eva", "not needed", NOW, accept_disruption=accept, **facts)  # type: ignore[arg-type]


# Strategies

moments = st.integers(-90 * 60, 3 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))
past = st.integers(0, 90 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
_tags = st.fixed_dictionaries(
    {},
    optional={
        "env": st.sampled_from(["prod", "PROD", "dev", ""]),
        "aml-gpu": st.sampled_from(["true", "false", "perhaps"]),
        "aml-profile": st.sampled_from([*SHIPPED.profiles, "train", "serve", "nonesuch"]),
        "aml-pause-until": st.sampled_from(
            ["2026-08-23T00:00:00Z", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00+14:00", "?"]
        ),
        "aml-set-installVolcano": st.sampled_from(["false", "true", "maybe"]),
        "aml-set-allowInsecureConnections": st.sampled_from(["true", "false"]),
        "aml-set-nonsense": st.text(max_size=5),
    },
)
_onboard = st.sampled_from([*[{"aml-onboard": "true"}] * 8, {}, {"AML-Onboard": "FALSE"}, {"aml-onboard": "yes"}])


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    """Any cluster of either kind: mostly fit for an install, any fact unknown or against it."""
    kind = draw(st.sampled_from(Kind))
    tags = draw(st.sampled_from([{}, {"env": "prod"}]) | _tags) | draw(_onboard)
    cluster = ready(kind, tags, nodes=draw(st.none() | st.integers(0, 8)), source=draw(st.sampled_from(Source)))
    cluster = replace(cluster, id=cluster_id(kind, draw(st.sampled_from(["clu-1", "clu-1", "exempt"]))))
    against = {
        "provisioning_state": st.sampled_from([None, "Updating", "Failed", "succeeded"]),
        "power_state": st.sampled_from([None, "Stopped"]),
        "connectivity": st.sampled_from([None, "Connecting", "Offline", "Expired", "AgentNotInstalled", "New"]),
        "managed_identity": st.sampled_from([None, False]),
        "distribution": st.sampled_from([None, "openshift", "aks"]),
        "pools": st.sampled_from([None, (), (pool("Standard_D4ps_v5"),), (pool("Standard_NC6"), pool(count=None))]),
        "gpu": st.sampled_from([None, True]),
        "incarnation": st.sampled_from([None, "second"]),
        "kubernetes_version": st.just("1.31.2"),
    }
    hindered = draw(st.lists(st.sampled_from([*against]), max_size=2, unique=True))
    return replace(cluster, **{name: draw(against[name]) for name in hindered})


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """The shipped policy as it is, or the small one with any enforcement and any adoption mode."""
    if draw(st.booleans()):
        return SHIPPED
    table = {name: draw(st.sampled_from(Enforcement)) for name in EnforcementTable.__slots__}
    return replace(SMALL, enforcement=EnforcementTable(**table), adoption=draw(st.sampled_from(AdoptionMode)))


@st.composite
def intents(draw: st.DrawFn, cluster: Cluster) -> Intent:
    """Any word about a cluster, whether it still stands or not."""
    return Intent(
        cluster.id,
        draw(st.sampled_from(Word)),
        "eva",
        draw(st.sampled_from(["", "because."])),
        NOW - timedelta(days=1),
        profile=draw(st.sampled_from([None, *SHIPPED.profiles, "train", "serve", "nonesuch"])),
        settings=draw(st.sampled_from([{}, {"installVolcano": "false"}, {"allowInsecureConnections": "true"}])),
        until=draw(st.none() | moments),
        accept_disruption=draw(st.booleans()),
        incarnation=draw(st.sampled_from([None, "first", "second"])),
    )


_reverts = st.lists(st.builds(Revert, past, st.sampled_from(Hand)), max_size=3).map(tuple)
_unanswered = st.builds(
    Unanswered, st.booleans(), st.none() | moments, sent=st.sampled_from([None, "before"]), sent_at=st.none() | past
)
_holds = st.builds(Hold, st.sampled_from(HoldCode), st.just("told"), since=st.none() | moments)
_states = st.builds(
    State, st.sampled_from(Management), st.sampled_from(Condition), st.none() | _holds, st.sampled_from(Reachability)
)


@st.composite
def memories(draw: st.DrawFn, cluster: Cluster, policy: Policy, sent: str | None) -> Memory:
    """Any memory: none, of the very same inputs, of other ones, or of what the wanted body was."""
    here = choice_of(policy, cluster, None, NOW), basis_of(policy, cluster, None, NOW)
    return Memory(
        state=draw(st.none() | _states),
        profile=draw(st.sampled_from([None, *policy.profiles, "gone"])),
        reason=draw(st.sampled_from(["", "before"])),
        attempts=draw(st.integers(0, 7)),
        failed_at=draw(st.none() | moments),
        sent=draw(st.sampled_from([None, sent, "something else"])),
        sent_at=draw(st.none() | moments),
        sent_keys=draw(st.sampled_from([(), ("enableTraining", "old.key")])),
        succeeded=draw(st.booleans()),
        choice=draw(st.sampled_from([None, here[0], "other"])),
        basis=draw(st.sampled_from([None, here[1], "other"])),
        first_seen=draw(st.none() | past),
        trouble_since=draw(st.none() | moments),
        next_look=draw(st.none() | moments),
        follow_up=draw(st.none() | st.just(FollowUp("1", "r"))),
        version=draw(st.sampled_from([None, None, "1.1.90"])),
        reverts=draw(_reverts),
        reinstalled_at=draw(st.none() | st.none() | past),
        unanswered=draw(st.none() | st.none() | _unanswered),
        anew_since=draw(st.none() | st.none() | past),
    )


@st.composite
def extensions(draw: st.DrawFn, wanted: dict[str, str]) -> Extension:
    """One extension: ours or another's, of any state, with the wanted settings or others."""
    changed = draw(
        st.sampled_from([{}, {}, {"enableTraining": "False"}, {"nodeCount": "9"}, {"allowInsecureConnections": "true"}])
    )
    dropped = draw(st.sampled_from([(), (), ("enableTraining",), ("cluster_name",)]))
    chosen = draw(st.sampled_from([wanted, wanted, {}])) | changed
    return Extension(
        name=draw(st.sampled_from(["azureml", "azureml", "ml", "AzureML", "flux"])),
        type=draw(st.sampled_from([TYPE, TYPE, TYPE.lower(), "microsoft.flux", ""])),
        provisioning_state=draw(st.sampled_from(STATES)),
        settings={key: value for key, value in chosen.items() if key not in dropped},
        current_version=draw(st.sampled_from([None, "1.1.90"])),
        release_train=draw(st.sampled_from([None, "stable", "Preview"])),
        auto_upgrade_minor_version=draw(st.sampled_from([None, True, False])),
        error_code=draw(st.sampled_from(["", "ExtensionOperationFailed"])),
        error_message=draw(st.sampled_from(["", "Error: timed out waiting for the condition", BROKEN])),
        system_managed=draw(st.sampled_from([False, False, False, True])),
        created_by=draw(st.sampled_from([None, OURS, OURS.upper(), "somebody@example.com"])),
        modified_at=draw(st.none() | moments),
        created_at=draw(st.none() | st.just(NOW) | past),
        modified_by=draw(st.sampled_from([None, OURS, "somebody@example.com"])),
        modified_by_type=draw(st.sampled_from([None, "User", "Application", "ManagedIdentity"])),
    )


_insides = st.builds(
    Inside,
    st.just(NOW),
    access=st.sampled_from(["", "user"]),
    namespace=st.sampled_from([None, "", "Active", "Terminating"]),
    workloads=st.sampled_from([None, ()]),
    pods=st.sampled_from([None, ()]),
    nodes=st.sampled_from([None, ()]),
    existing=st.sampled_from([None, (Existing(Part.VOLCANO, "volcano-system", "volcano-scheduler", "theirs"),)]),
    secrets=st.sampled_from([None, {}]),
    healthcheck=st.sampled_from([None, {}, {"reports-pre-install": "Status: Failed ErrorCode: E40001"}, {"?": "\0"}]),
    legacy=st.sampled_from([None, (), ("deployment azureml-fe",)]),
    load_balancer=st.sampled_from([None, False]),
    work=st.none() | st.builds(RunningWork, st.sampled_from(Activity), st.just(NOW), st.just("told")),
    trouble=st.sampled_from([{}, {"access": "refused."}]),
)
_surroundings = st.builds(
    Surroundings,
    providers=st.sampled_from([None, {}, {"microsoft.kubernetesconfiguration": "NotRegistered"}]),
    kubernetes_versions=st.sampled_from([None, ("1.33",)]),
)
_verifications = st.builds(
    Verification,
    past,
    st.booleans(),
    faults=st.sampled_from([(), ("gateway (deployment): 0 of 1 pods ready",)]),
    since=st.none() | past,
    gpu=st.sampled_from([None, True, False]),
)
_LOOKING = VerificationChoice(AksAccess.USER, "https://vault.example/secrets/{cluster.name}", Depth.COMPONENTS)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Observation, Policy]:
    """Any observation, under the shipped policy or a small one with any enforcement."""
    policy, cluster = draw(policies()), draw(clusters())
    intent = draw(st.none() | st.none() | intents(cluster))
    clean = replace(looked_at(cluster), intent=intent)
    desired = decide(clean, policy, NOW).desired
    wanted = dict(desired.settings) if desired else {"enableTraining": "True"}
    memory = draw(st.just(Memory()) | memories(cluster, policy, fingerprint(desired) if desired else None))
    found = draw(st.none() | st.lists(extensions(wanted), max_size=3).map(tuple))
    seen = replace(
        clean,
        reason=draw(st.sampled_from(Reason)),
        gates=Gates(
            draw(st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.REPORT])),
            draw(st.sampled_from([False, False, True])),
        ),
        extensions=found,
        memory=memory,
        relay_ready=draw(st.sampled_from([True, False, None])),
        intents_readable=draw(st.sampled_from([True, True, True, False])),
        own_names=draw(st.sampled_from([OWN_NAMES, frozenset()])),
        management_groups=draw(st.sampled_from([None, frozenset(), frozenset({"corp"})])),
        surroundings=draw(st.none() | _surroundings),
        inside=draw(st.none() | _insides),
        relay_unused=draw(st.sampled_from([None, True, False])),
        computes=draw(st.sampled_from([None, (), ("/workspaces/ml/computes/k8s",)])),
    )
    seen = replace(seen, memory=replace(seen.memory, verification=draw(st.none() | _verifications)))
    if draw(st.booleans()):
        preflight = PreflightChoice(register_providers=draw(st.booleans()))
        policy = replace(policy, verification=_LOOKING, preflight=preflight)
    fate = draw(st.sampled_from(["read"] * 8 + ["gone", "troubled"]))
    if fate == "gone":
        return replace(seen, cluster=None, gone=True), policy
    if fate == "troubled":
        after = draw(st.sampled_from([None, 0.0, 17.0, 3600.0]))
        return replace(seen, cluster=None, trouble=draw(st.sampled_from(["", "503"])), retry_after=after), policy
    return seen, policy
