"""The one key of devhost: it stands for the function, host, master and system keys of the Functions host."""

import hmac

from aiohttp import web

__all__ = ["has_key"]


def has_key(request: web.Request, key: str) -> bool:
    """Whether the request carries the key, as header `x-functions-key` or as query parameter `code`."""
    given = request.headers.get("x-functions-key") or request.query.get("code") or ""
    return hmac.compare_digest(given.encode(), key.encode())
