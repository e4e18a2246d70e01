"""NCRONTAB schedules."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devhost.ncrontab import ScheduleError, parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */15 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:15:00"),
        ("0 */15 * * * *", "2026-01-01T23:45:00.5", "2026-01-02T00:00:00"),
        ("*/10 * * * * *", "2026-01-01T00:00:09.999", "2026-01-01T00:00:10"),
        ("*/10 * * * * *", "2026-12-31T23:59:50", "2027-01-01T00:00:00"),
        ("30 5/20 * * * *", "2026-01-01T00:25:30", "2026-01-01T00:45:30"),
        ("0 0 9-17/4 * * *", "2026-01-01T13:00:00", "2026-01-01T17:00:00"),
        ("0 30 9 * * Mon-Fri", "2026-01-02T09:30:00", "2026-01-05T09:30:00"),
        ("0 0 0 * * sunday", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("0 0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 29 Feb Sun", "2032-03-01T00:00:00", "2060-02-29T00:00:00"),
        ("0 0 0 13 * 5", "2026-01-01T00:00:00", "2026-02-13T00:00:00"),
        ("0 0 0 1 jan,JUL *", "2026-01-01T00:00:00", "2026-07-01T00:00:00"),
        ("0 0 20-18 * * *", "2026-01-01T18:00:00", "2026-01-01T19:00:00"),
        ("*/5 * * * *", "2026-01-01T00:00:01", "2026-01-01T00:05:00"),
    ],
)
def test_next_occurrence(expression, after, expected):
    """The next occurrence is the first one strictly later, with day and weekday both matching."""
    assert at(expected) == parse(expression).next_after(at(after))


def test_occurrences_are_utc():
    """A moment in another zone is compared as the same instant, and the answer is in UTC."""
    moment = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert at("2026-01-01T00:00:00") == parse("0 0 0 * * *").next_after(moment)


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("60 * * * * *", "second '60'"),
        ("0 0 0 0 * *", "day '0'"),
        ("0 0 0 * 13 *", "month '13'"),
        ("0 0 0 * * 7", "weekday '7'"),
        ("0 */0 * * * *", "minute '\\*/0'"),
        ("0 -1 * * * *", "minute '-1'"),
        ("0 1, * * * *", "minute ''"),
        ("0 0 ٣ * * *", "hour"),
        ("0 0 0 31 2 *", "never occurs"),
        ("00:05:00", "1 fields"),
    ],
)
def test_wrong_schedules_are_refused(expression, word):
    """A schedule that cannot be read, or never comes round, is refused with the field and the value."""
    with pytest.raises(ScheduleError, match=word):
        parse(expression)


@given(
    st.sampled_from(["0 */7 * * * *", "5,40 1-59/13 */5 * * *", "0 0 3 */2 * 1-5", "59 59 23 31 12 *"]),
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2050, 1, 1)),  # noqa: DTZ001  zones are added below
)
def test_next_is_later_and_nothing_lies_between(expression, naive):
    """The answer is later than the moment, is an occurrence itself, and is reached from any moment in between."""
    schedule, moment = parse(expression), naive.replace(tzinfo=UTC)

    found = schedule.next_after(moment)
    between = moment + (found - moment) / 2

    assert moment < found
    assert found == schedule.next_after(found - timedelta(seconds=1))
    assert found == schedule.next_after(between) or between == found
