"""What the extension's chart and its health check would refuse, once Helm runs in the cluster.

The codes are those of Microsoft Learn, "Troubleshoot Azure Machine Learning extension"; ARM never shows
them, it says `pod healthcheck failed` and no more. Which keys are missed was learnt from
hashicorp/terraform-provider-azurerm 24547 (the CLI's `scoringFe.*` aliases are mandatory), from
microsoft/edge-ai (the extension breaks without cluster_name, domain, location, relayserver.enabled and
servicebus.enabled) and from Azure/azure-cli-extensions' own derivation, k8s-extension 1.7.0.

Stricter than what is known: Arc without a system-assigned identity, and OpenShift without `openshift`,
fail here; on a real cluster they install and then do not work.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.health_foreign import foreign_findings, foreign_refusal

if TYPE_CHECKING:
    from simulator.clusters import Cluster
    from simulator.extensions import Extension
    from simulator.kubernetes_state import Inside

AZUREML = "microsoft.azureml.kubernetes"
_MANDATORY = ("cluster_name", "domain", "location", "relayserver.enabled", "servicebus.enabled")
_VERSION = re.compile(r"1\.\d+\.\d+")
_SERVICE_PRINCIPAL = (
    "Extensions are only supported on clusters using Managed Service Identity. "
    "See https://aka.ms/aks-extensions-service-principal-not-supported"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an operation ends: `message` is None where it succeeds; `findings` is the report in the cluster."""

    message: str | None
    findings: list[str]


def failure_text(release: str, operation: str, reason: str) -> str:
    """The umbrella text of a Helm failure, as hashicorp/terraform-provider-azurerm 24547 quotes it."""
    helm, undone = ("installation", "uninstalled") if operation == "Create" else ("Upgrade", "rolled back")
    return (
        "The extension operation failed with the following error:  Error: [ InnerError: "
        f"[Helm {helm} failed : Unable to create/update Kubernetes resources for the extension : Recommendation "
        "Please check that there are no policies blocking the resource creation/update for the extension : "
        f"InnerError [release {release} failed, and has been {undone} due to atomic being set: {reason}]]] "
        f"occurred while doing the operation : [{operation}] on the config, For general troubleshooting visit: "
        "https://aka.ms/k8s-extensions-TSG, For more application specific troubleshooting visit: "
        "https://aka.ms/arcmltsg"
    )


def _true(settings: dict[str, str], key: str) -> bool:
    return settings.get(key, "").lower() == "true"


class Health:
    """Judges an extension at the end of its operation.

    `relay_keys` gives the connection strings that a hybrid connection's `azureml_rw` rule has at the
    moment, for a resource id in any letter case; an empty id stands for all hybrid connections. `inside_of`
    gives what else stands in a cluster.
    """

    def __init__(self, relay_keys: Callable[[str], set[str]], inside_of: "Callable[[Cluster], Inside]") -> None:
        self._relay_keys, self._inside_of = relay_keys, inside_of

    def verdict(self, extension: "Extension", now: float) -> Verdict:
        """Whether the release comes up. Other types than Azure Machine Learning always do."""
        if not extension.cluster.managed_identity:
            return Verdict(_SERVICE_PRINCIPAL, [])
        if extension.type != AZUREML:
            return Verdict(None, [])
        operation = "Update" if extension.serving else "Create"
        reason = self._cluster_refuses(extension, now)
        if reason is not None:
            return Verdict(failure_text(extension.name, operation, reason), [])
        findings = self.findings(extension)
        if findings:
            hook = "failed pre-install" if operation == "Create" else "pre-upgrade hooks failed"
            return Verdict(failure_text(extension.name, operation, f"{hook}: pod healthcheck failed"), findings)
        return Verdict(None, [])

    def _cluster_refuses(self, extension: "Extension", now: float) -> str | None:
        """Why Helm itself fails, before any health check."""
        cluster, properties = extension.cluster, extension.properties
        others = [other for other in cluster.extensions.values() if other is not extension]
        if any(other.type == AZUREML and other.serving for other in others):
            return (
                "rendered manifests contain a resource that already exists. Unable to continue with install: "
                'CustomResourceDefinition "jobs.batch.volcano.sh" in namespace "" exists and cannot be imported '
                "into the current release: invalid ownership metadata"
            )
        if cluster.namespace_terminating_until > now:
            return "unable to create new content in namespace azureml because it is being terminated"
        if cluster.leftovers.get(extension.name.lower(), 0.0) > now:
            return "cannot re-use a name that is still in use"
        if properties["version"] and not _VERSION.fullmatch(properties["version"]):
            return "failed in download the Chart path not found"
        if str(properties["releaseTrain"]).lower() not in {"stable", "preview"}:
            return "Failed to resolve the extension version from the given values."
        if not cluster.linux_amd64:
            return "timed out waiting for the condition"
        return foreign_refusal(self._inside_of(cluster), extension.settings)

    def findings(self, extension: "Extension") -> list[str]:
        """What the health check reports, one line for each finding."""
        settings, protected, cluster = extension.settings, extension.protected, extension.cluster
        found = [
            f"E40000 UNKNOWN_ERROR: the chart misses the value {key}" for key in _MANDATORY if not settings.get(key)
        ]
        inference = _true(settings, "enableInference")
        if not inference and not _true(settings, "enableTraining"):
            found.append("E40000 UNKNOWN_ERROR: neither enableTraining nor enableInference is true")
        if inference:
            found += _router(cluster, settings)
            found += _tls(settings, protected)
        if cluster.kind == "arc":
            found += self._arc(extension)
        return found + foreign_findings(self._inside_of(cluster), settings)

    def _arc(self, extension: "Extension") -> list[str]:
        found = []
        settings, protected = extension.settings, extension.protected
        if extension.identity is None:
            found.append("E40000 UNKNOWN_ERROR: the extension has no system-assigned identity")
        if extension.cluster.distribution == "openshift" and not _true(settings, "openshift"):
            found.append("E40000 UNKNOWN_ERROR: security context constraints: openshift is not set")
        if settings.get("relayserver.enabled", "").lower() != "false":
            connection = protected.get("relayserver.relayConnectionString", "")
            valid = self._relay_keys(settings.get("relayserver.hybridConnectionResourceID", ""))
            if not connection or connection not in valid:
                found.append("E45003 BAD_NETWORK_CONNECTIVITY: the relay does not accept the connection string")
        return found


def _router(cluster: "Cluster", settings: dict[str, str]) -> list[str]:
    found = []
    service = settings.get("inferenceRouterServiceType", "").lower()
    if service not in {"nodeport", "loadbalancer", "clusterip"}:
        found.append("E40001 LOAD_BALANCER_NOT_SUPPORT: inferenceRouterServiceType is not set")
    if service == "nodeport" and not _true(settings, "scoringFe.serviceType.nodePort"):
        found.append("E40001 LOAD_BALANCER_NOT_SUPPORT: scoringFe.serviceType.nodePort is not set")
    provider = settings.get("internalLoadBalancerProvider", "").lower()
    alias = _true(settings, "scoringFe.serviceType.internalLoadBalancer")
    if (provider or alias) and cluster.kind == "arc":
        found.append("E40003 INTERNAL_LOAD_BALANCER_NOT_SUPPORT: only on AKS")
    if provider == "azure" and not alias:
        found.append("E40003 INTERNAL_LOAD_BALANCER_NOT_SUPPORT: scoringFe.serviceType.internalLoadBalancer is not set")
    if cluster.nodes < 3 and settings.get("inferenceRouterHA", "").lower() != "false":
        found.append(f"E40002 INSUFFICIENT_NODE: HA needs 3 nodes, the cluster has {cluster.nodes}")
    return found


def _tls(settings: dict[str, str], protected: dict[str, str]) -> list[str]:
    """HTTPS needs a certificate and its key, or a secret, under the names that the chart reads."""
    if _true(settings, "allowInsecureConnections"):
        return []
    certificate, key = protected.get("scoringFe.sslCert", ""), protected.get("scoringFe.sslKey", "")
    if certificate or key:
        if not _pem(certificate, "CERTIFICATE") or not _pem(key, "PRIVATE KEY"):
            return ["E40007 INVALID_SSL_SETTING: key or certificate missing or corrupt"]
    elif not settings.get("scoringFe.sslSecret"):
        return ["E40007 INVALID_SSL_SETTING: neither scoringFe.sslSecret nor certificate and key"]
    if not settings.get("sslCname"):
        return ["E40007 INVALID_SSL_SETTING: sslCname is not set"]
    return []


def _pem(value: str, kind: str) -> bool:
    """Whether a value is the base64 of a PEM text of a kind."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return "-----BEGIN " in text and kind in text.split("-----", 2)[1]
