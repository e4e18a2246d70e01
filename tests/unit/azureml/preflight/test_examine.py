"""All checks together: order, severities, what holds a cluster, and that ignorance never passes."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.azureml.preflight import CHECKS, PROVIDER, Question, blocking, examine, settled
from shared.model.check import Severity, Verdict
from shared.model.cluster import Cluster, NodePool, Source
from shared.model.identity import ClusterId, Kind
from shared.model.inside import Existing, Inside, Node, Part
from shared.model.surroundings import MachineSize, Surroundings
from tests.unit.azureml.preflight.questions import INFERENCE, answer, ask

PAGE = Path(__file__).parents[4] / "docs" / "preflight.md"
IDS = [check.id for check in CHECKS]


def test_answers_come_in_one_order():
    """That of the list, for every question; no id stands twice."""
    assert [result.id for result in examine(ask())] == IDS
    assert [result.id for result in examine(ask("arc", settings=INFERENCE))] == IDS
    assert len(set(IDS)) == len(IDS)
    assert PROVIDER in IDS


@pytest.mark.parametrize("kind", ["aks", "arc"])
def test_a_healthy_cluster_is_held_by_nothing(kind):
    """Even where nobody could look inside it."""
    assert blocking(examine(ask(kind, settings=INFERENCE))) == ()
    assert settled(ask(kind).cluster) == ()


def test_a_failed_check_holds():
    """One that blocks does, one that warns does not."""
    question = ask(properties={"powerState": {"code": "Stopped"}, "networkProfile": {"outboundType": "none"}})

    assert [result.id for result in blocking(examine(question))] == ["power-state"]


@pytest.mark.parametrize(
    ("kind", "unknown", "body", "held"),
    [
        ("aks", {"provisioningState": None}, {}, ["provisioning-state"]),
        ("aks", {"powerState": None}, {}, ["power-state"]),
        ("aks", {"servicePrincipalProfile": None}, {"identity": None}, ["service-principal"]),
        ("aks", {"agentPoolProfiles": None}, {}, ["linux-amd64-pool"]),
        ("arc", {"connectivityStatus": None}, {}, ["arc-connectivity"]),
        ("aks", {"disableLocalAccounts": None}, {}, []),
        ("arc", {"distribution": None, "totalNodeCount": None, "arcAgentProfile": None}, {}, []),
    ],
)
def test_facts_that_arm_always_tells_hold_where_they_are_missing(kind, unknown, body, held):
    """A gate does not open on ignorance; what needs another source does not hold for want of it."""
    results = blocking(examine(ask(kind, unknown, body=body)))

    assert [result.id for result in results] == held
    assert all(result.verdict is Verdict.NOT_EVALUATED for result in results)


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_severities_stay_within_their_bounds(check):
    """A policy may lower a check as far as its lowest severity, and never raise it."""
    rank = list(Severity).index
    for wanted in Severity:
        severity = answer(check.id, ask(severities={check.id: wanted})).severity
        assert rank(check.severity) <= rank(severity) <= rank(check.lowest)
        if rank(check.severity) <= rank(wanted) <= rank(check.lowest):
            assert severity is wanted


def test_a_lowered_check_holds_no_longer():
    """Local accounts are the case in point, where Trusted Access is set up."""
    disabled = {"disableLocalAccounts": True}

    assert [result.id for result in blocking(examine(ask(properties=disabled)))] == ["local-accounts"]
    for severity in (Severity.WARN, Severity.OFF):
        assert blocking(examine(ask(properties=disabled, severities={"local-accounts": severity}))) == ()


def test_the_page_lists_every_check():
    """docs/preflight.md: id, severity, lowest severity and whether it holds unanswered, in the order of the list."""
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (\w+) \| (yes|no) \|", PAGE.read_text(), re.MULTILINE)

    assert rows == [
        (check.id, check.severity.value, check.lowest.value, "yes" if check.needed else "no") for check in CHECKS
    ]


# Any question at all

words = st.none() | st.sampled_from(["", "Succeeded", "Running", "Connected", "Offline", "loadBalancer", "none", "é"])
flags = st.none() | st.booleans()
counts = st.none() | st.integers(0, 9)
labels = st.dictionaries(st.sampled_from(["a", "agentpool", "accelerator", "x.kubernetes.io/y"]), words.map(str))
sizes = st.none() | st.sampled_from(["Standard_D4s_v5", "Standard_D4ps_v5", "Standard_NC6s_v3", "nonsense", ""])
networks = st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "1.2.3.4", "::/0", "AzureCloud", "", "999.1.1.1/99"])
versions = st.sampled_from(["1.33", "v1.32.1+k3s1", "1", "", "x.y", "1." + "9" * 5000, "²."])
times = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis wants them bare

pool = st.builds(
    NodePool,
    name=st.sampled_from(["", "system", "gpu"]),
    count=counts,
    min_count=counts,
    max_count=counts,
    vm_size=sizes,
    os_type=st.sampled_from([None, "Linux", "Windows"]),
    mode=words,
    power_state=st.sampled_from([None, "Running", "Stopped"]),
    labels=labels.map(lambda found: tuple(found.items())),
    gpu_driver=st.sampled_from([None, "None", "Install", "Managed"]),
    autoscaled=st.booleans(),
)
node = st.builds(
    Node,
    name=st.just("n"),
    labels=labels,
    os=st.sampled_from(["linux", "windows", ""]),
    arch=st.sampled_from(["amd64", "arm64", ""]),
    cpu=st.floats(0, 99),
    memory_gib=st.floats(0, 999),
    gpus=st.integers(0, 8),
    ready=st.booleans(),
    schedulable=st.booleans(),
)
cluster = st.builds(
    Cluster,
    id=st.sampled_from(list(Kind)).map(lambda kind: ClusterId("1" * 8, "rg", kind, "c")),
    name=st.just("c"),
    resource_group=st.just("rg"),
    location=st.sampled_from(["", "eastus"]),
    tags=st.just({}),
    source=st.sampled_from(list(Source)),
    provisioning_state=words,
    power_state=words,
    connectivity=words,
    last_connectivity=st.none() | times,
    nodes=counts,
    gpu=flags,
    kubernetes_version=st.none() | versions,
    distribution=st.sampled_from([None, "openshift", "k3s"]),
    managed_identity=flags,
    kubelet_identity=flags,
    pools=st.none() | st.lists(pool, max_size=3).map(tuple),
    local_accounts_disabled=flags,
    authorized_ranges=st.none() | st.lists(networks, max_size=3).map(tuple),
    pod_identity=flags,
    outbound_type=words,
    http_proxy=flags,
    node_autoprovisioning=flags,
    agent_errors=st.none() | st.lists(st.text(max_size=5), max_size=2).map(tuple),
)
around = st.builds(
    Surroundings,
    providers=st.none()
    | st.dictionaries(st.sampled_from(["microsoft.relay", "microsoft.kubernetesconfiguration"]), words.map(str)),
    sizes=st.none() | st.just({"standard_d4s_v5": MachineSize(4, 16)}),
    control_plane_ranges=st.none()
    | st.dictionaries(st.sampled_from(["eastus", "westus"]), st.lists(networks, max_size=2).map(tuple)),
    kubernetes_versions=st.none() | st.lists(versions, max_size=2).map(tuple),
)
seen = st.builds(
    Inside,
    at=times,
    nodes=st.none() | st.lists(node, max_size=4).map(tuple),
    existing=st.none()
    | st.lists(st.builds(Existing, st.sampled_from(list(Part)), st.just("n"), st.just("x"), words), max_size=2).map(
        tuple
    ),
    secrets=st.none() | st.just({"tls": None}) | st.just({"tls": ("cert.pem", "key.pem")}),
    legacy=st.none() | st.just(()) | st.just(("deployment/azureml-fe",)),
    load_balancer=flags,
)
chosen = st.dictionaries(
    st.sampled_from(
        [
            *("enableTraining", "enableInference", "inferenceRouterHA", "installNvidiaDevicePlugin", "installPromOp"),
            *("nodeSelector.a", "nodeSelector.x.kubernetes.io/y", "nodeSelector.", "cluster_name", "clusterPurpose"),
            *("sslSecret", "inferenceRouterServiceType", "internalLoadBalancerProvider", "relayserver.enabled"),
        ]
    ),
    st.sampled_from(["True", "False", "auto", "", "tls", "DevTest", "LoadBalancer", "azure", "{x}"]),
)
question = st.builds(
    Question,
    cluster=cluster,
    settings=chosen,
    surroundings=st.none() | around,
    inside=st.none() | seen,
    now=times,
    workspace=st.sampled_from([None, "", "ws", "/subscriptions/", "/subscriptions/11111111/x"]),
    severities=st.dictionaries(st.sampled_from(IDS), st.sampled_from(list(Severity)), max_size=2),
)
MANY = settings(max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


@MANY
@given(question)
def test_every_question_has_its_answers(asked):
    """None makes a check raise; all are answered, and what is wrong comes with a remedy."""
    results = examine(asked)

    assert [result.id for result in results] == IDS
    for result in results:
        assert result.message
        assert bool(result.remedy) is (result.verdict is Verdict.FAILED)
    assert all(result.severity is Severity.BLOCK for result in blocking(results))


# What each check looks at; without it nothing may pass.
FACTS = {
    "provisioning-state": ({"provisioning_state"}, set(), set()),
    "power-state": ({"power_state"}, set(), set()),
    "arc-connectivity": ({"connectivity"}, set(), set()),
    "service-principal": ({"managed_identity"}, set(), set()),
    "linux-amd64-pool": ({"pools"}, set(), set()),
    "linux-amd64-node": (set(), set(), {"nodes"}),
    "provider-registration": (set(), {"providers"}, set()),
    "local-accounts": ({"local_accounts_disabled"}, set(), set()),
    "authorized-ip-ranges": ({"authorized_ranges"}, set(), set()),
    "pod-identity": ({"pod_identity"}, set(), set()),
    "converted-identity": ({"kubelet_identity"}, set(), set()),
    "agent-errors": ({"agent_errors"}, set(), set()),
    "kubernetes-version": (set(), {"kubernetes_versions"}, set()),
    "outbound-network": ({"outbound_type"}, set(), set()),
    "load-balancer": (set(), set(), {"load_balancer"}),
    "minimum-size": ({"pools"}, set(), {"nodes"}),
    "scenario-resources": ({"pools"}, set(), {"nodes"}),
    "high-availability": ({"pools", "nodes"}, set(), {"nodes"}),
    "node-selector": ({"pools"}, set(), {"nodes"}),
    "legacy-azureml-fe": (set(), set(), {"legacy"}),
    "ssl-secret": (set(), set(), {"secrets"}),
    "prometheus-conflict": (set(), set(), {"existing"}),
    "ingress-conflict": (set(), set(), {"existing"}),
    "volcano-conflict": (set(), set(), {"existing"}),
    "dcgm-conflict": (set(), set(), {"existing"}),
    "nvidia-gpus": ({"pools"}, set(), {"nodes"}),
    "nvidia-conflict": (set(), set(), {"existing"}),
    "openshift-scc": ({"distribution"}, set(), set()),
}
# These two read nothing but the settings, the kind of cluster and ids, which are always known.
ALWAYS_KNOWN = {"internal-load-balancer", "workspace-subscription"}


def test_the_facts_of_every_check_are_listed():
    """So that the next test forgets none."""
    assert set(FACTS) | ALWAYS_KNOWN == set(IDS)


@MANY
@given(question, st.sampled_from(sorted(FACTS)))
def test_what_is_unknown_never_passes(asked, check):
    """With a check's facts taken away from any question, it is not evaluated, failed or of no concern."""
    of_cluster, of_surroundings, of_inside = (dict.fromkeys(names) for names in FACTS[check])
    blind = dataclasses.replace(
        asked,
        cluster=dataclasses.replace(asked.cluster, **of_cluster),
        surroundings=asked.surroundings and dataclasses.replace(asked.surroundings, **of_surroundings),
        inside=asked.inside and dataclasses.replace(asked.inside, **of_inside),
    )

    assert answer(check, blind).verdict is not Verdict.PASSED


def test_a_heartbeat_from_the_future_has_no_negative_age():
    """Clocks differ."""
    base = ask("arc", {"connectivityStatus": "Offline"})
    late = dataclasses.replace(base.cluster, last_connectivity=base.now + timedelta(hours=3))

    assert " 0 hours ago" in answer("arc-connectivity", dataclasses.replace(base, cluster=late)).message
