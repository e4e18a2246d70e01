"""What happens in the demo, step by step."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demo import cast
from demo.cast import CAST, Arrival, Member
from demo.muster_api import Answer, now
from demo.stage import Stage, StepFailed, state_of

type Json = dict[str, Any]

EVENT_GRID, CLOUD_EVENTS = "EventGridSchema", "CloudEventSchemaV1_0"
_COUNTED_AT_MOST = 6


@dataclass(slots=True)
class Evidence:
    """What was noted on the way, for the checks at the end.

    Attributes:
        foreign: the extension that somebody else installed, before Muster saw it.
        dry_run: the answer to POST /installs with dryRun.
        by_hand: the answer to the same without it.
        refused: the answer to a manual install on the cluster whose owner wants no hands on it.
        puts_before: how many writes there were before the step that leads to them, by what was waited for.
        repaired_by: what asked for each look that sent a failed install again.
        second_sweep: what was asked of Azure by a sweep over the converged fleet.
        counts: number of requests by API and method, over the whole story.
    """

    foreign: Json = field(default_factory=dict)
    dry_run: Answer | None = None
    by_hand: Answer | None = None
    refused: Answer | None = None
    puts_before: dict[str, int] = field(default_factory=dict)
    repaired_by: list[str] = field(default_factory=list)
    second_sweep: list[Json] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)


def play(stage: Stage) -> Evidence:
    """The whole story.

    Raises:
        StepFailed: a step did not end as it must; its title stands before the reason.
    """
    evidence = Evidence()
    steps: tuple[Callable[[Stage, Evidence], None], ...] = (
        _prepare,
        _old_clusters_are_tagged,
        _clusters_appear,
        _install_by_hand,
        _all_but_two_settle,
        _sweep_repairs,
        _facts_arrive,
        _second_sweep_costs_nothing,
    )
    for step in steps:
        title = (step.__doc__ or "").splitlines()[0].rstrip(".")
        stage.say(f"-- {title}")
        try:
            step(stage, evidence)
        except StepFailed as failed:
            raise StepFailed(f"{title}: {failed}", failed.cluster) from failed
    evidence.counts = stage.control.counts()
    return evidence


def _subscribe(stage: Stage, schema: str) -> None:
    before = _validated(stage)
    stage.control.subscribe(stage.muster.event_endpoint, schema)
    stage.until("the subscription passed the validation handshake", lambda _: _validated(stage) > before)
    stage.say(f"{schema}: subscribed")


def _validated(stage: Stage) -> int:
    return len({one["subscription"] for one in stage.control.events() if one["outcome"] == "validated"})


def _prepare(stage: Stage, evidence: Evidence) -> None:
    """Two clusters have been there for long: one with somebody's extension, one whose first install will fail."""
    control = stage.control
    control.durations(create=2.0, update=1.0)
    for member in CAST:
        if member.arrival is Arrival.TAGGED:
            stage.enter(member, _create(stage, member, tags={}, emit=False), control.now())
    control.outcome(stage.id_of(cast.REPAIRED), fail=cast.FIRST_INSTALL_FAILS)
    adopted = stage.id_of(cast.ADOPTED)
    control.put_extension(
        adopted, cast.FOREIGN_NAME, dict(cast.FOREIGN_EXTENSION), created_by="99999999-9999-4999-8999-999999999999"
    )
    evidence.foreign = control.extension(adopted, cast.FOREIGN_NAME) or {}


def _create(stage: Stage, member: Member, *, tags: Json, emit: bool) -> str:
    made = stage.control.create_cluster(
        **member.facts,
        kind=member.kind,
        name=member.name,
        subscription=cast.SUBSCRIPTION,
        resource_group=member.resource_group,
        tags=tags,
        emit=emit,
    )
    if member.secret is not None:
        stage.control.put_cluster_secret(made, member.secret, {"cert.pem": "a certificate", "key.pem": "its key"})
    return made


def _old_clusters_are_tagged(stage: Stage, evidence: Evidence) -> None:
    """These two are tagged; one subscription tells Muster, in Event Grid's own schema."""
    del evidence
    _subscribe(stage, EVENT_GRID)
    for member in CAST:
        if member.arrival is Arrival.TAGGED:
            stage.played[member.name].asked_at = stage.control.now()
            stage.control.set_tags(stage.id_of(member), dict(member.tags), via="tags-api")
            stage.say(f"{member.name:<18} tagged: {member.part}")


def _clusters_appear(stage: Stage, evidence: Evidence) -> None:
    """A second subscription, in CloudEvents; clusters are created, and each event comes twice."""
    del evidence
    _subscribe(stage, CLOUD_EVENTS)
    for member in CAST:
        if member.arrival is Arrival.CREATED:
            asked_at = stage.control.now()
            stage.enter(member, _create(stage, member, tags=dict(member.tags), emit=True), asked_at)
            stage.say(f"{member.name:<18} created: {member.part}")


def _install_by_hand(stage: Stage, evidence: Evidence) -> None:
    """A person asks for an untagged cluster over HTTP: first what would be done, then that it be done."""
    name = cast.BY_HAND.name
    # Its own event comes first, and finds a cluster that nobody selected.
    stage.until(
        f"{name} is known and not selected",
        lambda seen: name in seen and state_of(seen[name]) == "NotSelected",
        cluster=name,
    )
    request: Json = {**cast.ASKED_BY_HAND, "cluster": stage.id_of(cast.BY_HAND)}
    evidence.dry_run = stage.muster.call("POST", "/api/installs", {**request, "dryRun": True})
    stage.say(f"{name:<18} dryRun: {evidence.dry_run.status}, would {evidence.dry_run.body.get('action')}")
    evidence.puts_before["dryRun"] = stage.puts(cast.BY_HAND)
    stage.played[name].asked_at = stage.control.now()
    evidence.by_hand = stage.muster.call("POST", "/api/installs", request)
    stage.say(f"{name:<18} POST /api/installs: {evidence.by_hand.status}, {evidence.by_hand.location}")
    evidence.refused = stage.muster.call(
        "POST", "/api/installs", {"cluster": stage.id_of(cast.HANDS_OFF), "profile": "training"}
    )
    stage.say(f"{cast.HANDS_OFF.name:<18} the same: {evidence.refused.status}, {evidence.refused.body.get('detail')}")


def _all_but_two_settle(stage: Stage, evidence: Evidence) -> None:
    """Muster looks, decides, sends, and follows each install to its end."""
    del evidence
    later = {cast.REPAIRED.name, cast.OPENSHIFT.name}
    stage.reached(*(member for member in CAST if member.name not in later))


def _sweep_repairs(stage: Stage, evidence: Evidence) -> None:
    """The install that failed is repaired by the timer's sweep."""
    name = cast.REPAIRED.name
    stage.until(
        f"{name} is FailedInstall",
        lambda seen: name in seen and state_of(seen[name]) == "FailedInstall",
        cluster=name,
    )
    due = stage.muster.get(f"/api/clusters?id={stage.id_of(cast.REPAIRED)}")["nextLook"]
    due_at = datetime.fromisoformat(due).timestamp() if due else 0.0
    stage.until(f"the pause of {name} is over", lambda _: now() >= due_at, cluster=name)
    evidence.puts_before["sweep"] = stage.puts(cast.REPAIRED)
    stage.muster.sweep()
    stage.reached(cast.REPAIRED)
    evidence.repaired_by = [
        look["asked"] for look in _looks(stage) if look["action"] == "Repair" and look["cluster"].endswith(f"/{name}")
    ]


def _facts_arrive(stage: Stage, evidence: Evidence) -> None:
    """The agent of the OpenShift cluster reports after five minutes, which the simulator's clock skips."""
    name = cast.OPENSHIFT.name
    stage.until(
        f"{name} is held for facts",
        lambda seen: name in seen and state_of(seen[name]) == "Missing, held: facts-unknown",
        cluster=name,
    )
    evidence.puts_before["facts"] = stage.puts(cast.OPENSHIFT)
    stage.push_clock(cast.OPENSHIFT_REPORTS_AFTER)
    stage.reached(cast.OPENSHIFT)


def _second_sweep_costs_nothing(stage: Stage, evidence: Evidence) -> None:
    """Two sweeps over the converged fleet; the second one is counted."""
    stage.muster.sweep()
    stage.until("the first sweep's messages are served", lambda _: stage.muster.idle())
    for _ in range(_COUNTED_AT_MOST):
        before = sum(sum(methods.values()) for methods in stage.control.counts().values())
        looks = len(_looks(stage))
        stage.muster.sweep()
        stage.until("the second sweep's messages are served", lambda _: stage.muster.idle())
        evidence.second_sweep = stage.control.requests(since=before)
        # A held cluster is looked at now and then, sweep or no sweep: such a look spoils the count, no more.
        asked = {look["asked"] for look in _looks(stage)[looks:]}
        if not asked or "sweep" in asked:
            return


def _looks(stage: Stage) -> list[Json]:
    """The looks that the host's log tells of."""
    lines = stage.stack.logs()["host-0"].read_text().splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    return [event for event in events if event.get("event") == "decision"]
