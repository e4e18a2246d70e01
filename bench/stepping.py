"""What the looks from an event to the PUT cost the process that takes them, with no host around it."""

import json
from pathlib import Path

from bench.event_batches import SCENARIOS, SUBSCRIPTIONS, Run, Scenario, running
from bench.table import Cell, Table, quantile

_FULL, _QUICK = 60, 5


def row(run: Run, scenario: Scenario, count: int) -> tuple[Cell, ...]:
    """One row of the table: what so many clusters cost, each for itself, once every subscription is known."""
    clusters = run.clusters(scenario, len(SUBSCRIPTIONS) + count)
    since = run.calls()
    told = run.child("bench.step_child", clusters)
    spent = json.loads(told)[len(SUBSCRIPTIONS) :]
    sent = run.puts(since)
    if sent != len(clusters):
        raise RuntimeError(f"{sent} PUTs for {len(clusters)} clusters")
    return (scenario.label, count, quantile(spent, 0.5), quantile(spent, 0.95), max(spent))


def measure(folder: Path, *, quick: bool) -> Table:
    """Every scenario, one cluster at a time."""
    count = _QUICK if quick else _FULL
    with running(folder) as run:
        rows = tuple(row(run, scenario, count) for scenario in SCENARIOS)
    return Table(
        "step",
        "One cluster alone, from request to PUT: CPU of the process, SDKs included",
        ("cluster", "clusters", "CPU ms p50", "CPU ms p95", "CPU ms most"),
        rows,
        (
            "No devhost in the process: the loop with its SDK clients against the simulator and Azurite, one cluster",
            "after the other, so that no query to Resource Graph and no wake-up is shared. Subscriptions are known.",
        ),
    )
