"""Values are resolved once: facts that change on an installed cluster are never a reason to write."""

from functools import partial

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage

TIMES = 10
INFERENCE = SELECTED | {"aml-profile": "poc-aks"}
WRITES = {
    "aks": "Microsoft.ContainerService/managedClusters/write",
    "arc": "Microsoft.Kubernetes/connectedClusters/write",
}


def looks(stage: Stage, cluster: str) -> int:
    """How many decisions were taken about a cluster."""
    return len(stage.logs("decision", cluster=cluster.lower()))


def test_nodes_that_come_and_go_lead_to_no_write(stage: Stage) -> None:
    """Two nodes, three, two, ten times over, each seen by a look or a sweep: zero writes after the installation.

    The CLI would send DevTest settings for two nodes and production ones for three.
    """
    clusters = {
        kind: stage.control.create_cluster(
            kind=kind, name=f"{kind}-elastic", subscription=SUBSCRIPTION, tags=INFERENCE, nodes=2, emit=False
        )
        for kind in WRITES
    }
    stage.control.subscribe(stage.events_url(), "EventGridSchema")
    stage.sweep()
    stage.installed(*clusters.values())
    for cluster in clusters.values():
        [put] = stage.puts(cluster)
        assert put["body"]["properties"]["configurationSettings"]["clusterPurpose"] == "DevTest"
    before = stage.mark()

    for turn in range(2 * TIMES):
        nodes = 3 if turn % 2 == 0 else 2
        seen = {cluster: looks(stage, cluster) for cluster in clusters.values()}
        for kind, cluster in clusters.items():
            stage.control.set_nodes(cluster, nodes)
            if turn % 3:
                stage.control.publish(WRITES[kind], cluster)
        if turn % 3 == 0:
            # No event, then: the sweep's rows show the new number.
            stage.sweep()
        for cluster in clusters.values():
            stage.until(partial(_looked, stage, cluster, seen[cluster]), f"a look at {nodes} nodes")

    stage.settled(*clusters.values())
    stage.sweep()
    stage.settled(*clusters.values())
    assert stage.control.writes(before) == []
    for cluster in clusters.values():
        assert len(stage.puts(cluster)) == 1
        view = stage.cluster(cluster)
        assert view["facts"]["nodes"] == 2
        assert (view["state"]["management"], view["state"]["condition"]) == ("Managed", "Current")
        assert stage.memory(cluster)["state"].get("hold") is None


def _looked(stage: Stage, cluster: str, before: int) -> bool:
    return looks(stage, cluster) > before
