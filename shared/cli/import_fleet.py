"""`muster import`: a policy written from the live fleet, such that it changes nothing there."""

import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shared.composition import House
    from shared.fleet.importing import Imported


def import_fleet(
    out: Annotated[Path | None, typer.Option(help="Where to write; its tests go beside it. Default: stdout.")] = None,
) -> int:
    """Read every cluster of MUSTER_SCOPE and write the policy, and its tests, that describe what is installed."""
    from shared.cli.live import run
    from shared.errors import RequestError
    from shared.policy.testing import tests_beside

    made = run(_read)
    for note in made.notes:
        print(f"note: {note}", file=sys.stderr)
    if out is None:
        print(made.policy, end="")
        return 0
    beside = tests_beside(out)
    for path in (out, beside):
        if path.exists():
            raise RequestError(f"{path} exists already; give another name, or move it away.")
    out.write_text(made.policy, encoding="utf-8")
    beside.write_text(made.tests, encoding="utf-8")
    print(f"Written: {out} and {beside}. Check them with: muster lint {out}; muster test {out}", file=sys.stderr)
    return 0


async def _read(house: "House") -> "Imported":
    from shared.cli.live import scoped_subscriptions
    from shared.fleet.importing import import_fleet as imported

    subscriptions = await scoped_subscriptions(house)
    extensions = defaultdict(list)
    async for owner, extension in house.sweep.graph.extensions(subscriptions):
        extensions[owner].append(extension)
    clusters = [cluster async for cluster in house.sweep.graph.clusters(subscriptions)]
    return imported(clusters, extensions)
