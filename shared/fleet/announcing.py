"""What stands open in the fleet, and telling of each once: when it begins, and where that is news, when it ends.

What has been told is one document. It is written after its notices are kept: a crash in between tells them again, under
the same ids, since those follow from the number of the document.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared import logs
from shared.errors import StorageError
from shared.fleet.figures import Figures
from shared.model.gates import FleetGates
from shared.model.notice import FLEET, Kind, Notice, cause_id
from shared.reconcile.candidates import Verdict
from shared.reconcile.generations import Standing
from shared.state.documents import Document, DocumentChanged, Documents
from shared.state.outbox import Outbox

NAME = "told.json"
# Policies, a sweep that read the fleet in part knows as well; this, one that read nothing.
_POLICY, _ALWAYS_KNOWN, _CERTIFICATE = "policy", "sweep", "certificate"
_BREAKER = "breaker"
# A refused document may have hundreds of findings, a message has 64 KiB.
_MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Open:
    """One thing that stands open; `closing` is what its end is told as."""

    kind: Kind
    data: Mapping[str, Any] = field(default_factory=dict)
    closing: Kind | None = None


def of_gates(gates: FleetGates, generation: int) -> dict[str, Open]:
    """What the books of the fleet keep from going on."""
    found = {
        f"{_BREAKER}/{name}": Open(Kind.BREAKER_OPENED, {"class": name, "reason": why}, Kind.BREAKER_CLOSED)
        for name, why in gates.broken.items()
    }
    if gates.stopped:
        more = {"generation": generation, "reason": gates.stopped}
        found[f"rollout/{generation}"] = Open(Kind.ROLLOUT_STOPPED, more)
    if gates.approval:
        more = {"approval": gates.approval, "reason": gates.waiting}
        found[f"approval/{gates.approval}"] = Open(Kind.APPROVAL_NEEDED, more)
    if gates.mass:
        found["approval/mass-selection"] = Open(
            Kind.APPROVAL_NEEDED, {"approval": "mass-selection", "reason": gates.mass}
        )
    return found


def of_policy(standing: Standing) -> dict[str, Open]:
    """What keeps a newer policy from coming into force."""
    found = {}
    if standing.refused is not None:
        digest = str(standing.refused.get("digest", ""))
        findings = [str(each)[:500] for each in standing.refused.get("findings", ())[:_MOST_FINDINGS]]
        found[f"policy/refused/{digest}"] = Open(Kind.POLICY_REFUSED, standing.refused | {"findings": findings})
    waiting = standing.pending
    # One that was not compared with the fleet yet may need nobody.
    if waiting is not None and waiting.verdict is Verdict.LARGE:
        more = {"digest": waiting.digest, "approval": waiting.approval, "reason": waiting.reason}
        found[f"policy/pending/{waiting.digest}"] = Open(Kind.POLICY_PENDING, more)
    return found


def of_sweep(whole: bool, trouble: str) -> dict[str, Open]:
    """A sweep that did not see all."""
    return {} if whole else {"sweep": Open(Kind.SWEEP_PARTIAL, {"reason": trouble}, Kind.SWEEP_WHOLE)}


def of_certificates(expiring: Mapping[str, datetime]) -> dict[str, Open]:
    """Certificates without a newer version that end soon."""
    return {
        f"certificate/{source}/{ends.isoformat()}": Open(
            Kind.CERTIFICATE_EXPIRING, {"certificate": source, "expires": ends.isoformat()}
        )
        for source, ends in expiring.items()
    }


def of_day(figures: Figures, now: datetime) -> dict[str, Open]:
    """The day's figures, as the first whole sweep of a day (UTC) saw them."""
    names = ("condition", "hold", "failure")
    counts = {name: dict(sorted(figures.counts[name].items())) for name in names}
    more = {"clusters": figures.clusters, "managed": figures.managed, "compliant": figures.compliant, **counts}
    return {f"digest/{now.date().isoformat()}": Open(Kind.DAILY_DIGEST, more)}


@dataclass(frozen=True, slots=True)
class Announcer:
    """Whoever tells of the fleet."""

    outbox: Outbox
    documents: Documents
    clock: Callable[[], datetime]

    async def announce(self, found: Mapping[str, Open], *, whole: bool, read: bool) -> None:
        """Tell what has begun and what has ended. What cannot be kept now is told by the next sweep.

        Args:
            found: what stands open.
            whole: the whole fleet was seen, so that what is not among it has ended.
            read: the policy was read.
        """
        if not self.outbox.open:
            return
        try:
            await self._announce(found, whole=whole, read=read)
        except (StorageError, DocumentChanged) as error:
            logs.event("notices-unkept", level=logging.WARNING, reason=str(error))

    async def _announce(self, found: Mapping[str, Open], *, whole: bool, read: bool) -> None:
        document = await self.documents.read(NAME) or await self._first()
        told: dict[str, str] = document.body["told"]
        number = int(document.body["number"]) + 1
        ended = [key for key in told if key not in found and self._has_ended(key, whole=whole, read=read)]
        news = [self._notice(key, one.kind, number, one.data) for key, one in found.items() if key not in told]
        news += [self._notice(key, Kind(told[key]), number, _of_the_end(key)) for key in ended if told[key]]
        kept = {key: closing for key, closing in told.items() if key not in ended}
        kept |= {key: one.closing.value if one.closing else "" for key, one in found.items()}
        if kept == told:
            return
        await self.outbox.put(news)
        await self.documents.write(NAME, {"v": 1, "number": number, "told": kept}, over=document)

    async def _first(self) -> Document:
        """The document where there is none: one that was lost must not count anew, else ids would come again."""
        return await self.documents.write(
            NAME, {"v": 1, "number": int(self.clock().timestamp()), "told": {}}, fresh=True
        )

    def _has_ended(self, key: str, *, whole: bool, read: bool) -> bool:
        """Whether what is not found any more is over, and not merely out of sight."""
        kind = key.partition("/")[0]
        if kind == _CERTIFICATE:
            # Not every sweep asks for it; a newer version ends it, and by its own end at the latest it is over.
            return datetime.fromisoformat(key.rpartition("/")[2]) < self.clock()
        return whole or kind == _ALWAYS_KNOWN or (read and kind == _POLICY)

    def _notice(self, key: str, kind: Kind, number: int, data: Mapping[str, Any]) -> Notice:
        return Notice(cause_id(kind, FLEET, key, number), kind, FLEET, self.clock(), data)


def _of_the_end(key: str) -> dict[str, str]:
    """What the end of a thing is told with: what was told of its begin is not kept."""
    kind, _, name = key.partition("/")
    return {"what": key, "class": name} if kind == _BREAKER else {"what": key}
