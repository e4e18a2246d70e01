"""`python -m bench.fleet_child`: plant extensions and memories on a simulated fleet; says in JSON how many stand how.

What each cluster gets is what the product's own `decide` wants there, and what is remembered of it is what the
product's own recorder would have written after its last look: installed and verified, held, or, where the tag
`QUARANTINED` says so, failed as often as the policy allows.
"""

import asyncio
import contextlib
import json
import logging
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableClient
from azure.storage.queue.aio import QueueClient

from shared.azureml.drift import fingerprint
from shared.composition import House, opened
from shared.config import Settings
from shared.fleet.rows import fleet_of
from shared.model.cluster import Cluster
from shared.model.decision import Decision, LookBy
from shared.model.extension import Extension
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId, Kind
from shared.model.inside import Verification
from shared.model.message import QUEUE
from shared.model.observation import FollowUp, Memory, Observation
from shared.model.request import Reason
from shared.model.state import Condition, HoldCode
from shared.policy.model import Policy
from shared.reconcile.decide import decide
from shared.reconcile.record import remembered
from shared.state.memory import TABLE, MemoryTable, Row
from simulator.control import Control

QUARANTINED = "bench-quarantined"
_AT_ONCE = 1000  # extensions in one request to the simulator
_TRANSACTION = 100  # rows in one transaction of the table service
_TRANSACTIONS = 4  # at a time
_FAILURE = timedelta(minutes=10)  # ago, of what is quarantined


@dataclass(slots=True)
class Collector:
    """Takes the rows that the product's memory would write, to be written together."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    async def create_entity(self, entity: dict[str, Any]) -> dict[str, str]:
        """Keep a row."""
        self.rows[entity["PartitionKey"]].append(entity)
        return {"etag": ""}

    async def create_table(self) -> None:
        """Nothing: the table is made before."""

    async def write(self, table: TableClient) -> None:
        """Write everything, a hundred rows of a subscription at a time."""
        turn = asyncio.Semaphore(_TRANSACTIONS)

        async def send(rows: Sequence[dict[str, Any]]) -> None:
            async with turn:
                await table.submit_transaction([("create", row) for row in rows])

        batches = [
            rows[at : at + _TRANSACTION] for rows in self.rows.values() for at in range(0, len(rows), _TRANSACTION)
        ]
        await asyncio.gather(*map(send, batches))


@dataclass(frozen=True, slots=True)
class Seeder:
    """What decides for each cluster, and under whose name the extensions were made."""

    policy: Policy
    own: str
    now: datetime

    def seen(self, cluster: Cluster, extensions: Sequence[Extension] = (), memory: Memory | None = None) -> Observation:
        """A look at a cluster."""
        return Observation(
            cluster.id,
            Reason.EVENT,
            Gates(Mode.ENFORCE),
            cluster=cluster,
            extensions=tuple(extensions),
            memory=memory or Memory(),
            relay_ready=True,
            own_names=frozenset({self.own}),
        )

    def plan(self, cluster: Cluster) -> tuple[Decision, dict[str, Any] | None]:
        """What is decided where nothing is installed, and what then is, in the words of put_extensions."""
        decision = decide(self.seen(cluster), self.policy, self.now)
        desired = decision.desired
        if desired is None:
            return decision, None
        properties = {
            "extensionType": "Microsoft.AzureML.Kubernetes",
            "configurationSettings": dict(desired.settings),
            "configurationProtectedSettings": dict.fromkeys(desired.protected, "planted"),
            "releaseTrain": desired.release_train,
            "autoUpgradeMinorVersion": desired.auto_upgrade_minor_version,
        }
        state = "Failed" if QUARANTINED in cluster.tags else "Succeeded"
        place = {"cluster_id": cluster.arm_id, "name": decision.extension or "azureml"}
        return decision, place | {"properties": properties, "created_by": self.own, "state": state}

    def memory(self, cluster: Cluster, first: Decision, extension: Extension | None) -> tuple[str, Memory]:
        """How a cluster stands, and what the look that saw it so wrote down."""
        if extension is None or first.desired is None:
            return self._looked(self.seen(cluster))
        sent = fingerprint(first.desired)
        keys = tuple(sorted(first.desired.settings))
        seen = self.seen(cluster, [extension], Memory(sent=sent, sent_at=self.now, sent_keys=keys))
        if QUARANTINED not in cluster.tags:
            verified = Verification(self.now, components=cluster.id.kind is Kind.AKS)
            return self._looked(replace(seen, memory=replace(seen.memory, succeeded=True, verification=verified)))
        ago = self.now - _FAILURE
        failed = remembered(seen, decide(seen, self.policy, self.now), self.policy, self.now)
        worn = replace(failed, attempts=self.policy.max_attempts, failed_at=ago, sent_at=ago - _FAILURE)
        return self._looked(replace(seen, memory=worn))

    def _looked(self, seen: Observation) -> tuple[str, Memory]:
        decision = decide(seen, self.policy, self.now)
        memory = remembered(seen, decision, self.policy, self.now)
        by_message = decision.next_look is not None and decision.look_by is LookBy.MESSAGE
        follow_up = FollowUp("planted", "planted") if by_message else None
        return _standing(decision), replace(memory, next_look=decision.next_look, follow_up=follow_up)


def _standing(decision: Decision) -> str:
    hold = decision.state.hold
    if hold is not None:
        return "quarantined" if hold.code is HoldCode.QUARANTINE else "held"
    return "current" if decision.state.condition is Condition.CURRENT else decision.state.condition.value


async def _all[T](items: AsyncIterable[T]) -> list[T]:
    return [item async for item in items]


async def seed(house: House, control: Control) -> Counter[str]:
    """Plant extensions and memories; how many clusters stand how."""
    seeder = Seeder(await house.reconciler.generations.current(), house.settings.client_id.lower(), datetime.now(UTC))
    graph, scope = house.sweep.graph, house.settings.subscriptions
    clusters = {cluster.id: cluster for cluster in await _all(graph.clusters(scope))}
    planned = {name: seeder.plan(cluster) for name, cluster in clusters.items()}
    wanted = [extension for _, extension in planned.values() if extension is not None]
    for start in range(0, len(wanted), _AT_ONCE):
        control.put_extensions(wanted[start : start + _AT_ONCE])
    found: dict[ClusterId, Extension] = {
        cluster: extension for cluster, (extension,) in (await fleet_of(graph, scope))[1].items()
    }
    collector, stands = Collector(), Counter[str]()
    table = MemoryTable(cast("TableClient", collector))
    for name, (first, _) in planned.items():
        standing, memory = seeder.memory(clusters[name], first, found.get(name))
        await table.write(Row(name), memory)
        stands[standing] += 1
    async with TableClient.from_connection_string(house.settings.storage_connection, TABLE) as client:
        with contextlib.suppress(ResourceExistsError):
            await client.create_table()
        await collector.write(client)
    # The queue's creation belongs to no sweep.
    async with QueueClient.from_connection_string(house.settings.storage_connection, QUEUE) as queue:
        await queue.create_queue()
    return stands


async def _run() -> Counter[str]:
    async with opened(Settings.read()) as house:
        return await seed(house, Control(house.settings.arm_endpoint, os.environ["SSL_CERT_FILE"]))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    print(json.dumps(asyncio.run(_run())))
