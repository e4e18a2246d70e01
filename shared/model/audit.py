"""What the audit trail holds: records of decisions and of people's words, and the lines that chain them.

A line is one JSON object: its number in the whole trail, the hash of the line before it, the record, and its own hash,
which is the SHA-256 of the line without that last member. So one `sha256sum` verifies a line, without any of this code.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

FLEET = "fleet"
_LONGEST = 2000  # characters of a sentence
_SEALED = re.compile(rb'(?P<said>.*),"hash":"(?P<hash>[0-9a-f]{64})"\}', re.DOTALL)


class Kind(StrEnum):
    """What a record tells of."""

    DECISION = "decision"  # of Muster's, about one cluster
    OBSERVED = "observed"  # what happened to a cluster by itself
    WORD = "word"  # of a person's


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that was decided, seen or said.

    Attributes:
        id: the same however often the record is written down.
        subject: a cluster's ARM id in lower case, "fleet", or "ring/<name>".
        body: more about it, as JSON; holds no value of a setting and no secret.
    """

    id: str
    at: datetime
    kind: Kind
    subject: str
    action: str
    body: Mapping[str, Any] = field(default_factory=dict)

    def ended(self, **more: Any) -> "Record":
        """The same record, once more is known."""
        return replace(self, body=_told({**self.body, **more}))

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        fixed = {"id": self.id, "at": self.at.isoformat(), "kind": self.kind.value, "subject": self.subject}
        return {**fixed, "action": self.action, **self.body}


def recorded(at: datetime, kind: Kind, subject: str, action: str, *, by: str, **more: Any) -> Record:
    """A record; `by` is whoever decided or spoke, and tells records of one moment apart. None is left out."""
    cause = json.dumps([at.isoformat(), kind.value, subject, action, by])
    return Record(hashlib.sha256(cause.encode()).hexdigest()[:24], at, kind, subject, action, _told(more))


def _told(more: Mapping[str, Any]) -> dict[str, Any]:
    cut = {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in more.items()}
    return {name: value for name, value in cut.items() if value not in (None, "", (), {}, [])}


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of the trail: its number and its hash."""

    n: int
    hash: str


BEGINNING = Head(0, "0" * 64)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that says what its own hash says; whether it stands where it should is for the chain to tell."""

    n: int
    prev: str
    record: Mapping[str, Any]
    hash: str

    @property
    def head(self) -> Head:
        """The head of a trail that ends with it."""
        return Head(self.n, self.hash)


def sealed(head: Head, records: Iterable[Mapping[str, Any]]) -> tuple[Head, list[bytes]]:
    """Lines that go on from a head, each with its line feed; and the head they lead to."""
    lines = []
    for record in records:
        body = {"n": head.n + 1, "prev": head.hash, "record": record}
        said = json.dumps(body, separators=(",", ":"))[:-1]
        head = Head(head.n + 1, hashlib.sha256(f"{said}}}".encode()).hexdigest())
        lines.append(f'{said},"hash":"{head.hash}"}}\n'.encode())
    return head, lines


def read_line(raw: bytes) -> Line | None:
    """A line, without its line feed; None where it was changed, or never was one."""
    found = _SEALED.fullmatch(raw)
    if found is None or hashlib.sha256(found["said"] + b"}").hexdigest() != found["hash"].decode():
        return None
    try:
        body = json.loads(raw)
        if not isinstance(body["record"], dict) or not isinstance(body["n"], int):
            return None
        return Line(body["n"], str(body["prev"]), body["record"], body["hash"])
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the trail is not what was written.

    Attributes:
        place: the day, and the number of the line in it, from 1.
        subject: the cluster that the line names; "" where it can no longer be read.
    """

    place: tuple[str, int]
    what: str
    subject: str = ""

    def __str__(self) -> str:
        about = f", about {self.subject}" if self.subject else ""
        return f"{self.place[0]}, line {self.place[1]}{about}: {self.what}"


class Chain:
    """Follows a trail line by line.

    Attributes:
        head: of what has been followed so far; None before the first line of a part whose beginning is not known.
        repeated: records that were written down more than once, as after a crash.
    """

    def __init__(self, head: Head | None) -> None:
        self.head, self.lines, self.repeated = head, 0, 0
        self._last: tuple[Line, tuple[str, int]] | None = None
        self._ids: set[str] = set()

    def follow(self, raw: bytes, place: tuple[str, int]) -> Line | Break:
        """The next line, if it goes on from the last one."""
        line = read_line(raw)
        if line is None:
            return Break(place, "its hash is not that of what it says: it was changed, or is none of Muster's")
        subject, head = str(line.record.get("subject", "")), self.head
        if head is not None and (line.n, line.prev) != (head.n + 1, head.hash):
            return self._broken(line, head, place, subject)
        self.head, self._last, self.lines = line.head, (line, place), self.lines + 1
        name = str(line.record.get("id", ""))
        self.repeated += name in self._ids
        self._ids.add(name)
        return line

    def _broken(self, line: Line, head: Head, place: tuple[str, int], subject: str) -> Break:
        if line.n > head.n + 1:
            return Break(place, f"the {line.n - head.n - 1} lines before it were removed", subject)
        last, before = self._last or (None, place)
        named = str(last.record.get("subject", "")) if last else ""
        if last is not None and (line.n, line.prev) == (last.n, last.prev) and line != last:
            return Break(before, "it stands where another line stands: one of the two was inserted", named)
        if line.n == head.n + 1:
            return Break(before, "the line after it goes on from another one: it was changed", named)
        if line.n == 1 and line.record.get("id") not in self._ids:
            return Break(place, "the trail begins anew here: what stood before it could not be continued", subject)
        return Break(place, "it does not belong here: it was inserted, or moved", subject)
