"""Making plans, and applying them: the sweep's own pass over the fleet, that asks for nothing and writes nothing.

A plan is a document; making it changes nothing else. A policy that somebody plans against is read, and never enters
force. Applying a plan is no approval: it asks for looks as a sweep does, and each meets every gate.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared import logs
from shared.errors import MusterError
from shared.fleet.drafting import Passing, drafted, planned
from shared.fleet.ledger import kept
from shared.fleet.recording import recording
from shared.fleet.rollout import MASS_SELECTION
from shared.fleet.sweep import Sweep, beyond_room, most_fresh
from shared.fleet.visibility import doubts
from shared.model.identity import ClusterId
from shared.model.request import Reason, Request
from shared.model.state import HoldCode
from shared.policy.model import PolicyText
from shared.state.documents import Document, DocumentChanged
from shared.state.plans import KEPT_FOR, Plans

MAKING, READY, FAILED = "making", "ready", "failed"
# Whoever was to make it has given up, or was stopped, when this long has passed.
_MADE_WITHIN = timedelta(minutes=30)
_AT_ONCE = 16

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """A plan that somebody wants.

    Attributes:
        texts: the policy that is planned against; empty for the one in force.
        cluster: the one cluster that is meant; None for the fleet.
        recording: what a plan would be made of is wanted, to plan elsewhere, and no plan.
    """

    who: str
    texts: tuple[PolicyText, ...] = ()
    cluster: ClusterId | None = None
    recording: bool = False


@dataclass(slots=True)
class Planner:
    """What makes plans and applies them."""

    sweep: Sweep
    plans: Plans
    clock: Callable[[], datetime]
    # A pass over the fleet is heavy: an instance makes one plan after the other.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self, wish: Wish) -> str:
        """Keep a wish and have its plan made in the background; the plan's id.

        Raises:
            StorageError: it could not be kept.
        """
        plan, now = uuid.uuid4().hex, self.clock()
        body: Json = {"id": plan, "status": MAKING, "by": wish.who, "begun": now.isoformat()}
        body |= {"expires": (now + KEPT_FOR).isoformat(), "cluster": str(wish.cluster) if wish.cluster else None}
        body["texts"] = [[text.name, text.text] for text in wish.texts]
        body |= {"recording": True} if wish.recording else {}
        await self.plans.drop_old(now)
        await self.plans.begin(plan, body)
        return plan

    async def of(self, plan: str) -> Document | None:
        """A plan as it stands; None where there is none, or its day is over. One that nobody made in time failed.

        Raises:
            StorageError: it cannot be read.
        """
        found, now = await self.plans.of(plan), self.clock()
        if found is None or datetime.fromisoformat(found.body["expires"]) <= now:
            return None
        late = found.body["status"] == MAKING and now - datetime.fromisoformat(found.body["begun"]) > _MADE_WITHIN
        if late:
            why = "It was not made within half an hour: look for invocation-failed and exceptions, and ask again."
            return replace(found, body=found.body | {"status": FAILED, "failure": why})
        return found

    async def make(self, plan: str) -> None:
        """Make a plan that was asked for. One that is made, or is not wanted any more, is left alone.

        What Azure or the policy refuse is written into the plan.

        Raises:
            StorageError: the plan cannot be read or kept; the queue then asks again.
        """
        async with self._turn:
            found = await self.of(plan)
            if found is None or found.body["status"] != MAKING:
                return
            asked = {name: value for name, value in found.body.items() if name != "texts"}
            try:
                body = asked | {"status": READY} | await self._made(found.body)
            except MusterError as error:
                # Told at once, since somebody waits for it; he may ask again.
                body = asked | {"status": FAILED, "failure": error.message}
            try:
                await self.plans.put(plan, body, found)
            except DocumentChanged:
                return  # the message came twice, and the other was quicker
        event = "fleet-recorded" if is_recording(body) else "plan-made"
        logs.event(event, plan=plan, status=body["status"], reason=body.get("failure"), counts=body.get("counts"))

    async def _made(self, wish: Mapping[str, Any]) -> Json:
        if is_recording(wish):
            return await self._recorded(wish["id"])
        texts = tuple(PolicyText(name, text) for name, text in wish["texts"])
        only = ClusterId.parse(wish["cluster"]) if wish["cluster"] else None
        return await planned(self.sweep.ground, texts, only, self.clock())

    async def _recorded(self, name: str) -> Json:
        now = self.clock()
        made = await recording(self.sweep.ground, now)
        # Its content first: whoever reads that it is ready finds it.
        await self.plans.put_content(name, made.content)
        return {"asOf": now.isoformat(), "counts": made.counts, "bytes": len(made.content)}

    async def apply(self, plan: Mapping[str, Any]) -> Json:
        """Ask for looks at the clusters of a plan; what was asked, and what was left out and why.

        Items whose inputs are others than when the plan was made are stale. Of those that wait for a gate none is asked
        for: a look would say the same. Nor are more than the fleet's books have room for; the sweep asks for the others
        in turn.

        Raises:
            MusterError: the fleet could not be read; nothing was asked then.
        """
        wanted = {ClusterId.parse(item["cluster"]): item for item in plan["items"] if item["action"] != "Hold"}
        if not wanted:
            return {"asked": 0, "stale": [], "held": {}, "later": 0}
        ground = self.sweep.ground
        policy = await ground.policies.current()
        within = frozenset(cluster.subscription for cluster in wanted)
        draft, found, words, gates = await drafted(ground, Passing(policy, self.clock(), within=within))
        slip = doubts(found.known, found.unlisted, found.fresh, most_fresh(policy, words, draft.now)).mass
        slip = slip or _slip_of(plan, gates.fleet.approved)
        if slip:
            draft.mass(slip)
        now = {item.cluster: item for item in draft.items}
        stale = {each for each, item in wanted.items() if each not in now or now[each].inputs != item["inputs"]}
        current = [now[each] for each in wanted if each not in stale]
        held = Counter(item.hold.code.value for item in current if item.hold is not None)
        going = [item.cluster for item in current if item.hold is None]
        late = set(beyond_room(policy, gates.fleet.places, found, going)) if kept(policy.rollout) else set()
        asked = [cluster for cluster in going if cluster not in late]
        await self._ask(asked)
        return {
            "asked": len(asked),
            "stale": sorted(map(str, stale)),
            "held": dict(sorted(held.items())),
            "later": len(late),
        }

    async def _ask(self, clusters: list[ClusterId]) -> None:
        turn, now = asyncio.Semaphore(_AT_ONCE), self.clock()

        async def ask(cluster: ClusterId) -> None:
            async with turn:
                # As a sweep: whatever a look refuses a sweep, it refuses a plan.
                await self.sweep.messages.send(Request(cluster, Reason.SWEEP, now))

        await asyncio.gather(*map(ask, clusters))


def is_recording(body: Mapping[str, Any]) -> bool:
    """Whether a document is one of a recording, and of no plan."""
    return bool(body.get("recording"))


def _slip_of(plan: Mapping[str, Any], approved: frozenset[str]) -> str:
    """Why the plan held new clusters back as too many at once, where nobody has approved them since; else ""."""
    if MASS_SELECTION in approved:
        return ""
    holds = (item["hold"] for item in plan["items"] if item["hold"])
    return next((str(hold["reason"]) for hold in holds if hold["code"] == HoldCode.MASS_SELECTION), "")
