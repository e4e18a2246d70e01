"""Values are resolved once: facts that change on an installed cluster are never a reason to write."""

from functools import partial

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage

TIMES = 10
PURPOSE = {2: "DevTest", 3: None}
TRAINING = SELECTED | {"aml-profile": "training"}
WRITES = {
    "aks": "Microsoft.ContainerService/managedClusters/write",
    "arc": "Microsoft.Kubernetes/connectedClusters/write",
}


def looks(stage: Stage, cluster: str) -> int:
    """How many decisions were taken about a cluster."""
    return len(stage.logs("decision", cluster=cluster.lower()))


def _held(stage: Stage, cluster: str) -> str:
    """The approval that the last recorded look waits for."""
    hold = (stage.memory(cluster).get("state") or {}).get("hold") or {}
    return str(hold.get("approval") or "")


def test_nodes_that_come_and_go_lead_to_no_write(stage: Stage) -> None:
    """Two nodes, three, two, ten times over, each seen by a look or a sweep: zero writes after the installation.

    The CLI sends DevTest settings for two nodes and none of them for three, so both ways round are tried.
    """
    started = {
        stage.control.create_cluster(
            kind=kind, name=f"{kind}-elastic-{nodes}", subscription=SUBSCRIPTION, tags=TRAINING, nodes=nodes, emit=False
        ): (kind, nodes)
        for kind in WRITES
        for nodes in (2, 3)
    }
    stage.control.subscribe(stage.events_url(), "EventGridSchema")
    stage.sweep()
    stage.installed(*started)
    for cluster, (_, nodes) in started.items():
        [put] = stage.puts(cluster)
        assert put["body"]["properties"]["configurationSettings"].get("clusterPurpose") == PURPOSE[nodes]
    before = stage.mark()

    for turn in range(2 * TIMES):
        seen = {cluster: looks(stage, cluster) for cluster in started}
        for cluster, (kind, nodes) in started.items():
            stage.control.set_nodes(cluster, nodes if turn % 2 else 5 - nodes)
            if turn % 3:
                stage.control.publish(WRITES[kind], cluster)
        if turn % 3 == 0:
            # No event, then: the sweep's rows show the new number.
            stage.sweep()
        for cluster in started:
            stage.until(partial(_looked, stage, cluster, seen[cluster]), f"a look at {cluster} in turn {turn}")

    stage.settled(*started)
    stage.sweep()
    stage.settled(*started)
    assert stage.control.writes(before) == []
    for cluster, (_, nodes) in started.items():
        view = stage.cluster(cluster)
        assert view["facts"]["nodes"] == nodes
        assert (view["state"]["management"], view["state"]["condition"]) == ("Managed", "Current")
        assert stage.memory(cluster)["state"].get("hold") is None


def _looked(stage: Stage, cluster: str, before: int) -> bool:
    return looks(stage, cluster) > before


def test_whoever_asks_gets_todays_values(stage: Stage) -> None:
    """Advice before; the wish waits for an approval like any disruptive change, sends one PATCH and is over."""
    cluster = stage.control.create_cluster(
        kind="aks", name="aks-shrunk", subscription=SUBSCRIPTION, tags=TRAINING, nodes=3
    )
    stage.installed(cluster)
    stage.settled(cluster)
    stage.control.set_nodes(cluster, 2)
    before = stage.mark()
    assert any("would now be DevTest" in line for line in stage.cluster(cluster)["advice"])

    door = f"/api/clusters/{stage.cluster(cluster)['key']}/reconcile"
    assert stage.post(door, {"resolve": "perhaps"}).status == 400
    assert stage.post(door, {"resolve": True}).status == 202
    held = stage.until(lambda: _held(stage, cluster), "a hold for an approval")
    assert stage.cluster(cluster)["anewSince"] is not None
    assert stage.control.writes(before) == []

    assert stage.post(f"/api/approvals/{held}", {"approve": True, "reason": "agreed"}).status == 202
    stage.sweep()
    stage.until(lambda: stage.cluster(cluster)["anewSince"] is None, "the end of the wish")
    [patch] = stage.control.writes(before)
    assert patch["method"] == "PATCH"
    sent = patch["body"]["properties"]["configurationSettings"]
    assert sent == {"clusterPurpose": "DevTest", "inferenceRouterHA": "false"}
    assert stage.cluster(cluster)["state"]["condition"] == "Current"
