"""The app through the official worker library: what it finds, and that every function runs."""

import base64
from datetime import UTC, datetime

from tests.scenario.stage import POISON, SELECTED, SUBSCRIPTION, Stage, sample

FUNCTIONS = {
    "cluster_events",
    "cluster_events_queued",
    "notifications",
    "page",
    "page_form",
    "reconcile",
    "reconcile_poison",
    "sweep",
    "install",
    "clusters",
    "cluster",
    "uninstall",
    "look",
    "withdraw",
    "pause",
    "pauses",
    "resume",
    "approvals",
    "approve",
    "plan",
    "planned",
    "planning",
    "record",
    "recorded",
    "apply",
    "compliance",
    "audit",
    "policy",
    "openapi",
    "health",
}


def test_the_worker_library_finds_every_function(stage: Stage) -> None:
    """The official worker library indexes the app: these functions, and no other."""
    assert set(stage.invocations()) == FUNCTIONS


def test_every_function_is_invoked_and_none_fails(stage: Stage) -> None:
    """One call of each, by its own trigger, succeeds through the worker library, and is answered as documented."""
    cluster = stage.control.create_cluster(
        kind="aks", name="aks-ml-01", subscription=SUBSCRIPTION, resource_group="rg-ml", tags=SELECTED, emit=False
    )
    place = f"/api/clusters/{base64.urlsafe_b64encode(cluster.lower().encode()).decode().rstrip('=')}"
    request = {"v": 1, "cluster": cluster.lower(), "reason": "event", "requestedAt": datetime.now(UTC).isoformat()}

    assert stage.deliver(sample("eg_aks_write")) == 202
    stage.installed(cluster)
    stage.sweep()
    wish = {"cluster": cluster, "profile": "training", "reason": "a trial"}
    answers = {
        "install": stage.post("/api/installs", wish | {"dryRun": True}),
        "enrol": stage.post("/api/installs", wish),
        "clusters": stage.get("/api/clusters"),
        "cluster": stage.get(place),
        "look": stage.post(f"{place}/reconcile"),
        "withdraw": stage.delete(f"{place}/intent"),
        "uninstall": stage.post(f"{place}/uninstall", {"reason": "the trial is over"}),
        "pause": stage.post("/api/pauses", {"scope": "fleet", "until": "2999-01-01T00:00:00Z", "reason": "a trial"}),
        "pauses": stage.get("/api/pauses"),
        "approvals": stage.get("/api/approvals"),
        "approve": stage.post("/api/approvals/nothing", {"approve": True, "reason": "a trial"}),
        "plan": stage.post("/api/plans"),
        "apply": stage.post(f"/api/plans/{'0' * 32}/apply"),
        "record": stage.post("/api/recordings"),
        "compliance": stage.get("/api/compliance"),
        "audit": stage.get("/api/audit"),
        "policy": stage.get("/api/policy"),
        "openapi": stage.get("/api/openapi.json"),
        "health": stage.get("/api/health", key=False),
        "page": stage.get("/api/ui", key=False),
        "page_form": stage.call("POST", "/api/ui/approvals/nothing", b"reason=a+trial", key=False),
    }
    answers["resume"] = stage.delete(f"/api/pauses/{answers['pause'].body['id']}")
    answers["planned"] = stage.get(answers["plan"].headers["Location"])
    answers["recorded"] = stage.get(answers["record"].headers["Location"])
    stage.send(request, POISON)
    stage.send(sample("eg_aks_write")[0], "cluster-events")
    # Left from the time when there was a topic: it is put back.
    notice = {
        "v": 1,
        "id": "0" * 32,
        "kind": "DailyDigest",
        "subject": "fleet",
        "at": request["requestedAt"],
        "data": {},
    }
    stage.send(notice, "notifications")
    for name in ("reconcile_poison", "cluster_events_queued", "notifications", "planning"):
        stage.until(lambda name=name: stage.invocations()[name]["succeeded"], f"the queue of {name}")
    stage.quiet()

    assert {name: answer.status for name, answer in answers.items()} == {
        "install": 200,
        "enrol": 202,
        "clusters": 200,
        "cluster": 200,
        "look": 202,
        "withdraw": 202,
        "uninstall": 202,
        "pause": 201,
        "pauses": 200,
        "approvals": 200,
        "approve": 404,
        "plan": 202,
        "planned": 200,
        "apply": 404,
        "record": 202,
        "recorded": 200,
        "resume": 200,
        "compliance": 200,
        "audit": 200,
        "policy": 200,
        "openapi": 200,
        "health": 200,
        "page": 401,
        "page_form": 401,
    }
    books = stage.invocations()
    assert [name for name in sorted(FUNCTIONS) if not books[name]["succeeded"]] == []
    assert {name: book["lastError"] for name, book in books.items() if book["failed"]} == {}
    assert stage.queue_length(POISON) == 0


def test_a_poisoned_cluster_is_unknown_until_the_sweep_asks_again(stage: Stage) -> None:
    """A message in the poison queue makes its cluster Unknown; the next sweep has it looked at, and it recovers."""
    cluster = stage.control.create_cluster(
        kind="aks", name="aks-poison", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )
    stage.sweep()
    stage.installed(cluster)
    request = {"v": 1, "cluster": cluster.lower(), "reason": "event", "requestedAt": datetime.now(UTC).isoformat()}

    stage.send(request, POISON)

    stage.in_condition("Unknown", cluster)
    assert "poison" in stage.memory(cluster)["reason"]
    before = stage.mark()
    stage.sweep()
    stage.installed(cluster)
    assert stage.writes(cluster, before) == []


def test_a_message_that_nobody_can_read_is_dropped_and_told(stage: Stage) -> None:
    """Broken messages fail no invocation, reach no poison queue, and leave a line and a count each."""
    broken = ["{", '"words"', '{"cluster": 5}', '{"v": 1, "cluster": "/x", "reason": "event", "requestedAt": "now"}']
    before = stage.counter("messages-malformed"), stage.invocations()["reconcile"]["failed"]

    for text in broken:
        stage.send(text)

    stage.until(lambda: stage.counter("messages-malformed") == before[0] + len(broken), "all to be counted")
    stage.quiet()
    assert len(stage.logs("message-malformed")) == len(broken)
    assert stage.invocations()["reconcile"]["failed"] == before[1]
    assert stage.queue_length(POISON) == 0
