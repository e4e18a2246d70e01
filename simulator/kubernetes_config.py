"""Kubeconfigs, as AKS gives them and as an owner of an Arc cluster would write one.

Sources: Microsoft Learn, "Use kubelogin to authenticate users in AKS" (the exec form, since Kubernetes 1.24
the default for clusters with Microsoft Entra ID) and "Access Kubernetes resources with the admin
credential"; names of users and contexts as az CLI shows them. A real local account has a client
certificate beside its token; here it has the token alone.
"""

import base64
import io
from dataclasses import dataclass
from typing import Literal

from ruamel.yaml import YAML

from simulator.arm import TENANT, Json
from simulator.clusters import Cluster
from simulator.kubernetes_state import Insides, entra

type Who = Literal["user", "admin"]

AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"  # the application that stands for every AKS API server
_AKS_CLIENT = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
PREFIX = "/_kubernetes"
_NOBODY_LISTENS = "https://127.0.0.1:1"


def key_of(cluster_id: str) -> str:
    """The segment of a URL that names a cluster: base64url of its lower-case id, without padding."""
    return base64.urlsafe_b64encode(cluster_id.lower().encode()).decode().rstrip("=")


@dataclass(slots=True)
class Kubeconfigs:
    """Writes kubeconfigs. The addresses and authorities (PEM) are known once the simulator listens."""

    insides: Insides
    base_url: str = ""
    authority: bytes = b""
    foreign_authority: bytes = b""

    def server(self, cluster: Cluster) -> str:
        """The address of a cluster's API server."""
        return f"{self.base_url}{PREFIX}/{key_of(cluster.id)}"

    def text(self, cluster: Cluster, who: Who, style: str = "exec") -> str:
        """A kubeconfig as YAML; `style` is exec or azure, for users of Microsoft Entra ID."""
        inside = self.insides.of(cluster)
        mode = inside.hostility.mode if inside.hostility else ""
        authority = self.foreign_authority if mode == "tls" else self.authority
        server = self.server(cluster)
        if mode == "unreachable":
            server = server.replace(self.base_url, _NOBODY_LISTENS)
        name, context = self._names(cluster, who)
        if who == "user" and entra(cluster):
            account = _kubelogin() if style == "exec" else _auth_provider()
        else:
            account = {"token": inside.admin if who == "admin" and cluster.kind == "aks" else inside.user}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": cluster.name,
                    "cluster": {
                        "certificate-authority-data": base64.b64encode(authority).decode(),
                        "server": server,
                    },
                }
            ],
            "contexts": [{"name": context, "context": {"cluster": cluster.name, "user": name}}],
            "current-context": context,
            "preferences": {},
            "users": [{"name": name, "user": account}],
        }
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.width = 1_000_000  # a certificate stays on one line
        stream = io.StringIO()
        yaml.dump(document, stream)
        return stream.getvalue()

    def _names(self, cluster: Cluster, who: Who) -> tuple[str, str]:
        if cluster.kind == "arc":
            return "reader", cluster.name
        role = "clusterAdmin" if who == "admin" else "clusterUser"
        return f"{role}_{cluster.resource_group}_{cluster.name}", cluster.name + ("-admin" if who == "admin" else "")


def _kubelogin() -> Json:
    arguments = ["get-token", "--environment", "AzurePublicCloud", "--server-id", AKS_SERVER]
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "kubelogin",
            "args": [*arguments, "--client-id", _AKS_CLIENT, "--tenant-id", TENANT, "--login", "devicecode"],
            "env": None,
            "installHint": "kubelogin is not installed which is required to connect to AAD enabled cluster.",
            "provideClusterInfo": False,
        }
    }


def _auth_provider() -> Json:
    config = {
        "apiserver-id": AKS_SERVER,
        "client-id": _AKS_CLIENT,
        "config-mode": "1",
        "environment": "AzurePublicCloud",
        "tenant-id": TENANT,
    }
    return {"auth-provider": {"name": "azure", "config": config}}
