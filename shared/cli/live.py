"""Commands that read the live fleet: they open the same house as the functions, from the same application settings."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError, RequestError, ScopeUnknown, Unavailable

if TYPE_CHECKING:
    from shared.composition import House
    from shared.model.identity import ClusterId
    from shared.policy.model import Policy


def run[T](work: "Callable[[House], Awaitable[T]]") -> T:
    """Open the house, do the work, close it.

    Raises:
        MusterError: a setting is missing or wrong, or Azure or the storage account did not answer.
    """

    async def opened_and_done() -> T:
        async with _house() as house:
            return await work(house)

    try:
        with _quiet("muster", "azure"):
            return asyncio.run(opened_and_done())
    except Unavailable as error:
        advice = "Check the network, MUSTER_ARM_ENDPOINT, and SSL_CERT_FILE where it is set."
        raise Unavailable(f"{error.message} {advice}", code=error.code, status=error.status) from error


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Keep log lines to themselves: they are for Application Insights, a person is told in the answer itself."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@asynccontextmanager
async def _house() -> "AsyncIterator[House]":
    from shared.composition import opened
    from shared.config import Settings

    async with AsyncExitStack() as stack:
        try:
            house = await stack.enter_async_context(opened(Settings.read()))
        except (ValueError, OSError) as error:
            # The SDKs' own words about an account's key stay out of the message.
            raise ConfigurationError(
                "The clients for Azure and storage cannot be made: check AzureWebJobsStorage (a whole connection "
                f"string, or none) and SSL_CERT_FILE ({type(error).__name__})."
            ) from error
        yield house


async def policy_for(house: "House", other: Path | None = None) -> "Policy":
    """The policy that the functions work by, as storage has it; or another one, from a file, that is only tried.

    `Generations.current` is not asked: it would put the document that MUSTER_POLICY names here, on whatever
    machine this is, in force for everybody.

    Raises:
        PolicyError: the file does not validate, or no policy was ever put in force.
        StorageError: storage did not answer.
    """
    from shared.errors import PolicyError
    from shared.policy.loading import parse_policy, read_policy
    from shared.policy.model import PolicyText
    from shared.reconcile.generations import CURRENT

    if other is not None:
        return parse_policy(read_policy(other))
    documents = house.sweep.documents
    current = await documents.read(CURRENT)
    kept = await documents.read(f"policy/{current.body['digest']}.json") if current else None
    if current is None or kept is None:
        raise PolicyError("No policy is in force yet: start the function app once, or name a file with --policy.")
    texts = [PolicyText(name, text) for name, text in kept.body["texts"]]
    return parse_policy(texts, generation=int(current.body["generation"]))


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
