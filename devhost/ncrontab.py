"""NCRONTAB: the schedules of timer triggers, in UTC.

Six fields, `second minute hour day month weekday`; with five the second is 0, as in the Functions host. Every field
takes `*`, numbers, ranges `a-b`, lists and steps (`*/n`, `a-b/n`, `a/n` = from a to the end); months and weekdays also
take English names, of which the first three letters count. Unlike cron, day and weekday must both match. A range whose
ends are the wrong way round is swapped. Source: NCrontab (atifaziz), which the timer extension of the Functions host
uses; Microsoft Learn, "Timer trigger for Azure Functions".
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

__all__ = ["Schedule", "ScheduleError", "parse"]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# 29 February can fall on one given weekday as rarely as every 40 years (around a century that is no leap year).
HORIZON = timedelta(days=41 * 366)


class ScheduleError(ValueError):
    """The text is no NCRONTAB schedule, or one that never comes round."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    words: tuple[str, ...] = ()


FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("weekday", 0, 6, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed schedule; each field holds the values that match, in ascending order."""

    expression: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence strictly after `moment` (aware), in UTC.

        Raises:
            ScheduleError: there is none within 41 years, such as on 31 February.
        """
        earliest = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        day, end = earliest.date(), earliest.date() + HORIZON
        floor = earliest.time()
        while day <= end:
            if self._has_day(day) and (found := self._first_time(floor)) is not None:
                return datetime.combine(day, found, UTC)
            day, floor = day + timedelta(days=1), time()
        raise ScheduleError(f"the schedule {self.expression!r} never occurs")

    def _has_day(self, day: date) -> bool:
        # isoweekday: Monday 1 .. Sunday 7; NCRONTAB: Sunday 0.
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays

    def _first_time(self, floor: time) -> time | None:
        for hour in self.hours:
            if hour < floor.hour:
                continue
            for minute in self.minutes:
                if (hour, minute) < (floor.hour, floor.minute):
                    continue
                for second in self.seconds:
                    if (hour, minute, second) >= (floor.hour, floor.minute, floor.second):
                        return time(hour, minute, second)
        return None


def parse(expression: str) -> Schedule:
    """A schedule of six fields (or five, then at second 0).

    Raises:
        ScheduleError: what is wrong, naming the field; also for a schedule that never occurs.
    """
    parts = expression.split()
    if len(parts) == len(FIELDS) - 1:
        parts = ["0", *parts]
    if len(parts) != len(FIELDS):
        raise ScheduleError(
            f"the schedule {expression!r} has {len(parts)} fields; NCRONTAB has six: "
            "second minute hour day month weekday"
        )
    values = [_values(field, part, expression) for field, part in zip(FIELDS, parts, strict=True)]
    schedule = Schedule(expression, *values)
    schedule.next_after(datetime(2000, 1, 1, tzinfo=UTC))
    return schedule


def _values(field: _Field, text: str, expression: str) -> tuple[int, ...]:
    found: set[int] = set()
    for item in text.split(","):
        try:
            found.update(_item(field, item))
        except ValueError as error:
            raise ScheduleError(
                f"the schedule {expression!r}: {field.name} {item!r}: {error} "
                f"(allowed are {field.first}-{field.last}, *, ranges, lists and steps)"
            ) from error
    return tuple(sorted(found))


def _item(field: _Field, text: str) -> range:
    body, slash, step_text = text.partition("/")
    step = int(step_text) if slash else 1
    if step < 1:
        raise ValueError("the step must be 1 or more")
    if body == "*":
        return range(field.first, field.last + 1, step)
    first_text, dash, last_text = body.partition("-")
    first = _number(field, first_text)
    if not dash:
        # A single value with a step runs to the end of the field.
        return range(first, (field.last if slash else first) + 1, step)
    last = _number(field, last_text)
    return range(min(first, last), max(first, last) + 1, step)


def _number(field: _Field, text: str) -> int:
    word = text[:3].lower()
    if text.isalpha() and word in field.words:
        return field.first + field.words.index(word)
    if not (text.isascii() and text.isdigit()):
        raise ValueError("not a value of this field")
    value = int(text)
    if not field.first <= value <= field.last:
        raise ValueError("out of range")
    return value
