"""Resource Graph lags and facts arrive late: what ARM says decides, and nothing is guessed meanwhile."""

from collections.abc import Iterator

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage


@pytest.fixture(params=["EventGridSchema", "CloudEventSchemaV1_0"], ids=["event-grid", "cloud-events"])
def subscribed(request: pytest.FixtureRequest, stage: Stage) -> Iterator[str]:
    """The host hears of changes in this schema; Resource Graph follows again afterwards."""
    subscription = stage.control.subscribe(stage.events_url(), request.param)
    yield "eg" if request.param == "EventGridSchema" else "ce"
    stage.control.graph(frozen=False)
    stage.control.unsubscribe(subscription)


def test_a_removed_tag_that_resource_graph_still_shows(stage: Stage, subscribed: str) -> None:
    """Tag removed, Resource Graph behind: neither the event nor the sweep leads to a PUT."""
    cluster = stage.control.create_cluster(
        kind="aks", name=f"aks-untagged-{subscribed}", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )
    stage.control.graph(frozen=True)

    stage.control.set_tags(cluster, {})
    stage.settled(cluster)
    told = len(stage.logs("sweep"))
    stage.sweep()
    stage.quiet()

    # The sweep saw rows by which it would have installed: Resource Graph did show the tag.
    assert stage.logs("sweep")[told]["asked"].get("Install") == 1
    assert stage.memory(cluster)["state"]["management"] == "NotSelected"
    assert stage.writes(cluster) == []
    assert stage.control.extensions(cluster) == []


@pytest.mark.parametrize("known", [True, False], ids=["old-row", "no-row"])
def test_a_new_tag_that_resource_graph_does_not_show_yet(stage: Stage, subscribed: str, known: bool) -> None:
    """Tag added, Resource Graph behind (an old row, or none at all): one PUT, by ARM's word."""
    if not known:
        stage.control.graph(frozen=True)
    cluster = stage.control.create_cluster(
        kind="aks", name=f"aks-tagged-{subscribed}-{known}", subscription=SUBSCRIPTION, emit=False
    )
    stage.control.graph(frozen=True)

    stage.control.set_tags(cluster, SELECTED)

    stage.installed(cluster)
    stage.sweep()
    stage.quiet()
    assert len(stage.puts(cluster)) == 1
    assert len(stage.writes(cluster)) == 1


def test_an_event_that_outruns_arm_too(stage: Stage, subscribed: str) -> None:
    """Where the tag appears only after the look that its event led to, the second look finds it: one PUT."""
    cluster = stage.control.create_cluster(kind="aks", name=f"aks-second-{subscribed}", subscription=SUBSCRIPTION)
    stage.until(lambda: stage.memory(cluster).get("messageId"), "the second look to be scheduled")
    assert stage.memory(cluster)["state"]["management"] == "NotSelected"

    stage.control.set_tags(cluster, SELECTED, emit=False)

    stage.installed(cluster)
    assert len(stage.puts(cluster)) == 1


def test_facts_of_an_arc_cluster_that_arrive_after_five_minutes(stage: Stage, subscribed: str) -> None:
    """Null facts hold the installation; once they fill there is one PUT, for a cluster of two nodes."""
    cluster = stage.control.create_cluster(
        kind="arc",
        name=f"arc-late-{subscribed}",
        subscription=SUBSCRIPTION,
        tags=SELECTED,
        nodes=2,
        facts_after=300,
    )
    held = stage.until(lambda: (stage.memory(cluster).get("state") or {}).get("hold"), "the cluster to be held")
    assert held["code"] == "facts-unknown"
    stage.control.advance(200)
    looks = len(stage.logs("decision", cluster=cluster.lower()))
    stage.until(
        lambda: len(stage.logs("decision", cluster=cluster.lower())) >= looks + 2, "two looks after 200 seconds"
    )
    assert stage.cluster(cluster)["state"]["hold"]["code"] == "facts-unknown"
    assert stage.writes(cluster) == []

    stage.control.advance(101)

    stage.installed(cluster)
    [put] = stage.writes(cluster)
    settings = put["body"]["properties"]["configurationSettings"]
    assert put["method"] == "PUT"
    assert settings["clusterPurpose"] == "DevTest"
    assert settings["inferenceRouterHA"].lower() == "false"
