"""One request, done once, however often it is sent: the header Idempotency-Key.

A caller who got no answer does not know whether his request was done. Sent again under the same key it is answered as
the first time. Only what was done is kept; what was refused, or failed, was not done and uses no key up. Without the
header nothing of this happens. Why doing twice would be harmless all the same, where a crash comes between doing and
keeping: docs/api.md.
"""

import hashlib
import re
from functools import wraps
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import azure.functions as func

from functions.answers import AnotherRequest, AtWork, Handler
from functions.callers import admitted
from shared import logs
from shared.errors import Finding, RequestError, StorageError

if TYPE_CHECKING:
    from shared.state.kept import Answered, KeptAnswers, Turn

HEADER = "Idempotency-Key"
# 1 to 200 printable characters; blanks at the ends never arrive.
KEY = r"^[!-~]([ -~]{0,198}[!-~])?$"
_REPLAYED = "Idempotency-Replayed"


def once(handler: Handler) -> Handler:
    """Do a request with an Idempotency-Key once, and answer the next of the kind by what was kept."""

    @wraps(handler)
    async def told(req: func.HttpRequest) -> func.HttpResponse:
        name = name_of(req)
        if name is None:
            return await handler(req)
        from shared.composition import house
        from shared.state.kept import Answered, Refusal

        home = await house()
        begun = await home.answers.begin(name, _request(req), home.clock())
        if begun is Refusal.AT_WORK:
            raise AtWork("The first request with this Idempotency-Key is still being worked on.")
        if begun is Refusal.ANOTHER_REQUEST:
            raise AnotherRequest(
                "This Idempotency-Key came with another request before.", (Finding(HEADER, "use a new one"),)
            )
        if isinstance(begun, Answered):
            return _again(begun)
        return await _done(handler, req, home.answers, begun)

    return told


def name_of(req: func.HttpRequest) -> str | None:
    """The hash of the caller and his Idempotency-Key; None where he gave none.

    Raises:
        Forbidden: he may not call at all.
        RequestError: the key cannot be one.
    """
    identity = admitted(req).identity
    given = req.headers.get(HEADER)
    if given is None:
        return None
    if not re.fullmatch(KEY, given):
        raise RequestError(
            "The Idempotency-Key cannot be used.", (Finding(HEADER, "must be 1 to 200 printable ASCII characters"),)
        )
    return _hash(identity.encode(), given.encode())


async def _done(handler: Handler, req: func.HttpRequest, answers: "KeptAnswers", turn: "Turn") -> func.HttpResponse:
    try:
        given = await handler(req)
    except Exception:
        await _settled(answers, turn, None)
        raise
    await _settled(answers, turn, given if given.status_code < 300 else None)
    return given


async def _settled(answers: "KeptAnswers", turn: "Turn", given: func.HttpResponse | None) -> None:
    from shared.state.kept import Answered

    try:
        if given is None:
            await answers.release(turn)
        else:
            headers = dict(given.headers.items())
            await answers.keep(turn, Answered(given.status_code, given.mimetype, headers, given.get_body()))
    except StorageError as error:
        # What was done is done, and answered; under this key it may be done once more, after ten minutes.
        logs.event("request-not-kept", reason=error.message)


def _again(kept: "Answered") -> func.HttpResponse:
    headers = {**kept.headers, _REPLAYED: "true"}
    return func.HttpResponse(kept.body, status_code=kept.status, headers=headers, mimetype=kept.mimetype)


def _request(req: func.HttpRequest) -> str:
    return _hash(req.method.encode(), urlsplit(req.url).path.encode(), req.get_body())


def _hash(*parts: bytes) -> str:
    """One hash of several texts; each by its own, so that no two lists of texts look alike."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
