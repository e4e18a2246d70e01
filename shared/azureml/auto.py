"""`auto`: values that a policy leaves to Muster, resolved from facts when the extension is installed.

Once installed, the value is read back from the extension's own settings: components of our own
release in the cluster, or a changed number of nodes, never change it afterwards, unless a person asks for it.

Sources: "Troubleshoot Azure Machine Learning extension" (open source components integration: which
existing component may be reused, and what it then has to do), "Deploy Azure Machine Learning extension"
(the flags and their defaults).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.azureml.catalogue import AUTO
from shared.azureml.derivation import SMALL_CLUSTER
from shared.model.cluster import Cluster
from shared.model.extension import Origin, Provenance
from shared.model.identity import Kind
from shared.model.inside import NAMESPACE, Existing, Inside, Node, Part


@dataclass(frozen=True, slots=True)
class AutoResult:
    """Settings without `auto`.

    Attributes:
        settings: all settings; one whose fact is unknown still says `auto`.
        origins: where each came from; resolved ones say by which fact.
        unknown_facts: facts that have to be known first, in the words of policies.
        findings: what a person should know about the choices made.
    """

    settings: dict[str, str]
    origins: dict[str, Provenance]
    unknown_facts: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Choice:
    """A value and the fact behind it, or the fact that is missing."""

    value: str | None
    why: str
    finding: str = ""


@dataclass(frozen=True, slots=True)
class _Facts:
    """The cluster, what was seen inside it, and the Helm release that is ours."""

    cluster: Cluster
    inside: Inside | None
    release: str

    @property
    def searched(self) -> bool:
        """Whether the cluster was searched for components of its own."""
        return self.inside is not None and self.inside.existing is not None

    def foreign(self, *parts: Part) -> Existing | None:
        """A component that is not of our release. What stands in our namespace under no release counts as ours."""
        for found in (self.inside.existing if self.inside else None) or ():
            ours = (found.release or "").casefold() == self.release.casefold()
            if found.part in parts and not ours and not (found.release is None and found.namespace == NAMESPACE):
                return found
        return None

    @property
    def gpu_nodes(self) -> tuple[Node, ...] | None:
        """Nodes with GPUs; None where nodes were not read."""
        if self.inside is None or self.inside.nodes is None:
            return None
        return tuple(node for node in self.inside.nodes if _has_gpu(node))


def resolve_auto(
    cluster: Cluster,
    settings: Mapping[str, str],
    origins: Mapping[str, Provenance],
    resolved: Mapping[str, str] | None,
    *,
    inside: Inside | None = None,
    extension_name: str = "azureml",
    installed: Mapping[str, str] | None = None,
) -> AutoResult:
    """Replace every `auto` by a value that follows from the cluster's facts.

    Args:
        cluster: facts about the cluster.
        settings: settings under their canonical names.
        origins: where each came from.
        resolved: settings of the installed extension, whose values are kept; None at installation.
        inside: what was seen inside the cluster; None where nobody looked.
        extension_name: name of the extension, whose Helm release never counts as the cluster's own.
        installed: settings of the installed extension, where values are resolved anew: what only a search of the
            cluster can tell stays as it is there, until there was one.
    """
    facts = _Facts(cluster, inside, extension_name)
    values, sources = dict(settings), dict(origins)
    unknown: list[str] = []
    findings: list[str] = []
    for key, value in settings.items():
        if value.lower() != AUTO or key not in _RULES:
            continue
        choice = _choice(facts, key, resolved, installed)
        if choice.value is None:
            unknown.append(choice.why)
            continue
        values[key] = choice.value
        asked = f", asked by {origins[key]}" if key in origins else ""
        sources[key] = Provenance(Origin.DERIVED, f"auto: {choice.why}{asked}")
        if choice.finding:
            findings.append(choice.finding)
    if resolved is None:
        findings.extend(_ingress(facts, settings))
    return AutoResult(values, sources, tuple(dict.fromkeys(unknown)), tuple(findings))


def _choice(
    facts: _Facts, key: str, resolved: Mapping[str, str] | None, installed: Mapping[str, str] | None
) -> _Choice:
    if resolved and key in resolved:
        return _Choice(resolved[key], "as installed")
    # What was reused then would be installed beside itself now.
    if installed and key in installed and key in _SEARCHED_FOR and not facts.searched:
        why = "as installed, since the cluster was not searched"
        return _Choice(installed[key], why, f"{key} stays {installed[key]}: the cluster was not searched.")
    return _RULES[key](facts, key)


def _router_replicas(facts: _Facts, key: str) -> _Choice:
    """Three replicas want three nodes (documentation of inferenceRouterHA)."""
    del key
    nodes = facts.cluster.nodes
    if nodes is None:
        return _Choice(None, "nodes")
    enough = nodes >= SMALL_CLUSTER
    return _Choice(str(enough), f"nodes {'>=' if enough else '<'} {SMALL_CLUSTER}")


def _gpu_component(facts: _Facts, key: str) -> _Choice:
    """Installed where GPUs were seen and nothing serves them yet.

    The GPU operator brings both the device plugin and the DCGM exporter; so does AKS where it manages the
    pools. Where the cluster was not searched, ARM's word on AKS pools decides, and Arc stays without.
    """
    found = facts.foreign(_GPU_PARTS[key], Part.GPU_OPERATOR)
    if found is not None:
        return _reused(key, found)
    if facts.cluster.kind is Kind.AKS:
        bare = _bare_pools(facts.cluster)
        if facts.cluster.gpu and not bare:
            why = "AKS manages the GPU pools"
            return _Choice("False", why, f"{key}: auto became False: {why}.")
        return _gpu_on_aks(facts, key, bare)
    return _gpu_on_arc(facts, key)


def _gpu_on_aks(facts: _Facts, key: str, bare: tuple[str, ...]) -> _Choice:
    nodes = facts.gpu_nodes
    if bare:
        where = f"GPU pools {', '.join(bare)}"
    elif nodes:
        where = f"GPU nodes {_names(nodes)}"
    elif facts.cluster.gpu is None and nodes is None:
        return _Choice(None, "gpu")
    else:
        return _Choice("False", "no pool or node with GPUs")
    return _installed(facts, key, where)


def _gpu_on_arc(facts: _Facts, key: str) -> _Choice:
    nodes = facts.gpu_nodes
    if nodes is None:
        why = "Arc does not report GPUs"
        return _Choice("False", why, f"{key}: auto became False: {why}.")
    if not nodes:
        return _Choice("False", "no node with GPUs")
    if not facts.searched:
        why = f"whether the cluster has one for its GPU nodes {_names(nodes)} was not observed"
        return _Choice("False", why, f"{key}: auto became False: {why}.")
    return _installed(facts, key, f"GPU nodes {_names(nodes)}")


def _installed(facts: _Facts, key: str, where: str) -> _Choice:
    """True; with a finding where a component that is there already may have been overlooked."""
    if not facts.searched:
        told = f"{key}: auto became True for the {where}; whether the cluster has one already was not observed."
        return _Choice("True", where, told)
    serving = [node for node in facts.gpu_nodes or () if node.gpus]
    if key == _PLUGIN and serving:
        told = f"{key}: auto became True, yet nodes offer GPUs already ({_names(serving)}): look for another plugin."
        return _Choice("True", f"{where}, none observed", told)
    return _Choice("True", f"{where}, none observed")


def _bare_pools(cluster: Cluster) -> tuple[str, ...]:
    """AKS pools with GPUs that AKS does not equip itself."""
    return tuple(pool.name for pool in cluster.pools or () if pool.gpu and not _managed(pool.gpu_driver))


def _managed(gpu_driver: str | None) -> bool:
    return (gpu_driver or "").lower() == "managed"


def _has_gpu(node: Node) -> bool:
    """GPUs that can be allocated, or a label that says there is an NVIDIA card which nothing serves yet."""
    labels = {name.lower(): value.lower() for name, value in node.labels.items()}
    return node.gpus > 0 or any(labels.get(name) == value for name, value in _NVIDIA_LABELS.items())


def _names(nodes: Sequence[Node]) -> str:
    told = ", ".join(node.name for node in nodes[:_MOST_NAMES])
    return f"{told} and {len(nodes) - _MOST_NAMES} more" if len(nodes) > _MOST_NAMES else told


def _own_component(facts: _Facts, key: str) -> _Choice:
    """The cluster's own where it has one; else the chart's."""
    part, care = _REUSABLE[key]
    found = facts.foreign(part)
    if found is not None:
        return _reused(key, found, care)
    if facts.searched:
        return _Choice("True", f"the cluster has no {part} of its own")
    return _Choice(
        "True", "nothing to reuse was observed", f"{key}: auto became True: the cluster was not searched for one."
    )


def _reused(key: str, found: Existing, care: str = "") -> _Choice:
    why = f"reuses {found.part} {found.name} in namespace {found.namespace}"
    return _Choice("False", why, f"{key}: auto became False: {why}.{f' {care}' if care else ''}")


def _ingress(facts: _Facts, settings: Mapping[str, str]) -> tuple[str, ...]:
    """A second ingress controller of class k8s.io/ingress-nginx breaks the installation; told, never changed."""
    default = "true" if facts.cluster.kind is Kind.AKS else "false"
    enabled = settings.get("nginxIngress.enabled", default).lower() == "true"
    found = facts.foreign(Part.INGRESS_NGINX)
    if found is None or not enabled or "nginxIngress.controller" in settings:
        return ()
    told = f"the cluster has an ingress class k8s.io/ingress-nginx ({found.name}) that is not ours"
    return (f"nginxIngress.controller: {told}; set it to another name, such as k8s.io/amlarc-ingress-nginx.",)


_MOST_NAMES = 5
_PLUGIN, _EXPORTER = "installNvidiaDevicePlugin", "installDcgmExporter"
_GPU_PARTS: Mapping[str, Part] = {_PLUGIN: Part.NVIDIA_DEVICE_PLUGIN, _EXPORTER: Part.DCGM_EXPORTER}
# Set by AKS (both spellings), NVIDIA's GPU feature discovery and Node Feature Discovery (10de is NVIDIA).
_NVIDIA_LABELS: Mapping[str, str] = {
    "accelerator": "nvidia",
    "kubernetes.azure.com/accelerator": "nvidia",
    "nvidia.com/gpu.present": "true",
    "feature.node.kubernetes.io/pci-10de.present": "true",
}
_REUSABLE: Mapping[str, tuple[Part, str]] = {
    "installPromOp": (
        Part.PROMETHEUS_OPERATOR,
        "It has to watch namespace azureml, and a ServiceMonitor for the kubelet is needed there.",
    ),
    "installVolcano": (
        Part.VOLCANO,
        "Its scheduler needs the configuration of the extension's troubleshooting guide.",
    ),
}
_SEARCHED_FOR = frozenset({*_GPU_PARTS, *_REUSABLE})
_RULES = {
    "inferenceRouterHA": _router_replicas,
    _PLUGIN: _gpu_component,
    _EXPORTER: _gpu_component,
    "installPromOp": _own_component,
    "installVolcano": _own_component,
}
