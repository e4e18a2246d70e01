"""Counting failures: once each, from the reading itself, and forgotten when an input changes."""

from dataclasses import replace
from datetime import datetime

from shared.model.observation import Memory
from shared.model.state import Condition
from shared.reconcile.situation import Situation

_FAILED = frozenset({Condition.FAILED_INSTALL, Condition.FAILED_UPDATE})


def counted(memory: Memory, situation: Situation, basis: str, now: datetime) -> Memory:
    """The memory with what this reading says about earlier attempts."""
    if memory.basis != basis:
        # Nothing that failed before tells about this policy, these tags or this cluster. A failure that
        # stands still waits one pause, so that a changed tag does not act within the same second.
        memory = replace(memory, basis=basis, attempts=0, failed_at=None, refusal="", reverts=())
    if situation.condition is Condition.CURRENT:
        memory = replace(memory, succeeded=True)
        if _refused_since(memory, situation):
            return memory
        return replace(memory, attempts=0, failed_at=None, refusal="")
    if situation.condition in _FAILED and _unseen(memory):
        return replace(memory, attempts=memory.attempts + 1, failed_at=now, refusal="")
    return memory


def _refused_since(memory: Memory, situation: Situation) -> bool:
    """Whether the last failure is a change that the service refused, so that what stands says nothing of it."""
    if memory.failed_at is None:
        return False
    modified_at = situation.extension.modified_at if situation.extension else None
    return all(moment is None or moment <= memory.failed_at for moment in (memory.sent_at, modified_at))


def _unseen(memory: Memory) -> bool:
    """Whether the failure came after the last one that was counted."""
    if memory.failed_at is None:
        return True
    return memory.sent_at is not None and memory.sent_at > memory.failed_at
