"""How the fleet stood at the end of each of the last days: kept beside the figures of the last whole sweep."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.fleet.figures import Figures

# A month, and the day before it to compare with.
_DAYS = 31


def days_with(before: object, figures: Figures, now: datetime) -> list[dict[str, Any]]:
    """The days that were kept and today's as it stands now, oldest first.

    Args:
        before: what an earlier sweep kept; anything else begins anew.
        figures: of the sweep that was whole.
        now: when that was.
    """
    today = now.astimezone(UTC).date().isoformat()
    kept: Sequence[Any] = before if isinstance(before, list) else ()
    days = [day for day in kept if isinstance(day, Mapping) and "" < str(day.get("day", "")) < today]
    days.append(
        {"day": today, "clusters": figures.clusters, "managed": figures.managed, "compliant": figures.compliant}
    )
    return [dict(day) for day in days[-_DAYS:]]
