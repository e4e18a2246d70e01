"""A simulator for each test, and a small client that speaks ARM to it."""

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulator.control import Control
from simulator.server import Simulator, running

EXTENSION = "/providers/Microsoft.KubernetesConfiguration/extensions"


@dataclass(frozen=True)
class Answer:
    """Status, headers and parsed body of one response."""

    status: int
    headers: http.client.HTTPMessage
    body: Any

    @property
    def code(self) -> str:
        """The error's code, wrapped or not."""
        return str(self.body.get("error", self.body).get("code"))

    @property
    def message(self) -> str:
        """The error's message."""
        return str(self.body.get("error", self.body).get("message"))


class Azure:
    """A running simulator: `arm` to ask it as a client would, `control` to change the world."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.control = Control(simulator.url, simulator.ca_file)
        self.token = self.control.token()
        self._tls = ssl.create_default_context(cafile=simulator.ca_file)

    def arm(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str | None = "2025-03-01",
        token: str | None = None,
        timeout: float = 10,
    ) -> Answer:
        """One request to Resource Manager."""
        query = f"{'&' if '?' in path else '?'}api-version={version}" if version else ""
        headers = {"Authorization": f"Bearer {token if token is not None else self.token}"}
        parts = urlsplit(self.simulator.url)
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=self._tls, timeout=timeout)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path + query, content, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        return Answer(answer.status, answer.headers, json.loads(data) if data else None)

    def put(self, cluster: str, body: dict[str, Any], name: str = "azureml") -> Answer:
        """PUT of an extension."""
        return self.arm("PUT", f"{cluster}{EXTENSION}/{name}", body)

    def get(self, cluster: str, name: str = "azureml") -> Answer:
        """GET of an extension."""
        return self.arm("GET", f"{cluster}{EXTENSION}/{name}")

    def state(self, cluster: str, name: str = "azureml") -> str:
        """An extension's provisioning state."""
        return str(self.get(cluster, name).body["properties"]["provisioningState"])

    def relay(self, cluster: str) -> tuple[str, str]:
        """Prepare the relay objects of an Arc cluster; the hybrid connection's id and its connection string."""
        group, name = cluster.split("/providers/", maxsplit=1)[0], cluster.rsplit("/", 1)[1]
        namespace = f"{group}/providers/Microsoft.Relay/namespaces/{name.replace('-', '')}relay"
        hybrid = f"{namespace}/hybridConnections/{name}"
        rule = f"{hybrid}/authorizationRules/azureml_rw"
        version = "2017-04-01"
        self.arm("PUT", namespace, {"location": "eastus"}, version=version)
        self.control.advance(1)
        self.arm("PUT", hybrid, {"properties": {"requiresClientAuthorization": True}}, version=version)
        rights = {"properties": {"rights": ["Manage", "Send", "Listen"]}}
        self.arm("PUT", rule, rights, version=version)
        keys = self.arm("POST", f"{rule}/listKeys", version=version).body
        return hybrid, keys["primaryConnectionString"]


def body_for(cluster: str, *, settings: dict[str, str | None] | None = None, **properties: Any) -> dict[str, Any]:
    """A training body that is complete on AKS; a setting of None is left out."""
    derived: dict[str, str | None] = {
        "enableTraining": "True",
        "cluster_name": cluster,
        "domain": "eastus.cloudapp.azure.com",
        "location": "eastus",
        "relayserver.enabled": "false",
        "servicebus.enabled": "false",
        **(settings or {}),
    }
    return {
        "properties": {
            "extensionType": "Microsoft.AzureML.Kubernetes",
            "autoUpgradeMinorVersion": True,
            "releaseTrain": "stable",
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
            "configurationSettings": {key: value for key, value in derived.items() if value is not None},
            "configurationProtectedSettings": {},
            **properties,
        }
    }


@pytest.fixture
def azure() -> Iterator[Azure]:
    """A simulator of its own; at the end it must not have caught itself at a mistake."""
    with running() as simulator:
        azure = Azure(simulator)
        yield azure

        assert azure.control.defects() == []
