"""Azure's failures in our words.

Never by status code alone: a failed operation arrives with status 200, and every 409 is
ResourceExistsError to azure-core, MissingSubscriptionRegistration included. Azure's own code and
message decide (azure-core 1.41, observed against a local ARM).
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from shared.errors import Absent, AzureError, InProgress, NotAuthorized, Refused, Throttled, Unavailable

_LONGEST_MESSAGE = 600
# Resource Graph's tail: a moment and a correlation id.
_FOR_SUPPORT = re.compile(r"Please provide below info when asking for support:.*", re.DOTALL)

_BY_STATUS: dict[int, type[AzureError]] = {
    401: NotAuthorized,
    403: NotAuthorized,
    404: Absent,
    408: Unavailable,
    409: InProgress,
    412: InProgress,
    429: Throttled,
}
_ADVICE = "Grant Muster's identity its role at this scope."
# These stand until somebody registers the provider, or lifts the lock.
_PERMANENT_CONFLICTS = frozenset({"MissingSubscriptionRegistration", "ScopeLocked"})


@asynccontextmanager
async def typed(what: str) -> AsyncIterator[None]:
    """Turn what azure-core raises into AzureError; `what` completes "Azure refused to ..."."""
    try:
        yield
    except HttpResponseError as error:
        raise from_response(error, what) from error
    except (SdkError, TimeoutError) as error:
        raise Unavailable(f"Azure did not answer when asked to {what} ({type(error).__name__}).") from error


def from_response(error: HttpResponseError, what: str) -> AzureError:
    """One answer of Azure as the error it stands for."""
    code, message = _code_and_message(error)
    status = error.status_code or 0
    text = f"Azure refused to {what}: {status} {code}. {message}".strip()
    details: dict[str, Any] = {
        "code": code,
        "status": status,
        "retry_after": _retry_after(error),
        "details": _detail_codes(error),
    }
    if status == 409 and code in _PERMANENT_CONFLICTS:
        return Refused(text, **details)
    kind = _BY_STATUS.get(status)
    if kind is NotAuthorized:
        text = f"{text} {_ADVICE}"
    if kind is not None:
        return kind(text, **details)
    if isinstance(error, ClientAuthenticationError):
        return NotAuthorized(f"No token could be had to {what}: {message}", **details)
    return Unavailable(text, **details) if status >= 500 else Refused(text, **details)


def _code_and_message(error: HttpResponseError) -> tuple[str, str]:
    told = getattr(error, "error", None)
    if told is not None and getattr(told, "code", None):
        return str(told.code), _steady(str(told.message or ""))
    body = _body(error)
    envelope = body.get("error")
    inner: dict[str, Any] = envelope if isinstance(envelope, dict) else body
    # AKS answers 429 without the "error" envelope.
    return str(inner.get("code") or ""), _steady(str(inner.get("message") or ""))


def _steady(message: str) -> str:
    """Azure's sentence without what is another one each time: a reason that stays the same must read the same."""
    return _FOR_SUPPORT.sub("", message).strip()[:_LONGEST_MESSAGE]


def _detail_codes(error: HttpResponseError) -> tuple[str, ...]:
    envelope = _body(error).get("error")
    listed = envelope.get("details") if isinstance(envelope, dict) else None
    found = [each.get("code") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return tuple(str(code) for code in found if code)


def _body(error: HttpResponseError) -> dict[str, Any]:
    try:
        text = error.response.text() if error.response is not None else ""
        body = json.loads(text)
    except (ValueError, TypeError, AttributeError):
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after(error: HttpResponseError) -> float | None:
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    for name in ("Retry-After", "x-ms-user-quota-resets-after"):
        value = headers.get(name)
        if value:
            return _seconds(value)
    return None


def _seconds(text: str) -> float | None:
    """Seconds as a number, or hh:mm:ss as Resource Graph writes them."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        return None
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total
