"""The books in storage: read at most every few seconds, written by whoever changes nothing behind another's back.

All changes that come up in one instance at the same time go into one write, so that a thousand installations cost
the storage account a few requests and not a thousand.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from shared import logs
from shared.errors import StorageError
from shared.fleet import ledger as books
from shared.fleet.ledger import Ledger
from shared.fleet.rollout import view
from shared.model.gates import FleetGates
from shared.model.intent import FleetWord
from shared.policy.model import Policy
from shared.reconcile.admission import Refusal, Wish
from shared.state.documents import Document, DocumentChanged, Documents

NAME = "ledger.json"
# What `decide` sees may be this old; a booking is always made on the newest.
_FRESH_FOR = 10.0
_OLD = 1.0
_TRIES = 40

type Change = Callable[[Ledger], Ledger | Refusal]


@dataclass(slots=True)
class Gatekeeper:
    """Opens and closes the gates of the fleet."""

    documents: Documents
    clock: Callable[[], datetime]
    _known: Document | None = None
    _read_at: float = float("-inf")
    _waiting: list[tuple[Policy, Change, "asyncio.Future[Refusal | None]"]] = field(default_factory=list)
    _writer: "asyncio.Task[None] | None" = None
    # Spreads those who met at the same version; no secret hangs on it.
    _random: Random = field(default_factory=Random)

    async def view(self, policy: Policy, words: tuple[FleetWord, ...]) -> FleetGates:
        """What the fleet allows at this moment.

        Raises:
            StorageError: the books cannot be read.
        """
        return view(await self.books(policy), policy, words, self.clock())

    async def books(self, policy: Policy) -> Ledger:
        """The books as they were last written; empty ones where the policy asks for nothing that has to be counted.

        Raises:
            StorageError: they cannot be read.
        """
        return await self.kept() if books.kept(policy.rollout) else Ledger()

    async def kept(self) -> Ledger:
        """The books as they were last written, whatever the policy asks for.

        Raises:
            StorageError: they cannot be read.
        """
        if self._age() > _FRESH_FOR:
            await self._read()
        return self._ledger()

    async def book(self, wish: Wish, policy: Policy) -> Refusal | None:
        """Book a write; None where it may go out.

        Raises:
            StorageError: the books cannot be kept, so that nothing may be written.
        """
        if not books.kept(policy.rollout):
            return None
        return await self.change(policy, lambda ledger: books.booked(ledger, wish, policy.rollout, self.clock()))

    async def land(self, cluster: str, policy: Policy, *, failed: bool | None) -> None:
        """Book the end of a write; `failed` None where it never went out.

        Raises:
            StorageError: the books cannot be kept; the flight is struck out by itself after a while.
        """
        if books.kept(policy.rollout):
            await self.change(policy, lambda ledger: books.landed(ledger, cluster, policy.rollout, failed=failed))

    async def change(self, policy: Policy, change: Change) -> Refusal | None:
        """Change the books; what it refuses is given back."""
        answer: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((policy, change, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await answer

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                answers = await self._written(batch)
            except BaseException as error:
                for _, _, answer in batch:
                    if not answer.done():
                        answer.set_exception(
                            error if isinstance(error, StorageError) else StorageError("The books could not be kept.")
                        )
                if not isinstance(error, StorageError):
                    raise
            else:
                for (_, _, answer), refusal in zip(batch, answers, strict=True):
                    if not answer.done():
                        answer.set_result(refusal)

    async def _written(self, batch: list[tuple[Policy, Change, Any]]) -> list[Refusal | None]:
        for _ in range(_TRIES):
            before = after = self._ledger()
            answers: list[Refusal | None] = []
            for policy, change, _ in batch:
                outcome = change(after.at(policy.digest, policy.generation, self.clock()))
                answers.append(outcome if isinstance(outcome, Refusal) else None)
                after = after if isinstance(outcome, Refusal) else outcome
            if any(answers) and self._age() > _OLD:
                await self._read()  # nobody is refused by what may have changed
                continue
            if after == before:
                return answers
            try:
                self._known = await self.documents.write(
                    NAME, books.plain(after), over=self._known, fresh=self._known is None
                )
            except DocumentChanged:
                logs.count("ledger-met")
                await asyncio.sleep(self._random.uniform(0.0, 0.1))
                await self._read()
            else:
                self._read_at = asyncio.get_running_loop().time()
                return answers
        raise StorageError("The books of the fleet changed under every try to write them.")

    def _age(self) -> float:
        return asyncio.get_running_loop().time() - self._read_at

    def _ledger(self) -> Ledger:
        return books.read(self._known.body) if self._known is not None else Ledger()

    async def _read(self) -> None:
        self._known = await self.documents.read(NAME, known=self._known)
        self._read_at = asyncio.get_running_loop().time()
