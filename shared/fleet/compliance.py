"""One cluster as lists show it: from a sweep, from memory, from a snapshot."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from shared.fleet.snapshot import Entry
from shared.model.cluster import Cluster
from shared.model.decision import Decision
from shared.model.identity import ClusterId
from shared.model.observation import Memory, Observation
from shared.model.state import FAILING, FOR_PEOPLE, Condition, Hold, HoldCode, Management, Reachability, State, Verified


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
    failure: str | None = None
    ring: str | None = None

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
    def remembered(cls, cluster: ClusterId, memory: Memory, before: Self | None = None) -> Self | None:
        """The line of a cluster as the last look left it; None where none was. `before`: what a sweep saw of it."""
        if memory.state is None:
            return None
        return cls(
            cluster,
            memory.state,
            memory.profile,
            memory.rule,
            memory.reason,
            before.version if before else memory.version,
            memory.changed_at,
            before.failure if before else None,
            before.ring if before else None,
        )

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
            "failure": self.failure,
            "ring": self.ring,
            "lastChange": self.changed_at.isoformat() if self.changed_at else None,
        }

    def entry(self) -> Entry:
        """The line as a snapshot keeps it."""
        state = self.state
        return Entry(
            str(self.cluster),
            management=state.management.value,
            condition=state.condition.value,
            hold=list(_plain_hold(state.hold).values()) if state.hold else None,
            reachability=state.reachability.value,
            verified=state.verified.value,
            verified_at=_text(state.verified_at),
            sufficient=state.sufficient,
            profile=self.profile,
            rule=self.rule,
            reason=self.reason,
            version=self.version,
            changed=_text(self.changed_at),
            failure=self.failure,
            ring=self.ring,
        )

    @classmethod
    def read(cls, entry: Entry) -> Self:
        """The line from a snapshot."""
        return cls(
            ClusterId.parse(entry.id),
            State(
                Management(entry.management),
                Condition(entry.condition),
                _read_hold(entry.hold),
                Reachability(entry.reachability),
                Verified(entry.verified),
                _moment(entry.verified_at),
                sufficient=entry.sufficient,
            ),
            entry.profile,
            entry.rule,
            entry.reason,
            entry.version,
            _moment(entry.changed),
            entry.failure,
            entry.ring,
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
        "approval": hold.approval or None,
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _read_hold(values: list[Any] | None) -> Hold | None:
    if values is None:
        return None
    code, reason, since, until, following, *later = values
    approval = (later[0] if later else None) or ""
    return Hold(HoldCode(code), reason, _moment(since), _moment(until), _moment(following), approval)


# A check that fails is somebody's to mend, though the hold ends by itself once he has.
_CALLING = frozenset({*FOR_PEOPLE, HoldCode.PREFLIGHT})


def needs_attention(entry: Entry) -> bool:
    """Whether a person has something to do about a cluster: what holds it only he ends, or it fails and nothing does.

    Whoever waits for a ring, a window, a place or the end of a pause needs nobody.
    """
    if entry.hold is not None:
        return entry.hold[0] in _CALLING
    return entry.management == Management.MANAGED and entry.condition in FAILING
