"""The sweep: the whole fleet by a few paged queries; decide for all, ask for those that need it.

A converged fleet costs pages and nothing else. A sweep that could not read everything, or that saw what is hard to
believe, is partial: it leaves the last snapshot and its figures as they are, draws no conclusion from a cluster that
is missing, and says so.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared import logs, telemetry
from shared.azure.resource_graph import ResourceGraph
from shared.errors import MusterError, NotAuthorized, StorageError
from shared.fleet import announcing, snapshot
from shared.fleet.announcing import Announcer, Open
from shared.fleet.asking import is_overdue
from shared.fleet.auditing import Auditor, policy_in_force
from shared.fleet.figures import Figures
from shared.fleet.gatekeeper import Gatekeeper
from shared.fleet.ground import Ground
from shared.fleet.ledger import Ledger, kept, selected
from shared.fleet.rollout import MASS_SELECTION, Seen, progressed, ring_numbers
from shared.fleet.snapshot import Snapshot
from shared.fleet.survey import Survey
from shared.fleet.trend import days_with, rules_with
from shared.fleet.visibility import Doubts, doubts
from shared.model.gates import Gates
from shared.model.identity import ClusterId
from shared.model.intent import FleetVerb, FleetWord
from shared.model.request import Reason, Request
from shared.policy.model import Policy
from shared.reconcile.beyond import Beyond
from shared.reconcile.candidates import Verdict
from shared.reconcile.generations import Generations
from shared.reconcile.rights import Rights
from shared.reconcile.scope import Scope
from shared.state.documents import Documents
from shared.state.intents import Intents
from shared.state.memory import MemoryTable, Stored
from shared.state.messages import Messages

# Counts of the figures that are measured, and the names of their gauges.
_MEASURED = {"condition": "muster.clusters", "hold": "muster.holds", "failure": "muster.failures"}
_AT_ONCE = 16
# So many clusters may wait for their turn to take up the policy's changes; the others are asked for by later sweeps.
QUEUED = 100
# So many of the clusters that a doubtful sweep misses are asked for: ARM tells which of them are really gone.
_PROBES = 10


@dataclass(slots=True)
class Report:
    """What one sweep saw and did.

    Attributes:
        lag: how many seconds the last whole one is ago.
        unaudited: partitions of the memories in which records wait for the audit.
        answered: subscriptions of which something could be read.
        in_scope: how many there are; None where that could not be told.
    """

    started: datetime
    clusters: int = 0
    extensions: int = 0
    decided: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    whole: bool = False
    figures: Figures | None = None
    trouble: str = ""
    lag: float | None = None
    read: bool = False
    unaudited: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    in_scope: int | None = None

    @property
    def subscriptions(self) -> dict[str, int | None]:
        """How many subscriptions of how many were read."""
        return {"read": len(self.answered), "inScope": self.in_scope}


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
    gatekeeper: Gatekeeper
    announcer: Announcer
    auditor: Auditor
    own_names: frozenset[str]
    clock: Callable[[], datetime]

    async def run(self) -> Report:
        """Look over the fleet once.

        A sweep that cannot read everything, the policy included, leaves no snapshot; it still asks for what is overdue.
        """
        report, standing = Report(self.clock()), dict[str, Open]()
        try:
            policy, found, words = await self._survey(report)
        except MusterError as error:
            report.trouble = error.message
            if isinstance(error, NotAuthorized):
                await self.rights.note()
            wanted = {each: "overdue" async for each in self._overdue(report)}
        else:
            doubtful = doubts(found.known, found.unlisted, found.fresh, most_fresh(policy, words, report.started))
            wanted = _wanted(found, doubtful, report.started)
            if kept(policy.rollout):
                await self._no_more_than_may_go(policy, found, words, wanted)
            report.trouble = str(doubtful)
            if not doubtful:
                await self._keep(policy, found, report)
                await self._judge(policy, found)
            await self._account(policy, found, words, doubtful)
            standing = await self._standing(policy, found, words, report)
            report.read = True
        await self._ask(wanted, report)
        standing |= announcing.of_sweep(report.whole, report.trouble)
        await self.announcer.announce(standing, whole=report.whole, read=report.read)
        if not report.whole:
            await self._keep_trouble(report)
        await self.auditor.run(report.unaudited)
        self._tell(report)
        return report

    @property
    def ground(self) -> Ground:
        """What its pass reads."""
        return Ground(
            self.generations,
            self.scope,
            self.intents,
            self.gatekeeper,
            self.graph,
            self.table,
            self.beyond,
            self.gates,
            self.own_names,
        )

    async def _survey(self, report: Report) -> tuple[Policy, Survey, tuple[FleetWord, ...]]:
        policy = await self.generations.current()
        await self.scope.refresh()
        ground = self.ground
        footing, fleet_words = await ground.footing(policy, report.started)
        footing = replace(footing, candidate=await self.generations.candidate())
        report.in_scope = len(footing.subscriptions)
        previous = await self._previous()
        if previous is not None:
            report.lag = (report.started - datetime.fromisoformat(previous.header["asOf"])).total_seconds()
        found = await ground.surveyor.survey(footing, previous, waiting=report.unaudited, answered=report.answered)
        report.clusters, report.extensions, report.decided = found.clusters, found.extensions, found.decided
        return policy, found, fleet_words

    async def _judge(self, policy: Policy, found: Survey) -> None:
        """Say of a policy that waits whether it may act by itself; a sweep that saw too little cannot tell."""
        if not found.compared:
            return
        most, waiting = policy.rollout.policy_change_clusters, await self.generations.candidates.standing()
        if waiting is None or waiting.digest != found.compared or most is None:
            return
        changed, disturbed = found.would_change, found.would_disturb
        small = changed <= most and not disturbed
        reason = (
            f"It would change {changed} installed clusters, {disturbed} of them disruptively; "
            f"up to {most}, none disruptively, need no approval (rollout.policyChange.clusters)."
        )
        await self.generations.candidates.judge(
            replace(waiting, verdict=Verdict.SMALL if small else Verdict.LARGE, reason=reason)
        )

    async def _no_more_than_may_go(
        self, policy: Policy, found: Survey, words: tuple[FleetWord, ...], wanted: dict[ClusterId, str]
    ) -> None:
        """Ask for as many as the books have room for: a look that can only be put off costs reads and does nothing.

        Where there are more new clusters than places, the earlier rings come first.
        """
        for cluster in beyond_room(policy, (await self.gatekeeper.view(policy, words)).places, found, wanted):
            del wanted[cluster]

    async def _account(self, policy: Policy, found: Survey, words: tuple[FleetWord, ...], doubtful: Doubts) -> None:
        """Bring the books of the fleet up to what was seen.

        What is doubtful moves no ring on; nor does a sweep that may not write: nothing is done there.
        """
        if not kept(policy.rollout):
            return
        figures = found.figures
        seen = Seen(
            wanting=ring_numbers(policy.rollout, found.wanting),
            rings=ring_numbers(policy.rollout, figures.counts["ring"]),
            failing=ring_numbers(policy.rollout, found.failing),
            managed=figures.managed,
            failures=figures.counts["failure"],
        )
        now = self.clock()

        def change(ledger: Ledger) -> Ledger:
            ledger = selected(ledger, doubtful.mass, now)
            telemetry.stand("muster.cap", "writes", {"all": ledger.writes, "disruptive": ledger.disruptive})
            telemetry.stand("muster.breaker", "failure", dict.fromkeys(ledger.broken, 1))
            return ledger if doubtful or not found.acting else progressed(ledger, policy.rollout, seen, words, now)

        await self.gatekeeper.change(policy, change)

    async def _standing(
        self, policy: Policy, found: Survey, words: tuple[FleetWord, ...], report: Report
    ) -> dict[str, Open]:
        """What stands open once a sweep has seen the fleet."""
        gates = await self.gatekeeper.view(policy, words)
        standing = announcing.of_gates(gates, policy.generation)
        standing |= announcing.of_policy(await self.generations.standing())
        standing |= announcing.of_certificates(found.expiring)
        return standing | (announcing.of_day(found.figures, report.started) if report.whole else {})

    async def _previous(self) -> Snapshot | None:
        """The last whole sweep's snapshot; None where there is none, or none that can be read."""
        try:
            raw = await self.documents.read_raw(snapshot.NAME)
            return Snapshot(raw) if raw is not None else None
        except StorageError as error:
            logs.event("snapshot-unreadable", level=logging.WARNING, reason=error.message)
            return None

    async def _keep(self, policy: Policy, found: Survey, report: Report) -> None:
        """Write the snapshot, then its figures: whoever reads figures reads no more than those."""
        report.whole, report.figures = True, found.figures
        await self.documents.write_raw(snapshot.NAME, found.writer.finished())
        before = await self._kept()
        figures = {
            "asOf": report.started.isoformat(),
            "figures": found.figures.plain(),
            "days": days_with(before.get("days"), found.figures, report.started),
            "rules": rules_with(
                before.get("rules"), [rule.name for rule in policy.rules], found.figures, report.started
            ),
            "subscriptions": report.subscriptions,
            "certificates": {name: ends.isoformat() for name, ends in sorted(found.expiring.items())},
            "generation": await self._told_generation(policy, before.get("generation"), report),
        }
        await self.documents.write(snapshot.FIGURES, figures)

    async def _told_generation(self, policy: Policy, told: int | None, report: Report) -> int | None:
        """The last generation of the policy of which the audit knows, once it knows of the one in force."""
        if policy.generation == told:
            return told
        try:
            standing = await self.generations.standing()
            report.unaudited.add(await self.auditor.outbox.put(policy_in_force(standing)))
        except StorageError as error:
            logs.event("audit-unwritten", level=logging.WARNING, reason=error.message, records=1)
            return told
        return standing.generation

    async def _keep_trouble(self, report: Report) -> None:
        """Say beside the figures, which stand as they were, why they are not newer."""
        body = {"asOf": report.started.isoformat(), "trouble": report.trouble, "subscriptions": report.subscriptions}
        try:
            await self.documents.write(snapshot.PARTIAL, body)
        except StorageError as error:
            logs.event("trouble-unrecorded", level=logging.WARNING, reason=error.message)

    async def _kept(self) -> Mapping[str, Any]:
        """What the last whole sweep kept; nothing where nothing that can be read is there."""
        try:
            standing = await self.documents.read(snapshot.FIGURES)
        except StorageError as error:
            logs.event("figures-unreadable", level=logging.WARNING, reason=error.message)
            return {}
        return standing.body if standing is not None and isinstance(standing.body, dict) else {}

    async def _overdue(self, report: Report) -> AsyncIterator[ClusterId]:
        async for _, stored in self.table.stored(report.unaudited):
            if is_overdue(stored.next_look, report.started, waiting=stored.waiting):
                yield ClusterId.from_key(stored.key)

    async def _ask(self, wanted: dict[ClusterId, str], report: Report) -> None:
        turn = asyncio.Semaphore(_AT_ONCE)

        async def ask(cluster: ClusterId) -> None:
            async with turn:
                await self.messages.send(Request(cluster, Reason.SWEEP, report.started))

        await asyncio.gather(*(ask(cluster) for cluster in wanted))
        report.asked.update(wanted.values())

    def _tell(self, report: Report) -> None:
        if not report.whole:
            logs.count("sweep-partial")
        figures, took = report.figures, (self.clock() - report.started).total_seconds()
        logs.event(
            "sweep",
            level=logging.INFO if report.whole else logging.WARNING,
            clusters=report.clusters,
            extensions=report.extensions,
            decided=report.decided,
            asked=dict(report.asked),
            whole=report.whole,
            managed=figures.managed if figures else None,
            compliant=figures.compliant if figures else None,
            failed=figures.counts["failure"].total() if figures else None,
            holds=dict(figures.counts["hold"]) if figures else None,
            trouble=report.trouble or None,
            ms=round(took * 1000),
        )
        telemetry.record("muster.sweep.duration", took, "s", whole=report.whole)
        if report.lag is not None:
            telemetry.record("muster.sweep.lag", report.lag, "s")
        if figures is not None:
            for kind, name in _MEASURED.items():
                telemetry.stand(name, kind, figures.counts[kind])


def beyond_room(policy: Policy, places: int | None, found: Survey, wanted: Collection[ClusterId]) -> list[ClusterId]:
    """Those of the wanted that the books have no room for; `places` are left for new clusters, None for any number."""
    rings = {ring.name: number for number, ring in enumerate(policy.rollout.rings)}
    fresh = [cluster for cluster in wanted if cluster in found.fresh]
    fresh.sort(key=lambda cluster: rings.get(found.fresh[cluster], len(rings)))
    late = fresh[places:] if places is not None else []
    return late + [cluster for cluster in found.changing if cluster in wanted][QUEUED:]


def most_fresh(policy: Policy, words: tuple[FleetWord, ...], now: datetime) -> int | None:
    """How many clusters may want the extension for the first time; any number where a person approved it."""
    approved = any(word.verb is FleetVerb.APPROVE and word.id == MASS_SELECTION and word.stands(now) for word in words)
    return None if approved else policy.rollout.mass_selection


def _wanted(found: Survey, doubtful: Doubts, now: datetime) -> dict[ClusterId, str]:
    """Whom to ask for. What is remembered and no longer listed is looked at once, which tells whether it is gone."""
    wanted = dict(found.asked)
    if doubtful.mass:
        for cluster in found.fresh:
            wanted.pop(cluster, None)
    unlisted = [each for each in found.unlisted if _due(each, now)]
    for each in unlisted[:_PROBES] if doubtful.unseen else unlisted:
        wanted[ClusterId.from_key(each.key)] = "unlisted"
    return wanted


def _due(stored: Stored, now: datetime) -> bool:
    return stored.next_look is None or is_overdue(stored.next_look, now, waiting=stored.waiting)
