"""`muster pause`, `resume`, `approve` and `reconcile`: a person's words about the fleet, said through the API."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from shared.cli.api import ask, cluster_key, path
from shared.cli.completion import ClusterArgument
from shared.cli.output import Output, OutputOption, told
from shared.cli.show import line
from shared.errors import RequestError

Why = Annotated[str, typer.Option("--reason", "-r", help="Why, for whoever asks later.")]
_SPAN = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def pause(
    scope: Annotated[str, typer.Argument(help="fleet, ring/<name>, or cluster/<ARM id or name>.")],
    *,
    until: Annotated[str, typer.Option(help="An end with offset (2026-12-01T08:00:00+01:00), or a time: 30m, 8h, 2d.")],
    reason: Why,
    output: OutputOption = Output.TEXT,
) -> int:
    """Have nothing written to a cluster, a ring or the fleet until a moment. What runs already goes on."""
    kind, _, name = scope.partition("/")
    if kind == "cluster":
        scope = f"cluster/{cluster_key(name)}"
    body = ask("POST", path("pauses"), {"scope": scope, "until": _moment(until), "reason": reason})
    if output is Output.JSON:
        told(body)
    else:
        line(f"Paused until {body['until']}. To end it: muster resume {body['id']}")
    return 0


def resume(
    pause_id: Annotated[str, typer.Argument(metavar="PAUSE", help="The pause's id; `muster status` shows scopes.")],
    *,
    output: OutputOption = Output.TEXT,
) -> int:
    """End a pause."""
    body = ask("DELETE", path("pauses", pause_id))
    if output is Output.JSON:
        told(body)
    else:
        line(f"{body['id']} has ended.")
    return 0


def approve(
    name: Annotated[str, typer.Argument(metavar="APPROVAL", help="The approval's id, as `muster status` shows it.")],
    *,
    reason: Why,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back an approval that was given.")] = False,
    output: OutputOption = Output.TEXT,
) -> int:
    """Approve what waits for a person."""
    body = ask("POST", path("approvals", name), {"approve": not withdraw, "reason": reason})
    if output is Output.JSON:
        told(body)
    elif withdraw:
        line(f"{name} is no longer approved.")
    else:
        line(f"{name} is approved until {body['until']}.")
    return 0


def reconcile(
    cluster: ClusterArgument,
    *,
    resolve: Annotated[
        bool | None,
        typer.Option("--resolve/--keep", help="Let automatic and derived values follow today's facts; take that back."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> int:
    """Have a cluster looked at now."""
    key = cluster_key(cluster)
    body = ask("POST", path("clusters", key, "reconcile"), {} if resolve is None else {"resolve": resolve})
    if output is Output.JSON:
        told(body)
        return 0
    more = (
        "" if resolve is None else " Its values follow today's facts." if resolve else " Its values stay as installed."
    )
    line(f"Muster looks at {body['id']}.{more} To follow it: muster history {cluster}")
    return 0


def _moment(text: str) -> str:
    """An end as the API wants it; a span counts from now."""
    span = _SPAN.fullmatch(text)
    if span is not None:
        return (datetime.now(UTC) + int(span[1]) * _UNITS[span[2]]).isoformat()
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"'{text}' is no end: 30m, 8h, 2d, or 2026-12-01T08:00:00+01:00.") from error
    if found.tzinfo is None:
        raise RequestError(f"'{text}' lacks its offset from UTC: {text}+00:00, for example.")
    return found.isoformat()
