"""Sweeps in a process of their own: `python -m bench.sweep_child plan|remember|sweep`, JSON on stdin and stdout.

`plan` lists the extensions that the product itself would install, `remember` writes the memory rows that
a look at each converged cluster would have left, `sweep` runs one sweep and tells what it cost.
"""

import asyncio
import gc
import json
import logging
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from azure.storage.queue.aio import QueueClient

from bench.machine import resident_mib
from shared.azureml.drift import fingerprint
from shared.composition import House, opened
from shared.config import Settings
from shared.model.cluster import Cluster
from shared.model.extension import Extension
from shared.model.gates import Gates, Mode
from shared.model.message import QUEUE
from shared.model.observation import Observation
from shared.model.request import Reason
from shared.reconcile.decide import decide
from shared.reconcile.record import remembered
from shared.state.memory import Row

_AT_ONCE = 24


def _seen(cluster: Cluster, extensions: Iterable[Extension], own: str) -> Observation:
    return Observation(
        cluster.id,
        Reason.EVENT,
        Gates(Mode.ENFORCE),
        cluster=cluster,
        extensions=tuple(extensions),
        relay_ready=True,
        own_names=frozenset({own}),
    )


async def plan(house: House) -> list[dict[str, Any]]:
    """What would be installed on each cluster, in the words of the simulator's put_extensions."""
    policy = await house.reconciler.generations.current()
    own, now = house.settings.client_id.lower(), datetime.now(UTC)
    planned = []
    async for cluster in house.sweep.graph.clusters(house.settings.subscriptions):
        desired = decide(_seen(cluster, (), own), policy, now).desired
        if desired is not None:
            properties = {
                "extensionType": "Microsoft.AzureML.Kubernetes",
                "configurationSettings": dict(desired.settings),
                "configurationProtectedSettings": dict.fromkeys(desired.protected, "planted"),
                "releaseTrain": desired.release_train,
                "autoUpgradeMinorVersion": desired.auto_upgrade_minor_version,
            }
            planned.append(
                {"cluster_id": cluster.arm_id, "name": "azureml", "properties": properties, "created_by": own}
            )
    return planned


async def remember(house: House) -> int:
    """Write a row for each cluster that stands as wanted; how many."""
    policy = await house.reconciler.generations.current()
    own, now = house.settings.client_id.lower(), datetime.now(UTC)
    extensions = {owner: each async for owner, each in house.sweep.graph.extensions(house.settings.subscriptions)}
    turn, tasks = asyncio.Semaphore(_AT_ONCE), []

    async def write(row: Row, seen: Observation) -> None:
        async with turn:
            decision = decide(seen, policy, now)
            await house.table.write(row, remembered(seen, decision, policy, now))

    async for cluster in house.sweep.graph.clusters(house.settings.subscriptions):
        missing = _seen(cluster, (), own)
        desired = decide(missing, policy, now).desired
        if desired is None or cluster.id not in extensions:
            continue
        seen = _seen(cluster, (extensions[cluster.id],), own)
        memory = replace(seen.memory, sent=fingerprint(desired), sent_at=now, sent_keys=tuple(sorted(desired.settings)))
        tasks.append(asyncio.create_task(write(Row(cluster.id), replace(seen, memory=memory))))
    await asyncio.gather(*tasks)
    # The queue's creation belongs to no sweep.
    async with QueueClient.from_connection_string(house.settings.storage_connection, QUEUE) as queue:
        await queue.create_queue()
    return len(tasks)


async def sweep(house: House) -> dict[str, Any]:
    """One sweep: what it saw, and what it cost this process."""
    await house.reconciler.generations.current()
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


async def _run(verb: str) -> object:
    async with opened(Settings.read()) as house:
        match verb:
            case "plan":
                return await plan(house)
            case "remember":
                return await remember(house)
            case _:
                return await sweep(house)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(asyncio.run(_run(sys.argv[1]))))
