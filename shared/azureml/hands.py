"""Telling whose hand changed an extension last, from the record that Azure keeps of its writes."""

from collections.abc import Collection

from shared.model.extension import Extension
from shared.model.hand import Hand

# The application of the extensions' own resource provider (azure-docs 99762 and 99764, azure-cli 25654).
_PLATFORM = frozenset({"c699bf69-fb1d-4eaf-999b-99e6b2ae4d85"})
# The words of systemData.lastModifiedByType (Azure's common types for ARM, v3).
_TYPES = {
    "user": Hand.PERSON,
    "application": Hand.APPLICATION,
    "managedidentity": Hand.APPLICATION,
    "key": Hand.APPLICATION,
}


def hand_of(extension: Extension, own_names: Collection[str]) -> Hand:
    """The kind of the last writer; UNKNOWN where Azure does not say, as Resource Graph never does.

    Args:
        extension: what Azure says of it.
        own_names: names of this Muster's identity, in lower case.
    """
    name = (extension.modified_by or "").lower()
    if name and name in own_names:
        return Hand.US
    if name in _PLATFORM:
        return Hand.PLATFORM
    return _TYPES.get((extension.modified_by_type or "").lower(), Hand.UNKNOWN)
