"""Whether training jobs or online endpoints run, by the custom resources that they leave in the cluster.

Assumed, because neither the chart nor a specification is public (docs/assumptions.md): the resources
amljobs, onlinedeployments and onlineendpoints of amlarc.azureml.com and jobs of batch.volcano.sh, as a
cluster's list of CRDs of July 2022 has them (tomaskubica.cz), AmlJob in version v1alpha1 (the same, and
NVIDIA/KAI-Scheduler). The versions are asked for, not assumed. The words for a job's state are assumed for AmlJob
and documented for Volcano ("VolcanoJob": Pending, Running, Completing, Completed, Aborted, ...).

A resource that is not there runs nothing, but where none of the extension's own is there nothing can be told: the
names may be wrong, and whoever took that for idle would interrupt jobs that he does not see. Volcano may be missing.
An endpoint counts as work as long as it exists.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from shared.azure.inside_objects import Json, listed, mapping, name_of, namespace_of, text
from shared.azure.kubernetes_api import KubernetesApi
from shared.errors import Absent, AzureError, Refused
from shared.model.inside import Activity, RunningWork

# Jobs carry their whole specification, 100 KiB and more.
_ITEMS = 25
_MOST_VERSIONS = 4
_FINISHED = frozenset({
    "aborted", "canceled", "cancelled", "completed", "failed", "finished", "stopped", "succeeded", "terminated",
})  # fmt: skip
_RUNNING = frozenset({
    "aborting", "cancelling", "completing", "created", "inqueue", "pending", "preparing", "queued", "restarting",
    "running", "starting", "terminating", "",
})  # fmt: skip
# Plural -> whether its objects outlive their work.
_EXTENSIONS_OWN = "amlarc.azureml.com"
_KINDS = {
    _EXTENSIONS_OWN: {"amljobs": True, "onlinedeployments": False, "onlineendpoints": False},
    "batch.volcano.sh": {"jobs": True},
}


async def running_work(api: KubernetesApi, now: datetime) -> tuple[RunningWork, str]:
    """Whether work runs, and what could not be read ("" where everything was)."""
    found = [one for group in await asyncio.gather(*(_group(api, group) for group in _KINDS)) for one in group]
    busy = [one.told for one in found if one.busy]
    unread = " ".join(dict.fromkeys(one.told for one in found if one.told and not one.busy))
    if busy:
        return RunningWork(Activity.BUSY, now, ", ".join(busy)), unread
    if unread:
        return RunningWork(Activity.UNKNOWN, now, unread), unread
    return RunningWork(Activity.IDLE, now, "no job and no endpoint"), ""


def state_of(item: Json) -> str:
    """The word for a job's state, lower case; "" where it has none yet."""
    status = mapping(item, "status")
    words = (mapping(status, "state").get("phase"), status.get("phase"), status.get("state"), status.get("status"))
    return next((text(word, 64).strip().lower() for word in words if isinstance(word, str)), "")


@dataclass(frozen=True, slots=True)
class _Found:
    busy: bool
    told: str = ""
    served: bool = True


async def _group(api: KubernetesApi, group: str) -> list[_Found]:
    try:
        versions = await _versions(api, group)
    except AzureError as error:
        return [_Found(busy=False, told=error.message)]
    kinds = _KINDS[group].items()
    found = await asyncio.gather(*(_kind(api, group, versions, plural, ends=ends) for plural, ends in kinds))
    if group == _EXTENSIONS_OWN and not any(one.served for one in found):
        told = f"The cluster has none of the resources of {group} that tell of jobs and endpoints."
        return [_Found(busy=False, told=told)]
    return found


async def _kind(api: KubernetesApi, group: str, versions: list[str], plural: str, *, ends: bool) -> _Found:
    """One resource, in the first version that serves it."""
    for version in versions:
        try:
            return await _first_running(api, f"/apis/{group}/{version}/{plural}", f"{plural}.{group}", ends=ends)
        except Absent:
            continue
        except AzureError as error:
            return _Found(busy=False, told=error.message)
    return _Found(busy=False, served=False)


async def _versions(api: KubernetesApi, group: str) -> list[str]:
    """The versions in which the API server serves a group; none where it does not know the group."""
    try:
        answer = await api.get(f"/apis/{group}", f"API group {group}", kind="APIGroup")
    except Absent:
        return []
    found = (text(version.get("version"), 63) for version in listed(answer, "versions")[:_MOST_VERSIONS])
    versions = [version for version in found if version.isascii() and version.isalnum()]
    if not versions:
        raise Refused(f"The API server's answer about API group {group} names no version.")
    return versions


async def _first_running(api: KubernetesApi, path: str, what: str, *, ends: bool) -> _Found:
    unclear = ""
    async for page in api.pages(path, what, items=_ITEMS):
        states = [state_of(item) if ends else "" for item in page]
        running = [(item, state) for item, state in zip(page, states, strict=True) if state in _RUNNING]
        if running:
            item, state = running[0]
            told = f"{what} {namespace_of(item)}/{name_of(item)}" + (f" ({state})" if state else "")
            more = f" and {len(running) - 1} more" if len(running) > 1 else ""
            return _Found(busy=True, told=f"{told}{more}")
        for item, state in zip(page, states, strict=True):
            if state not in _FINISHED:
                unclear = unclear or f"The state of {what} {namespace_of(item)}/{name_of(item)} is not known: {state}."
    return _Found(busy=False, told=unclear)
