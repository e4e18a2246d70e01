"""How the policy's changes go from ring to ring, told from the books and from what a whole sweep saw."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared.fleet.ledger import Ledger, RingRecord, too_many
from shared.model.gates import FleetGates, Standstill
from shared.model.intent import FleetVerb, FleetWord
from shared.policy.model import Policy
from shared.policy.rollout import REST, Ring, Rollout

MASS_SELECTION = "mass-selection"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a whole sweep saw of the fleet.

    Attributes:
        wanting: by number of the ring, clusters that the policy wants changed and that only a gate holds back.
        rings: by number of the ring, clusters that are managed; `failing`, those of them whose last update failed.
        managed: clusters that are managed.
        failures: class of failure -> clusters in it.
    """

    wanting: Mapping[int, int]
    rings: Mapping[int, int]
    failing: Mapping[int, int]
    managed: int
    failures: Mapping[str, int]


def ring_numbers(rollout: Rollout, by_name: Mapping[str, int]) -> dict[int, int]:
    """Counts by the name of a ring as counts by its number; what has no ring of its own comes last."""
    numbers = {ring.name: number for number, ring in enumerate(rollout.rings)}
    counted: Counter[int] = Counter()
    for name, count in by_name.items():
        counted[numbers.get(name, len(rollout.rings))] += count
    return dict(counted)


def ring_approval(policy: str, ring: Ring) -> str:
    """The name of the approval that lets the ring behind this one begin."""
    return f"ring-{policy[:12]}-{ring.name}"


def progressed(ledger: Ledger, rollout: Rollout, seen: Seen, words: tuple[FleetWord, ...], now: datetime) -> Ledger:
    """The books after a whole sweep: rings that are done, the next one that opens, repairs that are suspended."""
    rings = _rings(ledger, rollout, seen, approved_by(words, now), now)
    # Behind a proven one there is another that has opened.
    proven = {rollout.rings[number].name for number in range(min(len(rings) - 1, len(rollout.rings)))}
    known = {ring.name for ring in rollout.rings}
    unproven = tuple(name for name in ledger.unproven if name not in proven and (name in known or len(rings) == 1))
    return replace(ledger, rings=rings, unproven=unproven, broken=_broken(ledger, rollout, seen))


def _rings(
    ledger: Ledger, rollout: Rollout, seen: Seen, approved: frozenset[str], now: datetime
) -> tuple[RingRecord, ...]:
    rings = [replace(record, name=_name(rollout, number)) for number, record in enumerate(ledger.rings)]
    rings = rings or [RingRecord(opened=now, name=_name(rollout, 0))]
    for number in range(len(rollout.rings)):
        record, last = rings[number], len(rings) == number + 1
        failing = _failing(ledger, rollout, seen, number, approved) if last else ""
        if not ledger.stopped and (record.done is None or failing):
            busy = failing or _busy(ledger, seen, number)
            record = rings[number] = replace(record, busy=busy, done=None if busy else record.done or now)
        if not last:
            continue
        if _blocked(replace(ledger, rings=tuple(rings)), rollout, number, approved, now):
            break
        rings.append(RingRecord(opened=now, name=_name(rollout, number + 1)))
    return tuple(rings)


def _name(rollout: Rollout, number: int) -> str:
    return rollout.rings[number].name if number < len(rollout.rings) else REST


def _busy(ledger: Ledger, seen: Seen, number: int) -> str:
    """Why a ring is not done; "" where it is."""
    if seen.wanting.get(number):
        return f"{seen.wanting[number]} of its clusters are still to be changed"
    under_way = sum(each.by_policy and each.ring == number for each in ledger.flights.values())
    return f"{under_way} updates are under way" if under_way else ""


def _failing(ledger: Ledger, rollout: Rollout, seen: Seen, number: int, approved: frozenset[str]) -> str:
    """Why a ring that an earlier policy left unproven keeps the next one waiting, unless a person says otherwise."""
    failing = seen.failing.get(number, 0)
    name = ring_approval(ledger.policy, rollout.rings[number])
    if not _is_unproven(ledger, rollout, number) or name in approved:
        return ""
    if not too_many(failing, seen.rings.get(number, 0), rollout):
        return ""
    return (
        f"{failing} of its clusters failed under an earlier policy, and this one has not repaired them "
        f"(approve {name} to go on all the same)"
    )


def _is_unproven(ledger: Ledger, rollout: Rollout, number: int) -> bool:
    """Whether an earlier policy changed this ring without proof; a name that is no longer there counts as the first.

    Which ring of today such a name stands for cannot be told.
    """
    known = {ring.name for ring in rollout.rings}
    strange = number == 0 and any(name not in known for name in ledger.unproven)
    return strange or rollout.rings[number].name in ledger.unproven


def _blocked(ledger: Ledger, rollout: Rollout, number: int, approved: frozenset[str], now: datetime) -> str:
    """Why the ring behind this one may not begin yet; "" where it may.

    A ring that changed nothing needs no proof, unless an earlier policy changed it and had none yet.
    """
    ring, record = rollout.rings[number], ledger.rings[number]
    if record.done is None:
        why = f": {record.busy}" if record.busy else ""
        return f"Ring '{ring.name}' comes first, and is not done yet{why}."
    if not record.landed and not _is_unproven(ledger, rollout, number):
        return ""
    if now < record.done + ring.soak:
        return f"Ring '{ring.name}' was done at {record.done.isoformat()} and soaks for {ring.soak}."
    name = ring_approval(ledger.policy, ring)
    if ring.approval and name not in approved:
        return f"Ring '{ring.name}' is done; the next one waits for the approval {name}."
    return ""


def _broken(ledger: Ledger, rollout: Rollout, seen: Seen) -> dict[str, str]:
    """Classes of failure that too large a share of the fleet shows: the cause is then not in the clusters."""
    most = rollout.breaker.percent
    if most is None or seen.managed < rollout.breaker.minimum_sample:
        return {}
    found = {}
    for name, count in sorted(seen.failures.items()):
        share = 100 * count / seen.managed
        # Closed again at half the share only, so that it does not flutter.
        if share > (most / 2 if name in ledger.broken else most):
            found[name] = (
                f"{count} of {seen.managed} clusters fail in class '{name}' (rollout.breaker.percent: {most:g}); "
                "repair of it waits until there are fewer."
            )
    return found


def view(ledger: Ledger, policy: Policy, words: tuple[FleetWord, ...], now: datetime) -> FleetGates:
    """What the books and people's words allow at this moment."""
    approved, rollout = approved_by(words, now), policy.rollout
    books = ledger.at(policy.digest, policy.generation, now)
    opened, waiting, approval, since = None, "", "", None
    if rollout.rings:
        opened = len(books.rings) - 1
        if opened < len(rollout.rings):
            ring, record = rollout.rings[opened], books.rings[opened]
            since = record.done + ring.soak if record.done else record.opened
            approval = ring_approval(policy.digest, ring)
            waiting = _blocked(books, rollout, opened, approved, now) or f"Ring '{ring.name}' comes first."
    return FleetGates(
        policy.digest,
        opened,
        waiting,
        # Books that no sweep has brought up to date since still ask for what was approved.
        approval if approval and approval in waiting and approval not in approved else "",
        books.stopped,
        books.broken,
        "" if MASS_SELECTION in approved else books.mass,
        None if rollout.new_clusters_per_hour is None else max(0, rollout.new_clusters_per_hour - len(books.fresh)),
        _standstills(words, now),
        approved,
        since,
        books.mass_since,
    )


def approved_by(words: Iterable[FleetWord], now: datetime) -> frozenset[str]:
    """Names of what people have approved, by their words."""
    return frozenset(word.id for word in words if word.verb is FleetVerb.APPROVE and word.stands(now))


def _standstills(words: tuple[FleetWord, ...], now: datetime) -> tuple[Standstill, ...]:
    found = []
    for word in words:
        if word.verb is FleetVerb.PAUSE and word.until is not None and word.stands(now):
            what = "this cluster" if word.subject.startswith("cluster/") else word.subject
            found.append(Standstill(word.subject, word.until, f"{word.who} paused {what}: {word.why.rstrip('.')}."))
    return tuple(found)
