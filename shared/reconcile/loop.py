"""The loop: look at one cluster, decide, take at most one step, write it down.

Everything that asks for a cluster ends here. Raises only for defects: what Azure or storage refuse is
recorded and looked at again by a delayed message, and only where that message cannot be sent does the
step fail, so that the queue delivers the request once more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import logs
from shared.errors import LeaseBusy, MusterError, Retry, StorageError
from shared.model.cluster import Source
from shared.model.decision import Decision, LookBy
from shared.model.gates import Gates
from shared.model.observation import Memory, Observation
from shared.model.request import Reason, Request
from shared.model.state import Condition, Management, State
from shared.policy.model import Policy
from shared.reconcile.act import Actor, Outcome, Sent
from shared.reconcile.admission import Gatekeeper, ended, refused, wish_of
from shared.reconcile.audited import answered, poisoned, records_of
from shared.reconcile.checking import KUBERNETES_CONFIGURATION
from shared.reconcile.decide import decide
from shared.reconcile.generations import Generations
from shared.reconcile.notices import notices_of, refusal_of
from shared.reconcile.observe import Observer
from shared.reconcile.record import Recorder, Step, after_sending, before_sending, remembered, superseded
from shared.reconcile.scope import Scope
from shared.reconcile.unanswered import arrived, in_vain
from shared.state.leases import Lease, Leases
from shared.state.memory import MemoryTable, Row
from shared.state.outbox import Outbox
from shared.state.shares import Shares

# A cluster whose lease is busy is asked for again after 30 to 60 seconds.
_BUSY_AGAIN = timedelta(seconds=30)
_TROUBLE_AGAIN = timedelta(seconds=30)
# How the reason of a cluster begins whose request failed every time.
POISONED = "Unknown (poison)"
_NOT_REGISTERED = "MissingSubscriptionRegistration"  # Azure's code, with status 409


@dataclass(frozen=True, slots=True)
class Reconciler:
    """The loop and everything it works with."""

    scope: Scope
    generations: Generations
    leases: Leases
    table: MemoryTable
    observer: Observer
    actor: Actor
    recorder: Recorder
    gates: Callable[[], Gates]
    gatekeeper: Gatekeeper
    shares: Shares
    outbox: Outbox
    clock: Callable[[], datetime]

    async def step(self, request: Request) -> Decision | None:
        """Serve one request. None where there was nothing to look at: out of scope, superseded or busy."""
        try:
            if not await self.scope.contains(request.cluster.subscription):
                logs.count("out-of-scope")
                logs.event("out-of-scope", cluster=str(request.cluster), asked=request.reason.value)
                return None
            await self.shares.tell()
            async with self.leases.hold(request.cluster, perhaps_new=request.reason is Reason.EVENT) as lease:
                step = await self._with_lease(request, lease)
        except LeaseBusy:
            await self._again(request, self._busy_delay(request), "busy")
        except MusterError as error:
            logs.count("step-troubled")
            await self._again(request, await self._trouble_delay(error), error.message)
        else:
            if step is not None:
                await self.recorder.tell(step)
                return step.decision
        return None

    async def _trouble_delay(self, error: MusterError) -> timedelta:
        """The policy's pause between looks, where a policy can be had; never less than Azure asked for."""
        try:
            pause = (await self.generations.current()).timing.follow_up
        except MusterError:
            pause = _TROUBLE_AGAIN
        return max(pause, timedelta(seconds=error.retry_after or 0))

    def _busy_delay(self, request: Request) -> timedelta:
        spread = int.from_bytes(request.cluster.key.encode()[-4:]) % 30
        return _BUSY_AGAIN + timedelta(seconds=spread)

    async def _again(self, request: Request, delay: timedelta, why: str) -> None:
        now = self.clock()
        logs.event("look-again", cluster=str(request.cluster), asked=request.reason.value, reason=why)
        try:
            row = await self.table.read(request.cluster)
            await self.recorder.schedule(row, request, now + delay, now)
        except StorageError as error:
            # Without the memory there is no telling which follow-up stands: ask afresh, as a sweep would.
            logs.event("follow-up-unrecorded", cluster=str(request.cluster), reason=error.message)
            plain = replace(request, reason=Reason.SWEEP, requested_at=now, due=None)
            await self.recorder.messages.send(plain, delay=delay)

    async def _with_lease(self, request: Request, lease: Lease) -> Step | None:
        row = await self.table.read(request.cluster)
        if superseded(row.memory, request):
            logs.count("superseded")
            return None
        started = self.clock()
        policy = await self.generations.current(at_least=max(request.generation, row.memory.generation))
        request = replace(request, generation=policy.generation)
        seen, decision = await self._decided(request, row, policy)
        outcome: Outcome | None = None
        seen = await self._landed(seen, decision, policy)
        decision, booked = await self._booked(seen, decision, policy)
        memory = replace(remembered(seen, decision, policy, self.clock()), flight=booked or seen.memory.flight)
        # Before the memory: a crash in between tells twice, under the same id, and never not at all.
        await self.outbox.put(notices_of(seen, decision, self.clock()))
        records = records_of(seen, decision, memory, policy, instance=self.recorder.instance, now=self.clock())
        if decision.action.writes:
            row, memory, outcome = await self._send(row, replace(memory, untold=records[0]), seen, decision, lease)
            await self.outbox.put(refusal_of(seen, decision, outcome, self.clock()))
        records = answered(records, outcome)
        if seen.gone:
            await self.recorder.forget(row, records)
        else:
            memory = await self._not_flown(seen, memory, outcome, policy)
            look = self._next_look(decision, outcome, policy, lease), decision.look_by
            row = await self.recorder.close(row, request, memory, look, self.clock(), records)
        return Step(seen, decision, outcome, self.clock(), self.clock() - started)

    async def _decided(self, request: Request, row: Row, policy: Policy) -> tuple[Observation, Decision]:
        """Decide; and where the answer is a write, decide again on what ARM says."""
        seen = await self.observer.look(request, row.memory, policy, self.clock())
        decision = decide(seen, policy, self.clock())
        if decision.action.writes and seen.cluster is not None and seen.cluster.source is Source.GRAPH:
            seen = await self.observer.confirm(seen, policy, self.clock())
            decision = decide(seen, policy, self.clock())
        return await self.observer.satisfied(seen, decision, policy, self.clock)

    async def _landed(self, seen: Observation, decision: Decision, policy: Policy) -> Observation:
        """Tell the books of a write that this look saw end, or that never went out and is not to go out any more."""
        went = arrived(seen)
        failed = ended(seen.memory, decision) if went else None
        # What Azure did not take up is booked anew with the next try.
        never = went is False and (not decision.action.writes or in_vain(seen))
        if failed is None and not (seen.memory.flight and (seen.gone or never)):
            return seen
        await self.gatekeeper.land(seen.id.key, policy, failed=failed)
        return replace(seen, memory=replace(seen.memory, flight=False))

    async def _booked(self, seen: Observation, decision: Decision, policy: Policy) -> tuple[Decision, bool]:
        """The decision if the books of the fleet have room for it, else the hold that stands in its place."""
        wish = wish_of(seen, decision, policy)
        if wish is None:
            return decision, False
        refusal = await self.gatekeeper.book(wish, policy)
        if refusal is None:
            return decision, True
        return refused(decision, refusal, self.clock()), False

    async def _not_flown(self, seen: Observation, memory: Memory, outcome: Outcome | None, policy: Policy) -> Memory:
        """Take a booking back where the write was refused; what the service will refuse again counts as failed."""
        if not memory.flight or outcome is None or outcome.sent is not Sent.REFUSED:
            return memory
        final = outcome.error is not None and outcome.error.retry is Retry.NEVER
        await self.gatekeeper.land(seen.id.key, policy, failed=True if final else None)
        return replace(memory, flight=False)

    async def _send(
        self, row: Row, memory: Memory, seen: Observation, decision: Decision, lease: Lease
    ) -> tuple[Row, Memory, Outcome]:
        written = before_sending(seen, memory, decision, self.clock())
        row = await self.recorder.put(row, written)

        async def may_go() -> bool:
            await lease.ready_to_write()
            return not self.gates().stopped

        if not await may_go():
            outcome = Outcome(Sent.UNFINISHED)
            return row, after_sending(memory, written, decision, outcome, self.clock()), outcome
        try:
            outcome = await self.actor.take(decision, seen, may_go)
        except BaseException:
            # The host ends, or a defect: the request may be on its way, as after a time-out.
            lease.abandon()
            raise
        if getattr(outcome.error, "code", "") == _NOT_REGISTERED:
            # Somebody took the registration back since it was last looked up.
            await self.observer.beyond.surroundings.forget(seen.id.subscription, KUBERNETES_CONFIGURATION)
        if outcome.sent is Sent.AMBIGUOUS:
            # It may still be under way: nobody may write before the lease has run out.
            lease.abandon()
        return row, after_sending(memory, written, decision, outcome, self.clock()), outcome

    def _next_look(self, decision: Decision, outcome: Outcome | None, policy: Policy, lease: Lease) -> datetime | None:
        if outcome is None or outcome.sent in {Sent.ACCEPTED, Sent.UNFINISHED}:
            return decision.next_look
        pause = policy.timing.follow_up
        if outcome.sent is Sent.AMBIGUOUS:
            pause = max(pause, timedelta(seconds=max(0.0, lease.left) + 1))
        retry_after = outcome.error.retry_after if outcome.error else None
        if retry_after is not None:
            pause = max(pause, timedelta(seconds=retry_after))
        return self.clock() + pause

    async def poisoned(self, request: Request) -> None:
        """A request that failed every time: its cluster is Unknown until the next sweep asks again."""
        now = self.clock()
        row = await self.table.read(request.cluster)
        before = row.memory.state
        state = State(before.management if before else Management.NOT_SELECTED, Condition.UNKNOWN)
        memory = replace(
            row.memory,
            state=state,
            reason=f"{POISONED}: every try to look at it failed; the next sweep asks again.",
            changed_at=now,
            inputs=None,
        )
        told = poisoned(row.memory, str(request.cluster), instance=self.recorder.instance, now=now)
        await self.recorder.close(row, request, memory, (now, LookBy.SWEEP), now, (told,))
        logs.count("poisoned")
        logs.event("poisoned", cluster=str(request.cluster), asked=request.reason.value)
