"""Storage requests, counted in Azurite's own access log: whoever made them, retries included."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

# Azurite writes morgan's "common" format: ... "PUT /devstoreaccount1/container/blob?comp=lease HTTP/1.1" 201 -
_REQUEST = re.compile(r'"(?P<method>[A-Z]+) /[a-z0-9]+/(?P<path>\S*) HTTP/[\d.]+" \d{3}')
_TABLE = re.compile(r"(?:Tables|\$batch|[a-z][a-z0-9]*)(?:\(|$|\?)", re.IGNORECASE)


def classified(lines: Iterable[str]) -> Counter[str]:
    """Requests by kind: blob, table, send (a message into a queue), poll (what a queue's reader asks)."""
    counted: Counter[str] = Counter()
    for line in lines:
        found = _REQUEST.search(line)
        if found is not None:
            counted[_kind(found["method"], found["path"])] += 1
    return counted


def _kind(method: str, path: str) -> str:
    place = path.partition("?")[0]
    if "/messages" in place:
        return "send" if method == "POST" else "poll"
    return "table" if _TABLE.match(path) and "/" not in place.partition("(")[0] and "restype" not in path else "blob"


class StorageLog:
    """Azurite's log from the moment this object is made."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._start = log.stat().st_size

    def counts(self) -> Counter[str]:
        """Requests since then."""
        with self._log.open("rb") as file:
            file.seek(self._start)
            return classified(file.read().decode(errors="replace").splitlines())
