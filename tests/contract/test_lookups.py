"""What subscriptions and regions say, read over HTTPS: providers, sizes, pairs, service tags, versions, computes."""

import json

import pytest

from shared.azure.lookups import Lookups, odata_literal
from shared.azure.resource_graph import ResourceGraph
from shared.errors import Absent, NotAuthorized, Refused, Throttled, Unavailable
from shared.model.identity import ClusterId
from shared.model.surroundings import MachineSize
from simulator.control import Control

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"
EXTENSIONS = "Microsoft.KubernetesConfiguration"


@pytest.fixture
def lookups(arm, control: Control):
    """The adapter, and a subscription that is known."""
    control.add_subscription(SUBSCRIPTION)
    return Lookups(arm)


def says(control, service, body, **more):
    """Have a service answer this, whatever it is asked."""
    text = body if isinstance(body, str) else json.dumps(body)
    control.add_fault(service=service, kind="status", status=200, body=text, **more)


# Providers


async def test_a_registration_takes_its_time_and_nobody_waits_for_it(lookups, control):
    """Asked for, under way, done; each reading is one request."""
    control.durations(register=300)
    control.register_provider(SUBSCRIPTION, EXTENSIONS, "NotRegistered")
    assert await lookups.provider(SUBSCRIPTION, EXTENSIONS) == "NotRegistered"

    await lookups.register(SUBSCRIPTION, EXTENSIONS)
    assert await lookups.provider(SUBSCRIPTION, EXTENSIONS) == "Registering"
    await lookups.register(SUBSCRIPTION, EXTENSIONS)
    control.advance(301)
    assert await lookups.provider(SUBSCRIPTION, EXTENSIONS) == "Registered"
    assert [entry["method"] for entry in control.requests(service="providers")] == ["GET", "POST", "GET", "POST", "GET"]


async def test_a_refused_registration_names_what_was_asked(lookups, control):
    """403: the action is in Azure's words."""
    control.deny(SUBSCRIPTION)
    with pytest.raises(NotAuthorized, match=r"refused to register Microsoft\.Relay.*Microsoft\.Relay/register/action"):
        await lookups.register(SUBSCRIPTION, "Microsoft.Relay")


@pytest.mark.parametrize("body", ["[]", '"Registered"', "{}", '{"registrationState": 1}', "<html>"])
async def test_an_answer_that_tells_no_state_is_no_state(lookups, control, body):
    """Whatever else comes with status 200: not registered is not concluded."""
    says(control, "providers", body)
    with pytest.raises((Unavailable, Refused)):
        await lookups.provider(SUBSCRIPTION, EXTENSIONS)


# Sizes


async def test_sizes_are_read_to_the_last_page(lookups, control):
    """Only those of virtual machines, from more than one page, asked for by location."""
    sizes = await lookups.sizes(SUBSCRIPTION, "eastus")

    assert sizes["standard_d4s_v5"] == MachineSize(4, 16)
    assert sizes["standard_ds1_v2"] == MachineSize(1, 3.5)
    assert sizes["standard_d4ps_v5"] == MachineSize(4, 16, arm64=True)
    assert sizes["standard_nc24ads_a100_v4"] == MachineSize(24, 220, gpus=1)
    assert sizes["standard_nv72ads_a10_v5"] == MachineSize(72, 880, gpus=2)
    assert "premium_lrs" not in sizes
    asked = control.requests(service="skus")
    assert len(asked) > 1
    assert {entry["query"]["$filter"] for entry in asked} == {"location eq 'eastus'"}
    assert {entry["api_version"] for entry in asked} == {"2021-07-01"}


async def test_constrained_sizes_have_the_cores_that_are_there(lookups):
    """E8-4s has the memory of an E8s and four cores."""
    assert (await lookups.sizes(SUBSCRIPTION, "eastus"))["standard_e8-4s_v5"] == MachineSize(4, 64)


async def test_a_region_without_sizes_is_absent(lookups):
    """The service answers an empty list; that is not taken for what the region offers."""
    with pytest.raises(Absent, match="no VM sizes in atlantis"):
        await lookups.sizes(SUBSCRIPTION, "atlantis")


@pytest.mark.parametrize("hostile", ["x' or location eq 'eastus", "east&$filter=us", "eastus#", "東京"])
async def test_a_location_stays_within_its_literal(lookups, control, hostile):
    """It reaches the service whole, as one value of one parameter, and names no other region."""
    with pytest.raises(Absent):
        await lookups.sizes(SUBSCRIPTION, hostile)
    (asked,) = control.requests(service="skus")
    assert asked["query"] == {"api-version": "2021-07-01", "$filter": f"location eq {odata_literal(hostile)}"}


def test_a_quote_is_doubled():
    """OData's only escape."""
    assert odata_literal("l'aquila") == "'l''aquila'"


def sku(name="Standard_X", **capabilities):
    """One SKU as the service lists it."""
    told = {"vCPUs": "4", "MemoryGB": "16", **capabilities}
    listed = [{"name": key, "value": value} for key, value in told.items() if value is not None]
    return {"resourceType": "virtualMachines", "name": name, "capabilities": listed}


@pytest.mark.parametrize(
    "odd",
    [
        sku(vCPUs=None),
        sku(MemoryGB="plenty"),
        sku(MemoryGB="nan"),
        sku(vCPUs="1e999"),
        sku(vCPUs=4),
        {"resourceType": "virtualMachines", "name": "Standard_X"},
        {"resourceType": "virtualMachines", "name": "Standard_X", "capabilities": [None, 1]},
        {"name": "Standard_X"},
        None,
    ],
)
async def test_a_size_that_does_not_say_what_it_holds_is_left_out(lookups, control, odd):
    """The others are there."""
    says(control, "skus", {"value": [odd, sku("Standard_Y")]})
    assert await lookups.sizes(SUBSCRIPTION, "eastus") == {"standard_y": MachineSize(4, 16)}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://example.com/subscriptions/x",
        "http://{host}/subscriptions/x",
        "https://{host}.example.com/x",
        "https://user@example.com:443/{host}",
        "/subscriptions/x",
        "https://[",
    ],
)
async def test_a_next_page_at_another_address_is_not_followed(lookups, control, azure, elsewhere):
    """The token goes to Resource Manager alone; half a list is no list."""
    link = elsewhere.format(host=azure.url.removeprefix("https://"))
    says(control, "skus", {"value": [sku()], "nextLink": link})
    with pytest.raises(Unavailable, match="goes on at another address"):
        await lookups.sizes(SUBSCRIPTION, "eastus")
    assert len(control.requests(service="skus")) == 1


async def test_pages_without_an_end_are_given_up(lookups, control, azure):
    """A list whose next page is itself."""
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/skus"
    says(control, "skus", {"value": [sku()], "nextLink": f"{azure.url}{path}?api-version=2021-07-01"})
    with pytest.raises(Unavailable, match="more than 30 pages"):
        await lookups.sizes(SUBSCRIPTION, "eastus")
    assert len(control.requests(service="skus")) == 30


async def test_a_page_that_fails_fails_the_list(lookups, control):
    """Half a list would make sizes unknown that the region has."""
    control.add_fault(service="skus", kind="status", status=503, skip=1)
    with pytest.raises(Unavailable, match="list the VM sizes of eastus"):
        await lookups.sizes(SUBSCRIPTION, "eastus")


# Regions and service tags


@pytest.mark.parametrize(
    ("region", "pair"),
    [("eastus", "westus"), ("westus3", "eastus"), ("polandcentral", None), ("WestEurope", "northeurope")],
)
async def test_a_region_has_a_pair_or_none(lookups, region, pair):
    """Pairs may hold in one direction; newer regions have none."""
    assert await lookups.paired_region(SUBSCRIPTION, region) == pair


async def test_a_region_that_is_not_listed_is_not_one_without_a_pair(lookups):
    """Else its control plane would be looked for in one region alone."""
    with pytest.raises(Absent, match="no atlantis"):
        await lookups.paired_region(SUBSCRIPTION, "atlantis")


async def test_the_control_plane_is_in_both_regions_of_a_pair(lookups, control):
    """With all prefixes, of this service alone."""
    control.control_plane("eastus", ["192.0.2.0/25", "192.0.2.128/26", "2001:db8::/64"])
    control.control_plane("westus", ["198.51.100.0/24"])

    assert await lookups.control_plane_ranges(SUBSCRIPTION, "eastus") == {
        "eastus": ("192.0.2.0/25", "192.0.2.128/26", "2001:db8::/64"),
        "westus": ("198.51.100.0/24",),
    }


async def test_a_region_without_a_pair_stands_alone(lookups):
    """One key, its own."""
    assert list(await lookups.control_plane_ranges(SUBSCRIPTION, "polandcentral")) == ["polandcentral"]


async def test_regions_that_tags_spell_in_their_own_way_are_found(lookups, control):
    """FranceCentral by name, centralfrance by region; and where both are short."""
    control.control_plane("francecentral", ["192.0.2.0/24"])
    found = await lookups.control_plane_ranges(SUBSCRIPTION, "francesouth")
    assert found["francecentral"] == ("192.0.2.0/24",)

    tag = {
        "name": "AzureMachineLearning.SwitzerlandN",
        "properties": {"region": "", "addressPrefixes": ["192.0.2.0/24"]},
    }
    says(control, "service-tags", {"values": [tag]})
    found = await lookups.control_plane_ranges(SUBSCRIPTION, "switzerlandnorth")
    assert found == {"switzerlandnorth": ("192.0.2.0/24",), "switzerlandwest": ()}


async def test_a_region_without_a_tag_is_absent(lookups, control):
    """What is not told is not taken for nothing to allow; of the pair, the region's own tag counts."""
    control.control_plane("westus", None)
    assert (await lookups.control_plane_ranges(SUBSCRIPTION, "eastus"))["westus"] == ()
    with pytest.raises(Absent, match="no service tag AzureMachineLearning for westus"):
        await lookups.control_plane_ranges(SUBSCRIPTION, "westus")


@pytest.mark.parametrize("service", ["locations", "service-tags"])
async def test_ranges_of_one_region_alone_are_no_answer(lookups, control, service):
    """Where either reading fails, both regions are unknown."""
    control.add_fault(service=service, kind="status", status=503)
    with pytest.raises(Unavailable):
        await lookups.control_plane_ranges(SUBSCRIPTION, "eastus")


# Versions


async def test_versions_are_those_that_can_be_relied_on(lookups):
    """Oldest first, long-term support among them, previews not."""
    assert await lookups.kubernetes_versions(SUBSCRIPTION, "eastus") == ("1.31", "1.32", "1.33", "1.34")


async def test_versions_are_ordered_as_numbers(lookups, control):
    """1.9 before 1.10."""
    control.kubernetes_versions("eastus", ["1.10", "1.9", "1.11"])
    assert await lookups.kubernetes_versions(SUBSCRIPTION, "eastus") == ("1.9", "1.10", "1.11")


@pytest.mark.parametrize("body", [{}, {"values": []}, {"values": None}, {"values": [None, {"version": 1.33}]}])
async def test_no_versions_are_no_answer(lookups, control, body):
    """AKS supports some at any time."""
    says(control, "kubernetes-versions", body)
    with pytest.raises(Unavailable, match="names none"):
        await lookups.kubernetes_versions(SUBSCRIPTION, "eastus")


# What every one of them does


@pytest.mark.parametrize("look", ["sizes", "paired_region", "control_plane_ranges", "kubernetes_versions"])
async def test_a_missing_role_is_told(lookups, control, look):
    """403 with the action that the role lacks."""
    control.deny(SUBSCRIPTION)
    with pytest.raises(NotAuthorized, match="Grant Muster's identity its role"):
        await getattr(lookups, look)(SUBSCRIPTION, "eastus")


async def test_a_throttled_read_says_when_to_come_back(lookups, control):
    """429 with Retry-After; nothing is tried again here."""
    control.add_fault(service="skus", kind="status", status=429, headers={"Retry-After": "17"})
    with pytest.raises(Throttled) as raised:
        await lookups.sizes(SUBSCRIPTION, "eastus")
    assert raised.value.retry_after == 17
    assert len(control.requests(service="skus")) == 1


@pytest.mark.parametrize("hostile", ["..", "", "."])
async def test_a_name_that_would_lead_elsewhere_is_never_sent(lookups, control, hostile):
    """Neither as a region nor as a provider."""
    for call in (
        lookups.kubernetes_versions(SUBSCRIPTION, hostile),
        lookups.provider(SUBSCRIPTION, hostile),
        lookups.register(SUBSCRIPTION, hostile),
    ):
        with pytest.raises(Refused):
            await call
    assert control.requests() == []


# Computes


@pytest.fixture
def graph(arm):
    """Resource Graph."""
    return ResourceGraph(arm)


async def test_computes_of_a_cluster_are_found_in_every_workspace(lookups, graph, control):
    """In other subscriptions, too; of this cluster alone, and of the type that the extension serves."""
    mine = control.create_cluster(kind="arc", name="Edge-1", subscription=SUBSCRIPTION, resource_group="RG-Edge")
    other = control.create_cluster(kind="arc", name="edge-10", subscription=SUBSCRIPTION, resource_group="RG-Edge")
    first = control.attach_compute(mine, workspace="ws-a")
    second = control.attach_compute(mine, workspace="ws-b", subscription=OTHER)
    control.attach_compute(mine, name="old", compute_type="AKS")
    control.attach_compute(other)

    assert await lookups.computes(ClusterId.parse(mine), graph) == tuple(sorted((first, second), key=str.lower))
    control.detach_compute(first)
    assert await lookups.computes(ClusterId.parse(mine), graph) == (second,)


async def test_a_cluster_that_is_attached_nowhere_has_no_computes(lookups, graph, control):
    """Nor one that does not exist."""
    made = control.create_cluster(kind="aks", name="a", subscription=SUBSCRIPTION)
    assert await lookups.computes(ClusterId.parse(made), graph) == ()


async def test_computes_that_cannot_be_read_are_an_error(lookups, graph, control):
    """Unknown is not none."""
    made = control.create_cluster(kind="aks", name="a", subscription=SUBSCRIPTION)
    control.add_fault(service="resource-graph", kind="status", status=503)
    with pytest.raises(Unavailable):
        await lookups.computes(ClusterId.parse(made), graph)
