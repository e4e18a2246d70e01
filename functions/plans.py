"""Plans over HTTP: have one made, read it, apply it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from functions.answers import Conflicting, NotFound, Unprocessable, answer
from functions.handworks import in_scope, named
from functions.paging import page_of
from functions.queries import PlanQuery, read_query
from functions.requests import LARGEST_PLAN, ApplyRequest, PlanRequest, read
from shared import logs
from shared.composition import House, gates, house
from shared.errors import PolicyError
from shared.fleet.drafting import texts_given
from shared.fleet.planner import READY, Wish, is_recording
from shared.fleet.planning import ceiling
from shared.model.identity import ClusterId
from shared.model.plan_message import is_plan_id
from shared.policy.loading import parse_policy
from shared.report.words import applying
from shared.state.documents import Document, DocumentChanged

# What a plan's document holds beside what its reader is shown.
_OWN = frozenset({"texts", "items"})


async def ask_for_plan(raw: bytes, who: str) -> func.HttpResponse:
    """POST /plans."""
    body = read(PlanRequest, raw, largest=LARGEST_PLAN)
    home = await house()
    cluster = named(body.cluster) if body.cluster is not None else None
    if cluster is not None:
        await in_scope(home, cluster)
    texts = texts_given(await home.reconciler.generations.current(), body.policy) if body.policy is not None else ()
    if texts:
        try:
            await asyncio.to_thread(parse_policy, texts)
        except PolicyError as error:
            raise Unprocessable(error.message, error.findings) from error
    plan = await home.planner.begin(Wish(who, texts, cluster))
    place = f"/api/plans/{plan}"
    return answer({"id": plan, "status": "making", "href": place}, status=202, headers={"Location": place})


async def show_plan(plan: str, params: Mapping[str, str]) -> func.HttpResponse:
    """GET /plans/<id>."""
    asked = read_query(PlanQuery, params)
    body = (await standing_plan(await house(), plan)).body
    shown: dict[str, Any] = {name: value for name, value in body.items() if name not in _OWN}
    if body["status"] == READY:
        items: list[dict[str, Any]] = body["items"]
        shown["items"], following = page_of(items, lambda item: str(item["cluster"]), asked.limit, asked.continuation)
        if following:
            shown["continuation"] = following
    return answer(shown)


async def apply_plan(plan: str, raw: bytes, who: str) -> func.HttpResponse:
    """POST /plans/<id>/apply: a second time it says what the first one did."""
    asked = read(ApplyRequest, raw)
    home = await house()
    found = await standing_plan(home, plan)
    body = found.body
    if body["status"] != READY:
        raise Conflicting(f"The plan is not ready: it is {body['status']}.")
    if asked.digest is not None and asked.digest != body["digest"]:
        raise Conflicting("The plan was saved with another content than it has here.")
    if body["applied"] is None:
        await _in_force(home, body)
        subject = ClusterId.parse(body["cluster"]) if body["cluster"] else None
        await home.audit.put(applying(plan, body["digest"], subject, who, home.clock()), subject)
        told = await home.planner.apply(body)
        applied = {"at": home.clock().isoformat(), "by": who, **told}
        try:
            await home.planner.plans.put(plan, body | {"applied": applied}, found)
        except DocumentChanged:
            applied = (await standing_plan(home, plan)).body["applied"] or applied
        logs.event("plan-applied", plan=plan, asked=told["asked"], stale=len(told["stale"]), held=told["held"])
        body = body | {"applied": applied}
    return answer({"id": plan, "href": f"/api/plans/{plan}", "applied": body["applied"]}, status=202)


async def _in_force(home: House, body: Mapping[str, Any]) -> None:
    """Refuse to apply what the policy in force does not say, or this instance may not do."""
    if body["against"] is not None:
        raise Conflicting("The plan is against a policy that is not in force: roll the policy out.")
    digest = (await home.reconciler.generations.current()).digest
    if digest != body["policy"]["digest"]:
        raise Conflicting("Another policy has come into force since the plan was made: make another plan.")
    barred = ceiling(gates())
    if barred:
        raise Conflicting(barred)


async def standing_plan(home: House, plan: str) -> Document:
    """A plan's document.

    Raises:
        NotFound: there is none of that id (any more).
    """
    found = await home.planner.of(plan) if is_plan_id(plan) else None
    if found is None or is_recording(found.body):
        raise NotFound("There is no such plan. Plans are kept for a day.")
    return found
