"""`auto`: values that a policy leaves to Muster, resolved from facts when the extension is installed.

Once installed, the value is read back from the extension's own settings: components of our own
release in the cluster, or a changed number of nodes, never change it afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.azureml.catalogue import AUTO
from shared.azureml.derivation import SMALL_CLUSTER
from shared.model.cluster import Cluster
from shared.model.extension import Origin, Provenance
from shared.model.identity import Kind


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


def resolve_auto(
    cluster: Cluster,
    settings: Mapping[str, str],
    origins: Mapping[str, Provenance],
    resolved: Mapping[str, str] | None,
) -> AutoResult:
    """Replace every `auto` by a value that follows from the cluster's facts.

    Args:
        cluster: facts about the cluster.
        settings: settings under their canonical names.
        origins: where each came from.
        resolved: settings of the installed extension, whose values are kept; None at installation.
    """
    values, sources = dict(settings), dict(origins)
    unknown: list[str] = []
    findings: list[str] = []
    for key, value in settings.items():
        if value.lower() != AUTO or key not in _RULES:
            continue
        choice = _Choice(resolved[key], "as installed") if resolved and key in resolved else _RULES[key](cluster, key)
        if choice.value is None:
            unknown.append(choice.why)
            continue
        values[key] = choice.value
        asked = f", asked by {origins[key]}" if key in origins else ""
        sources[key] = Provenance(Origin.DERIVED, f"auto: {choice.why}{asked}")
        if choice.finding:
            findings.append(choice.finding)
    return AutoResult(values, sources, tuple(dict.fromkeys(unknown)), tuple(findings))


def _router_replicas(cluster: Cluster, key: str) -> _Choice:
    """Three replicas want three nodes (documentation of inferenceRouterHA)."""
    del key
    if cluster.nodes is None:
        return _Choice(None, "nodes")
    enough = cluster.nodes >= SMALL_CLUSTER
    return _Choice(str(enough), f"nodes {'>=' if enough else '<'} {SMALL_CLUSTER}")


def _gpu_component(cluster: Cluster, key: str) -> _Choice:
    """Installed on AKS pools with GPUs that AKS does not equip itself; never where nothing was observed on Arc."""
    if cluster.kind is Kind.ARC:
        return _Choice(
            "False",
            "Arc does not report GPUs",
            f"{key}: auto became False: Arc does not report GPUs.",
        )
    if cluster.gpu is None:
        return _Choice(None, "gpu")
    if not cluster.gpu:
        return _Choice("False", "no pool with GPUs")
    bare = [pool.name for pool in cluster.pools or () if pool.gpu and not _managed(pool.gpu_driver)]
    if not bare:
        return _Choice("False", "AKS manages the GPU pools", f"{key}: auto became False: AKS manages the GPU pools.")
    names = ", ".join(bare)
    return _Choice(
        "True",
        f"GPU pools {names}",
        f"{key}: auto became True for the GPU pools {names}; whether the cluster has one already was not observed.",
    )


def _managed(gpu_driver: str | None) -> bool:
    return (gpu_driver or "").lower() == "managed"


def _own_component(cluster: Cluster, key: str) -> _Choice:
    """The chart's own default, as long as nothing was observed that could be reused."""
    del cluster
    return _Choice(
        "True", "nothing to reuse was observed", f"{key}: auto became True: the cluster was not searched for one."
    )


_RULES = {
    "inferenceRouterHA": _router_replicas,
    "installNvidiaDevicePlugin": _gpu_component,
    "installDcgmExporter": _gpu_component,
    "installPromOp": _own_component,
    "installVolcano": _own_component,
}
