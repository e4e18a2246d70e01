"""Delays grow, stay within their bounds, and are the same for the same input."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.reconcile.backoff import after_attempt, since
from tests.unit.reconcile.worlds import MODERATE, NOW, cluster_id

FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=6)
seconds = st.integers(1, 10**6).map(lambda count: timedelta(seconds=count))


@MODERATE
@given(st.integers(-3, 10**6), st.floats(1, 999, allow_nan=False), seconds, seconds)
def test_the_pause_after_failures_is_bounded_and_repeatable(attempt, factor, first, more):
    """Whatever the policy says and however often it failed: a tenth around the first to the longest pause."""
    longest = first + more
    pause = after_attempt(cluster_id(), attempt, first=first, factor=factor, longest=longest)

    assert pause == after_attempt(cluster_id(), attempt, first=first, factor=factor, longest=longest)
    assert 0.89 * first <= pause <= 1.11 * longest


def test_the_pause_after_failures_grows():
    """Doubling outruns the jitter, until the longest pause."""
    pauses = [after_attempt(cluster_id(), each, first=FIRST, factor=2.0, longest=LONGEST) for each in range(1, 9)]

    assert pauses == sorted(pauses)
    assert pauses[0] < timedelta(minutes=1.2)
    assert pauses[-1] > timedelta(minutes=100)


def test_clusters_that_fail_together_come_back_apart():
    """The jitter is the cluster's own."""
    pauses = {
        after_attempt(cluster_id(name=f"c{number}"), 1, first=FIRST, factor=2.0, longest=LONGEST)
        for number in range(20)
    }

    assert len(pauses) == 20


@MODERATE
@given(st.none() | st.integers(-(10**5), 10**7), seconds, seconds)
def test_the_pause_of_what_lasts_is_bounded_and_repeatable(lasted, first, more):
    """Never longer than the longest, never idle: a start in the future (a clock that is off) counts as now."""
    start = None if lasted is None else NOW - timedelta(seconds=lasted)
    longest = first + more
    pause = since(cluster_id(), start, NOW, first=first, longest=longest)

    assert pause == since(cluster_id(), start, NOW, first=first, longest=longest)
    assert timedelta(0) < pause <= longest
    assert pause >= 0.89 * first


def test_the_pause_of_what_lasts_grows_with_it():
    """Half as long again, up to the bound."""
    pauses = [
        since(cluster_id(), NOW - timedelta(minutes=minutes), NOW, first=FIRST, longest=LONGEST)
        for minutes in (0, 10, 60, 300, 10_000)
    ]

    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST
