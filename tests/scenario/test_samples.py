"""Recorded shapes of events, each posted as it is: which ones lead to a look, and which are only counted."""

from typing import Any

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage, sample

AKS = ["eg_aks_write", "ce_aks_write", "eg_tags_write", "ce_tags_write", "eg_tags_write_suffix_subject"]
IGNORED = [
    "eg_aks_agentpool_write",
    "eg_extension_write",
    "eg_listcredential_action",
    "arn_created_or_updated_ce",
]


@pytest.fixture(scope="module")
def clusters(stage: Stage) -> dict[str, str]:
    """The clusters that the samples name, without the tag so far; no event told of them."""
    create = stage.control.create_cluster
    return {
        "aks": create(kind="aks", name="aks-ml-01", subscription=SUBSCRIPTION, resource_group="rg-ml", emit=False),
        "arc": create(
            kind="arc", name="arc-edge-01", subscription=SUBSCRIPTION, resource_group="rg-edge", nodes=3, emit=False
        ),
    }


def looks(stage: Stage, cluster: str) -> int:
    """How many decisions were taken about a cluster because of an event."""
    return len(stage.logs("decision", cluster=cluster.lower(), asked="event"))


@pytest.mark.parametrize("name", IGNORED)
def test_other_events_are_ignored_and_counted(stage: Stage, clusters: dict[str, str], name: str) -> None:
    """Writes of pools and extensions, actions, and another system topic's events ask for nothing."""
    before = stage.counter("events-ignored"), stage.mark(), looks(stage, clusters["aks"])

    assert stage.deliver(sample(name)) == 202

    assert stage.counter("events-ignored") == before[0] + 1
    assert stage.queue_length() == 0
    assert stage.mark() == before[1]
    assert looks(stage, clusters["aks"]) == before[2]


@pytest.mark.parametrize("name", AKS)
def test_events_of_an_aks_cluster_lead_to_a_look(stage: Stage, clusters: dict[str, str], name: str) -> None:
    """Both schemas, writes of the cluster and of its tags, with and without the tags API's tail on the subject."""
    before = stage.counter("events-accepted"), looks(stage, clusters["aks"])

    assert stage.deliver(sample(name)) == 202

    assert stage.counter("events-accepted") == before[0] + 1
    stage.until(lambda: looks(stage, clusters["aks"]) > before[1], f"a look after {name}")
    [*_, decision] = stage.logs("decision", cluster=clusters["aks"].lower(), asked="event")
    assert (decision["action"], decision["management"]) == ("Nothing", "NotSelected")
    assert stage.writes(clusters["aks"]) == []


def test_the_same_events_install_once_the_tag_is_there(stage: Stage, clusters: dict[str, str]) -> None:
    """All samples about the AKS cluster together lead to one PUT, and the Arc sample to one on Arc."""
    for cluster in clusters.values():
        stage.control.set_tags(cluster, SELECTED, emit=False)
    bodies: list[Any] = [sample(name) for name in (*AKS, *IGNORED, "eg_arc_write")]

    assert {stage.deliver(body) for body in bodies} == {202}

    stage.installed(*clusters.values())
    stage.quiet()
    assert [len(stage.puts(cluster)) for cluster in clusters.values()] == [1, 1]


def test_a_delete_ends_the_memory(stage: Stage, clusters: dict[str, str]) -> None:
    """The sample of a deletion makes Muster forget a cluster that is gone, and keep one that is still there."""
    assert stage.deliver(sample("eg_aks_delete")) == 202
    stage.quiet()
    assert stage.memory(clusters["aks"])["state"]["condition"] == "Current"

    stage.control.delete_cluster(clusters["aks"], emit=False)
    assert stage.deliver(sample("eg_aks_delete")) == 202

    stage.until(lambda: not stage.memory(clusters["aks"]), "the memory to end")


def test_the_webhook_proves_itself(stage: Stage) -> None:
    """Event Grid's validation is answered with its code, and runs no function."""
    before = stage.invocations()["cluster_events"]["started"]

    answer = stage.post(
        f"/runtime/webhooks/EventGrid?functionName=cluster_events&code={stage.stack.key}", sample("eg_validation")
    )

    assert answer.status == 200
    assert answer.body == {"validationResponse": sample("eg_validation")[0]["data"]["validationCode"]}
    assert stage.invocations()["cluster_events"]["started"] == before
