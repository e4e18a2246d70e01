"""A write that was written down before it went out and has had no answer: did it reach Azure?

What is to be sent is remembered first, so that a crash cannot make the extension a stranger's. Until there is an
answer, what it replaced is kept beside it. A look that finds the extension as it was before goes on from there: else
an update that was never sent would count as drift of what was sent, a certificate as served that nobody has.
"""

from dataclasses import replace

from shared.model.extension import Extension
from shared.model.observation import Memory, Observation, Unanswered

_AT_REST = frozenset({"succeeded", "failed", "canceled"})


def begun(seen: Observation, memory: Memory) -> Unanswered:
    """What a write is about to replace in the memory of a look; what that look chose is to go with the write."""
    standing, extension, memory = supposed(seen), _extension(seen), undone(memory)
    return Unanswered(
        there=extension is not None,
        modified_at=extension.modified_at if extension else None,
        profile=standing.profile,
        rule=standing.rule,
        choice=standing.choice,
        sent=memory.sent,
        sent_at=memory.sent_at,
        sent_keys=memory.sent_keys,
        certificate=memory.certificate,
        reverts=memory.reverts,
        reinstalled_at=memory.reinstalled_at,
    )


def undone(memory: Memory) -> Memory:
    """The memory as it was before the write that has had no answer.

    One that Azure did not take up although its sender waited for the answer counts as a failed attempt on an extension
    that stands: it is tried again with pauses that grow, and not for ever.
    """
    before = memory.unanswered
    if before is None:
        return memory
    if before.there and before.ambiguous_at is not None:
        memory = replace(memory, attempts=memory.attempts + 1, failed_at=before.ambiguous_at)
    if before.sent is not None:
        # The profile in force changes with what is sent; of a first installation it tells what is intended.
        memory = replace(memory, profile=before.profile, rule=before.rule, choice=before.choice)
    return replace(
        memory,
        sent=before.sent,
        sent_at=before.sent_at,
        sent_keys=before.sent_keys,
        certificate=before.certificate,
        reverts=before.reverts,
        reinstalled_at=before.reinstalled_at,
        unanswered=None,
    )


def arrived(seen: Observation) -> bool | None:
    """Whether what was sent last has reached Azure; None where the reading does not tell.

    Azure's record of the last write is compared with the one before, no clock with another's. Resource Graph does not
    give it.
    """
    before = seen.memory.unanswered
    if before is None:
        return True
    if seen.extensions is None:
        return None
    extension = _extension(seen)
    if extension is None:
        return before.there
    if not before.there:
        # Somebody else may have installed one in the meantime.
        maker = (extension.created_by or "").lower()
        return not maker or not seen.own_names or maker in seen.own_names
    if extension.provisioning_state.lower() not in _AT_REST:
        return True
    return extension.modified_at != before.modified_at if extension.modified_at is not None else None


def in_vain(seen: Observation) -> bool:
    """Whether the last write was offered to Azure, and not taken up."""
    before = seen.memory.unanswered
    return before is not None and before.there and before.ambiguous_at is not None and arrived(seen) is False


def supposed(seen: Observation) -> Memory:
    """The memory to decide on: as long as nothing shows that it arrived, it did not. ARM is asked before any write."""
    return replace(seen.memory, unanswered=None) if arrived(seen) else undone(seen.memory)


def settled(seen: Observation) -> Memory:
    """The memory to go on from: with what was sent, or as it was before; as it stands where that cannot be told."""
    return seen.memory if arrived(seen) is None else supposed(seen)


def _extension(seen: Observation) -> Extension | None:
    return next((each for each in seen.extensions or () if each.azureml), None)
