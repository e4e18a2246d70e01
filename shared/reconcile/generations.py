"""The policy in force: the last valid document, under a rising generation, kept in storage.

Any instance that reads a new valid document puts it in force; the documents blob `policy/current.json`
is written only over the version that was read, so two instances cannot give one number twice. A
document that does not validate is remembered as refused and never replaces anything. An instance that
still offers a document of an earlier generation (a package not yet replaced) follows the one in force.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared import logs
from shared.errors import PolicyError
from shared.policy.loading import parse_policy, policy_digest
from shared.policy.model import Policy, PolicyText
from shared.reconcile.candidates import Candidate, Candidates, Verdict
from shared.reconcile.policy_source import Offer, PolicySource
from shared.state.documents import Document, DocumentChanged, Documents

CURRENT = "policy/current.json"
REFUSED = "policy/refused.json"
# Said of what came into force before that was kept.
NOT_KNOWN = "not known"
_FRESH_FOR = 15.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What /health and the command line show of the policy.

    Attributes:
        by: where the one in force came from, and who approved it where somebody did, in words.
        who: that person; "" where nobody had to.
    """

    digest: str
    generation: int
    since: str
    refused: dict[str, Any] | None
    stale: str
    pending: Candidate | None
    by: str = NOT_KNOWN
    who: str = ""


class Generations:
    """The policy in force, as this instance knows it."""

    def __init__(
        self,
        source: PolicySource,
        documents: Documents,
        clock: Callable[[], datetime],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._documents, self._clock, self._monotonic = source, documents, clock, monotonic
        self.candidates = Candidates(documents)
        self._pending: Candidate | None = None
        self._policy: Policy | None = None
        self._current: Document | None = None
        self._parsed: dict[str, Policy] = {}
        self._fresh_until = float("-inf")
        self._refused: dict[str, Any] | None = None
        self._stale = ""
        self._turn = asyncio.Lock()

    async def current(self, *, at_least: int = 0) -> Policy:
        """The policy in force; read anew where somebody already worked by a later generation.

        Raises:
            PolicyError: there is no valid document, neither offered nor kept.
            StorageError: the documents cannot be read.
        """
        async with self._turn:
            known = self._policy
            if known is not None and known.generation >= at_least and self._monotonic() < self._fresh_until:
                return known
            self._policy = await self._load()
            self._fresh_until = self._monotonic() + _FRESH_FOR
            return self._policy

    async def standing(self) -> Standing:
        """The policy in force and what was refused since, for people."""
        policy = await self.current()
        body = self._current.body if self._current else {}
        # A sweep may have judged it since it was read.
        pending = await self.candidates.standing() if self._pending is not None else None
        return Standing(
            policy.digest,
            policy.generation,
            str(body.get("since", "")),
            self._refused,
            self._stale,
            pending,
            str(body.get("by", NOT_KNOWN)),
            str(body.get("who", "")),
        )

    async def candidate(self) -> Policy | None:
        """The policy that waits to be compared with the fleet; None where none does."""
        await self.current()
        pending = self._pending
        return None if pending is None or pending.verdict is not Verdict.UNSEEN else self._parsed.get(pending.digest)

    async def _load(self) -> Policy:
        offer = await self._source.offer()
        self._current = await self._documents.read(CURRENT, known=self._current)
        digest = None if offer is None else policy_digest(offer.texts)
        self._stale, self._pending = "", None
        current = self._current
        if current is not None and digest == current.body["digest"]:
            self._refused = None
            return await self._kept(current, offer.texts if offer else ())
        if offer is None or digest is None:
            return await self._last_good(current, PolicyError("No policy document could be read."))
        try:
            policy = await self._parse(digest, offer.texts)
        except PolicyError as error:
            await self._refuse(digest, error)
            return await self._last_good(current, error)
        if current is not None and await self._superseded(digest, offer, current):
            self._stale = (
                f"The policy document on offer was in force before generation {current.body['generation']} and has "
                "not been written since; it is taken for an old package and not put in force again. If it is meant "
                "to be, save it anew."
            )
            return await self._kept(current, ())
        who = ""
        if current is not None:
            standing = await self._kept(current, ())
            if standing.rollout.policy_change_clusters is not None:
                candidate = await self.candidates.of(digest, self._clock())
                if not candidate.may_act:
                    self._pending = candidate
                    return standing
                who = candidate.who
        return await self._put_in_force(policy, offer, current, who)

    async def _superseded(self, digest: str, offer: Offer, current: Document) -> bool:
        """Whether the offered document was in force before, and nobody has written it anew since.

        While instances are replaced, old packages still offer the old document. A document never seen
        before is always taken, since packages do not always keep the times of their files.
        """
        if await self._documents.read(f"policy/{digest}.json") is None:
            return False
        since = datetime.fromisoformat(current.body["offeredAt"])
        return offer.written_at is None or offer.written_at <= since

    async def _put_in_force(self, policy: Policy, offer: Offer, over: Document | None, who: str) -> Policy:
        generation = int(over.body["generation"]) + 1 if over else 1
        texts = [[text.name, text.text] for text in offer.texts]
        await self._documents.write(f"policy/{policy.digest}.json", {"texts": texts})
        written = (offer.written_at or self._clock()).isoformat()
        body = {
            "digest": policy.digest,
            "generation": generation,
            "since": self._clock().isoformat(),
            "offeredAt": written,
            "by": f"{who}, who approved it; from {offer.source}" if who else offer.source,
            "who": who,
        }
        try:
            await self._documents.write(CURRENT, body, over=over, fresh=over is None)
        except DocumentChanged:
            # Somebody else was quicker, with this document or another: theirs is in force.
            return await self._load()
        self._current = await self._documents.read(CURRENT)
        self._refused = None
        logs.event("policy-in-force", digest=policy.digest, generation=generation)
        return replace(policy, generation=generation)

    async def _kept(self, current: Document, texts: tuple[PolicyText, ...]) -> Policy:
        digest, generation = str(current.body["digest"]), int(current.body["generation"])
        if digest not in self._parsed and not texts:
            kept = await self._documents.read(f"policy/{digest}.json")
            if kept is None:
                raise PolicyError(f"The policy of generation {generation} is missing from storage.")
            texts = tuple(PolicyText(name, text) for name, text in kept.body["texts"])
        return replace(await self._parse(digest, texts), generation=generation)

    async def _last_good(self, current: Document | None, error: PolicyError) -> Policy:
        if current is None:
            raise error
        return await self._kept(current, ())

    async def _parse(self, digest: str, texts: tuple[PolicyText, ...]) -> Policy:
        policy = self._parsed.get(digest)
        if policy is None:
            # Parsing takes tens of milliseconds of CPU: the event loop serves others meanwhile.
            policy = await asyncio.to_thread(parse_policy, texts)
            # The one in force and one that waits.
            self._parsed = {**dict(list(self._parsed.items())[-1:]), digest: policy}
        return policy

    async def _refuse(self, digest: str, error: PolicyError) -> None:
        if self._refused is not None and self._refused["digest"] == digest:
            return
        self._refused = {
            "digest": digest,
            "at": self._clock().isoformat(),
            "findings": [str(finding) for finding in error.findings] or [error.message],
        }
        logs.count("policy-refused")
        logs.event("policy-refused", **self._refused)
        await self._documents.write(REFUSED, self._refused)
