"""`auto`: which facts decide, and that an installed value is never decided again."""

import pytest

from shared.azureml.auto import resolve_auto
from shared.model.cluster import Cluster, NodePool, Source
from shared.model.extension import Origin, Provenance
from shared.model.identity import ClusterId

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg"
AKS = ClusterId.parse(f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/c")
ARC = ClusterId.parse(f"{GROUP}/providers/Microsoft.Kubernetes/connectedClusters/c")


def cluster(cluster_id=AKS, **facts) -> Cluster:
    return Cluster(id=cluster_id, name="c", resource_group="rg", location="eastus", tags={}, source=Source.ARM, **facts)


def pool(size, driver=None) -> NodePool:
    return NodePool("gpu", 1, None, None, size, "Linux", "User", "Running", gpu_driver=driver)


def resolve(facts, key, resolved=None):
    origins = {key: Provenance(Origin.PROFILE, "p")}
    return resolve_auto(facts, {key: "auto", "enableTraining": "True"}, origins, resolved)


@pytest.mark.parametrize(("nodes", "value"), [(0, "False"), (2, "False"), (3, "True"), (9, "True")])
def test_router_replicas_follow_the_nodes(nodes, value):
    """Three nodes carry three replicas."""
    found = resolve(cluster(nodes=nodes), "inferenceRouterHA")

    assert found.settings == {"inferenceRouterHA": value, "enableTraining": "True"}
    assert found.origins["inferenceRouterHA"].origin is Origin.DERIVED
    assert "nodes" in found.origins["inferenceRouterHA"].detail
    assert found.unknown_facts == ()


@pytest.mark.parametrize(
    ("key", "fact"),
    [("inferenceRouterHA", "nodes"), ("installNvidiaDevicePlugin", "gpu"), ("installDcgmExporter", "gpu")],
)
def test_an_unknown_fact_is_named(key, fact):
    """Nothing is decided on ignorance: the setting still says auto and the fact is told."""
    found = resolve(cluster(), key)

    assert found.unknown_facts == (fact,)
    assert found.settings[key] == "auto"


@pytest.mark.parametrize("key", ["installNvidiaDevicePlugin", "installDcgmExporter"])
@pytest.mark.parametrize(
    ("facts", "value", "told"),
    [
        (cluster(gpu=False, pools=(pool("Standard_D4s_v5"),)), "False", False),
        (cluster(gpu=True, pools=(pool("Standard_NC6s_v3", "Install"),)), "True", True),
        (cluster(gpu=True, pools=(pool("Standard_NC6s_v3", "Managed"),)), "False", True),
        (cluster(gpu=True, pools=(pool("Standard_NC6s_v3", "Managed"), pool("Standard_ND96asr_v4"))), "True", True),
        (cluster(ARC, gpu=True), "False", True),
        (cluster(ARC), "False", True),
    ],
    ids=["no-gpu", "bare", "managed", "both", "arc-gpu", "arc"],
)
def test_gpu_components(key, facts, value, told):
    """Installed for AKS pools that AKS does not equip, never on Arc, with a finding where it is a guess."""
    found = resolve(facts, key)

    assert found.settings[key] == value
    assert bool(found.findings) is told


@pytest.mark.parametrize("key", ["installPromOp", "installVolcano"])
def test_own_components_are_installed(key):
    """Where nothing was observed to reuse, the chart brings its own."""
    assert resolve(cluster(), key).settings[key] == "True"


@pytest.mark.parametrize("key", ["inferenceRouterHA", "installNvidiaDevicePlugin", "installVolcano"])
def test_an_installed_value_stays(key):
    """Once installed, facts no longer matter, known or not."""
    found = resolve(cluster(nodes=9, gpu=True), key, {key: "false"})

    assert found.settings[key] == "false"
    assert found.unknown_facts == ()


def test_auto_elsewhere_is_a_value():
    """A node label may be called auto."""
    found = resolve(cluster(), "nodeSelector.mode")

    assert found.settings["nodeSelector.mode"] == "auto"
    assert found.origins["nodeSelector.mode"] == Provenance(Origin.PROFILE, "p")
