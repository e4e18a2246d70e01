"""Maintenance windows and blackouts, over days on which the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.rollout import Blackout, Window
from shared.policy.windows import Opening, opening

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
VIENNA, NEW_YORK = "Europe/Vienna", "America/New_York"


def at(text: str, zone: str = "UTC") -> datetime:
    """A moment in the wall time of a zone, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


NIGHTLY = Window("0 22 * * *", 6 * HOUR, VIENNA)
FREEZE = Blackout(date(2026, 12, 24), date(2026, 12, 26), VIENNA, "Christmas")


def test_without_windows_everything_is_open():
    """Nobody asked for any."""
    assert opening((), (), at("2026-11-26T12:00")) == Opening(open=True)


def test_a_window_over_midnight():
    """Open on both sides of it, closed at its very end; the next one is told."""
    during = at("2026-11-27T03:59", VIENNA)
    end = at("2026-11-27T04:00", VIENNA)
    assert opening([NIGHTLY], (), during) == Opening(open=True, closes=end)
    closed = opening([NIGHTLY], (), end)
    assert (closed.open, closed.opens) == (False, at("2026-11-27T22:00", VIENNA))
    assert "windows" in closed.why
    assert opening([NIGHTLY], (), at("2026-11-27T22:00", VIENNA)).open


def test_windows_that_overlap_end_with_the_last_of_them():
    """What is open through one of them is open."""
    other = Window("0 3 * * *", 3 * HOUR, VIENNA)
    found = opening([NIGHTLY, other], (), at("2026-11-27T03:30", VIENNA))
    assert found.closes == at("2026-11-27T06:00", VIENNA)


def test_a_blackout_closes_what_would_be_open():
    """On its days in its zone, with its reason; afterwards the window that would be open then is."""
    found = opening([NIGHTLY], [FREEZE], at("2026-12-24T23:00", VIENNA))
    assert (found.open, found.why) == (False, "Christmas until the end of 2026-12-26.")
    assert found.opens == at("2026-12-27T00:00", VIENNA)
    assert opening([NIGHTLY], [FREEZE], at("2026-12-23T22:30", VIENNA)).closes == at("2026-12-24T00:00", VIENNA)
    assert opening((), [FREEZE], at("2026-12-25T12:00", VIENNA)).opens == at("2026-12-27T00:00", VIENNA)
    assert opening((), [FREEZE], at("2026-12-20T12:00", VIENNA)) == Opening(open=True, closes=at("2026-12-24", VIENNA))


@pytest.mark.parametrize(
    ("zone", "cron", "closed", "opened"),
    [
        (VIENNA, "30 2 * * *", "2026-03-29T01:59", "2026-03-29T03:30"),
        (NEW_YORK, "30 2 * * *", "2026-03-08T01:59", "2026-03-08T03:30"),
    ],
)
def test_a_beginning_that_does_not_exist_moves_to_the_next_moment_that_does(zone, cron, closed, opened):
    """Clocks jump from two to three: the window of half past two is not lost."""
    window = Window(cron, HOUR, zone)
    assert not opening([window], (), at(closed, zone)).open
    assert opening([window], (), at(opened, zone)).open


def test_a_window_lasts_for_time_that_passes():
    """Clocks are put back within it: six hours after ten in the evening it is three on the wall."""
    began = at("2026-10-24T22:00", VIENNA)
    assert opening([NIGHTLY], (), began).closes == began + 6 * HOUR
    assert (began + 6 * HOUR).astimezone(ZoneInfo(VIENNA)).hour == 3


def test_a_window_that_never_comes_is_told_as_such():
    """A blackout that covers it for more than a year leaves no moment to name."""
    long = Blackout(date(2026, 1, 1), date(2028, 12, 31))
    yearly = Window("0 0 1 1 *", HOUR)
    found = opening([yearly], [long], at("2026-11-26T00:00"))
    assert not found.open


@settings(max_examples=25, deadline=None)
@given(
    zone=st.sampled_from([VIENNA, NEW_YORK, "UTC", "Asia/Kolkata"]),
    hour=st.integers(0, 23),
    minute=st.sampled_from([0, 15, 45]),
    length=st.integers(1, 40),
    offset=st.integers(0, 60 * 24 * 3),
)
def test_open_is_what_counting_beginnings_says(zone, hour, minute, length, offset):
    """Minute by minute over the days around the change of clocks: open exactly while some beginning has not ended."""
    window = Window(f"{minute} {hour} * * *", timedelta(hours=length), zone)
    now = at("2026-10-24T00:00") + offset * MINUTE
    found = opening([window], (), now)

    def begins(moment: datetime) -> bool:
        # An hour that comes twice begins a window once, at its first coming.
        wall = moment.astimezone(ZoneInfo(zone))
        return (wall.hour, wall.minute, wall.fold) == (hour, minute, 0)

    back = [now - number * MINUTE for number in range(length * 60)]
    assert found.open is any(begins(moment) for moment in back)
    if found.open:
        assert found.closes > now
    else:
        assert found.opens > now
        assert opening([window], (), found.opens).open
        assert not opening([window], (), found.opens - MINUTE).open
