"""What was written to the fleet, changed by others and said by people, from the last records of the audit trail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.errors import InvalidClusterId
from shared.model.audit import Kind
from shared.model.identity import ClusterId
from shared.model.state import Condition

_MOST = 30


@dataclass(frozen=True, slots=True)
class Happened:
    """One line; `key` is set where it is about a cluster."""

    at: datetime
    name: str
    action: str
    outcome: str
    who: str
    reason: str
    key: str = ""


def happened(records: Iterable[Mapping[str, Any]], since: datetime) -> list[Happened]:
    """What happened since a moment, newest first: writes, changes by other hands, words. Mere looks are left out."""
    found = {str(each.get("id")): each for each in records if _tells(each)}
    lines = [_line(each) for each in found.values() if datetime.fromisoformat(str(each["at"])) >= since]
    return sorted(lines, key=_moment, reverse=True)[:_MOST]


def _tells(record: Mapping[str, Any]) -> bool:
    if record.get("kind") != Kind.DECISION:
        return True
    return record.get("sent") not in {None, "decided"} or record.get("condition") == Condition.DRIFTED


def _line(record: Mapping[str, Any]) -> Happened:
    subject = str(record.get("subject", ""))
    try:
        cluster = ClusterId.parse(subject)
        name, key = cluster.name, cluster.key
    except InvalidClusterId:
        name, key = subject, ""
    outcome = str(record.get("sent") or record.get("condition") or "")
    return Happened(
        datetime.fromisoformat(str(record["at"])),
        name,
        str(record.get("action", "")),
        "" if outcome == "decided" else outcome,
        str(record.get("who") or "Muster"),
        str(record.get("reason", "")),
        key,
    )


def _moment(line: Happened) -> datetime:
    return line.at
