"""What the API shows: lists, one cluster, figures, the policy in force."""

import base64
import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func

from functions.answers import NotFound, answer
from functions.queries import NONE, ClusterQuery, ComplianceQuery, read_query
from functions.revalidation import weak_tag
from shared.composition import house
from shared.errors import Finding, InvalidClusterId, RequestError
from shared.fleet.compliance import Line, needs_attention
from shared.fleet.figures import figures
from shared.model.identity import ClusterId
from shared.reconcile.preview import preview
from shared.report.views import decision_view

_FILTERS: dict[str, Callable[[Line], str]] = {
    "management": lambda line: line.state.management.value,
    "condition": lambda line: line.state.condition.value,
    "hold": lambda line: line.state.hold.code.value if line.state.hold else NONE,
    "reachability": lambda line: line.state.reachability.value,
    "verified": lambda line: line.state.verified.value,
    "profile": lambda line: line.profile or NONE,
    "kind": lambda line: line.cluster.kind.value,
    "subscription": lambda line: line.cluster.subscription,
}


async def clusters_asked_for(params: Mapping[str, str]) -> func.HttpResponse:
    """GET /clusters: the fleet, or with `id` one cluster."""
    asked = read_query(ClusterQuery, params)
    return await (one_cluster(ClusterId.parse(asked.id)) if asked.id else _list(asked))


async def _list(asked: ClusterQuery) -> func.HttpResponse:
    after = _position(asked.continuation)
    as_of, lines = await (await house()).inventory.lines()
    # In the order of the lines, which is not that of the ids as texts: "rg-2/" comes before "rg/".
    chosen = [line for line in lines if _fits(line, asked) and (after is None or line.cluster > after)]
    body: dict[str, Any] = {"items": [line.plain() for line in chosen[: asked.limit]], "asOf": as_of}
    if len(chosen) > asked.limit:
        last = str(chosen[asked.limit - 1].cluster)
        body["continuation"] = base64.urlsafe_b64encode(last.encode()).decode()
    return answer(body)


def _fits(line: Line, asked: ClusterQuery) -> bool:
    if asked.q and asked.q.lower() not in str(line.cluster):
        return False
    wanted = {name: getattr(asked, name).lower() for name in _FILTERS}
    return all(value(line).lower() == wanted[name] for name, value in _FILTERS.items() if wanted[name])


def _position(text: str) -> ClusterId | None:
    """The last cluster of the page before."""
    try:
        return ClusterId.parse(base64.b64decode(text, altchars=b"-_", validate=True).decode()) if text else None
    except (InvalidClusterId, ValueError) as error:  # wrong base64 and wrong UTF-8 are ValueErrors
        raise RequestError(
            "The continuation cannot be used.", (Finding("continuation", "must come from an answer"),)
        ) from error


async def one_cluster(cluster: ClusterId) -> func.HttpResponse:
    """GET /clusters/<key>: read afresh; nothing is written."""
    home = await house()
    if not await home.reconciler.scope.contains(cluster.subscription):
        raise NotFound("There is no such cluster in MUSTER_SCOPE.")
    policy = await home.reconciler.generations.current()
    seen, decision = await preview(home.reconciler, cluster, policy)
    if seen.gone:
        raise NotFound("The cluster does not exist.")
    view = decision_view(decision, seen)
    intent, memory = seen.intent, seen.memory
    view |= {
        "key": cluster.key,
        "id": str(cluster),
        "decision": {name: view[name] for name in ("action", "intended", "reason", "why")},
        "attempts": memory.attempts,
        "lastLook": memory.looked_at.isoformat() if memory.looked_at else None,
        "lastChange": memory.changed_at.isoformat() if memory.changed_at else None,
        "intent": intent
        and {
            "word": intent.word.value,
            "who": intent.who,
            "why": intent.why,
            "at": intent.at.isoformat(),
            "until": intent.until.isoformat() if intent.until else None,
        },
        "history": await home.history.of(cluster),
    }
    return answer(view, headers={"ETag": weak_tag(_lasting(view))})


def _lasting(view: dict[str, Any]) -> dict[str, Any]:
    """The view without the moments that only say when this reading was taken: the next one changes them and no more."""
    state, found = view["state"] | {"verifiedAt": None}, view["verification"]
    if state["hold"] is not None:
        state["hold"] = state["hold"] | {"next": None}
    return view | {"nextLook": None, "state": state, "verification": found and found | {"at": None}}


async def fleet_figures(params: Mapping[str, str]) -> func.HttpResponse:
    """GET /compliance."""
    asked = read_query(ComplianceQuery, params)
    home = await house()
    as_of, lines = await home.inventory.lines()
    if asked.view:
        lines = [line for line in lines if needs_attention(line)]
    if asked.format == "csv":
        return func.HttpResponse(_csv(lines), mimetype="text/csv")
    body: dict[str, Any] = {"asOf": as_of, **figures(lines, home.clock())}
    if asked.view:
        body["items"] = [line.plain() for line in lines]
    return answer(body)


def _csv(lines: list[Line]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "kind", "management", "condition", "hold", "profile", "rule", "version", "reason"])
    for line in lines:
        hold = line.state.hold.code.value if line.state.hold else ""
        cells = [
            str(line.cluster),
            line.cluster.kind.value,
            line.state.management.value,
            line.state.condition.value,
            hold,
            line.profile or "",
            line.rule or "",
            line.version or "",
            line.reason,
        ]
        writer.writerow([_inert(cell) for cell in cells])
    return text.getvalue()


def _inert(cell: str) -> str:
    """A cell that a spreadsheet shows and does not compute."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


async def policy_in_force() -> func.HttpResponse:
    """GET /policy."""
    standing = await (await house()).reconciler.generations.standing()
    return answer(
        {
            "digest": standing.digest,
            "generation": standing.generation,
            "since": standing.since,
            "refused": standing.refused,
            "stale": standing.stale or None,
            "pending": standing.pending
            and {
                "digest": standing.pending.digest,
                "approval": standing.pending.approval,
                "reason": standing.pending.reason,
            },
        }
    )
