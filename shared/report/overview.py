"""What a person should know of the fleet, in the order in which it matters: the overview of the page and of the report.

Pure: whoever gathers the parts reads them from storage; here they are counted in one pass and put into words.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from shared.azureml.failures import FailureClass
from shared.fleet.age import are_old
from shared.fleet.choosing import kind_of
from shared.fleet.figures import Figures
from shared.fleet.inventory import Fleet
from shared.fleet.ledger import Ledger, RingRecord, kept
from shared.fleet.snapshot import Entry
from shared.model.gates import FleetGates, Mode
from shared.model.intent import FleetWord
from shared.model.state import Condition, HoldCode, Management, Reachability
from shared.policy.model import Policy
from shared.policy.rollout import REST
from shared.reconcile.generations import Standing
from shared.report.needs import Needs, needs_of
from shared.report.remedies import FAILURES, HOLDS

# After this long without its agents an Arc cluster has lost its protected settings.
PROTECTED_FOR = timedelta(hours=48)
_AGES = (
    ("under an hour", timedelta(hours=1)),
    ("under a day", timedelta(days=1)),
    ("under 48 hours", PROTECTED_FOR),
)
_LOST = "48 hours and more: protected settings are lost"


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts of an overview.

    Attributes:
        figures: the document that the last whole sweep wrote; empty where there is none.
        books: the books of the rollout.
        waiting: what waits for an approval, as GET /approvals shows it.
        schedule: NCRONTAB of the sweep.
        partial: what the last sweep left that was not whole; empty where the last one was.
    """

    now: datetime
    mode: Mode
    stopped: bool
    fleet: Fleet
    figures: Mapping[str, Any]
    books: Ledger
    gates: FleetGates
    policy: Policy
    standing: Standing
    schedule: str
    pauses: Sequence[FleetWord] = ()
    waiting: Sequence[Mapping[str, Any]] = ()
    partial: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trouble(self) -> str:
        """Why the last sweep was not whole; "" where it was."""
        return str(self.partial.get("trouble", ""))

    @property
    def subscriptions(self) -> tuple[int | None, int | None]:
        """How many the last sweep read, whole or not, and how many are in scope; None where that is not known."""
        told = (self.partial or self.figures).get("subscriptions")
        return (told.get("read"), told.get("inScope")) if isinstance(told, Mapping) else (None, None)


@dataclass(frozen=True, slots=True)
class Ring:
    """How far a ring has come; `number` counts from 1."""

    number: int
    name: str
    clusters: int
    compliant: int
    landed: int
    failed: int
    state: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the trend: compliant of managed, and the share of them (None where none is managed)."""

    day: date
    clusters: int
    managed: int
    compliant: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The overview. Every count is of clusters."""

    sources: Sources
    counts: Figures
    needs: tuple[Needs, ...]
    rings: tuple[Ring, ...]
    days: tuple[Day, ...]
    offline: tuple[tuple[str, int], ...]
    versions: Mapping[str, Mapping[str, int]]
    failures: tuple[tuple[str, int, str], ...]
    holds: tuple[tuple[str, int, str], ...]
    gpu_not_onboarded: int
    certificates: tuple[tuple[str, datetime], ...]
    stale: bool

    @property
    def books_kept(self) -> bool:
        """Whether writes are counted: only where the policy limits anything."""
        return kept(self.sources.policy.rollout)

    @property
    def share(self) -> float | None:
        """Compliant of managed; None where none is managed."""
        return self.counts.compliant / self.counts.managed if self.counts.managed else None

    @property
    def yesterday(self) -> Day | None:
        """The day before today, where it was kept."""
        today = self.sources.now.date()
        return next((each for each in self.days if each.day == today - timedelta(days=1)), None)


@dataclass(slots=True)
class _Count:
    """What one pass over the entries gathers."""

    figures: Figures
    compliant: Counter[str] = field(default_factory=Counter)
    versions: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    offline: Counter[str] = field(default_factory=Counter)
    gpu: int = 0


def overview(sources: Sources) -> Overview:
    """Put the parts together."""
    found = _counted(sources.fleet, sources.now)
    counts = found.figures.counts
    return Overview(
        sources,
        found.figures,
        needs_of(sources.fleet.entries, sources.waiting, sources.standing),
        tuple(_rings(sources, found)),
        _days(sources.figures.get("days")),
        tuple((name, found.offline[name]) for name in (*(name for name, _ in _AGES), _LOST) if found.offline[name]),
        {ring: dict(by.most_common()) for ring, by in sorted(found.versions.items())},
        tuple((name, count, FAILURES.get(_class(name), "")) for name, count in counts["failure"].most_common()),
        tuple((name, count, HOLDS[HoldCode(name)]) for name, count in counts["hold"].most_common()),
        found.gpu,
        _certificates(sources.figures.get("certificates")),
        _stale(sources),
    )


def _counted(fleet: Fleet, now: datetime) -> _Count:
    found = _Count(Figures(now))
    for entry in fleet.entries:
        found.figures.add(entry)
        managed = entry.management == Management.MANAGED
        if managed:
            ring = entry.ring or REST
            found.compliant[ring] += entry.condition == Condition.CURRENT and entry.hold is None and entry.sufficient
            found.versions[ring][entry.version or "none"] += 1
        elif entry.gpu:
            found.gpu += 1
        if managed and entry.reachability != Reachability.ONLINE and kind_of(entry) == "arc":
            found.offline[_age(entry, now)] += 1
    return found


def _age(entry: Entry, now: datetime) -> str:
    if entry.silent is None:
        return _LOST  # since when, nobody says: the worst is supposed
    silent = now - datetime.fromisoformat(entry.silent)
    return next((name for name, most in _AGES if silent < most), _LOST)


def _class(name: str) -> FailureClass:
    return FailureClass(name) if name in FailureClass else FailureClass.UNKNOWN


def _rings(sources: Sources, found: _Count) -> list[Ring]:
    asked = sources.policy.rollout.rings
    names = [ring.name for ring in asked]
    if asked and asked[-1].match is not None:
        names.append(REST)
    clusters = found.figures.counts["ring"]
    rings = []
    for number, name in enumerate(names):
        record = sources.books.rings[number] if number < len(sources.books.rings) else None
        state = _state(record, sources.gates, first_closed=number == len(sources.books.rings))
        landed, failed = (record.landed, record.failed) if record else (0, 0)
        rings.append(Ring(number + 1, name, clusters[name], found.compliant[name], landed, failed, state))
    return rings


def _state(record: RingRecord | None, gates: FleetGates, *, first_closed: bool) -> str:
    if record is None:
        return gates.waiting if first_closed and gates.waiting else "Waits for the rings before it."
    if gates.stopped:
        return gates.stopped
    if record.done is not None:
        return f"Done at {record.done:%Y-%m-%d %H:%M} UTC."
    return f"Open: {record.busy}." if record.busy else "Open."


def _days(kept: object) -> tuple[Day, ...]:
    days = []
    for each in kept if isinstance(kept, list) else ():
        managed, compliant = int(each["managed"]), int(each["compliant"])
        share = compliant / managed if managed else None
        days.append(Day(date.fromisoformat(each["day"]), int(each["clusters"]), managed, compliant, share))
    return tuple(days)


def _certificates(kept: object) -> tuple[tuple[str, datetime], ...]:
    ends = kept.items() if isinstance(kept, Mapping) else ()
    return tuple(sorted(((str(name), datetime.fromisoformat(end)) for name, end in ends), key=_end))


def _end(certificate: tuple[str, datetime]) -> datetime:
    return certificate[1]


def _stale(sources: Sources) -> bool:
    if sources.fleet.as_of is None:
        return True
    return are_old(sources.fleet.as_of, sources.now, sources.fleet.gaps, sources.schedule)
