"""Facts around a cluster: what its subscription has registered, and what its region offers.

None of them is told by the cluster's own body, all of them change rarely, so that whoever asks here keeps the
answers (`shared.reconcile.surroundings`). Sources, by API version: Microsoft.Resources providers 2021-04-01
and locations 2022-12-01, Microsoft.Compute skus 2021-07-01, Microsoft.Network serviceTags 2024-05-01,
Microsoft.ContainerService kubernetesVersions 2025-10-01.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared.azure.arm import Arm, url_path
from shared.azure.kql import literal
from shared.azure.resource_graph import ResourceGraph
from shared.errors import Absent, Unavailable
from shared.model.identity import ClusterId
from shared.model.lenient import Lenient
from shared.model.surroundings import MachineSize

_PROVIDERS, _LOCATIONS, _SKUS, _TAGS, _VERSIONS = "2021-04-01", "2022-12-01", "2021-07-01", "2024-05-01", "2025-10-01"

# A region has some thousand SKUs and one or two pages of them; service tags come in one page.
_PAGES = 30

_TAG = "azuremachinelearning"
# Regions that service tags spell in their own way (Microsoft Learn, "Azure service tags overview").
_TAG_REGIONS = {
    "brazilsoutheast": "brazilse",
    "francecentral": "centralfrance",
    "francesouth": "southfrance",
    "germanynorth": "germanyn",
    "germanywestcentral": "germanywc",
    "norwayeast": "norwaye",
    "norwaywest": "norwayw",
    "switzerlandnorth": "switzerlandn",
    "switzerlandwest": "switzerlandw",
}


def odata_literal(text: str) -> str:
    """A string literal of OData: a quote is doubled (OData 4.01, URL conventions, "Literals")."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


class Lookups:
    """Reads of subscriptions and regions, each of them one request or a few pages. Nothing is kept here."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    async def provider(self, subscription: str, namespace: str) -> str:
        """A resource provider's registrationState: Registered, Registering, NotRegistered, ...

        Raises:
            AzureError: it could not be told.
        """
        what = f"read the registration of {namespace}"
        body = await self._get(url_path("subscriptions", subscription, "providers", namespace), _PROVIDERS, what)
        state = Lenient(body).text("registrationState")
        if state is None:
            raise Unavailable(f"Azure's answer when asked to {what} names no state.")
        return state

    async def register(self, subscription: str, namespace: str) -> None:
        """Ask for a provider's registration, which then takes up to ten minutes; it may be asked for again.

        Raises:
            AzureError: it was refused. The role needs `<namespace>/register/action`.
        """
        await self._arm.call(
            "POST",
            url_path("subscriptions", subscription, "providers", namespace, "register"),
            api_version=_PROVIDERS,
            what=f"register {namespace}",
        )

    async def sizes(self, subscription: str, location: str) -> dict[str, MachineSize]:
        """The VM sizes of a region, names in lower case.

        Raises:
            Absent: there are none.
            AzureError: they could not be read, or not all of them.
        """
        found: dict[str, MachineSize] = {}

        def take(page: Lenient) -> None:
            for sku in page.items("value") or ():
                size = _size(sku) if (sku.text("resourceType") or "").lower() == "virtualmachines" else None
                if size is not None:
                    found[(sku.text("name") or "").lower()] = size

        path = url_path("subscriptions", subscription, "providers", "Microsoft.Compute", "skus")
        # The service filters by location and by nothing else.
        wanted = {"$filter": f"location eq {odata_literal(location)}"}
        await self._pages(path, _SKUS, f"list the VM sizes of {location}", take, params=wanted)
        if not found:  # what the service answers about a region that it does not know
            raise Absent(f"Azure lists no VM sizes in {location}.")
        return found

    async def paired_region(self, subscription: str, location: str) -> str | None:
        """The region that a region is paired with; None where it has no pair, as newer regions have none.

        Raises:
            Absent: the subscription knows no such region.
            AzureError: it could not be told.
        """
        pairs: dict[str, str | None] = {}

        def take(page: Lenient) -> None:
            for region in page.items("value") or ():
                others = region.inner("metadata").items("pairedRegion") or ()
                names = [name.lower() for other in others if (name := other.text("name"))]
                pairs[(region.text("name") or "").lower()] = names[0] if names else None

        path = url_path("subscriptions", subscription, "locations")
        await self._pages(path, _LOCATIONS, f"read the region that {location} is paired with", take)
        if location.lower() not in pairs:
            raise Absent(f"The subscription's list of regions has no {location}.")
        return pairs[location.lower()]

    async def control_plane_ranges(self, subscription: str, location: str) -> dict[str, tuple[str, ...]]:
        """Address prefixes of Azure Machine Learning's control plane: of a region and of the one it is paired with.

        Both regions are keys; a paired one without a service tag of its own has no prefixes. The location in the path
        names the version of the list and no part of it: the answer has the tags of all regions.

        Raises:
            Absent: the region has no such service tag, or is not known.
            AzureError: they could not be read. The region alone would not do: the control plane is in both.
        """
        paired = await self.paired_region(subscription, location)
        found: dict[str, tuple[str, ...]] = dict.fromkeys(filter(None, (location.lower(), paired)), ())

        def take(page: Lenient) -> None:
            for tag in page.items("values") or ():
                prefixes = tag.inner("properties").get("addressPrefixes")
                for region in found:
                    if isinstance(prefixes, list) and _tag_of(tag, region):
                        found[region] += tuple(prefix for prefix in prefixes if isinstance(prefix, str))

        path = url_path("subscriptions", subscription, "providers", "Microsoft.Network", "locations", location)
        await self._pages(f"{path}/serviceTags", _TAGS, "list the service tags", take)
        if not found[location.lower()]:
            raise Absent(f"There is no service tag AzureMachineLearning for {location}.")
        return found

    async def kubernetes_versions(self, subscription: str, location: str) -> tuple[str, ...]:
        """The minor versions (1.33) that AKS supports in a region, oldest first; previews are left out.

        Those under long-term support alone are among them: AKS supports clusters on them.

        Raises:
            AzureError: they could not be read.
        """
        path = url_path("subscriptions", subscription, "providers", "Microsoft.ContainerService", "locations", location)
        body = await self._get(
            f"{path}/kubernetesVersions", _VERSIONS, f"list the Kubernetes versions that AKS supports in {location}"
        )
        listed = Lenient(body).items("values") or ()
        stable = {version for each in listed if not each.flag("isPreview") and (version := each.text("version"))}
        if not stable:
            raise Unavailable(f"Azure's answer about the Kubernetes versions in {location} names none.")
        return tuple(sorted(stable, key=lambda text: [int(part) for part in re.findall(r"\d+", text)]))

    async def computes(self, cluster: ClusterId, graph: ResourceGraph) -> tuple[str, ...]:
        """Ids of the workspace computes that a cluster is attached as, in every subscription that can be read.

        Resource Graph is asked because a workspace may lie anywhere. [?] Whether its table `resources` holds
        `microsoft.machinelearningservices/workspaces/computes` with their properties is not documented; where
        it does not, this is empty, and empty never means that nothing is attached.

        Raises:
            AzureError: Resource Graph was not asked, or did not answer.
        """
        found = [str(row["id"]) async for row in graph.rows(_computes_query(cluster), None) if row.get("id")]
        return tuple(sorted(found, key=str.lower))

    async def _get(
        self, path: str, api_version: str, what: str, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            return await self._arm.call("GET", path, api_version=api_version, what=what, params=params)
        except (TypeError, ValueError) as error:  # a list or a text where an object was due
            raise Unavailable(f"Azure's answer when asked to {what} is no JSON object.") from error

    async def _pages(
        self,
        path: str,
        api_version: str,
        what: str,
        take: Callable[[Lenient], None],
        *,
        params: Mapping[str, str] | None = None,
    ) -> None:
        """Hand every page to `take`; all of them, or an error."""
        for _ in range(_PAGES):
            page = Lenient(await self._get(path, api_version, what, params))
            take(page)
            link = page.text("nextLink")
            if link is None:
                return
            path, params = self._next(link, what)
        raise Unavailable(f"Azure had more than {_PAGES} pages when asked to {what}.")

    def _next(self, link: str, what: str) -> tuple[str, dict[str, str]]:
        """Path and parameters of the next page. The token goes to Resource Manager and nowhere else."""
        try:
            there, here = urlsplit(link), urlsplit(self._arm.endpoint)
            same = (there.scheme, there.hostname, there.port or 443) == (here.scheme, here.hostname, here.port or 443)
        except ValueError:
            same = False
        if not same:
            raise Unavailable(f"Azure's answer when asked to {what} goes on at another address, which is not followed.")
        given = {name: value for name, value in parse_qsl(there.query) if name.lower() != "api-version"}
        return there.path, given


def _size(sku: Lenient) -> MachineSize | None:
    """What a size holds; None where it does not say. Of constrained sizes (E8-4s) the vCPUs that are there count."""
    told = {(each.text("name") or "").lower(): each.text("value") or "" for each in sku.items("capabilities") or ()}
    vcpus = _number(told.get("vcpusavailable")) or _number(told.get("vcpus"))
    memory = _number(told.get("memorygb"))
    if vcpus is None or memory is None:
        return None
    arm64 = told.get("cpuarchitecturetype", "").lower() == "arm64"
    return MachineSize(vcpus, memory, arm64, int(_number(told.get("gpus")) or 0))


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) else None


def _tag_of(tag: Lenient, region: str) -> bool:
    """Whether a service tag is Azure Machine Learning's of this region: by its name, or by the region it states."""
    service, _, suffix = (tag.text("name") or "").lower().partition(".")
    stated = (tag.inner("properties").text("region") or "").lower()
    return service == _TAG and bool({suffix, stated} & {region, _TAG_REGIONS.get(region, region)})


def _computes_query(cluster: ClusterId) -> str:
    return (
        "resources | where type =~ 'microsoft.machinelearningservices/workspaces/computes' "
        "| where tostring(properties.computeType) =~ 'Kubernetes' "
        f"| where tostring(properties.resourceId) =~ {literal(str(cluster))} "
        "| project id"
    )
