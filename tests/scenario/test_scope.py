"""MUSTER_SCOPE by management group: who belongs to it is asked of Resource Graph once, and kept."""

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage

INSIDE, OUTSIDE = SUBSCRIPTION, "22222222-2222-2222-2222-222222222222"
STAGE = {"settings": {"MUSTER_SCOPE": "managementGroups/ml"}}


def test_only_members_of_the_group_are_looked_after(stage: Stage) -> None:
    """A cluster below the group gets its extension; another's events leave a line, a count, and no request."""
    stage.control.add_subscription(INSIDE, ["ml", "root"])
    stage.control.add_subscription(OUTSIDE, ["sandbox", "root"])
    stage.control.subscribe(stage.events_url(), "EventGridSchema")
    inside = stage.control.create_cluster(kind="aks", name="aks-inside", subscription=INSIDE, tags=SELECTED)
    stage.installed(inside)

    outside = stage.control.create_cluster(kind="aks", name="aks-outside", subscription=OUTSIDE, tags=SELECTED)

    stage.until(lambda: stage.counter("out-of-scope"), "the event to be turned down")
    stage.sweep()
    stage.quiet()
    assert stage.logs("out-of-scope") == [{"event": "out-of-scope", "cluster": outside.lower(), "asked": "event"}]
    assert stage.counter("out-of-scope") == 1
    assert stage.requests(OUTSIDE) == []
    assert stage.memory(outside) == {}
    assert len(stage.puts(inside)) == 1
    groups = [each for each in stage.control.requests(service="resource-graph") if "resourcecontainers" in str(each)]
    assert len(groups) == 2  # one for the first message, one by the sweep


def test_people_cannot_reach_past_the_scope(stage: Stage) -> None:
    """The API refuses an installation outside the scope, and names no such cluster to anybody."""
    outside = f"/subscriptions/{OUTSIDE}/resourceGroups/rg-ml/providers/Microsoft.ContainerService/managedClusters/x"

    answer = stage.post("/api/installs", {"cluster": outside, "profile": "training", "reason": "please"})

    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "cluster")
    assert stage.get(f"/api/clusters?id={outside}").status == 404
    assert stage.requests(OUTSIDE) == []
