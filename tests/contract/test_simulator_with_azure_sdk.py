"""Microsoft's own clients, unmodified, against the simulator."""

from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.kubernetesconfiguration.extensions.aio import KubernetesConfigurationExtensionsMgmtClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest

from simulator.control import Control
from simulator.server import Simulator, running

PLACE = ("rg-ml", "Microsoft.ContainerService", "managedClusters", "aks-1", "azureml")


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator, with the environment that it asks its clients to have."""
    with running() as simulator:
        for name, value in simulator.environment().items():
            monkeypatch.setenv(name, value)
        yield simulator

        assert Control(simulator.url, simulator.ca_file).defects() == []


def body(cluster: str) -> dict:
    """A complete training body for AKS."""
    settings = {
        "enableTraining": "True",
        "cluster_name": cluster,
        "domain": "eastus.cloudapp.azure.com",
        "location": "eastus",
        "relayserver.enabled": "false",
        "servicebus.enabled": "false",
    }
    return {
        "properties": {
            "extensionType": "microsoft.azureml.kubernetes",
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
            "configurationSettings": settings,
        }
    }


def client_of(simulator: Simulator, cluster: str, credential: object) -> KubernetesConfigurationExtensionsMgmtClient:
    """The extensions client, pointed at the simulator as at a sovereign cloud."""
    return KubernetesConfigurationExtensionsMgmtClient(
        credential,
        cluster.split("/")[2],
        base_url=simulator.url,
        credential_scopes=[f"{simulator.url}/.default"],
        connection_verify=simulator.ca_file,
        polling_interval=0.05,
        retry_total=0,
    )


async def test_the_extensions_client_creates_updates_lists_and_deletes(simulator):
    """Its long-running operations end as the service's would, with a managed identity's token."""
    control = Control(simulator.url, simulator.ca_file)
    control.durations(create=0.2, update=0.2, delete=0.2)
    cluster = control.create_cluster(kind="aks", name="aks-1")
    async with (
        ManagedIdentityCredential() as credential,
        client_of(simulator, cluster, credential) as client,
    ):
        created = await (await client.extensions.begin_create(*PLACE, body(cluster))).result()
        patch = {"properties": {"configurationSettings": {"installPromOp": "false"}}}
        updated = await (await client.extensions.begin_update(*PLACE, patch)).result()
        listed = [extension.name async for extension in client.extensions.list(*PLACE[:4])]
        await (await client.extensions.begin_delete(*PLACE)).result()
        with pytest.raises(ResourceNotFoundError):
            await client.extensions.get(*PLACE)

    assert created.properties.provisioning_state == "Succeeded"
    assert updated.properties.configuration_settings["installPromOp"] == "false"
    assert listed == ["azureml"]
    assert control.violations() == []


async def test_the_extensions_client_sees_failures_as_the_service_tells_them(simulator):
    """A failed operation is an error with HTTP status 200; a conflict is ResourceExistsError."""
    control = Control(simulator.url, simulator.ca_file)
    control.durations(create=0.2)
    cluster = control.create_cluster(kind="aks", name="aks-1")
    control.outcome(cluster, fail="Error: no quota")
    async with (
        ManagedIdentityCredential() as credential,
        client_of(simulator, cluster, credential) as client,
    ):
        with pytest.raises(HttpResponseError) as failed:
            await (await client.extensions.begin_create(*PLACE, body(cluster))).result()
        control.outcome(cluster, hang=True)
        await client.extensions.begin_create(*PLACE, body(cluster), polling=False)
        with pytest.raises(ResourceExistsError) as refused:
            await client.extensions.begin_create(*PLACE, body(cluster), polling=False)

    assert failed.value.status_code == 200
    assert failed.value.error is not None
    assert failed.value.error.code == "ExtensionOperationFailed"
    assert refused.value.error is not None
    assert refused.value.error.code == "UpdateFailed"


def test_the_resource_graph_client_reads_clusters(simulator):
    """Synchronously, with the sync credential: its own API version, quota headers and all."""
    from azure.identity import ManagedIdentityCredential as SyncCredential

    control = Control(simulator.url, simulator.ca_file)
    cluster = control.create_cluster(kind="arc", name="edge", tags={"aml-onboard": "true"})
    headers: dict[str, str] = {}
    with (
        SyncCredential() as credential,
        ResourceGraphClient(
            credential, base_url=simulator.url, credential_scopes=[f"{simulator.url}/.default"]
        ) as client,
    ):
        answer = client.resources(
            QueryRequest(query="resources | where tags['aml-onboard'] =~ 'true' | project id"),
            raw_response_hook=lambda pipeline: headers.update(pipeline.http_response.headers),
        )

    assert answer.data == [{"id": cluster}]
    assert headers["x-ms-user-quota-remaining"] == "14"
