"""Simulated fleets that stand as the product would have left them, for sweeps to be measured on.

Clusters and their tags are made here; `bench.fleet_child` plants the extensions that the product itself would
install, and the memory that its last look at each cluster would have left.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.fleet_child import QUARANTINED
from bench.storage_log import StorageLog
from devhost.child import REPOSITORY, clean_environment
from devhost.stack import Stack
from simulator.control import Control

_AT_ONCE = 1000  # clusters in one request to the simulator
_SHARE = 20  # each twentieth is 5 %; some of them are held, others quarantined
_HELD, _WORN = 3, 7
_PATIENCE = 1800.0
# The quota's window of Resource Graph is over after so long.
_WINDOW = 6.0
# Names that trap a join by sorted ids: each begins another one, `-` and `.` sort before `/`, and Azure keeps the
# letter case that somebody once gave. Every second one is connected, since AKS takes no dot in a name.
_NAMES = ("aks", "aks.1", "aks-1", "Aks.1-a", "AKS-11", "aKs.11")
_GROUPS = ("ml{}", "ML{}-a", "Ml{}.a", "ml{}-A.b")
_KINDS = {"resources": "clusters", "kubernetesconfigurationresources": "extensions"}


@dataclass(frozen=True, slots=True)
class Size:
    """How large a fleet is, over how many subscriptions, and whether a tenth of it does not stand as wanted."""

    clusters: int
    subscriptions: int
    troubled: bool = False

    def stands(self) -> dict[str, int]:
        """How many clusters stand how."""
        if not self.troubled:
            return {"current": self.clusters}
        some = {name: len(range(at, self.clusters, _SHARE)) for name, at in (("held", _HELD), ("quarantined", _WORN))}
        return {"current": self.clusters - sum(some.values()), **some}


@dataclass(frozen=True, slots=True)
class Swept:
    """One sweep: what the product said of it, and what was counted beside it.

    Attributes:
        report: the product's words and what its process used, as `bench.sweep_child` tells them.
        graph: answered Resource Graph requests by what they were for.
        refused: Resource Graph requests over the quota.
        other: other requests to Azure by service and method.
        storage: storage requests by kind, from Azurite's log.
    """

    report: dict[str, Any]
    graph: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    other: Counter[str] = field(default_factory=Counter)
    storage: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Shown:
    """One page: CPU seconds, bytes, and storage requests by kind."""

    cpu: float
    size: int
    storage: Counter[str]


class Fleet:
    """A simulated fleet on which the product finds nothing to do."""

    def __init__(self, stack: Stack, size: Size) -> None:
        self._stack = stack
        self.size = size
        self.control = Control(stack.simulator_url, str(stack.ca_file))
        self._subscriptions = [
            f"{number:08x}-0000-0000-0000-000000000000" for number in range(1, size.subscriptions + 1)
        ]
        self._environment = (
            clean_environment()
            | stack.client_environment()
            | {"MUSTER_MODE": "enforce", "MUSTER_SCOPE": ",".join(self._subscriptions)}
        )
        self.clusters: list[str] = []
        self.stands: Mapping[str, int] = {}

    def seed(self) -> None:
        """Make the clusters, plant what the product would install, and what it would remember of each."""
        facts = [self._facts(number) for number in range(self.size.clusters)]
        for start in range(0, len(facts), _AT_ONCE):
            self.clusters += self.control.create_clusters(facts[start : start + _AT_ONCE])
        # The quota is for what is measured, not for this.
        self.control.graph(quota=None)
        child = self._child("bench.fleet_child")
        told, _ = child.communicate(timeout=_PATIENCE)
        if child.returncode:
            raise RuntimeError("the fleet could not be made to stand as wanted")
        self.stands = json.loads(told)
        self.control.graph(quota="normal")
        if self.stands != self.size.stands():
            raise RuntimeError(f"the fleet does not stand as wanted: {self.stands} instead of {self.size.stands()}")

    def lose(self) -> int:
        """Remove the extension from each twentieth cluster, without an event; how many."""
        lost = self.clusters[::_SHARE]
        for cluster in lost:
            self.control.delete_extension(cluster, "azureml", emit=False)
        return len(lost)

    def sweep(self) -> Swept:
        """One sweep in a fresh process, counted from the moment when the house is open and warm."""
        child = self._child("bench.sweep_child")
        assert child.stdin is not None
        assert child.stdout is not None
        with child:
            child.stdout.readline()
            self.control.advance(_WINDOW)
            since = sum(sum(methods.values()) for methods in self.control.counts().values())
            storage = StorageLog(self._stack.logs()["azurite"])
            told, _ = child.communicate("go\n", timeout=_PATIENCE)
        if child.returncode:
            raise RuntimeError("the sweep failed")
        taken = Swept(json.loads(told), storage=storage.counts())
        for entry in self.control.requests(since):
            self._count(entry, taken.graph, taken.other)
        refused = taken.graph.pop("refused", 0)
        return Swept(taken.report, taken.graph, refused, taken.other, taken.storage)

    def pages(self, names: Sequence[str]) -> list[Shown]:
        """Pages in a fresh process, one after the other."""
        shown = []
        with self._child("bench.page_child") as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdout.readline()
            for name in names:
                storage = StorageLog(self._stack.logs()["azurite"])
                child.stdin.write(f"{name}\n")
                child.stdin.flush()
                told = child.stdout.readline()
                if not told:
                    raise RuntimeError(f"the page {name} failed")
                body = json.loads(told)
                shown.append(Shown(body["cpu"], body["bytes"], storage.counts()))
            child.stdin.close()
        return shown

    def _count(self, entry: Mapping[str, Any], graph: Counter[str], other: Counter[str]) -> None:
        if entry["service"] != "resource-graph":
            other[f"{entry['service']} {entry['method']}"] += 1
        elif entry["status"] != 200:
            graph["refused"] += 1
        else:
            table = str((entry["body"] or {}).get("query", "")).split(maxsplit=1)[0].lower()
            graph[_KINDS.get(table, "scope")] += 1

    def _facts(self, number: int) -> dict[str, Any]:
        row, column = divmod(number, len(self._subscriptions))
        group, form = divmod(row, len(_NAMES))
        arc = form % 2 == 1
        tags = {"aml-onboard": "true"}
        if self.size.troubled and number % _SHARE == _HELD:
            # Nobody said whether it has GPUs: held.
            arc, tags["env"] = True, "prod"
        if self.size.troubled and number % _SHARE == _WORN:
            tags[QUARANTINED] = "true"
        return {
            "kind": "arc" if arc else "aks",
            "name": _NAMES[form],
            "subscription": self._subscriptions[column],
            "resource_group": _GROUPS[group % len(_GROUPS)].format(group),
            "tags": tags,
            "nodes": 3,
            "emit": False,
        }

    def _child(self, module: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", module],
            cwd=REPOSITORY,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@contextmanager
def fleet(folder: Path, size: Size) -> Iterator[Fleet]:
    """A converged fleet of a size on a stack of its own."""
    with Stack.start(folder, settings={}, hosts=0, storage_log=True) as stack:
        made = Fleet(stack, size)
        made.seed()
        yield made
