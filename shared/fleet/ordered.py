"""Several long readings side by side, one group at a time.

Resource Graph and the table of memories both give their rows in the order of subscriptions. Read that way, a fleet of
any size needs the memory of its largest subscription.
"""

from collections.abc import AsyncIterator

from shared.errors import Unavailable


class ByGroup[T]:
    """A reading whose items come in ascending order of their group, given out group by group."""

    def __init__(self, items: AsyncIterator[tuple[str, T]], what: str) -> None:
        """`what` names the reading in errors."""
        self._items = _in_order(items, what)
        self._waiting: tuple[str, T] | None = None
        self._ended = False

    async def take(self, group: str) -> list[T]:
        """The items of a group. Groups are asked for in ascending order; those in between are passed over.

        Raises:
            Unavailable: the items do not come in the order that was asked for, so that some could be missed.
        """
        found: list[T] = []
        while True:
            item = await self._peek()
            if item is None or item[0] > group:
                return found
            if item[0] == group:
                found.append(item[1])
            self._waiting = None

    async def rest(self) -> None:
        """Read on to the end, and give nothing out."""
        self._waiting = None
        async for _ in self._items:
            pass
        self._ended = True

    async def _peek(self) -> tuple[str, T] | None:
        if self._waiting is None and not self._ended:
            self._waiting = await anext(self._items, None)
            self._ended = self._waiting is None
        return self._waiting


async def _in_order[T](items: AsyncIterator[tuple[str, T]], what: str) -> AsyncIterator[tuple[str, T]]:
    """The items as they are; an error where a group comes after a later one."""
    last = ""
    async for group, item in items:
        if group < last:
            raise Unavailable(f"The rows of {what} do not come in the order of subscriptions.")
        last = group
        yield group, item
