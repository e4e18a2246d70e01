"""What subscription and region say about a cluster, read once for the many clusters that share it.

A sweep over a thousand clusters of one region costs one read of each kind. A provider that is not registered is
asked for anew each time, since somebody may register it at any moment. What could not be had is None and a
sentence in `Surroundings.trouble`; a check then says `not evaluated`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from shared.azure.lookups import Lookups
from shared.model.cluster import Cluster
from shared.model.identity import Kind
from shared.model.surroundings import MachineSize, Surroundings
from shared.reconcile.kept_answers import Answer, KeptAnswers, Question
from shared.state.documents import Documents

FOLDER = "surroundings"

# What a size holds never changes, and new sizes are rare; the others move by the week or the month.
SIZES_KEPT = timedelta(days=7)
KEPT = timedelta(days=1)

_EXTENSIONS = "Microsoft.KubernetesConfiguration"
_ON_ARC = ("Microsoft.Kubernetes", "Microsoft.Relay")
_NO_REGION: Answer[Any] = Answer(trouble="Azure did not tell the cluster's region.")
_NOT_NEEDED: Answer[Any] = Answer()


class SurroundingsSource:
    """Reads surroundings. It belongs to one event loop."""

    def __init__(self, lookups: Lookups, documents: Documents, clock: Callable[[], datetime]) -> None:
        self._lookups = lookups
        self._kept = KeptAnswers(documents, clock)

    async def of(self, cluster: Cluster) -> Surroundings:
        """What the cluster's checks need, and no more. What could not be had raises nothing: it is in `trouble`."""
        aks = cluster.kind is Kind.AKS
        namespaces = (_EXTENSIONS, *(() if aks else _ON_ARC))
        subscription, region = cluster.id.subscription, cluster.location
        (versions, sizes, ranges), providers = await asyncio.gather(
            asyncio.gather(
                self._versions(subscription, region),
                self._sizes(subscription, region, wanted=aks),
                self._ranges(subscription, region, wanted=aks and bool(cluster.authorized_ranges)),
            ),
            asyncio.gather(*(self._kept.answer(self._registration(subscription, each)) for each in namespaces)),
        )
        told = zip(namespaces, providers, strict=True)
        states = {namespace.lower(): answer.value for namespace, answer in told if answer.value is not None}
        trouble = {
            "providers": " ".join(dict.fromkeys(answer.trouble for answer in providers if answer.trouble)),
            "sizes": sizes.trouble,
            "control_plane_ranges": ranges.trouble,
            "kubernetes_versions": versions.trouble,
        }
        return Surroundings(
            providers=states or None,
            sizes=sizes.value,
            control_plane_ranges=ranges.value,
            kubernetes_versions=versions.value,
            trouble={part: why for part, why in trouble.items() if why},
        )

    async def forget(self, subscription: str, namespace: str) -> None:
        """Have a provider's registration read anew: what was kept has turned out to be wrong."""
        await self._kept.forget(self._registration(subscription, namespace).name)

    def _registration(self, subscription: str, namespace: str) -> Question[str]:
        return Question(
            _document("providers", subscription, namespace.lower()),
            lambda: self._lookups.provider(subscription, namespace),
            write=str,
            read=str,
            kept=KEPT,
            keep=lambda state: state.lower() == "registered",
        )

    async def _versions(self, subscription: str, region: str) -> Answer[tuple[str, ...]]:
        if not region:
            return _NO_REGION
        question = Question(
            _document("kubernetes-versions", region),
            lambda: self._lookups.kubernetes_versions(subscription, region),
            write=list,
            read=_texts,
            kept=KEPT,
        )
        return await self._kept.answer(question)

    async def _sizes(self, subscription: str, region: str, *, wanted: bool) -> Answer[dict[str, MachineSize]]:
        if not wanted:
            return _NOT_NEEDED
        if not region:
            return _NO_REGION
        question = Question(
            _document("sizes", region),
            lambda: self._lookups.sizes(subscription, region),
            write=lambda sizes: {name: asdict(size) for name, size in sizes.items()},
            read=_machine_sizes,
            kept=SIZES_KEPT,
        )
        return await self._kept.answer(question)

    async def _ranges(self, subscription: str, region: str, *, wanted: bool) -> Answer[dict[str, tuple[str, ...]]]:
        if not wanted:
            return _NOT_NEEDED
        if not region:
            return _NO_REGION
        question = Question(
            _document("control-plane", region),
            lambda: self._lookups.control_plane_ranges(subscription, region),
            write=lambda ranges: {name: list(prefixes) for name, prefixes in ranges.items()},
            read=lambda raw: {name: _texts(prefixes) for name, prefixes in raw.items()},
            kept=KEPT,
        )
        return await self._kept.answer(question)


def _document(*parts: str) -> str:
    """The name of a document; what Azure tells about itself can point to no other one."""
    return "/".join((FOLDER, *(quote(part, safe="") for part in parts))) + ".json"


def _texts(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise TypeError("not a list")  # a text would do for one
    return tuple(map(str, raw))


def _machine_sizes(raw: Mapping[str, Any]) -> dict[str, MachineSize]:
    return {
        name: MachineSize(float(size["vcpus"]), float(size["memory_gib"]), bool(size["arm64"]), int(size["gpus"]))
        for name, size in raw.items()
    }
