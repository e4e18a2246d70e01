"""The books of the fleet: what is under way, what was written today, how the rollout of the policy goes.

One document, changed by pure functions: whoever writes to a cluster books a flight first, and the look that sees it
end books its landing. So limits hold over all instances, and a rollout stops at its threshold even if every update
under way should fail.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from shared.model.state import HoldCode
from shared.policy.rollout import Rollout
from shared.reconcile.admission import Refusal, Wish

# A flight whose landing nobody booked (the memory was lost, say) counts no longer than this.
_LOST_AFTER = timedelta(hours=2)
_HOUR = timedelta(hours=1)
# When to ask again while a limit is reached: soon, and not all who wait at the same moment.
_SOON, _SPREAD = timedelta(minutes=2), timedelta(minutes=18)


@dataclass(frozen=True, slots=True)
class Flight:
    """A write that was granted and has not been seen to end."""

    since: datetime
    subscription: str
    region: str
    ring: int
    by_policy: bool


@dataclass(frozen=True, slots=True)
class RingRecord:
    """How far the policy's changes have come in the ring of this name; `busy` says why it is not done."""

    opened: datetime | None = None
    done: datetime | None = None
    landed: int = 0
    failed: int = 0
    busy: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books at one moment.

    Attributes:
        policy: digest of the policy that `rings` and `stopped` speak of; `generation` is its number.
        rings: one record for each ring that was opened, in order.
        unproven: names of rings that an earlier policy changed and behind which it opened none, or in which it failed.
        stopped: why the rollout is stopped.
        day: the day (UTC) whose writes are counted.
        fresh: when clusters got the extension for the first time, within the last hour.
        broken: class of failure -> why its automatic repair is suspended.
        mass: why no cluster gets the extension for the first time; since `mass_since`.
    """

    policy: str = ""
    generation: int = 0
    rings: tuple[RingRecord, ...] = ()
    unproven: tuple[str, ...] = ()
    stopped: str = ""
    flights: Mapping[str, Flight] = field(default_factory=dict)
    day: str = ""
    writes: int = 0
    disruptive: int = 0
    fresh: tuple[datetime, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    mass: str = ""
    mass_since: datetime | None = None

    def at(self, policy: str, generation: int, now: datetime) -> "Ledger":
        """The books as they are opened: lost flights struck out, a new day or a newer policy begun."""
        flights = {key: each for key, each in self.flights.items() if now - each.since < _LOST_AFTER}
        fresh = tuple(each for each in self.fresh if now - each < _HOUR)
        opened = replace(self, flights=flights, fresh=fresh)
        today = now.astimezone(UTC).date().isoformat()
        if self.day != today:
            opened = replace(opened, day=today, writes=0, disruptive=0)
        if generation > self.generation or not self.policy:
            grounded = {key: replace(each, by_policy=False) for key, each in flights.items()}
            opened = replace(opened, policy=policy, generation=generation, stopped="", flights=grounded)
            opened = replace(opened, rings=(RingRecord(opened=now),), unproven=self._unproven())
        return opened

    def _unproven(self) -> tuple[str, ...]:
        """Rings whose soak, or whose failures, a newer policy would end; a change of its text alone would do so."""
        flying = {each.ring for each in self.flights.values() if each.by_policy}
        last = len(self.rings) - 1
        found = {
            record.name
            for number, record in enumerate(self.rings)
            if number in flying or record.failed or (number == last and record.landed)
        }
        return tuple(sorted(found.union(self.unproven)))


def selected(ledger: Ledger, mass: str, now: datetime) -> Ledger:
    """The books once a sweep has seen whether too many clusters are selected at once; "" where not."""
    return replace(ledger, mass=mass, mass_since=((ledger.mass and ledger.mass_since) or now) if mass else None)


def kept(rollout: Rollout) -> bool:
    """Whether a policy's rollout asks for anything that has to be counted."""
    return rollout != Rollout()


def booked(ledger: Ledger, wish: Wish, rollout: Rollout, now: datetime) -> Ledger | Refusal:
    """Book a flight, or say why not. A cluster that has one already keeps it."""
    standing = ledger.flights.get(wish.cluster)
    if standing is not None and (standing.by_policy or not wish.by_policy):
        return ledger
    refusal = (
        _today(ledger, wish, rollout, now)
        or _under_way(ledger, wish, rollout, now)
        or (_first(ledger, wish, rollout) if wish.first else None)
        or (_in_ring(ledger, wish, rollout, now) if wish.by_policy else None)
    )
    if refusal is not None:
        return refusal
    flight = Flight(now, wish.subscription, wish.region, wish.ring, wish.by_policy)
    return replace(
        ledger,
        flights={**ledger.flights, wish.cluster: flight},
        writes=ledger.writes + 1,
        disruptive=ledger.disruptive + wish.disruptive,
        fresh=(*ledger.fresh, now) if wish.first else ledger.fresh,
    )


def _today(ledger: Ledger, wish: Wish, rollout: Rollout, now: datetime) -> Refusal | None:
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    blast = rollout.blast
    if blast.writes is not None and ledger.writes >= blast.writes:
        reason = f"Today's {blast.writes} writes are spent (rollout.blastRadius.writesPerDay)."
    elif wish.disruptive and blast.disruptive is not None and ledger.disruptive >= blast.disruptive:
        reason = f"Today's {blast.disruptive} disruptive writes are spent (rollout.blastRadius.disruptivePerDay)."
    else:
        return None
    return Refusal(HoldCode.BUDGET, reason, _later(wish, midnight))


def _under_way(ledger: Ledger, wish: Wish, rollout: Rollout, now: datetime) -> Refusal | None:
    flights, most = ledger.flights.values(), rollout.in_flight
    counts = (
        ("the fleet", most.fleet, len(flights)),
        ("the subscription", most.subscription, sum(each.subscription == wish.subscription for each in flights)),
        ("the region", most.region, sum(each.region == wish.region for each in flights)),
    )
    for where, limit, count in counts:
        if limit is not None and count >= limit:
            reason = f"{count} operations are under way in {where}, as many as rollout.maxInFlight allows."
            return Refusal(HoldCode.BUDGET, reason, _later(wish, now + _SOON))
    return None


def _first(ledger: Ledger, wish: Wish, rollout: Rollout) -> Refusal | None:
    most = rollout.new_clusters_per_hour
    if most is None or len(ledger.fresh) < most:
        return None
    reason = f"{len(ledger.fresh)} new clusters were taken on within the last hour (rollout.newClusters.perHour)."
    return Refusal(HoldCode.BUDGET, reason, _later(wish, min(ledger.fresh) + _HOUR))


def _in_ring(ledger: Ledger, wish: Wish, rollout: Rollout, now: datetime) -> Refusal | None:
    """As many updates at once as may fail: the threshold then holds whatever becomes of them."""
    if wish.generation < ledger.generation:
        return Refusal(HoldCode.RING, "A newer policy has come into force meanwhile.", _later(wish, now))
    if ledger.stopped:
        return Refusal(HoldCode.RING, ledger.stopped, _later(wish, now + _HOUR))
    most = rollout.stop_on.failures
    if most is None and rollout.stop_on.percent is None:
        return None
    record = ledger.rings[wish.ring] if wish.ring < len(ledger.rings) else RingRecord()
    under_way = sum(each.by_policy and each.ring == wish.ring for each in ledger.flights.values())
    bounds = [most - record.failed] if most is not None else []
    if rollout.stop_on.percent is not None:
        may_fail = max(rollout.stop_on.minimum_sample, int(record.landed * rollout.stop_on.percent / 100))
        bounds.append(may_fail - record.failed)
    if under_way < min(bounds):
        return None
    reason = f"{under_way} updates are under way in its ring, as many as may fail before the rollout stops."
    return Refusal(HoldCode.RING, reason, _later(wish, now + _SOON))


def _later(wish: Wish, moment: datetime) -> datetime:
    """A moment of its own for each who waits, so that they do not come back all at once."""
    share = int.from_bytes(hashlib.sha256(wish.cluster.encode()).digest()[:4]) / 2**32
    return moment + _SPREAD * share


def landed(ledger: Ledger, cluster: str, rollout: Rollout, *, failed: bool | None) -> Ledger:
    """Book a landing; `failed` None: it never flew. Where too many failed, the rollout stops."""
    flight = ledger.flights.get(cluster)
    if flight is None:
        return ledger
    ledger = replace(ledger, flights={key: each for key, each in ledger.flights.items() if key != cluster})
    if failed is None or not flight.by_policy:
        return ledger
    missing = flight.ring + 1 - len(ledger.rings)
    records = [*ledger.rings, *[RingRecord()] * missing]
    record = records[flight.ring]
    record = replace(record, landed=record.landed + 1, failed=record.failed + failed)
    records[flight.ring] = record
    ledger = replace(ledger, rings=tuple(records))
    why = too_many(record.failed, record.landed, rollout)
    return replace(ledger, stopped=ledger.stopped or why) if why else ledger


def too_many(failed: int, landed: int, rollout: Rollout) -> str:
    """What to tell where more updates of one ring failed than the policy allows; "" where not."""
    stop = rollout.stop_on
    if stop.failures is not None and failed >= stop.failures:
        return f"The rollout is stopped: {failed} of {landed} updates failed in one ring (rollout.stopOn)."
    if stop.percent is not None and landed >= stop.minimum_sample:
        share = 100 * failed / landed
        if share > stop.percent:
            return f"The rollout is stopped: {share:.0f} % of {landed} updates failed (rollout.stopOn.percent)."
    return ""


def plain(ledger: Ledger) -> dict[str, Any]:
    """The books as JSON."""
    return {
        "v": 1,
        "policy": ledger.policy,
        "generation": ledger.generation,
        "rings": [
            {
                "opened": _text(each.opened),
                "done": _text(each.done),
                "landed": each.landed,
                "failed": each.failed,
                "busy": each.busy,
                "name": each.name,
            }
            for each in ledger.rings
        ],
        "unproven": list(ledger.unproven),
        "stopped": ledger.stopped,
        "flights": {
            key: [_text(each.since), each.subscription, each.region, each.ring, each.by_policy]
            for key, each in ledger.flights.items()
        },
        "day": [ledger.day, ledger.writes, ledger.disruptive],
        "fresh": [_text(each) for each in ledger.fresh],
        "broken": dict(ledger.broken),
        "mass": ledger.mass,
        "massSince": _text(ledger.mass_since),
    }


def read(body: Mapping[str, Any]) -> Ledger:
    """The books from their JSON."""
    day, writes, disruptive = body.get("day") or ("", 0, 0)
    return Ledger(
        body.get("policy", ""),
        body.get("generation", 0),
        tuple(
            RingRecord(
                _moment(each["opened"]),
                _moment(each["done"]),
                each["landed"],
                each["failed"],
                each.get("busy", ""),
                each.get("name", ""),
            )
            for each in body.get("rings", ())
        ),
        tuple(map(str, body.get("unproven", ()))),
        body.get("stopped", ""),
        {
            key: Flight(datetime.fromisoformat(since), subscription, region, ring, by_policy)
            for key, (since, subscription, region, ring, by_policy) in body.get("flights", {}).items()
        },
        day,
        writes,
        disruptive,
        tuple(map(datetime.fromisoformat, body.get("fresh", ()))),
        body.get("broken", {}),
        body.get("mass", ""),
        _moment(body.get("massSince")),
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
