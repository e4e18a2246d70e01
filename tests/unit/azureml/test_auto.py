"""`auto`: which facts decide, and that an installed value is never decided again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azureml.auto import resolve_auto
from shared.model.cluster import Cluster, NodePool, Source
from shared.model.extension import Origin, Provenance
from shared.model.identity import ClusterId
from shared.model.inside import Existing, Inside, Node, Part

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg"
AKS = ClusterId.parse(f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/c")
ARC = ClusterId.parse(f"{GROUP}/providers/Microsoft.Kubernetes/connectedClusters/c")


def cluster(cluster_id=AKS, **facts) -> Cluster:
    return Cluster(id=cluster_id, name="c", resource_group="rg", location="eastus", tags={}, source=Source.ARM, **facts)


def pool(size, driver=None) -> NodePool:
    return NodePool("gpu", 1, None, None, size, "Linux", "User", "Running", gpu_driver=driver)


PLUGIN, EXPORTER, PROMETHEUS, VOLCANO = (
    "installNvidiaDevicePlugin",
    "installDcgmExporter",
    "installPromOp",
    "installVolcano",
)
BARE = {"gpu": True, "pools": (pool("Standard_NC6s_v3", "Install"),)}
MANAGED = {"gpu": True, "pools": (pool("Standard_NC6s_v3", "Managed"),)}
PLAIN = {"gpu": False, "pools": (pool("Standard_D4s_v5"),)}


def resolve(facts, key, resolved=None, inside=None, name="azureml", **settings):
    origins = {key: Provenance(Origin.PROFILE, "p")}
    given = {key: "auto", "enableTraining": "True"} | settings
    return resolve_auto(facts, given, origins, resolved, inside=inside, extension_name=name)


def node(name="n1", gpus=0, **labels) -> Node:
    return Node(name, labels, "linux", "amd64", 8, 32, gpus, ready=True, schedulable=True)


LABELLED = Node("n1", {"nvidia.com/gpu.present": "true"}, "linux", "amd64", 8, 32, 0, ready=True, schedulable=True)


def seen(*parts, nodes=None, release="somebody", namespace="elsewhere") -> Inside:
    """A cluster that was searched: what was found there."""
    found = tuple(Existing(part, namespace, f"the-{part}", release) for part in parts)
    return Inside(at=datetime(2026, 8, 1, tzinfo=UTC), existing=found, nodes=nodes)


UNSEARCHED = Inside(at=datetime(2026, 8, 1, tzinfo=UTC))


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


@pytest.mark.parametrize(
    ("key", "part"),
    [
        (PROMETHEUS, Part.PROMETHEUS_OPERATOR),
        (VOLCANO, Part.VOLCANO),
        (PLUGIN, Part.NVIDIA_DEVICE_PLUGIN),
        (PLUGIN, Part.GPU_OPERATOR),
        (EXPORTER, Part.DCGM_EXPORTER),
        (EXPORTER, Part.GPU_OPERATOR),
    ],
)
@pytest.mark.parametrize("facts", [cluster(**BARE), cluster(ARC)], ids=["aks", "arc"])
@pytest.mark.parametrize("release", ["somebody", None])
def test_what_the_cluster_has_is_reused(facts, key, part, release):
    """A component of somebody else's switches ours off, and a person is told which one it is."""
    found = resolve(facts, key, inside=seen(part, nodes=(node(gpus=1),), release=release))

    assert found.settings[key] == "False"
    assert f"reuses {part} the-{part} in namespace elsewhere" in found.origins[key].detail
    assert len(found.findings) == 1
    assert found.findings[0].startswith(f"{key}: auto became False: reuses {part}")


@pytest.mark.parametrize(
    ("key", "others"),
    [
        (PROMETHEUS, set(Part) - {Part.PROMETHEUS_OPERATOR, Part.INGRESS_NGINX}),
        (VOLCANO, set(Part) - {Part.VOLCANO, Part.INGRESS_NGINX}),
        (PLUGIN, set(Part) - {Part.NVIDIA_DEVICE_PLUGIN, Part.GPU_OPERATOR, Part.INGRESS_NGINX}),
        (EXPORTER, set(Part) - {Part.DCGM_EXPORTER, Part.GPU_OPERATOR, Part.INGRESS_NGINX}),
    ],
)
def test_other_components_do_not_count(key, others):
    """Each flag looks for its own component; its observed absence installs it without a word."""
    found = resolve(cluster(ARC), key, inside=seen(*others, nodes=(LABELLED,)))

    assert (found.settings[key], found.findings) == ("True", ())


@pytest.mark.parametrize("key", [PROMETHEUS, VOLCANO, PLUGIN, EXPORTER])
@pytest.mark.parametrize(
    ("name", "release", "namespace"),
    [("azureml", "azureml", "azureml"), ("ML", "ml", "elsewhere"), ("ml", None, "azureml")],
)
def test_our_own_components_never_count(key, name, release, namespace):
    """Not by release, nor in our namespace under none: they appear with the installation and change nothing."""
    inside = seen(*Part, nodes=(LABELLED,), release=release, namespace=namespace)

    found = resolve(cluster(**BARE), key, inside=inside, name=name)

    assert (found.settings[key], found.findings) == ("True", ())


def test_a_release_without_a_name_elsewhere_is_not_ours():
    """An extension name does not match an object of no release outside our namespace."""
    assert resolve(cluster(), VOLCANO, inside=seen(Part.VOLCANO, release=None)).settings[VOLCANO] == "False"


@pytest.mark.parametrize("key", [PLUGIN, EXPORTER])
@pytest.mark.parametrize(
    ("facts", "inside", "value", "told"),
    [
        (cluster(**BARE), seen(), "True", False),
        (cluster(**BARE), UNSEARCHED, "True", True),
        (cluster(**BARE), None, "True", True),
        (cluster(**MANAGED), seen(nodes=(node(gpus=1),)), "False", True),
        (cluster(**PLAIN), seen(nodes=(node(),)), "False", False),
        (cluster(**PLAIN), seen(nodes=(LABELLED,)), "True", False),
        (cluster(), seen(nodes=(LABELLED,)), "True", False),
        (cluster(), seen(nodes=(node(),)), "False", False),
        (cluster(ARC), seen(), "False", True),
        (cluster(ARC), seen(nodes=()), "False", False),
        (cluster(ARC), seen(nodes=(node(),)), "False", False),
        (cluster(ARC), seen(nodes=(node(), LABELLED)), "True", False),
        (cluster(ARC, gpu=True), UNSEARCHED, "False", True),
        (
            cluster(ARC),
            Inside(at=datetime(2026, 8, 1, tzinfo=UTC), nodes=(LABELLED,)),
            "False",
            True,
        ),
    ],
    ids=[
        "aks-bare",
        "aks-unsearched",
        "aks-not-entered",
        "aks-managed",
        "aks-plain",
        "aks-node",
        "aks-no-pools",
        "aks-no-pools-no-gpu",
        "arc-nodes-unread",
        "arc-no-nodes",
        "arc-plain",
        "arc-gpu",
        "arc-unsearched",
        "arc-nodes-only",
    ],
)
def test_gpu_components_follow_what_was_seen(key, facts, inside, value, told):
    """Installed where GPUs were seen and nothing serves them; a guess, or AKS's own, is told."""
    found = resolve(facts, key, inside=inside)

    assert (found.settings[key], bool(found.findings)) == (value, told)
    assert found.unknown_facts == ()


@pytest.mark.parametrize(
    ("labels", "gpu"),
    [
        ({"accelerator": "nvidia"}, True),
        ({"kubernetes.azure.com/accelerator": "NVIDIA"}, True),
        ({"nvidia.com/gpu.present": "true"}, True),
        ({"feature.node.kubernetes.io/pci-10de.present": "true"}, True),
        ({"nvidia.com/gpu.present": "false"}, False),
        ({"accelerator": "amd"}, False),
        ({}, False),
    ],
)
def test_labels_tell_of_gpus_that_nothing_serves(labels, gpu):
    """Without a plugin a node allocates none, so that labels have to say it."""
    nodes = (Node("n1", labels, "linux", "amd64", 8, 32, 0, ready=True, schedulable=True),)

    assert resolve(cluster(ARC), PLUGIN, inside=seen(nodes=nodes)).settings[PLUGIN] == str(gpu)


def test_nodes_that_offer_gpus_already_are_told():
    """Somebody serves them, though no plugin by a known name was found."""
    found = resolve(cluster(ARC), PLUGIN, inside=seen(nodes=tuple(node(f"n{place}", 1) for place in range(7))))

    assert found.settings[PLUGIN] == "True"
    assert "n0, n1, n2, n3, n4 and 2 more" in found.findings[0]
    assert resolve(cluster(ARC), EXPORTER, inside=seen(nodes=(node(gpus=1),))).findings == ()


@pytest.mark.parametrize("key", [PROMETHEUS, VOLCANO])
@pytest.mark.parametrize(("inside", "told"), [(seen(), False), (UNSEARCHED, True), (None, True)])
def test_own_components_where_none_was_found(key, inside, told):
    """Observed absence and ignorance install ours; ignorance is told."""
    found = resolve(cluster(), key, inside=inside)

    assert (found.settings[key], bool(found.findings)) == ("True", told)


@pytest.mark.parametrize("key", [PROMETHEUS, VOLCANO, PLUGIN, EXPORTER])
def test_an_installed_value_stays_whatever_is_seen(key):
    """Components that come later change nothing about an installation that stands."""
    found = resolve(cluster(ARC), key, {key: "True"}, inside=seen(*Part, nodes=(LABELLED,)))

    assert (found.settings[key], found.findings) == ("True", ())


@pytest.mark.parametrize(
    ("facts", "settings", "release", "told"),
    [
        (cluster(), {}, "somebody", True),
        (cluster(), {"nginxIngress.enabled": "False"}, "somebody", False),
        (cluster(), {"nginxIngress.controller": "k8s.io/other"}, "somebody", False),
        (cluster(), {}, "azureml", False),
        (cluster(ARC), {}, "somebody", False),
        (cluster(ARC), {"nginxIngress.enabled": "true"}, "somebody", True),
    ],
    ids=["aks", "off", "named", "ours", "arc", "arc-on"],
)
def test_an_ingress_class_that_is_taken_is_told(facts, settings, release, told):
    """The settings stay as they are: which name to take is a person's choice."""
    found = resolve(facts, VOLCANO, inside=seen(Part.INGRESS_NGINX, release=release), **settings)

    assert any(finding.startswith("nginxIngress.controller: ") for finding in found.findings) is told
    assert found.settings == {VOLCANO: "True", "enableTraining": "True"} | settings


def test_an_ingress_class_is_not_told_of_what_stands():
    """An installation that succeeded did not clash."""
    assert resolve(cluster(), VOLCANO, {VOLCANO: "True"}, inside=seen(Part.INGRESS_NGINX)).findings == ()


@given(
    st.sampled_from([cluster(), cluster(ARC), cluster(**BARE), cluster(**MANAGED), cluster(**PLAIN)]),
    st.sampled_from([PROMETHEUS, VOLCANO, PLUGIN, EXPORTER]),
    st.lists(st.sampled_from(Part)),
    st.sampled_from([None, (), (node(),), (LABELLED,), (node(gpus=2),)]),
)
def test_our_release_changes_no_choice(facts, key, parts, nodes):
    """Whatever of ours is in a cluster, the choice is that of a cluster without it."""
    with_ours, without = seen(*parts, nodes=nodes, release="azureml"), seen(nodes=nodes)

    assert resolve(facts, key, inside=with_ours) == resolve(facts, key, inside=without)
