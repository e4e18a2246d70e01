"""`muster import`: a policy written from the live fleet, such that it changes nothing there."""

import asyncio
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.output import Output, OutputOption, told
from shared.cli.recordings import RecordedOption, kept, taken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.composition import House
    from shared.fleet.importing import Imported
    from shared.fleet.ports import Rows
    from shared.fleet.recorded import RecordedFleet


OK, CHANGES = 0, 2


def import_fleet(
    out: Annotated[Path | None, typer.Option(help="Where to write; its tests go beside it. Default: stdout.")] = None,
    *,
    recorded: RecordedOption = None,
    wait: Annotated[int, typer.Option(min=1, help="Seconds to wait for the API to read the fleet.")] = 600,
    output: OutputOption = Output.TEXT,
) -> int:
    """Read every cluster of MUSTER_SCOPE and write the policy, and its tests, that describe what is installed.

    The API reads the fleet, where one is named (MUSTER_API_URL). Else the command does, with the application settings.

    What could not be taken over, and what a plan under the policy would show, goes to stderr; as JSON all of it, with
    policy and tests as texts, to stdout.

    Returns:
        0 where the plan shows nothing, 2 where it shows differences, holds or steps.
    """
    from shared.policy.testing import tests_beside

    if out is not None:
        _refuse_existing(out, tests_beside(out))
    made = _imported(recorded, wait)
    if output is Output.JSON:
        texts = {"policy": made.policy, "tests": made.tests}
        told({"installs": len(made.expected), "notes": made.notes, "changes": made.changes} | texts)
    for note in made.notes:
        print(f"note: {note}", file=sys.stderr)
    for change in made.changes:
        print(f"plan: {change}", file=sys.stderr)
    print(f"{len(made.expected)} installs; a plan shows {len(made.changes) or 'no'} changes.", file=sys.stderr)
    if out is None and output is Output.TEXT:
        print(made.policy, end="")
    if out is not None:
        _write(out, made.policy)
        _write(tests_beside(out), made.tests)
        print(f"Written, with its tests beside it: muster lint {out}; muster test {out}", file=sys.stderr)
    return CHANGES if made.changes else OK


def _refuse_existing(*paths: Path) -> None:
    from shared.errors import RequestError

    for path in paths:
        if path.exists():
            raise RequestError(f"{path} exists already; give another name, or move it away.")


def _write(path: Path, text: str) -> None:
    from shared.errors import RequestError

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise RequestError(f"{path} cannot be written: {error.strerror}.") from error


def _imported(recorded: Path | None, wait: int) -> "Imported":
    from shared.fleet.recorded import read_recording

    if recorded is not None:
        return asyncio.run(_of_recorded(kept(recorded)))
    if os.environ.get("MUSTER_API_URL"):
        return asyncio.run(_of_recorded(read_recording(taken(wait)[1])))
    from shared.cli.live import run

    return run(_of_live)


async def _of_recorded(fleet: "RecordedFleet") -> "Imported":
    return await _read(fleet.ground.rows, fleet.subscriptions, fleet.now, fleet.ground.own_names)


async def _of_live(house: "House") -> "Imported":
    from shared.cli.live import scoped_subscriptions

    subscriptions = await scoped_subscriptions(house)
    return await _read(house.sweep.graph, subscriptions, house.clock(), house.sweep.own_names)


async def _read(rows: "Rows", subscriptions: "Iterable[str]", now: datetime, own_names: frozenset[str]) -> "Imported":
    from shared.fleet.importing import import_fleet as imported
    from shared.fleet.rows import fleet_of

    clusters, extensions = await fleet_of(rows, subscriptions)
    return imported(clusters, extensions, now, own_names=own_names)
