"""`muster import`: a policy written from the live fleet, such that it changes nothing there."""

import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.output import Output, OutputOption, told

if TYPE_CHECKING:
    from shared.composition import House
    from shared.fleet.importing import Imported


OK, CHANGES = 0, 2


def import_fleet(
    out: Annotated[Path | None, typer.Option(help="Where to write; its tests go beside it. Default: stdout.")] = None,
    *,
    output: OutputOption = Output.TEXT,
) -> int:
    """Read every cluster of MUSTER_SCOPE and write the policy, and its tests, that describe what is installed.

    What could not be taken over, and what a plan under the policy would show, goes to stderr; as JSON all of it, with
    policy and tests as texts, to stdout.

    Returns:
        0 where the plan shows nothing, 2 where it shows differences, holds or steps.
    """
    from shared.cli.live import run
    from shared.policy.testing import tests_beside

    if out is not None:
        _refuse_existing(out, tests_beside(out))
    made = run(_read)
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


async def _read(house: "House") -> "Imported":
    from shared.cli.live import scoped_subscriptions
    from shared.fleet.importing import import_fleet as imported

    subscriptions = await scoped_subscriptions(house)
    extensions = defaultdict(list)
    async for owner, extension in house.sweep.graph.extensions(subscriptions):
        extensions[owner].append(extension)
    clusters = [cluster async for cluster in house.sweep.graph.clusters(subscriptions)]
    return imported(clusters, extensions, house.clock(), own_names=house.sweep.own_names)
