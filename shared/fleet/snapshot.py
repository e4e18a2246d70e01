"""The fleet as a whole sweep saw it: columns, one chunk for each subscription, compressed.

A document of lines: a header, then one JSON object for each subscription whose values are columns. It is written
and read one subscription at a time, so that a fleet of any size needs the memory of its largest subscription. The
next sweep reads it beside the fleet: a cluster of which nothing has changed since keeps its entry.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from shared.errors import StorageError

NAME = "snapshots/latest.jsonl.gz"
FIGURES = "snapshots/figures.json"
# Why the last sweep that was not whole was not.
PARTIAL = "snapshots/partial.json"
# Speed over size: a sweep's time is Muster's cost, and the columns compress well at any level.
_LEVEL = 3
_GZIP = 31  # zlib's name for a window of 15 bits in gzip's format


class Entry(NamedTuple):
    """One cluster, in plain JSON values. A column that an older snapshot lacks takes its default.

    Attributes:
        id: the cluster's id in lower case.
        seen: digest of all that the decision was made on, apart from the time.
        decided: when `decide` last ran on it, seconds since the epoch.
        asked: why a look was asked for; "" where none was.
        certificate: [address, fingerprint] where the decision rests on a certificate in Key Vault.
        hold: [code, reason, since, until, next, approval], or None.
        failure: class of its failure, where it failed.
        ring: name of its rollout ring.
        wants: whether the policy wants an update that has not gone out.
        fresh: whether it would get the extension for the first time.
        forgotten: whether it has the extension and nobody remembers whose it is.
        region: Azure's name of its region.
        owner: whom to tell, by its tag.
        silent: the last heartbeat of an Arc cluster that is not Online.
        gpu: whether it has GPUs; None where nobody says.
    """

    id: str
    seen: str = ""
    decided: int = 0
    asked: str = ""
    certificate: tuple[str, str] | None = None
    management: str = "NotSelected"
    condition: str = "Unknown"
    hold: list[Any] | None = None
    reachability: str = "Online"
    verified: str = "never"
    verified_at: str | None = None
    sufficient: bool = True
    profile: str | None = None
    rule: str | None = None
    reason: str = ""
    version: str | None = None
    changed: str | None = None
    failure: str | None = None
    ring: str | None = None
    wants: bool = False
    fresh: bool = False
    forgotten: bool = False
    region: str = ""
    owner: str | None = None
    silent: str | None = None
    gpu: bool | None = None


class Writer:
    """Collects a snapshot chunk by chunk, compressed as it grows."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._parts: list[bytes] = []
        self._line(header)

    def add(self, subscription: str, entries: Sequence[Entry]) -> None:
        """The clusters of one subscription."""
        columns = zip(Entry._fields, zip(*entries, strict=True), strict=True) if entries else ()
        self._line({"subscription": subscription, "columns": dict(columns)})

    def finished(self) -> bytes:
        """The whole document."""
        return b"".join([*self._parts, self._packer.flush()])

    def _line(self, body: Mapping[str, Any]) -> None:
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        self._parts.append(self._packer.compress(text.encode() + b"\n"))


class Snapshot:
    """A snapshot that is read back, front to back, once.

    Attributes:
        header: what its writer put in front.

    Raises:
        StorageError: it is damaged.
    """

    def __init__(self, raw: bytes) -> None:
        self._lines = _lines(raw)
        header = next(self._lines, None)
        if not isinstance(header, dict):
            raise StorageError(f"The document {NAME} is empty.")
        self.header: dict[str, Any] = header
        self._next: dict[str, Any] | None = None

    def take(self, subscription: str) -> dict[str, Entry]:
        """The entries of a subscription by id. Asked for in ascending order; those in between are passed over."""
        while self._next is None or self._next["subscription"] < subscription:
            self._next = next(self._lines, {"subscription": "~"})
        if self._next["subscription"] != subscription:
            return {}
        return {entry.id: entry for entry in _entries(self._next)}

    def all(self) -> Iterator[Entry]:
        """Every entry, subscription by subscription."""
        for chunk in self._lines:
            yield from _entries(chunk)


def _lines(raw: bytes) -> Iterator[dict[str, Any]]:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as unpacked:
            for line in unpacked:
                yield json.loads(line)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise StorageError(f"The document {NAME} is damaged. The next whole sweep writes it anew.") from error


def _entries(chunk: Mapping[str, Any]) -> Iterator[Entry]:
    columns: Mapping[str, list[Any]] = chunk["columns"]
    if not columns:
        return iter(())
    if tuple(columns) == Entry._fields:
        return map(Entry._make, zip(*columns.values(), strict=True))
    known = {name: values for name, values in columns.items() if name in Entry._fields}
    return (Entry(**dict(zip(known, values, strict=True))) for values in zip(*known.values(), strict=True))
