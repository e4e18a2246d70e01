"""Structured logs: one JSON object per line, one line per decision.

Azure Functions forwards what the standard library's logging writes; Application Insights then
parses the message. Nothing personal and no secret is ever passed here: callers give ids, codes,
counts and sentences that Muster wrote itself.
"""

import json
import logging
from collections import Counter
from datetime import datetime
from enum import Enum
from typing import Any

_LOGGER = logging.getLogger("muster")

# Counted since the process started; /api/health shows them.
_COUNTS: Counter[str] = Counter()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value)


def event(name: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write one line: {"event": name, ...}. Fields that are None are left out."""
    line = {"event": name, **{key: value for key, value in fields.items() if value is not None}}
    _LOGGER.log(level, json.dumps(line, default=_plain, ensure_ascii=False))


def count(name: str, by: int = 1) -> None:
    """Raise a counter of this process."""
    _COUNTS[name] += by


def counts() -> dict[str, int]:
    """The counters of this process."""
    return dict(_COUNTS)
