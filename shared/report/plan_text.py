"""A plan in words, from its JSON: for a terminal, and as Markdown for a comment on a pull request."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.model.state import HoldCode

type Json = Mapping[str, Any]

# Rows of a table of items; a comment on GitHub holds 65,536 characters.
_NAMED = 50
_ROLLED_OUT = frozenset({HoldCode.RING, HoldCode.WINDOW, HoldCode.BUDGET})
_MARKS = re.compile(r"([\\`*_{}\[\]<>()+!|~])")
# What becomes a link wherever it stands in a text, escaped or not: mentions, numbers of issues, addresses.
_LINKS = re.compile(r"(@|#|:(?=//)|www(?=\.))")
_LONGEST = 300


def exit_code(plan: Json) -> int:
    """The code that `muster plan` leaves with.

    Returns:
        0 nothing to do; 2 something goes out, now or as the rollout goes on, or clusters would no longer get what they
        get today; 3 all that there is, is held, or it is not known whether there is anything.
    """
    counts = plan["counts"]
    if counts["going"] or counts["leaving"] or counts["dropped"]:
        return 2
    return 3 if counts["changes"] or counts["held"] or counts["unsure"] or plan["doubt"] else 0


def headline(plan: Json) -> str:
    """The plan in one sentence."""
    counts = plan["counts"]
    where = f" under the policy {plan['against'][:12]}" if plan["against"] else ""
    if not counts["changes"]:
        known = "nothing that is known of" if counts["unsure"] or plan["doubt"] else "nothing"
        rest = [
            f"{_clusters(counts[name])} {name}" for name in ("held", "unsure", "leaving", "dropped") if counts[name]
        ]
        return f"{'; '.join([f'{known} to do on {_clusters(counts["clusters"])}{where}', *rest])}."
    parts = [f"{counts['changes']} of {_clusters(counts['clusters'])} would change{where}"]
    parts += [f"{counts['disruptive']} of them disruptively"] if counts["disruptive"] else []
    stopped = counts["changes"] - counts["going"]
    parts += [f"{stopped} held until a person or the cluster lets go"] if stopped else []
    return f"{', '.join(parts)}."


def remarks(plan: Json) -> Iterator[str]:
    """What has to be known to read the plan."""
    counts = plan["counts"]
    if plan["doubt"]:
        yield f"Doubtful, as a sweep would find it: {plan['doubt']}"
    if plan["ceiling"]:
        yield plan["ceiling"]
    if plan["approval"]:
        yield f"The policy as a whole would wait for the approval {plan['approval']} (rollout.policyChange.clusters)."
    if counts["unsure"]:
        yield (
            f"{_clusters(counts['unsure'])} not remembered, or whose last write had no answer: looked at first, and "
            "only then it is known whether anything is to be done there."
        )
    for name, told in (
        ("underWay", "under way already."),
        ("reported", "with differences that the policy only reports."),
        ("leaving", "would no longer be looked after. What is installed there stays as it is."),
        ("dropped", "would be changed by the policy in force, and not by this one."),
    ):
        if counts[name]:
            yield f"{_clusters(counts[name])} {told}"


def _clusters(count: int) -> str:
    return f"{count} cluster{'' if count == 1 else 's'}"


def foreseen(plan: Json) -> Iterator[str]:
    """The forecast, where anything goes out."""
    forecast = plan["forecast"]
    if not forecast["clusters"]:
        return
    yield f"Requests to Azure: {_range(forecast['writes'])} writes, {_range(forecast['reads'])} reads."
    if forecast["done"]:
        yield f"Done between {_moment(forecast['done'][0])} and {_moment(forecast['done'][1])}."
    for ring in forecast["rings"] if len(forecast["rings"]) > 1 else ():
        yield f"  ring {ring['ring']}: between {_moment(ring['done'][0])} and {_moment(ring['done'][1])}"
    if forecast["left"]:
        yield f"No time can be told for {_clusters(forecast['left'])}: {'; '.join(forecast['waits'])}."
    yield f"Where {', '.join(forecast['assumes'])}."


def _range(bounds: Sequence[int]) -> str:
    low, high = bounds
    return str(low) if low == high else f"{low} to {high}"


def _moment(text: str) -> str:
    return text[:16].replace("T", " ") + " UTC"


def risk_of(each: Json) -> str:
    """The risks of an item or a group, in a few words."""
    return ", ".join(each["risk"])


def held_by(group: Json) -> str:
    """What holds the clusters of a group."""
    return ", ".join(f"{code} {count}" for code, count in group["held"].items())


def rings_of(group: Json) -> str:
    """The rings of the clusters of a group; nothing where there are none but the last."""
    rings = group["rings"]
    return "" if set(rings) <= {"rest"} else ", ".join(f"{name} {count}" for name, count in rings.items())


def state_of(item: Json) -> str:
    """What stands in an item's way, or what a look reads first."""
    hold = item["hold"]
    if hold is not None:
        until = f" until {_moment(hold['until'])}" if hold["until"] else ""
        approval = f" ({hold['approval']})" if hold["approval"] else ""
        return f"{hold['code']}{approval}{until}"
    return f"after a look at {', '.join(item['reads'])}" if item["reads"] else ""


def changes_of(item: Json) -> str:
    """The settings of an item, from what to what; an installation's are only counted."""
    changes = item["changes"]
    if all(each["from"] is None for each in changes) and len(changes) > 4:
        return f"{len(changes)} settings"
    return "; ".join(f"{each['setting']}: {each['from'] or 'none'} -> {each['to'] or 'none'}" for each in changes)


def markdown(plan: Json) -> str:
    """The plan as a comment on a pull request."""
    lines = [f"### Muster plan: {escaped(headline(plan))}", ""]
    lines += [f"- {escaped(each)}" for each in remarks(plan)]
    if plan["groups"]:
        rows = [
            (each["action"], risk_of(each), each["clusters"], each["disruptive"], held_by(each), rings_of(each))
            for each in plan["groups"]
        ]
        lines += ["", *_table(("Action", "Risk", "Clusters", "Disruptive", "Held", "Rings"), rows)]
    told = list(foreseen(plan))
    lines += ["", *(f"- {escaped(each.strip())}" for each in told)] if told else []
    if plan["items"]:
        shown = plan["items"][:_NAMED]
        lines += ["", "<details><summary>Clusters</summary>", ""]
        pairs = zip(names_of(shown), shown, strict=True)
        named = [(name, each["action"], risk_of(each), changes_of(each), state_of(each)) for name, each in pairs]
        lines += _table(("Cluster", "Action", "Risk", "Changes", "Held"), named)
        left = len(plan["items"]) - len(shown)
        lines += ["", f"And {left} more."] if left else []
        lines += ["", "</details>"]
    basis = f"Policy in force: {plan['policy']['digest'][:12]}, generation {plan['policy']['generation']}"
    origin = f"Plan {plan['id']}" if plan["id"] else "Made from a recording of the fleet"
    return "\n".join([*lines, "", f"<sub>{basis}. As of {_moment(plan['asOf'])}. {origin}.</sub>"])


def names_of(items: Sequence[Json]) -> list[str]:
    """Each item's cluster: its resource group and name where no other has the same, else its ARM id."""
    ids = [str(each["cluster"]) for each in items]
    short = ["/".join(each.split("/")[4:9:4]) for each in ids]
    counts = Counter(short)
    return [name if counts[name] == 1 else whole for name, whole in zip(short, ids, strict=True)]


def _table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(escaped(str(cell)) for cell in row)} |"


def escaped(text: str) -> str:
    """A text as Markdown shows it as it is: names and values are anybody's words, and could be marks or mentions."""
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    short = plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 3]}..."
    # No backslash stops a mention. A comment in the middle does: what GitHub looks for is then in two pieces.
    return _LINKS.sub(r"\1<!-- -->", _MARKS.sub(r"\\\1", short))
