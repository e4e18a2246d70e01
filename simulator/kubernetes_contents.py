"""What is inside a cluster at a time: put together for each request from what is known.

A source is the cluster itself (pools, extensions, a namespace that goes) or a test's change to it.
"""

import base64
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

from simulator.arm import Json
from simulator.clusters import Cluster
from simulator.kubernetes_foreign import Part
from simulator.kubernetes_nodes import Node, nodes
from simulator.kubernetes_objects import Definition, Workload, ingress_class, metadata, namespace, pods, service
from simulator.kubernetes_release import (
    AZUREML_GROUP,
    HEALTHCHECK,
    NAMESPACE,
    VOLCANO_GROUP,
    being_removed,
    definitions,
    extensions_of,
    health_report,
    nginx,
    releases,
    router,
    workloads,
)
from simulator.kubernetes_state import Inside, Place, Secret, WorkloadChange

WORK = {
    "amljobs": (AZUREML_GROUP, "AmlJob"),
    "jobs": (VOLCANO_GROUP, "Job"),
    "onlinedeployments": (AZUREML_GROUP, "OnlineDeployment"),
    "onlineendpoints": (AZUREML_GROUP, "OnlineEndpoint"),
    "instancetypes": (AZUREML_GROUP, "InstanceType"),
}
_KUBERNETES = ("default", "kube-node-lease", "kube-public", "kube-system")
_ADDRESS = "20.62.128.4"
_HEALTHY = WorkloadChange(missing=False, ready=None, reason="")


@dataclass
class Contents:
    """A cluster's objects; each method lists one kind."""

    cluster: Cluster
    inside: Inside
    now: float

    @property
    def version(self) -> str:
        """The API server's version, without v."""
        names = ("currentKubernetesVersion", "kubernetesVersion")
        told = (self.cluster.properties.get(name) for name in names)
        return str(next((version for version in told if version), "1.33.2"))

    @property
    def _parts(self) -> Collection[Part]:
        return self.inside.components.values()

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes."""
        return nodes(self.cluster, self.inside.nodes)

    @cached_property
    def releases(self) -> dict[str, Json]:
        """What each release of the extension runs with."""
        return releases(self.cluster, self.now)

    @cached_property
    def workloads(self) -> list[Workload]:
        """Workloads of the cluster itself, of the extension, of others; as they were changed."""
        linux = sum(node.os == "linux" for node in self.nodes)
        dns = (("coredns", "mcr.microsoft.com/oss/v2/kubernetes/coredns:v1.12.1"),)
        proxy = (("kube-proxy", "mcr.microsoft.com/oss/kubernetes/kube-proxy:v1.33.2"),)
        found = [
            Workload("kube-system", "coredns", "deployment", 2, dns),
            Workload("kube-system", "kube-proxy", "daemonset", linux, proxy),
        ]
        for release, serving in self.releases.items():
            found += workloads(self.cluster, release, serving, linux)
        for part in self._parts:
            found += part.workloads(linux)
        changes = [(load, self.inside.workloads.get((load.namespace, load.name), _HEALTHY)) for load in found]
        return [
            replace(load, ready=change.ready, reason=change.reason) for load, change in changes if not change.missing
        ]

    def pods(self) -> list[Json]:
        """The pods of all workloads."""
        names = [node.name for node in self.nodes if node.os == "linux"]
        return [pod for load in self.workloads for pod in pods(load, names)]

    def namespaces(self) -> list[Json]:
        """Namespaces: whatever something stands in, and what a test has set."""
        used = {*_KUBERNETES, *(load.namespace for load in self.workloads)}
        used |= {place for place, _ in (*self.inside.services, *self._kept_secrets())}
        used |= {place for _, place, _ in self.inside.work}
        if self.cluster.kind == "arc":
            used.add("azure-arc")
        if extensions_of(self.cluster) or self._report():
            used.add(NAMESPACE)
        phases = dict.fromkeys(sorted(used), "Active")
        if being_removed(self.cluster, self.now):
            phases[NAMESPACE] = "Terminating"
        return [namespace(name, phase) for name, phase in (phases | self.inside.namespaces).items()]

    def configmaps(self) -> list[Json]:
        """The health check's report, and configuration of foreign components."""
        found = [(part.namespace, name, {"config": ""}) for part in self._parts for name in part.configmaps]
        if self._report():
            found.append((NAMESPACE, HEALTHCHECK, self._report()))
        return [{"metadata": metadata("ConfigMap", name, place), "data": data} for place, name, data in found]

    def _report(self) -> dict[str, str]:
        given = self.inside.healthcheck
        return health_report(self.cluster) if given is None else given

    def secrets(self) -> list[Json]:
        """Helm's own, those of foreign components, and what tests have written."""
        found = {
            (NAMESPACE, f"sh.helm.release.v1.{release}.v1"): Secret(
                {"release": release}, "helm.sh/release.v1", self.now
            )
            for release in self.releases
        }
        for part in self._parts:
            found |= {(part.namespace, name): Secret({"key": "value"}, "Opaque", self.now) for name in part.secrets}
        return [_secret(place, secret) for place, secret in (found | self._kept_secrets()).items()]

    def _kept_secrets(self) -> dict[Place, Secret]:
        """What was written; namespace azureml took its secrets with it when it last went."""
        gone = self.cluster.namespace_terminating_until
        written = self.inside.secrets.items()
        return {place: secret for place, secret in written if place[0] != NAMESPACE or secret.at >= gone}

    def services(self) -> list[Json]:
        """Services. On AKS a load balancer is there; elsewhere one is, where a test gave some service an address."""
        own = self.inside.services
        given = next((one.address for one in own.values() if one.type == "LoadBalancer" and one.address), None)
        address = _ADDRESS if self.cluster.kind == "aks" else given
        found = [service("kubernetes", "default", "ClusterIP", None)]
        found += [service(name, place, one.type, one.address) for (place, name), one in own.items()]
        for release, serving in self.releases.items():
            kind = router(serving["settings"])
            if kind:
                found.append(service("azureml-fe", NAMESPACE, kind, address, release=release))
        for part in self._parts:
            found += [service(name, part.namespace, "LoadBalancer", address) for name in part.services]
        return found

    def service_accounts(self) -> list[Json]:
        """The default one of each namespace, and those of foreign components."""
        names = [(one["metadata"]["name"], "default") for one in self.namespaces()]
        names += [(part.namespace, name) for part in self._parts for name in part.accounts]
        return [{"metadata": metadata("ServiceAccount", name, place)} for place, name in names]

    def cluster_roles(self) -> list[Json]:
        """Some of Kubernetes' own, and those of foreign components."""
        rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
        names = ["cluster-admin", "view", *(name for part in self._parts for name in part.roles)]
        return [{"metadata": metadata("ClusterRole", name), "rules": [rule]} for name in names]

    def bindings(self) -> list[Json]:
        """Cluster role bindings of foreign components."""
        return [
            {
                "metadata": metadata("ClusterRoleBinding", name),
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": part.namespace}],
            }
            for part in self._parts
            for name, role, account in zip(part.bindings, part.roles, part.accounts, strict=True)
        ]

    def ingress_classes(self) -> list[Json]:
        """Those of the extension and of foreign components; how the extension names its own is assumed."""
        controller = "k8s.io/ingress-nginx"
        found = [
            ingress_class("azureml-ingress-nginx", serving["settings"].get("nginxIngress.controller", controller), name)
            for name, serving in self.releases.items()
            if nginx(serving["settings"])
        ]
        return found + [ingress_class(*part.ingress, part.release) for part in self._parts if part.ingress]

    def definitions(self) -> list[Definition]:
        """Custom resources that are served; the first who brings one owns it."""
        found: dict[tuple[str, str], Definition] = {}
        for name, serving in self.releases.items():
            for plural, group, kind, version in definitions(serving["settings"]):
                found.setdefault((plural, group), Definition(plural, group, kind, version, name))
        for part in self._parts:
            for plural, group, kind, version in part.definitions:
                found.setdefault((plural, group), Definition(plural, group, kind, version, part.release))
        for plural, _, _ in self.inside.work:
            group, kind = WORK[plural]
            found.setdefault((plural, group), Definition(plural, group, kind, "v1alpha1", None))
        return list(found.values())

    def custom(self, kind: Definition) -> list[Json]:
        """Objects of work and instance types. Where their phase stands is known of Volcano's jobs alone."""
        found = [
            {
                "metadata": metadata(kind.kind, name, place),
                "spec": {},
                "status": {"state": {"phase": phase}} if plural == "jobs" else {"phase": phase},
            }
            for (plural, place, name), phase in self.inside.work.items()
            if plural == kind.plural and WORK[plural][0] == kind.group
        ]
        if kind.plural == "instancetypes" and kind.release:
            made = metadata(kind.kind, "defaultinstancetype", NAMESPACE)
            limits = {"requests": {"cpu": "100m", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
            found.append({"metadata": made, "spec": {"resources": limits}})
        return found


def _secret(place: Place, secret: Secret) -> Json:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in secret.data.items()}
    return {"metadata": metadata("Secret", place[1], place[0]), "type": secret.type, "data": data}
