"""`python -m bench.sweep_child`: one sweep in a process of its own, through the product's composition root.

Once the house is open and warm it says `warm` and waits for a line on stdin, so that whoever started it can begin
to count; then it sweeps, and says in JSON what the product reported and what the process used meanwhile.
"""

import asyncio
import gc
import json
import logging
import sys
import time
from typing import Any

from bench.machine import resident_mib
from shared.composition import House, opened
from shared.config import Settings
from shared.model.identity import ClusterId


async def warm(house: House) -> None:
    """Have the policy read, a token fetched, and one connection to Azure and one to storage opened."""
    await house.reconciler.generations.current()
    await house.sweep.graph.ancestors()
    nobody = f"/subscriptions/{next(iter(house.settings.subscriptions))}/resourceGroups/none/providers"
    await house.table.read(ClusterId.parse(f"{nobody}/Microsoft.ContainerService/managedClusters/none"))


async def sweep(house: House) -> dict[str, Any]:
    """One sweep: what it saw, and what it cost this process."""
    gc.collect()
    before, began, used = resident_mib(), time.perf_counter(), time.process_time()
    report = await house.sweep.run()
    return {
        "clusters": report.clusters,
        "extensions": report.extensions,
        "asked": dict(report.asked),
        "whole": report.whole,
        "trouble": report.trouble,
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "rssBefore": before,
        "rssPeak": resident_mib("VmHWM"),
    }


async def _run() -> dict[str, Any]:
    async with opened(Settings.read()) as house:
        await warm(house)
        print("warm", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        return await sweep(house)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(asyncio.run(_run())))
