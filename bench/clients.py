"""Muster beside the way people do it today: a client process per cluster, on the same stack in the same run."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.event_batches import SCENARIOS, Batch, Run, running
from bench.table import Cell, Table, quantile
from devhost.child import REPOSITORY

# Client processes, and events at once.
_FULL, _QUICK = (50, 100), (5, 20)
_PATIENCE = 60.0


@dataclass(slots=True)
class Clients:
    """What client processes used, each in CPU seconds: in all, and until everything was imported."""

    cpu: list[float] = field(default_factory=list)
    imports: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    calls: int = 0

    def run(self, run: Run, clusters: Sequence[str]) -> None:
        """One process for each cluster, one after the other."""
        before = run.calls()
        for cluster in clusters:
            begun = time.perf_counter()
            ended = subprocess.run(  # noqa: S603  our own module
                [sys.executable, "-m", "bench.client_child", cluster],
                cwd=REPOSITORY,
                env=run.environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE,
            )
            self.seconds.append(time.perf_counter() - begun)
            if ended.returncode:
                raise RuntimeError(f"the client for {cluster} failed\n{ended.stderr[-2000:]}")
            told = json.loads(ended.stdout)
            self.cpu.append(told["all"])
            self.imports.append(told["imports"])
        self.calls = run.calls() - before


def rows(batch: Batch, clients: Clients) -> tuple[tuple[Cell, ...], ...]:
    """The rows of the table; ratios are against Muster's."""
    count = len(clients.cpu)
    own = statistics.fmean(batch.cpu)
    calls = (sum(batch.calls) + sum(batch.shared.values())) / batch.events
    whole, imports = sum(clients.cpu) / count, sum(clients.imports) / count
    storage = (batch.storage["blob"] + batch.storage["table"] + batch.storage["send"]) / batch.events
    asked = clients.calls / count
    return (
        ("Muster, events at once", batch.events, own * 1000, 1.0, calls, 1.0, storage, _p50(batch.seconds)),
        ("a client process each", count, whole * 1000, whole / own, asked, asked / calls, 0, _p50(clients.seconds)),
        ("the same after its imports", count, (whole - imports) * 1000, (whole - imports) / own, asked, None, 0, None),
    )


def _p50(seconds: Sequence[float]) -> float:
    return quantile(seconds, 0.5) * 1000


def measure(folder: Path, *, quick: bool) -> Table:
    """So many clusters by Muster, and some by client processes."""
    processes, events = _QUICK if quick else _FULL
    aks = SCENARIOS[0]
    with running(folder, SCENARIOS[:1]) as run:
        batch, clients = Batch(), Clients()
        made = run.clusters(aks, events + processes)
        run.batch(made[:events], batch)
        clients.run(run, made[events:])
    return Table(
        "client",
        "Muster beside a client process per cluster: a token, a GET, a PUT",
        (
            "way",
            "clusters",
            "CPU ms/cluster",
            "CPU ratio",
            "Azure calls/cluster",
            "calls ratio",
            "storage requests/cluster",
            "p50 ms",
        ),
        rows(batch, clients),
        (
            "Both up to the PUT of an AKS cluster, on one stack, one after the other. Muster's CPU is the whole host",
            "process's, devhost's web server included, and covers what clients do not do: policy, checks,",
            "lease, memory, follow-up. p50 of Muster has the wait for the others of the batch in it.",
            "Client processes start the interpreter and import Azure's packages each time; the last row is without.",
        ),
    )
