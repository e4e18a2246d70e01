"""The page of a plan: the words of `muster plan`, and one button."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.page_views import frame
from functions.plans import standing_plan
from shared.composition import House, gates
from shared.fleet.planner import READY
from shared.fleet.planning import ceiling
from shared.model.identity import ClusterId
from shared.report import plan_text

# Items of one page.
_ROWS = 100


async def plan_of(home: House, plan: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """A plan as it stands; `after` is the id behind which its items go on.

    Raises:
        NotFound: there is no such plan (any more).
    """
    body = (await standing_plan(home, plan)).body
    ready = body["status"] == READY
    subject = ClusterId.parse(body["cluster"]).name if body["cluster"] else "the fleet"
    shown = _content(body, asked.get("after", "")) if ready else {}
    as_of = datetime.fromisoformat(body["asOf"]) if ready else None
    return {"plan": body, "ready": ready, "subject": subject} | shown | frame(home, as_of, fresh=True)


def _content(body: Mapping[str, Any], after: str) -> dict[str, Any]:
    rest = [(name, item) for name, item in zip(plan_text.names_of(body["items"]), body["items"], strict=True)]
    rest = [(name, item) for name, item in rest if item["cluster"] > after]
    # As POST /plans/<id>/apply: what it would refuse has no button.
    may = body["against"] is None and not ceiling(gates()) and body["counts"]["going"] > 0
    return {
        "headline": plan_text.headline(body),
        "remarks": list(plan_text.remarks(body)),
        "foreseen": list(plan_text.foreseen(body)),
        "groups": [
            (each, plan_text.risk_of(each), plan_text.held_by(each), plan_text.rings_of(each))
            for each in body["groups"]
        ],
        "items": [
            (name, item, plan_text.risk_of(item), plan_text.changes_of(item), plan_text.state_of(item))
            for name, item in rest[:_ROWS]
        ],
        "next": {"after": rest[_ROWS - 1][1]["cluster"]} if len(rest) > _ROWS else None,
        "may_apply": may and body["applied"] is None,
    }
