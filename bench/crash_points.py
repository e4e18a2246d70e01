"""A process that dies between any two of its effects, without a process.

Everything that Muster does to the world is an HTTP request by aiohttp. A `Life` counts them and, at a chosen one,
stops: before it is sent, or after it took effect and before its answer is seen. What hangs there never goes on, as in
a process that was killed; no `finally` runs, no lease is given back.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

import aiohttp

_LIFE: ContextVar["Life | None"] = ContextVar("life", default=None)


@dataclass(slots=True, eq=False)
class Life:
    """The life of one process.

    Attributes:
        dies_at: number of the request at which it dies, counted from 1; None: it lives.
        after: whether that request still takes effect.
        requests: how many it has sent.
    """

    dies_at: int | None = None
    after: bool = False
    requests: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)

    async def live[T](self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do some work of this process; None where it died over it.

        Raises:
            Exception: whatever the work raises.
        """
        context = copy_context()
        context.run(_LIFE.set, self)
        task = asyncio.create_task(work, context=context)
        self.tasks.append(task)
        death = asyncio.create_task(self.over.wait())
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if self.over.is_set():
            return None
        self.tasks.remove(task)
        return task.result()

    def die(self) -> None:
        """End it here."""
        self.over.set()

    async def bury(self) -> None:
        """End what hangs; by now nothing of it reaches the world any more."""
        self.die()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@contextlib.contextmanager
def mortal() -> Iterator[None]:
    """Let lives count their requests for the length of the block."""
    original = aiohttp.ClientSession._request  # noqa: SLF001  the one place that every request passes

    async def counted(session: aiohttp.ClientSession, *given: Any, **named: Any) -> aiohttp.ClientResponse:
        life = _LIFE.get()
        if life is None:
            return await original(session, *given, **named)
        if life.over.is_set():
            raise asyncio.CancelledError  # nobody catches it to try again, as the dead do not
        life.requests += 1
        if life.requests == life.dies_at:
            if life.after:
                await original(session, *given, **named)
            life.die()
            await asyncio.Event().wait()
        return await original(session, *given, **named)

    aiohttp.ClientSession._request = counted  # type: ignore[method-assign,assignment]  # noqa: SLF001  as above
    try:
        yield
    finally:
        aiohttp.ClientSession._request = original  # type: ignore[method-assign]  # noqa: SLF001  as above
