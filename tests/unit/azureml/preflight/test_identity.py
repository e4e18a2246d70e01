"""Checks of identity, accounts and subscription."""

import pytest

from tests.unit.azureml.preflight.questions import ask, lacking, told

PRINCIPAL = {"servicePrincipalProfile": {"clientId": "44444444-4444-4444-4444-444444444444"}}
WORKSPACE = "/subscriptions/{}/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws"
OWN, OTHER = "11111111-1111-1111-1111-111111111111", "99999999-9999-9999-9999-999999999999"

CASES = [
    ("service-principal", ask(), "passed", "managed identity"),
    ("service-principal", ask(properties=PRINCIPAL), "failed", "--enable-managed-identity"),
    (
        "service-principal",
        ask(properties={"servicePrincipalProfile": None}, body={"identity": None}),
        "not evaluated",
        "managed identity",
    ),
    ("service-principal", ask("arc"), "not applicable", "AKS"),
    ("converted-identity", ask(), "passed", "the nodes have"),
    ("converted-identity", ask(properties={"identityProfile": None}), "failed", "recreate all node pools"),
    ("converted-identity", ask(properties={"agentPoolProfiles": None}), "not evaluated", "kubeletidentity"),
    (
        "converted-identity",
        ask(properties={"servicePrincipalProfile": None}, body={"identity": None}),
        "not evaluated",
        "managed identity",
    ),
    ("converted-identity", ask(properties=PRINCIPAL), "not applicable", "managed identity"),
    ("converted-identity", ask("arc"), "not applicable", "AKS"),
    ("local-accounts", ask(), "passed", "enabled"),
    ("local-accounts", ask(properties={"disableLocalAccounts": True}), "failed", "Trusted Access"),
    ("local-accounts", ask(properties={"disableLocalAccounts": None}), "not evaluated", "disableLocalAccounts"),
    ("local-accounts", ask("arc"), "not applicable", "AKS"),
    ("pod-identity", ask(), "passed", "off"),
    ("pod-identity", ask(properties={"podIdentityProfile": None}), "passed", "off"),
    ("pod-identity", ask(properties={"podIdentityProfile": {"enabled": True}}), "failed", "workload identity"),
    ("pod-identity", ask(properties={"agentPoolProfiles": None}), "not evaluated", "podIdentityProfile"),
    ("pod-identity", ask("arc"), "not applicable", "AKS"),
    ("workspace-subscription", ask(workspace=WORKSPACE.format(OWN.upper())), "passed", "workspace's subscription"),
    ("workspace-subscription", ask(workspace=WORKSPACE.format(OTHER)), "failed", "Azure Arc"),
    ("workspace-subscription", ask(workspace="ws"), "not evaluated", "no ARM id"),
    ("workspace-subscription", ask(), "not applicable", "no workspace"),
    ("workspace-subscription", ask("arc", workspace=WORKSPACE.format(OTHER)), "not applicable", "AKS"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}, {case[3][:30]}")
def test_answers(case):
    """From the body that Azure returns to the verdict, with the words that matter."""
    told(*case)


def test_every_check_has_its_cases():
    """Positive, negative and not evaluated."""
    assert lacking("identity", CASES) == []
