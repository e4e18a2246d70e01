"""Checks of kind, number and size of the nodes."""

import pytest

from shared.azureml.machine_sizes import DATED
from shared.model.check import Severity
from shared.model.surroundings import MachineSize
from tests.unit.azureml.preflight.questions import INFERENCE, TRAINING, answer, ask, lacking, node, told


def pools(*profiles, autoprovisioning=False):
    """An AKS cluster with these pools alone; each is Linux on D4s_v5 unless it says otherwise."""
    common = {"vmSize": "Standard_D4s_v5", "osType": "Linux", "mode": "System", "powerState": {"code": "Running"}}
    return {
        "agentPoolProfiles": [{"name": f"p{n}", **common, **profile} for n, profile in enumerate(profiles)],
        "nodeProvisioningProfile": {"mode": "Auto" if autoprovisioning else "Manual"},
    }


def three(**facts):
    """Three nodes that were seen inside."""
    return {"nodes": tuple(node(f"n{n}", **facts) for n in range(3))}


HA = {**INFERENCE, "inferenceRouterHA": "True"}
DERIVED = {**INFERENCE, "cluster_name": "/subscriptions/x"}
PICKED = {**TRAINING, "nodeSelector.sku": "gpu"}
ARCH = {**TRAINING, "nodeSelector.kubernetes\\.io/arch": "amd64", "nodeSelector.agentpool": "p0"}
ZONE = {**TRAINING, "nodeSelector.topology.kubernetes.io/zone": "eastus-1"}
SMALL, LARGE = {"count": 1, "vmSize": "Standard_DS2_v2"}, {"count": 3, "vmSize": "Standard_DS4_v2"}
GROWING = {"count": 1, "minCount": 0, "maxCount": 5, "enableAutoScaling": True}
EMPTY = {**GROWING, "count": 0, "nodeLabels": {"sku": "gpu"}}

CASES = [
    ("linux-amd64-pool", ask(), "passed", "pools system, gpu"),
    (
        "linux-amd64-pool",
        ask(properties=pools({"osType": "Windows"}, {"vmSize": "Standard_D4ps_v5"})),
        "failed",
        "Windows or Arm64",
    ),
    ("linux-amd64-pool", ask(properties=pools()), "failed", "Add a pool"),
    ("linux-amd64-pool", ask(properties={"agentPoolProfiles": None}), "not evaluated", "the node pools"),
    ("linux-amd64-pool", ask(properties=pools({"vmSize": None})), "not evaluated", "p0"),
    ("linux-amd64-pool", ask(properties=pools({"osType": None})), "not evaluated", "p0"),
    ("linux-amd64-pool", ask(properties=pools(autoprovisioning=True)), "not applicable", "autoprovisioning"),
    ("linux-amd64-pool", ask("arc"), "not applicable", "AKS"),
    ("linux-amd64-node", ask("arc", seen={"nodes": (node(), node("n2", arch="arm64"))}), "passed", "1 nodes"),
    ("linux-amd64-node", ask("arc", seen={"nodes": (node(arch="arm64"), node(os="windows"))}), "failed", "Arm64"),
    ("linux-amd64-node", ask("arc"), "not evaluated", "was not asked"),
    ("linux-amd64-node", ask("arc", seen={}), "not evaluated", "could not be read"),
    ("linux-amd64-node", ask(), "not applicable", "Arc"),
    ("high-availability", ask(properties=pools({"count": 3}), settings=HA), "passed", "3 nodes"),
    ("high-availability", ask("arc", settings=HA), "passed", "3 nodes"),
    ("high-availability", ask("arc", settings=HA, seen=three()), "passed", "3 nodes"),
    ("high-availability", ask(properties=pools({"count": 2}), settings=HA), "failed", "E40002"),
    ("high-availability", ask(properties=pools({**GROWING, "count": 2}), settings=HA), "failed", "E40002"),
    ("high-availability", ask(properties=pools({"count": 2}), settings=DERIVED), "failed", "2 linux/amd64"),
    ("high-availability", ask("arc", settings=HA, seen=three(ready=False)), "failed", "0 linux/amd64"),
    ("high-availability", ask("arc", settings=HA, seen=three(schedulable=False)), "failed", "0 linux/amd64"),
    (
        "high-availability",
        ask(
            properties=pools({"count": 3}, {"count": 2, "nodeLabels": {"sku": "ml"}}),
            settings={**HA, "nodeSelector.sku": "ml"},
        ),
        "failed",
        "2 linux/amd64 nodes that match the nodeSelector",
    ),
    ("high-availability", ask("arc", {"totalNodeCount": None}, settings=HA), "not evaluated", "number of nodes"),
    ("high-availability", ask("arc", settings={**HA, "nodeSelector.a": "b"}), "not evaluated", "API server"),
    ("high-availability", ask(properties=pools({"count": None}), settings=HA), "not evaluated", "pool p0"),
    (
        "high-availability",
        ask(properties=pools({"count": 1}, autoprovisioning=True), settings=HA),
        "not evaluated",
        "autoprovisioning",
    ),
    ("high-availability", ask(settings={**INFERENCE, "inferenceRouterHA": "auto"}), "not evaluated", "auto"),
    ("high-availability", ask(properties=pools({"count": 2}), settings=INFERENCE), "not applicable", "not asked"),
    (
        "high-availability",
        ask(properties=pools({"count": 2}), settings={**INFERENCE, "inferenceRouterHA": "false"}),
        "not applicable",
        "one router",
    ),
    ("high-availability", ask(settings=TRAINING), "not applicable", "inference only"),
    ("node-selector", ask(settings=PICKED), "passed", "pools gpu"),
    ("node-selector", ask(properties=pools({"count": 1}), settings=ARCH), "passed", "pools p0"),
    ("node-selector", ask(properties=pools(EMPTY), settings=PICKED), "passed", "pools p0"),
    ("node-selector", ask("arc", settings=PICKED, seen=three(labels={"sku": "gpu"})), "passed", "3 nodes"),
    ("node-selector", ask(properties=pools({"count": 3}), settings=PICKED), "failed", "sku=gpu"),
    (
        "node-selector",
        ask(properties=pools({**EMPTY, "powerState": {"code": "Stopped"}}), settings=PICKED),
        "failed",
        "sku",
    ),
    ("node-selector", ask(properties=pools({**EMPTY, "vmSize": "Standard_D4ps_v5"}), settings=PICKED), "failed", "sku"),
    (
        "node-selector",
        ask(properties=pools({"count": 0, "nodeLabels": {"sku": "gpu"}}), settings=PICKED),
        "failed",
        "no linux/amd64 node",
    ),
    ("node-selector", ask("arc", settings=PICKED, seen=three(labels={"sku": "cpu"})), "failed", "Label nodes"),
    (
        "node-selector",
        ask(properties=pools({"count": 3}), settings=ZONE, seen=three(labels={"agentpool": "p0"})),
        "failed",
        "zone=eastus-1",
    ),
    ("node-selector", ask(properties=pools({"count": 3}), settings=ZONE), "not evaluated", "pools p0"),
    ("node-selector", ask("arc", settings=PICKED), "not evaluated", "labels of the nodes"),
    ("node-selector", ask(properties={"agentPoolProfiles": None}, settings=PICKED), "not evaluated", "node pools"),
    (
        "node-selector",
        ask(properties=pools({"count": 3}, autoprovisioning=True), settings=PICKED),
        "not evaluated",
        "autoprovisioning",
    ),
    ("node-selector", ask(settings=TRAINING), "not applicable", "no nodeSelector"),
    ("minimum-size", ask(properties=pools({"count": 3}), settings=TRAINING), "passed", "12 vCPU and 48.0 GiB on 3"),
    ("minimum-size", ask(properties=pools({**SMALL, **GROWING}), settings=TRAINING), "passed", "10 vCPU"),
    ("minimum-size", ask("arc", settings=TRAINING, seen={"nodes": (node(),)}), "passed", "3.9 vCPU"),
    ("minimum-size", ask(properties=pools(SMALL), settings=TRAINING), "failed", "2 vCPU and 7.0 GiB on 1"),
    ("minimum-size", ask(properties=pools({**LARGE, "osType": "Windows"}), settings=TRAINING), "failed", "0 vCPU"),
    ("minimum-size", ask("arc", settings=TRAINING, seen={"nodes": (node(cpu=2.0),)}), "failed", "2 vCPU"),
    ("minimum-size", ask("arc", settings=TRAINING), "not evaluated", "API server"),
    ("minimum-size", ask(properties={"agentPoolProfiles": None}, settings=TRAINING), "not evaluated", "node pools"),
    (
        "minimum-size",
        ask(properties=pools({"count": 1, "vmSize": "Standard_D999s_v9"}), settings=TRAINING),
        "not evaluated",
        "Standard_D999s_v9",
    ),
    (
        "minimum-size",
        ask(properties=pools(SMALL, autoprovisioning=True), settings=TRAINING),
        "not evaluated",
        "autoprovisioning",
    ),
    ("minimum-size", ask(settings={"enableTraining": "False"}), "not applicable", "neither"),
    ("scenario-resources", ask(properties=pools(LARGE), settings=HA), "passed", "12.7 vCPU and 14.9 GiB (limits"),
    (
        "scenario-resources",
        ask(properties=pools({"count": 3, "vmSize": "Standard_DS3_v2"}), settings=DERIVED),
        "failed",
        "12 vCPU and 42.0 GiB",
    ),
    (
        "scenario-resources",
        ask(properties=pools(SMALL), settings={**INFERENCE, "enableTraining": "True", "clusterPurpose": "DevTest"}),
        "passed",
        "1.9 vCPU and 2.8 GiB (requests",
    ),
    ("scenario-resources", ask("arc", {"totalNodeCount": None}, settings=TRAINING), "not evaluated", "number of nodes"),
    ("scenario-resources", ask("arc", settings=TRAINING), "not evaluated", "API server"),
    ("scenario-resources", ask(settings={"enableTraining": "False"}), "not applicable", "neither"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}, {case[3][:30]}")
def test_answers(case):
    """From the body that Azure returns to the verdict, with the words that matter."""
    told(*case)


def test_every_check_has_its_cases():
    """Positive, negative and not evaluated."""
    assert lacking("nodes", CASES) == []


@pytest.mark.parametrize(
    ("settings", "severity"),
    [
        ({**INFERENCE, "cluster_name": "x"}, Severity.BLOCK),
        (
            {**INFERENCE, "cluster_name": "x", "clusterPurpose": "FastProd", "inferenceRouterHA": "False"},
            Severity.BLOCK,
        ),
        ({**INFERENCE, "cluster_name": "x", "clusterPurpose": "DevTest"}, Severity.WARN),
        ({**INFERENCE, "cluster_name": "x", "inferenceRouterHA": "False"}, Severity.WARN),
    ],
)
def test_the_minimum_holds_production_only(settings, severity):
    """Three nodes of half a core each: tests are warned, production is held."""
    question = ask("arc", settings=settings, seen=three(cpu=0.5))

    assert answer("minimum-size", question).severity is severity


def test_small_clusters_are_for_tests():
    """Below three nodes the derivation says DevTest, so that settings before it count as that."""
    before = ask(properties=pools(SMALL), settings=HA)

    assert answer("minimum-size", before).severity is Severity.WARN


def test_a_shrunken_cluster_is_still_for_production():
    """Once derived, the settings speak: three replicas are asked for, and DevTest is not."""
    after = ask(properties=pools(SMALL), settings={**HA, "cluster_name": "/subscriptions/x"})

    assert answer("minimum-size", after).severity is Severity.BLOCK


def test_the_regions_sizes_win_over_muster_s_table():
    """The table speaks, with its date, only where the region's list lacks the size."""
    listed = {"sizes": {"standard_ds2_v2": MachineSize(64, 256)}}
    own = answer("minimum-size", ask(properties=pools(SMALL), settings=TRAINING))
    region = answer("minimum-size", ask(properties=pools(SMALL), settings=TRAINING, surroundings=listed))
    elsewhere = {"sizes": {"standard_x": MachineSize(1, 1)}}
    lacking_it = answer("minimum-size", ask(properties=pools(SMALL), settings=TRAINING, surroundings=elsewhere))

    assert DATED in own.message
    assert DATED in lacking_it.message
    assert "64 vCPU" in region.message
    assert "table" not in region.message


def test_arm_processors_are_told_by_the_region():
    """What the region says of a size wins over its name."""
    sizes = {"sizes": {"standard_d4s_v5": MachineSize(4, 16, arm64=True)}}

    told("linux-amd64-pool", ask(properties=pools({"count": 3}), surroundings=sizes), "failed", "Arm64")


def test_nodes_of_an_autoprovisioned_cluster_count_where_they_were_seen():
    """Pools tell no capacity there; what stands there does, as a lower bound."""
    question = ask(properties=pools(SMALL, autoprovisioning=True), settings=TRAINING, seen=three())

    told("minimum-size", question, "passed", "11.7 vCPU and 37.5 GiB on 3")
