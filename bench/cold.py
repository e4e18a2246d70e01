"""Cold starts: the app's index and first invocations, each against an empty app's, in one interleaved run."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.cold_child import SUBSCRIPTION
from bench.table import Table
from devhost.child import REPOSITORY, clean_environment
from devhost.stack import Stack
from simulator.control import Control

EMPTY = Path(__file__).with_name("empty_app")


@dataclass(frozen=True, slots=True)
class Start:
    """One kind of cold start: what is indexed and which function is then invoked."""

    label: str
    app: Path
    function: str | None


STARTS = (
    Start("empty app: index", EMPTY, None),
    Start("muster: index", REPOSITORY, None),
    Start("empty app: index + event", EMPTY, "nothing"),
    Start("muster: index + first cluster_events", REPOSITORY, "cluster_events"),
    Start("muster: index + first reconcile", REPOSITORY, "reconcile"),
)
# Each is told against the empty app's figure of the same kind.
_AGAINST = {1: 0, 3: 2, 4: 2}


def measure(folder: Path, *, quick: bool) -> Table:
    """Run each start several times, in turn, and give medians and ratios."""
    rounds = 3 if quick else 7
    settings = {"MUSTER_MODE": "report", "MUSTER_SCOPE": SUBSCRIPTION}
    with Stack.start(folder, settings=settings, hosts=0) as stack:
        control = Control(stack.simulator_url, str(stack.ca_file))
        control.graph(quota=None)
        control.create_cluster(
            kind="aks",
            name="cold",
            resource_group="rg-cold",
            subscription=SUBSCRIPTION,
            tags={"aml-onboard": "true"},
            emit=False,
        )
        environment = clean_environment() | stack.client_environment() | settings
        runs: list[list[dict[str, float]]] = [[] for _ in STARTS]
        # The first round writes the bytecode and is thrown away.
        for number in range(rounds + 1):
            for start, taken in zip(STARTS, runs, strict=True):
                one = _run(start, environment)
                if number:
                    taken.append(one)
    return _table(runs, rounds)


def _run(start: Start, environment: Mapping[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.cold_child", str(start.app), *([start.function] if start.function else [])]
    ended = subprocess.run(  # noqa: S603  our own module
        command, cwd=REPOSITORY, env=dict(environment), capture_output=True, text=True, check=False, timeout=120
    )
    if ended.returncode:
        raise RuntimeError(f"{start.label}: {ended.stderr.strip()[-2000:]}")
    taken: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return taken


def _table(runs: list[list[dict[str, float]]], rounds: int) -> Table:
    walls = [median(run["total"] for run in taken) for taken in runs]
    cpus = [median(run["totalCpu"] for run in taken) for taken in runs]
    rows = []
    for index, start in enumerate(STARTS):
        against = _AGAINST.get(index)
        rows.append(
            (
                start.label,
                walls[index] * 1000,
                cpus[index] * 1000,
                None if against is None else walls[index] / walls[against],
                None if against is None else cpus[index] / cpus[against],
                int(median(run["modules"] for run in runs[index])),
            )
        )
    return Table(
        "cold",
        "Cold start in a fresh process, bytecode compiled",
        ("start", "ms", "CPU ms", "ratio", "CPU ratio", "modules indexed"),
        tuple(rows),
        (
            f"Medians of {rounds} processes each, interleaved; ratios are against the empty app of the same kind.",
            "The worker library and the interpreter are up before the clock starts. The first reconcile is a whole",
            "look in report mode: token, policy, memory, intents, lease, Resource Graph, GET and LIST of one cluster.",
        ),
    )
