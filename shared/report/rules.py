"""The policy's rules, with whom each serves."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from shared.fleet.snapshot import Entry
from shared.policy.model import Policy


def rules_view(policy: Policy, entries: Iterable[Entry], kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each rule in the order in which it is asked; as JSON.

    Args:
        policy: the policy in force.
        entries: the fleet.
        kept: what the last whole sweep kept beside its figures.
    """
    serves = Counter(entry.rule for entry in entries if entry.rule)
    served = kept.get("rules") or {}
    return [
        {
            "name": rule.name,
            "profile": rule.profile,
            "profileFromTag": rule.profile_from_tag,
            "clusters": serves[rule.name],
            "lastServed": served.get(rule.name),
        }
        for rule in policy.rules
    ]
