"""A recording of the fleet: all that a pass over it reads, in one file, from which plans are made without Azure.

It is taken by a pass itself, through ports that write down what they hand on: what a plan asks for is in it, whatever
that is. A file of lines, each a JSON object, compressed: first the head, then the rows as they were read, and at the
end how many there were. It is written as it is read, so that a fleet of any size needs the memory of the compressed
file.

No protected value is in it: neither Resource Graph nor a memory holds one. Nor is what no plan reads: addresses of
proxies, in which there may be passwords, and receipts of messages.
"""

import json
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from shared.errors import IntentsUnreadable
from shared.fleet import ledger
from shared.fleet.footing import Footing
from shared.fleet.ground import Ground
from shared.fleet.ports import Certificates, Memories, Rows
from shared.model.certificate import CertificateReading
from shared.model.intent import FleetWord, Intent
from shared.policy.model import Policy
from shared.state.memory import Stored

KIND, VERSION = "muster fleet", 1
CERTIFICATE: TypeAdapter[CertificateReading] = TypeAdapter(CertificateReading)
WORD: TypeAdapter[Intent] = TypeAdapter(Intent)
FLEET_WORD: TypeAdapter[FleetWord] = TypeAdapter(FleetWord)
# Columns of a memory that a plan reads. Of its message only that there is one.
MEMORY = ("PartitionKey", "RowKey", "body", "nextLook", "anewSince")
# Of a proxy a plan reads only that there is one.
_PROXIES = ("httpProxyConfig_httpProxy", "httpProxyConfig_httpsProxy")
_PROTECTED = "configurationprotectedsettings"
_GZIP = 31  # zlib's name for a window of 15 bits in gzip's format


@dataclass(frozen=True, slots=True)
class Recording:
    """A finished one.

    Attributes:
        counts: lines by what they tell of: `cluster`, `extension`, `memory`, `certificate`.
    """

    content: bytes
    counts: Mapping[str, int]


async def recording(ground: Ground, now: datetime) -> Recording:
    """Record the fleet as it stands.

    Raises:
        MusterError: something could not be read to its end.
    """
    policy = await ground.policies.current()
    footing, words = await ground.footing(policy, now)
    if not footing.readable:
        raise IntentsUnreadable("What people asked for cannot be read, so the fleet cannot be recorded.")
    lines = _Lines()
    lines.line(_head(policy, footing, words, await ground.books.kept()))
    taped = replace(
        ground,
        rows=_Rows(ground.rows, lines),
        memories=_Memories(ground.memories, lines, frozenset(footing.subscriptions)),
        certificates=_Certificates(ground.certificates, lines),
    )
    await taped.surveyor.survey(footing, None)
    return lines.finished()


def _head(policy: Policy, footing: Footing, words: Iterable[FleetWord], books: ledger.Ledger) -> dict[str, Any]:
    return {
        "recording": KIND,
        "version": VERSION,
        "asOf": footing.now.isoformat(),
        "mode": footing.gates.mode.value,
        "stopped": footing.gates.stopped,
        "policy": {
            "digest": policy.digest,
            "generation": policy.generation,
            "texts": [[text.name, text.text] for text in policy.texts],
        },
        "ownNames": sorted(footing.own_names),
        "subscriptions": {
            name: None if groups is None else sorted(groups) for name, groups in sorted(footing.subscriptions.items())
        },
        "books": ledger.plain(books),
        "words": [WORD.dump_python(word, mode="json") for word in footing.words.values()],
        "fleetWords": [FLEET_WORD.dump_python(word, mode="json") for word in words],
    }


@dataclass(slots=True)
class _Lines:
    """The file as it grows."""

    _packer: Any = field(default_factory=lambda: zlib.compressobj(6, zlib.DEFLATED, _GZIP))
    _parts: list[bytes] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def tell(self, what: str, told: object) -> None:
        """One line about one thing."""
        self._counts[what] += 1
        self.line({what: told})

    def line(self, body: Mapping[str, Any]) -> None:
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        self._parts.append(self._packer.compress(text.encode() + b"\n"))

    def finished(self) -> Recording:
        counts = dict(sorted(self._counts.items()))
        self.line({"end": counts})
        return Recording(b"".join([*self._parts, self._packer.flush()]), counts)


@dataclass(frozen=True, slots=True)
class _Rows:
    source: Rows
    lines: _Lines

    async def cluster_rows(self, subscriptions: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        async for row in self.source.cluster_rows(subscriptions):
            self.lines.tell("cluster", row | {name: "recorded" for name in _PROXIES if row.get(name)})
            yield row

    async def extension_rows(self, subscriptions: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        async for row in self.source.extension_rows(subscriptions):
            self.lines.tell("extension", _unprotected(row))
            yield row


def _unprotected(row: dict[str, Any]) -> dict[str, Any]:
    """The row without what Azure would never tell, should it do so one day."""
    properties = row.get("properties")
    if not isinstance(properties, dict):
        return row
    return row | {"properties": {name: value for name, value in properties.items() if name.lower() != _PROTECTED}}


@dataclass(frozen=True, slots=True)
class _Memories:
    source: Memories
    lines: _Lines
    subscriptions: frozenset[str]

    async def stored(self, waiting: set[str] | None = None) -> AsyncIterator[tuple[str, Stored]]:
        async for subscription, stored in self.source.stored(waiting):
            if subscription in self.subscriptions:
                entity = {name: stored.entity[name] for name in MEMORY if stored.entity.get(name)}
                self.lines.tell("memory", entity | ({"waiting": True} if stored.waiting else {}))
            yield subscription, stored


@dataclass(frozen=True, slots=True)
class _Certificates:
    source: Certificates
    lines: _Lines

    async def certificate(self, address: str) -> CertificateReading:
        found = await self.source.certificate(address)
        self.lines.tell("certificate", [address, CERTIFICATE.dump_python(found, mode="json")])
        return found
