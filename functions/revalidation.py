"""An answer that a caller has already is not sent again: ETag, If-None-Match and 304 (RFC 9110, 8.8.3 and 13.1.2)."""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import wraps
from typing import Any

import azure.functions as func

from functions.answers import Handler

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
# Whoever keeps an answer asks before he uses it again; nobody between may keep it for others.
_CACHING = "private, no-cache"


def revalidated(handler: Handler) -> Handler:
    """Give the answer an ETag over its content, unless the handler gave one, and 304 to whoever has it already."""

    @wraps(handler)
    async def told(req: func.HttpRequest) -> func.HttpResponse:
        full = await handler(req)
        if full.status_code != 200:
            return full
        tag = full.headers.get("ETag") or f'"{_digest(full.get_body())}"'
        headers = {"ETag": tag, "Cache-Control": _CACHING}
        if _holds(req.headers.get("If-None-Match"), tag):
            return func.HttpResponse(status_code=304, headers=headers, mimetype=full.mimetype)
        for name, value in headers.items():
            full.headers[name] = value
        return full

    return told


def weak_tag(body: Mapping[str, Any]) -> str:
    """The tag of an answer that means the same whenever this part of it is the same."""
    return f'W/"{_digest(json.dumps(body, sort_keys=True).encode())}"'


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]


def _holds(given: str | None, tag: str) -> bool:
    """Whether If-None-Match names the tag; weak and strong ones are compared alike."""
    if given is None:
        return False
    if given.strip() == "*":
        return True
    return tag.removeprefix("W/") in _TAG.findall(given)
