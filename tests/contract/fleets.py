"""A fleet on storage of its own with a policy that has a rollout, for tests that pass time and change policies."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from devhost.azurite import Azurite
from shared.azureml.drift import fingerprint
from shared.composition import House, opened
from shared.config import Settings
from shared.fleet import snapshot
from shared.fleet.rows import fleet_of
from shared.model.cluster import Source
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId, Kind
from shared.model.message import QUEUE, decode
from shared.model.observation import Observation
from shared.model.request import Reason, Request
from shared.reconcile.decide import decide
from shared.reconcile.record import remembered
from shared.state.memory import Row
from simulator.control import Control

SELECTED = {"aml-onboard": "true"}
RINGS = """
  rings:
    - {name: canary, match: {tags: {ring: canary}}, soak: 1h}
    - {name: early, match: {tags: {ring: early}}}
    - {name: rest}
"""
PROFILE = """
version: 1
profiles:
  training: {{settings: {{enableTraining: true, installVolcano: {volcano}}}}}
rules: [{{name: all, profile: training}}]
enforcement: {{updateDisruptive: act}}
rollout:
{rollout}
"""


@dataclass
class Clock:
    """A clock that starts now and is moved by hand."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Fleet:
    """A house with a policy file, and the simulated Azure around it."""

    house: House
    control: Control
    clock: Clock
    policy: Path
    subscription: str
    queue: QueueClient

    async def put_policy(self, *, volcano: str, rollout: str) -> None:
        """Put a policy in force."""
        standing = await self.house.reconciler.generations.current()
        self.policy.write_text(PROFILE.format(volcano=volcano, rollout=rollout or "  newClusters: {perHour: 100000}"))
        await self.house.reconciler.generations.current(at_least=standing.generation + 1)

    def pass_time(self, span: timedelta) -> None:
        """Let the time pass, for Azure and for us."""
        self.clock.ahead += span
        self.control.advance(span.total_seconds())

    def made(self, count: int, tags: dict[str, str], prefix: str = "c") -> list[ClusterId]:
        """Clusters without a word to anybody."""
        facts = {"kind": "aks", "subscription": self.subscription, "nodes": 3, "emit": False, "tags": tags}
        made = self.control.create_clusters([{**facts, "name": f"{prefix}{number}"} for number in range(count)])
        return [ClusterId.parse(each) for each in made]

    async def converge(self) -> None:
        """Give every cluster the extension that the policy wants, and the memory that its last look would have left."""
        policy = await self.house.reconciler.generations.current()
        own = self.house.settings.client_id.lower()
        clusters = [each async for each in self.house.sweep.graph.clusters([self.subscription])]
        gates, now = Gates(Mode.ENFORCE), self.clock()
        seen = [
            Observation(
                c.id, Reason.EVENT, gates, cluster=replace(c, source=Source.ARM), extensions=(), relay_ready=True
            )
            for c in clusters
        ]
        wanted = {each.id: decide(each, policy, now).desired for each in seen}
        self.control.put_extensions(
            [
                {
                    "cluster_id": str(cluster),
                    "name": "azureml",
                    "created_by": own,
                    "properties": {
                        "extensionType": "Microsoft.AzureML.Kubernetes",
                        "configurationSettings": dict(desired.settings),
                        "releaseTrain": desired.release_train,
                        "autoUpgradeMinorVersion": desired.auto_upgrade_minor_version,
                    },
                }
                for cluster, desired in wanted.items()
            ]
        )
        _, found = await fleet_of(self.house.sweep.graph, [self.subscription])
        listed = {owner: extension for owner, (extension,) in found.items()}
        turn = asyncio.Semaphore(32)

        async def remember(look: Observation) -> None:
            desired = wanted[look.id]
            memory = replace(
                look.memory, sent=fingerprint(desired), sent_at=now, sent_keys=tuple(sorted(desired.settings))
            )
            standing = replace(look, extensions=(listed[look.id],), memory=memory, own_names=frozenset({own}))
            decision = decide(standing, policy, now)
            async with turn:
                await self.house.table.write(Row(look.id), remembered(standing, decision, policy, now))

        await asyncio.gather(*map(remember, seen))

    async def three_under(self, rollout: str) -> int:
        """Three clusters that have what a policy with this rollout wants; its generation."""
        self.made(3, SELECTED)
        await self.put_policy(volcano="false", rollout=rollout)
        await self.converge()
        return (await self.house.reconciler.generations.current()).generation

    async def asked(self) -> list[ClusterId]:
        """The clusters in the queue, which is empty afterwards; follow-ups that wait are left out."""
        found = []
        async for message in self.queue.receive_messages(messages_per_page=32):
            found.append(decode(message.content).cluster)
            await self.queue.delete_message(message)
        return found

    async def look(self, clusters: list[ClusterId]) -> Counter[str]:
        """Look at clusters, some at the same time; what was decided, by action and hold."""
        turn, decided = asyncio.Semaphore(16), Counter[str]()

        async def one(cluster: ClusterId) -> None:
            async with turn:
                decision = await self.house.reconciler.step(Request(cluster, Reason.SWEEP, self.clock()))
            hold = decision.state.hold if decision else None
            decided[hold.code.value if hold else (decision.action.value if decision else "-")] += 1

        await asyncio.gather(*map(one, clusters))
        return decided

    async def rounds(self, count: int, pause: timedelta = timedelta(minutes=5)) -> Counter[str]:
        """So many times a sweep and the looks that it asked for; what was decided, all together."""
        decided = Counter[str]()
        for _ in range(count):
            await self.house.sweep.run()
            decided += await self.look(await self.asked())
            self.pass_time(pause)
        return decided

    def written(self, since: int) -> set[str]:
        """The clusters to which something was sent since a number of the simulator's log."""
        paths = [each["path"].lower() for each in self.control.writes(since)]
        return {path.partition("/providers/microsoft.kubernetesc")[0] for path in paths}

    async def entries(self) -> list[snapshot.Entry]:
        """The clusters as the last whole sweep left them."""
        return list(snapshot.Snapshot(await self.house.sweep.documents.read_raw(snapshot.NAME)).all())


@asynccontextmanager
async def fleet_on(
    subscription: str, control: Control, ca_file: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Fleet]:
    """Everything, with an empty queue, a policy and storage of the test's own: books and documents are one for all."""
    policy, clock = folder / "policy.yaml", Clock()
    monkeypatch.setenv("MUSTER_POLICY", str(policy))
    policy.write_text(PROFILE.format(volcano="false", rollout="  newClusters: {perHour: 100000}"))
    control.graph(quota=None)
    with Azurite(folder / "azurite") as azurite:
        storage = azurite.connection_string
        monkeypatch.setenv("AzureWebJobsStorage", storage)
        async with (
            opened(Settings.read(), clock=clock) as house,
            QueueClient.from_connection_string(storage, QUEUE, message_decode_policy=TextBase64DecodePolicy()) as queue,
        ):
            house.reconciler.observer.arm._transport.connection_config.verify = ca_file
            await house.messages.send(Request(ClusterId(subscription, "rg", Kind.AKS, "x"), Reason.SWEEP, clock()))
            await queue.clear_messages()
            yield Fleet(house, control, clock, policy, subscription, queue)
