"""HTTP of what subscriptions and regions say: VM sizes, regions, service tags, versions of AKS.

Sources: Microsoft.Compute skus 2021-07-01 (`$filter` takes a location and nothing else), Microsoft.Resources
locations 2022-12-01, Microsoft.Network serviceTags 2024-05-01 (a location is "used as a reference for version";
the answer has all regions), Microsoft.ContainerService kubernetesVersions 2025-10-01.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from simulator import arm_errors
from simulator.arm import SUBSCRIPTION, Call, Json, Reply, Route, route
from simulator.machine_sizes import VM_SIZES, VmSize
from simulator.regions import REGIONS, Region, prefixes_of, region_of
from simulator.world import World

# The service's pages are larger; with these every reader of sizes meets a second one.
PAGE = 80

_COMPUTE, _NETWORK, _AKS = "Microsoft.Compute", "Microsoft.Network", "Microsoft.ContainerService"
_SKUS = SUBSCRIPTION + r"/providers/Microsoft\.Compute/skus"
_LOCATIONS = SUBSCRIPTION + "/locations"
_TAGS = SUBSCRIPTION + r"/providers/Microsoft\.Network/locations/(?P<location>[^/]+)/serviceTags"
_VERSIONS = SUBSCRIPTION + r"/providers/Microsoft\.ContainerService/locations/(?P<location>[^/]+)/kubernetesVersions"
_FILTER = re.compile(r"\s*location\s+eq\s+'((?:[^']|'')*)'\s*")
_BOTH = ("KubernetesOfficial", "AKSLongTermSupport")


def _version(version: str, *patches: str, plans: tuple[str, ...] = _BOTH, preview: bool | None = None) -> Json:
    upgrades = {patch: {"upgrades": list(patches[number + 1 :])} for number, patch in enumerate(patches)}
    return {
        "version": version,
        "isDefault": version == "1.33" or None,
        "isPreview": preview,
        "capabilities": {"supportPlan": list(plans)},
        "patchVersions": upgrades,
    }


def versions_of_today() -> list[Json]:
    """The window that AKS supports: the oldest under long-term support alone, the newest in preview."""
    return [
        _version("1.31", "1.31.10", "1.31.11", plans=_BOTH[1:]),
        _version("1.32", "1.32.6", "1.32.7"),
        _version("1.33", "1.33.2", "1.33.3"),
        _version("1.34", "1.34.0", "1.34.1"),
        _version("1.35", "1.35.0", preview=True),
    ]


@dataclass(slots=True)
class Offers:
    """What regions offer, apart from what is the same for ever.

    Attributes:
        versions: entries of kubernetesVersions by region; the others have those of today.
        prefixes: the control plane's addresses by region; the others have made-up ones. None: no tag.
        withdrawn: VM sizes, lower case, that no region offers.
    """

    versions: dict[str, list[Json]] = field(default_factory=dict)
    prefixes: dict[str, list[str] | None] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)


class LookupRoutes:
    """Serves what regions offer."""

    def __init__(self, world: World, offers: Offers) -> None:
        self._world = world
        self._offers = offers

    def routes(self) -> list[Route]:
        """All routes of this service."""
        return [
            route("GET", _SKUS, "skus", self.get_skus),
            route("GET", _LOCATIONS, "locations", self.get_locations),
            route("GET", _TAGS, "service-tags", self.get_service_tags),
            route("GET", _VERSIONS, "kubernetes-versions", self.get_versions),
        ]

    def get_skus(self, call: Call) -> Reply:
        """GET of SKUs: sizes and disks, page by page."""
        self._registered(call, _COMPUTE)
        given = call.query.get("$filter")
        match = _FILTER.fullmatch(given or "")
        if given is not None and match is None:
            raise arm_errors.bad_request(f"The filter '{given}' is not supported: only 'location eq' is.")
        wanted = match[1].replace("''", "'") if match else ""
        regions = [region_of(wanted)] if wanted else list(REGIONS)
        listed = [sku for region in regions if region for sku in self._skus(region)]
        token = call.query.get("$skiptoken", "0")
        start = int(token) if token.isdigit() else 0
        body: Json = {"value": listed[start : start + PAGE]}
        if start + PAGE < len(listed):
            narrowed = f"&$filter={quote(given)}" if given else ""
            body["nextLink"] = (
                f"{call.base_url}{call.path}?api-version={call.api_version}{narrowed}&$skiptoken={start + PAGE}"
            )
        return Reply(200, body)

    def _skus(self, region: Region) -> list[Json]:
        sizes = [size for size in VM_SIZES if size.name.lower() not in self._offers.withdrawn]
        disk = {
            "resourceType": "disks",
            "name": "Premium_LRS",
            "tier": "Premium",
            "size": "P10",
            "locations": [region.name],
            "locationInfo": [{"location": region.name, "zones": []}],
            "capabilities": [{"name": "MaxSizeGiB", "value": "128"}, {"name": "MinSizeGiB", "value": "64"}],
            "restrictions": [],
        }
        return [disk, *(_sku(size, region) for size in sizes)]

    def get_locations(self, call: Call) -> Reply:
        """GET of the regions that a subscription may use, and of a geography that is no region."""
        known = self._world.subscription(call.parts["subscription"])
        base = f"/subscriptions/{known.id}/locations"
        europe = {
            "id": f"{base}/europe",
            "name": "europe",
            "type": "Region",
            "displayName": "Europe",
            "regionalDisplayName": "Europe",
            "metadata": {"regionType": "Logical", "regionCategory": "Other", "geographyGroup": "Europe"},
        }
        return Reply(200, {"value": [*(_location(base, region) for region in REGIONS), europe]})

    def get_service_tags(self, call: Call) -> Reply:
        """GET of service tags: of all regions, whichever is asked for."""
        self._registered(call, _NETWORK)
        self._known_region(call)
        subscription = self._world.subscription(call.parts["subscription"]).id
        tags = [_tag("AzureMachineLearning", "", ["198.18.250.0/24"])]
        for region in REGIONS:
            stated = region.tag_region or region.name
            prefixes = self._offers.prefixes.get(region.name, prefixes_of(region))
            if prefixes is not None:
                tags.append(_tag(f"AzureMachineLearning.{region.tag_suffix}", stated, prefixes))
            tags.append(_tag(f"AzureMonitor.{region.tag_suffix}", stated, [f"198.19.{REGIONS.index(region)}.0/29"]))
        body = {
            "name": "Public",
            "id": f"/subscriptions/{subscription}/providers/Microsoft.Network/serviceTags/Public",
            "type": "Microsoft.Network/serviceTags",
            "changeNumber": "63",
            "cloud": "Public",
            "values": tags,
        }
        return Reply(200, body)

    def get_versions(self, call: Call) -> Reply:
        """GET of the Kubernetes versions that AKS offers in a region."""
        self._registered(call, _AKS)
        region = self._known_region(call)
        return Reply(200, {"values": self._offers.versions.get(region.name, versions_of_today())})

    def _registered(self, call: Call, namespace: str) -> None:
        known = self._world.subscription(call.parts["subscription"])
        if known.providers.get(namespace.lower()) != "Registered":
            raise arm_errors.missing_registration(namespace)

    def _known_region(self, call: Call) -> Region:
        region = region_of(call.parts["location"])
        if region is None:
            raise arm_errors.ArmError(
                404,
                "NoRegisteredProviderFound",
                f"No registered resource provider found for location '{call.parts['location']}'.",
            )
        return region


def _sku(size: VmSize, region: Region) -> Json:
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.removeprefix("Standard_"),
        "family": size.family,
        "locations": [region.name],
        "locationInfo": [{"location": region.name, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": size.capabilities(),
        "restrictions": [],
    }


def _location(base: str, region: Region) -> Json:
    metadata: Json = {"regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": region.geography}
    if region.pair:
        metadata["pairedRegion"] = [{"name": region.pair, "id": f"{base}/{region.pair}"}]
    return {
        "id": f"{base}/{region.name}",
        "name": region.name,
        "type": "Region",
        "displayName": region.display,
        "regionalDisplayName": f"({region.geography}) {region.display}",
        "metadata": metadata,
    }


def _tag(name: str, region: str, prefixes: list[str]) -> Json:
    return {
        "name": name,
        "id": name,
        "serviceTagChangeNumber": "63",
        "properties": {
            "changeNumber": "7",
            "region": region,
            "state": "GA",
            "networkFeatures": ["API", "NSG", "UDR", "FW"],
            "systemService": name.partition(".")[0],
            "addressPrefixes": prefixes,
        },
    }
