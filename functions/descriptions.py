"""What /openapi.json says of each route: one entry of OPERATIONS per route, and nothing anywhere else.

A new route in functions/api.py needs its entry here; tests/unit/functions/test_openapi.py asks for it. What all routes
share (who may call, ETags, Idempotency-Key, the problems that any of them may answer) is said once, in
functions/openapi.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from functions import fleet_responses, plan_responses, queries, requests, responses


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a route.

    Attributes:
        form: a form of functions/responses.py, or several of which it is one.
        what: in words.
        located: it tells a place, in the header Location.
        texts: other kinds of content that it may be as well.
    """

    form: Any
    what: str
    located: bool = False
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    Attributes:
        function: its function in functions/api.py.
        path: below /api; the parameters in it are those of PARAMETERS.
        answers: what it answers where all is well, by status.
        refusals: the problems that it may answer besides those of every route (functions/openapi.py).
        query: the model that reads its query parameters.
        body: the model that reads its body.
        needs_body: False where an empty body stands for one without fields.
        revalidated: it gives an ETag.
        open: anybody may call it.
    """

    function: str
    method: str
    path: str
    summary: str
    answers: Mapping[int, Answer]
    refusals: tuple[int, ...] = ()
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    needs_body: bool = True
    revalidated: bool = False
    open: bool = field(default=False, kw_only=True)


# The parameters that stand in paths.
PARAMETERS: Mapping[str, Any] = {"key": responses.Key, "id": responses.WordId}

_ASKED = Answer(responses.Asked, "A look was asked for; the cluster shows what came of it.", located=True)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "install",
        "POST",
        "/installs",
        "Enrol a cluster by hand and ask for a look; with dryRun say what would be done.",
        {200: Answer(responses.DryRun, "With dryRun: what would be done."), 202: _ASKED},
        (404, 409, 422),
        body=requests.Install,
    ),
    Operation(
        "clusters",
        "GET",
        "/clusters",
        "The fleet, filtered and paged; with id one cluster.",
        {200: Answer(responses.ClusterPage | responses.ClusterDetail, "A page; with id one cluster.")},
        (404,),
        query=queries.ClusterQuery,
        revalidated=True,
    ),
    Operation(
        "cluster",
        "GET",
        "/clusters/{key}",
        "One cluster, read afresh: facts, decision and why, settings with origins, history.",
        {200: Answer(responses.ClusterDetail, "The cluster.")},
        (404,),
        revalidated=True,
    ),
    Operation(
        "uninstall",
        "POST",
        "/clusters/{key}/uninstall",
        "Remove the extension and keep it removed.",
        {202: _ASKED},
        (404, 422),
        body=requests.Uninstall,
    ),
    Operation(
        "look",
        "POST",
        "/clusters/{key}/reconcile",
        "Ask for a look at one cluster.",
        {202: _ASKED},
        (422,),
        body=requests.Look,
        needs_body=False,
    ),
    Operation(
        "withdraw",
        "DELETE",
        "/clusters/{key}/intent",
        "Withdraw a person's word about one cluster; tags and rules decide again.",
        {202: _ASKED},
        (404, 422),
    ),
    Operation(
        "pause",
        "POST",
        "/pauses",
        "Pause the fleet, a ring or a cluster.",
        {201: Answer(responses.Pause, "The pause.", located=True)},
        body=requests.PauseRequest,
    ),
    Operation("pauses", "GET", "/pauses", "The pauses that stand.", {200: Answer(responses.Pauses, "The pauses.")}),
    Operation(
        "resume",
        "DELETE",
        "/pauses/{id}",
        "End a pause.",
        {200: Answer(responses.Ended, "It has ended.")},
        (404,),
    ),
    Operation(
        "approvals",
        "GET",
        "/approvals",
        "What waits for an approval, and what was given.",
        {200: Answer(responses.Approvals, "Both; what waits by pages.")},
        query=queries.ApprovalsQuery,
    ),
    Operation(
        "approve",
        "POST",
        "/approvals/{id}",
        "Approve what waits, or take an approval back.",
        {
            200: Answer(responses.Withdrawn, "The approval was taken back."),
            202: Answer(responses.Approval, "It is approved; what waited is looked at again."),
        },
        (404,),
        body=requests.ApprovalRequest,
    ),
    Operation(
        "plan",
        "POST",
        "/plans",
        "Have a plan made in the background; against another policy than the one in force, where one is sent.",
        {202: Answer(plan_responses.PlanBegun, "It is being made.", located=True)},
        (422,),
        body=requests.PlanRequest,
        needs_body=False,
    ),
    Operation(
        "planned",
        "GET",
        "/plans/{id}",
        "A plan: what would be done, item by item, and when it would be done.",
        {200: Answer(plan_responses.Plan, "The plan as it stands.")},
        (404,),
        query=queries.PlanQuery,
    ),
    Operation(
        "apply",
        "POST",
        "/plans/{id}/apply",
        "Ask for what a plan says; what has changed since is left out.",
        {202: Answer(plan_responses.PlanTaken, "What was asked for, and what was left out.")},
        (404, 409),
        body=requests.ApplyRequest,
        needs_body=False,
    ),
    Operation(
        "record",
        "POST",
        "/recordings",
        "Have the fleet recorded in the background, to plan without Azure.",
        {202: Answer(plan_responses.RecordingBegun, "It is being taken.", located=True)},
        body=requests.RecordingRequest,
        needs_body=False,
    ),
    Operation(
        "recorded",
        "GET",
        "/recordings/{id}",
        "A recording of the fleet: how it stands, or its file.",
        {
            200: Answer(
                plan_responses.Recording,
                "How it stands; with format=gzip the file, lines of JSON, compressed.",
                texts=("application/gzip",),
            )
        },
        (404, 409),
        query=queries.RecordingQuery,
    ),
    Operation(
        "compliance",
        "GET",
        "/compliance",
        "The figures of the fleet, or what needs a person.",
        {
            200: Answer(
                fleet_responses.Compliance,
                "The figures; as CSV one line per cluster; as HTML the overview.",
                texts=("text/csv", "text/html"),
            )
        },
        query=queries.ComplianceQuery,
        revalidated=True,
    ),
    Operation(
        "audit",
        "GET",
        "/audit",
        "The days of the audit trail; with `day` its lines, as they stand there.",
        {200: Answer(fleet_responses.AuditDays | fleet_responses.AuditLines, "The days, or a page of lines.")},
        query=queries.AuditQuery,
    ),
    Operation(
        "policy",
        "GET",
        "/policy",
        "The policy in force, and the last document that was refused.",
        {200: Answer(fleet_responses.PolicyInForce, "The policy.")},
        revalidated=True,
    ),
    Operation(
        "openapi",
        "GET",
        "/openapi.json",
        "This document.",
        {200: Answer(dict[str, Any], "The document, OpenAPI 3.1.")},
        revalidated=True,
    ),
    Operation(
        "health",
        "GET",
        "/health",
        "Whether this instance can do its work, and what to do where it cannot.",
        {
            200: Answer(fleet_responses.Health, "It can, or can in part (`degraded`)."),
            503: Answer(fleet_responses.Health, "It cannot."),
        },
        open=True,
    ),
)
