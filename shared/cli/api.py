"""The API as the command line asks it: what changes something goes through the same door as everybody's word.

Where it is and how to get in stand in the environment, never on the command line, which others can read:
MUSTER_API_URL; MUSTER_API_KEY, a function key; and where Entra stands before the API, MUSTER_API_AUDIENCE, for which a
token is had by the login of az or a managed identity.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from shared.errors import ConfigurationError, Finding, NotAuthorized, RequestError, Unavailable

if TYPE_CHECKING:
    import aiohttp

_TIMEOUT = 60.0
_EVERY = 1.0


def path(*parts: str, **query: str | None) -> str:
    """A path below /api, every part of it and of its query escaped."""
    below = "/".join(quote(part, safe="") for part in parts)
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return f"/api/{below}{'?' if asked else ''}{asked}"


def ask(method: str, where: str, body: Mapping[str, Any] | None = None, *, within: float = _TIMEOUT) -> Any:
    """One request; its answer as JSON. `within` are seconds.

    Raises:
        ConfigurationError: the environment does not say where the API is.
        NotAuthorized: the key or the token is missing, wrong, or not enough.
        RequestError: the API refused, and says what is wrong.
        Unavailable: there is no answer, or none of Muster's.
    """
    try:
        return json.loads(asyncio.run(_asked(method, where, body, within)))
    except ValueError as error:
        raise Unavailable(f"What answers at {os.environ.get('MUSTER_API_URL', '')} is not Muster.") from error


def text(where: str) -> str:
    """What is no JSON: a report, say. Raises as `ask`."""
    return fetched(where).decode(errors="replace")


def fetched(where: str) -> bytes:
    """What is no text: a file. Raises as `ask`."""
    return asyncio.run(_asked("GET", where, None, _TIMEOUT))


async def _asked(method: str, where: str, body: Mapping[str, Any] | None, within: float) -> bytes:
    import aiohttp

    base = os.environ.get("MUSTER_API_URL", "").rstrip("/")
    if not base:
        raise ConfigurationError("MUSTER_API_URL is not set: the address of the function app, such as https://<app>.")
    if not base.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ConfigurationError("MUSTER_API_URL must be an https URL: keys and tokens are not sent in clear.")
    headers = await _entrance()
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=within), trust_env=True) as session,
            session.request(method, base + where, json=body, headers=headers, allow_redirects=False) as answer,
        ):
            return await _read(answer, base)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(f"{base} did not answer ({type(error).__name__}). Check MUSTER_API_URL.") from error


async def _entrance() -> dict[str, str]:
    headers = {}
    key, audience = os.environ.get("MUSTER_API_KEY", ""), os.environ.get("MUSTER_API_AUDIENCE", "")
    if key:
        headers["x-functions-key"] = key
    if audience:
        from shared.azure.credentials import credential
        from shared.azure.failures import typed

        async with credential(os.environ.get("AZURE_CLIENT_ID", "")) as identity, typed("give a token for the API"):
            token = await identity.get_token(f"{audience.rstrip('/')}/.default")
        headers["Authorization"] = f"Bearer {token.token}"
    return headers


async def _read(answer: "aiohttp.ClientResponse", base: str) -> bytes:
    """The body of an answer. What refuses is a problem in JSON, or does not come from Muster."""
    content = await answer.read()
    if answer.status < 300:
        return content
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if answer.status in {401, 403}:
        raise NotAuthorized(
            f"{base} refuses the caller ({answer.status}). Check MUSTER_API_KEY, and MUSTER_API_AUDIENCE where Entra "
            "stands before the API."
        )
    if body is None:
        raise Unavailable(f"What answers at {base} is not Muster ({answer.status}).")
    detail = str(body.get("detail", "")) if isinstance(body, dict) else ""
    findings = tuple(
        Finding(str(each.get("field", "")), str(each.get("message", ""))) for each in body.get("errors", ())
    )
    told_by = " ".join(f"{each.where}: {each.message}." for each in findings if each.message not in detail)
    message = f"{detail} {told_by}".strip() or f"The API answered {answer.status}."
    raise Unavailable(message) if answer.status >= 500 else RequestError(message, findings)


def cluster_key(cluster: str) -> str:
    """The API's key of a cluster that is named by its ARM id, or by its name where only one has it.

    Raises:
        RequestError: it is none, or several are meant.
        MusterError: the API could not be asked.
    """
    from shared.model.identity import ClusterId

    if cluster.startswith("/"):
        return ClusterId.parse(cluster).key
    items = ask("GET", path("clusters", q=cluster.lower(), limit="1000"))["items"]
    found = [each for each in items if each["name"].lower() == cluster.lower()]
    if len(found) > 1:
        ids = "; ".join(each["id"] for each in found[:5])
        raise RequestError(f"{len(found)} clusters are called {cluster}: give the ARM id. {ids}")
    if not found:
        raise RequestError(f"No cluster that Muster knows is called {cluster}.")
    return str(found[0]["key"])


def awaited(what: str, where: str, wait: int) -> Any:
    """What is made in the background, once it is.

    Raises:
        Unavailable: it is not made in time.
        RequestError: it could not be made.
    """
    until, waiting = time.monotonic() + wait, sys.stderr.isatty()
    body = ask("GET", where)
    while body["status"] == "making":
        if time.monotonic() > until:
            raise Unavailable(
                f"The {what} {body['id']} was not made within {wait} seconds; look for it later, or wait longer."
            )
        if waiting:
            print(".", end="", file=sys.stderr, flush=True)
        time.sleep(_EVERY)
        body = ask("GET", where)
    if waiting:
        print(file=sys.stderr)
    if body["status"] != "ready":
        raise RequestError(f"The {what} could not be made: {body['failure']}")
    return body
