"""When a plan would be done, and what it costs: the rollout's limits played forward in time. Pure.

Played twice, swiftly and slowly, so that the answer is a range: how long operations last, and how soon whoever was put
off comes again, nobody knows beforehand. Nothing fails in a forecast. What only a person can let go on ends it: what
waits for the approval is counted, and no time is told for it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from shared.fleet.ledger import Ledger, RingRecord, kept
from shared.fleet.planning import Item
from shared.fleet.rollout import ring_approval
from shared.fleet.sweep import QUEUED
from shared.model.decision import Action
from shared.model.state import HoldCode
from shared.policy.model import Policy
from shared.policy.rollout import Rollout
from shared.policy.windows import opening

# Resource Manager's allowance of writes in a subscription (shared/azure/throttling.py says the source).
_BURST, _A_SECOND = 200, 10
_HOUR = timedelta(hours=1)
_HORIZON = timedelta(days=90)
# Requests that a step sends: at least, at most. On Arc the relay's namespace, connection, rule and key come first.
_WRITES: Mapping[Action, tuple[int, int]] = {
    Action.REGISTER_PROVIDER: (1, 1),
    Action.INSTALL: (1, 5),
    Action.UPDATE: (1, 1),
    Action.REPAIR: (1, 5),
    Action.REINSTALL: (2, 6),
    Action.REMOVE: (1, 2),
    Action.REMOVE_RELAY: (1, 1),
}
# Reads of a look that writes, and of each that waits for the end.
_BEFORE, _AFTER = (2, 8), (1, 2)
_LASTS = (timedelta(minutes=3), timedelta(minutes=15))

ASSUMES = (
    "no write fails",
    "an operation lasts 3 to 15 minutes",
    "a sweep runs every 15 to 20 minutes",
    "nobody else uses the identity's allowance",
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things go.

    Attributes:
        sweep: from one sweep to the next.
        turns: how often a place is taken in that time.
        lasts: how long an operation lasts.
        noticed: how long after the last one has ended a sweep finds the ring done.
    """

    sweep: timedelta
    turns: int
    lasts: timedelta
    noticed: timedelta


SWIFT = Pace(timedelta(minutes=15), 5, _LASTS[0], timedelta(0))
SLOW = Pace(timedelta(minutes=20), 1, _LASTS[1], timedelta(minutes=20))


@dataclass(frozen=True, slots=True)
class Lot:
    """Clusters that all limits treat alike."""

    ring: int
    subscription: str
    region: str
    first: bool
    by_policy: bool
    windowed: bool
    disruptive: bool
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a plan costs and when it is done.

    Attributes:
        writes: requests that change something, at least and at most; `reads` the others.
        clusters: how many clusters it is about; `left` of them go out at no time that can be told.
        done: when the last is done, swiftly and slowly; None where nothing goes out.
        rings: by the number of the ring, when its last cluster is done.
        waits: why no time can be told for those that are left.
    """

    writes: tuple[int, int] = (0, 0)
    reads: tuple[int, int] = (0, 0)
    clusters: int = 0
    left: int = 0
    done: tuple[datetime, datetime] | None = None
    rings: Mapping[int, tuple[datetime, datetime]] = field(default_factory=dict)
    waits: tuple[str, ...] = ()

    def plain(self, rollout: Rollout) -> dict[str, Any]:
        """The forecast as JSON."""
        return {
            "writes": list(self.writes),
            "reads": list(self.reads),
            "clusters": self.clusters,
            "left": self.left,
            "done": _span(self.done),
            "rings": [
                {"ring": _name(rollout, number), "done": _span(done)} for number, done in sorted(self.rings.items())
            ],
            "waits": list(self.waits),
            "assumes": list(ASSUMES),
        }


def _span(moments: tuple[datetime, datetime] | None) -> list[str] | None:
    return None if moments is None else [moment.isoformat() for moment in moments]


def _name(rollout: Rollout, number: int) -> str:
    return rollout.rings[number].name if number < len(rollout.rings) else "rest"


def forecast(
    items: Sequence[Item], policy: Policy, books: Ledger, approved: frozenset[str], now: datetime, *, first: str = ""
) -> Forecast:
    """What the items cost, and when they are done.

    Args:
        items: those of a plan.
        policy: the one that is planned for.
        books: the fleet's, as they stand.
        approved: names of what people have approved.
        now: when it begins.
        first: an approval that the policy itself waits for, before anything goes out; "" where it waits for none.
    """
    pending = Counter(_lot(item) for item in items if item.going or _paused(item))
    held = sorted({_why(item) for item in items if item.changing and not (item.going or _paused(item))})
    stuck = sum(item.changing for item in items) - pending.total()
    books = books.at(policy.digest, policy.generation, now)
    if first or books.stopped:
        why = f"the policy waits for the approval {first}" if first else books.stopped
        behind = pending.total() if first else sum(count for lot, count in pending.items() if lot.by_policy)
        pending = Counter() if first else Counter({lot: n for lot, n in pending.items() if not lot.by_policy})
        held, stuck = [why, *held], stuck + behind
    swift, slow = (_Play(policy.rollout, books, approved, policy.digest, pace).run(pending, now) for pace in PACES)
    done = (max(swift.ends.values()), max(slow.ends.values())) if swift.ends and slow.ends else None
    rings = {number: (swift.ends[number], slow.ends[number]) for number in swift.ends.keys() & slow.ends.keys()}
    waits = (*held, *(why for why in slow.waits if why not in held))
    writes, reads = _calls(items, policy)
    left = stuck + slow.remaining.total()
    return Forecast(writes, reads, sum(item.changing for item in items), left, done, rings, waits)


PACES = (SWIFT, SLOW)


def _paused(item: Item) -> bool:
    """Whether it goes out once a pause has ended."""
    hold = item.hold
    return item.changing and hold is not None and hold.code is HoldCode.PAUSE and hold.until is not None


def _why(item: Item) -> str:
    hold = item.hold
    if hold is None:
        return ""
    return f"approval {hold.approval}" if hold.code is HoldCode.MASS_SELECTION else f"held: {hold.code.value}"


def _lot(item: Item) -> Lot:
    windowed = item.by_policy or item.disruptive
    later = item.hold.until if item.hold is not None and item.hold.code is HoldCode.PAUSE else None
    number = item.ring[0]
    return Lot(
        number,
        item.cluster.subscription,
        item.region,
        item.first,
        item.by_policy,
        windowed and item.action not in _UNCOUNTED,
        item.disruptive,
        later,
    )


_UNCOUNTED = frozenset({Action.REMOVE, Action.REMOVE_RELAY})


def _calls(items: Sequence[Item], policy: Policy) -> tuple[tuple[int, int], tuple[int, int]]:
    steps = [item for item in items if item.going or _paused(item)]
    writes = [_WRITES.get(item.action, (1, 1)) for item in steps]
    most = _AFTER[1] * (1 + int(_LASTS[1] / policy.timing.follow_up))
    reads = (len(steps) * (_BEFORE[0] + _AFTER[0]), len(steps) * (_BEFORE[1] + most))
    return (sum(low for low, _ in writes), sum(high for _, high in writes)), reads


class _Play:
    """One playing of the rollout: a sweep after the other lets out what the limits have room for."""

    def __init__(self, rollout: Rollout, books: Ledger, approved: frozenset[str], digest: str, pace: Pace) -> None:
        self._rollout, self._books, self._approved, self._digest, self._pace = rollout, books, approved, digest, pace
        self._counting = kept(rollout)
        self._writes, self._disruptive, self._day = books.writes, books.disruptive, books.day
        self._fresh = [(each, 1) for each in books.fresh]
        self._open = len(books.rings) - 1 if rollout.rings and books.rings else 0
        self._changed = {number: each.landed > 0 for number, each in enumerate(books.rings)}
        self._landed: dict[int, datetime] = {}
        self.ends: dict[int, datetime] = {}
        self.waits: list[str] = []
        self.remaining: Counter[Lot] = Counter()

    def run(self, lots: Counter[Lot], now: datetime) -> "_Play":
        """Let out what can go out within the horizon."""
        self.remaining, moment = Counter(lots), now
        while self.remaining and moment - now < _HORIZON:
            later: list[datetime] = []
            self._open_rings(moment, later)
            if self._sweep(moment, later):
                moment += self._pace.sweep
            elif later:
                moment = max(min(later), moment + timedelta(minutes=1))
            else:
                break
        if self.remaining and not self.waits:
            self.waits.append(f"not within {_HORIZON.days} days under the limits of the rollout")
        return self

    def _open_rings(self, moment: datetime, later: list[datetime]) -> None:
        """Let the next rings begin that may; `later` gets the moment of one that soaks still."""
        rings = self._rollout.rings
        waiting = [lot.ring for lot in self.remaining if lot.by_policy]
        while waiting and self._open < len(rings) and min(waiting) > self._open:
            ring, number = rings[self._open], self._open
            if self._changed.get(number) or ring.name in self._books.unproven:
                name = ring_approval(self._digest, ring)
                if ring.approval and name not in self._approved:
                    why = f"approval {name}, once ring '{ring.name}' is done"
                    self.waits += [why] if why not in self.waits else []
                    return
                opens = self._done(number, moment) + ring.soak
                if opens > moment:
                    later.append(opens)
                    return
            self._open += 1

    def _done(self, number: int, moment: datetime) -> datetime:
        if number in self._landed:
            return self._landed[number] + self._pace.noticed
        record = self._books.rings[number] if number < len(self._books.rings) else RingRecord()
        return record.done or moment

    def _sweep(self, moment: datetime, later: list[datetime]) -> int:
        """Let out what a sweep at this moment finds room for; `later` gets moments at which there may be more."""
        self._begin(moment)
        room = _Room(self._rollout, self._pace, counting=self._counting)
        room.day = self._left_today()
        room.places = self._places()
        sent = 0
        for lot in sorted(self.remaining, key=lambda each: (each.ring, repr(each))):
            moments = list(self._closed(lot, moment))
            later += moments
            if moments or (lot.by_policy and self._rollout.rings and lot.ring > self._open):
                continue
            count = room.take(lot, self.remaining[lot])
            if not count:
                later += self._more(moment)
                continue
            sent += count
            self._sent(lot, count, moment)
        return sent

    def _begin(self, moment: datetime) -> None:
        today = moment.astimezone(UTC).date().isoformat()
        if self._day != today:
            self._day, self._writes, self._disruptive = today, 0, 0
        self._fresh = [(at, count) for at, count in self._fresh if moment - at < _HOUR]

    def _left_today(self) -> tuple[int | None, int | None]:
        blast = self._rollout.blast
        return (
            None if blast.writes is None else max(0, blast.writes - self._writes),
            None if blast.disruptive is None else max(0, blast.disruptive - self._disruptive),
        )

    def _places(self) -> int | None:
        most = self._rollout.new_clusters_per_hour
        return None if most is None else max(0, most - sum(count for _, count in self._fresh))

    def _closed(self, lot: Lot, moment: datetime) -> Iterator[datetime]:
        """The moment until which a pause or a window keeps a lot back."""
        if lot.not_before is not None and moment < lot.not_before:
            yield lot.not_before
            return
        if not lot.windowed:
            return
        own = self._rollout.rings[lot.ring].windows if lot.ring < len(self._rollout.rings) else ()
        found = opening(own or self._rollout.windows, self._rollout.blackouts, moment)
        if not found.open:
            yield found.opens or moment + _HORIZON

    def _more(self, moment: datetime) -> list[datetime]:
        """When a limit that is reached has room again, at the latest: the next day, the next hour, the next sweep."""
        midnight = datetime.combine(moment.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
        hour = [at + _HOUR for at, _ in self._fresh]
        return [midnight, *hour]

    def _sent(self, lot: Lot, count: int, moment: datetime) -> None:
        self.remaining[lot] -= count
        if not self.remaining[lot]:
            del self.remaining[lot]
        self._writes += count
        self._disruptive += count if lot.disruptive else 0
        if lot.first:
            self._fresh.append((moment, count))
        self.ends[lot.ring] = max(self.ends.get(lot.ring, moment), moment + self._pace.lasts)
        if lot.by_policy:
            self._changed[lot.ring], self._landed[lot.ring] = True, moment + self._pace.lasts


class _Room:
    """What one sweep's time has room for."""

    def __init__(self, rollout: Rollout, pace: Pace, *, counting: bool) -> None:
        self._rollout, self._turns = rollout, pace.turns
        self._allowance = _BURST + _A_SECOND * int(pace.sweep.total_seconds())
        self._queued = QUEUED if counting else None
        self._taken: Counter[str] = Counter()
        self.day: tuple[int | None, int | None] = (None, None)
        self.places: int | None = None

    def take(self, lot: Lot, wanted: int) -> int:
        """How many of a lot find room; they then have it."""
        room = wanted
        bounds = dict(self._bounds(lot))
        for name, most in bounds.items():
            room = min(room, most - self._taken[name])
        room = max(0, room)
        for name in bounds:
            self._taken[name] += room
        return room

    def _bounds(self, lot: Lot) -> Iterator[tuple[str, int]]:
        most, stop = self._rollout.in_flight, self._rollout.stop_on
        flying = (
            (most.fleet, "fleet"),
            (most.subscription, f"in {lot.subscription}"),
            (most.region, f"at {lot.region}"),
        )
        yield from ((name, limit * self._turns) for limit, name in flying if limit is not None)
        yield f"allowance of {lot.subscription}", self._allowance
        writes, disruptive = self.day
        if writes is not None:
            yield "day", writes
        if lot.disruptive and disruptive is not None:
            yield "disruptive", disruptive
        if lot.first and self.places is not None:
            yield "places", self.places
        if not lot.by_policy:
            return
        if self._queued is not None:
            yield "queued", self._queued
        # As many at once as may fail before the rollout stops.
        may_fail = [stop.failures] if stop.failures is not None else []
        may_fail += [stop.minimum_sample] if stop.percent is not None else []
        if may_fail:
            yield f"ring {lot.ring}", min(may_fail) * self._turns
