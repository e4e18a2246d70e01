"""What the API shows: lists, one cluster, figures, the policy in force."""

import base64
import binascii
import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func

from functions.answers import NotFound, answer
from shared.composition import house
from shared.errors import Finding, RequestError
from shared.fleet.compliance import Line, needs_attention
from shared.fleet.figures import figures
from shared.model.identity import ClusterId
from shared.reconcile.preview import preview
from shared.report.views import decision_view

_DEFAULT_LIMIT, _LARGEST_LIMIT = 100, 1000

_FILTERS: dict[str, Callable[[Line], str]] = {
    "management": lambda line: line.state.management.value,
    "condition": lambda line: line.state.condition.value,
    "hold": lambda line: line.state.hold.code.value if line.state.hold else "none",
    "profile": lambda line: line.profile or "none",
    "kind": lambda line: line.cluster.kind.value,
    "subscription": lambda line: line.cluster.subscription,
}


async def list_clusters(params: Mapping[str, str]) -> func.HttpResponse:
    """GET /clusters."""
    limit, after = limit_of(params.get("limit")), position_of(params.get("continuation"))
    as_of, lines = await (await house()).inventory.lines()
    chosen = [line for line in lines if _fits(line, params) and str(line.cluster) > after]
    body: dict[str, Any] = {"items": [line.plain() for line in chosen[:limit]], "asOf": as_of}
    if len(chosen) > limit:
        last = str(chosen[limit - 1].cluster)
        body["continuation"] = position_text(last)
    return answer(body)


def _fits(line: Line, params: Mapping[str, str]) -> bool:
    wanted = params.get("q", "").lower()
    if wanted and wanted not in str(line.cluster):
        return False
    return all(value(line).lower() == params[name].lower() for name, value in _FILTERS.items() if params.get(name))


def limit_of(text: str | None) -> int:
    """How many items a page holds.

    Raises:
        RequestError: not so many.
    """
    if text is None:
        return _DEFAULT_LIMIT
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST_LIMIT:
        raise RequestError(
            "The limit cannot be used.", (Finding("limit", f"a whole number from 1 to {_LARGEST_LIMIT}"),)
        )
    return int(text)


def position_text(last: str) -> str:
    """The continuation behind the last id of a page."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def position_of(text: str | None) -> str:
    """The last id of the page before; "" at the beginning.

    Raises:
        RequestError: the continuation came from no answer.
    """
    if not text:
        return ""
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
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
    return answer(view)


async def fleet_figures(params: Mapping[str, str]) -> func.HttpResponse:
    """GET /compliance."""
    form, view = params.get("format", "json"), params.get("view")
    if form not in {"json", "csv"}:
        raise RequestError("The format is not known.", (Finding("format", "json or csv"),))
    if view not in {None, "", "attention"}:
        raise RequestError("The view is not known.", (Finding("view", "attention"),))
    home = await house()
    as_of, lines = await home.inventory.lines()
    if view:
        lines = [line for line in lines if needs_attention(line)]
    if form == "csv":
        return func.HttpResponse(_csv(lines), mimetype="text/csv")
    body: dict[str, Any] = {"asOf": as_of, **figures(lines, home.clock())}
    if view:
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
