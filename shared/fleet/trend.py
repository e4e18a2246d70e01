"""What is kept from sweep to sweep: the last days, when each rule last served a cluster, how far apart sweeps are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shared.fleet.figures import Figures

# A month, and the day before it to compare with.
_DAYS = 31
# So many gaps between whole sweeps are kept: an outage is one of them.
_GAPS = 7


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


def rules_with(before: object, rules: Collection[str], figures: Figures, now: datetime) -> dict[str, str]:
    """When each rule of the policy last served a managed cluster, by the name of the rule.

    Args:
        before: what an earlier sweep kept; anything else begins anew.
        rules: those that the policy has now; others are forgotten.
        figures: of the sweep that was whole.
        now: when that was.
    """
    kept = before if isinstance(before, Mapping) else {}
    known = {name: str(kept[name]) for name in rules if name in kept}
    return known | {name: now.isoformat() for name in rules if name in figures.rules}


def gaps_with(before: Mapping[str, Any], now: datetime) -> list[float]:
    """The seconds between the last whole sweeps, oldest first.

    Args:
        before: the header of the last one's snapshot; empty where there is none.
        now: when this one began.
    """
    kept = before.get("gaps")
    gaps = [float(each) for each in kept] if isinstance(kept, list) else []
    if "asOf" in before:
        gaps.append((now - datetime.fromisoformat(before["asOf"])).total_seconds())
    return gaps[-_GAPS:]
