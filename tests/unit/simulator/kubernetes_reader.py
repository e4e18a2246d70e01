"""Reads API servers of the simulator, for the tests beside it."""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import kubernetes
from ruamel.yaml import YAML

AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
BOTH = {"enableTraining": "True", "enableInference": "True", "inferenceRouterServiceType": "LoadBalancer"}


def identity_token(azure: Any, resource: str) -> str:
    """A token of the identity endpoint, for a resource."""
    environment = azure.simulator.environment()
    parts = urlsplit(environment["IDENTITY_ENDPOINT"])
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        headers = {"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]}
        connection.request("GET", f"{parts.path}?{urlencode({'resource': resource})}", headers=headers)
        return YAML(typ="safe").load(connection.getresponse().read())["access_token"]
    finally:
        connection.close()


@contextmanager
def client(azure: Any, cluster: str, *, token: str | None = None) -> Iterator[Any]:
    """The official client, by the cluster's kubeconfig; with a token of one's own where it is an Entra cluster."""
    config = YAML(typ="safe").load(azure.control.kubeconfig(cluster))
    if token is not None:
        config["users"][0]["user"] = {"token": token}
    configuration = kubernetes.client.Configuration()
    configuration.retries = False
    kubernetes.config.load_kube_config_from_dict(config, client_configuration=configuration)
    made = kubernetes.client.ApiClient(configuration)
    try:
        yield made
    finally:
        made.rest_client.pool_manager.clear()
        made.close()


def raw(azure: Any, cluster: str, path: str, *, token: str | None = None, size: int | None = None) -> tuple[int, bytes]:
    """Status and (the beginning of the) body of one GET."""
    parts = urlsplit(azure.control.kubernetes_url(cluster) + path)
    tls = ssl.create_default_context(cafile=azure.simulator.ca_file)
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=tls, timeout=2)
    held = token if token is not None else identity_token(azure, AKS_SERVER)
    try:
        connection.request("GET", parts.path + "?" + parts.query, headers={"Authorization": f"Bearer {held}"})
        answer = connection.getresponse()
        return answer.status, answer.read(size)
    finally:
        connection.close()


def listed(azure: Any, cluster: str, path: str, token: str | None = None) -> list[dict[str, Any]]:
    """The items of a list."""
    status, body = raw(azure, cluster, path, token=token)
    assert status == 200
    return YAML(typ="safe").load(body)["items"]


def names(items: list[dict[str, Any]]) -> set[str]:
    """The names of objects."""
    return {item["metadata"]["name"] for item in items}


def static_token(azure: Any, cluster: str) -> str | None:
    """The kubeconfig's token; None where there is none, since the cluster has Microsoft Entra ID."""
    user = YAML(typ="safe").load(azure.control.kubeconfig(cluster))["users"][0]["user"]
    return user.get("token")


def installed(azure: Any, settings: dict[str, str], *, version: str | None = None, **facts: Any) -> str:
    """A cluster with the extension planted."""
    cluster = azure.control.create_cluster(**{"kind": "aks", "name": "a", **facts})
    azure.control.put_extension(cluster, "azureml", {"configurationSettings": settings, "version": version})
    return cluster
