"""What a release of the Azure Machine Learning extension puts into a cluster.

Sources: the component table of Microsoft Learn, "Deploy Azure Machine Learning extension", and the table of
resource needs in "Reference for configuring Kubernetes cluster" (which knows the nginx controller beside
them); the release notes of the chart (1.1.17: fluent-bit became a sidecar). The chart itself is not public.
Assumed, and to be confirmed by a real cluster: images, which pods carry the sidecar, the names of the
extension's custom resources but for `instancetypes`, and the layout of the health check's report.
"""

import re

from simulator.arm import Json
from simulator.clusters import Cluster
from simulator.extensions import DEFAULT_VERSION, Extension
from simulator.health import AZUREML
from simulator.kubernetes_objects import Form, Workload

NAMESPACE = "azureml"
AZUREML_GROUP, VOLCANO_GROUP = "amlarc.azureml.com", "batch.volcano.sh"
HEALTHCHECK = "arcml-healthcheck"
_IMAGES = "mcr.microsoft.com/azureml/amlk8s"
_SIDECAR_SINCE = (1, 1, 17)
_OWN = (
    *("relayserver", "gateway", "aml-operator", "metrics-controller-manager", "amlarc-identity-controller"),
    *("amlarc-identity-proxy", "azureml-fe-v2", "inference-operator-controller-manager"),
)
_FINDING = re.compile(r"(?P<code>E\d{5}) (?P<name>\w+): (?P<text>.*)")
# Which checker finds what; the names were seen in Azure/azure-sdk-for-python 33480, all but E45006's
# assignment is a guess.
_CHECKERS = {"E40001": "service", "E40002": "clusterresource", "E40003": "service", "E40007": "inferencev1"}
_CHECKERS |= {"E45002": "clusterresource", "E45003": "info"}
_CHECKERS |= {"E45004": "inferencev1", "E45005": "inferencev1", "E45006": "instancetype"}


def extensions_of(cluster: Cluster) -> list[Extension]:
    """The cluster's extensions of the type, in whatever state."""
    return [one for one in cluster.extensions.values() if one.type.lower() == AZUREML]


def being_removed(cluster: Cluster, now: float) -> bool:
    """Whether Helm takes the release away, or the namespace is still going."""
    deleting = any(one.state == "Deleting" and one.running for one in extensions_of(cluster))
    return cluster.namespace_terminating_until > now or (deleting and cluster.reachable)


def releases(cluster: Cluster, now: float) -> dict[str, Json]:
    """What each release in the cluster runs with, by its name."""
    if being_removed(cluster, now):
        return {}
    # After a deletion by force nobody remembers the settings: a release with training stands for it.
    left = {
        name: {"settings": {"enableTraining": "True"}, "version": DEFAULT_VERSION}
        for name, until in cluster.leftovers.items()
        if until > now
    }
    return left | {one.name: one.serving for one in extensions_of(cluster) if one.serving}


def workloads(cluster: Cluster, release: str, serving: Json, nodes: int) -> list[Workload]:
    """The workloads of one release; daemonsets stand on so many nodes."""
    settings = serving["settings"]
    training, inference = _on(settings, "enableTraining"), _on(settings, "enableInference")
    prometheus, volcano = _on(settings, "installPromOp", unset="true"), _on(settings, "installVolcano", unset="true")
    sidecar = _version(serving["version"]) >= _SIDECAR_SINCE
    routers = 3 if _on(settings, "inferenceRouterHA", unset="true") else 1
    rows: list[tuple[bool, str, Form, int]] = [
        (cluster.kind == "arc" and _on(settings, "relayserver.enabled", unset="true"), "relayserver", "deployment", 1),
        (True, "gateway", "deployment", 1),
        (training, "aml-operator", "deployment", 1),
        (True, "metrics-controller-manager", "deployment", 1),
        (True, f"{release}-kube-state-metrics", "deployment", 1),
        (prometheus, f"{release}-prometheus-operator", "deployment", 1),
        (inference, "amlarc-identity-controller", "deployment", 1),
        (inference, "amlarc-identity-proxy", "deployment", 1),
        (inference, "azureml-fe-v2", "deployment", routers),
        (inference, "inference-operator-controller-manager", "deployment", 1),
        (training and volcano, "volcano-admission", "deployment", 1),
        (training and volcano, "volcano-controllers", "deployment", 1),
        (training and volcano, "volcano-scheduler", "deployment", 1),
        (not sidecar, "fluent-bit", "daemonset", nodes),
        (_on(settings, "installDcgmExporter"), f"{release}-dcgm-exporter", "daemonset", nodes),
        (_on(settings, "installNvidiaDevicePlugin"), "nvidia-device-plugin-daemonset", "daemonset", nodes),
        (True, "prometheus-prom-prometheus", "statefulset", 1),
        (nginx(settings), "azureml-ingress-nginx-controller", "deployment", 1),
    ]
    return [
        Workload(NAMESPACE, name, form, wanted, _containers(name, release, sidecar=sidecar), release)
        for present, name, form, wanted in rows
        if present
    ]


def _containers(name: str, release: str, *, sidecar: bool) -> tuple[tuple[str, str], ...]:
    short = name.removeprefix(f"{release}-")
    own = (short, f"{_IMAGES}/{short}:1.0.0")
    if sidecar and name in _OWN:
        return own, ("fluent-bit", f"{_IMAGES}/fluent-bit:1.0.0")
    return (own,)


def nginx(settings: dict[str, str]) -> bool:
    """Whether the release brings an ingress controller and its class."""
    return _on(settings, "enableInference") and _on(settings, "nginxIngress.enabled")


def router(settings: dict[str, str]) -> str | None:
    """The type of the router's service, None where there is no router."""
    types = {"nodeport": "NodePort", "loadbalancer": "LoadBalancer", "clusterip": "ClusterIP"}
    if not _on(settings, "enableInference"):
        return None
    return types.get(settings.get("inferenceRouterServiceType", "").lower(), "ClusterIP")


def definitions(settings: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """Plural, group, kind and version of the custom resources that a release defines."""
    found = [("instancetypes", AZUREML_GROUP, "InstanceType", "v1alpha1")]
    if _on(settings, "enableTraining"):
        found.append(("amljobs", AZUREML_GROUP, "AmlJob", "v1alpha1"))
        if _on(settings, "installVolcano", unset="true"):
            found.append(("jobs", VOLCANO_GROUP, "Job", "v1alpha1"))
    if _on(settings, "enableInference"):
        found.append(("onlinedeployments", AZUREML_GROUP, "OnlineDeployment", "v1alpha1"))
        found.append(("onlineendpoints", AZUREML_GROUP, "OnlineEndpoint", "v1alpha1"))
    if _on(settings, "installPromOp", unset="true"):
        found += [("prometheuses", "monitoring.coreos.com", "Prometheus", "v1")]
        found += [("servicemonitors", "monitoring.coreos.com", "ServiceMonitor", "v1")]
    return found


def health_report(cluster: Cluster) -> dict[str, str]:
    """Data of the configmap that the health check leaves when it fails an operation; empty where it did not."""
    for one in extensions_of(cluster):
        text = str((one.error or {}).get("message"))
        if one.state == "Failed" and "pod healthcheck failed" in text:
            hook = "reports-pre-upgrade" if "pre-upgrade" in text else "reports-pre-install"
            findings = one.health_report or ["E40000 UNKNOWN_ERROR: read the log of pod healthcheck"]
            return {hook: "\n".join(["Status: Succeeded Name: helmchart", *map(_told, findings)])}
    return {}


def _told(finding: str) -> str:
    match = _FINDING.fullmatch(finding)
    code, text = (match["code"], f"{match['name']}: {match['text']}") if match else ("E40000", finding)
    return (
        f"Status: Failed Name: {_CHECKERS.get(code, 'helmchart')} ErrorCode: {code} ErrorMessage: {text} "
        "TroubleShootingGuide: https://aka.ms/arcmltsg"
    )


def _on(settings: dict[str, str], key: str, *, unset: str = "false") -> bool:
    return settings.get(key, unset).lower() == "true"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))
