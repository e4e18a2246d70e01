"""Whether a maintenance window is open, until when it is, and when the next one opens.

A window begins at each moment of a cron expression in the wall time of its zone and lasts for a time that passes:
where clocks are put back within it, it ends an hour earlier on the wall. Blackouts close whatever is open.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.policy.rollout import Blackout, Window

ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
# No window is looked for farther ahead than this.
_AHEAD = timedelta(days=366)
# So many beginnings of one window are looked at: some may lie in blackouts, or overlap.
_MOST = 2000


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether changes may go out now.

    Attributes:
        closes: when it ends; None where nothing ends it within a year.
        opens: where it is closed, when it opens next; None where that is not within a year.
        why: one sentence for people, where it is closed.
    """

    open: bool
    closes: datetime | None = None
    opens: datetime | None = None
    why: str = ""


def opening(windows: Sequence[Window], blackouts: Sequence[Blackout], now: datetime) -> Opening:
    """Whether `now` (with a zone) lies in one of the windows and in no blackout. Without windows it always does."""
    if not windows and not blackouts:
        return Opening(open=True)
    return _opening(tuple(windows), tuple(blackouts), now.astimezone(UTC))


@lru_cache(maxsize=256)
def _opening(windows: tuple[Window, ...], blackouts: tuple[Blackout, ...], now: datetime) -> Opening:
    closed = sorted(_span(each) for each in blackouts)
    blackout = next((each for each, (begin, end) in _with_spans(blackouts) if begin <= now < end), None)
    if blackout is not None:
        return Opening(
            open=False,
            opens=_next(windows, closed, now),
            why=f"{blackout.reason or 'A blackout'} until the end of {blackout.last.isoformat()}.",
        )
    upcoming = next((begin for begin, _ in closed if begin > now), None)
    if not windows:
        return Opening(open=True, closes=upcoming)
    end = _end(windows, now)
    if end is None:
        return Opening(open=False, opens=_next(windows, closed, now), why="Outside of the maintenance windows.")
    return Opening(open=True, closes=min(end, upcoming) if upcoming else end)


def _end(windows: tuple[Window, ...], now: datetime) -> datetime | None:
    """When the windows that are open at `now` end, those that follow without a gap included."""
    ends = [began + window.duration for window in windows for began in _begun(window, now)]
    open_ends = [end for end in ends if end > now]
    return max(open_ends) if open_ends else None


def _begun(window: Window, now: datetime) -> Iterator[datetime]:
    """Beginnings of a window that has not ended at `now`, the latest first."""
    for began in _beginnings(window, now + timedelta(minutes=1), reverse=True):
        if began > now:
            continue
        if began + window.duration <= now:
            return
        yield began


def _next(windows: tuple[Window, ...], closed: Sequence[tuple[datetime, datetime]], now: datetime) -> datetime | None:
    """The next moment at which a window is open and no blackout stands."""
    moments = [end for _, end in closed if end > now]
    candidates = [end for end in moments if not windows or _end(windows, end) is not None]
    for window in windows:
        for began in _beginnings(window, now):
            if began > now + _AHEAD:
                break
            if not any(begin <= began < end for begin, end in closed):
                candidates.append(began)
                break
    free = [each for each in candidates if not any(begin <= each < end for begin, end in closed)]
    return min(free) if free else None


def _beginnings(window: Window, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """Beginnings after `start` (before it, where reversed), in UTC, each once."""
    from cronsim import CronSim

    moments = CronSim(window.cron, start.astimezone(ZoneInfo(window.zone)), reverse=reverse)
    for _, moment in zip(range(_MOST), moments, strict=False):
        yield moment.astimezone(UTC)


def _with_spans(blackouts: tuple[Blackout, ...]) -> Iterator[tuple[Blackout, tuple[datetime, datetime]]]:
    for each in blackouts:
        yield each, _span(each)


def _span(blackout: Blackout) -> tuple[datetime, datetime]:
    """From the first day's first moment to the last day's end, in UTC."""
    zone = ZoneInfo(blackout.zone)
    begin = datetime.combine(blackout.first, time(), zone).astimezone(UTC)
    return begin, datetime.combine(blackout.last + timedelta(days=1), time(), zone).astimezone(UTC)
