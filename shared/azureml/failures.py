"""How installations fail: the texts that Azure and Helm give, what they mean and what to do.

ARM wraps almost everything into `ExtensionOperationFailed`; what happened stands in the inner text
only. Each family below was seen in a Microsoft document (the extension's troubleshooting guide, the
cluster extension errors of Azure support) or in a GitHub thread of azure-cli-extensions, AKS,
AML-Kubernetes or terraform-provider-azurerm. Texts nobody has seen yet are `unknown`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class FailureClass(StrEnum):
    """What trying again is good for."""

    TRANSIENT = "transient"  # a race or a conflict: try again after a while
    WAIT = "wait"  # something has to end or to come back first: try again much later
    PERMANENT = "permanent"  # the same settings on the same cluster fail again
    OPERATOR = "operator"  # a person has to mend the cluster, its network or its subscription
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure and what to do about it."""

    family: str
    klass: FailureClass
    remedy: str


UNKNOWN = Failure(
    "unknown",
    FailureClass.UNKNOWN,
    "Read the error message and the healthcheck report (configmap arcml-healthcheck in namespace azureml).",
)


@dataclass(frozen=True, slots=True)
class _Family:
    pattern: re.Pattern[str]
    failure: Failure


def _family(name: str, klass: FailureClass, pattern: str, remedy: str) -> _Family:
    return _Family(re.compile(pattern, re.IGNORECASE | re.DOTALL), Failure(name, klass, remedy))


_T, _W, _P, _O = FailureClass.TRANSIENT, FailureClass.WAIT, FailureClass.PERMANENT, FailureClass.OPERATOR

# The first that matches wins. The order goes from the cause to the symptom: a Helm time-out, say, is
# also reported when a webhook was missing, and "already exists" stands in many longer stories.
_FAMILIES = (
    _family(
        "service-principal",
        _P,
        r"managed service identity|service-principal-not-supported|unable to create identity for extension on aks",
        "The AKS cluster uses a service principal: convert it to a managed identity, then delete and recreate "
        "every node pool.",
    ),
    _family(
        "identity-on-aks",
        _P,
        r"failed to perform resource identity operation",
        "An extension on AKS must not carry an identity of its own; send it without one.",
    ),
    _family(
        "subscription-registration",
        _O,
        r"missingsubscriptionregistration|subscription.{0,80}not registered"
        r"|extensionaddons.{0,400}(?:forbidden|authorizationfailed)",
        "Register the resource provider Microsoft.KubernetesConfiguration in the cluster's subscription (on Arc "
        "also Microsoft.Relay), then try again; registration takes up to ten minutes.",
    ),
    _family(
        "authentication-token",
        _O,
        r"invalidauthenticationtoken|at least one of the claims 'puid'",
        "The cluster's extension manager cannot sign in: register Microsoft.KubernetesConfiguration again and "
        "check the cluster's identity and its local accounts.",
    ),
    _family(
        "system-managed",
        _P,
        r"access denied: 'write' operation is not allowed",
        "Azure itself manages this extension; leave it alone.",
    ),
    _family(
        "azure-policy",
        _P,
        r"requestdisallowedbypolicy|disallowed by (?:azure )?policy",
        "An Azure Policy assignment denies the extension: exempt the cluster or change the assignment.",
    ),
    _family(
        "resource-lock",
        _O,
        r"scopelocked|scope\(s\) are locked",
        "A lock on the cluster, its resource group or subscription blocks the operation: remove the lock.",
    ),
    _family(
        "authorization",
        _O,
        r"authorizationfailed|linkedauthorizationfailed",
        "A role is missing: grant Muster's identity Kubernetes Extension Contributor on the cluster.",
    ),
    _family(
        "concurrent-operation",
        _T,
        r"etagmismatch|error code: conflict|updatefailed|conflicting operation|another operation"
        r"|operation is (?:already )?in progress",
        "Another operation ran on the cluster at the same time; it is tried again after a while.",
    ),
    _family(
        "helm-operation-pending",
        _W,
        r"earlier operation.{0,60}in progress|pending-(?:install|upgrade|rollback)",
        "A Helm operation on the release is still pending: wait an hour, then try again.",
    ),
    _family(
        "namespace-terminating",
        _W,
        r"being terminated",
        "Namespace azureml is still being removed: wait until it is gone, mend its finalizers where it never goes.",
    ),
    _family(
        "name-in-use",
        _W,
        r"cannot re-?use a name",
        "A Helm release of this name exists: wait an hour and try again, or remove the release from the cluster.",
    ),
    _family(
        "agent-silent",
        _W,
        r"status not populated|response from the agent in time|config-agent exists on a healthy node",
        "The cluster's agents did not answer: bring them online and upgrade them (az connectedk8s upgrade).",
    ),
    _family(
        "ingress-webhook-race",
        _T,
        r"no endpoints available for service",
        "The ingress controller's webhook was registered before its pod was ready; a second attempt succeeds.",
    ),
    _family(
        "protected-namespace",
        _P,
        r"aks-managed-protect-system-namespaces|validatingadmissionpolicy",
        "An admission policy of AKS Automatic protects system namespaces; the extension cannot be installed here.",
    ),
    _family(
        "admission-webhook",
        _P,
        r"admission webhook .{0,200}denied|denied the request|violates podsecurity",
        "An admission webhook in the cluster denies the extension's objects: exempt namespace azureml.",
    ),
    _family(
        "foreign-resource",
        _P,
        r"invalid ownership metadata|cannot be imported into the current release",
        "A leftover or somebody else's object stands in the way: delete it, label it for Helm and this release, or "
        "switch the component off (installVolcano=False, installPromOp=False).",
    ),
    _family(
        "chart-not-found",
        _P,
        r"chart path not found|failed to resolve the extension version|extension type .{0,100}not found",
        "There is no such version in this release train: correct or drop version and releaseTrain.",
    ),
    _family(
        "auto-upgrade",
        _P,
        r"extensionautoupgradecannotbeenabled|to pin to specific version|autoupgrademinorversion.{0,80}(?:must|cannot)",
        "A pinned version needs autoUpgradeMinorVersion false, and false needs a version.",
    ),
    _family(
        "api-version",
        _P,
        r"invalidresourcetype|noregisteredproviderfound",
        "The cloud does not know the API version; this version of Muster does not fit it.",
    ),
    _family(
        "registry-unreachable",
        _O,
        r"imagepullbackoff|errimagepull|unable to (?:download|pull) the helm chart|failed to pull",
        "The cluster cannot reach the registry: open the outbound endpoints of Azure Arc and Azure Machine Learning.",
    ),
    _family(
        "healthcheck",
        _P,
        r"pod healthcheck failed|hooks? failed.{0,80}healthcheck",
        "The extension's healthcheck found a critical fault in settings or cluster: read the configmap "
        "arcml-healthcheck in namespace azureml (aka.ms/arcmltsg).",
    ),
    _family(
        "relay",
        _O,
        r"relay (?:resource id or connection string are not provided|server not found)|failed to get relay connection",
        "The cluster's Azure Relay objects are missing: register Microsoft.Relay and let Muster create them again.",
    ),
    _family(
        "cluster-absent",
        _P,
        r"resourcenotfound|resourcegroupnotfound",
        "The cluster is gone.",
    ),
    _family(
        "already-exists",
        _P,
        r"already exists",
        "An object of an earlier installation is left in the cluster: delete it, then try again.",
    ),
    _family(
        "timed-out",
        _O,
        r"timed out waiting for the (?:condition|resource)|context deadline exceeded",
        "Pods or a load balancer did not become ready in time: look for capacity, taints and a load balancer, and "
        "read the configmap arcml-healthcheck.",
    ),
)


def classify(code: str, message: str) -> Failure:
    """What kind of failure an error code with its message is; never raises, unseen texts are UNKNOWN."""
    text = f"{code} {message}"
    return next((family.failure for family in _FAMILIES if family.pattern.search(text)), UNKNOWN)
