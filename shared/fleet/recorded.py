"""A recorded fleet, read back: the ground on which plans are made without Azure and without storage."""

import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.errors import MusterError, PolicyError, RequestError
from shared.fleet import ledger
from shared.fleet.ground import Ground
from shared.fleet.ledger import Ledger
from shared.fleet.recording import CERTIFICATE, KIND, VERSION
from shared.fleet.rollout import view
from shared.model.certificate import CertificateReading
from shared.model.gates import FleetGates, Gates, Mode
from shared.model.identity import ClusterId
from shared.model.intent import FleetWord, Intent
from shared.policy.loading import parse_policy
from shared.policy.model import Policy, PolicyText
from shared.state.memory import Stored, stored_of

_MAGIC = b"\x1f\x8b"
# A line is one cluster, extension or memory; only a head with many words of people may be longer.
_LONGEST = 64 * 1024 * 1024


class _PolicyHead(BaseModel):
    digest: str
    generation: int
    texts: list[tuple[str, str]]


class _Head(BaseModel):
    model_config = ConfigDict(extra="ignore")  # what a later version adds without a new number changes no plan

    asOf: AwareDatetime  # noqa: N815  the file's own spelling
    mode: Mode
    stopped: bool
    policy: _PolicyHead
    ownNames: list[str]  # noqa: N815
    subscriptions: dict[str, list[str] | None]
    books: dict[str, Any]
    words: list[Intent]
    fleetWords: list[FleetWord]  # noqa: N815


@dataclass(frozen=True, slots=True)
class RecordedFleet:
    """A fleet as it stood at `now`; `policy` was in force then."""

    ground: Ground
    policy: Policy
    now: datetime
    subscriptions: frozenset[str]


def read_recording(raw: bytes) -> RecordedFleet:
    """Read a recording, compressed or not.

    Raises:
        RequestError: it is none, is damaged or cut short, or is of a later version; which, and what to do.
    """
    lines = _lines(raw)
    head = next(lines, None)
    if head is None or head.get("recording") != KIND:
        raise RequestError("This is no recording of a fleet. `muster snapshot` makes one.")
    if head.get("version") != VERSION:
        raise RequestError(
            f"The recording is of version {head.get('version')}, and this Muster reads version {VERSION}: "
            "take it with this version's `muster snapshot`, or plan with the version that took it."
        )
    try:
        told = _Head.model_validate(head)
        books, policy = ledger.read(told.books), _policy(told.policy)
    except PolicyError as error:
        raise RequestError(f"The recorded policy is not valid here: {error.message}", error.findings) from error
    except (ValidationError, MusterError, ValueError, KeyError, TypeError) as error:
        raise RequestError(_damaged("its head cannot be read")) from error
    rows = _Content().read(lines)
    now, subscriptions = told.asOf, {n: None if g is None else frozenset(g) for n, g in told.subscriptions.items()}
    ground = Ground(
        _Policies(policy),
        _Subscriptions(subscriptions),
        _Words({word.cluster: word for word in told.words}, tuple(told.fleetWords)),
        _Books(books, now),
        rows,
        rows,
        rows,
        lambda: Gates(told.mode, stopped=told.stopped),
        frozenset(told.ownNames),
    )
    return RecordedFleet(ground, policy, now, frozenset(subscriptions))


def _damaged(how: str) -> str:
    return f"The recording is damaged: {how}. Take it anew with `muster snapshot`."


def _policy(head: _PolicyHead) -> Policy:
    policy = parse_policy(tuple(PolicyText(name, text) for name, text in head.texts))
    if policy.digest != head.digest:
        raise RequestError("The digest of the policy does not fit.")
    return replace(policy, generation=head.generation)


def _lines(raw: bytes) -> Iterator[dict[str, Any]]:
    """Each line as an object."""
    packed: Any = io.BytesIO(raw)
    if raw.startswith(_MAGIC):
        packed = gzip.GzipFile(fileobj=packed)
    number = 0
    try:
        while text := packed.readline(_LONGEST):
            line = json.loads(text)
            number += 1
            if not isinstance(line, dict):
                raise RequestError(_damaged(f"line {number} is no object"))
            yield line
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        what = "This is no recording of a fleet" if not number else _damaged(f"it breaks off after line {number}")
        raise RequestError(what if number else f"{what}. `muster snapshot` makes one.") from error


@dataclass(slots=True)
class _Content:
    """The rows, memories and certificates, as a pass reads them."""

    clusters: list[dict[str, Any]] = field(default_factory=list)
    extensions: list[dict[str, Any]] = field(default_factory=list)
    memories: list[tuple[str, Stored]] = field(default_factory=list)
    known: dict[str, CertificateReading] = field(default_factory=dict)

    def read(self, lines: Iterator[dict[str, Any]]) -> "_Content":
        """Take all lines in, up to the one that counts them."""
        counts: Counter[str] = Counter()
        for number, line in enumerate(lines, start=2):
            if "end" in line:
                if line["end"] != dict(counts):
                    raise RequestError(_damaged("it does not hold as much as its end says"))
                return self
            [(what, told)] = line.items() if len(line) == 1 else [("", None)]
            counts[what] += 1
            try:
                self._take(what, told)
            except (ValidationError, MusterError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise RequestError(_damaged(f"line {number} cannot be read")) from error
        raise RequestError(_damaged("its end is missing"))

    def _take(self, what: str, told: Any) -> None:
        match what:
            case "cluster":
                self.clusters.append(dict(told))
            case "extension":
                self.extensions.append(dict(told))
            case "memory":
                entity = {**told, "messageId": "recorded" if told.get("waiting") else ""}
                self.memories.append((str(entity["PartitionKey"]), stored_of(entity, "")))
            case "certificate":
                address, reading = told
                self.known[str(address)] = CERTIFICATE.validate_python(reading)
            case _:
                raise RequestError("This version knows no such line.")

    async def cluster_rows(self, subscriptions: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        for row in _of(self.clusters, subscriptions):
            yield row

    async def extension_rows(self, subscriptions: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        for row in _of(self.extensions, subscriptions):
            yield row

    async def stored(self, waiting: set[str] | None = None) -> AsyncIterator[tuple[str, Stored]]:
        del waiting
        for each in self.memories:
            yield each

    async def certificate(self, address: str) -> CertificateReading:
        trouble = "The recording does not tell of it: the policy in force did not name it."
        return self.known.get(address) or CertificateReading(checked=True, trouble=trouble)


def _of(rows: list[dict[str, Any]], subscriptions: Iterable[str]) -> Iterator[dict[str, Any]]:
    wanted = frozenset(subscriptions)
    return (row for row in rows if str(row.get("subscription")) in wanted)


@dataclass(frozen=True, slots=True)
class _Policies:
    policy: Policy

    async def current(self, *, at_least: int = 0) -> Policy:
        del at_least
        return self.policy


@dataclass(frozen=True, slots=True)
class _Subscriptions:
    above: Mapping[str, frozenset[str] | None]

    async def subscriptions(self) -> frozenset[str]:
        return frozenset(self.above)

    async def groups_above(self, subscription: str) -> frozenset[str] | None:
        return self.above[subscription]


@dataclass(frozen=True, slots=True)
class _Words:
    about: Mapping[ClusterId, Intent]
    of_fleet: tuple[FleetWord, ...]

    async def all(self) -> Mapping[ClusterId, Intent]:
        return self.about

    async def fleet(self) -> tuple[FleetWord, ...]:
        return self.of_fleet


@dataclass(frozen=True, slots=True)
class _Books:
    ledger: Ledger
    now: datetime

    async def kept(self) -> Ledger:
        return self.ledger

    async def books(self, policy: Policy) -> Ledger:
        return self.ledger if ledger.kept(policy.rollout) else Ledger()

    async def view(self, policy: Policy, words: tuple[FleetWord, ...]) -> FleetGates:
        return view(await self.books(policy), policy, words, self.now)
