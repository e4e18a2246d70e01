"""What rules may ask about a cluster, with `None` for what nobody has told us yet.

The same names serve `match`, CEL (`cluster.nodes`) and templates (`{cluster.name}`). A fact that is
not known is never taken as false: whatever depends on it is unknown too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from shared.model.cluster import Cluster
from shared.model.identity import Kind

FACTS = (
    "id",
    "name",
    "kind",
    "subscription",
    "resourceGroup",
    "location",
    "tags",
    "nodes",
    "cores",
    "gpu",
    "gpuModels",
    "kubernetesVersion",
    "distribution",
)
"""The names that CEL sees under `cluster`."""

TEMPLATE_FACTS = tuple(name for name in FACTS if name not in {"tags", "gpuModels"})
"""The names that a template may use: those whose value is one word."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The third truth value: the answer depends on this fact, which is not known.

    It has no truth of its own, so that it can never be taken for false by accident.
    """

    fact: str

    def __bool__(self) -> NoReturn:
        raise TypeError("an unknown fact is neither true nor false")


type Truth = bool | Unknown


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about one cluster under the policy's names.

    Attributes:
        values: by the names of `FACTS`; None where not known. `id` and `subscription` are lower case.
        tags: the cluster's own tags, names in lower case.
        notes: for an unknown fact, why it is unknown, where there is more to say.
    """

    values: Mapping[str, object]
    tags: Mapping[str, str]
    notes: Mapping[str, str] = field(default_factory=dict)


def facts_of(cluster: Cluster, gpu_tag: str) -> Facts:
    """The facts of a cluster. `gpu_tag` names the tag that tells of GPUs where Azure does not."""
    gpu, note = _gpu(cluster, gpu_tag)
    tags = {name.casefold(): value for name, value in cluster.tags.items()}
    values: dict[str, object] = {
        "id": str(cluster.id),
        "name": cluster.name,
        "kind": cluster.kind.value,
        "subscription": cluster.id.subscription,
        "resourceGroup": cluster.resource_group,
        "location": cluster.location,
        "tags": tags,
        "nodes": cluster.nodes,
        "cores": cluster.cores,
        "gpu": gpu,
        "gpuModels": _gpu_models(cluster, gpu),
        "kubernetesVersion": cluster.kubernetes_version,
        "distribution": cluster.distribution,
    }
    return Facts(values, tags, {"gpu": note} if note else {})


def _gpu(cluster: Cluster, gpu_tag: str) -> tuple[bool | None, str]:
    """Whether the cluster has GPUs: its pools say so on AKS; on Arc nobody but its owner's tag does."""
    if cluster.gpu is not None:
        return cluster.gpu, ""
    if cluster.kind is Kind.AKS:
        answers = [pool.gpu for pool in cluster.pools] if cluster.pools is not None else [None]
        if any(answers):
            return True, ""
        return (None, "its node pools are not known") if None in answers else (False, "")
    written = cluster.tag(gpu_tag)
    if written is None:
        return None, f"Azure does not tell it for Arc clusters; set the tag {gpu_tag} to true or false"
    known = {"true": True, "false": False}.get(written.casefold())
    return known, "" if known is not None else f"the tag {gpu_tag} is '{written}', not true or false"


def _gpu_models(cluster: Cluster, gpu: bool | None) -> tuple[str, ...] | None:
    if cluster.gpu_models is not None:
        return cluster.gpu_models
    if cluster.pools is not None and gpu is not None:
        return tuple(sorted({pool.vm_size for pool in cluster.pools if pool.gpu and pool.vm_size}))
    return None
