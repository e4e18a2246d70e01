"""How the policy's changes go from ring to ring."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.fleet.ledger import Flight, Ledger, RingRecord
from shared.fleet.rollout import MASS_SELECTION, Seen, progressed, ring_approval, ring_numbers, view
from shared.model.gates import Standstill
from shared.model.intent import FleetVerb, FleetWord
from shared.policy.model import Policy
from shared.policy.rollout import Breaker, Ring, Rollout, StopOn

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CANARY = Ring("canary", soak=HOUR, approval=True)
RINGS = Rollout(rings=(CANARY, Ring("half"), Ring("all")))
BOOKS = Ledger().at("digest", 1, NOW)
POLICY = Policy("digest", 1, rollout=RINGS)


def seen(wanting=None, *, managed=100, rings=None, failing=None, **failures) -> Seen:
    """What a sweep saw."""
    return Seen(wanting or {}, rings or {}, failing or {}, managed, failures)


def said(word_id: str, verb: FleetVerb = FleetVerb.APPROVE, subject: str = "", **facts) -> FleetWord:
    """A person's word."""
    return FleetWord(word_id, verb, subject, "ada", "because.", NOW, **facts)


def test_the_next_ring_waits_until_the_one_before_is_done_has_soaked_and_is_approved():
    """In this order, each told in words; a later approval of another policy does not count."""
    working = progressed(BOOKS, RINGS, seen({0: 3, 1: 9}), (), NOW)
    landed = replace(working, rings=(replace(working.rings[0], landed=3),))
    done = progressed(landed, RINGS, seen({1: 9}), (), NOW)
    soaked = progressed(done, RINGS, seen({1: 9}), (said("ring-other-canary"),), NOW + HOUR)
    approval = said(ring_approval("digest", CANARY))
    opened = progressed(soaked, RINGS, seen({1: 9}), (approval,), NOW + HOUR)

    assert (len(working.rings), working.rings[0].done) == (1, None)
    assert "not done yet" in view(working, POLICY, (), NOW).waiting
    assert (len(done.rings), done.rings[0].done) == (1, NOW)
    assert "soaks" in view(done, POLICY, (), NOW).waiting
    assert len(soaked.rings) == 1
    assert "ring-digest-canary" in view(soaked, POLICY, (), NOW + HOUR).waiting
    assert view(soaked, POLICY, (), NOW + HOUR).approval == "ring-digest-canary"
    assert view(soaked, POLICY, (), NOW + HOUR).approval_since == NOW + HOUR, "since it has soaked"
    assert view(working, POLICY, (), NOW + HOUR).approval == ""
    assert (len(opened.rings), view(opened, POLICY, (), NOW + HOUR).open_ring) == (2, 1)


def test_an_approval_that_was_given_is_not_asked_for_until_the_next_sweep():
    """The books say until then why the ring is not done, the approval's name included."""
    name = ring_approval("digest", CANARY)
    record = replace(BOOKS.rings[0], landed=3, busy=f"3 of its clusters failed (approve {name} to go on all the same)")
    books = replace(BOOKS, rings=(record,))

    assert view(books, POLICY, (), NOW).approval == name
    assert view(books, POLICY, (said(name),), NOW).approval == ""


def test_rings_in_which_nothing_changed_hold_up_nobody():
    """A policy that concerns the last ring alone reaches it at the next sweep."""
    after = progressed(BOOKS, RINGS, seen({2: 5}), (), NOW)
    assert view(after, POLICY, (), NOW).open_ring == 2


def test_a_ring_is_not_done_while_an_update_is_under_way():
    """It may still fail."""
    flight = Flight(NOW, "sub", "region", 0, by_policy=True)
    after = progressed(replace(BOOKS, flights={"key": flight}), RINGS, seen(), (), NOW)
    assert after.rings[0].done is None


def test_a_stopped_rollout_opens_nothing():
    """Not even where nothing is left to be done in its ring."""
    stopped = replace(BOOKS, stopped="3 failed", rings=(RingRecord(NOW, landed=3, failed=3),))
    after = progressed(stopped, RINGS, seen(), (said(ring_approval("digest", CANARY)),), NOW + 2 * HOUR)
    assert (len(after.rings), after.rings[0].done) == (1, None)
    assert view(after, POLICY, (), NOW).stopped == "3 failed"


def test_a_policy_without_rings_is_open_to_all():
    """Rings are asked for, never assumed."""
    assert view(BOOKS, Policy("digest", 1), (), NOW).open_ring is None


def test_books_of_an_older_policy_open_the_first_ring_only():
    """Until a sweep has seen what the new one changes."""
    later = replace(BOOKS, rings=(RingRecord(NOW, NOW), RingRecord(NOW, NOW), RingRecord(NOW)))
    assert view(later, POLICY, (), NOW).open_ring == 2
    assert view(later, replace(POLICY, digest="new", generation=2), (), NOW).open_ring == 0


def test_repair_of_a_failure_that_a_share_of_the_fleet_shows_is_suspended():
    """Above the bound and by a large enough fleet; closed again at half of it, so that it does not flutter."""
    rollout = Rollout(breaker=Breaker(percent=10, minimum_sample=20))
    calm = progressed(BOOKS, rollout, seen(wait=10), (), NOW)
    open_ = progressed(calm, rollout, seen(wait=11, transient=1), (), NOW)
    still = progressed(open_, rollout, seen(wait=6), (), NOW)
    closed = progressed(still, rollout, seen(wait=5), (), NOW)

    assert (dict(calm.broken), dict(closed.broken)) == ({}, {})
    assert list(open_.broken) == ["wait"]
    assert list(still.broken) == ["wait"]
    assert "11 of 100" in open_.broken["wait"]
    assert progressed(BOOKS, rollout, seen(managed=19, wait=19), (), NOW).broken == {}


def test_people_pause_the_fleet_or_a_ring_and_lift_the_mass_hold():
    """A word that has ended, or names no end, pauses nothing."""
    until = NOW + HOUR
    words = (
        said("p1", FleetVerb.PAUSE, "fleet", until=until),
        said("p2", FleetVerb.PAUSE, "ring/half", until=until),
        said("p3", FleetVerb.PAUSE, "fleet", until=NOW),
        said("p4", FleetVerb.PAUSE, "cluster/abc", until=until),
        said("p5", FleetVerb.PAUSE, "cluster/abd", until=None),
    )
    gates = view(replace(BOOKS, mass="too many"), POLICY, words, NOW)
    lifted = view(replace(BOOKS, mass="too many"), POLICY, (said(MASS_SELECTION, until=until),), NOW)

    assert [each.scope for each in gates.standstills] == ["fleet", "ring/half", "cluster/abc"]
    assert gates.standstills[0] == Standstill("fleet", until, "ada paused fleet: because.")
    assert (gates.mass, lifted.mass) == ("too many", "")
    assert lifted.approved == {MASS_SELECTION}


def test_counts_by_name_become_counts_by_number():
    """What has no ring of its own comes last."""
    assert ring_numbers(RINGS, {"canary": 1, "all": 2, "rest": 3}) == {0: 1, 2: 2, 3: 3}


def newer(ledger: Ledger) -> Ledger:
    """The books under the next policy."""
    return ledger.at("newer", 2, NOW)


def test_a_soak_is_kept_by_the_name_of_its_ring():
    """Rings before it that are new or dropped change nothing; a name that is gone counts as the first ring."""
    working = progressed(BOOKS, RINGS, seen({0: 3, 1: 9}), (), NOW)
    landed = newer(replace(working, rings=(replace(working.rings[0], landed=3),)))
    for rollout, opened in (
        (Rollout(rings=(Ring("pre"), CANARY, Ring("all"))), 2),
        (Rollout(rings=(CANARY, Ring("all"))), 1),
        (Rollout(rings=(Ring("first", soak=HOUR), Ring("all"))), 1),
    ):
        after = progressed(landed, rollout, seen({len(rollout.rings) - 1: 9}), (), NOW)
        assert landed.unproven == ("canary",)
        assert len(after.rings) == opened


def test_failures_of_a_ring_that_was_done_are_not_forgotten():
    """Late canaries fail while the next ring is open: a newer policy waits until they are repaired, or for a person."""
    rollout = replace(RINGS, rings=(Ring("canary"), Ring("all")), stop_on=StopOn(failures=3))
    rings = (RingRecord(NOW, NOW, landed=8, failed=3, name="canary"), RingRecord(NOW, name="all"))
    books = newer(replace(BOOKS, rings=rings, stopped="3 of 8 failed"))
    held = progressed(books, rollout, seen(rings={0: 8}, failing={0: 3}), (), NOW)
    approved = said(ring_approval("newer", Ring("canary")))

    assert "3 of its clusters failed" in held.rings[0].busy
    assert len(held.rings) == 1
    assert len(progressed(held, rollout, seen(rings={0: 8}), (), NOW).rings) == 2 + 1
    assert len(progressed(held, rollout, seen(rings={0: 8}, failing={0: 3}), (approved,), NOW).rings) == 2 + 1
