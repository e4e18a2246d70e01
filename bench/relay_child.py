"""Make relay objects as the product makes them: `python -m bench.relay_child`, cluster ids on stdin."""

import asyncio
import logging
import sys
from datetime import UTC, datetime

from shared.azureml.relay import relay_for
from shared.composition import opened
from shared.config import Settings
from shared.model.identity import ClusterId

_AT_ONCE = 8


async def _prepare(ids: list[str]) -> None:
    async with opened(Settings.read(), clock=lambda: datetime.now(UTC)) as house:
        reconciler, turn = house.reconciler, asyncio.Semaphore(_AT_ONCE)

        async def prepare(each: str) -> None:
            async with turn:
                cluster = await reconciler.observer.arm.cluster(ClusterId.parse(each))
                relays, relay = reconciler.actor.relays, relay_for(cluster)
                while not await relays.begin(cluster, relay):  # noqa: ASYNC110  it is asked, it does not tell
                    await asyncio.sleep(0.05)
                await relays.complete(cluster.id, relay)

        await asyncio.gather(*map(prepare, ids))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(_prepare(sys.stdin.read().split()))
