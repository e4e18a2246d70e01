"""What needs a person: approvals, a refused policy, and the holds that only people end, each with what to do."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.fleet.compliance import Line
from shared.fleet.snapshot import Entry
from shared.model.state import HoldCode
from shared.reconcile.generations import Standing
from shared.report.remedies import FOR_PEOPLE, HOLDS

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
    """The needs of one kind: how many there are, and the first of them. `hold` names the filter of the list."""

    what: str
    count: int
    first: tuple[Need, ...]
    hold: str = ""

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


def needs_of(
    entries: Iterable[Entry], waiting: Sequence[Mapping[str, Any]], standing: Standing, approved: Collection[str]
) -> tuple[Needs, ...]:
    """Approvals of the fleet first, then the holds that only people end, each kind with the oldest first.

    Args:
        entries: of the clusters.
        waiting: what waits for an approval, as GET /approvals shows it.
        standing: how the policy stands.
        approved: names of what people have approved; what waits for one of them waits for its look alone.
    """
    needs = []
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
    for entry in entries:
        if entry.hold is not None and entry.hold[0] in held:
            held[entry.hold[0]].append(entry)
    for code, those in held.items():
        if those:
            first = sorted(those, key=_since)[:_NAMED]
            needs.append(Needs(code, len(those), tuple(_need(entry, approved) for entry in first), code))
    return tuple(needs)


def _approval(item: Mapping[str, Any]) -> Need:
    name = str(item["id"])
    since = _moment(item.get("since"))
    return Need("approval", name, str(item["reason"]), HOLDS[HoldCode.APPROVAL], since, approval=name)


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _since(entry: Entry) -> str:
    return str(entry.hold[2] or "~") if entry.hold else "~"


def _need(entry: Entry, approved: Collection[str]) -> Need:
    line = Line.read(entry)
    hold = line.state.hold
    if hold is None:
        raise AssertionError("a need of a cluster is a hold")
    given = hold.approval in approved
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
