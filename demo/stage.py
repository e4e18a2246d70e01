"""The running stack during the demo: what happens is watched, told on stderr, and waited for with a deadline."""

import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo.cast import CAST, Member, state_text
from demo.muster_api import Muster
from devhost.stack import Stack
from simulator.control import Control

type Json = dict[str, Any]

WITHIN = 80.0  # seconds for any one step; a cluster that somebody else is busy with is looked at a minute later
_PAUSE = 0.2


class StepFailed(Exception):
    """Something did not happen in time; the message says what, and how things stood."""

    def __init__(self, message: str, cluster: str | None = None) -> None:
        super().__init__(message)
        self.cluster = cluster


@dataclass(slots=True)
class Played:
    """One cluster of the cast on the stage; times are the simulator's, in seconds.

    Attributes:
        asked_at: when its event was caused, or a person asked for it.
        put_at: when the first write of its extension arrived.
        succeeded_at: when ARM first showed its extension Succeeded.
        skipped: how much of the time until then the clock was pushed forward.
    """

    member: Member
    id: str
    asked_at: float
    put_at: float | None = None
    succeeded_at: float | None = None
    skipped: float = 0.0


@dataclass(slots=True)
class Stage:
    """The stack and the cast on it."""

    stack: Stack
    control: Control
    muster: Muster
    tls: ssl.SSLContext
    played: dict[str, Played] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _told: dict[str, str] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """One line of progress."""
        print(f"[{time.monotonic() - self._began:5.1f} s] {text}", file=sys.stderr, flush=True)

    def enter(self, member: Member, cluster_id: str, asked_at: float) -> None:
        """Note a cluster that exists from now on."""
        self.played[member.name] = Played(member, cluster_id, asked_at)

    def id_of(self, member: Member) -> str:
        """A cluster's ARM id."""
        return self.played[member.name].id

    def cast(self) -> list[Played]:
        """The clusters that exist by now, in the order of the cast."""
        return [self.played[member.name] for member in CAST if member.name in self.played]

    def puts(self, member: Member) -> int:
        """How many times the extension of a cluster was sent so far."""
        return len(self.writes(member))

    def writes(self, member: Member) -> list[Json]:
        """The writes to extensions of a cluster, from the simulator's log."""
        below = self.id_of(member).lower() + "/"
        return [entry for entry in self.control.writes() if entry["path"].lower().startswith(below)]

    def push_clock(self, seconds: float) -> None:
        """Push the simulator's time forward."""
        self.control.advance(seconds)
        for one in self.played.values():
            if one.succeeded_at is None:
                one.skipped += seconds

    def look(self) -> dict[str, Json]:
        """What Muster reports of each cluster; whatever is new is told."""
        seen = self.muster.clusters()
        for name, item in seen.items():
            text = state_of(item)
            if self._told.get(name) != text:
                self._told[name] = text
                self.say(f"{name:<18} {text}: {_short(item['reason'])}")
        for entry in self.control.writes():
            for one in self.played.values():
                if one.put_at is None and entry["path"].lower().startswith(one.id.lower() + "/"):
                    one.put_at = entry["at"]
        for one in self.played.values():
            if one.put_at is not None and one.succeeded_at is None and self._succeeded(one):
                one.succeeded_at = self.control.now()
        return seen

    def _succeeded(self, one: Played) -> bool:
        extension = self.control.extension(one.id, "azureml")
        return extension is not None and extension["properties"]["provisioningState"] == "Succeeded"

    def until(
        self,
        what: str,
        holds: Callable[[dict[str, Json]], bool],
        *,
        cluster: str | None = None,
        within: float = WITHIN,
    ) -> None:
        """Look until something holds.

        Raises:
            StepFailed: it did not in time.
        """
        deadline = time.monotonic() + within
        while True:
            seen = self.look()
            if holds(seen):
                return
            if time.monotonic() > deadline:
                states = "\n".join(f"  {name:<18} {state_of(item)}" for name, item in sorted(seen.items()))
                raise StepFailed(f"not within {within:.0f} s: {what}. Muster reports\n{states or '  nothing'}", cluster)
            time.sleep(_PAUSE)

    def reached(self, *members: Member) -> None:
        """Wait until Muster reports each of these as its story must end.

        Raises:
            StepFailed: it did not in time; the first that is missing is named.
        """
        deadline = time.monotonic() + WITHIN
        for member in members:
            self.until(
                f"{member.name} is {member.ending.state}",
                _reports(member.name, member.ending.state),
                cluster=member.name,
                within=max(1.0, deadline - time.monotonic()),
            )


def _reports(name: str, state: str) -> Callable[[dict[str, Json]], bool]:
    def holds(seen: dict[str, Json]) -> bool:
        return name in seen and state_of(seen[name]) == state

    return holds


def state_of(item: Json) -> str:
    """The state in a line of GET /clusters, as a person reads it."""
    state = item["state"]
    return state_text(state["management"], state["condition"], (state["hold"] or {}).get("code"))


def _short(text: str, longest: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


def exports(stack: Stack, policy: str) -> dict[str, str]:
    """The variables that the commands of the documents read."""
    return {
        "MUSTER_API_URL": stack.host_urls[0],
        "MUSTER_API_KEY": stack.key,
        "SIMULATOR": stack.simulator_url,
        "SIMULATOR_CA": str(stack.ca_file),
        "POLICY": policy,
    }
