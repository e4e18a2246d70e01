"""Whether a sweep saw what there is: a fleet that suddenly looks smaller or larger is doubted before it is believed.

A role that was taken away, a subscription that moved or a page that was lost all look like clusters that are gone; a
slip with tags looks like a fleet that wants to be onboarded. Neither is acted on, and neither replaces the figures.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from shared.model.identity import ClusterId
from shared.state.memory import Stored

# How many known clusters may be missing from one reading, and which share of them.
_MISSING = 10
_MISSING_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Doubts:
    """Why a sweep is taken for partial; each is a sentence for people.

    Attributes:
        unseen: why it may have seen too little.
        mass: why more clusters want the extension at once than the policy expects.
    """

    unseen: str = ""
    mass: str = ""

    def __bool__(self) -> bool:
        return bool(self.unseen or self.mass)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.unseen, self.mass)))


def doubts(
    known: Mapping[str, int], unlisted: list[Stored], fresh: Collection[ClusterId], most_fresh: int | None
) -> Doubts:
    """What is doubtful about a reading.

    Args:
        known: clusters that memory holds, by subscription.
        unlisted: those of them that Resource Graph did not list.
        fresh: clusters that would get the extension for the first time.
        most_fresh: how many of those the policy expects at once; None for any number.
    """
    return Doubts(_unseen(known, unlisted), _mass(fresh, most_fresh))


def _unseen(known: Mapping[str, int], unlisted: list[Stored]) -> str:
    missing = Counter(each.entity["PartitionKey"] for each in unlisted)
    silent = sorted(name for name, count in missing.items() if count == known.get(name))
    if silent:
        return (
            f"{len(silent)} subscriptions show none of the clusters that are known there ({', '.join(silent[:5])}): "
            "has a role been taken away, or are they gone?"
        )
    total = sum(known.values())
    if len(unlisted) > _MISSING or (len(unlisted) > 1 and len(unlisted) > total * _MISSING_SHARE):
        return f"{len(unlisted)} of {total} known clusters are missing from Resource Graph's answer."
    return ""


def _mass(fresh: Collection[ClusterId], most: int | None) -> str:
    if most is None or len(fresh) <= most:
        return ""
    return (
        f"{len(fresh)} clusters want the extension for the first time, and the policy expects no more than {most} at "
        "once (rollout.newClusters.massSelection): has a tag slipped? Approve it, raise the bound, or take the tags "
        "away."
    )
