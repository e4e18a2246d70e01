"""Answers of slow or rationed look-ups, kept: in storage for all instances, and for some minutes in this one.

Whoever asks while the same look-up runs shares its answer. Trouble of the storage account costs look-ups, never
an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import logs
from shared.errors import MusterError, StorageError
from shared.state.documents import DocumentChanged, Documents

# How long this instance asks neither storage nor Azure: about what it knows, and about what it could not be told.
REMEMBERED = timedelta(minutes=10)
TROUBLE_REMEMBERED = timedelta(minutes=1)


def _always(_: Any) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Question[T]:
    """One look-up.

    Attributes:
        name: the document that its answer is kept in.
        ask: the look-up itself.
        write: the answer as JSON.
        read: the answer back from JSON; TypeError, ValueError, KeyError or AttributeError where it is none.
        kept: for how long an answer holds.
        keep: whether this answer may be kept at all.
    """

    name: str
    ask: Callable[[], Awaitable[T]]
    write: Callable[[T], Any]
    read: Callable[[Any], T]
    kept: timedelta
    keep: Callable[[T], bool] = _always


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """What was answered; None and why, where nothing was."""

    value: T | None = None
    trouble: str = ""


class KeptAnswers:
    """Asks, or remembers. It belongs to one event loop."""

    def __init__(self, documents: Documents, clock: Callable[[], datetime]) -> None:
        self._documents, self._clock = documents, clock
        self._remembered: dict[str, tuple[Answer[Any], datetime]] = {}
        self._flights: dict[str, asyncio.Task[Answer[Any]]] = {}

    async def answer[T](self, question: Question[T]) -> Answer[T]:
        """The answer; a look-up that fails is one, too, and is remembered for a minute."""
        remembered = self._remembered.get(question.name)
        if remembered is not None and self._clock() < remembered[1]:
            return remembered[0]
        flight = self._flights.get(question.name)
        if flight is None:
            flight = self._flights[question.name] = asyncio.create_task(self._fly(question))
            flight.add_done_callback(lambda done: self._landed(question.name, done))
        # Whoever gives up waiting takes nothing away from the others.
        return await asyncio.shield(flight)

    async def forget(self, name: str) -> None:
        """Have a question asked anew, by this instance now and by others within minutes."""
        self._remembered.pop(name, None)
        self._flights.pop(name, None)
        await self._store(name, None)

    def _landed(self, name: str, flight: asyncio.Task[Answer[Any]]) -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]

    async def _fly[T](self, question: Question[T]) -> Answer[T]:
        stored = await self._stored(question)
        if stored is not None:
            value, until = stored
            return self._remember(question, Answer(value), until)
        try:
            value = await question.ask()
        except MusterError as error:
            logs.event("lookup-failed", part=question.name, reason=error.message)
            return self._remember(question, Answer(trouble=error.message), self._clock() + TROUBLE_REMEMBERED)
        if not question.keep(value):
            return Answer(value)
        if self._wanted(question):
            await self._store(question.name, question.write(value))
        return self._remember(question, Answer(value), self._clock() + question.kept)

    def _remember[T](self, question: Question[T], answer: Answer[T], until: datetime) -> Answer[T]:
        if self._wanted(question):
            self._remembered[question.name] = answer, min(until, self._clock() + REMEMBERED)
        return answer

    def _wanted(self, question: Question[Any]) -> bool:
        """Whether the flight that runs this was not forgotten on its way."""
        return self._flights.get(question.name) is asyncio.current_task()

    async def _stored[T](self, question: Question[T]) -> tuple[T, datetime] | None:
        """What storage has, and until when it holds; None where that is nothing, too old, or not to be had."""
        try:
            document = await self._documents.read(question.name)
        except StorageError as error:
            logs.event("answer-not-kept", part=question.name, reason=error.message)
            return None
        body = document.body if document is not None else None
        if not isinstance(body, Mapping) or body.get("value") is None:
            return None
        try:
            value, written = question.read(body["value"]), datetime.fromisoformat(body["at"])
            # A time in the future was written by a wrong clock, and holds no longer than others do.
            fresh = abs(self._clock() - written) < question.kept
        except (TypeError, ValueError, KeyError, AttributeError):
            logs.event("answer-not-kept", part=question.name, reason="The document is damaged; it is written anew.")
            return None
        return (value, written + question.kept) if fresh else None

    async def _store(self, name: str, value: Any) -> None:
        try:
            await self._documents.write(name, {"at": self._clock().isoformat(), "value": value})
        except StorageError as error:
            logs.event("answer-not-kept", part=name, reason=error.message)
        except DocumentChanged:
            logs.event("answer-not-kept", part=name, reason="The container of documents is being deleted.")
