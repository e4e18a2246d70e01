"""What needs a person: approvals, a refused policy, holds and conflicts that only people end, each with what to do."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.fleet.compliance import Line
from shared.fleet.snapshot import Entry
from shared.model.state import FOR_PEOPLE, Condition, HoldCode, Management
from shared.reconcile.generations import Standing
from shared.report.remedies import HOLDS

# So many of each kind are named; the list of clusters shows the others.
_NAMED = 6
_APPROVED = "Nothing more: it is approved, and a look is under way."


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a person has to do: about a cluster, or (without a key) about the fleet.

    Attributes:
        approval: what `muster approve` takes; empty where no approval ends it.
    """

    what: str
    name: str
    reason: str
    remedy: str
    since: datetime | None = None
    owner: str | None = None
    key: str = ""
    approval: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """The needs of one kind: how many there are, and the first of them.

    Attributes:
        filters: what the list of clusters is filtered by to show them all; none where it has no clusters of the kind.
    """

    what: str
    count: int
    first: tuple[Need, ...]
    filters: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "what": self.what,
            "count": self.count,
            "first": [
                {
                    "name": need.name,
                    "key": need.key or None,
                    "since": need.since.isoformat() if need.since else None,
                    "owner": need.owner,
                    "reason": need.reason,
                    "remedy": need.remedy,
                    "approval": need.approval or None,
                }
                for need in self.first
            ],
        }


def needs_of(entries: Iterable[Entry], waiting: Sequence[Mapping[str, Any]], standing: Standing) -> tuple[Needs, ...]:
    """Approvals of the fleet first, then the holds that only people end, each kind with the oldest first.

    Args:
        entries: of the clusters.
        waiting: what waits for an approval, as GET /approvals shows it; a hold whose approval is not among it was
            approved, and waits for its look alone.
        standing: how the policy stands.
    """
    needs, open_ = [], {str(each["id"]) for each in waiting}
    fleet_wide = [_approval(each) for each in waiting if not each.get("cluster")]
    if fleet_wide:
        needs.append(Needs("approvals of the fleet", len(fleet_wide), tuple(fleet_wide)))
    refused = standing.refused
    if refused is not None:
        reason = "; ".join(str(each) for each in refused.get("findings", ())[:3])
        remedy = "Mend the document: the last valid one acts on."
        need = Need("policy refused", "the newest policy", reason, remedy, _moment(refused.get("at")))
        needs.append(Needs("policy", 1, (need,)))
    held: dict[str, list[Entry]] = {code.value: [] for code in FOR_PEOPLE}
    conflicts: list[Entry] = []
    for entry in entries:
        if entry.hold is not None and entry.hold[0] in held:
            held[entry.hold[0]].append(entry)
        elif entry.condition == Condition.CONFLICT and entry.management == Management.MANAGED:
            conflicts.append(entry)
    for code, those in held.items():
        if those:
            first = sorted(those, key=_since)[:_NAMED]
            named = tuple(_need(entry, open_) for entry in first)
            needs.append(Needs(code, len(those), named, {"hold": code}))
    if conflicts:
        filters = {"condition": Condition.CONFLICT.value, "management": Management.MANAGED.value}
        needs.append(Needs("conflict", len(conflicts), tuple(map(_conflict, conflicts[:_NAMED])), filters))
    return tuple(needs)


def _conflict(entry: Entry) -> Need:
    line = Line.read(entry)
    remedy = "Remove all extensions of this type but one, or what has taken its name."
    return Need("conflict", line.cluster.name, line.reason, remedy, line.changed_at, entry.owner, line.cluster.key)


def _approval(item: Mapping[str, Any]) -> Need:
    name = str(item["id"])
    since = _moment(item.get("since"))
    return Need("approval", name, str(item["reason"]), HOLDS[HoldCode.APPROVAL], since, approval=name)


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _since(entry: Entry) -> str:
    return str(entry.hold[2] or "~") if entry.hold else "~"


def _need(entry: Entry, waiting: Collection[str]) -> Need:
    line = Line.read(entry)
    hold = line.state.hold
    if hold is None:
        raise AssertionError("a need of a cluster is a hold")
    given = bool(hold.approval) and hold.approval not in waiting
    return Need(
        hold.code.value,
        line.cluster.name,
        hold.reason,
        _APPROVED if given else HOLDS[hold.code],
        hold.since,
        entry.owner,
        line.cluster.key,
        "" if given else hold.approval,
    )
