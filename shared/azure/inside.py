"""One look into a cluster through its own API server.

Every fact is read by itself: a right that is missing, or an answer that is broken, costs that fact alone, and
`Inside.trouble` says why under the fact's name. Rights to read are all it needs, and nothing is ever written.
"""

import asyncio
from collections.abc import Awaitable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.azure.inside_readings import LEGACY_ROLE, Loads, Readings, Services
from shared.azure.inside_work import running_work
from shared.azure.kubeconfig import Connection
from shared.azure.kubernetes_api import KubernetesApi, Limits
from shared.errors import AzureError, NotAuthorized, Unavailable
from shared.model.inside import Activity, Existing, Form, Inside, RunningWork, Workload


@dataclass(frozen=True, slots=True)
class _Got[T]:
    """What a reading gave; `why` is set where it gave nothing."""

    value: T | None
    why: str = ""


class InsideReader:
    """Looks into clusters; one reader serves any number of them, at the same time too."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    async def read(self, connection: Connection, *, now: datetime, secrets: Collection[str] = ()) -> Inside:
        """What can be read within the limits. Nothing that a cluster does is raised; it is told in `trouble`.

        Args:
            connection: the way in.
            now: the time of this reading.
            secrets: names of secrets of namespace azureml whose keys are wanted. Their values are dropped at once.
        """
        until = asyncio.get_running_loop().time() + self._limits.look
        try:
            async with KubernetesApi(connection, self._limits) as api:
                look = _Look(api, self._limits, until)
                return await look.all(connection.how, now, secrets)
        except AzureError as error:
            return Inside(now, trouble={"access": error.message})


class _Look:
    """One look. Facts that could not be read are None, their reasons in `trouble`."""

    def __init__(self, api: KubernetesApi, limits: Limits, until: float) -> None:
        self._api, self._limits, self._until = api, limits, until
        self._trouble: dict[str, str] = {}

    async def all(self, how: str, now: datetime, secrets: Collection[str]) -> Inside:
        """Everything.

        Raises:
            AzureError: nobody answers the first request, or nobody lets us in.
        """
        readings = Readings(self._api)
        version = await _first(readings)
        async with asyncio.TaskGroup() as group:
            namespace = group.create_task(self._within(readings.namespace()))
            loads = [group.create_task(self._within(readings.loads(form))) for form in Form]
            pods = group.create_task(self._within(readings.pods()))
            work = group.create_task(self._within(running_work(self._api, now)))
            nodes = group.create_task(self._within(readings.nodes()))
            keys = group.create_task(self._within(readings.secrets(secrets)))
            reports = group.create_task(self._within(readings.healthcheck()))
            classes = group.create_task(self._within(readings.classes()))
            services = group.create_task(self._within(readings.services()))
            role = group.create_task(self._within(readings.legacy_role()))
        read, served = [task.result() for task in loads], services.result()
        return Inside(
            at=now,
            access=how,
            version=self._fact("version", version),
            namespace=self._fact("namespace", namespace.result()),
            workloads=self._workloads(read),
            pods=self._fact("pods", pods.result()),
            nodes=self._fact("nodes", nodes.result()),
            existing=self._existing(read, classes.result()),
            secrets=self._fact("secrets", keys.result()),
            healthcheck=self._fact("healthcheck", reports.result()),
            legacy=self._legacy(read, served, role.result()),
            load_balancer=self._load_balancer(served),
            work=self._work(work.result(), now),
            trouble=self._trouble,
        )

    async def _within[T](self, reading: Awaitable[T]) -> _Got[T]:
        """A reading that ends with the look."""
        try:
            async with asyncio.timeout_at(self._until):
                return _Got(await reading)
        except TimeoutError:
            return _Got(None, f"The look into the cluster took longer than {self._limits.look:g} seconds.")
        except AzureError as error:
            return _Got(None, error.message)

    def _note(self, fact: str, reasons: Iterable[str]) -> None:
        told = " ".join(dict.fromkeys(filter(None, reasons)))
        if told:
            self._trouble[fact] = told

    def _fact[T](self, fact: str, got: _Got[T]) -> T | None:
        self._note(fact, [got.why])
        return got.value

    def _workloads(self, read: list[_Got[Loads]]) -> tuple[Workload, ...] | None:
        self._note("workloads", [got.why for got in read])
        known = [got.value for got in read if got.value is not None]
        return tuple(load for loads in known for load in loads.ours) if len(known) == len(read) else None

    def _existing(self, read: list[_Got[Loads]], classes: _Got[tuple[Existing, ...]]) -> tuple[Existing, ...] | None:
        """None where any source is missing: what was not seen would pass for what is not there."""
        reasons = [*map(_why, read), classes.why]
        self._note("existing", reasons)
        if any(reasons):
            return None
        found = [one for got in read if got.value for one in got.value.existing]
        return tuple(dict.fromkeys([*found, *(classes.value or ())]))

    def _legacy(self, read: list[_Got[Loads]], services: _Got[Services], role: _Got[bool]) -> tuple[str, ...] | None:
        """What was found counts even where something else could not be read; nothing found counts only if all was."""
        found = []
        if any(got.value and got.value.legacy for got in read):
            found.append("deployment azureml-fe")
        if services.value and services.value.legacy:
            found.append("service azureml-fe")
        if role.value:
            found.append(f"clusterrole {LEGACY_ROLE}")
        deployments = [_why(got) for got, form in zip(read, Form, strict=True) if form is Form.DEPLOYMENT]
        reasons = [*deployments, _why(services), role.why]
        self._note("legacy", reasons)
        return tuple(found) if found or not any(reasons) else None

    def _load_balancer(self, services: _Got[Services]) -> bool | None:
        if services.value and services.value.balanced:
            return True
        self._note("load_balancer", [_why(services)])
        return None if _why(services) else False

    def _work(self, got: _Got[tuple[RunningWork, str]], now: datetime) -> RunningWork:
        if got.value is None:
            self._note("work", [got.why])
            return RunningWork(Activity.UNKNOWN, now, got.why)
        work, unread = got.value
        self._note("work", [unread])
        return work


async def _first(readings: Readings) -> _Got[str]:
    """The version, which everybody may read: who cannot be asked for it cannot be asked for anything."""
    try:
        return _Got(await readings.version())
    except AzureError as error:
        unheard = isinstance(error, Unavailable) and not error.status
        unknown = isinstance(error, NotAuthorized) and error.status == 401
        if unheard or unknown or 300 <= error.status < 400:
            raise
        return _Got(None, error.message)


def _why(got: _Got[Loads] | _Got[Services]) -> str:
    return got.why or (got.value.why if got.value is not None else "")
