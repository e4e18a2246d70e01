"""The figures of a fleet: counts by state, profile, ring, failure and more."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.fleet.snapshot import Entry
from shared.model.state import Condition, Management


@dataclass(slots=True)
class Figures:
    """Counts by each of the state's fields and more, gathered cluster by cluster.

    The denominator of compliance is Managed; others stand beside it. `now` is what the age of a verification is
    counted from. `rules` are the policy's rules that serve a managed cluster.
    """

    now: datetime
    clusters: int = 0
    managed: int = 0
    compliant: int = 0
    counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rules: set[str] = field(default_factory=set)

    def add(self, entry: Entry) -> None:
        """Count one cluster."""
        counts = self.counts
        self.clusters += 1
        counts["management"][entry.management] += 1
        counts["reachability"][entry.reachability] += 1
        if entry.management != Management.MANAGED:
            return
        self.managed += 1
        if entry.rule is not None:
            self.rules.add(entry.rule)
        sound = entry.condition == Condition.CURRENT and entry.hold is None and entry.sufficient
        self.compliant += sound
        counts["condition"][entry.condition] += 1
        counts["verified"][entry.verified] += 1
        counts["verificationAge"][self._age(entry.verified_at)] += 1
        counts["profile"][entry.profile or "none"] += 1
        counts["version"][entry.version or "none"] += 1
        counts["ring"][entry.ring or "none"] += 1
        subscription = entry.id[_SUBSCRIPTION]
        counts["subscription"][subscription] += 1
        if sound:
            counts["compliantBySubscription"][subscription] += 1
        if entry.hold is not None:
            counts["hold"][entry.hold[0]] += 1
        if entry.failure is not None:
            counts["failure"][entry.failure] += 1

    def _age(self, verified_at: str | None) -> str:
        if verified_at is None:
            return "never"
        age = self.now - datetime.fromisoformat(verified_at)
        return next((name for name, most in _AGES.items() if age <= most), "older")

    def plain(self) -> dict[str, Any]:
        """The figures as JSON."""
        return {
            "clusters": self.clusters,
            "managed": self.managed,
            "compliant": self.compliant,
            "share": round(self.compliant / self.managed, 4) if self.managed else None,
            **{name: dict(sorted(self.counts[name].items())) for name in _COUNTED},
        }


_COUNTED = (
    "management",
    "condition",
    "hold",
    "reachability",
    "verified",
    "verificationAge",
    "profile",
    "version",
    "failure",
    "ring",
    "subscription",
    "compliantBySubscription",
)
_AGES = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
_SUBSCRIPTION = slice(len("/subscriptions/"), len("/subscriptions/") + 36)
