"""`muster status`: how the fleet stands, and what needs a person, as the API says it."""

from collections import Counter
from typing import Any

from shared.cli.api import ask, path
from shared.cli.output import Output, OutputOption, told
from shared.cli.show import line, table

# What only a person can end; others end by themselves.
_NEEDS_A_PERSON = ("approval", "quarantine", "contested", "tag-invalid", "guardrail", "no-rule", "mass-selection")


def status(*, output: OutputOption = Output.TEXT) -> int:
    """Say how many clusters stand as the policy wants them, what holds the others, and what waits for a person.

    Returns:
        0 all as wanted, 2 something needs a person, 3 the rest is under way or held; 1 where the API cannot be asked.
    """
    figures = ask("GET", path("compliance"))
    approvals = ask("GET", path("approvals"))["items"]
    pauses = ask("GET", path("pauses"))["items"]
    policy = ask("GET", path("policy"))
    if output is Output.JSON:
        told({"compliance": figures, "approvals": approvals, "pauses": pauses, "policy": policy})
    else:
        _show(figures, approvals, pauses, policy)
    return _code(figures, approvals, policy)


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
    for title, name in (("Condition", "condition"), ("Held by", "hold"), ("Failures", "failure")):
        counts: dict[str, int] = figures[name]
        table((title, "clusters"), Counter(counts).most_common())
    waits = [(each["id"], each.get("cluster", "").rpartition("/")[2], each["reason"]) for each in approvals]
    table(("Waits for an approval", "cluster", "why"), waits)
    table(("Paused", "until", "why"), [(each["scope"], each["until"], each["reason"]) for each in pauses])


def _code(figures: Any, approvals: list[Any], policy: Any) -> int:
    person = sum(figures["hold"].get(code, 0) for code in _NEEDS_A_PERSON)
    if approvals or person or policy["refused"]:
        return 2
    return 0 if figures["compliant"] == figures["managed"] else 3
