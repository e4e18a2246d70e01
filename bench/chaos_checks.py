"""What must hold when the mishaps are over. Each check gives sentences; none means that it holds."""

import base64
import binascii
import gzip
import time
from collections.abc import Iterator
from pathlib import Path

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from bench.chaos_world import FOREIGN, Schedule, World

_POLL = 0.25
_SWEEP_EVERY = 2.0
_QUIET = 3.0
# Messages with a longer delay than this belong to no work under way.
_PEEKED = 32


def broken(schedule: Schedule, patience: float) -> list[str]:
    """Every broken invariant of a schedule that has been calmed, in words."""
    world = schedule.world
    found = _converged(schedule, patience)
    if not found:
        found = _quiet(schedule, patience)
    return [*found, *_never(schedule), *_poison(world), *leaks(world)]


def _unfinished(schedule: Schedule) -> dict[str, str]:
    """The selected clusters that do not have their extension yet, and how they stand."""
    unfinished = {}
    for cluster in schedule.selected():
        extensions = schedule.world.control.extensions(cluster)
        states = [extension["properties"]["provisioningState"] for extension in extensions]
        if states != ["Succeeded"]:
            unfinished[cluster] = ", ".join(states) or "no extension"
    return unfinished


def _converged(schedule: Schedule, patience: float) -> list[str]:
    """Every selected healthy cluster gets its extension, with sweeps as the timer would bring them."""
    deadline = time.monotonic() + patience
    swept = 0.0
    while unfinished := _unfinished(schedule):
        if time.monotonic() > deadline:
            return [f"not converged after {patience:.0f} s: {cluster}: {how}" for cluster, how in unfinished.items()]
        if time.monotonic() - swept > _SWEEP_EVERY:
            schedule.world.sweep()
            swept = time.monotonic()
        time.sleep(_POLL)
    return []


def _quiet(schedule: Schedule, patience: float) -> list[str]:
    """A converged fleet gets no write in a sweep, once what was still on its way has been done."""
    control, deadline = schedule.world.control, time.monotonic() + patience
    if not _still(schedule, deadline):
        return ["the fleet converged and was still written to until the patience ended"]
    since = len(control.requests())
    if not schedule.world.sweep():
        return ["the sweep over the converged fleet failed"]
    _still(schedule, time.monotonic() + _QUIET * 4)
    writes = control.writes(since)
    return [f"a sweep over the converged fleet led to {each['method']} {each['path']}" for each in writes]


def _still(schedule: Schedule, deadline: float) -> bool:
    """Wait until no write was sent and nothing ran for a while."""
    control = schedule.world.control
    last, at = len(control.writes()), time.monotonic()
    while time.monotonic() < deadline:
        now = len(control.writes())
        if now != last or schedule.world.running_invocations():
            last, at = now, time.monotonic()
        elif time.monotonic() - at > _QUIET:
            return True
        time.sleep(_POLL)
    return False


def _never(schedule: Schedule) -> list[str]:
    """What may not have happened at any moment."""
    control = schedule.world.control
    found = [f"violation: {each}" for each in control.violations()]
    found += [f"defect of the simulator: {each}" for each in control.defects()]
    found += [f"no role in infra/roles holds {each}" for each in control.lacking()]
    for entry in control.requests(schedule.since):
        path = entry["path"].lower()
        if FOREIGN in path:
            found.append(f"outside the scope: {entry['method']} {entry['path']}")
    for entry in control.writes(schedule.since):
        cluster = entry["path"].lower().partition("/providers/microsoft.kubernetesconfiguration/")[0]
        if cluster not in schedule.ever_selected:
            found.append(f"never selected, and written to: {entry['method']} {entry['path']}")
        if entry["method"] == "DELETE":
            found.append(f"nobody asked for it: DELETE {entry['path']}")
    return found


def _poison(world: World) -> list[str]:
    """The poison queue is worked off; its clusters were asked for again, or they would not have converged."""
    with QueueServiceClient.from_connection_string(world.stack.storage_connection_string) as queues:
        try:
            left = len(queues.get_queue_client("reconcile-poison").peek_messages(max_messages=_PEEKED))
        except ResourceNotFoundError:
            left = 0
    return [f"{left} messages lie in the poison queue"] if left else []


def leaks(world: World) -> list[str]:
    """Places outside Azure where a relay's key can be read."""
    secrets = {
        part.partition("=")[2]
        for relay in world.control.relays()
        for connection in relay["connectionStrings"]
        for part in connection.split(";")
        if part.startswith("SharedAccessKey=")
    }
    found = []
    for place, text in _places(world):
        if any(secret in text for secret in secrets):
            found.append(f"a relay's key stands in {place}")
    return found


def _places(world: World) -> Iterator[tuple[str, str]]:
    connection = world.stack.storage_connection_string
    for name, path in world.stack.logs().items():
        yield f"the log of {name}", Path(path).read_text(errors="replace")
    with TableServiceClient.from_connection_string(connection) as tables:
        for table in tables.list_tables():
            for entity in tables.get_table_client(table.name).list_entities():
                yield f"table {table.name}", repr(dict(entity))
    with QueueServiceClient.from_connection_string(connection) as queues:
        for queue in queues.list_queues():
            for message in queues.get_queue_client(queue.name).peek_messages(max_messages=_PEEKED):
                yield f"queue {queue.name}", _decoded(str(message.content))
    with BlobServiceClient.from_connection_string(connection) as blobs:
        for container in blobs.list_containers():
            client = blobs.get_container_client(container.name)
            for blob in client.list_blobs():
                yield f"blob {container.name}/{blob.name}", _unpacked(client.download_blob(blob.name).readall())


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except binascii.Error:
        return text


def _unpacked(raw: bytes) -> str:
    plain = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    return plain.decode(errors="replace")
