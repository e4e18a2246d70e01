"""The figures of a fleet: what a sweep's snapshot says, overlaid with what was looked at since."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from shared.model.cluster import Cluster
from shared.model.decision import Decision
from shared.model.identity import ClusterId
from shared.model.observation import Memory, Observation
from shared.model.state import Condition, Hold, HoldCode, Management, Reachability, State, Verified

SNAPSHOT = "snapshots/latest.json"


@dataclass(frozen=True, slots=True)
class Line:
    """One cluster in lists and figures."""

    cluster: ClusterId
    state: State
    profile: str | None = None
    rule: str | None = None
    reason: str = ""
    version: str | None = None
    changed_at: datetime | None = None

    @classmethod
    def of(cls, cluster: Cluster, seen: Observation, decision: Decision) -> Self:
        """The line of a cluster as a sweep saw it."""
        versions = [each.current_version for each in seen.extensions or () if each.azureml]
        return cls(
            cluster.id,
            decision.state,
            decision.profile,
            decision.rule,
            decision.reason,
            versions[0] if versions else None,
            seen.memory.changed_at,
        )

    @classmethod
    def remembered(cls, cluster: ClusterId, memory: Memory, version: str | None = None) -> Self | None:
        """The line of a cluster as the last look left it; None where none was."""
        if memory.state is None:
            return None
        return cls(cluster, memory.state, memory.profile, memory.rule, memory.reason, version, memory.changed_at)

    def plain(self) -> dict[str, Any]:
        """The line as JSON, as the API shows it."""
        return {
            "key": self.cluster.key,
            "id": str(self.cluster),
            "kind": self.cluster.kind.value,
            "subscription": self.cluster.subscription,
            "name": self.cluster.name,
            "profile": self.profile,
            "rule": self.rule,
            "state": plain_state(self.state),
            "reason": self.reason,
            "version": self.version,
            "lastChange": self.changed_at.isoformat() if self.changed_at else None,
        }

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Self:
        """The line from its JSON."""
        changed = plain.get("lastChange")
        return cls(
            ClusterId.parse(plain["id"]),
            read_state(plain["state"]),
            plain.get("profile"),
            plain.get("rule"),
            plain.get("reason") or "",
            plain.get("version"),
            datetime.fromisoformat(changed) if changed else None,
        )


def plain_state(state: State) -> dict[str, Any]:
    """The five fields as JSON."""
    hold = state.hold
    return {
        "management": state.management.value,
        "condition": state.condition.value,
        "hold": None if hold is None else _plain_hold(hold),
        "reachability": state.reachability.value,
        "verified": state.verified.value,
        "verifiedAt": _text(state.verified_at),
        "sufficient": state.sufficient,
    }


def _plain_hold(hold: Hold) -> dict[str, Any]:
    return {
        "code": hold.code.value,
        "reason": hold.reason,
        "since": _text(hold.since),
        "until": _text(hold.until),
        "next": _text(hold.next),
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def read_state(plain: Mapping[str, Any]) -> State:
    """The five fields from their JSON."""
    held = plain.get("hold")
    hold = held and Hold(
        HoldCode(held["code"]),
        held["reason"],
        since=_moment(held.get("since")),
        until=_moment(held.get("until")),
        next=_moment(held.get("next")),
    )
    return State(
        Management(plain["management"]),
        Condition(plain["condition"]),
        hold or None,
        Reachability(plain["reachability"]),
        Verified(plain["verified"]),
        _moment(plain.get("verifiedAt")),
        sufficient=bool(plain.get("sufficient", True)),
    )


def figures(lines: Iterable[Line]) -> dict[str, Any]:
    """Counts by each of the state's fields. The denominator of compliance is Managed; others stand beside."""
    listed = list(lines)
    managed = [line for line in listed if line.state.management is Management.MANAGED]
    compliant = sum(line.state.compliant for line in managed)
    return {
        "clusters": len(listed),
        "managed": len(managed),
        "compliant": compliant,
        "share": round(compliant / len(managed), 4) if managed else None,
        "management": _counted(line.state.management.value for line in listed),
        "condition": _counted(line.state.condition.value for line in managed),
        "hold": _counted(line.state.hold.code.value for line in managed if line.state.hold),
        "reachability": _counted(line.state.reachability.value for line in listed),
        "verified": _counted(line.state.verified.value for line in managed),
        "profile": _counted(line.profile or "none" for line in managed),
        "version": _counted(line.version or "none" for line in managed),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def needs_attention(line: Line) -> bool:
    """Whether a person has something to do about a cluster."""
    if line.state.hold is not None:
        return True
    failing = {Condition.CONFLICT, Condition.FAILED_INSTALL, Condition.FAILED_UPDATE, Condition.DEGRADED}
    return line.state.condition in failing and line.state.management is Management.MANAGED
