"""The answers of the API: JSON, and problems as RFC 9457 says."""

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import azure.functions as func

from shared import logs
from shared.errors import (
    Absent,
    AzureError,
    ConfigurationError,
    InvalidClusterId,
    MusterError,
    PolicyError,
    RequestError,
    Retry,
    ScopeUnknown,
    SettingsError,
    StorageError,
)

Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


class Conflicting(RequestError):
    """The request contradicts what stands: 409."""


class NotFound(RequestError):
    """There is no such thing: 404."""


class Unauthenticated(RequestError):
    """Nobody vouches for the caller: 401."""


class Forbidden(RequestError):
    """The caller is known and may not do this: 403."""


class Unprocessable(RequestError):
    """Well-formed, but it cannot be done: 422."""


class AtWork(Conflicting):
    """The same request, sent before, is still being worked on: 409, and worth another try."""

    retry = Retry.SOON

    def __init__(self, message: str, *, retry_after: float = 10.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AnotherRequest(Unprocessable):
    """The Idempotency-Key stands for another request: 422."""


# The first class that fits decides; the order is from the special to the general.
_STATUS: tuple[tuple[type[MusterError], int], ...] = (
    (Conflicting, 409),
    (NotFound, 404),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (Unprocessable, 422),
    (InvalidClusterId, 400),
    (RequestError, 400),
    (SettingsError, 422),
    (PolicyError, 503),
    (Absent, 404),
    (ScopeUnknown, 503),
    (StorageError, 503),
    (AzureError, 503),
    (ConfigurationError, 503),
)


def answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False), status_code=status, headers=headers, mimetype="application/json"
    )


def status_of(error: MusterError) -> tuple[int, str]:
    """The status that an error is answered with, and its title."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    return status, HTTPStatus(status).phrase


def problem(error: MusterError) -> func.HttpResponse:
    """An error as problem+json: what is wrong, where, and whether to try again."""
    status, title = status_of(error)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": error.message,
        "code": type(error).__name__,
        "retry": error.retry.value,
    }
    findings = getattr(error, "findings", ())
    if findings:
        body["errors"] = [{"field": finding.where, "message": finding.message} for finding in findings]
    headers = {}
    if status == 503 or isinstance(error, AtWork):
        headers["Retry-After"] = str(max(1, round(error.retry_after or 30)))
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False),
        status_code=status,
        headers=headers,
        mimetype="application/problem+json",
    )


def problems_told(handler: Handler) -> Handler:
    """Answer with a problem where the handler raises one of our errors; never with a traceback."""

    @wraps(handler)
    async def told(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except MusterError as error:
            logs.event("request-refused", route=handler.__name__, code=type(error).__name__, reason=error.message)
            return problem(error)

    return told
