"""What the API shows: lists, one cluster, figures, the policy in force."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import azure.functions as func

from functions.answers import NotFound, answer
from functions.paging import page_of
from functions.queries import AuditQuery, ClusterQuery, ComplianceQuery, read_query
from functions.revalidation import weak_tag
from functions.steering import shown, waiting
from shared.composition import House, house
from shared.fleet.choosing import selected
from shared.fleet.compliance import Line, needs_attention
from shared.fleet.snapshot import Entry
from shared.model.gates import scopes_of
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb
from shared.reconcile.preview import nearly, preview, ring_of_seen
from shared.report.explanation import exit_code, explanation
from shared.report.needs import needs_of
from shared.report.rules import rules_view
from shared.report.views import decision_view


async def clusters_asked_for(params: Mapping[str, str]) -> func.HttpResponse:
    """GET /clusters: the fleet, or with `id` one cluster."""
    asked = read_query(ClusterQuery, params)
    return await (one_cluster(ClusterId.parse(asked.id)) if asked.id else _list(asked))


async def _list(asked: ClusterQuery) -> func.HttpResponse:
    fleet = await (await house()).inventory.fleet()
    body = _page(selected(fleet.entries, asked.filters()), asked)
    return answer({"asOf": fleet.as_of.isoformat() if fleet.as_of else None, **body})


def _page(chosen: Sequence[Entry], asked: ClusterQuery | ComplianceQuery) -> dict[str, Any]:
    """The items of one page, and where the next one begins."""
    entries, following = page_of(chosen, lambda entry: entry.id, asked.limit, asked.continuation)
    body: dict[str, Any] = {"items": [Line.read(entry).plain() for entry in entries]}
    return body | ({"continuation": following} if following else {})


async def one_cluster(cluster: ClusterId) -> func.HttpResponse:
    """GET /clusters/<key>."""
    view = await cluster_view(await house(), cluster)
    return answer(view, headers={"ETag": weak_tag(_lasting(view))})


async def cluster_view(home: House, cluster: ClusterId) -> dict[str, Any]:
    """One cluster as it is shown: read afresh; nothing is written.

    Raises:
        NotFound: it lies outside the scope, or does not exist.
    """
    if not await home.reconciler.scope.contains(cluster.subscription):
        raise NotFound("There is no such cluster in MUSTER_SCOPE.")
    policy = await home.reconciler.generations.current()
    seen, decision = await preview(home.reconciler, cluster, policy)
    if seen.gone:
        raise NotFound("The cluster does not exist.")
    view = decision_view(decision, seen)
    intent, memory = seen.intent, seen.memory
    changes = nearly(policy, seen, home.clock())
    view |= {
        "key": cluster.key,
        "id": str(cluster),
        "decision": {name: view[name] for name in ("action", "intended", "reason", "why")},
        "attempts": memory.attempts,
        "lastLook": memory.looked_at.isoformat() if memory.looked_at else None,
        "lastChange": memory.changed_at.isoformat() if memory.changed_at else None,
        "anewSince": memory.anew_since.isoformat() if memory.anew_since else None,
        "intent": intent
        and {
            "word": intent.word.value,
            "who": intent.who,
            "why": intent.why,
            "at": intent.at.isoformat(),
            "until": intent.until.isoformat() if intent.until else None,
        },
        "pauses": await _pauses(home, cluster, ring_of_seen(policy, seen)),
        "nearly": list(map(str, changes)),
        "history": await home.history.of(cluster),
        "explanation": {"lines": list(explanation(seen, decision, changes)), "code": exit_code(decision)},
    }
    return view


async def _pauses(home: House, cluster: ClusterId, ring: str) -> list[dict[str, Any]]:
    """The pauses that cover a cluster, as GET /pauses shows them."""
    now, covered = home.clock(), scopes_of(ring, cluster.key)
    words = await home.intents.fleet()
    return [
        shown(word) for word in words if word.verb is FleetVerb.PAUSE and word.stands(now) and word.subject in covered
    ]


def _lasting(view: dict[str, Any]) -> dict[str, Any]:
    """The view without the moments that only say when this reading was taken: the next one changes them and no more."""
    state, found = view["state"] | {"verifiedAt": None}, view["verification"]
    if state["hold"] is not None:
        state["hold"] = state["hold"] | {"next": None}
    again = {"nextLook": None, "explanation": None, "verification": found and found | {"at": None}}
    return view | {"state": state} | again


async def fleet_figures(params: Mapping[str, str]) -> func.HttpResponse:
    """GET /compliance."""
    asked = read_query(ComplianceQuery, params)
    home = await house()
    if asked.format == "html":
        from functions.page_views import overview_of
        from shared.report.rendering import report

        return func.HttpResponse(report(**await overview_of(home)), mimetype="text/html")
    fleet = await home.inventory.fleet()
    if asked.view == "attention":
        fleet = replace(fleet, entries=[entry for entry in fleet.entries if needs_attention(entry)])
    if asked.format == "csv":
        return func.HttpResponse(_csv(map(Line.read, fleet.entries)), mimetype="text/csv")
    body = fleet.plain(home.clock())
    if asked.view == "attention":
        body |= _page(fleet.entries, asked)
    elif asked.view == "needs":
        standing = await home.reconciler.generations.standing()
        needs = needs_of(fleet.entries, await waiting(home, fleet), standing)
        body["needs"] = [each.plain() for each in needs]
    return answer(body)


def _csv(lines: Iterable[Line]) -> str:
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


async def audit_trail(params: Mapping[str, str]) -> func.HttpResponse:
    """GET /audit: the days; with `day` its lines as texts, byte for byte, since their hashes are over that."""
    asked, trail = read_query(AuditQuery, params), (await house()).trail
    if not asked.day:
        return answer({"days": await trail.days()})
    lines, after = await trail.page(asked.day, int(asked.continuation or 0))
    # What somebody put there may be no text at all; whatever it is read as, its hash will not fit.
    body: dict[str, Any] = {"day": asked.day, "lines": [line.decode(errors="replace") for line in lines]}
    if after is not None:
        body["continuation"] = str(after)
    return answer(body)


async def policy_in_force() -> func.HttpResponse:
    """GET /policy."""
    home = await house()
    standing = await home.reconciler.generations.standing()
    policy, fleet = await home.reconciler.generations.current(), await home.inventory.fleet()
    return answer(
        {
            "digest": standing.digest,
            "generation": standing.generation,
            "since": standing.since,
            "by": standing.by,
            "refused": standing.refused,
            "stale": standing.stale or None,
            "pending": standing.pending
            and {
                "digest": standing.pending.digest,
                "approval": standing.pending.approval,
                "reason": standing.pending.reason,
            },
            "rules": rules_view(policy, fleet.entries, await home.inventory.kept()),
            "exceptions": [
                {
                    "key": each.cluster.key,
                    "cluster": str(each.cluster),
                    "until": each.until.isoformat(),
                    "owner": each.owner,
                    "ticket": each.ticket or None,
                    "exempt": each.exempt,
                }
                for each in policy.exceptions
            ],
        }
    )
