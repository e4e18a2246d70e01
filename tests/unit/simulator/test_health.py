"""What the extension's health check refuses once Helm runs."""

import base64
from typing import Any

import pytest

from .conftest import body_for

CERTIFICATE = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n").decode()
KEY = base64.b64encode(b"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n").decode()
INFERENCE = {
    "enableInference": "True",
    "inferenceRouterServiceType": "LoadBalancer",
    "allowInsecureConnections": "True",
}
HTTPS = {**INFERENCE, "allowInsecureConnections": None, "sslCname": "ml.example.com"}
TLS = {"scoringFe.sslCert": CERTIFICATE, "scoringFe.sslKey": KEY}


def install(azure: Any, facts: dict[str, Any], settings: dict[str, Any], protected: dict[str, str]) -> Any:
    """Install on a cluster with these facts; the extension afterwards, with what ARM does not show."""
    cluster = azure.control.create_cluster(**{"kind": "aks", "name": "a", **facts})
    azure.put(cluster, body_for(cluster, settings=settings, configurationProtectedSettings=protected))
    azure.control.advance(5)
    return azure.control.extension(cluster, "azureml")


@pytest.mark.parametrize(
    ("facts", "settings", "protected"),
    [
        ({}, {}, {}),
        ({}, INFERENCE, {}),
        ({"nodes": 2}, {**INFERENCE, "inferenceRouterHA": "false"}, {}),
        ({"nodes": 1}, {}, {}),
        ({}, HTTPS, TLS),
        ({}, {**HTTPS, "sslSecret": "s", "scoringFe.sslSecret": "s"}, {}),
        (
            {},
            {
                **INFERENCE,
                "inferenceRouterServiceType": "nodePort",
                "scoringFe.serviceType.nodePort": "true",
            },
            {},
        ),
    ],
)
def test_a_complete_body_installs(azure, facts, settings, protected):
    """The scenarios of the extension's documentation, with the keys that the CLI derives."""
    extension = install(azure, facts, settings, protected)

    assert extension["healthReport"] == []
    assert extension["properties"]["provisioningState"] == "Succeeded"


@pytest.mark.parametrize(
    ("facts", "settings", "protected", "finding"),
    [
        ({}, {"cluster_name": None}, {}, "cluster_name"),
        ({}, {"domain": None}, {}, "domain"),
        ({}, {"location": None}, {}, "location"),
        ({}, {"relayserver.enabled": None}, {}, "relayserver.enabled"),
        ({}, {"servicebus.enabled": None}, {}, "servicebus.enabled"),
        ({}, {"enableTraining": "False"}, {}, "neither enableTraining nor enableInference"),
        ({"nodes": 2}, INFERENCE, {}, "E40002"),
        ({"nodes": 2}, {**INFERENCE, "InferenceRouterHA": "False"}, {}, "E40002"),
        ({}, HTTPS, {"scoringFe.sslCert": CERTIFICATE}, "E40007"),
        ({}, HTTPS, {"scoringFe.sslCert": "raw pem", "scoringFe.sslKey": KEY}, "E40007"),
        ({}, {**HTTPS, "sslSecret": "s"}, {}, "E40007"),
        ({}, {**HTTPS, "sslCname": None}, TLS, "E40007"),
        ({}, {**INFERENCE, "inferenceRouterServiceType": "NodePort"}, {}, "E40001"),
        ({}, {**INFERENCE, "internalLoadBalancerProvider": "azure"}, {}, "E40003"),
        (
            {"kind": "arc"},
            {**INFERENCE, "scoringFe.serviceType.internalLoadBalancer": "true"},
            {},
            "E40003",
        ),
    ],
)
def test_an_incomplete_body_fails_as_in_the_field(azure, facts, settings, protected, finding):
    """ARM says no more than 'pod healthcheck failed'; the report in the cluster names the cause."""
    extension = install(azure, facts, settings, protected)

    properties = extension["properties"]
    assert properties["provisioningState"] == "Failed"
    assert properties["errorInfo"]["code"] == "ExtensionOperationFailed"
    assert "due to atomic being set: failed pre-install: pod healthcheck failed" in properties["errorInfo"]["message"]
    assert any(finding in line for line in extension["healthReport"])


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"properties": {"servicePrincipalProfile": {"clientId": "5d3f"}}}, "Managed Service Identity"),
        ({"pools": [{"vmSize": "Standard_D4ps_v5"}]}, "timed out waiting for the condition"),
        ({"pools": [{"osType": "Windows"}]}, "timed out waiting for the condition"),
    ],
)
def test_a_cluster_that_cannot_take_the_extension(azure, facts, text):
    """A service principal, or no pool with linux and amd64."""
    extension = install(azure, facts, {}, {})

    assert extension["properties"]["provisioningState"] == "Failed"
    assert text in extension["properties"]["errorInfo"]["message"]


def test_two_extensions_of_the_type_collide(azure):
    """The second one is accepted by ARM and fails on the first one's cluster-wide objects."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.put(cluster, body_for(cluster))
    azure.control.advance(5)

    second = azure.put(cluster, body_for(cluster), name="second")
    azure.control.advance(5)

    assert second.status == 201
    assert "invalid ownership metadata" in azure.get(cluster, "second").body["properties"]["errorInfo"]["message"]


@pytest.mark.parametrize("mistake", [None, "connection", "identity", "openshift"])
def test_arc_needs_its_relay_and_identity(azure, mistake):
    """The relay's present connection string, a system-assigned identity, and openshift where it is one."""
    cluster = azure.control.create_cluster(
        kind="arc", name="edge", nodes=2, facts_after=300, properties={"distribution": "openshift"}
    )
    hybrid, connection = azure.relay(cluster)
    settings = {
        "relayserver.enabled": "true",
        "relayserver.hybridConnectionResourceID": hybrid,
        "openshift": None if mistake == "openshift" else "true",
    }
    sent = "Endpoint=sb://other" if mistake == "connection" else connection
    body = body_for(cluster, settings=settings)
    body["properties"]["configurationProtectedSettings"] = {"relayserver.relayConnectionString": sent}
    if mistake != "identity":
        body["identity"] = {"type": "SystemAssigned"}

    azure.put(cluster, body)
    azure.control.advance(5)

    assert azure.state(cluster) == ("Succeeded" if mistake is None else "Failed")
    assert len(azure.control.extension(cluster, "azureml")["healthReport"]) == (0 if mistake is None else 1)
