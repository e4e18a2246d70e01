"""`muster plan` and `muster apply`: what would be done, asked and applied through the API.

A plan over a recorded fleet is made right here, by the same code, and asks nobody.
"""

import asyncio
import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.cli.api import ask, awaited, path
from shared.cli.output import Output, OutputOption, told, write
from shared.cli.recordings import RecordedOption, kept
from shared.cli.show import line, table
from shared.errors import RequestError

DONE, CHANGES, PARTLY = 0, 2, 3
_PAGE = "1000"


class PlanOutput(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def plan(
    *,
    against: Annotated[
        str | None, typer.Option(metavar="FILE|REV", help="A policy's file or directory, or a git revision of it.")
    ] = None,
    policy: Annotated[Path, typer.Option(help="Where the policy lies, for a git revision.")] = Path("policy.yaml"),
    cluster: Annotated[str | None, typer.Option(metavar="ID", help="Plan for one cluster only, by its ARM id.")] = None,
    recorded: RecordedOption = None,
    out: Annotated[Path | None, typer.Option(help="Save the plan, to apply it later.")] = None,
    wait: Annotated[int, typer.Option(min=1, help="Seconds to wait for the plan.")] = 600,
    output: Annotated[PlanOutput, typer.Option("--output", "-o", help="text, json, or markdown.")] = PlanOutput.TEXT,
) -> int:
    """Say what would be done to the fleet, by action and risk, and when it would be done. Nothing is done.

    Returns:
        0 nothing to do, 2 changes, 3 all that there is, is held; 1 where no plan could be made.
    """
    from shared.report.plan_text import exit_code, markdown

    wish: dict[str, Any] = {} if against is None else {"policy": _policy(against, policy)}
    if cluster is not None:
        wish["cluster"] = cluster
    if recorded is not None and out is not None:
        raise RequestError("A plan over a recorded fleet cannot be applied: --out goes with the live fleet alone.")
    made = _over(recorded, wish) if recorded is not None else _made(ask("POST", path("plans"), wish)["id"], wait)
    if out is not None:
        write(out, (json.dumps(made, indent=2, ensure_ascii=False) + os.linesep).encode())
    if output is PlanOutput.JSON:
        told(made)
    elif output is PlanOutput.MARKDOWN:
        print(markdown(made))
    else:
        _show(made)
    return exit_code(made)


def apply(
    saved: Annotated[Path, typer.Argument(metavar="PLAN.json", help="A plan that `muster plan --out` saved.")],
    *,
    output: OutputOption = Output.TEXT,
) -> int:
    """Ask for what a saved plan says. What has changed since is left out; every gate still holds.

    Returns:
        0 all of it was asked for, 3 some was left out or is held; 1 where it could not be applied.
    """
    plan_id, digest = _read_saved(saved)
    applied = ask("POST", path("plans", plan_id, "apply"), {"digest": digest})["applied"]
    held = sum(applied["held"].values())
    if output is Output.JSON:
        told(applied)
    else:
        line(f"Asked for by {applied['by']} at {applied['at']}: {applied['asked']}.")
        if applied["later"]:
            line(f"{applied['later']} more than the rollout has room for are left to the sweeps.")
        table(("Held by", "clusters"), applied["held"].items())
        table(("Stale: changed since the plan was made",), [(each,) for each in applied["stale"]])
    return PARTLY if applied["stale"] or held or applied["later"] else DONE


def _over(recorded: Path, wish: dict[str, Any]) -> Any:
    """The plan over a recorded fleet, as the API would have given it."""
    from shared.fleet.drafting import planned, texts_given
    from shared.model.identity import ClusterId

    fleet = kept(recorded)
    only = ClusterId.parse(wish["cluster"]) if "cluster" in wish else None
    if only is not None and only.subscription not in fleet.subscriptions:
        raise RequestError("The cluster lies in no subscription of the recording.")
    texts = texts_given(fleet.policy, wish.get("policy"))
    made = asyncio.run(planned(fleet.ground, texts, only, fleet.now))
    return {"id": None, "status": "ready", "cluster": str(only) if only else None} | made


def _policy(against: str, place: Path) -> str | dict[str, str]:
    """The text of a policy, or its files by name."""
    from shared.cli.revisions import files_at
    from shared.policy.loading import read_policy

    found = Path(against)
    if found.exists():
        texts = {text.name: text.text for text in read_policy(found)}
        return texts if found.is_dir() else next(iter(texts.values()))
    return files_at(against, place)


def _made(plan_id: str, wait: int) -> Any:
    """The plan with all its items, once it is made.

    Raises:
        Unavailable: it is not made in time.
        RequestError: it could not be made.
    """
    body = awaited("plan", path("plans", plan_id, limit=_PAGE), wait)
    items = body["items"]
    while "continuation" in body:
        body = ask("GET", path("plans", plan_id, limit=_PAGE, continuation=body["continuation"]))
        items += body["items"]
    return {**{name: value for name, value in body.items() if name != "continuation"}, "items": items}


def _show(made: Any) -> None:
    from shared.report import plan_text

    line(f"Plan: {plan_text.headline(made)}")
    for remark in plan_text.remarks(made):
        line(remark)
    rows = [
        (each["action"], plan_text.risk_of(each), each["clusters"], plan_text.held_by(each), plan_text.rings_of(each))
        for each in made["groups"]
    ]
    table(("Action", "risk", "clusters", "held", "rings"), rows)
    items = [
        (name, each["action"], plan_text.changes_of(each), plan_text.state_of(each))
        for name, each in zip(plan_text.names_of(made["items"]), made["items"], strict=True)
    ]
    table(("Cluster", "action", "changes", "held"), items)
    for told_ in plan_text.foreseen(made):
        line(told_)


def _read_saved(saved: Path) -> tuple[str, str]:
    try:
        body = json.loads(saved.read_text(encoding="utf-8"))
        return str(body["id"]), str(body["digest"])
    except OSError as error:
        raise RequestError(f"{saved} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{saved} is no plan that `muster plan --out` saved.") from error
