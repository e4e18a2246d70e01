"""What the simulated subscriptions and regions say, over HTTPS: sizes, regions, tags, versions, computes."""

import ipaddress
from urllib.parse import quote, urlsplit

import pytest

from simulator.roles import action_of

from .conftest import Azure

SUB = "11111111-1111-1111-1111-111111111111"
SKUS = f"/subscriptions/{SUB}/providers/Microsoft.Compute/skus"
LOCATIONS = f"/subscriptions/{SUB}/locations"
NETWORK = f"/subscriptions/{SUB}/providers/Microsoft.Network/locations"
AKS = f"/subscriptions/{SUB}/providers/Microsoft.ContainerService/locations"


@pytest.fixture
def cluster(azure: Azure) -> str:
    """A cluster; it makes the subscription known."""
    return azure.control.create_cluster(kind="aks", name="a", subscription=SUB)


def skus(azure, *, where="location eq 'eastus'"):
    """All SKUs of a filter, page by page; and the number of pages."""
    path, version, found, pages = f"{SKUS}?$filter={quote(where)}", "2021-07-01", [], 0
    while path:
        answer = azure.arm("GET", path, version=version).body
        found += answer["value"]
        pages += 1
        link = urlsplit(answer.get("nextLink", ""))
        path, version = (f"{link.path}?{link.query}" if link.path else ""), None
    return found, pages


def named(sku):
    """A SKU's capabilities by name."""
    return {each["name"]: each["value"] for each in sku["capabilities"]}


@pytest.mark.usefixtures("cluster")
def test_sizes_come_in_pages_among_other_skus(azure):
    """More than one page; disks among them; every size once, all values texts."""
    found, pages = skus(azure)
    sizes = [sku for sku in found if sku["resourceType"] == "virtualMachines"]

    assert pages > 1
    assert len({sku["name"] for sku in found}) == len(found) > len(sizes) > 100
    assert all(sku["locations"] == ["eastus"] for sku in found)
    assert all(isinstance(value, str) for sku in sizes for value in named(sku).values())


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("Standard_D4s_v5", {"vCPUs": "4", "MemoryGB": "16", "CpuArchitectureType": "x64"}),
        ("Standard_DS1_v2", {"vCPUs": "1", "MemoryGB": "3.5"}),
        ("Standard_D4ps_v5", {"vCPUs": "4", "MemoryGB": "16", "CpuArchitectureType": "Arm64"}),
        ("Standard_E8-4s_v5", {"vCPUs": "8", "vCPUsAvailable": "4", "MemoryGB": "64"}),
        ("Standard_NC24ads_A100_v4", {"vCPUs": "24", "MemoryGB": "220", "GPUs": "1"}),
    ],
)
def test_a_size_holds_what_is_published(azure, name, holds):
    """Ordinary, small, Arm, with constrained cores, with GPUs."""
    (sku,) = [sku for sku in skus(azure)[0] if sku["name"] == name]
    assert named(sku).items() >= holds.items()


@pytest.mark.usefixtures("cluster")
def test_only_a_location_can_be_filtered_by(azure):
    """Another filter is refused; a region that does not exist has no SKUs; a quote ends no literal."""
    assert azure.arm("GET", f"{SKUS}?$filter={quote("name eq 'x'")}", version="2021-07-01").status == 400
    assert skus(azure, where="location eq 'atlantis'") == ([], 1)
    assert skus(azure, where="location eq 'east''us'") == ([], 1)


@pytest.mark.usefixtures("cluster")
def test_a_withdrawn_size_is_no_longer_listed(azure):
    """By the control surface."""
    azure.control.withdraw_size("Standard_D4s_v5")
    names = {sku["name"] for sku in skus(azure)[0]}
    assert "Standard_D4s_v5" not in names
    assert "Standard_D8s_v5" in names


@pytest.mark.usefixtures("cluster")
def test_regions_name_their_pairs(azure):
    """Pairs are regions themselves; newer regions and geographies have none."""
    value = azure.arm("GET", LOCATIONS, version="2022-12-01").body["value"]
    pairs = {region["name"]: region["metadata"].get("pairedRegion") for region in value}

    assert pairs["eastus"] == [{"name": "westus", "id": f"{LOCATIONS}/westus"}]
    assert pairs["polandcentral"] is None
    assert pairs["europe"] is None
    assert {pair[0]["name"] for pair in pairs.values() if pair} <= pairs.keys()


@pytest.mark.usefixtures("cluster")
def test_service_tags_tell_all_regions_whichever_is_asked_for(azure):
    """Several networks each, none shared between regions; some regions are spelt in another way."""
    east = azure.arm("GET", f"{NETWORK}/eastus/serviceTags", version="2024-05-01").body
    assert azure.arm("GET", f"{NETWORK}/westeurope/serviceTags", version="2024-05-01").body == east
    tags = {tag["name"]: tag["properties"] for tag in east["values"]}
    regional = [tag["addressPrefixes"] for name, tag in tags.items() if name.startswith("AzureMachineLearning.")]
    networks = [ipaddress.ip_network(prefix) for prefixes in regional for prefix in prefixes]

    assert all(len(prefixes) > 1 for prefixes in regional)
    assert len(networks) == len(set(networks))
    assert tags["AzureMachineLearning"]["region"] == ""
    assert tags["AzureMachineLearning.EastUS"]["region"] == "eastus"
    assert tags["AzureMachineLearning.FranceCentral"]["region"] == "centralfrance"
    assert tags["AzureMonitor.EastUS"]["systemService"] == "AzureMonitor"


@pytest.mark.usefixtures("cluster")
def test_the_control_planes_addresses_can_be_set_and_taken_away(azure):
    """Of one region; the others stay."""
    azure.control.control_plane("East US", ["192.0.2.0/24"])
    azure.control.control_plane("westus", None)
    body = azure.arm("GET", f"{NETWORK}/eastus/serviceTags", version="2024-05-01").body
    tags = {tag["name"]: tag["properties"]["addressPrefixes"] for tag in body["values"]}

    assert tags["AzureMachineLearning.EastUS"] == ["192.0.2.0/24"]
    assert "AzureMachineLearning.WestUS" not in tags
    assert "AzureMachineLearning.WestEurope" in tags


@pytest.mark.usefixtures("cluster")
def test_versions_of_aks_are_told_by_region(azure):
    """Long-term support alone, both, preview; a region's list can be set."""
    path = f"{AKS}/eastus/kubernetesVersions"
    before = {each["version"]: each for each in azure.arm("GET", path, version="2025-10-01").body["values"]}
    azure.control.kubernetes_versions("eastus", ["1.40"])
    after = azure.arm("GET", path, version="2025-10-01").body["values"]
    elsewhere = azure.arm("GET", f"{AKS}/westus/kubernetesVersions", version="2025-10-01").body["values"]

    assert list(before) == ["1.31", "1.32", "1.33", "1.34", "1.35"]
    assert before["1.31"]["capabilities"]["supportPlan"] == ["AKSLongTermSupport"]
    assert [version for version, each in before.items() if each["isPreview"]] == ["1.35"]
    assert [version for version, each in before.items() if each["isDefault"]] == ["1.33"]
    assert [each["version"] for each in after] == ["1.40"]
    assert len(elsewhere) == 5


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("path", [f"{NETWORK}/atlantis/serviceTags", f"{AKS}/atlantis/kubernetesVersions"])
def test_a_region_that_does_not_exist_is_not_found(azure, path):
    """404, in ARM's words."""
    assert azure.arm("GET", path).code == "NoRegisteredProviderFound"


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("namespace", "path"),
    [
        ("Microsoft.Compute", SKUS),
        ("Microsoft.Network", f"{NETWORK}/eastus/serviceTags"),
        ("Microsoft.ContainerService", f"{AKS}/eastus/kubernetesVersions"),
    ],
)
def test_a_provider_that_is_not_registered_answers_nothing(azure, namespace, path):
    """409, as for writes."""
    azure.control.register_provider(SUB, namespace, "NotRegistered")
    assert azure.arm("GET", path).code == "MissingSubscriptionRegistration"


@pytest.mark.parametrize(
    ("path", "action"),
    [
        (SKUS, "Microsoft.Compute/skus/read"),
        (LOCATIONS, "Microsoft.Resources/subscriptions/locations/read"),
        (f"{NETWORK}/eastus/serviceTags", "Microsoft.Network/locations/serviceTags/read"),
        (f"{AKS}/eastus/kubernetesVersions", "Microsoft.ContainerService/locations/kubernetesVersions/read"),
    ],
)
def test_each_read_needs_an_action_of_its_own(path, action):
    """As the providers' action lists spell them."""
    assert action_of("GET", path) == action


@pytest.mark.usefixtures("cluster")
def test_each_service_is_counted_and_refused_by_its_own_name(azure):
    """The log tells them apart, and a fault meets one of them alone."""
    azure.control.add_fault(service="locations", kind="status", status=503)
    for path in (SKUS, f"{NETWORK}/eastus/serviceTags", f"{AKS}/eastus/kubernetesVersions"):
        assert azure.arm("GET", path).status == 200
    assert azure.arm("GET", LOCATIONS).status == 503
    counted = {entry["service"] for entry in azure.control.requests(contains=SUB)}
    assert counted == {"skus", "locations", "service-tags", "kubernetes-versions"}


def computes(azure):
    """What Resource Graph knows of computes."""
    query = {"query": "resources | where type =~ 'microsoft.machinelearningservices/workspaces/computes'"}
    body = azure.arm("POST", "/providers/Microsoft.ResourceGraph/resources", query, version="2024-04-01").body
    return {row["id"]: row for row in body["data"]}


def test_a_cluster_is_attached_and_detached(azure, cluster):
    """In a workspace of any subscription; the row names the cluster in ARM's letter case."""
    other = "33333333-3333-3333-3333-333333333333"
    here = azure.control.attach_compute(cluster)
    there = azure.control.attach_compute(cluster.upper(), name="far", subscription=other, workspace="ws-2")
    rows = computes(azure)

    assert rows.keys() == {here, there}
    assert there == (
        f"/subscriptions/{other}/resourceGroups/rg-workspaces"
        "/providers/Microsoft.MachineLearningServices/workspaces/ws-2/computes/far"
    )
    assert {row["properties"]["resourceId"] for row in rows.values()} == {cluster}
    azure.control.detach_compute(here)
    assert computes(azure).keys() == {there}
