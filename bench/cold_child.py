"""One cold start in a process of its own: `python -m bench.cold_child APP [FUNCTION]`, one JSON line.

The worker library itself is imported beforehand: the platform has it warm when an app's own files are
mounted. What counts is what an app adds: azure.functions, its modules, its functions' indexing, and the
first invocation.
"""

import asyncio
import json
import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import azure_functions_runtime

from devhost.bindings import Function
from devhost.protocol import TypedData
from devhost.worker import Worker

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
CLUSTER = (
    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-cold/providers/microsoft.containerservice/managedclusters/cold"
)


def _event() -> TypedData:
    name = "Microsoft.ContainerService/managedClusters/write"
    event = {
        "id": "1",
        "topic": f"/subscriptions/{SUBSCRIPTION}",
        "subject": CLUSTER,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": datetime.now(UTC).isoformat(),
        "data": {"operationName": name, "resourceUri": CLUSTER},
        "dataVersion": "2",
        "metadataVersion": "1",
    }
    return TypedData(json=json.dumps(event))


def _message() -> TypedData:
    asked = {"v": 1, "cluster": CLUSTER, "reason": "event", "requestedAt": datetime.now(UTC).isoformat()}
    return TypedData(string=json.dumps(asked))


async def _cold(app: Path, name: str | None) -> dict[str, float | int]:
    worker = Worker(app)
    begun, used = time.perf_counter(), time.process_time()
    functions = {function.name: function for function in await worker.start()}
    measured: dict[str, float | int] = {
        "index": time.perf_counter() - begun,
        "indexCpu": time.process_time() - used,
        "modules": len(sys.modules),
    }
    if name is not None:
        await _invoke(worker, functions[name])
    measured |= {"total": time.perf_counter() - begun, "totalCpu": time.process_time() - used}
    worker.stop()
    return measured


async def _invoke(worker: Worker, function: Function) -> None:
    event_grid = type(function.trigger).__name__ == "EventGridTrigger"
    outcome = await worker.invoke(function, _event() if event_grid else _message())
    if not outcome.succeeded:
        raise SystemExit(f"{function.name} failed: {outcome.error}\n{outcome.stack_trace}")


if __name__ == "__main__":
    # The host takes the app's log lines; here they would only mix with the result.
    logging.disable(logging.CRITICAL)
    del azure_functions_runtime
    folder, *rest = sys.argv[1:]
    print(json.dumps(asyncio.run(_cold(Path(folder).resolve(), rest[0] if rest else None))))
