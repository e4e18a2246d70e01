"""Azure Resource Graph: `POST /providers/Microsoft.ResourceGraph/resources`.

Answers a request body as the service does (API version 2024-04-01): scopes, paging by `$skipToken`,
the 16 MiB page, the quota and its headers. The rows come from `graph_tables`, the language from
`graph_query`. Sources: the resourcegraph swagger; Microsoft's "Working with large Azure resource
data sets" and "Guidance for throttled requests in Azure Resource Graph".
"""

import base64
import binascii
import hashlib
import json
import math
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from simulator import graph_query
from simulator.graph_query import InvalidQuery, Result
from simulator.graph_tables import Tables

type Quota = Literal["normal"] | int | None

DOCUMENTED_QUOTA: Final = 15  # queries of one caller in one window
WINDOW_SECONDS: Final = 5.0
MAX_PAGE_ROWS: Final = 1000  # also the default
KEPT_RESULTS: Final = 16  # sequences of pages that can be under way at once

_TABLE_TYPES: Final = {"VARCHAR": "string", "JSON": "object", "BOOLEAN": "boolean", "INTEGER": "integer"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response: status, headers, JSON body."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Page:
    result: Result
    start: int
    stop: int
    as_table: bool
    token: str | None

    def body(self) -> dict[str, Any]:
        total = len(self.result.rows)
        data: Any
        if self.as_table:
            columns = zip(self.result.columns, self.result.types, strict=True)
            data = {
                "columns": [{"name": name, "type": _TABLE_TYPES.get(kind, "number")} for name, kind in columns],
                "rows": self.result.arrays(self.start, self.stop),
            }
        else:
            data = self.result.objects(self.start, self.stop)
        answer = {
            "totalRecords": total,
            "count": max(0, min(total, self.stop) - self.start),
            "data": data,
            "facets": [],
            "resultTruncated": "true" if self.stop < total and self.token is None else "false",
        }
        return answer if self.token is None else {**answer, "$skipToken": self.token}


class ResourceGraph:
    """A Resource Graph whose tables are written by `record` and read by `query`.

    `quota` is "normal" (15 queries per 5 seconds and caller, as documented), another number per
    window, or None: never refused. `page_bytes` is the most that one page may hold. `readable` says of
    an action whether callers hold it.
    """

    def __init__(self, clock: Callable[[], float], *, readable: Callable[[str], bool] = lambda _: True) -> None:
        self._clock, self._readable = clock, readable
        self._tables = Tables(clock)
        self.quota: Quota = "normal"
        self.page_bytes = 16_777_216
        self._windows: dict[str, tuple[float, int]] = {}  # caller -> (start, queries)
        self._kept: OrderedDict[str, Result] = OrderedDict()
        self._queries = 0

    @property
    def lag(self) -> float:
        """Seconds from a change to its being seen by queries."""
        return self._tables.lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        self._tables.lag = seconds

    def record(self, table: str, resource_id: str, row: dict[str, Any] | None) -> None:
        """Note a resource's new row (ARG's columns), or None when it is gone."""
        # Resource Graph shows what its caller may read (Microsoft Learn, "Permissions in Azure Resource Graph").
        if row is None or self._readable(f"{row.get('type')}/read"):
            self._tables.record(table, resource_id, row)

    def freeze(self) -> None:
        """Let queries see no further change until `thaw`."""
        self._tables.freeze()

    def thaw(self) -> None:
        """End `freeze`."""
        self._tables.thaw()

    def query(self, body: dict[str, Any], *, caller: str, visible: Callable[[str], bool]) -> Answer:
        """Answer one request.

        Args:
            body: the request's JSON.
            caller: the principal on whose quota the query goes.
            visible: whether the caller may read a subscription (its id in lower case).
        """
        remaining, resets = self._spend(caller)
        headers = {
            "x-ms-user-quota-remaining": str(max(0, remaining)),
            "x-ms-user-quota-resets-after": resets,
        }
        if remaining < 0:
            return Answer(429, headers, self._error("RateLimiting", _THROTTLED))
        try:
            page = self._page(body, visible).body()
        except InvalidQuery as error:
            return Answer(400, {}, self._error("BadRequest", *error.details))
        size = len(json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode())
        if size > self.page_bytes:
            return Answer(400, {}, self._error("BadRequest", _too_large(size, self.page_bytes)))
        return Answer(200, headers, page)

    def _spend(self, caller: str) -> tuple[int, str]:
        """Take one query from the caller's window: (what remains, below 0 = refused; hh:mm:ss to its end)."""
        now = self._clock()
        start, used = self._windows.get(caller, (now, 0))
        if now - start >= WINDOW_SECONDS:
            start, used = now, 0
        allowed = DOCUMENTED_QUOTA if self.quota in ("normal", None) else int(self.quota)
        remaining = allowed - used - 1
        if self.quota is None:
            remaining = allowed - 1
        elif remaining >= 0:
            used += 1
        self._windows[caller] = (start, used)
        return remaining, f"00:00:{math.ceil(start + WINDOW_SECONDS - now):02d}"

    def _page(self, body: dict[str, Any], visible: Callable[[str], bool]) -> _Page:
        options = body.get("options") or {}
        query = body.get("query")
        if not isinstance(query, str) or not query.strip():
            raise _bad("The request has no query.")
        if body.get("facets"):
            raise _bad("This simulator computes no facets.")
        top = _number(options, "$top", 1, MAX_PAGE_ROWS)
        skip = _number(options, "$skip", 0, None)
        as_table = options.get("resultFormat") == "table"
        context = _context(body)
        if options.get("$skipToken") is not None:
            kept, start, size = self._resume(str(options["$skipToken"]), context)
            result = self._kept[kept]
            start = start if skip is None else skip
        else:
            self._tables.advance()
            self._tables.narrow(self._scope(body, visible))
            self._queries += 1
            kept = f"{self._queries}"
            result = graph_query.run(self._tables, query, now=self._clock(), seed=f"{context}/{kept}")
            # $skip counts for nothing where the query limits its rows itself
            start, size = (0 if result.limited else skip or 0), MAX_PAGE_ROWS
        size = top or size
        token = None
        if start + size < len(result.rows) and result.pageable:
            token = _token(kept, start + size, size, context)
            self._keep(kept, result)
        return _Page(result, start, start + size, as_table, token)

    def _scope(self, body: dict[str, Any], visible: Callable[[str], bool]) -> frozenset[str]:
        subscriptions, groups = body.get("subscriptions"), body.get("managementGroups")
        known = self._tables.subscriptions()
        chosen = frozenset(one for one in known if one and visible(one))
        if subscriptions:
            chosen &= {str(one).lower() for one in subscriptions}
        if groups:
            chosen &= self._tables.below([str(group) for group in groups])
        # rows outside of any subscription (management groups) belong to the whole tenant
        return chosen if subscriptions or groups else chosen | {""}

    def _keep(self, kept: str, result: Result) -> None:
        """Hold a result, so that the pages of one sequence show each row once."""
        self._kept[kept] = result
        self._kept.move_to_end(kept)
        while len(self._kept) > KEPT_RESULTS:
            self._kept.popitem(last=False)

    def _resume(self, token: str, context: str) -> tuple[str, int, int]:
        try:
            kept, start, size, made_for = json.loads(base64.b64decode(token, validate=True))
        except (ValueError, binascii.Error) as error:
            raise _bad("The $skipToken cannot be read.") from error
        if made_for != context:
            raise _bad("The $skipToken belongs to another query or scope.")
        if kept not in self._kept:
            raise _bad("The $skipToken has expired.")
        return kept, start, size

    def _error(self, code: str, *details: dict[str, Any]) -> dict[str, Any]:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        message = (
            "Please provide below info when asking for support:"
            f" timestamp = {moment:%Y-%m-%dT%H:%M:%S.%f}0Z, correlationId = {uuid.uuid4()}."
        )
        return {"error": {"code": code, "message": message, "details": list(details)}}


_THROTTLED: Final = {
    "code": "RateLimiting",
    "message": (
        "Client application has been throttled and should not attempt to repeat the request"
        " until an amount of time has elapsed."
    ),
}


def _too_large(size: int, limit: int) -> dict[str, Any]:
    return {
        "code": "ResponsePayloadTooLarge",
        "message": (
            f"Response payload size is {size}, and has exceeded the limit of {limit}."
            " Please consider querying less data at a time and make paginated call if needed."
        ),
    }


def _bad(message: str) -> InvalidQuery:
    return InvalidQuery({"code": "BadRequest", "message": message})


def _number(options: dict[str, Any], name: str, least: int, most: int | None) -> int | None:
    value = options.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        raise _bad(f"{name} must be a whole number of at least {least}{f' and at most {most}' if most else ''}.")
    return value


def _context(body: dict[str, Any]) -> str:
    scope = [sorted(map(str, body.get(name) or [])) for name in ("subscriptions", "managementGroups")]
    return hashlib.sha256(json.dumps([body.get("query"), scope]).encode()).hexdigest()[:16]


def _token(kept: str, start: int, size: int, context: str) -> str:
    return base64.b64encode(json.dumps([kept, start, size, context]).encode()).decode()
