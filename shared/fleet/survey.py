"""One pass over the fleet: read it by subscription, join what belongs together, decide for each cluster.

Of a cluster on which nothing has changed since the last whole sweep the entry is kept and `decide` is not asked: its
rows, its memory and a person's word enter one digest. Time alone can change a decision, too; so each is made anew
every few hours, and where a date that the policy or a person names has passed.
"""

import hashlib
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared import logs
from shared.azure.kql import HEARTBEAT
from shared.azure.resource_graph import read_cluster_row, read_extension_row
from shared.azureml.failures import classify
from shared.errors import StorageError
from shared.fleet.asking import is_forgotten, is_overdue, why_ask
from shared.fleet.compliance import Line
from shared.fleet.figures import Figures
from shared.fleet.footing import FORM, Footing
from shared.fleet.ordered import ByGroup
from shared.fleet.ports import Certificates, Memories, Rows
from shared.fleet.sight import Sight, Witness
from shared.fleet.snapshot import Entry, Snapshot, Writer
from shared.fleet.trend import gaps_with
from shared.model.certificate import CertificateReading
from shared.model.cluster import Cluster
from shared.model.decision import Decision, Want
from shared.model.extension import Extension
from shared.model.gates import Mode
from shared.model.identity import ClusterId, key_of, lowered
from shared.model.observation import Memory, Observation
from shared.model.request import Reason
from shared.model.state import Condition, HoldCode, Management, Reachability
from shared.policy.model import Policy
from shared.policy.rings import ring_of
from shared.reconcile.decide import decide
from shared.reconcile.gating import FIRST
from shared.reconcile.inputs import inputs_of
from shared.state.memory import Row, Stored

type Json = dict[str, Any]

# A decision is made anew after this long and, so that a fleet does not come due at once, up to as much again.
_BELIEVED = timedelta(hours=3)
# So much of an owner's tag is shown.
_OWNER = 100
# A certificate without a newer version that ends within this time is told of.
_EXPIRING = timedelta(days=30)
_EXTENSION = "/providers/microsoft.kubernetesconfiguration/extensions/"
# Gates that open by themselves as a rollout goes on: whoever waits for them is still to come.
_GATES = frozenset({HoldCode.RING, HoldCode.WINDOW, HoldCode.BUDGET})
_FAILED = frozenset({Condition.FAILED_INSTALL, Condition.FAILED_UPDATE})


@dataclass(slots=True)
class Survey:
    """What a pass found.

    Attributes:
        asked: clusters to be asked for, with the reason.
        fresh: clusters that would get the extension for the first time, each with its ring.
        wanting: by ring, clusters that the policy wants changed and that only a gate of the fleet holds back, and those
            of which that is not known yet.
        changing: the former by name.
        failing: by ring, clusters whose last update failed.
        expiring: certificates without a newer version that end soon, with their ends.
        compared: digest of the candidate that was compared with the policy in force; "" where none was.
        would_change: installed clusters that the candidate would change, `would_disturb` of them disruptively.
        known: rows of memory in scope, by subscription.
        unlisted: rows of memory whose cluster Resource Graph does not list.
        acting: whether anything may be written at all; where not, nothing that a decision leaves undone is done.
    """

    writer: Writer
    figures: Figures
    clusters: int = 0
    extensions: int = 0
    decided: int = 0
    asked: dict[ClusterId, str] = field(default_factory=dict)
    fresh: dict[ClusterId, str] = field(default_factory=dict)
    wanting: Counter[str] = field(default_factory=Counter)
    changing: list[ClusterId] = field(default_factory=list)
    failing: Counter[str] = field(default_factory=Counter)
    expiring: dict[str, datetime] = field(default_factory=dict)
    compared: str = ""
    would_change: int = 0
    would_disturb: int = 0
    known: dict[str, int] = field(default_factory=dict)
    unlisted: list[Stored] = field(default_factory=list)
    acting: bool = True


@dataclass(frozen=True, slots=True)
class Surveyor:
    """What reads and decides for a pass."""

    graph: Rows
    table: Memories
    beyond: Certificates

    async def survey(
        self,
        footing: Footing,
        previous: Snapshot | None,
        witness: Witness | None = None,
        *,
        waiting: set[str] | None = None,
        answered: set[str] | None = None,
    ) -> Survey:
        """Pass over the fleet once. `witness` is told of each cluster that is decided on.

        `waiting` is told the partitions in which records wait for the audit; `answered`, also where the pass ends in
        an error, the subscriptions of which something could be read.

        Raises:
            MusterError: something could not be read to its end.
        """
        header: Json = {"asOf": footing.now.isoformat(), "footing": footing.digest, "form": FORM}
        header["gaps"] = gaps_with(previous.header if previous else {}, footing.now)
        found = Survey(Writer(header), Figures(footing.now))
        found.compared = footing.candidate.digest if footing.candidate else ""
        found.acting = footing.gates.mode is Mode.ENFORCE and not footing.gates.stopped and footing.readable
        desk = _Desk(footing, found, _believable(previous, footing), self.beyond, witness)
        clusters = ByGroup(_keyed(self.graph.cluster_rows(footing.subscriptions)), "clusters")
        extensions = ByGroup(_keyed(self.graph.extension_rows(footing.subscriptions)), "extensions")
        memories = ByGroup(self.table.stored(waiting), "memories")
        for subscription in sorted(footing.subscriptions):
            on_cluster: dict[str, list[Json]] = defaultdict(list)
            for row in await extensions.take(subscription):
                on_cluster[lowered(str(row.get("id"))).rpartition(_EXTENSION)[0]].append(row)
                found.extensions += 1
            stored = {each.key: each for each in await memories.take(subscription)}
            found.known[subscription] = len(stored)
            rows = {lowered(str(row.get("id"))): row for row in await clusters.take(subscription)}
            if answered is not None and (rows or on_cluster or footing.subscriptions[subscription] is not None):
                answered.add(subscription)
            entries = await desk.entries(subscription, rows, on_cluster, stored)
            found.clusters += len(entries)
            found.writer.add(subscription, entries)
            found.unlisted += stored.values()
        await memories.rest()
        return found


def _believable(previous: Snapshot | None, footing: Footing) -> Snapshot | None:
    """The last snapshot, where its decisions rest on what this pass rests on."""
    if previous is None or footing.candidate is not None:
        return None
    return previous if previous.header.get("footing") == footing.digest else None


async def _keyed(rows: Any) -> Any:
    async for row in rows:
        yield str(row.get("subscription")), row


class _Desk:
    """Where the entries of one pass are made."""

    def __init__(
        self, footing: Footing, found: Survey, previous: Snapshot | None, beyond: Certificates, witness: Witness | None
    ) -> None:
        self._footing, self._found, self._previous, self._beyond = footing, found, previous, beyond
        self._witness = witness
        self._certificates: dict[str, CertificateReading] = {}
        self._now = int(footing.now.timestamp())
        since = datetime.fromisoformat(previous.header["asOf"]) if previous else footing.now
        self._ended = footing.ended_since(since)
        self._words = {str(cluster): word for cluster, word in footing.words.items()}

    async def entries(
        self,
        subscription: str,
        rows: Mapping[str, Json],
        extensions: Mapping[str, list[Json]],
        stored: dict[str, Stored],
    ) -> list[Entry]:
        """One entry for each cluster of a subscription. What remains in `stored` afterwards is not listed."""
        before = self._before(subscription)
        groups = self._footing.subscriptions[subscription]
        basis = hashlib.blake2b(repr(sorted(groups) if groups is not None else None).encode(), digest_size=9)
        made = []
        for cluster, row in rows.items():
            listed, memory = extensions.get(cluster, ()), stored.pop(key_of(cluster), None)
            seen = self._digest(basis.copy(), row, listed, memory, cluster)
            entry = await self._kept(before.get(cluster), seen, memory)
            if entry is None:
                entry = await self._decided(row, listed, memory, groups, seen)
            if entry is not None:
                self._count(entry)
                made.append(entry)
        return made

    def _before(self, subscription: str) -> dict[str, Entry]:
        try:
            return self._previous.take(subscription) if self._previous else {}
        except StorageError as error:
            logs.event("snapshot-unreadable", level=logging.WARNING, reason=error.message)
            self._previous = None
            return {}

    def _count(self, entry: Entry) -> None:
        self._found.figures.add(entry)
        # What is wanted is not known yet of one that is not remembered, which may be ours, and of one on which an
        # update runs, perhaps of an earlier policy. One that cannot be reached may stay so for days and keeps nobody.
        under_way = entry.condition == Condition.UPDATING and entry.reachability == Reachability.ONLINE
        if entry.wants or entry.forgotten or under_way:
            self._found.wanting[entry.ring or ""] += 1
        managed = entry.management == Management.MANAGED
        self._found.failing[entry.ring or ""] += managed and entry.condition == Condition.FAILED_UPDATE
        if entry.wants:
            self._found.changing.append(ClusterId.parse(entry.id))
        if entry.fresh:
            self._found.fresh[ClusterId.parse(entry.id)] = entry.ring or ""

    def _digest(self, basis: Any, row: Json, listed: Sequence[Json], memory: Stored | None, cluster: str) -> str:
        heard = row.pop(HEARTBEAT, None)  # changes every few minutes, and decides nothing here
        word = self._words.get(cluster)
        basis.update(_ENCODE((row, listed, memory.etag if memory else "", repr(word) if word else "")).encode())
        if heard is not None:
            row[HEARTBEAT] = heard
        return str(basis.hexdigest())

    async def _kept(self, before: Entry | None, seen: str, memory: Stored | None) -> Entry | None:
        """The last sweep's entry, where it still holds."""
        if before is None or before.seen != seen or before.asked or before.id in self._ended:
            return None
        if before.fresh or before.wants:
            return None  # it waits for a place, and places come and go
        if self._now - before.decided > _BELIEVED.total_seconds() * (1 + int(seen[:2], 16) / 256):
            return None
        if before.certificate is not None and not await self._same_certificate(*before.certificate):
            return None
        if memory is not None and is_overdue(memory.next_look, self._footing.now, waiting=memory.waiting):
            self._found.asked[ClusterId.parse(before.id)] = "overdue"
            return before._replace(asked="overdue")
        return before

    async def _same_certificate(self, address: str, fingerprint: str) -> bool:
        version = (await self._certificate(address)).version
        return version is not None and version.fingerprint == fingerprint

    async def _certificate(self, address: str) -> CertificateReading:
        """The newest version of a certificate; each address is asked once in a sweep."""
        if address not in self._certificates:
            self._certificates[address] = await self._beyond.certificate(address)
            version = self._certificates[address].version
            if version and version.expires_at and version.expires_at - self._footing.now < _EXPIRING:
                logs.event("certificate-expiring", certificate=version.source, expires=version.expires_at)
                self._found.expiring[version.source] = version.expires_at
        return self._certificates[address]

    async def _decided(
        self, row: Json, listed: Sequence[Json], memory: Stored | None, groups: frozenset[str] | None, seen: str
    ) -> Entry | None:
        cluster = read_cluster_row(row)
        if cluster is None:
            return None
        footing, remembered = self._footing, memory.row() if memory else Row(cluster.id)
        extensions = tuple(found for found in map(read_extension_row, listed) if found is not None)
        observation = self._observation(cluster, extensions, remembered.memory, groups)
        decision = decide(observation, footing.policy, footing.now)
        address = decision.desired.certificate if decision.desired else None
        if Want.CERTIFICATE in decision.wants and address is not None:
            observation = replace(observation, certificate=await self._certificate(address))
            decision = decide(observation, footing.policy, footing.now)
        self._found.decided += 1
        if footing.candidate is not None and not decision.by_policy:
            self._compare(observation, footing.candidate)
        inputs = remembered.memory.inputs
        same = inputs is not None and inputs == inputs_of(footing.policy, observation, decision, footing.now)
        why = why_ask(observation, decision, footing.now, same=same)
        if why:
            self._found.asked[cluster.id] = why
        ring = ring_of(footing.policy, cluster, management_groups=groups)
        if self._witness is not None:
            self._witness(Sight(observation, decision, same, why, ring))
        version = observation.certificate.version if observation.certificate else None
        return (
            _line(cluster, observation, decision, same=same)
            .entry()
            ._replace(
                **self._of(cluster, decision),
                seen=seen,
                decided=self._now,
                asked=why,
                certificate=(address, version.fingerprint) if address and version else None,
                failure=_failure(extensions) if decision.state.condition in _FAILED else None,
                ring=ring[1],
                wants=_wants(decision),
                fresh=self._fresh(observation, decision),
                forgotten=is_forgotten(observation, decision),
            )
        )

    def _of(self, cluster: Cluster, decision: Decision) -> dict[str, Any]:
        """What people filter and group by."""
        away = decision.state.reachability is not Reachability.ONLINE
        heard = cluster.last_connectivity if away else None
        owner = cluster.tag(self._footing.policy.tags.owner)
        return {
            "region": cluster.location,
            "owner": owner[:_OWNER] if owner else None,
            "silent": heard.isoformat() if heard else None,
            "gpu": cluster.gpu,
        }

    def _compare(self, seen: Observation, candidate: Policy) -> None:
        """Count a cluster that another policy would change."""
        other = decide(seen, candidate, self._footing.now)
        if other.by_policy:
            self._found.would_change += 1
            self._found.would_disturb += other.disruptive

    def _fresh(self, seen: Observation, decision: Decision) -> bool:
        enforcing = self._footing.gates.mode is Mode.ENFORCE
        return enforcing and decision.intended in FIRST and seen.memory.sent_at is None

    def _observation(
        self, cluster: Cluster, extensions: tuple[Extension, ...], memory: Memory, groups: frozenset[str] | None
    ) -> Observation:
        return Observation(
            cluster.id,
            Reason.SWEEP,
            self._footing.gates,
            cluster=cluster,
            extensions=extensions,
            memory=memory,
            intent=self._footing.words.get(cluster.id),
            intents_readable=self._footing.readable,
            own_names=self._footing.own_names,
            management_groups=groups,
        )


_ENCODE: Callable[[object], str] = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def _failure(extensions: tuple[Extension, ...]) -> str | None:
    found = next((each for each in extensions if each.azureml), None)
    return classify(found.error_code, found.error_message).klass.value if found else None


def _wants(decision: Decision) -> bool:
    hold = decision.state.hold
    return decision.by_policy and (decision.action.writes or (hold is not None and hold.code in _GATES))


def _line(cluster: Cluster, seen: Observation, decision: Decision, *, same: bool) -> Line:
    """The cluster's line. A look knew more than rows tell, where a decision wants to read something first."""
    if same and decision.wants:
        remembered = Line.remembered(cluster.id, seen.memory)
        if remembered is not None:
            return remembered
    return Line.of(cluster, seen, decision)
