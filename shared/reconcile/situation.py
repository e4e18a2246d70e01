"""How the extension on one cluster fares, told from what ARM listed and what Muster remembers."""

from dataclasses import dataclass

from shared.model.extension import Extension
from shared.model.observation import Memory
from shared.model.state import Condition


@dataclass(frozen=True, slots=True)
class Situation:
    """One extension of ours, none, or too many.

    Attributes:
        condition: CURRENT stands for Succeeded here; `decide` tells Drifted from it.
        extension: the one extension of the type, where there is exactly one.
        ours: whether Muster sent it. Another's is adopted as a baseline: reported, never written.
        untouchable: it is managed by the platform and must be left alone.
        detail: what a person should know.
    """

    condition: Condition
    extension: Extension | None = None
    ours: bool = False
    untouchable: bool = False
    detail: str = ""


def read_situation(
    extensions: tuple[Extension, ...] | None, memory: Memory, *, name: str, own_names: frozenset[str]
) -> Situation:
    """Tell the situation from the list of all extensions; `name` is what Muster would call a new one."""
    if extensions is None:
        return Situation(Condition.UNKNOWN, detail="the cluster's extensions were not read")
    found = [extension for extension in extensions if extension.azureml]
    if not found:
        taken = next((each for each in extensions if each.name.lower() == name.lower()), None)
        if taken is not None:
            return Situation(
                Condition.CONFLICT, detail=f"the name '{name}' is taken by an extension of type {taken.type}"
            )
        return Situation(Condition.MISSING)
    if len(found) > 1:
        names = ", ".join(sorted(extension.name for extension in found))
        return Situation(
            Condition.CONFLICT,
            detail=f"{len(found)} Azure Machine Learning extensions: {names}; remove all but one",
        )
    extension = found[0]
    return Situation(
        _condition(extension, memory),
        extension=extension,
        ours=is_ours(extension, memory, own_names),
        untouchable=extension.system_managed,
        detail=_detail(extension),
    )


def is_ours(extension: Extension, memory: Memory, own_names: frozenset[str]) -> bool:
    """Whether Muster sent it: by memory, or by Azure's record of who created it."""
    created_by = (extension.created_by or "").lower()
    return memory.sent is not None or (bool(created_by) and created_by in own_names)


def _condition(extension: Extension, memory: Memory) -> Condition:
    state = extension.provisioning_state.lower()
    if state == "succeeded":
        return Condition.CURRENT
    if state == "deleting":
        return Condition.REMOVING
    if state == "updating":
        return Condition.UPDATING
    if state == "creating":
        # A PUT on an extension that once worked reads Creating as well.
        return Condition.UPDATING if memory.succeeded else Condition.INSTALLING
    if state in {"failed", "canceled"}:
        # Any sign that it once worked means that the old release still serves (Helm runs atomic).
        worked = memory.succeeded or bool(extension.current_version)
        return Condition.FAILED_UPDATE if worked else Condition.FAILED_INSTALL
    # The enum is open, and older documentation speaks of Pending: anything else is still under way.
    return Condition.UNKNOWN


def _detail(extension: Extension) -> str:
    parts = [f"provisioningState {extension.provisioning_state}"]
    if extension.error_code or extension.error_message:
        parts.append(": ".join(filter(None, (extension.error_code, extension.error_message[:500]))))
    return ", ".join(parts)
