"""`muster letters`: events that could not be delivered, and clusters whose requests failed every time."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from shared.cli.output import Output, OutputOption, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.composition import House
    from shared.model.event import NoCluster
    from shared.model.identity import ClusterId
    from shared.state.letters import Letter

_NOTHING, _FOUND, _PARTLY = 0, 2, 3


@dataclass(frozen=True, slots=True)
class _Row:
    """One thing that is shown: which sort, where it lies, the cluster that it names, and why it lies there."""

    code: str
    where: str
    cluster: str
    message: str

    def __str__(self) -> str:
        return "  ".join(filter(None, (self.where, self.cluster, self.message)))


def letters(
    *,
    replay: Annotated[
        bool, typer.Option("--replay", help="Ask for each cluster again, and clear what was asked.")
    ] = False,
    output: OutputOption = Output.TEXT,
) -> int:
    """Show what could not be delivered and why; with --replay have every cluster among it looked at again.

    A look asked for twice does no harm. What names no cluster stays, to be read by a person.

    Returns:
        0 nothing is there, or all of it was asked for again; 2 something is there; 3 some of it names no cluster.
    """
    from shared.cli.live import run

    return run(lambda house: (_replayed if replay else _shown)(house, output))


async def _shown(house: "House", output: Output = Output.TEXT) -> int:
    rows = [
        _row("dead-letter", letter) for _, found in [each async for each in house.letters.dead()] for letter in found
    ]
    rows += [_row("poisoned-event", letter) for letter in await house.letters.poisoned()]
    rows += [_Row("failed-cluster", "", str(cluster), reason) for cluster, reason in await _poisoned(house)]
    if output is Output.JSON:
        told({"letters": [asdict(row) | {"cluster": row.cluster or None} for row in rows]})
    else:
        print("\n".join(map(str, rows)) if rows else "Nothing is undelivered.")
    return _FOUND if rows else _NOTHING


async def _replayed(house: "House", output: Output = Output.TEXT) -> int:
    asked, kept = 0, 0
    async for blob, found in house.letters.dead():
        clusters = await _again(house, found)
        asked += clusters
        if clusters == len(found):
            await house.letters.bury(blob)
        else:
            kept += len(found) - clusters

    async def serve(letter: "Letter") -> bool:
        return await _again(house, [letter]) == 1

    served = await house.letters.take(serve)
    asked, kept = asked + served.count(True), kept + served.count(False)
    for cluster, _ in await _poisoned(house):
        await _ask(house, cluster)
        asked += 1
    if output is Output.JSON:
        told({"asked": asked, "kept": kept})
    else:
        print(f"Asked for again: {asked}." + (f" Letters that name no cluster, and stay: {kept}." if kept else ""))
    return _PARTLY if kept else _NOTHING


async def _again(house: "House", found: "Iterable[Letter]") -> int:
    from shared.model.identity import ClusterId

    clusters = [about for about in map(_about, found) if isinstance(about, ClusterId)]
    for cluster in clusters:
        await _ask(house, cluster)
    return len(clusters)


async def _ask(house: "House", cluster: "ClusterId") -> None:
    from shared.model.request import Reason, Request

    await house.messages.send(Request(cluster, Reason.EVENT, house.clock()))


async def _poisoned(house: "House") -> "list[tuple[ClusterId, str]]":
    """Clusters that are Unknown because every try to look at them failed, until a sweep asks again."""
    from shared.reconcile.loop import POISONED

    rows = [row async for row in house.table.all()]
    return [(row.cluster, row.memory.reason) for row in rows if row.memory.reason.startswith(POISONED)]


def _about(letter: "Letter") -> "ClusterId | NoCluster":
    from shared.model.event import read_body

    return read_body(letter.event)


def _row(code: str, letter: "Letter") -> _Row:
    from shared.fleet.policy_text import visible
    from shared.model.event import NoCluster

    about, place = _about(letter), visible(letter.place)
    # Of an event that names no cluster nothing is repeated: it is whatever somebody chose to send.
    if isinstance(about, NoCluster):
        return _Row(code, place, "", visible(f"names no cluster: {about.what}  {letter.reason}"))
    return _Row(code, place, str(about), visible(letter.reason))
