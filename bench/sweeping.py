"""Sweeps over simulated fleets: pages, calls, storage requests, CPU per cluster and peak memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.storage_log import StorageLog
from bench.table import Cell, Table
from devhost.child import REPOSITORY, clean_environment
from devhost.stack import Stack
from simulator.control import Control

SUBSCRIPTIONS = 10
_AT_ONCE = 1000  # clusters in one request to the simulator
_MISSING = 20  # each twentieth: 5 %


class Fleet:
    """A simulated fleet on which the product finds nothing to do."""

    def __init__(self, stack: Stack, size: int) -> None:
        self._stack = stack
        self.control = Control(stack.simulator_url, str(stack.ca_file))
        names = [f"{number:08x}-0000-0000-0000-000000000000" for number in range(1, SUBSCRIPTIONS + 1)]
        self._environment = (
            clean_environment()
            | stack.client_environment()
            | {"MUSTER_MODE": "enforce", "MUSTER_SCOPE": ",".join(names)}
        )
        self.clusters: list[str] = []
        facts = [_facts(number, names[number % SUBSCRIPTIONS]) for number in range(size)]
        for start in range(0, size, _AT_ONCE):
            self.clusters += self.control.create_clusters(facts[start : start + _AT_ONCE])

    def converge(self) -> None:
        """Plant what the product would install, and what it would remember of it."""
        # The quota is for what is measured, not for this.
        self.control.graph(quota=None)
        planned = self._child("plan")
        if len(planned) != len(self.clusters):
            raise RuntimeError(f"only {len(planned)} of {len(self.clusters)} clusters would get the extension")
        for start in range(0, len(planned), _AT_ONCE):
            self.control.put_extensions(planned[start : start + _AT_ONCE])
        remembered = self._child("remember")
        if remembered != len(self.clusters):
            raise RuntimeError(f"only {remembered} of {len(self.clusters)} clusters could be remembered")
        self.control.graph(quota="normal")

    def lose(self) -> int:
        """Remove the extension from each twentieth cluster, without an event; how many."""
        lost = self.clusters[::_MISSING]
        for cluster in lost:
            self.control.delete_extension(cluster, "azureml", emit=False)
        return len(lost)

    def sweep(self) -> dict[str, Any]:
        """One sweep, with the calls and storage requests that it made."""
        since, storage = len(self.control.requests()), StorageLog(self._stack.logs()["azurite"])
        taken: dict[str, Any] = self._child("sweep")
        return taken | {"calls": self.control.counts(since), "storage": storage.counts()}

    def _child(self, verb: str) -> Any:
        ended = subprocess.run(  # noqa: S603  our own module
            [sys.executable, "-m", "bench.sweep_child", verb],
            cwd=REPOSITORY,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if ended.returncode:
            raise RuntimeError(f"{verb}: {ended.stderr.strip()[-2000:]}")
        return json.loads(ended.stdout)


def _facts(number: int, subscription: str) -> dict[str, Any]:
    return {
        "kind": "arc" if number % 2 else "aks",
        "name": f"c{number}",
        "subscription": subscription,
        "resource_group": f"rg-{number % 97}",
        "tags": {"aml-onboard": "true"},
        "nodes": 3,
        "emit": False,
    }


@contextmanager
def fleet(folder: Path, size: int) -> Iterator[Fleet]:
    """A converged fleet of a size on a stack of its own."""
    with Stack.start(folder, settings={}, hosts=0, storage_log=True) as stack:
        made = Fleet(stack, size)
        made.converge()
        yield made


def row(label: str, taken: dict[str, Any]) -> tuple[Cell, ...]:
    """One row of the table."""
    if not taken["whole"]:
        raise RuntimeError(f"{label}: the sweep was not whole: {taken['trouble']}")
    calls, storage = taken["calls"], taken["storage"]
    pages = calls.get("resource-graph", {}).get("POST", 0)
    total = sum(number for methods in calls.values() for number in methods.values())
    return (
        label,
        taken["clusters"],
        pages,
        total - pages - calls.get("identity", {}).get("GET", 0),
        storage["blob"] + storage["table"],
        sum(taken["asked"].values()),
        taken["cpu"] * 1_000_000 / taken["clusters"],
        taken["rssPeak"] - taken["rssBefore"],
        taken["rssPeak"],
        taken["seconds"],
    )


def measure(folder: Path, *, quick: bool) -> Table:
    """A converged fleet, and the same with 5 % of the extensions missing."""
    sizes = (500,) if quick else (1_000, 10_000)
    rows = []
    for size in sizes:
        with fleet(folder / str(size), size) as made:
            rows.append(row("converged", made.sweep()))
            made.lose()
            rows.append(row("5 % missing", made.sweep()))
    return Table(
        "sweep",
        f"One sweep over a fleet in {SUBSCRIPTIONS} subscriptions, half AKS, half Arc",
        (
            "fleet",
            "clusters",
            "Resource Graph pages",
            "other calls",
            "table+blob requests",
            "asked for",
            "CPU us/cluster",
            "RSS growth MiB",
            "peak RSS MiB",
            "seconds",
        ),
        tuple(rows),
        (
            "A fresh process each; CPU is the whole process's while the sweep runs, SDKs included.",
            "Each cluster has its memory row. `asked for` = messages queued, one storage request each, counted apart.",
            "Resource Graph's quota (15 queries in 5 s) is in force.",
        ),
    )
