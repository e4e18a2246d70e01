"""Recordings of the fleet over HTTP: have one taken, read it."""

from collections.abc import Mapping

import azure.functions as func

from functions.answers import Conflicting, NotFound, answer
from functions.queries import RecordingQuery, read_query
from functions.requests import RecordingRequest, read
from shared.composition import house
from shared.fleet.planner import READY, Wish, is_recording
from shared.model.plan_message import is_plan_id


async def ask_for_recording(raw: bytes, who: str) -> func.HttpResponse:
    """POST /recordings."""
    read(RecordingRequest, raw)
    name = await (await house()).planner.begin(Wish(who, recording=True))
    place = f"/api/recordings/{name}"
    return answer({"id": name, "status": "making", "href": place}, status=202, headers={"Location": place})


async def show_recording(name: str, params: Mapping[str, str]) -> func.HttpResponse:
    """GET /recordings/<id>: how it stands, or with format=gzip the recording itself."""
    asked = read_query(RecordingQuery, params)
    planner = (await house()).planner
    found = await planner.of(name) if is_plan_id(name) else None
    if found is None or not is_recording(found.body):
        raise NotFound("There is no such recording. Recordings are kept for a day.")
    if asked.format != "gzip":
        return answer({key: value for key, value in found.body.items() if key not in {"texts", "cluster", "recording"}})
    if found.body["status"] != READY:
        raise Conflicting(f"The recording is not ready: it is {found.body['status']}.")
    content = await planner.plans.content(name)
    if content is None:
        raise NotFound("The content of the recording is gone. Take another one.")
    return func.HttpResponse(content, mimetype="application/gzip")
