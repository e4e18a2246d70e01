"""What was written to the fleet, changed by others and said by people, from the last records of the audit trail."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import InvalidClusterId
from shared.model.audit import Kind
from shared.model.hand import Hand
from shared.model.identity import ClusterId
from shared.model.state import Condition

# So many records are told.
MOST = 30
# So many keys of a change are named.
_KEYS = 4
_MUSTER, _NOBODY_KNOWN = "Muster", "somebody else"
_HANDS: Mapping[str, str] = {
    Hand.PERSON: "a person",
    Hand.APPLICATION: "another application",
    Hand.PLATFORM: "the platform",
    Hand.US: "not known: nobody else wrote since",
}
# Of a look that sent nothing and found nothing of another hand.
_LOOK, _OTHERS = b'"sent":"decided"', b'"hand":"'


@dataclass(frozen=True, slots=True)
class Happened:
    """One line; `key` is set where it is about a cluster."""

    at: datetime
    name: str
    what: str
    before: str
    after: str
    who: str
    reason: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """What happened within a day, newest first.

    Attributes:
        found: of how many records the lines are the newest.
        cut: whether there may be older ones within the day that were not read.
    """

    lines: list[Happened]
    found: int
    cut: bool

    @property
    def more(self) -> bool:
        """Whether there is more than the lines tell."""
        return self.cut or self.found > MOST


def tells(line: bytes) -> bool:
    """Whether a line of the trail tells of a write, a change by others or a word; read off its bytes, unparsed.

    Within a text of JSON quotes are escaped, so that no reason can pass for a member.
    """
    return _LOOK not in line or _OTHERS in line


def happened(records: Iterable[Mapping[str, Any]]) -> list[Happened]:
    """The lines of records that tell something, in their order: what Muster wrote comes after what it found."""
    return [line for record in records for line in _lines(record)]


def _lines(record: Mapping[str, Any]) -> Iterator[Happened]:
    kind = record.get("kind")
    if kind == Kind.WORD:
        until = record.get("until")
        after = f"until {datetime.fromisoformat(str(until)):%Y-%m-%d %H:%M}" if until else ""
        yield _line(record, str(record["action"]), "", after, str(record.get("who") or _NOBODY_KNOWN))
    elif kind == Kind.OBSERVED:
        yield _observed(record)
    else:
        if record.get("sent") not in {None, "decided"}:
            after = ": ".join(filter(None, (str(record["sent"]), _keys(record.get("keys")))))
            yield _line(record, str(record["action"]), str(record.get("condition", "")), after, _MUSTER)
        if record.get("hand"):
            yield _found(record)


def _observed(record: Mapping[str, Any]) -> Happened:
    action = str(record["action"])
    if action == "Upgraded":
        who = _MUSTER if record.get("hand") == Hand.US else _HANDS[Hand.PLATFORM]
        return _line(record, action, str(record.get("before", "")), str(record.get("now", "")), who)
    generation = record.get("generation")
    if action == "PolicyInForce" and generation:
        before = f"generation {generation - 1}" if generation > 1 else ""
        return _line(record, action, before, f"generation {generation}", str(record.get("who") or "not known"))
    return _line(record, action, str(record.get("was", "")), str(record.get("condition", "")), _MUSTER)


def _found(record: Mapping[str, Any]) -> Happened:
    """A change by another hand, which a look found."""
    condition = str(record.get("condition", ""))
    what = "Extension deleted" if condition == Condition.MISSING else "Extension changed"
    after = ": ".join(filter(None, (condition, _keys(record.get("differs")))))
    who = _HANDS.get(str(record["hand"]), _NOBODY_KNOWN)
    return _line(record, what, str(record.get("was", "")), after, who)


def _keys(named: Any) -> str:
    keys = [str(each) for each in named] if isinstance(named, list) else []
    more = len(keys) - _KEYS
    return ", ".join(keys[:_KEYS]) + (f" and {more} more" if more > 0 else "")


def _line(record: Mapping[str, Any], what: str, before: str, after: str, who: str) -> Happened:
    subject = str(record.get("subject", ""))
    try:
        cluster = ClusterId.parse(subject)
        name, key = cluster.name, cluster.key
    except InvalidClusterId:
        name, key = subject, ""
    at, reason = datetime.fromisoformat(str(record["at"])), str(record.get("reason", ""))
    return Happened(at, name, what, before, after, who, reason, key)
