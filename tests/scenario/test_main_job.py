"""The main job: an event comes in, the extension goes out, exactly as the official CLI would install it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ml/providers"


@pytest.fixture(params=["EventGridSchema", "CloudEventSchemaV1_0"], ids=["event-grid", "cloud-events"])
def schema(request: pytest.FixtureRequest, stage: Stage) -> Iterator[str]:
    """The host is subscribed in this schema."""
    subscription = stage.control.subscribe(stage.events_url(), request.param)
    yield "eg" if request.param == "EventGridSchema" else "ce"
    stage.control.unsubscribe(subscription)


def body_on_aks(name: str) -> dict[str, Any]:
    """What the CLI sends for scenario 1 of the extension's documentation, on a cluster of three nodes."""
    cluster = f"{GROUP}/Microsoft.ContainerService/managedClusters/{name}"
    settings = {
        "enableTraining": "true",
        "enableInference": "true",
        "inferenceRouterServiceType": "LoadBalancer",
        "allowInsecureConnections": "true",
        "inferenceRouterHA": "false",
        "relayserver.enabled": "false",
        "nginxIngress.enabled": "true",
    }
    return body(cluster, name, settings, {})


def body_on_arc(name: str) -> dict[str, Any]:
    """What the CLI sends for scenario 2, on a cluster of two nodes."""
    cluster = f"{GROUP}/Microsoft.Kubernetes/connectedClusters/{name}"
    namespace = name.replace("-", "") + SUBSCRIPTION.replace("-", "") + "rgmlrelay"
    relay = f"{GROUP}/Microsoft.Relay/namespaces/{namespace}/hybridConnections/{name}"
    settings = {
        "enableTraining": "true",
        "enableInference": "False",
        "clusterPurpose": "DevTest",
        "inferenceRouterHA": "false",
        "relayserver.enabled": "true",
        "nginxIngress.enabled": "false",
        "relayserver.hybridConnectionResourceID": relay,
        "relayserver.hybridConnectionName": name,
    }
    secrets = {"relayServerConnectionString": "***", "relayserver.relayConnectionString": "***"}
    return {"identity": {"type": "SystemAssigned"}} | body(cluster, name, settings, secrets)


def body(cluster: str, name: str, settings: dict[str, str], protected: dict[str, str]) -> dict[str, Any]:
    """A whole body, with what is the same on both kinds."""
    common = {
        "cluster_name": cluster,
        "clusterId": cluster,
        "prometheus.prometheusSpec.externalLabels.cluster_name": cluster,
        "cluster_name_friendly": name,
        "domain": "eastus.cloudapp.azure.com",
        "location": "eastus",
        "jobSchedulerLocation": "eastus",
        "servicebus.enabled": "false",
    }
    return {
        "properties": {
            "extensionType": "microsoft.azureml.kubernetes",
            "releaseTrain": "stable",
            "autoUpgradeMinorVersion": True,
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
            "configurationSettings": settings | common,
            "configurationProtectedSettings": protected,
        }
    }


def test_a_new_tagged_cluster_gets_its_extension(stage: Stage, schema: str) -> None:
    """The event of a tagged cluster's creation leads to one PUT with the CLI's body, on AKS and on Arc."""
    names = f"aks-new-{schema}", f"arc-new-{schema}"
    aks = stage.control.create_cluster(kind="aks", name=names[0], subscription=SUBSCRIPTION, tags=SELECTED)
    arc = stage.control.create_cluster(kind="arc", name=names[1], subscription=SUBSCRIPTION, tags=SELECTED, nodes=2)

    stage.installed(aks, arc)

    assert [put["body"] for put in stage.puts(aks)] == [body_on_aks(names[0])]
    assert [put["body"] for put in stage.puts(arc)] == [body_on_arc(names[1])]
    for cluster in (aks, arc):
        [extension] = stage.control.extensions(cluster)
        assert extension["properties"]["provisioningState"] == "Succeeded"
        view = stage.cluster(cluster)
        assert (view["state"]["management"], view["state"]["condition"]) == ("Managed", "Current")
    [connection] = [each for each in stage.control.relays() if each["id"].endswith(f"/{names[1]}")]
    assert connection["tags"]


@pytest.mark.parametrize("via", ["tags-api", "resource"])
def test_a_tag_set_later_is_enough(stage: Stage, schema: str, via: str) -> None:
    """A cluster without the tag is left alone; setting the tag, by either API, leads to one PUT."""
    cluster = stage.control.create_cluster(kind="aks", name=f"aks-later-{via}-{schema}", subscription=SUBSCRIPTION)
    state = stage.until(lambda: stage.memory(cluster).get("state"), "a look at the cluster")
    assert state["management"] == "NotSelected"
    assert stage.writes(cluster) == []

    stage.control.set_tags(cluster, SELECTED, via=via)

    stage.installed(cluster)
    assert len(stage.puts(cluster)) == 1


@pytest.mark.parametrize("tag", ["false", "yes"])
def test_other_values_of_the_tag_install_nothing(stage: Stage, schema: str, tag: str) -> None:
    """`false` is hands off and anything else but `true` holds with tag-invalid; neither writes."""
    name = f"aks-{tag}-{schema}"
    cluster = stage.control.create_cluster(kind="aks", name=name, subscription=SUBSCRIPTION, tags={"aml-onboard": tag})

    state = stage.until(lambda: stage.memory(cluster).get("state"), f"a look at {name}")

    assert stage.writes(cluster) == []
    if tag == "false":
        assert state["management"] == "HandsOff"
    else:
        assert state["hold"]["code"] == "tag-invalid"


def test_a_deleted_cluster_is_forgotten(stage: Stage, schema: str) -> None:
    """The event of a cluster's deletion makes Muster forget it, and writes nothing."""
    cluster = stage.control.create_cluster(
        kind="aks", name=f"aks-gone-{schema}", subscription=SUBSCRIPTION, tags=SELECTED
    )
    stage.installed(cluster)
    before = stage.mark()

    stage.control.delete_cluster(cluster)

    stage.until(lambda: not stage.memory(cluster), "the memory of the cluster to end")
    stage.quiet()
    assert stage.writes(cluster, before) == []
