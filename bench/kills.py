"""`python -m bench.kills`: kill the host again and again while a fleet is taken on; then see what became of it.

A host that dies by SIGKILL leaves leases, half-written memories and messages that come back. Nothing may be lost by
that, and no cluster may be written to twice at once.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueServiceClient

from bench.chaos_checks import leaks
from bench.chaos_world import SELECTED, SUBSCRIPTION, World

_GROUP = "rg-kills"
_PATIENCE = 900.0
_POLL = 0.5
_SWEEP_EVERY = 5.0


def run(world: World, *, clusters: int, kills: int, seed: int) -> list[str]:
    """Take a fleet on while the hosts are killed; every broken promise, in words."""
    control, chance = world.control, Random(seed)  # noqa: S311  a plan that can be repeated, not a secret
    facts = {"kind": "aks", "subscription": SUBSCRIPTION, "resource_group": _GROUP, "tags": dict(SELECTED), "nodes": 3}
    made = control.create_clusters([{**facts, "name": f"kill-{number}"} for number in range(clusters)])
    for _ in range(kills):
        time.sleep(chance.uniform(0.1, 1.5))
        host = chance.randrange(len(world.stack.host_urls))
        if world.stack.host_pid(host) is not None:
            world.stack.kill_host(host)
            world.done["kill"] += 1
        world.stack.restart_host(host)
    world.revive()
    poisoned = _converge(world, made)
    return [*_unfinished(world, made), *_doubled(world), *_poisoned(world, poisoned), *leaks(world)]


def _converge(world: World, made: Sequence[str]) -> set[str]:
    """Let sweeps do their work until every cluster stands; the clusters that were named in the poison queue."""
    deadline, swept, poisoned = time.monotonic() + _PATIENCE, 0.0, set[str]()
    while time.monotonic() < deadline:
        poisoned |= _in_poison(world)
        if not _unfinished(world, made):
            return poisoned
        if time.monotonic() - swept > _SWEEP_EVERY:
            world.sweep()
            swept = time.monotonic()
        time.sleep(_POLL)
    return poisoned


def _unfinished(world: World, made: Sequence[str]) -> list[str]:
    found = []
    for cluster in made:
        states = [each["properties"]["provisioningState"] for each in world.control.extensions(cluster)]
        if states != ["Succeeded"]:
            found.append(f"not converged: {cluster}: {', '.join(states) or 'no extension'}")
    return found


def _doubled(world: World) -> list[str]:
    """Writes that met, and clusters that got their extension more than once although the first attempt stood."""
    found = [f"violation: {each}" for each in world.control.violations()]
    puts = Counter(
        each["path"].lower() for each in world.control.writes() if each["method"] == "PUT" and each.get("effect")
    )
    return found + [f"installed {count} times: {path}" for path, count in puts.items() if count > 1]


def _in_poison(world: World) -> set[str]:
    with QueueServiceClient.from_connection_string(world.stack.storage_connection_string) as queues:
        try:
            messages = queues.get_queue_client("reconcile-poison").peek_messages(max_messages=32)
        except ResourceNotFoundError:
            return set()
    return {str(message.content)[:40] for message in messages}


def _poisoned(world: World, named: set[str]) -> list[str]:
    """What was named in poison was recorded, and asked for again by a sweep; nothing is left there."""
    world.done["in poison"] = len(named)
    world.done["recorded as poisoned"] = sum(
        json.loads(line).get("event") == "poisoned"
        for path in world.stack.logs().values()
        for line in Path(path).read_text(errors="replace").splitlines()
        if line.startswith('{"event"')
    )
    left = _in_poison(world)
    return [f"{len(left)} messages are left in the poison queue"] if left else []


def main(argv: Sequence[str] | None = None) -> int:
    """One run; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    begun = time.monotonic()
    with World.running(folder) as world:
        found = run(world, clusters=arguments.clusters, kills=arguments.kills, seed=arguments.seed)
        done = ", ".join(f"{name} {count}" for name, count in sorted(world.done.items()))
    print(f"{arguments.clusters} clusters, {done}; {time.monotonic() - begun:.0f} s")
    if found:
        print("\n".join(found[:40]), f"\nlogs in {folder}")
        return 1
    print("held")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
