"""Checks of the state that cluster, agents and subscription are in."""

import pytest

from tests.unit.azureml.preflight.questions import ask, lacking, told

CONFIGURATION, KUBERNETES, RELAY = (f"microsoft.{name}" for name in ("kubernetesconfiguration", "kubernetes", "relay"))


def registered(**others):
    """Every provider registered, save as said."""
    return {"providers": {CONFIGURATION: "Registered", KUBERNETES: "Registered", RELAY: "Registered", **others}}


VERSIONS = {"kubernetes_versions": ("1.31", "1.32", "1.33")}

CASES = [
    ("provisioning-state", ask(), "passed", "Succeeded"),
    ("provisioning-state", ask("arc"), "passed", "Succeeded"),
    ("provisioning-state", ask(properties={"provisioningState": "Updating"}), "failed", "Wait until"),
    ("provisioning-state", ask("arc", {"provisioningState": "Failed"}), "failed", "into order"),
    ("provisioning-state", ask(properties={"provisioningState": "Invented"}), "failed", "is Invented"),
    ("provisioning-state", ask(properties={"provisioningState": None}), "not evaluated", "provisioningState"),
    ("power-state", ask(), "passed", "running"),
    ("power-state", ask(properties={"powerState": {"code": "Stopped"}}), "failed", "az aks start"),
    ("power-state", ask(properties={"powerState": None}), "not evaluated", "power state"),
    ("power-state", ask("arc"), "not applicable", "AKS"),
    ("arc-connectivity", ask("arc"), "passed", "Connected"),
    ("arc-connectivity", ask("arc", {"connectivityStatus": "Connecting"}), "failed", "48 hours"),
    ("arc-connectivity", ask("arc", {"connectivityStatus": "AgentNotInstalled"}), "failed", "48 hours"),
    ("arc-connectivity", ask("arc", {"connectivityStatus": "Expired"}), "failed", "connect the cluster"),
    ("arc-connectivity", ask("arc", {"connectivityStatus": None}), "not evaluated", "connectivityStatus"),
    ("arc-connectivity", ask(), "not applicable", "Arc"),
    ("agent-errors", ask("arc"), "passed", "no errors"),
    (
        "agent-errors",
        ask("arc", {"arcAgentProfile": {"agentErrors": [{"component": "config-agent", "message": "CrashLoop"}]}}),
        "failed",
        "config-agent: CrashLoop",
    ),
    ("agent-errors", ask("arc", {"arcAgentProfile": None}), "not evaluated", "agentErrors"),
    ("agent-errors", ask(), "not applicable", "Arc"),
    ("provider-registration", ask("arc", surroundings=registered()), "passed", "Microsoft.Relay"),
    (
        "provider-registration",
        ask(surroundings=registered(**{CONFIGURATION: "NotRegistered"})),
        "failed",
        "az provider register --namespace Microsoft.KubernetesConfiguration",
    ),
    (
        "provider-registration",
        ask("arc", surroundings=registered(**{RELAY: "Unregistered", KUBERNETES: "Registering"})),
        "failed",
        "Microsoft.Kubernetes is Registering in the cluster's subscription. Microsoft.Relay is Unregistered",
    ),
    ("provider-registration", ask(surroundings=registered(**{RELAY: "NotRegistered"})), "passed", "registered"),
    ("provider-registration", ask(), "not evaluated", "it was not looked up"),
    (
        "provider-registration",
        ask(surroundings={"trouble": {"providers": "403: no role"}}),
        "not evaluated",
        "403: no role",
    ),
    (
        "provider-registration",
        ask("arc", surroundings={"providers": {CONFIGURATION: "Registered"}}),
        "not evaluated",
        "Microsoft.Kubernetes, Microsoft.Relay",
    ),
    ("kubernetes-version", ask(surroundings=VERSIONS), "passed", "1.33.2"),
    ("kubernetes-version", ask("arc", surroundings=VERSIONS), "passed", "1.32.4+k3s1"),
    (
        "kubernetes-version",
        ask(properties={"currentKubernetesVersion": "1.30.9"}, surroundings=VERSIONS),
        "failed",
        "1.31, 1.32, 1.33",
    ),
    (
        "kubernetes-version",
        ask("arc", {"kubernetesVersion": "v1.34.1"}, surroundings=VERSIONS),
        "failed",
        "1.31 to 1.33",
    ),
    ("kubernetes-version", ask(), "not evaluated", "that AKS supports"),
    ("kubernetes-version", ask(surroundings={"kubernetes_versions": ()}), "not evaluated", "that AKS supports"),
    (
        "kubernetes-version",
        ask("arc", {"kubernetesVersion": None}, surroundings=VERSIONS),
        "not evaluated",
        "the cluster's Kubernetes version",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}, {case[3][:30]}")
def test_answers(case):
    """From the body that Azure returns to the verdict, with the words that matter."""
    told(*case)


def test_every_check_has_its_cases():
    """Positive, negative and not evaluated."""
    assert lacking("readiness", CASES) == []


def test_an_offline_cluster_says_since_when():
    """The last heartbeat's time and age, and what becomes of a request meanwhile."""
    question = ask("arc", {"connectivityStatus": "Offline", "lastConnectivityTime": "2026-08-18T10:00:00Z"})

    told("arc-connectivity", question, "failed", "at 2026-08-18T10:00+00:00, 50 hours ago")
    told("arc-connectivity", question, "failed", "48 hours")


def test_no_relay_no_registration():
    """Settings that switch the relay off do not want its provider."""
    question = ask(
        "arc", settings={"relayserver.enabled": "false"}, surroundings=registered(**{RELAY: "NotRegistered"})
    )

    told("provider-registration", question, "passed", "Microsoft.Kubernetes: registered")
