"""What of one look the world should hear of: told from the state before and after it, and from nothing else.

So a look that is taken again after a crash, from the same memory, tells the same.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shared.azureml.failures import classify
from shared.errors import Retry
from shared.model.decision import Action, Decision
from shared.model.extension import Extension
from shared.model.intent import Word
from shared.model.notice import Kind, Notice, cause_id
from shared.model.observation import Known, Observation
from shared.model.state import Condition, HoldCode, Management
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.unanswered import settled

_BY_HOLD = {
    HoldCode.QUARANTINE: Kind.QUARANTINED,
    HoldCode.CONTESTED: Kind.CONTESTED,
    HoldCode.TAG_INVALID: Kind.TAG_INVALID,
    HoldCode.APPROVAL: Kind.APPROVAL_NEEDED,
}
_FAILED = frozenset({Condition.FAILED_INSTALL, Condition.FAILED_UPDATE})
_UNSOUND = frozenset({Condition.DRIFTED, Condition.DEGRADED})


def notices_of(seen: Observation, decision: Decision, now: datetime) -> tuple[Notice, ...]:
    """What a look found, before anything is sent or written down."""
    if seen.cluster is None:
        return ()
    return tuple(_notice(seen, decision, now, *each) for each in _found(seen, decision))


def refusal_of(seen: Observation, decision: Decision, outcome: Outcome | None, now: datetime) -> tuple[Notice, ...]:
    """What the sending of a step ended in, where the service will refuse the same again."""
    error = outcome.error if outcome is not None and outcome.sent is Sent.REFUSED else None
    if error is None or error.retry is not Retry.NEVER:
        return ()
    more = {"action": decision.action.value, "reason": error.message}
    return (_notice(seen, decision, now, Kind.REFUSED, (seen.memory.attempts, seen.memory.basis), more),)


type _Found = tuple[Kind, tuple[object, ...], dict[str, Any]]


def _found(seen: Observation, decision: Decision) -> Iterator[_Found]:
    known, after = _known(seen), decision.state
    if after.management is Management.MANAGED:
        yield from _conditions(seen, decision)
    elif _removed(seen, decision):
        yield Kind.REMOVED, (), {}
    hold = after.hold
    told = (known.hold, known.approval) if known is not None else (None, "")
    if hold is not None and hold.code in _BY_HOLD and (hold.code, hold.waits_for) != told:
        more = {"intended": decision.intended.value} if decision.intended else {}
        approval = {"approval": hold.approval} if hold.approval else {}
        yield _BY_HOLD[hold.code], (hold.code.value, hold.waits_for), more | approval
    extension = _extension(seen)
    version = extension.current_version if extension else None
    ours = decision.desired is not None and decision.desired.version == version
    if version and seen.memory.version and version != seen.memory.version and not ours:
        # An upgrade that Azure took back and makes again is another one.
        cause = (seen.memory.version, version, extension.modified_at if extension else None)
        yield Kind.UPGRADED, cause, {"before": seen.memory.version, "now": version}


def _known(seen: Observation) -> Known | None:
    """How the cluster stood when it was last read; rows of an earlier version say it in the state alone."""
    memory = seen.memory
    if memory.known is not None or memory.state is None or memory.state.condition is Condition.UNKNOWN:
        return memory.known
    hold = memory.state.hold
    return Known(memory.state.condition, hold.code if hold else None, hold.waits_for if hold else "", memory.changed_at)


def _removed(seen: Observation, decision: Decision) -> bool:
    """Whether this is the first look that finds gone what a person asked to remove."""
    asked = seen.intent is not None and seen.intent.word is Word.REMOVE
    gone = decision.state.condition is Condition.MISSING and seen.extensions is not None
    return asked and gone and seen.memory.sent is not None


def _conditions(seen: Observation, decision: Decision) -> Iterator[_Found]:
    memory, after, extension = settled(seen), decision.state.condition, _extension(seen)
    known = _known(seen)
    before = known.condition if known is not None else None
    if after is Condition.CURRENT and memory.sent is not None:
        reverted = bool(memory.reverts) and memory.reverts[-1].at == memory.sent_at
        if not memory.succeeded:
            yield Kind.INSTALLED, (memory.sent_at,), {"attempts": memory.attempts + 1}
        elif before is not after and (memory.failed_at is not None or before in _UNSOUND or reverted):
            yield Kind.REPAIRED, (memory.sent_at,), {"before": before.value if before else None}
    elif after in _FAILED and before is not after and extension is not None:
        failure = classify(extension.error_code, extension.error_message)
        more = {"class": failure.klass.value, "failure": failure.family, "remedy": failure.remedy}
        yield Kind.FAILED, (memory.sent_at, extension.modified_at), more
    elif after is Condition.DRIFTED and before is not after and memory.sent is not None and not decision.by_policy:
        yield Kind.DRIFTED, (), {"settings": sorted(decision.changes)}


def _extension(seen: Observation) -> Extension | None:
    return next((each for each in seen.extensions or () if each.azureml), None)


def _quotes_a_person(seen: Observation, decision: Decision) -> bool:
    """Whether the sentence may name somebody: a word of his about this cluster, or a pause."""
    hold = decision.state.hold
    return seen.intent is not None or (hold is not None and hold.code is HoldCode.PAUSE)


def _notice(
    seen: Observation, decision: Decision, now: datetime, kind: Kind, cause: tuple[object, ...], more: dict[str, Any]
) -> Notice:
    cluster, subject = seen.cluster, str(seen.id)
    known = _known(seen)
    since = known.since if known is not None else seen.memory.first_seen
    told: dict[str, Any] = {
        "cluster": subject,
        "condition": decision.state.condition.value,
        "hold": decision.state.hold.code.value if decision.state.hold else None,
        "reason": None if _quotes_a_person(seen, decision) else decision.reason,
        "profile": decision.profile,
        "generation": decision.generation,
        "action": decision.action.value if decision.action is not Action.NOTHING else None,
    }
    told = {key: value for key, value in (told | more).items() if value is not None}
    incarnation = cluster.incarnation if cluster else None
    return Notice(cause_id(kind, subject, incarnation, since, *cause), kind, subject, now, told)
