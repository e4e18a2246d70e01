"""Failures from inside the cluster: its agents, Helm, admission, the network and the extension's healthcheck.

They are tried in this order, the cause before the symptom: a Helm time-out, say, is also reported when a
webhook was missing, and "already exists" stands in many longer stories.
"""

from datetime import timedelta

from shared.azureml.failure_families import FailureClass, Family, Step, family

_T, _W, _P, _O = FailureClass.TRANSIENT, FailureClass.WAIT, FailureClass.PERMANENT, FailureClass.OPERATOR

HEALTHCHECK = "healthcheck"
TIMED_OUT = "timed-out"

_AGENTS: tuple[Family, ...] = (
    family(
        "out-of-memory",
        _O,
        Step.NONE,
        ("oomkill", "out of memory"),
        "The extension manager ran out of memory, as it does where Helm keeps many pending revisions: delete the "
        "stuck secrets sh.helm.release.v1.<extension>.v<N> (extension troubleshooting guide).",
    ),
    family(
        "helm-operation-pending",
        _W,
        Step.SEND_AGAIN,
        ("earlier operation ... in progress", "pending-install", "pending-upgrade", "pending-rollback"),
        "A Helm operation on the release is still pending: wait an hour, then try again.",
        patience=timedelta(hours=1),
    ),
    family(
        "namespace-terminating",
        _W,
        Step.LOOK_AGAIN,
        ("being terminated",),
        "The namespace is still being removed: wait until it is gone, mend its finalizers where it never goes.",
    ),
    family(
        "name-in-use",
        _W,
        Step.SEND_AGAIN,
        ("cannot re-use a name", "cannot reuse a name", "can't reuse a name", "can't re-use a name"),
        "A Helm release of this name exists: wait an hour and try again, or remove the release from the cluster.",
        patience=timedelta(hours=1),
    ),
    family(
        "agent-silent",
        _W,
        Step.LOOK_AGAIN,
        (
            "status not populated",
            "response from the agent in time",
            "config-agent exists on a healthy node",
            "unable to get the status from the local crd",
        ),
        "The cluster's agents did not answer: bring them online and upgrade them (az connectedk8s upgrade).",
    ),
    family(
        "agent-forbidden",
        _O,
        Step.NONE,
        ("is forbidden: user",),
        "The extension manager lacks rights in the cluster: restore its cluster roles, or connect the cluster anew.",
    ),
)

_ADMISSION: tuple[Family, ...] = (
    family(
        "ingress-webhook-race",
        _T,
        Step.SEND_AGAIN,
        ("no endpoints available for service",),
        "The ingress controller's webhook was registered before its pod was ready; a second attempt succeeds.",
    ),
    family(
        "protected-namespace",
        _P,
        Step.NONE,
        ("aks-managed-protect-system-namespaces", "validatingadmissionpolicy"),
        "An admission policy of AKS Automatic protects system namespaces; the extension cannot be installed here.",
    ),
    family(
        "admission-webhook",
        _P,
        Step.NONE,
        ("admission webhook ... denied", "denied the request", "violates podsecurity"),
        "An admission webhook in the cluster denies the extension's objects: exempt namespace azureml.",
    ),
    family(
        "webhook-unreachable",
        _O,
        Step.SEND_AGAIN,
        ("failed calling webhook",),
        "A webhook in the cluster does not answer: mend or remove the service behind it.",
    ),
)

_HELM: tuple[Family, ...] = (
    family(
        "foreign-component",
        _P,
        Step.PATCH,
        (
            "volcano ... cannot be imported into the current release",
            "prometheus ... cannot be imported into the current release",
            "monitoring.coreos.com ... cannot be imported into the current release",
        ),
        "The cluster has a component of its own: switch ours off (installVolcano=False, installPromOp=False). A "
        "leftover of an earlier installation may be deleted instead, or labelled for Helm and this release.",
    ),
    family(
        "legacy-router",
        _P,
        Step.NONE,
        ("azureml-fe ... cannot be imported into the current release", "azureml-fe ... invalid ownership metadata"),
        "The router of SDK v1's AKS compute is still there: delete its azureml-fe objects (extension "
        "troubleshooting guide), then try again.",
    ),
    family(
        "foreign-resource",
        _P,
        Step.NONE,
        ("invalid ownership metadata", "cannot be imported into the current release"),
        "A leftover or somebody else's object stands in the way: delete it, or label it for Helm and this release "
        "(app.kubernetes.io/managed-by=Helm, meta.helm.sh/release-name=<extension>, release-namespace=azureml).",
    ),
    family(
        "release-broken",
        _P,
        Step.REINSTALL,
        ("has no deployed releases",),
        "Helm has a release of this name that never stood: delete the failed extension and install it anew.",
    ),
    family(
        "chart-not-found",
        _P,
        Step.PATCH,
        (
            "chart path not found",
            "failed to resolve the extension version",
            "extension type ... not found",
            "failed to setup helm client ... not found",
        ),
        "There is no such version in this release train: correct or drop version and releaseTrain.",
    ),
    family(
        "chart-rendering",
        _P,
        Step.PATCH,
        ("chart rendering failed", "unable to build kubernetes objects", "error validating data"),
        "The chart does not take these settings: correct them.",
    ),
    family(
        "registry-unreachable",
        _O,
        Step.NONE,
        (
            "imagepullbackoff",
            "errimagepull",
            "unable to download the helm chart",
            "unable to pull the helm chart",
            "failed to pull",
        ),
        "The cluster cannot reach the registry: open the outbound endpoints of Azure Arc and Azure Machine Learning.",
    ),
    family(
        HEALTHCHECK,
        _P,
        Step.NONE,
        ("pod healthcheck failed", "hook failed ... healthcheck", "hooks failed ... healthcheck", "errorcode: e4"),
        "The extension's healthcheck found a critical fault in settings or cluster: read the configmap "
        "arcml-healthcheck in namespace azureml (aka.ms/arcmltsg).",
    ),
    family(
        "relay",
        _O,
        Step.SEND_AGAIN,
        (
            "relay resource id or connection string are not provided",
            "relay server not found",
            "failed to get relay connection",
        ),
        "The cluster's Azure Relay objects are missing: register Microsoft.Relay and let Muster create them again.",
    ),
)

_SYMPTOMS: tuple[Family, ...] = (
    family(
        "cluster-absent",
        _P,
        Step.LOOK_AGAIN,
        ("resourcenotfound", "resourcegroupnotfound"),
        "The cluster is gone.",
    ),
    family(
        "extension-absent",
        _W,
        Step.LOOK_AGAIN,
        ("extensionnotfound", "operation returned an invalid status code 'not found'"),
        "The extension is not there any more; what the cluster needs is decided anew.",
    ),
    family(
        "already-exists",
        _P,
        Step.NONE,
        ("already exists",),
        "An object of an earlier installation is left in the cluster: delete it, then try again.",
    ),
    family(
        "capacity",
        _O,
        Step.NONE,
        ("nodes are available", "insufficient cpu", "insufficient memory", "failedscheduling"),
        "Pods found no node: add nodes or larger ones, look at taints and nodeSelector, or set "
        "inferenceRouterHA=False below three nodes.",
    ),
    family(
        TIMED_OUT,
        _O,
        Step.SEND_AGAIN,
        (
            "timed out waiting for the condition",
            "timed out waiting for the resource",
            "context deadline exceeded",
            "backofflimitexceeded",
            "expected pods are ready",
        ),
        "Pods or a load balancer did not become ready in time: look for capacity, taints and a load balancer, and "
        "read the configmap arcml-healthcheck.",
    ),
    family(
        "service-trouble",
        _T,
        Step.SEND_AGAIN,
        ("internalservererror", "internal server error", "serviceunavailable", "gatewaytimeout"),
        "Azure had trouble of its own; it is tried again after a while.",
    ),
)

CLUSTER_FAMILIES = _AGENTS + _ADMISSION + _HELM + _SYMPTOMS
