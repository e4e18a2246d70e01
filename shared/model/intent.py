"""People's words: about one cluster (enrol it by hand, remove the extension), and about the fleet (pause, approve)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.model.identity import ClusterId


class Word(StrEnum):
    """What the person asked for."""

    ENROL = "enrol"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Intent:
    """One person's word. It ends by `until`, by being withdrawn, or with the cluster's incarnation.

    `profile` and `settings` belong to ENROL; `accept_disruption` to REMOVE: the person accepts that
    running jobs and endpoints are dropped.
    """

    cluster: ClusterId
    word: Word
    who: str
    why: str
    at: datetime
    profile: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None
    accept_disruption: bool = False
    incarnation: str | None = None

    def stands(self, now: datetime, incarnation: str | None) -> bool:
        """Whether it still holds: not past its end, and the cluster not rebuilt under the same id."""
        if self.until is not None and now >= self.until:
            return False
        return self.incarnation is None or incarnation is None or self.incarnation == incarnation


class FleetVerb(StrEnum):
    """What a person said about the fleet."""

    PAUSE = "pause"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class FleetWord:
    """One person's word about more than one cluster, or about one change.

    Attributes:
        id: names it; an approval's is the name of what is approved.
        subject: of a pause `fleet`, `ring/<name>` or `cluster/<key>`; of an approval what is approved, in words.
        until: when it ends by itself; None where it does not.
    """

    id: str
    verb: FleetVerb
    subject: str
    who: str
    why: str
    at: datetime
    until: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether it still holds."""
        return self.until is None or now < self.until
