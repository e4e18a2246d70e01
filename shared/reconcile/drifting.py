"""Differences on an extension of ours: whose doing they are, and when Muster stops taking them back."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.azureml.drift import PROPERTIES, Differences, comparable, fingerprint
from shared.azureml.hands import hand_of
from shared.model.extension import DesiredExtension, Extension, Origin
from shared.model.hand import Hand
from shared.model.state import Condition
from shared.reconcile.approvals import revert_of
from shared.reconcile.case import Case
from shared.reconcile.inputs import choice_of

# Twice within a day, and whoever changes it means it.
_DAY = timedelta(days=1)
_REVERTS = 2

_TOLD = {
    Hand.US: "not as Muster sent it, although nobody else wrote since",
    Hand.PERSON: "changed by a person since Muster sent it",
    Hand.APPLICATION: "changed by another application since Muster sent it",
    Hand.PLATFORM: "changed by the platform since Muster sent it",
    Hand.UNKNOWN: "changed by somebody since Muster sent it",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an extension differs from what is wanted.

    Attributes:
        drifted: somebody changed what Muster sent; else the policy (or what it reads) wants something else.
        hand: who wrote last.
        asked: where nobody did: a person asked that values be resolved anew.
    """

    drifted: bool
    hand: Hand
    asked: bool = False

    @property
    def told(self) -> str:
        """The cause in words."""
        if self.drifted:
            return _TOLD[self.hand]
        return "resolved anew by today's facts, as a person asked" if self.asked else "wanted by the policy"


def cause_of(case: Case, extension: Extension, wanted: DesiredExtension, found: Differences) -> Cause:
    """Tell drift from a change of the policy.

    What was sent and what is wanted are compared by their fingerprints. One that another version of Muster
    computed says nothing; the policy, the tags and the person's word under which it was sent tell then.
    """
    memory = case.memory
    if comparable(memory.sent):
        same = memory.sent == fingerprint(wanted)
    else:
        same = memory.choice is not None and memory.choice == choice_of(
            case.policy, case.cluster, case.seen.intent, case.now
        )
    return Cause(bool(found.changed) and same, hand_of(extension, case.seen.own_names), asked=case.anew)


def by_platform(case: Case, extension: Extension, wanted: DesiredExtension, found: Differences) -> bool:
    """Whether all that differs is what the platform keeps itself, the version and how it is upgraded, by its own hand.

    Where Azure does not say whose hand it was, as in a sweep, what an earlier look found no drift stays none.
    """
    if not found.changed or not PROPERTIES.issuperset(found.changed):
        return False
    cause = cause_of(case, extension, wanted, found)
    state = case.memory.state
    judged = state is not None and state.condition is Condition.CURRENT
    judged = judged and extension.current_version is not None and case.memory.version == extension.current_version
    return cause.drifted and (cause.hand is Hand.PLATFORM or (cause.hand is Hand.UNKNOWN and judged))


def without_news(found: Differences, wanted: DesiredExtension, case: Case) -> tuple[Differences, tuple[str, ...]]:
    """The differences without keys that only this version of Muster derives, and those keys.

    Nobody asked for them: neither the policy nor whoever installed the extension. They go along with the next change
    and with a fresh installation, and are no reason to write to a fleet; they are where a person asked for them.
    """
    if case.anew:
        return found, ()
    news = [
        key
        for key, (there, _) in found.changed.items()
        if there is None
        and key not in case.memory.sent_keys
        and (origin := wanted.origins.get(key)) is not None
        and origin.origin is Origin.DERIVED
    ]
    if not news or len(news) < len(found.changed):
        return found, ()
    return replace(found, changed={}), tuple(sorted(news))


def contested_until(case: Case, hand: Hand) -> datetime | None:
    """Until when Muster leaves the same hand's changes alone; None where it may take them back, or a person says so.

    Resource Graph does not tell hands: there every revert counts.
    """
    if revert_of(case.cluster, case.memory) in case.seen.gates.fleet.approved:
        return None
    same = [revert.at for revert in case.memory.reverts if hand in {revert.hand, Hand.UNKNOWN}]
    if len(same) < _REVERTS or same[-1] - same[-_REVERTS] >= _DAY:
        return None
    until = same[-1] + _DAY
    return until if case.now < until else None
