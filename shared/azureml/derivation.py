"""What is sent to ARM for given settings on a given cluster: the official CLI's rules, offline.

Documented settings alone do not make an installation work: the CLI checks them, adds what the Helm
chart needs (names, location, aliases under `scoringFe.`) and sets two of them by the cluster's size.
This module does the same, in the same order and with the same refusals (source:
azure-cli-extensions, k8s-extension 1.7.0, partner_extensions/AzureMLKubernetes.py). Values that
depend on facts are derived once, at installation; `resolved` hands in those of the installed
extension, so that a cluster that grows or shrinks afterwards changes nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from shared.azureml import relay as relay_names
from shared.azureml.catalogue import AUTO, setting_for
from shared.errors import Finding, SettingsError
from shared.model.cluster import Cluster
from shared.model.extension import DesiredExtension, Origin, Provenance, Relay
from shared.model.identity import Kind

MORE_INFORMATION = "Check https://aka.ms/arcmltsg for more information."
SMALL_CLUSTER = 3  # below this many nodes the chart's three router replicas cannot be placed

_CERT_FILE, _KEY_FILE = "sslCertPemFile", "sslKeyPemFile"
_TRAINING, _INFERENCE = "enableTraining", "enableInference"
NODE_PORT = "scoringFe.serviceType.nodePort"
INTERNAL_LOAD_BALANCER = "scoringFe.serviceType.internalLoadBalancer"

# Sent twice under both names: the chart reads the second (the CLI's `reference_mapping`).
ALIASES: Mapping[str, tuple[str, ...]] = {
    relay_names.CONNECTION_STRING: (relay_names.CONNECTION_STRING_ALIAS,),
    "serviceBusConnectionString": ("servicebus.connectionString",),
    "cluster_name": ("clusterId", "prometheus.prometheusSpec.externalLabels.cluster_name"),
}

SERVICE_BUS_TOPICS: Mapping[str, str] = {
    "computestate-updatedby-computeprovider": "compute-scheduler-computestate",
    "jobstate-updatedby-computeprovider": "compute-scheduler-jobstate",
}

# Never sent as they are: local paths are of no use to Azure, and the two switches go in plain.
_NOT_SENT = frozenset({_CERT_FILE, _KEY_FILE, _TRAINING, _INFERENCE})


def derive(  # noqa: PLR0913  one keyword per part of the body, all with defaults
    cluster: Cluster,
    settings: Mapping[str, str],
    *,
    origins: Mapping[str, Provenance] | None = None,
    protected: Collection[str] = (),
    resolved: Mapping[str, str] | None = None,
    release_train: str | None = None,
    version: str | None = None,
    auto_upgrade_minor_version: bool | None = None,
    verbatim: bool = False,
) -> DesiredExtension:
    """Turn settings into the complete extension, or refuse them as the official CLI does.

    Args:
        cluster: facts about the cluster.
        settings: the wanted settings under their canonical names.
        origins: where each of them came from; derived ones are added to it.
        protected: names of the protected settings that will be given. With both `sslCertPemFile`
            and `sslKeyPemFile` the certificate goes under the chart's own names. A mapping may be
            handed in where the values are at hand; they are read where the CLI reads them, and are
            not kept.
        resolved: the settings of the extension that is already installed. Derived values are read
            back from it: one that is present is kept, and one that would follow from facts that
            change (number of nodes, distribution, relay) is not added when it is absent.
        release_train: None means the CLI's default, "stable".
        version: pins the version, which needs the automatic upgrade off.
        auto_upgrade_minor_version: None leaves it out, save that a pinned version sends False.
        verbatim: takes `auto` for a value like any other, as the CLI does.

    Raises:
        SettingsError: with the CLI's message; `findings[i].where` is the setting.
    """
    if not verbatim:
        _refuse_auto(settings)
    if version is not None and auto_upgrade_minor_version:
        raise _refusal("version", "To pin to specific version, auto-upgrade-minor-version must be set to 'false'.")
    work = _Work(cluster, dict(settings), dict(origins or {}), protected, resolved)
    work.check_and_complete()
    relay = work.add_platform_settings()
    work.add_aliases()
    pinned_off = False if version is not None else None
    return DesiredExtension(
        settings=work.settings,
        protected=tuple(sorted(work.sent - _NOT_SENT)),
        relay=relay,
        identity=cluster.kind is Kind.ARC,
        release_train=release_train or "stable",
        version=version,
        auto_upgrade_minor_version=pinned_off if auto_upgrade_minor_version is None else auto_upgrade_minor_version,
        origins=work.origins,
        warnings=tuple(work.warnings),
    )


def is_true(value: str | None) -> bool:
    """The CLI's reading of a switch: only the word true, in any letter case."""
    return value is not None and value.lower() == "true"


def _refuse_auto(settings: Mapping[str, str]) -> None:
    left = [key for key, value in settings.items() if value.lower() == AUTO and _knows_auto(key)]
    if left:
        message = "`auto` has to be resolved before the extension is built"
        raise SettingsError(f"{message}: {', '.join(left)}.", tuple(Finding(key, f"{message}.") for key in left))


def _knows_auto(key: str) -> bool:
    setting = setting_for(key)
    return setting is not None and setting.auto


def _refusal(where: str, message: str) -> SettingsError:
    return SettingsError(message, (Finding(where, message),))


@dataclass(slots=True)
class _Work:
    """One derivation in progress; its steps run in the CLI's order, which decides which refusal is seen."""

    cluster: Cluster
    settings: dict[str, str]
    origins: dict[str, Provenance]
    given: Collection[str]
    resolved: Mapping[str, str] | None
    sent: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sent = set(self.given)

    # What the CLI reads, from the settings first and the protected ones second.

    def value(self, key: str) -> str | None:
        if key in self.settings:
            return self.settings[key]
        if isinstance(self.given, Mapping):
            found = self.given.get(key)
            return None if found is None else str(found)
        if key in self.given:
            raise _refusal(key, f"{key} is read while the extension is built: give it as a plain setting.")
        return None

    def gave(self, key: str) -> bool:
        """Whether a protected setting is given, and not empty where its value is at hand."""
        return bool(self.given[key]) if isinstance(self.given, Mapping) and key in self.given else key in self.given

    def put(self, key: str, value: str, why: str) -> None:
        self.settings[key] = value
        self.origins[key] = Provenance(Origin.DERIVED, why)

    def default(self, key: str, value: str, why: str) -> None:
        """Add a value unless the user gave one or, on an installed extension, it has one."""
        if key in self.settings:
            return
        if self.resolved is not None and key in self.resolved:
            self.put(key, self.resolved[key], "as installed")
        else:
            self.put(key, value, why)

    # Rules on the settings alone.

    def check_and_complete(self) -> None:
        twice = sorted(set(self.settings) & self.sent)
        if twice:
            message = f"Duplicate keys found.{MORE_INFORMATION}"
            raise SettingsError(message, tuple(Finding(key, message) for key in twice))
        training, inference = is_true(self.value(_TRAINING)), is_true(self.value(_INFERENCE))
        if inference:
            self.inference()
        elif not training:
            raise _refusal(
                _TRAINING,
                "To create Microsoft.AzureML.Kubernetes extension, either enable Machine Learning training or "
                f"inference by specifying '--configuration-settings {_TRAINING}=true' or "
                f"'--configuration-settings {_INFERENCE}=true'."
                "Please check https://aka.ms/arcmltsg for more information.",
            )
        for key, on in ((_TRAINING, training), (_INFERENCE, inference)):
            if key not in self.settings:
                self.put(key, str(on), "both switches are always sent")

    def inference(self) -> None:
        if is_true(self.value("isAKSMigration")):
            self.put("scoringFe.namespace", "default", "isAKSMigration")
            self.put("isAKSMigration", "true", "isAKSMigration")
        files = self.gave(_CERT_FILE) and self.gave(_KEY_FILE)
        secret = self.value("sslSecret")
        insecure = is_true(self.value("allowInsecureConnections"))
        self.check_https(enabled=files or bool(secret), insecure=insecure)
        self.router()
        if insecure:
            return
        if files:
            self.sent |= {"scoringFe.sslCert", "scoringFe.sslKey"}
        elif secret:
            self.put("scoringFe.sslSecret", secret, "alias of sslSecret")

    def check_https(self, *, enabled: bool, insecure: bool) -> None:
        if not enabled and not insecure:
            raise _refusal(
                "allowInsecureConnections",
                "To enable HTTPs endpoint, either provide sslCertPemFile and sslKeyPemFile to "
                "--configuration-protected-settings, or provide sslSecret(kubernetes secret name) in "
                "--configuration-settings containing both ssl cert and ssl key under azureml namespace. "
                "Otherwise, to enable HTTP endpoint, explicitly set allowInsecureConnections=true.",
            )
        # The CLI asks for the name even where plain HTTP is allowed beside the certificate.
        if enabled and not self.value("sslCname"):
            raise _refusal(
                "sslCname",
                "To enable HTTPs endpoint, please specify sslCname parameter in --configuration-settings. "
                + MORE_INFORMATION,
            )

    def router(self) -> None:
        service_type = (self.value("inferenceRouterServiceType") or "").lower()
        if service_type not in {"nodeport", "loadbalancer", "clusterip"}:
            raise _refusal(
                "inferenceRouterServiceType",
                "To use inference, please specify inferenceRouterServiceType=ClusterIP or "
                "inferenceRouterServiceType=NodePort or inferenceRouterServiceType=LoadBalancer in "
                "--configuration-settings and also set internalLoadBalancerProvider=azure if your aks only "
                f"supports internal load balancer.{MORE_INFORMATION}",
            )
        internal = (self.value("internalLoadBalancerProvider") or "").lower() == "azure"
        if service_type == "nodeport" and internal:
            raise _refusal(
                "internalLoadBalancerProvider",
                "When using nodePort as inferenceRouterServiceType, no need to specify "
                f"internalLoadBalancerProvider.{MORE_INFORMATION}",
            )
        if service_type == "nodeport":
            self.put(NODE_PORT, "True", "inferenceRouterServiceType is NodePort")
        elif internal:
            self.put(INTERNAL_LOAD_BALANCER, "True", "internalLoadBalancerProvider is azure")

    # Rules on the cluster.

    def add_platform_settings(self) -> Relay | None:
        if self.resolved is None:
            self.size_and_distribution()
        else:
            self.keep_installed(self.resolved, "clusterPurpose", "inferenceRouterHA", "openshift")
        self.names_and_places()
        aks = self.cluster.kind is Kind.AKS
        self.switch("servicebus.enabled", on=False, why="not used since chart 1.1.5")
        self.switch("relayserver.enabled", on=not aks, why="Arc reaches Azure through a relay, AKS does not")
        self.switch("nginxIngress.enabled", on=aks, why="on for AKS, off for Arc")
        self.log_analytics()
        relay = self.relay()
        self.service_bus()
        return relay

    def size_and_distribution(self) -> None:
        nodes = self.cluster.nodes
        if nodes is None:
            # The CLI swallows what an unknown count raises, and with it the look at the distribution.
            self.warnings.append(
                "The number of nodes is unknown: whether this is a small cluster, or OpenShift, was not derived."
            )
            return
        if nodes < SMALL_CLUSTER:
            for key, value in (("clusterPurpose", "DevTest"), ("inferenceRouterHA", "false")):
                if self.value(key) is None:
                    self.put(key, value, f"nodes < {SMALL_CLUSTER}")
        if (self.cluster.distribution or "").lower() == "openshift":
            self.put("openshift", "true", "distribution is openshift")

    def keep_installed(self, resolved: Mapping[str, str], *keys: str) -> None:
        for key in keys:
            if key in resolved and self.value(key) is None:
                self.put(key, resolved[key], "as installed")

    def names_and_places(self) -> None:
        cluster = self.cluster
        self.default("cluster_name", cluster.arm_id, "the cluster's ARM id")
        # The CLI looks a given domain up under a misspelt name, so that `domain` is always overwritten.
        given = self.settings.pop("domain", None)
        self.default("domain", self.settings.get("doamin", f"{cluster.location}.cloudapp.azure.com"), "location")
        if given is not None and given != self.settings["domain"]:
            self.warnings.append(f"domain: the given value is replaced by {self.settings['domain']}, as the CLI does.")
        self.default("location", cluster.location, "the cluster's location")
        self.default("jobSchedulerLocation", cluster.location, "the cluster's location")
        self.default("cluster_name_friendly", cluster.name, "the cluster's name")

    def switch(self, key: str, *, on: bool, why: str) -> None:
        """A switch that follows from the kind of cluster alone: a changed one is drift, not a fact."""
        if key not in self.settings:
            self.put(key, "true" if on else "false", why)

    def off(self, key: str) -> bool:
        return self.settings[key].lower() == "false"

    def log_analytics(self) -> None:
        wanted = is_true(self.settings.get("logAnalyticsWS"))
        connection = "azure_log_analytics.connection_string"
        if not wanted or self.settings.get(connection) or self.gave(connection):
            return
        self.put("azure_log_analytics.enabled", "True", "logAnalyticsWS")
        self.sent.add(connection)
        self.warnings.append(
            "logAnalyticsWS: Muster creates no Log Analytics workspace; azure_log_analytics.customer_id and the "
            "protected azure_log_analytics.connection_string have to be given."
        )

    def relay(self) -> Relay | None:
        key = relay_names.CONNECTION_STRING
        if self.off("relayserver.enabled") or self.settings.get(key) or self.gave(key):
            return None
        self.sent.add(key)
        if self.resolved is not None:
            return self.installed_relay(self.resolved)
        relay = relay_names.relay_for(self.cluster)
        self.put(relay_names.RESOURCE_ID, relay_names.hybrid_connection_id(self.cluster, relay), "relay")
        self.put(relay_names.NAME, relay.hybrid_connection, "relay")
        return relay

    def installed_relay(self, resolved: Mapping[str, str]) -> Relay | None:
        """The relay that the installed extension uses; attached computes depend on it staying the same."""
        self.keep_installed(resolved, relay_names.RESOURCE_ID, relay_names.NAME)
        if relay_names.RESOURCE_ID not in resolved:
            return relay_names.relay_for(self.cluster)
        relay = relay_names.stored_relay(self.cluster, resolved)
        if relay is None:
            self.warnings.append(f"{relay_names.RESOURCE_ID}: the installed relay lies outside the resource group.")
        return relay

    def service_bus(self) -> None:
        key = "serviceBusConnectionString"
        if self.off("servicebus.enabled") or self.settings.get(key) or self.gave(key):
            return
        self.sent.add(key)
        cluster = self.cluster
        full = f"{cluster.name}-{cluster.id.subscription}-{cluster.resource_group}-service-bus"
        group = f"/subscriptions/{cluster.id.subscription}/resourceGroups/{cluster.resource_group}"
        namespace = relay_names.azure_name(full)
        self.put(
            "servicebus.resourceID", f"{group}/providers/Microsoft.ServiceBus/namespaces/{namespace}", "Service Bus"
        )
        for topic, subscription in SERVICE_BUS_TOPICS.items():
            self.put(f"servicebus.topicSubMapping.{topic}", subscription, "Service Bus")
        self.warnings.append(
            "servicebus.enabled: Muster creates no Service Bus namespace, so that serviceBusConnectionString has to be "
            "given. The extension has not used it since chart 1.1.5."
        )

    def add_aliases(self) -> None:
        for key, aliases in ALIASES.items():
            for alias in aliases:
                if key in self.settings:
                    self.default(alias, self.settings[key], f"alias of {key}")
                if key in self.sent:
                    self.sent.add(alias)
