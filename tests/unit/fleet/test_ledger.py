"""The books of the fleet: limits that hold over all instances, and a rollout that stops at its threshold."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.fleet.ledger import Ledger, booked, landed, plain, read, selected
from shared.model.state import HoldCode
from shared.policy.rollout import BlastRadius, InFlight, Rollout, StopOn
from shared.reconcile.admission import Refusal, Wish

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
BOOKS = Ledger().at("digest", 1, NOW)
A, B = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


def wish(number: int, **facts) -> Wish:
    """A wish of one cluster, in subscription A and West Europe where nothing else is said."""
    given_facts = {"subscription": A, "region": "westeurope", "generation": 1, "ring": 0} | facts
    return Wish(f"key-{number}", **given_facts)


def granted(books: Ledger, rollout: Rollout, *wishes: Wish, now: datetime = NOW) -> tuple[Ledger, list[Refusal]]:
    """The books after these wishes, and what was refused."""
    refusals = []
    for each in wishes:
        outcome = booked(books, each, rollout, now)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            books = outcome
    return books, refusals


@pytest.mark.parametrize(
    ("limits", "last"),
    [
        (InFlight(fleet=3), wish(9, subscription=B, region="eastus")),
        (InFlight(subscription=3), wish(9, region="eastus")),
        (InFlight(region=3), wish(9, subscription=B)),
    ],
    ids=["fleet", "subscription", "region"],
)
def test_no_more_is_under_way_than_the_policy_allows(limits, last):
    """The fourth waits; once one has landed it may go, and elsewhere the limit means nothing."""
    rollout = Rollout(in_flight=limits)
    books, none = granted(BOOKS, rollout, wish(1), wish(2), wish(3))
    refusal = booked(books, last, rollout, NOW)
    after = booked(landed(books, "key-2", rollout, failed=False), last, rollout, NOW)

    assert none == []
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.again > NOW) == (HoldCode.BUDGET, True)
    assert isinstance(after, Ledger)
    if limits.fleet is None:
        assert isinstance(booked(books, wish(10, subscription=B, region="norwayeast"), rollout, NOW), Ledger)


def test_a_cluster_that_has_a_booking_keeps_it():
    """A relay is prepared first, and a repeated step asks again: neither is counted twice."""
    rollout = Rollout(in_flight=InFlight(fleet=1), blast=BlastRadius(writes=1), new_clusters_per_hour=1)
    books, refusals = granted(BOOKS, rollout, wish(1, first=True), wish(1, first=True), wish(1))
    assert refusals == []
    assert (books.writes, len(books.fresh), len(books.flights)) == (1, 1, 1)


def test_a_days_writes_are_spent_until_midnight():
    """All of them, or the disruptive ones; the next day begins with none."""
    rollout = Rollout(blast=BlastRadius(writes=3, disruptive=1))
    books, (second_disruptive,) = granted(BOOKS, rollout, wish(1, disruptive=True), wish(2, disruptive=True), wish(3))
    books, (fourth,) = granted(books, rollout, wish(4), wish(5))
    midnight = datetime(2026, 11, 27, tzinfo=UTC)
    tomorrow = books.at("digest", 1, midnight)

    assert "disruptive" in second_disruptive.reason
    assert fourth.code is HoldCode.BUDGET
    assert midnight <= fourth.again < midnight + timedelta(minutes=20)
    assert isinstance(booked(tomorrow, wish(6, disruptive=True), rollout, midnight), Ledger)


def test_new_clusters_come_so_many_an_hour():
    """Only first installations count; the next place is free an hour after the oldest."""
    rollout = Rollout(new_clusters_per_hour=2)
    later = NOW + timedelta(minutes=10)
    books, _ = granted(BOOKS, rollout, wish(1, first=True))
    books, _ = granted(books, rollout, wish(2, first=True), now=later)
    refusal = booked(books, wish(3, first=True), rollout, later)
    hour = NOW + timedelta(hours=1)

    assert isinstance(refusal, Refusal)
    assert hour <= refusal.again < hour + timedelta(minutes=20)
    assert isinstance(booked(books, wish(3), rollout, later), Ledger)
    assert isinstance(booked(books.at("digest", 1, hour), wish(3, first=True), rollout, hour), Ledger)


def test_a_rollout_stops_at_its_threshold_whatever_is_under_way():
    """Three may fail: never are more than three under way, and the third failure stops every ring."""
    rollout = Rollout(stop_on=StopOn(failures=3))
    books, refusals = granted(BOOKS, rollout, *(wish(n, by_policy=True) for n in range(10)))
    assert (len(books.flights), len(refusals)) == (3, 7)
    for key in sorted(books.flights):
        books = landed(books, key, rollout, failed=True)
    books, refusals = granted(books, rollout, wish(20, by_policy=True), wish(21, by_policy=True, ring=1), wish(22))

    assert "stopped: 3 of 3" in books.stopped
    assert [each.code for each in refusals] == [HoldCode.RING, HoldCode.RING]
    assert set(books.flights) == {"key-22"}, "a repair of something else is no part of the rollout"


def test_a_rollout_goes_on_while_few_enough_fail():
    """Ten in a hundred, told by at least ten: one of ten is borne, two are too many."""
    rollout = Rollout(stop_on=StopOn(percent=10, minimum_sample=10))
    books = BOOKS
    for number in range(10):
        books, refused = granted(books, rollout, wish(number, by_policy=True))
        books = landed(books, f"key-{number}", rollout, failed=number == 3)
        assert refused == []
    assert books.stopped == ""
    books, _ = granted(books, rollout, wish(50, by_policy=True))
    assert "18 %" in landed(books, "key-50", rollout, failed=True).stopped


def test_a_newer_policy_begins_anew_and_an_older_one_changes_nothing():
    """Its rings start at the first; a worker that still follows the old one is refused, and resets nothing."""
    rollout = Rollout(stop_on=StopOn(failures=1))
    books, _ = granted(BOOKS, rollout, wish(1, by_policy=True))
    books = landed(books, "key-1", rollout, failed=True)
    newer = books.at("other", 2, NOW)

    assert books.stopped
    assert (newer.stopped, newer.policy, len(newer.rings)) == ("", "other", 1)
    assert newer.at("digest", 1, NOW) == newer
    assert isinstance(booked(newer, wish(2, by_policy=True), rollout, NOW), Refusal)
    assert isinstance(booked(newer, wish(2, by_policy=True, generation=2), rollout, NOW), Ledger)


def test_a_flight_that_nobody_saw_land_is_struck_out():
    """A memory that was lost must not block the fleet for ever."""
    rollout = Rollout(in_flight=InFlight(fleet=1))
    books, _ = granted(BOOKS, rollout, wish(1))
    later = NOW + timedelta(hours=3)
    assert isinstance(booked(books.at("digest", 1, later), wish(2), rollout, later), Ledger)


def test_a_write_that_never_went_out_leaves_no_trace_in_the_ring():
    """It was neither a success nor a failure."""
    rollout = Rollout(stop_on=StopOn(failures=1))
    books, _ = granted(BOOKS, rollout, wish(1, by_policy=True))
    after = landed(books, "key-1", rollout, failed=None)
    assert (after.flights, after.rings, after.stopped) == ({}, BOOKS.rings, "")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 12), st.integers(0, 3), st.booleans(), st.sampled_from(["book", "fail", "land", "lose"])
        )
    ),
    st.integers(1, 4),
)
def test_never_do_more_updates_fail_than_the_threshold_in_one_ring(moves, threshold):
    """However bookings and landings meet; and the books read back are the books that were written."""
    rollout = Rollout(stop_on=StopOn(failures=threshold), in_flight=InFlight(fleet=6))
    books = BOOKS
    for number, ring, first, move in moves:
        if move == "book":
            outcome = booked(books, wish(number, ring=ring, by_policy=True, first=first), rollout, NOW)
            books = books if isinstance(outcome, Refusal) else outcome
        else:
            books = landed(books, f"key-{number}", rollout, failed={"fail": True, "land": False, "lose": None}[move])
        assert all(record.failed <= threshold for record in books.rings)
        assert len(books.flights) <= 6
        assert read(plain(books)) == books


def test_a_mass_selection_is_as_old_as_the_first_sweep_that_saw_it():
    """However its numbers change; once it is over, the next one begins anew. The books keep it."""
    later = NOW + timedelta(hours=1)
    first = selected(BOOKS, "60 clusters", NOW)
    second = selected(first, "61 clusters", later)
    anew = selected(selected(second, "", later), "60 clusters", later)

    assert (second.mass, second.mass_since, anew.mass_since) == ("61 clusters", NOW, later)
    assert selected(second, "", later).mass_since is None
    assert read(plain(second)).mass_since == NOW
