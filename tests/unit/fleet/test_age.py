"""How old figures may be before they are shown as old."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.fleet.age import are_old, period_of
from shared.fleet.trend import gaps_with

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
EACH_QUARTER, EACH_HOUR, NEVER = "0 */15 * * * *", "0 0 * * * *", "0 0 0 1 1 *"


def old_after(gaps: list[float], schedule: str, ages: list[timedelta]) -> list[bool]:
    return [are_old(NOW - age, NOW, gaps, schedule) for age in ages]


def test_an_outage_makes_the_figures_after_it_no_fresher():
    """The usual gap counts: one of six hours among gaps of a quarter leaves the bound at three quarters."""
    gaps = [900.0, 900.0, 21_600.0]

    assert old_after(gaps, EACH_QUARTER, [3 * QUARTER, 4 * QUARTER]) == [False, True]


def test_without_any_gap_the_schedule_tells():
    """Three hours where a sweep comes each hour; a quarter where it comes no evenly."""
    assert old_after([], EACH_HOUR, [3 * HOUR, 4 * HOUR]) == [False, True]
    assert old_after([], NEVER, [3 * QUARTER, 4 * QUARTER]) == [False, True]


def test_sweeps_by_hand_make_nothing_old_at_once():
    """Gaps of seconds count as what the schedule asks for, a quarter at most."""
    assert old_after([2.0, 3.0], NEVER, [2 * QUARTER]) == [False]
    assert old_after([2.0, 3.0], "0 */5 * * * *", [2 * QUARTER]) == [True]


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [
        (EACH_QUARTER, 15),
        ("0 * * * * *", 1),
        ("0 5,35 * * * *", 30),
        (EACH_HOUR, 60),
        ("0 0 */6 * * *", 360),
        ("0 30 2 * * *", 1440),
        (NEVER, None),
        ("0 0 9 * * 1-5", None),
        ("0 0-30 * * * *", None),
        ("every hour", None),
    ],
)
def test_a_schedule_that_runs_evenly_is_read(schedule: str, minutes: int | None):
    """Any other is not guessed at."""
    assert period_of(schedule) == (timedelta(minutes=minutes) if minutes else None)


def test_the_last_seven_gaps_are_kept():
    """From header to header; the first sweep has none, and a header of an earlier version none yet."""
    header: dict[str, object] = {}
    for number in range(10):
        now = NOW + number * QUARTER
        header = {"asOf": now.isoformat(), "gaps": gaps_with(header, now)}

    assert header["gaps"] == [900.0] * 7
    assert gaps_with({}, NOW) == []
    assert gaps_with({"asOf": (NOW - HOUR).isoformat()}, NOW) == [3600.0]
