"""A policy that waits: what it would change is looked at before it may act.

Where the policy in force bounds how many installed clusters a new one may change, a new document is a candidate first.
A whole sweep decides for each cluster under both; where the difference is small the candidate is put in force, else a
person has to approve it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared import logs
from shared.state.documents import Document, DocumentChanged, Documents

NAME = "policy/candidate.json"


class Verdict(StrEnum):
    """What is known of a candidate."""

    UNSEEN = "unseen"
    SMALL = "small"
    LARGE = "large"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy that is not in force yet.

    Attributes:
        reason: why, for people.
        since: when it was first seen; None where that was not kept.
        who: who approved it; "" where nobody did.
    """

    digest: str
    verdict: Verdict
    reason: str
    since: datetime | None = None
    who: str = ""

    @property
    def approval(self) -> str:
        """The name under which it is approved."""
        return f"policy-{self.digest[:12]}"

    @property
    def may_act(self) -> bool:
        """Whether it may be put in force."""
        return self.verdict in {Verdict.SMALL, Verdict.APPROVED}


_UNSEEN = "It has not been compared with the fleet yet; the next whole sweep does that."


@dataclass(slots=True)
class Candidates:
    """The one candidate there may be, in storage."""

    documents: Documents
    _known: Document | None = field(default=None)

    async def of(self, digest: str, now: datetime) -> Candidate:
        """The candidate with this digest, seen at this moment; whatever stood in its place before is forgotten.

        Raises:
            StorageError: it cannot be read or written.
        """
        self._known = await self.documents.read(NAME, known=self._known)
        if self._known is not None and self._known.body["digest"] == digest:
            return _read(self._known.body)
        fresh = Candidate(digest, Verdict.UNSEEN, _UNSEEN, now)
        await self._write(fresh)
        return _read(self._known.body) if self._known is not None else fresh

    async def standing(self) -> Candidate | None:
        """The candidate that waits; None where there is none.

        Raises:
            StorageError: it cannot be read.
        """
        self._known = await self.documents.read(NAME, known=self._known)
        found = _read(self._known.body) if self._known is not None else None
        return None if found is None or found.may_act else found

    async def judge(self, candidate: Candidate) -> None:
        """Write down what was found out about the candidate, if it is still the same."""
        standing = await self.standing()
        if standing is not None and standing.digest == candidate.digest:
            await self._write(candidate)
            logs.event(
                "policy-judged", digest=candidate.digest, verdict=candidate.verdict.value, reason=candidate.reason
            )

    async def _write(self, candidate: Candidate) -> None:
        body = {
            "digest": candidate.digest,
            "verdict": candidate.verdict.value,
            "reason": candidate.reason,
            "since": candidate.since.isoformat() if candidate.since else None,
            "who": candidate.who,
        }
        try:
            self._known = await self.documents.write(NAME, body, over=self._known, fresh=self._known is None)
        except DocumentChanged:
            self._known = await self.documents.read(NAME)  # somebody else was quicker; the next look sees what stands


def _read(body: dict[str, Any]) -> Candidate:
    since = body.get("since")
    moment = datetime.fromisoformat(since) if since else None
    return Candidate(body["digest"], Verdict(body["verdict"]), body["reason"], moment, body.get("who", ""))
