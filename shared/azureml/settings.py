"""The table of settings: every one that is documented, that the official CLI knows, or that is handed through.

Sources: "Deploy Azure Machine Learning extension on AKS or Arc Kubernetes cluster" (its tables of
configuration settings and protected settings), azure-cli-extensions k8s-extension 1.7.0, and the
families of Helm values in Microsoft's documents and deployments. catalogue.py works with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

AUTO = "auto"


class ValueType(StrEnum):
    """What a setting's text stands for; only TEXT is compared with its letter case."""

    BOOLEAN = "boolean"
    CHOICE = "choice"
    TEXT = "text"
    ARM_ID = "arm-id"
    FILE = "file"


class Use(StrEnum):
    """How a setting relates to a scenario, as the documentation's table marks it."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    NOT_APPLICABLE = "N/A"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, or with `family` all settings whose name starts like this one.

    Attributes:
        name: its name in the letter case that the chart reads; of a family, the constant beginning.
        training: its use for training alone.
        inference: its use for inference alone.
        both: its use for training and inference together.
        default: what the chart does without it; None where there is nothing to say.
        auto: whether a policy may say `auto`, which is resolved from facts at installation.
        protected: whether it belongs to the protected settings.
        derived: whether the CLI adds it by itself.
    """

    name: str
    type: ValueType
    description: str
    allowed: tuple[str, ...] = ()
    training: Use = Use.OPTIONAL
    inference: Use = Use.OPTIONAL
    both: Use = Use.OPTIONAL
    default: str | None = None
    auto: bool = False
    family: bool = False
    protected: bool = False
    derived: bool = False


_BOOLEAN = ("True", "False")
_YES, _MAY, _NO = Use.REQUIRED, Use.OPTIONAL, Use.NOT_APPLICABLE


def _switch(name: str, description: str, default: str | None = None, *, auto: bool = False) -> Setting:
    return Setting(name, ValueType.BOOLEAN, description, _BOOLEAN, default=default, auto=auto)


def _inference(
    name: str,
    kind: ValueType,
    description: str,
    allowed: tuple[str, ...] = (),
    *,
    required: bool = False,
    default: str | None = None,
    auto: bool = False,
    protected: bool = False,
) -> Setting:
    """A setting that training alone has no use for."""
    use = _YES if required else _MAY
    return Setting(name, kind, description, allowed, _NO, use, use, default=default, auto=auto, protected=protected)


def _derived(name: str, description: str, kind: ValueType = ValueType.TEXT) -> Setting:
    allowed = _BOOLEAN if kind is ValueType.BOOLEAN else ()
    return Setting(name, kind, description, allowed, derived=True)


def _secret(name: str, description: str) -> Setting:
    return Setting(name, ValueType.TEXT, description, protected=True)


def _family(name: str, description: str) -> Setting:
    return Setting(name, ValueType.TEXT, description, family=True)


_DOCUMENTED = (
    Setting(
        "enableTraining", ValueType.BOOLEAN, "Model training and batch scoring.", _BOOLEAN, _YES, _NO, _YES, "False"
    ),
    Setting(
        "enableInference", ValueType.BOOLEAN, "Online endpoints for inference.", _BOOLEAN, _NO, _YES, _YES, "False"
    ),
    _inference(
        "allowInsecureConnections",
        ValueType.BOOLEAN,
        "Plain HTTP endpoints, for development and tests.",
        _BOOLEAN,
        default="False",
    ),
    _inference(
        "inferenceRouterServiceType",
        ValueType.CHOICE,
        "How the inference router azureml-fe is exposed.",
        ("loadBalancer", "nodePort", "clusterIP"),
        required=True,
    ),
    _inference(
        "internalLoadBalancerProvider",
        ValueType.CHOICE,
        "`azure` puts the router behind an internal load balancer; AKS only.",
        ("azure",),
    ),
    _inference("sslSecret", ValueType.TEXT, "Kubernetes secret in namespace azureml that holds cert.pem and key.pem."),
    _inference("sslCname", ValueType.TEXT, "The host name of the HTTPS endpoint."),
    _inference(
        "inferenceRouterHA",
        ValueType.BOOLEAN,
        "Three router replicas, which want three nodes; False deploys one.",
        _BOOLEAN,
        default="True",
        auto=True,
    ),
    _family("nodeSelector.", "Restricts the extension and its workloads to nodes with this label."),
    _switch("installNvidiaDevicePlugin", "Installs NVIDIA's device plugin on the nodes.", "False", auto=True),
    _switch("installPromOp", "Installs the Prometheus operator; False reuses an existing one.", "True", auto=True),
    Setting(
        "installVolcano",
        ValueType.BOOLEAN,
        "Installs the Volcano scheduler; False reuses an existing one.",
        _BOOLEAN,
        _MAY,
        _NO,
        _MAY,
        default="True",
        auto=True,
    ),
    _switch("installDcgmExporter", "Installs the DCGM exporter for GPU metrics.", "False", auto=True),
    _inference("sslCertPemFile", ValueType.FILE, "The TLS certificate, PEM.", protected=True),
    _inference("sslKeyPemFile", ValueType.FILE, "Its private key, PEM, without a pass phrase.", protected=True),
)

_KNOWN_TO_THE_CLI = (
    Setting(
        "clusterPurpose",
        ValueType.CHOICE,
        "DevTest for small clusters, FastProd for three nodes and more.",
        ("DevTest", "FastProd"),
        derived=True,
    ),
    _switch("isAKSMigration", "Keeps the router in namespace default, as AKS compute of SDK v1 had it.", "False"),
    _switch("logAnalyticsWS", "Sends system logs to a Log Analytics workspace.", "False"),
    _secret("relayServerConnectionString", "Connection string of an existing hybrid connection."),
    _secret("serviceBusConnectionString", "Connection string of an existing Service Bus namespace."),
    _derived("cluster_name", "The cluster's ARM id.", ValueType.ARM_ID),
    _derived("clusterId", "Alias of cluster_name.", ValueType.ARM_ID),
    _derived("prometheus.prometheusSpec.externalLabels.cluster_name", "Alias of cluster_name.", ValueType.ARM_ID),
    _derived("cluster_name_friendly", "The cluster's name."),
    _derived("domain", "<location>.cloudapp.azure.com."),
    _derived("location", "The cluster's Azure region."),
    _derived("jobSchedulerLocation", "The cluster's Azure region."),
    _derived("openshift", "Whether the cluster is OpenShift.", ValueType.BOOLEAN),
    _derived("servicebus.enabled", "Service Bus; not used since chart 1.1.5.", ValueType.BOOLEAN),
    _derived("servicebus.resourceID", "The Service Bus namespace's ARM id.", ValueType.ARM_ID),
    _derived("relayserver.enabled", "Azure Relay: on for Arc, off for AKS.", ValueType.BOOLEAN),
    _derived("relayserver.hybridConnectionResourceID", "The hybrid connection's ARM id.", ValueType.ARM_ID),
    _derived("relayserver.hybridConnectionName", "The hybrid connection's name."),
    _derived("nginxIngress.enabled", "The ingress controller: on for AKS, off for Arc.", ValueType.BOOLEAN),
    _derived("scoringFe.namespace", "The router's namespace."),
    _derived("scoringFe.serviceType.nodePort", "The router is a NodePort service.", ValueType.BOOLEAN),
    _derived("scoringFe.serviceType.internalLoadBalancer", "The router is behind an internal one.", ValueType.BOOLEAN),
    _derived("scoringFe.sslSecret", "Alias of sslSecret."),
    _derived("azure_log_analytics.enabled", "Log Analytics is on.", ValueType.BOOLEAN),
    _derived("azure_log_analytics.customer_id", "The Log Analytics workspace's id."),
    _secret("relayserver.relayConnectionString", "Alias of relayServerConnectionString."),
    _secret("servicebus.connectionString", "Alias of serviceBusConnectionString."),
    _secret("azure_log_analytics.connection_string", "The Log Analytics workspace's key."),
    _secret("scoringFe.sslCert", "The certificate's PEM text, base64."),
    _secret("scoringFe.sslKey", "The private key's PEM text, base64."),
    _switch("enable_https", "False for clusters that sign no certificates (no --cluster-signing-* flags)."),
    _switch("amloperator.skipResourceValidation", "Accepts jobs for pools that are scaled to zero."),
)

# Helm values that Microsoft's documents, templates and deployments hand through, e.g.
# toleration[0].key (microsoft/edge-ai), volcanoScheduler.schedulerConfigMap and
# nginxIngress.controller (troubleshooting guide), amloperator.custom_ip_interface (AML-Kubernetes).
_FAMILIES = (
    _family("toleration[", "Tolerations of the extension's own pods: toleration[0].key and so on."),
    _family("workLoadToleration[", "Tolerations of workload pods: workLoadToleration[0].key and so on."),
    _family("amloperator.", "Values of the training operator."),
    _family("volcanoScheduler.", "Values of the Volcano scheduler."),
    _family("nginxIngress.", "Values of the ingress controller."),
    _family("scoringFe.", "Values of the inference router."),
    _family("prometheus.", "Values of Prometheus."),
    _family("relayserver.", "Values of the relay server."),
    _family("servicebus.", "Values of the Service Bus client."),
    _family("azure_log_analytics.", "Values of the Log Analytics client."),
    _family("image", "Image registry, names and tags."),
)

SETTINGS: tuple[Setting, ...] = _DOCUMENTED + _KNOWN_TO_THE_CLI + _FAMILIES

# What Microsoft renamed (azure-cli-extensions, k8s-extension HISTORY.rst 1.2.0 and 1.2.2).
RENAMED: Mapping[str, str] = {
    "inferenceloadbalancerha": "inferenceRouterHA",
    "privateendpointnodeport": "inferenceRouterServiceType",
    "privateendpointilb": "internalLoadBalancerProvider",
    "relayconnectionstring": "relayServerConnectionString",
    "doamin": "domain",
    "nodeselector": "nodeSelector.<label>",
}
