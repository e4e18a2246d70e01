"""Look at clusters one after the other and tell what each cost: `python -m bench.step_child`, ids on stdin.

Prints a JSON list with the CPU milliseconds of this process for each cluster.
"""

import asyncio
import json
import logging
import sys
import time
from datetime import UTC, datetime

from shared.composition import opened
from shared.config import Settings
from shared.model.identity import ClusterId
from shared.model.request import Reason, Request


def _now() -> datetime:
    return datetime.now(UTC)


async def _looked(ids: list[str]) -> list[float]:
    spent = []
    async with opened(Settings.read(), clock=_now) as house:
        for each in ids:
            cluster = ClusterId.parse(each)
            before = time.process_time()
            await house.reconciler.step(Request(cluster, Reason.EVENT, _now()))
            spent.append((time.process_time() - before) * 1000)
    return spent


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(asyncio.run(_looked(sys.stdin.read().split()))))
