"""The requests of one look into a cluster, each giving one fact or a few.

Works with API servers of Kubernetes 1.20 and newer: core v1, apps/v1, networking.k8s.io/v1 (1.19) and
rbac.authorization.k8s.io/v1. Deployments, daemonsets and statefulsets are listed once, in all namespaces: ours for
verification, the others for what stands there already.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from shared.azure import inside_objects as objects
from shared.azure.inside_parts import class_of, parts_of
from shared.azure.kubernetes_api import KubernetesApi
from shared.errors import Absent, AzureError, NotAuthorized, Refused
from shared.model.inside import NAMESPACE, Existing, Form, Node, Pod, Workload

_OURS = f"/api/v1/namespaces/{NAMESPACE}"
_HEALTHCHECK = "arcml-healthcheck"
_LONGEST_REPORT = 32 * 1024
_MOST_REPORTS = 16
_MOST_KEYS = 64
_SECRET_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")

# Objects of the legacy azureml-fe (Microsoft Learn, "How to attach Kubernetes (v1)").
_LEGACY_PLACE = ("default", "azureml-fe")
LEGACY_ROLE = "azureml-fe-role"


@dataclass(slots=True)
class Loads:
    """What the deployments, daemonsets or statefulsets tell.

    Attributes:
        ours: those of namespace azureml.
        existing: components in any namespace.
        legacy: whether the legacy azureml-fe is among them.
        why: why namespace azureml alone could be read; "" where all were.
    """

    ours: list[Workload] = field(default_factory=list)
    existing: list[Existing] = field(default_factory=list)
    legacy: bool = False
    why: str = ""


@dataclass(slots=True)
class Services:
    """What the services tell.

    Attributes:
        legacy: whether that of the legacy azureml-fe is among them.
        balanced: whether one of type LoadBalancer was given an address.
        why: why not all of them could be read; "" where all were.
    """

    legacy: bool = False
    balanced: bool = False
    why: str = ""


class Readings:
    """Reads facts of one cluster. Raises what KubernetesApi raises."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api

    async def version(self) -> str:
        """The API server's version (v1.33.2)."""
        answer = await self._api.get("/version", "its version")
        version = objects.text(answer.get("gitVersion"), 63)
        if not version:
            raise Refused("The API server's answer about its version names none.")
        return version

    async def namespace(self) -> str:
        """The phase of namespace azureml; "" where it does not exist."""
        try:
            answer = await self._api.get(_OURS, f"namespace {NAMESPACE}", kind="Namespace")
        except Absent:
            return ""
        return objects.text(objects.mapping(answer, "status").get("phase"), 63) or "unknown"

    async def pods(self) -> tuple[Pod, ...]:
        """The pods of namespace azureml."""
        pages = self._api.pages(f"{_OURS}/pods", f"pods of namespace {NAMESPACE}")
        return tuple([objects.pod(item) async for page in pages for item in page])

    async def nodes(self) -> tuple[Node, ...]:
        """All nodes."""
        return tuple([objects.node(item) async for page in self._api.pages("/api/v1/nodes", "nodes") for item in page])

    async def secrets(self, names: Collection[str]) -> dict[str, tuple[str, ...] | None]:
        """The keys of secrets of namespace azureml; None for one that does not exist."""
        return {name: await self._keys(name) for name in dict.fromkeys(names)}

    async def _keys(self, name: str) -> tuple[str, ...] | None:
        if not _SECRET_NAME.fullmatch(name):
            return None  # no secret can have such a name, and it has no place in a URL
        what = f"secret {name} of namespace {NAMESPACE}"
        try:
            answer = await self._api.get(f"{_OURS}/secrets/{name}", what, kind="Secret")
        except Absent:
            return None
        return tuple(objects.text(key) for key in list(objects.mapping(answer, "data"))[:_MOST_KEYS])

    async def healthcheck(self) -> dict[str, str]:
        """The reports of the extension's health check; empty where it left none."""
        try:
            answer = await self._api.get(
                f"{_OURS}/configmaps/{_HEALTHCHECK}", f"configmap {_HEALTHCHECK}", kind="ConfigMap"
            )
        except Absent:
            return {}
        data = objects.mapping(answer, "data")
        return {objects.text(key): objects.text(data[key], _LONGEST_REPORT) for key in list(data)[:_MOST_REPORTS]}

    async def loads(self, form: Form) -> Loads:
        """The workloads of one form: of all namespaces, or of ours where that is all that may be read."""
        plural, found = f"{form.value}s", Loads()
        try:
            await self._fill(found, form, f"/apis/apps/v1/{plural}", f"{plural} of all namespaces")
        except NotAuthorized as refused:
            found = Loads(why=refused.message)
            path = f"/apis/apps/v1/namespaces/{NAMESPACE}/{plural}"
            await self._fill(found, form, path, f"{plural} of namespace {NAMESPACE}")
        return found

    async def _fill(self, found: Loads, form: Form, path: str, what: str) -> None:
        async for page in self._api.pages(path, what):
            for item in page:
                found.existing.extend(parts_of(form, item))
                place = (objects.namespace_of(item), objects.name_of(item))
                if place[0] == NAMESPACE:
                    found.ours.append(objects.workload(form, item))
                found.legacy |= form is Form.DEPLOYMENT and place == _LEGACY_PLACE

    async def classes(self) -> tuple[Existing, ...]:
        """Ingress classes of the controller that the extension brings too."""
        pages = self._api.pages("/apis/networking.k8s.io/v1/ingressclasses", "ingress classes")
        found = [class_of(item) async for page in pages for item in page]
        return tuple(one for one in found if one is not None)

    async def services(self) -> Services:
        """What the services of all namespaces tell; what was seen before an answer broke off stays seen."""
        found = Services()
        try:
            async for page in self._api.pages("/api/v1/services", "services of all namespaces"):
                for item in page:
                    found.balanced |= objects.has_address(item)
                    found.legacy |= (objects.namespace_of(item), objects.name_of(item)) == _LEGACY_PLACE
        except AzureError as error:
            found.why = error.message
        return found

    async def legacy_role(self) -> bool:
        """Whether the cluster role of the legacy azureml-fe exists."""
        path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{LEGACY_ROLE}"
        try:
            await self._api.get(path, f"cluster role {LEGACY_ROLE}", kind="ClusterRole")
        except Absent:
            return False
        return True
