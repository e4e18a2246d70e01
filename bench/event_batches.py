"""Batches of events on a running stack, and what each of them cost.

Events are kept back by the simulated Event Grid until there is one for each cluster of a batch, then
released at once. Calls are told per cluster from the simulator's log, up to and including its PUT.
"""

import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import cpu_seconds
from bench.storage_log import StorageLog
from devhost.child import REPOSITORY, clean_environment
from devhost.stack import Stack
from simulator.control import Control

# So many that no batch is held up by Resource Manager's buckets: what those cost is told by `bench.onboarding`.
SUBSCRIPTIONS = tuple(f"{number:08x}-1111-1111-1111-111111111111" for number in range(1, 26))
_SELECTED = {"aml-onboard": "true"}
_PATIENCE = 600.0
_EACH = 0.5  # more for each cluster of a batch
_IDLE = 5.0
_SETTINGS = {
    "MUSTER_MODE": "enforce",
    "MUSTER_SCOPE": ",".join(SUBSCRIPTIONS),
    # No sweep falls into a measurement.
    "MUSTER_SWEEP_SCHEDULE": "0 0 0 1 1 *",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.100",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row's kind of cluster."""

    label: str
    kind: str
    relay_exists: bool = False


SCENARIOS = (
    Scenario("AKS", "aks"),
    Scenario("Arc, relay exists", "arc", relay_exists=True),
    Scenario("Arc, new relay", "arc"),
)


@dataclass(slots=True)
class Batch:
    """What one or more batches of events cost, summed; `cpu` is in seconds an event, for each batch."""

    events: int = 0
    calls: list[float] = field(default_factory=list)
    shared: Counter[str] = field(default_factory=Counter)
    services: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    storage: Counter[str] = field(default_factory=Counter)


@contextmanager
def running(folder: Path, scenarios: Sequence[Scenario] = SCENARIOS) -> Iterator["Run"]:
    """A stack with one host, subscribed and warmed up: every subscription was looked at, and every kind of cluster."""
    folder.mkdir(parents=True, exist_ok=True)
    policy = folder / "policy.yaml"
    shipped = (REPOSITORY / "policy.yaml").read_text()
    # No follow-up falls into a measurement: second looks are brought about by a second event.
    policy.write_text(shipped.replace("followUp: 30s", "followUp: 30m"))
    with Stack.start(folder, settings=_SETTINGS | {"MUSTER_POLICY": str(policy)}, storage_log=True) as stack:
        run = Run(stack)
        for scenario in scenarios:
            run.batch(run.clusters(scenario, len(SUBSCRIPTIONS)))
        run.rest()
        yield run


class Run:
    """A running stack, and batches of events on it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._control = Control(stack.simulator_url, str(stack.ca_file))
        url = f"{stack.host_urls[0]}/runtime/webhooks/EventGrid?functionName=cluster_events&code={stack.key}"
        self._subscription = self._control.subscribe(url, "EventGridSchema", hold=True)
        self._control.durations(create=3600, relay=0)
        self._made = self._seen = 0
        self._resting = 0.0

    def rest(self) -> None:
        """Measure what the host spends when nothing is asked of it, which no event is charged with."""
        begun, cpu = time.monotonic(), self._cpu()
        time.sleep(_IDLE)
        self._resting = (self._cpu() - cpu) / (time.monotonic() - begun)

    @property
    def environment(self) -> dict[str, str]:
        """What a process beside the host needs to reach this Azure."""
        return clean_environment() | self._stack.client_environment()

    def calls(self) -> int:
        """How many requests Azure has had."""
        return self._last()

    def clusters(self, scenario: Scenario, count: int) -> list[str]:
        """So many clusters of a kind, each in a resource group of its own; no event speaks of them yet."""
        made = range(self._made + 1, self._made + count + 1)
        self._made += count
        clusters = self._control.create_clusters(
            [
                {
                    "kind": scenario.kind,
                    "name": f"c{number}",
                    "resource_group": f"rg-{number}-",
                    "subscription": SUBSCRIPTIONS[number % len(SUBSCRIPTIONS)],
                    "tags": _SELECTED,
                    "emit": False,
                }
                for number in made
            ]
        )
        if scenario.relay_exists:
            self.child("bench.relay_child", clusters)
        return clusters

    def child(self, module: str, clusters: Sequence[str]) -> str:
        """What a process of ours, told the clusters on its standard input, says on its standard output."""
        ended = subprocess.run(  # noqa: S603  our own modules
            [sys.executable, "-m", module],
            input="\n".join(clusters),
            text=True,
            cwd=REPOSITORY,
            env=self.environment | _SETTINGS,
            capture_output=True,
            check=False,
            timeout=_PATIENCE + len(clusters) * _EACH,
        )
        if ended.returncode:
            raise RuntimeError(f"{module} failed\n{ended.stderr[-2000:]}")
        return ended.stdout

    def puts(self, since: int) -> int:
        """To how many clusters an extension was sent since a number of the simulator's log."""
        return len(self._puts(since))

    def batch(self, clusters: list[str], into: Batch | None = None) -> Batch:
        """Release an event for each cluster at once and wait for as many PUTs."""
        batch = into or Batch()
        for cluster in clusters:
            self._control.set_tags(cluster, _SELECTED)
        since = self._last()
        storage, cpu, started = StorageLog(self._stack.logs()["azurite"]), self._cpu(), time.monotonic()
        begun = self._control.now()
        self._look(clusters)
        puts = self._puts(since)
        if set(puts) != {_group(cluster) for cluster in clusters}:
            tail = self._stack.log_tail("host-0", 12)
            raise RuntimeError(f"{len(puts)} PUTs for {len(clusters)} events\n{tail}")
        spent = self._cpu() - cpu - self._resting * (time.monotonic() - started)
        batch.cpu.append(spent / len(clusters))
        batch.storage += storage.counts()
        batch.events += len(clusters)
        self._note(batch, clusters, since)
        batch.seconds += [puts[_group(cluster)]["at"] - begun for cluster in clusters]
        return batch

    def _note(self, batch: Batch, clusters: list[str], since: int) -> None:
        groups = {_group(cluster) for cluster in clusters}
        own: dict[str, int] = dict.fromkeys(groups, 0)
        done: set[str] = set()
        for entry in self._control.requests(since):
            group = _group(entry["path"])
            if group not in groups:
                batch.shared[entry["service"]] += 1
            elif group not in done:
                own[group] += 1
                batch.services[f"{entry['service']} {entry['method']}"] += 1
                if _is_put(entry):
                    done.add(group)
        batch.calls += own.values()

    def _puts(self, since: int) -> dict[str, dict[str, Any]]:
        entries = self._control.requests(since, method="PUT", service="extensions")
        return {_group(entry["path"]): entry for entry in entries if _is_put(entry)}

    def _look(self, clusters: list[str]) -> None:
        """Release the events and wait until each cluster was looked at and nothing runs any more."""
        since = self._last()
        wanted = {_group(cluster) for cluster in clusters}
        self._control.release(self._subscription)

        def all_looked_at() -> bool:
            # A look at a selected cluster always asks Azure for its extensions.
            listed = self._control.requests(since, method="GET", service="extensions")
            return {_group(entry["path"]) for entry in listed} >= wanted

        _until(all_looked_at, "a cluster was not looked at", clusters)
        _until(self._is_idle, "the looks did not end", clusters)

    def _last(self) -> int:
        """The number of the simulator's latest request."""
        entries = self._control.requests(self._seen)
        self._seen += len(entries)
        return self._seen

    def _is_idle(self) -> bool:
        request = urllib.request.Request(  # noqa: S310  our own host
            f"{self._stack.host_urls[0]}/admin/devhost/invocations", headers={"x-functions-key": self._stack.key}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  our own host
            books = json.load(answer)["functions"]
        if books["reconcile"]["failed"]:
            raise RuntimeError(f"reconcile failed: {books['reconcile']['lastError']}")
        return not any(each["running"] for each in books.values())

    def _cpu(self) -> float:
        pid = self._stack.host_pid(0)
        if pid is None:
            raise RuntimeError(f"the host died\n{self._stack.log_tail('host-0')}")
        return cpu_seconds(pid)


def _group(path: str) -> str:
    parts = path.lower().split("/")
    return parts[parts.index("resourcegroups") + 1] if "resourcegroups" in parts else ""


def _is_put(entry: dict[str, Any]) -> bool:
    return entry["method"] == "PUT" and entry["service"] == "extensions" and entry["status"] in {200, 201}


def _pause(clusters: Sequence[str]) -> float:
    """Between two readings of the log, which takes the longer the larger the batch is."""
    return max(0.1, len(clusters) / 1000)


def _until(condition: Callable[[], bool], complaint: str, clusters: Sequence[str]) -> None:
    deadline = time.monotonic() + _PATIENCE + len(clusters) * _EACH
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(complaint)
        time.sleep(_pause(clusters))
