"""`muster audit`: whether the audit trail is whole, and what was true on a day, by the trail that the API gives."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeIs

import typer

from shared.cli.api import ask, cluster_key, path
from shared.cli.output import Output, OutputOption, told
from shared.cli.show import line, table
from shared.errors import RequestError

if TYPE_CHECKING:
    from shared.model.audit import Break, Chain, Line
    from shared.report.past import Past

_FOUND = 2

audit = typer.Typer(
    help="Verify the audit trail, or ask it what was true on a day.", no_args_is_help=True, rich_markup_mode=None
)


@audit.command("verify")
def verify(
    *,
    since: Annotated[
        str, typer.Option("--from", help="The first day (UTC), 2026-11-27; its first line is then taken as it stands.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="The last day (UTC).")] = "",
    head: Annotated[str, typer.Option(help="A hash that was noted earlier, which the trail must hold.")] = "",
    output: OutputOption = Output.TEXT,
) -> int:
    """Follow the chain of hashes and name the first place where a line was changed, removed or inserted.

    What was cut off at the trail's end leaves no trace in it: keep the hash that this prints (or that the log tells),
    and give it with --head.

    Returns:
        0 whole, 2 a place was found, 1 the API cannot be asked.
    """
    chain, found, first, last = _chain(since), None, _day(since), _day(until)
    days = [day for day in _days() if (first or "") <= day <= (last or day)]
    met = not head
    for each in _followed(chain, days):
        found = None if _is_line(each) else each
        met = met or (_is_line(each) and getattr(each, "hash", "") == head)
    what = str(found) if found is not None else None
    if what is None and not met:
        what = f"no line has the hash {head}: the end of the trail was cut off, or that hash is of another one"
    _tell(chain, days, what, output)
    return _FOUND if what else 0


def _tell(chain: "Chain", days: list[str], what: str | None, output: Output) -> None:
    head = chain.head
    hash_ = head.hash if head is not None and chain.lines else None
    if output is Output.JSON:
        told({"days": days, "lines": chain.lines, "repeated": chain.repeated, "head": hash_, "broken": what})
        return
    if what:
        line(what)
        line(f"The {chain.lines} lines before it are as they were written.")
        return
    line(f"{chain.lines} lines on {len(days)} days are as they were written.")
    if chain.repeated:
        line(f"{chain.repeated} of them were written down again after a crash, under the same id.")
    if hash_:
        line(f"Hash of the last: {hash_}")


@audit.command("as-of")
def as_of(
    moment: Annotated[str, typer.Argument(metavar="DATE", help="The end of a day (UTC), or a moment with offset.")],
    cluster: Annotated[str | None, typer.Argument(help="ARM id, or a name that one cluster has now.")] = None,
    *,
    output: OutputOption = Output.TEXT,
) -> int:
    """Tell how a cluster, or the fleet, stood on a day, as Muster knew it then; the trail is verified on the way.

    Returns:
        0 told, 2 the trail is broken before that moment, 1 nothing is known or the API cannot be asked.
    """
    from shared.model.identity import ClusterId
    from shared.report.past import Past

    past = Past(_moment(moment))
    subject = str(ClusterId.from_key(cluster_key(cluster))) if cluster else None
    broken = _replayed(past)
    if broken is not None:
        line(f"{broken}. What follows it cannot be believed: muster audit verify")
        return _FOUND
    view = past.cluster(subject) if subject else past.fleet()
    if view is None:
        raise RequestError(f"Nothing was known of {subject} then.")
    if output is Output.JSON:
        told(view)
    else:
        _show_cluster(view) if subject else _show_fleet(view)
    return 0


def _replayed(past: "Past") -> "Break | None":
    """Fold the trail up to a moment. What was decided before it may have been appended later, on days that follow."""
    chain, day_after = _chain(""), (past.moment.astimezone(UTC).date() + timedelta(days=1)).isoformat()
    for day in _days():
        earlier = False
        lines = 0
        for each in _followed(chain, [day]):
            if not _is_line(each):
                return each
            lines += 1
            earlier |= past.add(each.record)
        if day >= day_after and lines and not earlier:
            return None
    return None


def _is_line(each: "Line | Break") -> TypeIs["Line"]:
    from shared.model.audit import Line

    return isinstance(each, Line)


def _chain(since: str) -> "Chain":
    from shared.model.audit import BEGINNING, Chain

    return Chain(None if since else BEGINNING)


def _days() -> list[str]:
    days: list[str] = ask("GET", path("audit"))["days"]
    return days


def _followed(chain: "Chain", days: list[str]) -> "Iterator[Line | Break]":
    """Every line of some days as far as they go on from one another; a break is the last."""
    for day in days:
        for number, raw in enumerate(_lines(day), start=1):
            each = chain.follow(raw.encode(), (day, number))
            yield each
            if not _is_line(each):
                return


def _lines(day: str) -> Iterator[str]:
    continuation: str | None = None
    while True:
        body: dict[str, Any] = ask("GET", path("audit", day=day, continuation=continuation))
        yield from body["lines"]
        continuation = body.get("continuation")
        if continuation is None:
            return


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError as error:
        raise RequestError(f"'{text}' is no day: 2026-11-27, for example.") from error


def _moment(text: str) -> datetime:
    """The moment that is meant; of a day its last."""
    try:
        if len(text) == len("2026-11-27"):
            return datetime.combine(date.fromisoformat(text), time.max, UTC)
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise RequestError(f"'{text}' is no day and no moment: 2026-11-27, or 2026-11-27T09:00:00+01:00.") from error
    if found.tzinfo is None:
        raise RequestError(f"'{text}' lacks its offset from UTC: {text}+00:00, for example.")
    return found


def _show_cluster(view: dict[str, Any]) -> None:
    line(view["cluster"])
    line(f"As of {view['asOf']}, as Muster knew it then:")
    names = ("management", "condition", "hold", "profile", "rule", "generation", "policy", "recorded", "reason")
    table(("", ""), [(name, view[name]) for name in names if view.get(name) is not None])
    last = view["last"]
    if last:
        line(f"Last step: {last['action']} at {last['at']}, {last['sent']}.")
    _show_words(view["words"])


def _show_fleet(view: dict[str, Any]) -> None:
    line(f"As of {view['asOf']}: {view['clusters']} clusters, as Muster knew them then.")
    if view["policy"]:
        line(f"Latest policy that anything was decided by: generation {view['generation']}, {view['policy'][:12]}.")
    for name in ("management", "condition", "hold", "profile"):
        counts: dict[str, int] = view[name]
        table((name, "clusters"), counts.items())
    _show_words(view["words"])


def _show_words(words: list[dict[str, Any]]) -> None:
    titles = ("Stood", "about", "who", "why", "until")
    rows = [
        (each["action"], each["subject"], each.get("who", ""), each.get("reason", ""), each.get("until", ""))
        for each in words
    ]
    table(titles, rows)
