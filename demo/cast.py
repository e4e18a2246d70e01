"""The clusters of the demo: what each is, how it comes to Muster's notice, and how its story must end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
OPENSHIFT_REPORTS_AFTER = 300.0  # simulated seconds until the agent of the OpenShift cluster tells what it found

ONBOARD = {"aml-onboard": "true"}
PRODUCTION = {"aml-onboard": "true", "env": "prod"}

# What is sent besides what depends on the cluster's id (see `expected`): values of the policy file as it writes
# them, derived ones as the official CLI does. The service compares both without case.
TRAINING = {"enableTraining": "true", "enableInference": "False"}
BOTH = {"enableTraining": "true", "enableInference": "true"}
POC = {
    **BOTH,
    "inferenceRouterServiceType": "LoadBalancer",
    "allowInsecureConnections": "true",
    "inferenceRouterHA": "false",
}
RELAY_KEYS = frozenset({"relayServerConnectionString", "relayserver.relayConnectionString"})


class Arrival(StrEnum):
    """How Event Grid comes to speak of a cluster."""

    CREATED = "created"  # it is created with its tags
    TAGGED = "tagged"  # it has been there, and is tagged now


def state_text(management: str, condition: str, hold: str | None) -> str:
    """Three of a state's fields as a person reads them."""
    if management != "Managed":
        return management
    return f"{condition}, held: {hold}" if hold else condition


@dataclass(frozen=True, slots=True)
class Ending:
    """How Muster must report a cluster in the end.

    Attributes:
        settings: the settings that the policy and the CLI's rules give it; None where nothing may be written.
        protected: names of protected settings that must be there.
        puts: how many times the extension is sent.
    """

    management: str = "Managed"
    condition: str = "Current"
    hold: str | None = None
    profile: str | None = None
    rule: str | None = None
    settings: Mapping[str, str] | None = None
    protected: frozenset[str] = frozenset()
    puts: int = 0

    @property
    def state(self) -> str:
        """The state as a person reads it; the condition of a cluster that is none of Muster's is not told."""
        return state_text(self.management, self.condition, self.hold)


@dataclass(frozen=True, slots=True)
class Member:
    """One cluster of the cast. `facts` go to `simulator.control.Control.create_cluster` as they are.

    `secret` is a Kubernetes secret that its owner puts into namespace azureml, with certificate and key.
    """

    name: str
    kind: str
    part: str
    ending: Ending
    tags: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    arrival: Arrival = Arrival.CREATED
    secret: str | None = None

    @property
    def resource_group(self) -> str:
        """Where it lies."""
        return "rg-ml" if self.kind == "aks" else "rg-edge"


def _installed(profile: str, rule: str | None, settings: Mapping[str, str], **more: Any) -> Ending:
    return Ending(profile=profile, rule=rule, settings=settings, **{"puts": 1, **more})


POC_AKS = Member(
    "aks-poc",
    "aks",
    "scenario 1: AKS, proof of concept",
    _installed("poc-aks", "proof-of-concept-on-aks", POC),
    tags=ONBOARD,
)
TRAINING_ARC = Member(
    "arc-training",
    "arc",
    "scenario 2: Arc, training only",
    _installed("training", "the-rest", TRAINING, protected=RELAY_KEYS),
    tags=ONBOARD,
)
PRODUCTION_AKS = Member(
    "aks-production",
    "aks",
    "scenario 3: AKS, production with HTTPS",
    _installed(
        "production-aks",
        "production-on-aks",
        {
            **BOTH,
            "inferenceRouterServiceType": "LoadBalancer",
            "sslCname": "ml.aks-production.example.com",
            "sslSecret": "inference-tls",
            "scoringFe.sslSecret": "inference-tls",
        },
    ),
    tags=PRODUCTION,
    facts={"nodes": 5},
    secret="inference-tls",  # noqa: S106  a secret's name
)
PRODUCTION_ARC = Member(
    "arc-production-gpu",
    "arc",
    "scenario 4: Arc, production with GPUs",
    _installed(
        "production-arc-gpu",
        "production-on-arc-with-gpus",
        {
            **BOTH,
            "inferenceRouterServiceType": "NodePort",
            "scoringFe.serviceType.nodePort": "True",
            "sslCname": "ml.arc-production-gpu.example.com",
            "sslSecret": "inference-tls",
            "scoringFe.sslSecret": "inference-tls",
            "installNvidiaDevicePlugin": "true",
            "installDcgmExporter": "true",
        },
        protected=RELAY_KEYS,
    ),
    tags={**PRODUCTION, "aml-gpu": "true"},
    facts={"nodes": 4},
)
UNTAGGED = Member("aks-untagged", "aks", "nobody tagged it", Ending("NotSelected"), tags={"team": "somebody-else"})
HANDS_OFF = Member(
    "aks-hands-off",
    "aks",
    "its owner wants no hands on it",
    Ending("HandsOff"),
    tags={"aml-onboard": "false"},
)
GPU_POOL = Member(
    "aks-gpu-pool",
    "aks",
    "a GPU pool; two settings by tag, resolved from the pools",
    _installed(
        "poc-aks",
        "proof-of-concept-on-aks",
        {**POC, "installNvidiaDevicePlugin": "True", "installDcgmExporter": "True"},
    ),
    tags={**ONBOARD, "aml-set-installNvidiaDevicePlugin": "auto", "aml-set-installDcgmExporter": "auto"},
    facts={
        "pools": [
            {"name": "system", "count": 3},
            {"name": "gpu", "count": 2, "vmSize": "Standard_NC24ads_A100_v4", "mode": "User"},
        ]
    },
)
TWO_NODES = Member(
    "arc-two-nodes",
    "arc",
    "two nodes: no high availability",
    _installed(
        "training",
        "the-rest",
        {**TRAINING, "clusterPurpose": "DevTest", "inferenceRouterHA": "false"},
        protected=RELAY_KEYS,
    ),
    tags=ONBOARD,
    facts={"nodes": 2},
)
OPENSHIFT = Member(
    "arc-openshift",
    "arc",
    "OpenShift; its facts arrive five minutes late",
    _installed("training", "asked-by-tag", {**TRAINING, "openshift": "true"}, protected=RELAY_KEYS),
    tags={**ONBOARD, "aml-profile": "training"},
    facts={
        "facts_after": OPENSHIFT_REPORTS_AFTER,
        "properties": {"distribution": "openshift", "distributionVersion": "4.18.9", "kubernetesVersion": "1.31.7"},
    },
)
REPAIRED = Member(
    "aks-repaired",
    "aks",
    "its first install fails; the sweep repairs it",
    _installed("poc-aks", "proof-of-concept-on-aks", POC, puts=2),
    tags=ONBOARD,
    arrival=Arrival.TAGGED,
)
ADOPTED = Member(
    "aks-adopted",
    "aks",
    "somebody else installed it: adopted, never written",
    Ending(condition="Drifted", profile="poc-aks", rule="proof-of-concept-on-aks"),
    tags=ONBOARD,
    arrival=Arrival.TAGGED,
)
SERVICE_PRINCIPAL = Member(
    "aks-old-identity",
    "aks",
    "a service principal: held by preflight",
    Ending(condition="Missing", hold="preflight", profile="poc-aks", rule="proof-of-concept-on-aks"),
    tags=ONBOARD,
    facts={"properties": {"servicePrincipalProfile": {"clientId": "77777777-7777-4777-8777-777777777777"}}},
)
BY_HAND = Member(
    "aks-by-hand",
    "aks",
    "untagged; a person installs it over HTTP",
    _installed(
        "poc-aks",
        None,
        {**POC, "inferenceRouterServiceType": "ClusterIP", "nodeSelector.pool": "ml"},
    ),
    facts={"pools": [{"count": 3, "nodeLabels": {"pool": "ml"}}]},
)

CAST = (
    POC_AKS,
    TRAINING_ARC,
    PRODUCTION_AKS,
    PRODUCTION_ARC,
    UNTAGGED,
    HANDS_OFF,
    GPU_POOL,
    TWO_NODES,
    OPENSHIFT,
    REPAIRED,
    ADOPTED,
    SERVICE_PRINCIPAL,
    BY_HAND,
)

# What a person asks for over HTTP, without the cluster's id.
ASKED_BY_HAND = {
    "profile": "poc-aks",
    "settings": {"inferenceRouterServiceType": "ClusterIP", "nodeSelector.pool": "ml"},
    "reason": "demo: a team wants it before its tags are approved",
}

# How a first install fails, in the words of Azure (hashicorp/terraform-provider-azurerm 24547, Azure support's
# "Cluster extension deployment errors").
FIRST_INSTALL_FAILS = (
    "The extension operation failed with the following error:  Error: [ InnerError: [Helm installation failed : "
    "Unable to create/update Kubernetes resources for the extension : Recommendation Please check that there are no "
    "policies blocking the resource creation/update for the extension : InnerError [release azureml failed, and has "
    "been uninstalled due to atomic being set: timed out waiting for the condition]]] occurred while doing the "
    "operation : [Create] on the config, For general troubleshooting visit: https://aka.ms/k8s-extensions-TSG"
)

# The extension that somebody else had installed, as a person with the portal would.
FOREIGN_NAME = "amlarc-compute"
FOREIGN_EXTENSION: Mapping[str, Any] = {
    "extensionType": "microsoft.azureml.kubernetes",
    "autoUpgradeMinorVersion": False,
    "version": "1.1.60",
    "configurationSettings": {
        "enableTraining": "True",
        "enableInference": "False",
        "cluster_name": "aks-adopted",
        "domain": "eastus.cloudapp.azure.com",
        "location": "eastus",
        "relayserver.enabled": "false",
        "servicebus.enabled": "false",
        "nginxIngress.enabled": "true",
    },
}
