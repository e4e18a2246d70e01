"""The sweep: the whole fleet by a few paged queries; decide for all, ask for those that need it.

A converged fleet costs pages and nothing else. A cluster is asked for when `decide` on its rows yields
an action, when the fingerprint of its inputs changed since the last look, or when its next look is
overdue (its message was lost, or the look was left to the sweep).
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared import logs
from shared.azure.resource_graph import ResourceGraph
from shared.errors import IntentsUnreadable, MusterError, NotAuthorized
from shared.fleet.compliance import SNAPSHOT, Line, figures
from shared.model.certificate import CertificateReading
from shared.model.cluster import Cluster
from shared.model.decision import Action, Decision, Want
from shared.model.extension import Extension
from shared.model.gates import Gates
from shared.model.identity import ClusterId
from shared.model.intent import Intent
from shared.model.observation import Memory, Observation
from shared.model.request import Reason, Request
from shared.model.state import Management, State
from shared.reconcile.beyond import Beyond
from shared.reconcile.decide import decide
from shared.reconcile.generations import Generations
from shared.reconcile.inputs import inputs_of
from shared.reconcile.rights import Rights
from shared.reconcile.scope import Scope
from shared.state.documents import Documents
from shared.state.intents import Intents
from shared.state.memory import MemoryTable, Row
from shared.state.messages import Messages

# A message on its way gets this long before the sweep takes it for lost.
_GRACE = timedelta(minutes=2)
# A follow-up that comes this soon will see whatever changed.
_SOON = timedelta(minutes=5)
_AT_ONCE = 16
# Where rows and the last look disagree on the same inputs, the look is believed for this long.
_BELIEVED = timedelta(hours=1)
_OUTSIDERS = frozenset({Management.NOT_SELECTED, Management.HANDS_OFF, Management.EXEMPT})


@dataclass(slots=True)
class Report:
    """What one sweep saw and did."""

    started: datetime
    clusters: int = 0
    extensions: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    whole: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The sweep and everything it works with."""

    scope: Scope
    generations: Generations
    graph: ResourceGraph
    table: MemoryTable
    intents: Intents
    messages: Messages
    documents: Documents
    beyond: Beyond
    rights: Rights
    gates: Callable[[], Gates]
    own_names: frozenset[str]
    clock: Callable[[], datetime]

    async def run(self) -> Report:
        """Look over the fleet once.

        A sweep that cannot read everything, the policy included, leaves no snapshot; it still asks for what is overdue.
        """
        report = Report(self.clock())
        rows = {row.cluster: row async for row in self.table.all()}
        wanted: dict[ClusterId, str] = {}
        try:
            lines = await self._over_fleet(rows, wanted, report)
        except MusterError as error:
            report.trouble = error.message
            if isinstance(error, NotAuthorized):
                await self.rights.note()
            wanted |= _overdue(rows.values(), report.started)
        else:
            report.whole = True
            await self.documents.write(
                SNAPSHOT,
                {"asOf": report.started.isoformat(), "figures": figures(lines), "clusters": [x.plain() for x in lines]},
            )
        await self._ask(wanted, report)
        logs.event(
            "sweep",
            clusters=report.clusters,
            extensions=report.extensions,
            asked=dict(report.asked),
            whole=report.whole,
            trouble=report.trouble or None,
            ms=round((self.clock() - report.started).total_seconds() * 1000),
        )
        return report

    async def _over_fleet(self, rows: dict[ClusterId, Row], wanted: dict[ClusterId, str], report: Report) -> list[Line]:
        policy = await self.generations.current()
        await self.scope.refresh()
        subscriptions = await self.scope.subscriptions()
        words, readable = await self._words()
        # Read once: a sweep writes nothing to clusters, and whoever does reads them again.
        gates = self.gates()
        certificates: dict[str, CertificateReading] = {}
        extensions: dict[ClusterId, list[Extension]] = defaultdict(list)
        async for owner, extension in self.graph.extensions(subscriptions):
            extensions[owner].append(extension)
            report.extensions += 1
        lines: list[Line] = []
        seen_ids: set[ClusterId] = set()
        async for cluster in self.graph.clusters(subscriptions):
            if cluster.id in seen_ids:
                continue
            seen_ids.add(cluster.id)
            row = rows.get(cluster.id) or Row(cluster.id)
            listed, word = tuple(extensions.get(cluster.id, ())), words.get(cluster.id)
            seen = await self._observation(cluster, listed, row.memory, word, gates, readable=readable)
            decision = decide(seen, policy, report.started)
            if Want.CERTIFICATE in decision.wants:
                seen = await self._with_certificate(seen, decision, certificates)
                decision = decide(seen, policy, report.started)
            same = row.memory.inputs is not None and row.memory.inputs == inputs_of(
                policy, seen, decision, report.started
            )
            why = _why_ask(seen, decision, report.started, same=same)
            if why:
                wanted[cluster.id] = why
            lines.append(_line(cluster, seen, decision, same=same))
        report.clusters = len(lines)
        # What is remembered and no longer listed: one look tells whether it is gone.
        unlisted = [
            row for cluster, row in rows.items() if cluster not in seen_ids and cluster.subscription in subscriptions
        ]
        wanted |= _overdue(unlisted, report.started)
        wanted |= {row.cluster: "unlisted" for row in unlisted if row.memory.next_look is None}
        return lines

    async def _observation(
        self,
        cluster: Cluster,
        extensions: tuple[Extension, ...],
        memory: Memory,
        intent: Intent | None,
        gates: Gates,
        *,
        readable: bool,
    ) -> Observation:
        return Observation(
            cluster.id,
            Reason.SWEEP,
            gates,
            cluster=cluster,
            extensions=extensions,
            memory=memory,
            intent=intent,
            intents_readable=readable,
            own_names=self.own_names,
            management_groups=await self.scope.groups_above(cluster.id.subscription),
        )

    async def _with_certificate(
        self, seen: Observation, decision: Decision, known: dict[str, CertificateReading]
    ) -> Observation:
        """The observation with the newest version of its certificate; each address is asked once in a sweep."""
        address = decision.desired.certificate if decision.desired else None
        if address is None:
            return seen
        if address not in known:
            known[address] = await self.beyond.certificate(address)
        return replace(seen, certificate=known[address])

    async def _words(self) -> tuple[dict[ClusterId, Intent], bool]:
        try:
            return await self.intents.all(), True
        except IntentsUnreadable as error:
            logs.event("intents-unreadable", reason=error.message)
            return {}, False

    async def _ask(self, wanted: dict[ClusterId, str], report: Report) -> None:
        turn = asyncio.Semaphore(_AT_ONCE)

        async def ask(cluster: ClusterId) -> None:
            async with turn:
                await self.messages.send(Request(cluster, Reason.SWEEP, report.started))

        await asyncio.gather(*(ask(cluster) for cluster in wanted))
        report.asked.update(wanted.values())


def _overdue(rows: Iterable[Row], now: datetime) -> dict[ClusterId, str]:
    return {row.cluster: "overdue" for row in rows if _is_overdue(row.memory, now)}


def _is_overdue(memory: Memory, now: datetime) -> bool:
    if memory.next_look is None:
        return False
    return now >= memory.next_look + (_GRACE if memory.follow_up else timedelta(0))


def _line(cluster: Cluster, seen: Observation, decision: Decision, *, same: bool) -> Line:
    """The cluster's line. A look knew more than rows tell, where a decision wants to read something first."""
    if same and decision.wants:
        versions = [each.current_version for each in seen.extensions or () if each.azureml]
        remembered = Line.remembered(cluster.id, seen.memory, versions[0] if versions else None)
        if remembered is not None:
            return remembered
    return Line.of(cluster, seen, decision)


def _why_ask(seen: Observation, decision: Decision, now: datetime, *, same: bool) -> str:
    """Why this cluster is asked for; "" where it is not. `same`: the last look decided on the very same inputs."""
    memory = seen.memory
    if _is_overdue(memory, now):
        return "overdue"
    if memory.follow_up is not None and memory.next_look is not None and memory.next_look <= now + _SOON:
        return ""
    before = memory.state
    if decision.action is Action.NOTHING and before is not None and _same_outsider(before, decision.state):
        return ""
    if same and not _worth_asking_again(memory, decision, now):
        # The last look decided on the very same, and by ARM's word.
        return ""
    if decision.action.writes:
        return decision.action.value
    if memory.inputs is not None:
        return "changed"
    return decision.action.value if decision.action is not Action.NOTHING else ""


def _same_outsider(before: State, after: State) -> bool:
    """Whether the cluster was, and is, none of our business."""
    return before.management is after.management and after.management in _OUTSIDERS


def _worth_asking_again(memory: Memory, decision: Decision, now: datetime) -> bool:
    """Whether time alone (an exception that ended, say) may have made a write out of what was none."""
    if not decision.action.writes or memory.next_look is not None:
        return False  # whoever holds it back has said when to look again
    return memory.looked_at is None or now - memory.looked_at > _BELIEVED
