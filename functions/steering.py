"""What people say about the fleet over HTTP: pauses, and approvals of what waits for one."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func

from functions.answers import NotFound, answer
from functions.paging import page_of
from functions.queries import ApprovalsQuery, read_query
from functions.requests import ApprovalRequest, PauseRequest, future, read
from shared.composition import House, house
from shared.errors import Finding, RequestError
from shared.fleet.compliance import Line
from shared.fleet.inventory import Fleet
from shared.fleet.rollout import MASS_SELECTION, approved_by
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb, FleetWord
from shared.model.request import Reason, Request
from shared.policy.rollout import REST
from shared.reconcile.candidates import Verdict
from shared.report.words import fleet_word

# An approval is for what was seen when it was given: it does not stand for ever.
_STANDS = timedelta(days=7)
_MASS_STANDS = timedelta(days=1)


async def set_pause(raw: bytes, who: str, request: str | None = None) -> func.HttpResponse:
    """POST /pauses. The same `request` (its hash) gives the same pause, should it be done twice."""
    body = read(PauseRequest, raw)
    home = await house()
    now = home.clock()
    future(body.until, now)
    kind, _, name = body.scope.partition("/")
    if kind == "cluster":
        ClusterId.from_key(name)
    elif kind == "ring":
        rings = [*(ring.name for ring in (await home.reconciler.generations.current()).rollout.rings), REST]
        if name not in rings:
            raise RequestError("There is no such ring.", (Finding("scope", f"rings are {', '.join(rings)}"),))
    pause = f"pause-{(request or uuid.uuid4().hex)[:12]}"
    word = FleetWord(pause, FleetVerb.PAUSE, body.scope, who, body.reason, now, body.until)
    await home.audit.put(fleet_word("Pause", word))
    await home.intents.say(word)
    return answer(shown(word), status=201, headers={"Location": f"/api/pauses/{word.id}"})


async def list_pauses() -> func.HttpResponse:
    """GET /pauses."""
    home = await house()
    now = home.clock()
    words = [word for word in await home.intents.fleet() if word.verb is FleetVerb.PAUSE and word.stands(now)]
    return answer({"items": [shown(word) for word in words]})


async def end_pause(word_id: str, who: str) -> func.HttpResponse:
    """DELETE /pauses/<id>."""
    home = await house()
    word = next((word for word in await home.intents.fleet() if word.id == word_id), None)
    if word is None or word.verb is not FleetVerb.PAUSE:
        raise NotFound("There is no such pause.")
    now = home.clock()
    await home.audit.put(fleet_word("Resume", replace(word, who=who, why="", at=now, until=None)))
    await home.intents.unsay(word_id, now)
    return answer({"id": word_id, "status": "ended"})


async def list_approvals(params: Mapping[str, str]) -> func.HttpResponse:
    """GET /approvals: what waits for one, and what was given.

    The first page has all that is not about one cluster: three at most wait, and each approval given was one
    person's act within a week.
    """
    asked = read_query(ApprovalsQuery, params)
    home = await house()
    items = await waiting(home, await home.inventory.fleet())
    of_clusters = [item for item in items if "cluster" in item]
    page, following = page_of(of_clusters, lambda item: str(item["cluster"]), asked.limit, asked.continuation)
    body: dict[str, Any] = {"items": page, "given": []}
    if not asked.continuation:
        now = home.clock()
        words = [word for word in await home.intents.fleet() if word.verb is FleetVerb.APPROVE and word.stands(now)]
        body["items"] = [item for item in items if "cluster" not in item] + page
        body["given"] = [shown(word) for word in words]
    return answer(body | ({"continuation": following} if following else {}))


async def decide_approval(name: str, raw: bytes, who: str) -> func.HttpResponse:
    """POST /approvals/<id>: approve what waits, or take an approval back."""
    body = read(ApprovalRequest, raw)
    home = await house()
    now = home.clock()
    if not body.approve:
        given = next((word for word in await home.intents.fleet() if word.id == name), None)
        if given is None or given.verb is not FleetVerb.APPROVE:
            raise NotFound("Nothing of that name has been approved.")
        taken = replace(given, who=who, why=body.reason, at=now, until=None)
        await home.audit.put(fleet_word("WithdrawApproval", taken))
        await home.intents.unsay(name, now)
        return answer({"id": name, "status": "withdrawn"})
    asked = next((each for each in await waiting(home, await home.inventory.fleet()) if each["id"] == name), None)
    if asked is None:
        raise NotFound("Nothing of that name waits for an approval.")
    stands = {MASS_SELECTION: _MASS_STANDS}.get(name, _STANDS)
    word = FleetWord(name, FleetVerb.APPROVE, asked["reason"][:1000], who, body.reason, now, now + stands)
    await home.audit.put(fleet_word("Approve", word))
    await home.intents.say(word)
    candidates = home.reconciler.generations.candidates
    pending = await candidates.standing()
    if pending is not None and pending.approval == name:
        await candidates.judge(replace(pending, verdict=Verdict.APPROVED, who=who))
    if asked.get("cluster"):
        await home.messages.send(Request(ClusterId.parse(asked["cluster"]), Reason.MANUAL, now))
    return answer(shown(word), status=202)


async def waiting(home: House, fleet: Fleet) -> list[dict[str, Any]]:
    """What waits for an approval that was not given: of a policy, a mass of new clusters, the next ring, a cluster."""
    policy = await home.reconciler.generations.current()
    words = await home.intents.fleet()
    gates = await home.gatekeeper.view(policy, words)
    items: list[dict[str, Any]] = []
    pending = await home.reconciler.generations.candidates.standing()
    if pending is not None and pending.verdict is Verdict.LARGE:
        items.append({"id": pending.approval, "reason": pending.reason, "since": _text(pending.since)})
    if gates.mass:
        items.append({"id": MASS_SELECTION, "reason": gates.mass, "since": _text(gates.mass_since)})
    if gates.approval:
        items.append({"id": gates.approval, "reason": gates.waiting, "since": _text(gates.approval_since)})
    for entry in fleet.entries:
        hold = Line.read(entry).state.hold if entry.hold is not None else None
        if hold is not None and hold.approval and hold.approval not in gates.approved:
            items.append({"id": hold.approval, "cluster": entry.id, "reason": hold.reason, "since": _text(hold.since)})
    return items


async def approved(home: House) -> frozenset[str]:
    """Names of what people have approved."""
    return approved_by(await home.intents.fleet(), home.clock())


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def shown(word: FleetWord) -> dict[str, Any]:
    """A pause or an approval as the API shows it."""
    return {
        "id": word.id,
        "scope" if word.verb is FleetVerb.PAUSE else "subject": word.subject,
        "who": word.who,
        "reason": word.why,
        "at": word.at.isoformat(),
        "until": word.until.isoformat() if word.until else None,
    }
