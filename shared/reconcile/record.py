"""Writing down what was decided and done: memory, follow-up, history, one line of log."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import logs, telemetry
from shared.azureml.drift import LOST, fingerprint
from shared.errors import NotAuthorized, Retry, StorageError
from shared.model.audit import Record
from shared.model.decision import Action, Decision, LookBy
from shared.model.hand import Revert
from shared.model.observation import Known, Memory, Observation
from shared.model.request import Reason, Request
from shared.model.state import Condition, Management, State
from shared.policy.model import Policy
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.attempts import counted
from shared.reconcile.inputs import basis_of, inputs_of
from shared.reconcile.rights import Rights
from shared.reconcile.situation import Situation, read_situation
from shared.reconcile.unanswered import begun, settled, undone
from shared.state.history import Event, History
from shared.state.memory import MemoryChanged, MemoryTable, Row
from shared.state.messages import Messages

_TRIES = 5
# The message must not come while its own sender still holds the cluster's lease: it would find it busy.
_UNTIL_RELEASED = timedelta(seconds=1)
# So many reverts are remembered.
_REVERTS = 4


def remembered(seen: Observation, decision: Decision, policy: Policy, now: datetime) -> Memory:
    """The memory after a look, before anything is sent."""
    memory = settled(seen)
    if seen.cluster is None:
        return replace(
            memory,
            state=decision.state,
            reason=decision.reason,
            trouble_since=memory.trouble_since or now,
            looked_at=now,
        )
    situation = read_situation(seen.extensions, memory, name=policy.extension.name, own_names=seen.own_names)
    memory = counted(memory, situation, basis_of(policy, seen.cluster, seen.intent, now), now)
    if situation.condition is Condition.MISSING and seen.extensions is not None:
        # What was sent to an extension that is gone says nothing about the next one.
        memory = replace(memory, sent=None, sent_keys=(), succeeded=False, certificate=None, version=None)
        memory = replace(memory, reverts=())
        memory = replace(memory, verification=None if decision.verification is None else memory.verification)
    memory = _chosen(_recovered(memory, situation), decision)
    if _nothing_to_resolve(situation, decision):
        memory = replace(memory, anew_since=None)
    if not decision.action.writes and decision.certificate is not None:
        memory = replace(memory, certificate=decision.certificate)
    # While a first installation runs, Azure names the version that is to come: that is no sign that it ever ran.
    first = situation.condition is Condition.INSTALLING
    running = situation.extension.current_version if situation.extension and not first else None
    return replace(
        memory,
        verification=decision.verification or memory.verification,
        version=running or memory.version,
        state=decision.state,
        known=_known(memory.known, decision.state, now),
        reason=decision.reason,
        generation=max(memory.generation, decision.generation),
        inputs=inputs_of(policy, seen, decision, now),
        incarnation=seen.cluster.incarnation,
        first_seen=memory.first_seen or now,
        trouble_since=None,
        looked_at=now,
        changed_at=now if changed(seen.memory.state, decision.state) else seen.memory.changed_at,
    )


def _known(before: Known | None, state: State, now: datetime) -> Known:
    hold = state.hold
    here = Known(state.condition, hold.code if hold else None, hold.waits_for if hold else "")
    return before if before is not None and replace(before, since=None) == here else replace(here, since=now)


def _recovered(memory: Memory, situation: Situation) -> Memory:
    """The memory of an installation that Azure says is ours and that was forgotten.

    Rows of Resource Graph do not tell whose it is: a sweep that took it for a stranger's would find nothing of the
    policy's to change in its ring, and open the next one. One that does not run stays forgotten: nobody knows any more
    whether it ever did.
    """
    if memory.sent is None and situation.ours and situation.condition is Condition.CURRENT:
        return replace(memory, sent=LOST)
    return memory


def _chosen(memory: Memory, decision: Decision) -> Memory:
    """The profile in force changes with what is sent, while nothing of ours is installed, or where it asks for nothing.

    What is held back before anything was compared changes nothing, however sound the extension is.
    """
    if memory.sent is not None and not decision.action.writes and not _asks_nothing(decision):
        return memory
    if _asks_nothing(decision) and not decision.action.writes:
        # Whether or not Azure says who wrote last: what was sent stands.
        memory = replace(memory, unanswered=None)
    return replace(memory, profile=decision.profile, rule=decision.rule, choice=decision.choice)


def _asks_nothing(decision: Decision) -> bool:
    """Whether the extension was compared with what is wanted, and nothing differs."""
    return decision.state.condition is Condition.CURRENT and decision.desired is not None and not decision.changes


def _nothing_to_resolve(situation: Situation, decision: Decision) -> bool:
    """Whether a wish that values be resolved anew is over: they are, or nothing of ours is there that holds any."""
    managed = decision.state.management is Management.MANAGED
    return _asks_nothing(decision) or not managed or situation.condition is Condition.MISSING


def changed(before: State | None, after: State) -> bool:
    """Whether a state is another one for whoever follows a cluster."""
    if before is None:
        return True
    codes = (before.hold.code if before.hold else None, after.hold.code if after.hold else None)
    return (before.management, before.condition, codes[0]) != (after.management, after.condition, codes[1])


def before_sending(seen: Observation, memory: Memory, decision: Decision, now: datetime) -> Memory:
    """The memory that is written before a write goes out, so that a crash cannot make it a stranger's."""
    desired = decision.desired
    if decision.action in _BESIDE:
        return memory
    memory = replace(memory, unanswered=begun(seen, memory))
    if decision.action is Action.REINSTALL:
        return replace(memory, sent_at=now, reinstalled_at=now)
    if decision.against is not None:
        memory = replace(memory, reverts=(*memory.reverts, Revert(now, decision.against))[-_REVERTS:])
    if decision.action is Action.REMOVE or desired is None or decision.adopted:
        return replace(memory, sent_at=now)
    sent = replace(memory, sent=fingerprint(desired), sent_at=now, sent_keys=tuple(sorted(desired.settings)))
    return replace(sent, certificate=decision.certificate or memory.certificate)


_NO_SETTINGS = frozenset({Action.REINSTALL})
# Steps that send nothing to the extension.
_BESIDE = frozenset({Action.REGISTER_PROVIDER, Action.REMOVE_RELAY})


def after_sending(before: Memory, written: Memory, decision: Decision, outcome: Outcome, now: datetime) -> Memory:
    """The memory once the answer is known."""
    if decision.action not in _BESIDE:
        # What was sent had its relay. What could not be sent for want of it began to make the relay; or it relied on
        # one that was begun, which is looked up again.
        wanted = decision.desired is not None and decision.desired.relay is not None
        begun = wanted and outcome.sent is Sent.UNFINISHED and not before.relay_begun
        before, written = replace(before, relay_begun=begun), replace(written, relay_begun=begun)
    if outcome.sent is Sent.ACCEPTED:
        return replace(written, unanswered=None)
    if outcome.sent is Sent.AMBIGUOUS:
        before_it = written.unanswered
        return replace(written, unanswered=replace(before_it, ambiguous_at=now) if before_it else None)
    taken_back = replace(undone(written), relay_begun=before.relay_begun)
    if outcome.error is None:
        # Its booking stands, and the next look is to know that nothing went out under it.
        return replace(taken_back, unanswered=written.unanswered)
    if outcome.error.retry is Retry.NEVER:
        # The service will refuse the same again: that counts as a failed attempt.
        said = outcome.error.message
        return replace(taken_back, attempts=before.attempts + 1, failed_at=now, reason=said, refusal=said)
    return replace(taken_back, reason=outcome.error.message)


@dataclass(frozen=True, slots=True)
class Step:
    """One look that was taken to its end: what was seen, decided and sent, when, and how long it took."""

    seen: Observation
    decision: Decision
    outcome: Outcome | None
    at: datetime
    took: timedelta


@dataclass(frozen=True, slots=True)
class Recorder:
    """What writes down for the loop."""

    table: MemoryTable
    messages: Messages
    history: History
    rights: Rights
    instance: str

    async def schedule(self, row: Row, request: Request, wanted: datetime, now: datetime) -> Row:
        """Set the next look without holding the lease; an earlier one that stands is kept.

        A follow-up that another one has replaced meanwhile asks for nothing.
        """
        for _ in range(_TRIES):
            if superseded(row.memory, request):
                return row
            memory = _consumed(row.memory, request, now)
            standing = await self.messages.follow_up(request, memory, wanted, now)
            if standing is row.memory:
                return row
            try:
                return await self.table.write_next_look(row, standing)
            except MemoryChanged:
                await self._take_back(memory, standing)
                row = await self.table.read(row.cluster)
        raise StorageError("The cluster's memory changed under every try to set its next look.")

    async def put(self, row: Row, memory: Memory) -> Row:
        """Write the body; the next look stays as it stands.

        What the memory is to tell of is kept with it; what it had still to tell goes to the audit.
        """
        known = row.memory
        for _ in range(_TRIES):
            standing = row.memory
            final = _with_what_others_set(memory, standing, known)
            try:
                return await self.table.write(row, final, _still_untold(standing, (final.untold,)))
            except MemoryChanged:
                row = await self.table.read(row.cluster)
        raise StorageError("The cluster's memory changed under every try to write it.")

    async def close(
        self,
        row: Row,
        request: Request,
        memory: Memory,
        look: tuple[datetime | None, LookBy],
        now: datetime,
        records: tuple[Record, ...] = (),
    ) -> Row:
        """Write a look's memory with its next look and its records; what others set meanwhile is respected."""
        wanted, by = look
        memory = replace(memory, untold=None)
        if wanted is not None and by is LookBy.MESSAGE:
            wanted = max(wanted, now + _UNTIL_RELEASED)
        known = row.memory
        for _ in range(_TRIES):
            standing = _consumed(row.memory, request, now)
            final = _with_what_others_set(memory, standing, known)
            if wanted is not None and by is LookBy.MESSAGE:
                final = await self.messages.follow_up(request, final, wanted, now)
            elif final.follow_up is None:
                # A look that was left to the sweep stands no longer than the decision that left it there.
                final = replace(final, next_look=wanted)
            try:
                return await self.table.write(row, final, (*_still_untold(standing, records), *records))
            except MemoryChanged:
                await self._take_back(standing, final)
                row = await self.table.read(row.cluster)
        raise StorageError("The cluster's memory changed under every try to write it.")

    async def forget(self, row: Row, records: tuple[Record, ...]) -> None:
        """Drop the memory of a cluster that is gone; its records stay."""
        await self.table.forget(row.cluster, (*_still_untold(row.memory, records), *records))

    async def _take_back(self, before: Memory, after: Memory) -> None:
        """Undo the message of a try that failed: two with the same moment would both be served, for ever."""
        if after.follow_up is not None and after.follow_up != before.follow_up:
            await self.messages.withdraw(after.follow_up)

    async def tell(self, step: Step) -> None:
        """One line of log for every decision; one row of history for each that changed something."""
        seen, decision, outcome = step.seen, step.decision, step.outcome
        sent = outcome.sent.value if outcome else None
        logs.count(f"decision-{decision.action.value}")
        telemetry.add("muster.decisions", action=decision.action.value, condition=decision.state.condition.value)
        if sent is not None:
            telemetry.add("muster.writes", action=decision.action.value, sent=sent)
        logs.event(
            "decision",
            cluster=str(seen.id),
            asked=seen.reason.value,
            action=decision.action.value,
            intended=decision.intended if decision.intended is not decision.action else None,
            sent=sent,
            code=getattr(outcome.error, "code", None) if outcome else None,
            condition=decision.state.condition.value,
            management=decision.state.management.value,
            hold=decision.state.hold.code.value if decision.state.hold else None,
            profile=decision.profile,
            rule=decision.rule,
            generation=decision.generation,
            reason=decision.reason,
            next=decision.next_look,
            ms=round(step.took.total_seconds() * 1000),
        )
        try:
            await self._keep(step)
        except StorageError as error:
            # The step itself is done and written down; only its line of history is missing.
            logs.event("history-unrecorded", cluster=str(seen.id), reason=error.message)

    async def _keep_upgrade(self, step: Step) -> None:
        """An upgrade by the platform is an event in the cluster's history, and no drift."""
        versions = upgraded(step.seen)
        if versions is None:
            return
        reason = f"The extension went from version {versions[0]} to {versions[1]}."
        logs.event("extension-upgraded", cluster=str(step.seen.id), before=versions[0], now=versions[1])
        condition = step.decision.state.condition.value
        await self.history.add(step.seen.id, Event(step.at, "Upgraded", "observed", reason, condition))

    async def _keep(self, step: Step) -> None:
        seen, decision, outcome = step.seen, step.decision, step.outcome
        if seen.refused or (outcome is not None and isinstance(outcome.error, NotAuthorized)):
            await self.rights.note()
        await self._keep_upgrade(step)
        if not decision.action.writes and not changed(seen.memory.state, decision.state):
            return
        await self.history.add(
            seen.id,
            Event(
                step.at,
                decision.action.value,
                outcome.sent.value if outcome else "decided",
                outcome.error.message if outcome and outcome.error else decision.reason,
                decision.state.condition.value,
                profile=decision.profile,
                rule=decision.rule,
                generation=decision.generation,
                instance=self.instance,
                who=seen.intent.who if seen.intent else None,
                # A step that is to be taken again sent nothing.
                sent=() if outcome is not None and outcome.sent is Sent.UNFINISHED else sent_keys(decision),
            ),
        )


def _with_what_others_set(memory: Memory, standing: Memory, known: Memory) -> Memory:
    """A look's memory with the columns that are changed without the lease, as they stand by now.

    A wish that came after the row was read (`known`) was not served by this look.
    """
    later = standing.anew_since != known.anew_since
    return replace(
        memory,
        next_look=standing.next_look,
        follow_up=standing.follow_up,
        anew_since=standing.anew_since if later else memory.anew_since,
    )


def _still_untold(memory: Memory, now_told: Iterable[Record | None]) -> tuple[Record, ...]:
    """The record of a write that its look did not live to end, unless this is what is told of it now."""
    untold = memory.untold
    known = {record.id for record in now_told if record is not None}
    return () if untold is None or untold.id in known else (untold,)


def upgraded(seen: Observation) -> tuple[str, str] | None:
    """The chart's version before and now, where the platform changed it since the last look."""
    before = seen.memory.version
    now = next((each.current_version for each in seen.extensions or () if each.azureml and each.current_version), None)
    return (before, now) if before and now and before != now else None


def sent_keys(decision: Decision) -> tuple[str, ...]:
    """The settings that a step sends; a deletion carries none."""
    if decision.desired is None or not decision.action.writes or decision.action in _NO_SETTINGS:
        return ()
    return tuple(sorted(decision.patch or decision.desired.settings))


def superseded(memory: Memory, request: Request) -> bool:
    """Whether the request is a follow-up that no longer stands: another has taken its place."""
    return request.reason is Reason.FOLLOW_UP and request.due != memory.next_look


def _consumed(memory: Memory, request: Request, now: datetime) -> Memory:
    """The memory without the look that this request serves: its own follow-up, or one that is overdue.

    The message of an overdue one may be lost, or late; a late one finds itself superseded.
    """
    due = memory.next_look
    if due is not None and (due == request.due or due <= now):
        return replace(memory, next_look=None, follow_up=None)
    return memory
