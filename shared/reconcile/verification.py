"""Whether an extension that ARM calls Succeeded really stands: its components, by the cluster's own API server.

What is seen here never leads to Reinstall or Remove: at most the cluster is Degraded, and a person is told.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.azureml.components import examine
from shared.model.decision import Action, Decision, LookBy, Want
from shared.model.extension import Extension
from shared.model.inside import Activity, Inside, RunningWork, Verification
from shared.model.state import Condition
from shared.reconcile.backoff import since
from shared.reconcile.case import Case
from shared.reconcile.checking import may_look_inside

# It is remembered with the cluster.
_LONGEST = 500


def outcome(case: Case, extension: Extension, inside: Inside) -> Verification:
    """What a look inside says about the extension."""
    version = extension.current_version or extension.version
    report = examine(inside, extension.settings, case.cluster.kind, extension.name, version)
    before = case.memory.verification
    components = bool(report.checked) and inside.workloads is not None
    faults = report.faults if components else ()
    started = before.since if before is not None and before.since is not None and before.faults else case.now
    return Verification(
        at=inside.at,
        components=components,
        faults=faults,
        since=started if faults else None,
        gpu=None if inside.nodes is None else any(node.gpus for node in inside.nodes),
        activity=inside.work.activity if inside.work else Activity.UNKNOWN,
        trouble="; ".join(inside.trouble.values()) if not components else "",
        advice=report.advice,
        again=None if inside.retry_after is None else inside.at + timedelta(seconds=inside.retry_after),
        states=report.states if components else (),
        work=inside.work.detail[:_LONGEST] if inside.work and inside.work.activity is Activity.BUSY else "",
    )


def work_of(case: Case) -> RunningWork:
    """Whether work runs on the cluster, as this look saw it. Nothing older counts: a job may have begun since."""
    inside = case.seen.inside
    if inside is not None and inside.work is not None:
        return inside.work
    return RunningWork(Activity.UNKNOWN, case.now, "whether jobs or endpoints run was not observed")


def verified(case: Case, extension: Extension, standing: Decision) -> Decision:
    """A decision that leaves the extension as it is, with what is known of its components.

    Asks for a look inside where one is due; names a component that has been missing or not ready for longer
    than the policy's grace.
    """
    if not may_look_inside(case.policy, case.cluster.kind):
        return standing
    inside = case.seen.inside
    if inside is None:
        known = case.memory.verification
        if known is None or case.now >= _due(case, known):
            due = replace(standing, action=Action.VERIFY, wants=frozenset({Want.INSIDE}))
            return _stated(case, due, known) if known is not None else due
        return _stated(case, standing, known)
    found = outcome(case, extension, inside)
    return _stated(case, replace(standing, verification=found), found)


def _stated(case: Case, decision: Decision, found: Verification) -> Decision:
    advice = (*decision.advice, *found.advice, *((found.trouble,) if found.trouble else ()))
    decision = replace(decision, advice=advice, state=case.verified_state(decision.state, found))
    if decision.action is Action.VERIFY:
        return decision
    if found.faults:
        told = "; ".join(found.faults)
        degraded = found.since is not None and case.now - found.since >= case.policy.timing.verify_grace
        if not degraded:
            told = f"Not ready yet: {told}"
        state = replace(decision.state, condition=Condition.DEGRADED) if degraded else decision.state
        decision = replace(decision, state=state, reason=f"{decision.reason} {told}.")
    due = _due(case, found)
    if decision.next_look is not None and decision.next_look <= due:
        return decision
    by = LookBy.MESSAGE if found.faults or found.again else LookBy.SWEEP
    return replace(decision, next_look=max(due, case.now + timedelta(seconds=1)), look_by=by)


def _due(case: Case, known: Verification) -> datetime:
    """When the components are to be looked at next: often while they come up, seldom once they stand."""
    timing = case.policy.timing
    if known.faults:
        return known.at + since(
            case.cluster.id,
            known.since,
            known.at,
            first=timing.follow_up,
            longest=min(timing.backoff_max, timing.verify_every),
        )
    if known.again is not None:
        return known.again
    if not known.components:
        return known.at + min(timing.backoff_max, timing.verify_every)
    return known.at + timing.verify_every
