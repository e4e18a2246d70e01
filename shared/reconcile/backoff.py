"""Delays that grow, with jitter that is a hash: the same input gives the same delay."""

import hashlib
from datetime import datetime, timedelta

from shared.model.identity import ClusterId


def _jitter(cluster: ClusterId, step: int) -> float:
    """A factor from 0.9 to 1.1, so that clusters which fail together do not come back together."""
    digest = hashlib.sha256(f"{cluster}#{step}".encode()).digest()
    return 0.9 + int.from_bytes(digest[:4]) / 0xFFFFFFFF * 0.2


def after_attempt(
    cluster: ClusterId, attempt: int, *, first: timedelta, factor: float, longest: timedelta
) -> timedelta:
    """The pause after the given number of failures in a row (1, 2, ...)."""
    # The exponent is bounded: 1000 failures must not overflow a float.
    grown = first.total_seconds() * factor ** min(max(attempt, 1) - 1, 64)
    return timedelta(seconds=min(grown, longest.total_seconds()) * _jitter(cluster, attempt))


def since(
    cluster: ClusterId, start: datetime | None, now: datetime, *, first: timedelta, longest: timedelta
) -> timedelta:
    """The pause for something that has lasted since `start`: half as long again, never more than `longest`."""
    lasted = (now - start) if start is not None else timedelta(0)
    pause = max(lasted / 2, first) * _jitter(cluster, int(lasted.total_seconds() // 60))
    return min(pause, longest)
