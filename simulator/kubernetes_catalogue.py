"""Which resources an API server serves, and how it answers a GET of one or of a list.

Source: Kubernetes API concepts ("Retrieving large results sets in chunks", "Resource URIs") and the API
conventions (Status).
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulator.arm import Json
from simulator.kubernetes_contents import Contents
from simulator.kubernetes_nodes import node_body
from simulator.kubernetes_objects import definition, status, workload

_PATH = re.compile(
    r"/(?P<prefix>api/v1|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?/?"
)
_VERSION_OF_LIST = "4711"
_CORE, _APPS, _RBAC = "api/v1", "apis/apps/v1", "apis/rbac.authorization.k8s.io/v1"
_OWN = {
    (_CORE, "nodes"): "Node",
    (_CORE, "namespaces"): "Namespace",
    (_CORE, "pods"): "Pod",
    (_CORE, "configmaps"): "ConfigMap",
    (_CORE, "secrets"): "Secret",
    (_CORE, "services"): "Service",
    (_CORE, "serviceaccounts"): "ServiceAccount",
    (_APPS, "deployments"): "Deployment",
    (_APPS, "daemonsets"): "DaemonSet",
    (_APPS, "statefulsets"): "StatefulSet",
    ("apis/networking.k8s.io/v1", "ingressclasses"): "IngressClass",
    ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions"): "CustomResourceDefinition",
    (_RBAC, "clusterroles"): "ClusterRole",
    (_RBAC, "clusterrolebindings"): "ClusterRoleBinding",
}


class Refused(Exception):
    """An answer that is not a success: a Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.body = status(code, reason, message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a path asks for. An empty namespace stands for all, an empty name for a list."""

    prefix: str
    plural: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return "" if self.prefix == _CORE else self.prefix.split("/")[1]

    @property
    def verb(self) -> str:
        """What RBAC calls a reading of it."""
        return "get" if self.name else "list"

    @classmethod
    def of(cls, path: str) -> "Wanted":
        """Read a path below the API server's address; 404 where it has no such form."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise no_such_resource()
        return cls(match["prefix"], match["plural"], match["namespace"] or "", match["name"] or "")


def no_such_resource() -> Refused:
    """404 for a path that is not served."""
    return Refused(404, "NotFound", "the server could not find the requested resource")


def group_answer(contents: Contents, name: str) -> Json:
    """Discovery of one API group: the versions that it is served in; 404 for a group that nobody brought."""
    own = {prefix.split("/")[2] for prefix, _ in _OWN if prefix.startswith(f"apis/{name}/")}
    custom = {known.version for known in contents.definitions() if known.group == name}
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in sorted(own | custom)]
    if not versions:
        raise no_such_resource()
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions, "preferredVersion": versions[0]}


def answer(contents: Contents, wanted: Wanted, query: Mapping[str, str], *, endless: bool = False) -> Json:
    """The object or the list; with `endless`, every page of a list promises another one."""
    kind, items = _kind_and_items(contents, wanted)
    version = wanted.prefix.removeprefix("apis/").removeprefix("api/")
    typed = {"kind": kind, "apiVersion": version}
    found = [one for one in items if wanted.namespace in {"", one["metadata"].get("namespace", "")}]
    if wanted.name:
        for one in found:
            if one["metadata"]["name"] == wanted.name:
                return typed | one
        plural = f"{wanted.plural}.{wanted.group}" if wanted.group else wanted.plural
        raise Refused(404, "NotFound", f'{plural} "{wanted.name}" not found')
    found = [one for one in found if _selected(one, query)]
    if (wanted.prefix, wanted.plural) not in _OWN:
        found = [typed | one for one in found]  # items of custom resources carry their kind, others do not
    page, more = _page(found, query, endless=endless)
    return {"kind": f"{kind}List", "apiVersion": version, "metadata": more, "items": page}


def _kind_and_items(contents: Contents, wanted: Wanted) -> tuple[str, Iterable[Json]]:
    kind = _OWN.get((wanted.prefix, wanted.plural))
    if kind is not None:
        return kind, _items(contents, kind)
    for known in contents.definitions():
        if (wanted.prefix, wanted.plural) == (f"apis/{known.group}/{known.version}", known.plural):
            return known.kind, contents.custom(known)
    raise no_such_resource()


def _items(contents: Contents, kind: str) -> Iterable[Json]:
    if kind in {"Deployment", "DaemonSet", "StatefulSet"}:
        return (workload(load) for load in contents.workloads if load.form == kind.lower())
    if kind == "Node":
        return map(node_body, contents.nodes)
    if kind == "CustomResourceDefinition":
        return map(definition, contents.definitions())
    lists = {
        "Namespace": contents.namespaces,
        "Pod": contents.pods,
        "ConfigMap": contents.configmaps,
        "Secret": contents.secrets,
        "Service": contents.services,
        "ServiceAccount": contents.service_accounts,
        "IngressClass": contents.ingress_classes,
        "ClusterRole": contents.cluster_roles,
        "ClusterRoleBinding": contents.bindings,
    }
    return lists[kind]()


def _selected(one: Json, query: Mapping[str, str]) -> bool:
    """Equality of labels, and of the one field that every kind can be selected by."""
    metadata = one["metadata"]
    for text in filter(None, query.get("labelSelector", "").split(",")):
        name, sign, value = text.partition("!=" if "!=" in text else "=")
        held = metadata["labels"].get(name)
        if (
            (sign == "!=" and held == value)
            or (sign == "=" and held != value.lstrip("="))
            or (not sign and held is None)
        ):
            return False
    for text in filter(None, query.get("fieldSelector", "").split(",")):
        name, sign, value = text.partition("=")
        if not sign or name not in {"metadata.name", "metadata.namespace"}:
            raise Refused(400, "BadRequest", f"field label not supported: {name}")
        if metadata.get(name.removeprefix("metadata.")) != value.lstrip("="):
            return False
    return True


def _page(found: list[Json], query: Mapping[str, str], *, endless: bool) -> tuple[list[Json], Json]:
    more: Json = {"resourceVersion": _VERSION_OF_LIST}
    start, limit = _start(query.get("continue", "")), query.get("limit") or "0"
    if not limit.isdecimal():
        raise Refused(400, "BadRequest", f'strconv.ParseInt: parsing "{limit}": invalid syntax')
    if endless:
        return found, more | {"continue": _token(start + 1)}
    end = start + int(limit) if int(limit) else len(found)
    if end < len(found):
        more |= {"continue": _token(end), "remainingItemCount": len(found) - end}
    return found[start:end], more


def _token(start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"v": "meta.k8s.io/v1", "start": start}).encode()).decode()


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["start"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise Refused(400, "BadRequest", "continue key is not valid") from None
