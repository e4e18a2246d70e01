"""Azure refuses, or answers with something else than it did: nothing is lost, nothing is written twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.scenario.stage import POISON, SELECTED, SUBSCRIPTION, Json, Stage

FOLLOW_UP = 2.0
# A message waits whole seconds, is polled for, and its step takes its time.
SLACK = 2.0
HOUR = 3600.0

REFUSALS: dict[str, tuple[str, Json]] = {
    "403": ("33333333-3333-4333-8333-333333333333", {"status": 403}),
    "429": ("44444444-4444-4444-8444-444444444444", {"status": 429, "headers": {"Retry-After": "1"}}),
    "503": ("55555555-5555-4555-8555-555555555555", {"status": 503}),
}
STAGE = {
    "timing": {"followUp": f"{FOLLOW_UP:.0f}s"},
    "settings": {"MUSTER_SCOPE": ",".join([SUBSCRIPTION, *(place for place, _ in REFUSALS.values())])},
}

# The answer of the first PUT on a cluster, and whether the PUT took effect.
AMBIGUOUS: dict[str, Json] = {
    "answered-500": {"kind": "status", "status": 500, "when": "after"},
    "timed-out": {"kind": "timeout", "when": "after"},
    "connection-lost": {"kind": "reset", "when": "after"},
    "never-arrived": {"kind": "status", "status": 503, "when": "before"},
}
# A lease of 60 s is left to run out after an ambiguous write.
LEASE_AND_A_LOOK = 60.0 + 2 * FOLLOW_UP + 15.0


@pytest.fixture(scope="module", autouse=True)
def ambiguous(stage: Stage) -> Mapping[str, str]:
    """Clusters whose first PUT ends badly and, where it took effect, runs on; made first, since they take a minute."""
    stage.control.subscribe(stage.events_url(), "EventGridSchema")
    clusters = {}
    for name, fault in AMBIGUOUS.items():
        clusters[name] = stage.control.create_cluster(kind="aks", name=name, subscription=SUBSCRIPTION, emit=False)
        stage.control.add_fault(method="PUT", path=f"/{name}/", service="extensions", times=1, **fault)
        if fault["when"] == "after":
            stage.control.outcome(clusters[name], hang=True)
        stage.control.set_tags(clusters[name], SELECTED)
    for name, cluster in clusters.items():
        stage.until(lambda one=cluster: stage.puts(one), f"the first PUT on {name}")
    return clusters


@dataclass(frozen=True)
class Hour:
    """An hour in which Azure refused everything in three subscriptions, and Resource Graph answered nobody.

    Attributes:
        clusters: ids by status.
        refused: refused requests of each cluster during the hour.
        late: seconds from the end of the hour to the first look at each cluster.
    """

    clusters: Mapping[str, list[str]]
    refused: Mapping[str, int]
    late: Mapping[str, float]


@pytest.fixture(scope="module")
def hour(stage: Stage) -> Hour:
    """The three refusals last at the same time; clusters are tagged meanwhile, and a sweep comes by."""
    began = stage.control.now()
    stage.control.add_fault(kind="status", status=503, service="resource-graph", lasts=HOUR)
    clusters: dict[str, list[str]] = {}
    for name, (subscription, answer) in REFUSALS.items():
        stage.control.add_fault(kind="status", path=f"^/subscriptions/{subscription}/", lasts=HOUR, **answer)
        clusters[name] = [_cluster(stage, kind, f"{kind}-{name}", subscription) for kind in ("aks", "arc")]
    every = [cluster for names in clusters.values() for cluster in names]
    for part in (1, 2, 3):
        for cluster in every:
            stage.until(
                lambda one=cluster, at_least=part: _refused(stage, one) >= at_least, f"look {part} at {cluster}"
            )
        if part == 2:
            stage.sweep()
        left = began + HOUR - stage.control.now()
        stage.control.advance(left if part == 3 else HOUR / 3)
    ended, mark = stage.control.now(), stage.mark()
    refused = {cluster: _refused(stage, cluster) for cluster in every}
    late = {}
    for cluster in every:
        look = stage.until(lambda one=cluster: _answered(stage, one, mark), f"a look at {cluster} after the hour")
        late[cluster] = look["at"] - ended
    return Hour(clusters, refused, late)


def _cluster(stage: Stage, kind: str, name: str, subscription: str = SUBSCRIPTION) -> str:
    return stage.control.create_cluster(kind=kind, name=name, subscription=subscription, tags=SELECTED)


def _refused(stage: Stage, cluster: str) -> int:
    """How often ARM refused something about the cluster."""
    return sum(1 for entry in stage.requests(cluster) if entry["fault"] and entry["service"] != "resource-graph")


def _answered(stage: Stage, cluster: str, since: int) -> Json | None:
    """The first request about the cluster that was served."""
    served = (entry for entry in stage.requests(cluster, since) if not entry["fault"] and entry["status"] == 200)
    return next(served, None)


def assert_nothing_failed(stage: Stage) -> None:
    """No invocation failed, and the poison queue is empty."""
    assert stage.queue_length(POISON) == 0
    books = stage.invocations()
    failures = {name: book["lastError"] for name, book in books.items() if book["failed"] or book["poisoned"]}
    assert failures == {}


@pytest.mark.parametrize("status", REFUSALS)
def test_an_hour_of_refusals_loses_nobody(stage: Stage, hour: Hour, status: str) -> None:
    """Poison stays empty, and within two follow-up intervals of the hour's end everybody is looked at and installed."""
    for cluster in hour.clusters[status]:
        assert hour.refused[cluster] >= 3
        assert hour.late[cluster] <= 2 * FOLLOW_UP + SLACK
    stage.installed(*hour.clusters[status])
    for cluster in hour.clusters[status]:
        assert len(stage.puts(cluster)) == 1
    assert_nothing_failed(stage)


@pytest.mark.parametrize("status", REFUSALS)
def test_refusals_are_unknown_and_never_not_selected(stage: Stage, hour: Hour, status: str) -> None:
    """What could not be read was told as Unknown, with Azure's own code; never as a cluster that nobody selected."""
    for cluster in hour.clusters[status]:
        told = [line for line in stage.logs("decision", cluster=cluster.lower()) if line["condition"] == "Unknown"]
        assert any(line["action"] == "Wait" and f" {status} " in line["reason"] for line in told)
        assert not any("not set" in line["reason"] for line in told)


@pytest.mark.parametrize("trouble", ["answers-429", "quota-low"])
def test_looks_go_on_without_resource_graph(stage: Stage, hour: Hour, trouble: str) -> None:
    """With Resource Graph out of reach a cluster is installed by what ARM tells alone, and Resource Graph is spared."""
    del hour  # its faults are over
    if trouble == "quota-low":
        # Somebody else has left three of the fifteen queries: one more, and the rest is the sweep's.
        stage.control.graph(quota=3)
    else:
        wait = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:30"}
        stage.control.add_fault(kind="status", status=429, service="resource-graph", headers=wait)
    mark = stage.mark()
    clusters = [_cluster(stage, "aks", f"aks-{trouble}"), _cluster(stage, "arc", f"arc-{trouble}")]
    stage.installed(*clusters)
    queries = [entry for entry in stage.control.requests(mark) if entry["service"] == "resource-graph"]
    looks = [line for one in clusters for line in stage.logs("decision", cluster=one.lower())]
    stage.control.clear_faults()
    stage.control.graph(quota="normal")
    assert len(queries) < len(looks)
    assert {len(stage.puts(cluster, mark)) for cluster in clusters} == {1}
    assert_nothing_failed(stage)


@pytest.mark.parametrize("name", [name for name, fault in AMBIGUOUS.items() if fault["when"] == "after"])
def test_a_put_that_took_effect_is_not_sent_again(stage: Stage, ambiguous: Mapping[str, str], name: str) -> None:
    """While the first PUT runs nobody sends another, whatever was answered; in the end it is one."""
    cluster = ambiguous[name]
    stage.until(lambda: _seen(stage, cluster, "Installing"), "a look that sees the install run", LEASE_AND_A_LOOK)
    assert [entry["effect"] for entry in stage.puts(cluster)] == [True]
    assert stage.control.extensions(cluster)[0]["operationRunning"]
    stage.control.outcome(cluster)
    stage.installed(cluster, within=LEASE_AND_A_LOOK)
    assert len(stage.puts(cluster)) == 1
    assert_nothing_failed(stage)


def test_a_put_that_never_arrived_is_sent_again(stage: Stage, ambiguous: Mapping[str, str]) -> None:
    """Once the lease of the ambiguous PUT has run out, the extension is found missing and sent once more."""
    cluster = ambiguous["never-arrived"]
    stage.installed(cluster, within=LEASE_AND_A_LOOK)
    assert [entry["effect"] for entry in stage.puts(cluster)] == [False, True]


def _seen(stage: Stage, cluster: str, condition: str) -> list[dict[str, Any]]:
    return stage.logs("decision", cluster=cluster.lower(), condition=condition)
