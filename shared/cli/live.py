"""Commands that read the live fleet: they open the same house as the functions, from the same application settings."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.errors import RequestError, ScopeUnknown

if TYPE_CHECKING:
    from shared.composition import House
    from shared.model.identity import ClusterId


def run[T](work: "Callable[[House], Awaitable[T]]") -> T:
    """Open the house, do the work, close it.

    Raises:
        MusterError: a setting is missing or wrong, or Azure or the storage account did not answer.
    """
    # Their lines are for Application Insights; a person at a terminal is told in the answer itself.
    logging.getLogger("muster").setLevel(logging.CRITICAL)
    logging.getLogger("azure").setLevel(logging.CRITICAL)

    async def opened_and_done() -> T:
        async with _house() as house:
            return await work(house)

    return asyncio.run(opened_and_done())


@asynccontextmanager
async def _house() -> "AsyncIterator[House]":
    from shared.composition import opened
    from shared.config import Settings

    async with opened(Settings.read()) as house:
        yield house


async def named_cluster(house: "House", text: str) -> "ClusterId":
    """The cluster that a person means: by its ARM id, or by its name where only one in scope has it.

    Raises:
        RequestError: there is none, or there are several; the message lists them.
        AzureError: the fleet could not be read.
    """
    from shared.model.identity import ClusterId

    if "/" in text:
        found = ClusterId.parse(text)
        if not await house.reconciler.scope.contains(found.subscription):
            raise RequestError(f"{found} lies outside MUSTER_SCOPE.")
        return found
    subscriptions = await scoped_subscriptions(house)
    named = [each.id async for each in house.sweep.graph.clusters(subscriptions) if each.id.name == text.lower()]
    if not named:
        raise RequestError(f"No cluster of the name '{text}' was found in MUSTER_SCOPE; give its ARM id.")
    if len(named) > 1:
        listed = ", ".join(str(each) for each in sorted(named))
        raise RequestError(f"{len(named)} clusters have the name '{text}'; give one's ARM id: {listed}")
    return named[0]


async def scoped_subscriptions(house: "House") -> frozenset[str]:
    """Every subscription in scope; the members of management groups are read where nobody has read them yet."""
    try:
        return await house.reconciler.scope.subscriptions()
    except ScopeUnknown:
        await house.reconciler.scope.refresh()
        return await house.reconciler.scope.subscriptions()
