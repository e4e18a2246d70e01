"""What /health says: anonymous, so it names settings and codes but no cluster and no value."""

from typing import Any

from shared import logs
from shared.errors import MusterError


async def report_health() -> tuple[int, dict[str, Any]]:
    """The status code and the body: 200 where everything works, 503 with what to do where something does not."""
    from shared.config import Settings

    body: dict[str, Any] = {"status": "ok", "counters": logs.counts(), "problems": []}
    try:
        settings = Settings.read()
        body |= {"mode": settings.mode.value, "stopped": settings.stop, "instance": settings.instance}
        body["policy"] = await _policy(body["problems"])
        await _rights(body["problems"])
    except MusterError as error:
        body["problems"].append({"code": type(error).__name__, "message": error.message})
        body["status"] = "failing"
    if body["problems"] and body["status"] == "ok":
        body["status"] = "degraded"
    return (503 if body["status"] == "failing" else 200), body


async def _policy(problems: list[dict[str, str]]) -> dict[str, Any]:
    from shared.composition import house

    standing = await (await house()).reconciler.generations.standing()
    if standing.refused is not None:
        count = len(standing.refused["findings"])
        problems.append(
            {
                "code": "PolicyRefused",
                "message": f"The policy document on offer has {count} finding(s) and was refused; generation "
                f"{standing.generation} stays in force. GET /api/policy names them; mend the document.",
            }
        )
    if standing.pending is not None:
        message = f"The policy document on offer waits ({standing.pending.approval}): {standing.pending.reason}"
        problems.append({"code": "PolicyPending", "message": message})
    if standing.stale:
        problems.append({"code": "PolicyStale", "message": standing.stale})
    return {
        "digest": standing.digest,
        "generation": standing.generation,
        "since": standing.since,
        "refused": standing.refused and {"digest": standing.refused["digest"], "at": standing.refused["at"]},
    }


async def _rights(problems: list[dict[str, str]]) -> None:
    from shared.composition import house

    at = await (await house()).reconciler.recorder.rights.refused_at()
    if at is not None:
        problems.append(
            {
                "code": "NotAuthorized",
                "message": f"Azure last refused a request for want of a role at {at.isoformat(timespec='seconds')}. "
                "Grant Muster's identity its role on every subscription of MUSTER_SCOPE; the log names the action "
                "and the scope.",
            }
        )
