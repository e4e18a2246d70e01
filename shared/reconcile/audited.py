"""What of one look goes into the audit: what was decided, by what, from what, and how the sending went.

The same looks have a record that have a row of history: those that write, and those that find another state. Values of
settings are never told, only their keys; a person is named where the look follows that person's word.
"""

from datetime import datetime
from typing import Any

from shared.azureml.hands import hand_of
from shared.model.audit import Kind, Record, recorded
from shared.model.decision import Action, Decision
from shared.model.hand import Hand
from shared.model.intent import Word
from shared.model.observation import Memory, Observation
from shared.model.state import Condition, Management
from shared.policy.model import Policy
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.record import changed, sent_keys, upgraded

# Of a write whose look did not live to hear the answer.
UNKNOWN = "unknown"
_DECIDED = "decided"


def records_of(
    seen: Observation, decision: Decision, memory: Memory, policy: Policy, *, instance: str, now: datetime
) -> tuple[Record, ...]:
    """The records of a look, that of its decision first; of a write before its outcome is known."""
    found = []
    if _tells(seen, decision):
        found.append(_decided(seen, decision, memory, policy, instance, now))
    versions = upgraded(seen)
    if versions is not None:
        wanted = decision.desired.version if decision.desired else None
        hand = Hand.US if wanted == versions[1] else Hand.PLATFORM
        more = {"before": versions[0], "now": versions[1], "hand": hand.value, "instance": instance}
        found.append(recorded(now, Kind.OBSERVED, str(seen.id), "Upgraded", by=instance, **more))
    return tuple(found)


def answered(records: tuple[Record, ...], outcome: Outcome | None) -> tuple[Record, ...]:
    """The records of a look whose step was sent."""
    if outcome is None:
        return records
    error = outcome.error
    more: dict[str, Any] = {"sent": outcome.sent.value}
    if error is not None:
        more |= {"code": getattr(error, "code", None), "reason": error.message}
    if outcome.sent is Sent.UNFINISHED:
        more["keys"] = None  # a step that is to be taken again sent nothing
    return (records[0].ended(**more), *records[1:])


def poisoned(seen: Memory, subject: str, *, instance: str, now: datetime) -> Record:
    """The record of a cluster of which nothing is known until the next sweep, since every look at it failed."""
    management = seen.state.management.value if seen.state else None
    more = {"management": management, "condition": "Unknown", "instance": instance}
    return recorded(now, Kind.OBSERVED, subject, "Poisoned", by=instance, **more)


def _tells(seen: Observation, decision: Decision) -> bool:
    if seen.gone and seen.memory.state is None:
        return False  # anybody may send events about clusters that never were
    return decision.action.writes or changed(seen.memory.state, decision.state)


def _decided(
    seen: Observation, decision: Decision, memory: Memory, policy: Policy, instance: str, now: datetime
) -> Record:
    state, hold, cluster = decision.state, decision.state.hold, seen.cluster
    intended = decision.intended if decision.intended is not decision.action else None
    more: dict[str, Any] = {
        "sent": UNKNOWN if decision.action.writes else _DECIDED,
        "reason": decision.reason,
        "management": state.management.value,
        "condition": state.condition.value,
        "was": _was(seen, state.condition),
        "hand": _hand(seen, decision),
        "differs": sorted(decision.changes),
        "hold": hold.code.value if hold else None,
        "approval": hold.approval if hold else None,
        "intended": intended.value if intended and intended is not Action.NOTHING else None,
        "gone": seen.gone or None,
        "profile": decision.profile,
        "rule": decision.rule,
        "generation": policy.generation,
        "policy": policy.digest,
        "asked": seen.reason.value,
        "inputs": memory.inputs if cluster else None,
        "source": cluster.source.value if cluster else None,
        "incarnation": cluster.incarnation if cluster else None,
        "extension": _extension(seen),
        "keys": sent_keys(decision),
        "who": _who(seen, now),
        "instance": instance,
    }
    return recorded(now, Kind.DECISION, str(seen.id), decision.action.value, by=instance, **more)


def _was(seen: Observation, now: Condition) -> str | None:
    """The condition that the last look left, where it is another one."""
    before = seen.memory.state
    return before.condition.value if before is not None and before.condition is not now else None


def _hand(seen: Observation, decision: Decision) -> str | None:
    """Whose change this look is the first to find: of the extension, or its deletion; None where it finds none.

    Of a deletion Azure keeps no record.
    """
    before, state, memory = seen.memory.state, decision.state, seen.memory
    if before is None or before.condition is state.condition:
        return None
    if state.condition is Condition.DRIFTED and memory.sent is not None and not decision.by_policy:
        found = next((each for each in seen.extensions or () if each.azureml), None)
        return hand_of(found, seen.own_names).value if found is not None else None
    stood = before.condition is Condition.CURRENT and before.management is state.management is Management.MANAGED
    asked = seen.intent is not None and seen.intent.word is Word.REMOVE
    ours = asked or (memory.sent_at is not None and memory.sent_at == memory.reinstalled_at)
    gone = state.condition is Condition.MISSING and not seen.gone and stood and not ours
    return Hand.UNKNOWN.value if gone else None


def _who(seen: Observation, now: datetime) -> str | None:
    word = seen.intent
    incarnation = seen.cluster.incarnation if seen.cluster else None
    return word.who if word is not None and word.stands(now, incarnation) else None


def _extension(seen: Observation) -> dict[str, Any] | None:
    """The extension as it was found: Azure gives no etag, and the moment of its last write stands for one."""
    found = next((each for each in seen.extensions or () if each.azureml), None)
    if found is None:
        return None
    modified = found.modified_at.isoformat() if found.modified_at else None
    told = {"name": found.name, "state": found.provisioning_state, "version": found.current_version, "at": modified}
    return {name: value for name, value in told.items() if value}
