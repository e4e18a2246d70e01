"""The list of checks, and their answers to a question."""

from shared.azureml.preflight import contents, identity, network, nodes, readiness
from shared.azureml.preflight.question import Answer, Check, Question
from shared.model.check import CheckResult, Severity, Verdict

_BLOCK, _WARN, _OFF = Severity.BLOCK, Severity.WARN, Severity.OFF
_RANK = (_BLOCK, _WARN, _OFF)

_DEPLOY = "Azure Machine Learning: Deploy extension on AKS or Arc Kubernetes cluster"
_REFERENCE = "Azure Machine Learning: Reference for configuring Kubernetes cluster"
_TROUBLE = "Azure Machine Learning: Troubleshoot Kubernetes extension"
_FIREWALL = "Azure Machine Learning: Configure inbound and outbound network traffic"
_TLS = "Azure Machine Learning: Secure Kubernetes online endpoints"
_AKS = "AKS: Cluster extensions"
_ARC = "Azure Arc: Cluster extensions"
_ERRORS = "Azure: Troubleshoot cluster extension deployment errors"


# In the order of their answers: what makes a write useless, then Azure, then the nodes, then what is inside.
CHECKS: tuple[Check, ...] = (
    Check(
        "provisioning-state",
        _BLOCK,
        _BLOCK,
        _AKS,
        "The cluster's provisioningState is Succeeded.",
        readiness.provisioning_state,
        needed=True,
    ),
    Check("power-state", _BLOCK, _BLOCK, _AKS, "The AKS cluster is running.", readiness.power_state, needed=True),
    Check(
        "arc-connectivity",
        _BLOCK,
        _BLOCK,
        _ARC,
        "The Azure Arc agents are installed and Connected.",
        readiness.arc_connectivity,
        needed=True,
    ),
    Check(
        "service-principal",
        _BLOCK,
        _BLOCK,
        _ERRORS,
        "The AKS cluster uses a managed identity.",
        identity.service_principal,
        needed=True,
    ),
    Check(
        "linux-amd64-pool",
        _BLOCK,
        _BLOCK,
        _ARC,
        "An AKS pool has linux/amd64 nodes.",
        nodes.linux_amd64_pool,
        needed=True,
    ),
    Check("linux-amd64-node", _BLOCK, _BLOCK, _ARC, "An Arc cluster has a linux/amd64 node.", nodes.linux_amd64_node),
    Check(
        readiness.PROVIDER,
        _BLOCK,
        _WARN,
        _DEPLOY,
        "The resource providers are registered in the cluster's subscription.",
        readiness.provider_registration,
    ),
    Check(
        "local-accounts",
        _BLOCK,
        _OFF,
        _DEPLOY,
        "Local accounts of the AKS cluster are enabled.",
        identity.local_accounts,
    ),
    Check(
        "authorized-ip-ranges",
        _BLOCK,
        _OFF,
        _DEPLOY,
        "Authorized IP ranges hold the control plane's of both paired regions.",
        network.authorized_ranges,
    ),
    Check("pod-identity", _BLOCK, _OFF, _DEPLOY, "Entra pod identity is off.", identity.pod_identity),
    Check(
        "workspace-subscription",
        _BLOCK,
        _OFF,
        _DEPLOY,
        "An AKS cluster is in the workspace's subscription.",
        identity.workspace_subscription,
    ),
    Check(
        "converted-identity",
        _WARN,
        _OFF,
        _DEPLOY,
        "A cluster converted from a service principal has new node pools.",
        identity.converted_identity,
    ),
    Check("agent-errors", _WARN, _OFF, _ARC, "The Azure Arc agents report no errors.", readiness.agent_errors),
    Check(
        "kubernetes-version",
        _WARN,
        _OFF,
        _REFERENCE,
        "The Kubernetes version is supported.",
        readiness.kubernetes_version,
    ),
    Check(
        "outbound-network",
        _WARN,
        _OFF,
        _FIREWALL,
        "No firewall or proxy stands between the AKS cluster and Azure.",
        network.outbound,
    ),
    Check(
        "internal-load-balancer",
        _BLOCK,
        _OFF,
        _TROUBLE,
        "An internal load balancer is asked for on AKS only, and not with NodePort.",
        network.internal_load_balancer,
    ),
    Check(
        "load-balancer",
        _WARN,
        _OFF,
        _TROUBLE,
        "An Arc cluster with a router of type LoadBalancer has a load balancer.",
        network.load_balancer,
    ),
    Check(
        "minimum-size",
        _BLOCK,
        _OFF,
        _DEPLOY,
        "The nodes have 4 vCPU and 14 GiB (a warning for test clusters).",
        nodes.minimum_size,
    ),
    Check(
        "scenario-resources",
        _WARN,
        _OFF,
        _REFERENCE,
        "The nodes have room for all components of the scenario.",
        nodes.scenario_resources,
    ),
    Check(
        "high-availability",
        _BLOCK,
        _OFF,
        _TROUBLE,
        "Three nodes carry the router where inferenceRouterHA is on.",
        nodes.high_availability,
    ),
    Check("node-selector", _BLOCK, _OFF, _REFERENCE, "Some node matches the nodeSelector.", nodes.node_selector),
    Check(
        "legacy-azureml-fe",
        _BLOCK,
        _OFF,
        _DEPLOY,
        "No azureml-fe of SDK v1 is left in the cluster.",
        contents.legacy_router,
    ),
    Check(
        "ssl-secret",
        _BLOCK,
        _OFF,
        _TLS,
        "The secret named by sslSecret exists with cert.pem and key.pem.",
        contents.ssl_secret,
    ),
    Check(
        "prometheus-conflict",
        _BLOCK,
        _OFF,
        _TROUBLE,
        "No Prometheus operator of somebody else's, or installPromOp is False.",
        contents.prometheus_conflict,
    ),
    Check(
        "ingress-conflict",
        _BLOCK,
        _OFF,
        _TROUBLE,
        "No ingress-nginx of somebody else's, or nginxIngress.controller has its own class.",
        contents.ingress_conflict,
    ),
    Check(
        "volcano-conflict",
        _WARN,
        _OFF,
        _TROUBLE,
        "No Volcano of somebody else's, or installVolcano is False.",
        contents.volcano_conflict,
    ),
    Check(
        "dcgm-conflict",
        _WARN,
        _OFF,
        _TROUBLE,
        "No DCGM exporter of somebody else's, or installDcgmExporter is not True.",
        contents.dcgm_conflict,
    ),
    Check(
        "nvidia-gpus",
        _WARN,
        _OFF,
        _DEPLOY,
        "Nodes with GPUs and driver are there where the NVIDIA device plugin is asked for.",
        contents.nvidia_gpus,
    ),
    Check(
        "nvidia-conflict",
        _WARN,
        _OFF,
        _DEPLOY,
        "Nobody else has installed an NVIDIA device plugin where one is asked for.",
        contents.nvidia_conflict,
    ),
    Check(
        "openshift-scc",
        _WARN,
        _OFF,
        _REFERENCE,
        "On OpenShift the extension's service accounts are privileged.",
        contents.openshift_scc,
    ),
)

_NEEDED = frozenset(check.id for check in CHECKS if check.needed)


def examine(question: Question) -> tuple[CheckResult, ...]:
    """Every check's answer, in the order of `CHECKS`. Total: no question makes it raise."""
    return tuple(_result(check, question, check.answer(question)) for check in CHECKS)


def _result(check: Check, question: Question, answer: Answer) -> CheckResult:
    chosen = question.severities.get(check.id, check.severity)
    # The policy is checked when it is loaded; no other way in may raise a check, or lower it too far.
    within = min(max(chosen, check.severity, key=_RANK.index), check.lowest, key=_RANK.index)
    severity = max(within, answer.at_most, key=_RANK.index)
    return CheckResult(check.id, severity, answer.verdict, answer.message, answer.remedy, check.source)


def blocking(results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    """The answers that hold a cluster.

    Those that failed at severity `block`, and those of `needed` checks that could not be evaluated: ARM always
    tells their facts, so that a missing one means that the cluster was not read properly.
    """
    return tuple(result for result in results if result.blocks or _ignorant(result))


def _ignorant(result: CheckResult) -> bool:
    missing = result.verdict is Verdict.NOT_EVALUATED and result.severity is Severity.BLOCK
    return missing and result.id in _NEEDED
