"""How long an operation may run before it counts as stuck, and what a person should know of one that is.

Nothing is sent on top of a running operation: what a PUT or a DELETE does there is documented nowhere, and what is
known of it are conflicts and extensions that end as Failed. So a stuck one is looked at ever more seldom, and told.
"""

from datetime import datetime, timedelta

from shared.model.identity import Kind
from shared.model.state import Condition
from shared.reconcile import reinstall
from shared.reconcile.case import Case

_AGENTS = {
    Kind.AKS: "the pods of the extension agent in namespace kube-system",
    Kind.ARC: "the pods of the agents in namespace azure-arc",
}
_DOES_NOT_END = {
    Condition.INSTALLING: "Nothing is sent while it runs. Look at {agents} and at the pods in namespace azureml; if "
    "nothing moves there, delete the extension by hand and Muster installs it afresh.",
    Condition.UPDATING: "Nothing is sent while it runs; the old release serves until it ends. Look at {agents} and at "
    "the pods in namespace azureml.",
    Condition.REMOVING: "Look in namespace azureml for objects whose finalizers keep them, and at {agents}. Muster "
    "never forces a deletion, which would leave Helm's release behind.",
}


def began(case: Case) -> datetime:
    """When the operation that runs began, as far as can be told; never earlier than it did."""
    memory, extension = case.memory, case.situation.extension
    moments = [memory.sent_at, extension.modified_at if extension else None]
    if memory.state is not None:
        # An operation that somebody else began is known by the first look that saw it, or the last that did not.
        same = memory.state.condition is case.situation.condition
        moments.append(memory.changed_at if same else memory.looked_at)
    return min(max((moment for moment in moments if moment is not None), default=case.now), case.now)


def allowed(case: Case) -> timedelta:
    """How long it may take: on Arc as long as Azure waits for agents that are not connected."""
    timing = case.policy.timing
    away = case.cluster.kind is Kind.ARC and not _connected(case)
    return max(timing.stuck_after_arc, timing.stuck_after) if away else timing.stuck_after


def told(case: Case, lasted: timedelta) -> str:
    """What stands in the reason: what runs, and once it is stuck for how long and what to look at."""
    what = case.situation.detail or "The extension's state is not known yet"
    if case.situation.condition is Condition.REMOVING and reinstall.under_way(case.memory):
        what = f"{what}; it is deleted in order to be installed anew"
    if case.cluster.kind is Kind.ARC and case.situation.extension is not None and not _connected(case):
        hours = round(case.policy.timing.stuck_after_arc.total_seconds() / 3600)
        what = f"{what}; the cluster's agents are not connected, and Azure waits for them up to {hours} hours"
    if lasted <= allowed(case):
        return f"{what}."
    advice = _DOES_NOT_END.get(case.situation.condition, "").format(agents=_AGENTS[case.cluster.kind])
    return f"{what}; it has lasted {_rounded(lasted)}, longer than expected. {advice}".rstrip()


def _connected(case: Case) -> bool:
    return (case.cluster.connectivity or "").lower() == "connected"


def _rounded(lasted: timedelta) -> str:
    """Days, hours and minutes, so that a reason does not change from second to second."""
    minutes = int(lasted.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(part for part in parts if part) or "less than a minute"
