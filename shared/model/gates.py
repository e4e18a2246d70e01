"""What an instance may do at a moment. Light: the settings are read at every cold start."""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """Ceiling for what an instance does."""

    REPORT = "report"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Gates:
    """What `fleet` and the settings allow at this moment."""

    mode: Mode
    stopped: bool = False
