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
from shared.azureml.checks import (
    CERT_FILE,
    INFERENCE,
    KEY_FILE,
    TRAINING,
    Given,
    Router,
    check_auto,
    check_settings,
    check_version,
)
from shared.model.cluster import Cluster
from shared.model.extension import DesiredExtension, Origin, Provenance, Relay
from shared.model.identity import Kind

SMALL_CLUSTER = 3  # below this many nodes the chart's three router replicas cannot be placed

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

TLS_CERTIFICATE, TLS_KEY = "scoringFe.sslCert", "scoringFe.sslKey"

# By the number of nodes: for a small cluster, and for one that is none any more. The CLI sends the first alone; the
# second are the chart's default and what the templates of Azure Machine Learning send.
_BY_SIZE: Mapping[str, tuple[str, str]] = {
    "clusterPurpose": ("DevTest", "FastProd"),
    "inferenceRouterHA": ("false", "true"),
}
# Never sent protected: local paths are of no use to Azure, and the two switches go in plain.
_NOT_SENT = frozenset({CERT_FILE, KEY_FILE, TRAINING, INFERENCE})


def derive(  # noqa: PLR0913  one keyword per part of the body, all with defaults
    cluster: Cluster,
    settings: Mapping[str, str],
    *,
    origins: Mapping[str, Provenance] | None = None,
    protected: Collection[str] = (),
    resolved: Mapping[str, str] | None = None,
    anew: bool = False,
    release_train: str | None = None,
    version: str | None = None,
    auto_upgrade_minor_version: bool | None = None,
    auto_upgrade_mode: str | None = None,
    certificate: str | None = None,
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
        anew: what follows from the number of nodes and the distribution is derived from today's all the same.
        release_train: None means the CLI's default, "stable".
        version: pins the version, which needs the automatic upgrade off.
        auto_upgrade_minor_version: None leaves it out, save that a pinned version sends False.
        auto_upgrade_mode: None leaves it out.
        certificate: address of a certificate in Key Vault, which goes where both PEM files would go.
        verbatim: takes `auto` for a value like any other, as the CLI does.

    Raises:
        SettingsError: with the CLI's message; `findings[i].where` is the setting.
    """
    if not verbatim:
        check_auto(settings)
    check_version(version, auto_upgrade_minor_version)
    if certificate is not None:
        protected = {*protected, CERT_FILE, KEY_FILE}
    work = _Work(cluster, dict(settings), dict(origins or {}), protected, resolved, anew)
    work.add_switches_and_router()
    work.add_size_and_distribution()
    work.add_names_and_places()
    relay = work.add_services()
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
        auto_upgrade_mode=auto_upgrade_mode,
        origins=work.origins,
        warnings=tuple(work.warnings),
        certificate=certificate if TLS_CERTIFICATE in work.sent else None,
    )


@dataclass(slots=True)
class _Work:
    """One derivation in progress; its steps run in the CLI's order, which decides which refusal is seen."""

    cluster: Cluster
    settings: dict[str, str]
    origins: dict[str, Provenance]
    protected: Collection[str]
    resolved: Mapping[str, str] | None
    anew: bool
    given: Given = field(init=False)
    sent: set[str] = field(init=False)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.given = Given(self.settings, self.protected)
        self.sent = set(self.protected)

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

    def add_switches_and_router(self) -> None:
        router = check_settings(self.given)
        if router is not None:
            self.add_router(router)
        for key in (CERT_FILE, KEY_FILE):
            if self.settings.pop(key, None) is not None:
                self.origins.pop(key, None)
                self.warnings.append(f"{key}: belongs to the protected settings; the path was left out.")
        for key in (TRAINING, INFERENCE):
            if key not in self.settings:
                self.put(key, str(self.given.on(key)), "both switches are always sent")

    def add_router(self, router: Router) -> None:
        if self.given.on("isAKSMigration"):
            self.put("scoringFe.namespace", "default", "isAKSMigration")
            self.put("isAKSMigration", "true", "isAKSMigration")
        if router.node_port:
            self.put(NODE_PORT, "True", "inferenceRouterServiceType is NodePort")
        elif router.internal:
            self.put(INTERNAL_LOAD_BALANCER, "True", "internalLoadBalancerProvider is azure")
        if router.files:
            self.sent |= {TLS_CERTIFICATE, TLS_KEY}
        elif router.secret is not None:
            self.put("scoringFe.sslSecret", router.secret, "alias of sslSecret")

    def add_size_and_distribution(self) -> None:
        if self.resolved is not None and not self.anew:
            self.keep_installed(self.resolved, *_BY_SIZE, "openshift")
            return
        nodes = self.cluster.nodes
        if nodes is None:
            # The CLI swallows what an unknown count raises, and with it the look at the distribution.
            self.warnings.append(
                "The number of nodes is unknown: whether this is a small cluster, or OpenShift, was not derived."
            )
            return
        if nodes < SMALL_CLUSTER:
            for key, (small, _) in _BY_SIZE.items():
                if not self.given.has(key):
                    self.put(key, small, f"nodes < {SMALL_CLUSTER}")
        else:
            self.outgrown()
        if (self.cluster.distribution or "").lower() == "openshift":
            self.put("openshift", "true", "distribution is openshift")

    def outgrown(self) -> None:
        """Of a cluster that was small once: a PATCH cannot take a key away, so it gets the value of a large one."""
        for key, (small, large) in _BY_SIZE.items():
            there = (self.resolved or {}).get(key, "")
            if there.lower() == small.lower() and not self.given.has(key):
                self.put(key, large, f"nodes >= {SMALL_CLUSTER}")

    def keep_installed(self, resolved: Mapping[str, str], *keys: str) -> None:
        for key in keys:
            if key in resolved and not self.given.has(key):
                self.put(key, resolved[key], "as installed")

    def add_names_and_places(self) -> None:
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

    def add_services(self) -> Relay | None:
        aks = self.cluster.kind is Kind.AKS
        self.switch("servicebus.enabled", on=False, why="not used since chart 1.1.5")
        self.switch("relayserver.enabled", on=not aks, why="Arc reaches Azure through a relay, AKS does not")
        self.switch("nginxIngress.enabled", on=aks, why="on for AKS, off for Arc")
        self.log_analytics()
        relay = self.relay()
        self.service_bus()
        return relay

    def switch(self, key: str, *, on: bool, why: str) -> None:
        """A switch that follows from the kind of cluster alone: a changed one is drift, not a fact."""
        if key not in self.settings:
            self.put(key, "true" if on else "false", why)

    def off(self, key: str) -> bool:
        return self.settings[key].lower() == "false"

    def log_analytics(self) -> None:
        wanted = (self.settings.get("logAnalyticsWS") or "").lower() == "true"
        connection = "azure_log_analytics.connection_string"
        if not wanted or self.settings.get(connection) or self.given.protects(connection):
            return
        self.put("azure_log_analytics.enabled", "True", "logAnalyticsWS")
        self.sent.add(connection)
        self.warnings.append(
            "logAnalyticsWS: Muster creates no Log Analytics workspace; azure_log_analytics.customer_id and the "
            "protected azure_log_analytics.connection_string have to be given."
        )

    def relay(self) -> Relay | None:
        key = relay_names.CONNECTION_STRING
        if self.off("relayserver.enabled") or self.settings.get(key) or self.given.protects(key):
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
        if self.off("servicebus.enabled") or self.settings.get(key) or self.given.protects(key):
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
