"""How old figures may be: three times what usually lies between two sweeps."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

_SWEEPS = 3
_QUARTER = timedelta(minutes=15)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_FIELDS = 6


def are_old(as_of: datetime, now: datetime, gaps: Sequence[float], schedule: str) -> bool:
    """Whether figures are older than three sweeps.

    Args:
        as_of: when the last whole sweep began.
        now: the time.
        gaps: seconds between the last whole sweeps; the one in their middle counts, so that an outage changes nothing.
            Until there are any, the schedule tells.
        schedule: NCRONTAB of the sweep.
    """
    asked = period_of(schedule) or _QUARTER
    usual = timedelta(seconds=median(gaps)) if gaps else asked
    # Sweeps that were asked for by hand, one right after the other, make nothing old.
    return now - as_of > _SWEEPS * max(usual, min(asked, _QUARTER))


def period_of(schedule: str) -> timedelta | None:
    """What lies between two runs of an NCRONTAB that runs evenly every day; None for any other."""
    fields = schedule.split()
    if len(fields) != _FIELDS or fields[3:] != ["*"] * 3:
        return None
    minute, hour = fields[1:3]
    if hour == "*":
        return _HOUR / _runs(minute, 60) if _runs(minute, 60) else None
    return _DAY / _runs(hour, 24) if _runs(minute, 60) == 1 and _runs(hour, 24) else None


def _runs(field: str, most: int) -> int:
    """How often a field of minutes or hours comes round; 0 where that is not plain."""
    every = field.removeprefix("*/")
    if every != field and every.isdecimal() and int(every):
        return max(1, most // int(every))
    parts = field.split(",")
    return most if field == "*" else len(parts) * all(part.isdecimal() for part in parts)
