"""What was true at a moment in the past, as far as the audit trail tells it: folded from its records, in their order.

Exact are management, condition, hold, profile, rule, policy and the words that stood, as Muster knew them then. Not
recorded, and so not told: reachability, verification, facts, and the values of settings.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.model.audit import FLEET, Kind

type Body = Mapping[str, Any]

_BY_HAND = frozenset({"EnrolByHand", "RemoveByHand"})
_GIVEN = frozenset({"Pause", "Approve"})
_FIELDS = ("management", "condition", "hold", "approval", "profile", "rule", "generation", "policy", "reason")
_COUNTED = ("management", "condition", "hold", "profile")


def _for_many(word: Body) -> bool:
    """Whether it is a pause of more than one cluster; which of them a ring held then is not recorded."""
    return bool(word["action"] == "Pause" and (word["subject"] == FLEET or word["subject"].startswith("ring/")))


class Past:
    """The state of things at a moment, as records are added up to it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self._stood: dict[str, Body] = {}
        self._sent: dict[str, Body] = {}
        self._by_hand: dict[str, Body] = {}
        self._given: dict[str, Body] = {}
        self._policy: Body = {}

    def add(self, record: Body) -> bool:
        """Take a record into account; False where it is of a later moment."""
        if datetime.fromisoformat(record["at"]) > self.moment:
            return False
        if record["kind"] == Kind.WORD:
            self._hear(record)
        elif record.get("condition"):
            self._see(record)
        return True

    def _see(self, record: Body) -> None:
        subject = record["subject"]
        before = self._stood.get(subject)
        if before is None or before["at"] <= record["at"]:
            self._stood[subject] = record
        if record.get("sent") not in {None, "decided"}:
            self._sent[subject] = record
        if record.get("generation", 0) >= self._policy.get("generation", 0):
            self._policy = record

    def _hear(self, record: Body) -> None:
        action, subject = record["action"], record["subject"]
        if action in _BY_HAND:
            self._by_hand[subject] = record
        elif action == "Withdraw":
            self._by_hand.pop(subject, None)
        elif action in _GIVEN:
            self._given[record["word"]] = record
        else:
            self._given.pop(record["word"], None)

    def cluster(self, subject: str) -> dict[str, Any] | None:
        """How a cluster stood, by whose word, and what was done to it last; None where nothing was known of it."""
        stood = self._stood.get(subject)
        words = [*self._standing(self._by_hand), *self._standing(self._given)]
        words = [word for word in words if word["subject"] == subject or _for_many(word)]
        if stood is None and not words:
            return None
        told: dict[str, Any] = {"cluster": subject, "asOf": self.moment.isoformat()}
        if stood is not None:
            told |= {name: stood[name] for name in _FIELDS if name in stood}
            told |= {"recorded": stood["at"], "gone": stood.get("gone", False)}
        sent = self._sent.get(subject)
        return told | {"last": sent and dict(sent), "words": [dict(word) for word in words]}

    def fleet(self) -> dict[str, Any]:
        """Figures, the latest policy that anything was decided by, and the words that stood."""
        there = [record for record in self._stood.values() if not record.get("gone")]
        counts = {name: Counter(str(each.get(name, "none")) for each in there) for name in _COUNTED}
        return {
            "asOf": self.moment.isoformat(),
            "clusters": len(there),
            **{name: dict(count.most_common()) for name, count in counts.items()},
            "generation": self._policy.get("generation"),
            "policy": self._policy.get("policy"),
            "words": [dict(word) for word in (*self._standing(self._by_hand), *self._standing(self._given))],
        }

    def _standing(self, words: Mapping[str, Body]) -> list[Body]:
        ends = ((word, word.get("until")) for word in words.values())
        return [word for word, until in ends if until is None or datetime.fromisoformat(until) > self.moment]
