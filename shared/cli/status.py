"""`muster status`: how the fleet stands, and what needs a person, as the API says it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from shared.cli.api import ask, path
from shared.cli.output import Output, OutputOption, told
from shared.cli.show import line, table
from shared.report.scopes import scope_name

_PAGE = "1000"


def status(*, output: OutputOption = Output.TEXT) -> int:
    """Say how many clusters stand as the policy wants them, what needs a person, and what holds the others.

    Returns:
        0 all as wanted, 2 something needs a person, 3 the rest is under way or held; 1 where the API cannot be asked.
    """
    figures = ask("GET", path("compliance", view="needs"))
    approvals = _waiting()
    pauses = ask("GET", path("pauses"))["items"]
    policy = ask("GET", path("policy"))
    if output is Output.JSON:
        told({"compliance": figures, "approvals": approvals, "pauses": pauses, "policy": policy})
    else:
        _show(figures, approvals, pauses, policy)
    if figures["needs"] or approvals:
        return 2
    return 0 if figures["compliant"] == figures["managed"] else 3


def _waiting() -> list[Any]:
    """What waits for an approval, page by page."""
    body = ask("GET", path("approvals", limit=_PAGE))
    items: list[Any] = body["items"]
    while "continuation" in body:
        body = ask("GET", path("approvals", limit=_PAGE, continuation=body["continuation"]))
        items += body["items"]
    return items


def _show(figures: Any, approvals: list[Any], pauses: list[Any], policy: Any) -> None:
    managed, compliant = figures["managed"], figures["compliant"]
    share = f" ({100 * compliant / managed:.1f} %)" if managed else ""
    line(f"{compliant} of {managed} managed clusters are as the policy wants them{share}.")
    line(f"As of {figures['asOf'] or 'no sweep yet'}; {figures['clusters']} clusters in scope.")
    line(f"Policy generation {policy['generation']}, {policy['digest'][:12]}, since {policy['since']}.")
    if policy["refused"]:
        line(f"A newer policy is refused: {'; '.join(policy['refused']['findings'])}")
    if policy["stale"]:
        line(policy["stale"])
    if policy["pending"] and policy["pending"]["approval"] not in {each["id"] for each in approvals}:
        line(f"A newer policy, {policy['pending']['digest'][:12]}, waits: {policy['pending']['reason']}")
    for kind in figures["needs"]:
        print()
        for text in _need(kind):
            line(text)
    for title, name in (("Condition", "condition"), ("Held by", "hold"), ("Failures", "failure")):
        counts: dict[str, int] = figures[name]
        table((title, "clusters"), Counter(counts).most_common())
    table(("Paused", "until", "why"), [(scope_name(each["scope"]), each["until"], each["reason"]) for each in pauses])


def _need(kind: Any) -> Iterator[str]:
    """What needs a person for one reason: the reason for each, and once what to do."""
    yield f"Needs you: {kind['what']} ({kind['count']}). {kind['first'][0]['remedy']}"
    for each in kind["first"]:
        since = f"since {each['since'][:16].replace('T', ' ')} UTC" if each["since"] else ""
        who = ", ".join(filter(None, (each["name"], each["owner"], since)))
        yield f"  {who}: {each['reason']}"
        if each["approval"]:
            yield f"    muster approve {each['approval']} --reason ..."
    if kind["count"] > len(kind["first"]):
        yield f"  and {kind['count'] - len(kind['first'])} more"
