"""What kinds of failure there are, and those that Azure itself answers with.

A family is known by phrases of its text, all in lower case; ` ... ` joins two parts, the second of which
stands near behind the first. Plain words are searched for, never patterns, so that no text makes the
search slow.
The families that come from inside the cluster are in failure_families_cluster.py.

Sources: the extension's troubleshooting guide, "Troubleshoot errors when deploying AKS cluster extensions"
(Azure support), and GitHub threads of azure-cli-extensions, AKS, AML-Kubernetes, AKS-Construction,
azure-docs, azure-powershell and terraform-provider-azurerm. tests/data/failure-texts.json has each text
with the place where it was seen.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

_NEAR = 400  # characters: Azure puts URLs, names and recommendations between what belongs together


class FailureClass(StrEnum):
    """What trying again is good for."""

    TRANSIENT = "transient"  # a race or a conflict: try again after a while
    WAIT = "wait"  # something has to end or to come back first: try again much later
    PERMANENT = "permanent"  # the same settings on the same cluster fail again
    OPERATOR = "operator"  # a person has to mend the cluster, its network or its subscription
    UNKNOWN = "unknown"


class Step(StrEnum):
    """The step that a failure allows next. Whether it is taken is for the policy and its gates to say."""

    LOOK_AGAIN = "look again"  # nothing is sent; what stands in the way has to end first
    SEND_AGAIN = "send again"  # the same settings may be sent another time
    PATCH = "patch"  # other settings, or another version, may be sent; the same ones fail again
    REINSTALL = "reinstall"  # the failed extension may be deleted and installed anew
    REGISTER = "register"  # a resource provider has to be registered, then the same may be sent
    NONE = "none"  # a person must act before anything is sent


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure and what to do about it.

    Attributes:
        family: its name; `healthcheck-E40001` where the healthcheck told the code.
        klass: what trying again is good for.
        remedy: one or two sentences for people.
        step: the step it allows next.
        patience: how long to wait at least before that step, where a document names a time.
    """

    family: str
    klass: FailureClass
    remedy: str
    step: Step = Step.SEND_AGAIN
    patience: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Family:
    """A failure and the phrases that it is known by; any of them is enough."""

    failure: Failure
    phrases: tuple[str, ...]

    def tells(self, text: str) -> bool:
        """Whether a text, in lower case, belongs to this family."""
        return any(_contains(text, phrase) for phrase in self.phrases)


def _contains(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text, its second part near behind its first one."""
    first, _, second = phrase.partition(" ... ")
    place = text.find(first)
    while place >= 0:
        behind = place + len(first)
        if not second or text.find(second, behind, behind + _NEAR) >= 0:
            return True
        place = text.find(first, behind)
    return False


def family(
    name: str,
    klass: FailureClass,
    step: Step,
    phrases: tuple[str, ...],
    remedy: str,
    *,
    patience: timedelta = timedelta(0),
) -> Family:
    """One row of the tables."""
    return Family(Failure(name, klass, remedy, step, patience), phrases)


_T, _W, _P, _O = FailureClass.TRANSIENT, FailureClass.WAIT, FailureClass.PERMANENT, FailureClass.OPERATOR

# What the subscription, the cluster's identity or Azure itself refuses. These come first: what Helm and
# Kubernetes say in the same text is then only a consequence.
SERVICE_FAMILIES = (
    family(
        "service-principal",
        _P,
        Step.NONE,
        (
            "managed service identity",
            "service-principal-not-supported",
            "unable to create identity for extension on aks",
        ),
        "The AKS cluster uses a service principal: convert it to a managed identity, then delete and recreate "
        "every node pool.",
    ),
    family(
        "identity-on-aks",
        _P,
        Step.NONE,
        ("failed to perform resource identity operation",),
        "An extension on AKS must not carry an identity of its own; send it without one, as Muster does.",
    ),
    family(
        "subscription-registration",
        _O,
        Step.REGISTER,
        (
            "missingsubscriptionregistration",
            "subscription is not registered",
            "not registered to use namespace",
            "extensionaddons ... error code: forbidden",
            "extensionaddons ... authorizationfailed",
        ),
        "Register the resource provider Microsoft.KubernetesConfiguration in the cluster's subscription (on Arc "
        "also Microsoft.Relay), then try again; registration takes up to ten minutes.",
    ),
    family(
        "authentication-token",
        _O,
        Step.REGISTER,
        ("invalidauthenticationtoken", "at least one of the claims 'puid'"),
        "The cluster's extension manager cannot sign in: register Microsoft.KubernetesConfiguration again and "
        "check the cluster's identity and its local accounts.",
    ),
    family(
        "system-managed",
        _P,
        Step.NONE,
        ("access denied: 'write' operation is not allowed",),
        "Azure itself manages this extension; leave it alone.",
    ),
    family(
        "azure-policy",
        _P,
        Step.NONE,
        ("requestdisallowedbypolicy", "disallowed by policy", "disallowed by azure policy"),
        "An Azure Policy assignment denies the extension: exempt the cluster or change the assignment.",
    ),
    family(
        "resource-lock",
        _O,
        Step.NONE,
        ("scopelocked", "scope(s) are locked"),
        "A lock on the cluster, its resource group or subscription blocks the operation: remove the lock.",
    ),
    family(
        "authorization",
        _O,
        Step.NONE,
        ("authorizationfailed", "linkedauthorizationfailed"),
        "A role is missing: grant Muster's identity Kubernetes Extension Contributor on the cluster.",
    ),
    family(
        "scope",
        _P,
        Step.NONE,
        ("invalid scope 'namespace'", "can't be installed only at 'cluster' scope"),
        "The extension is installed for the whole cluster only: send it with scope cluster, as Muster does.",
    ),
    family(
        "auto-upgrade",
        _P,
        Step.PATCH,
        (
            "extensionautoupgradecannotbeenabled",
            "to pin to specific version",
            "autoupgrademinorversion cannot",
            "autoupgrademinorversion must",
            "auto-upgrade-minor-version must",
        ),
        "A pinned version needs autoUpgradeMinorVersion false, and false needs a version: correct the policy.",
    ),
    family(
        "api-version",
        _P,
        Step.NONE,
        ("invalidresourcetype", "noregisteredproviderfound"),
        "The cloud does not know the API version; this version of Muster does not fit it.",
    ),
    family(
        "helm-busy",
        _T,
        Step.SEND_AGAIN,
        ("another operation (install/upgrade/rollback)", "operation is already in progress for"),
        "A Helm operation runs on the release: wait ten minutes, then try again.",
        patience=timedelta(minutes=10),
    ),
    family(
        "concurrent-operation",
        _T,
        Step.SEND_AGAIN,
        (
            "etagmismatch",
            "error code: conflict",
            "updatefailed",
            "conflicting operation",
            "another operation",
            "operation is in progress",
            "operation is already in progress",
        ),
        "Another operation ran on the cluster at the same time; it is tried again after a while.",
    ),
    family(
        "throttled",
        _T,
        Step.SEND_AGAIN,
        ("toomanyrequests", "error code: too many requests", "was throttled"),
        "Azure asked for fewer requests; it is tried again after a while.",
    ),
)
