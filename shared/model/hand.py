"""Whose hand changed an extension last, and what Muster put right against it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Hand(StrEnum):
    """The kind of whoever wrote last. Who exactly it was is Azure's to tell, and stands in no log of Muster's."""

    US = "us"
    PERSON = "person"
    APPLICATION = "application"
    PLATFORM = "platform"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Revert:
    """One change of somebody else's that Muster took back."""

    at: datetime
    hand: Hand
