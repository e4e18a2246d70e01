"""From an event to the PUT: calls to Azure, storage requests, own CPU and time, through a real host process."""

import statistics
from pathlib import Path

from bench.event_batches import SCENARIOS, Batch, Scenario, running
from bench.table import Cell, Table, quantile

# Events at once, and how often.
_QUICK = ((1, 3), (20, 1))
_SIZES = ((1, 30), (100, 1), (1_000, 1))


def row(scenario: Scenario, size: int, batch: Batch) -> tuple[Cell, ...]:
    """One row of the table."""
    shared = sum(batch.shared.values()) / batch.events
    own = batch.storage["blob"] + batch.storage["table"]
    return (
        scenario.label,
        size,
        quantile(batch.calls, 0.5) + shared,
        quantile(batch.calls, 0.95) + shared,
        batch.shared["resource-graph"] / batch.events,
        own / batch.events,
        batch.storage["send"] / batch.events,
        statistics.fmean(batch.cpu) * 1000,
        quantile(batch.seconds, 0.5) * 1000,
        quantile(batch.seconds, 0.95) * 1000,
        quantile(batch.seconds, 0.99) * 1000,
    )


def measure(folder: Path, *, quick: bool) -> Table:
    """1, 100 and 1,000 events for each scenario."""
    rows = []
    with running(folder) as run:
        for scenario in SCENARIOS:
            sizes = _QUICK if quick else _SIZES
            clusters = run.clusters(scenario, sum(size * times for size, times in sizes))
            for size, times in sizes:
                batch = Batch()
                for _ in range(times):
                    taken, clusters = clusters[:size], clusters[size:]
                    run.batch(taken, batch)
                rows.append(row(scenario, size, batch))
    return Table(
        "event",
        "From event to PUT, per event",
        (
            "cluster",
            "events at once",
            "calls p50",
            "calls p95",
            "of them Resource Graph",
            "table+blob requests",
            "messages sent",
            "CPU ms",
            "p50 ms",
            "p95 ms",
            "p99 ms",
        ),
        tuple(rows),
        (
            "Calls to Azure up to and with the PUT, token and other shared calls divided by the events.",
            "Storage requests and CPU are counted until the look is written down; CPU is that of the whole host",
            "process, devhost's web server included, less what it spends in the same time when nothing is asked of it",
            "(queue polling); the host's own queue reads are left out.",
            "The namespace of a new relay is ready at once here. One that takes its time makes two looks and 12 calls",
            "of it (tests/contract/test_step.py).",
            "Batches come one after the other; the simulator adds no delay.",
        ),
    )
