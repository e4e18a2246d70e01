"""Extensions through the official client: list, create, update, delete, and writes that go wrong."""

import pytest

from shared.azure.extensions import Extensions
from shared.errors import InProgress, NotAuthorized, Paced, Refused, Throttled, Unavailable
from shared.model.identity import ClusterId
from simulator.control import Control

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
TYPE = "Microsoft.AzureML.Kubernetes"


@pytest.fixture
def extensions(arm):
    """The adapter."""
    return Extensions(arm)


@pytest.fixture
def cluster(control: Control) -> ClusterId:
    """An AKS cluster; what is sent to it takes ten simulated seconds."""
    control.durations(create=10, update=10, delete=10)
    return ClusterId.parse(control.create_cluster(kind="aks", name="aks-1", subscription=SUBSCRIPTION))


def body(**settings: str) -> dict:
    """A training body for AKS."""
    return {
        "properties": {
            "extensionType": TYPE,
            "autoUpgradeMinorVersion": True,
            "releaseTrain": "stable",
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
            "configurationSettings": {
                "enableTraining": "True",
                "cluster_name": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ml",
                "domain": "eastus.cloudapp.azure.com",
                "location": "eastus",
                "relayserver.enabled": "false",
                "servicebus.enabled": "false",
            }
            | settings,
            "configurationProtectedSettings": {"relayServerConnectionString": "secret"},
        }
    }


async def test_a_life_of_an_extension(extensions, cluster, control):
    """Created, updated by merging, deleted; each call returns once the service has accepted it."""
    assert await extensions.list(cluster) == ()
    await extensions.create(cluster, "azureml", body())
    (creating,) = await extensions.list(cluster)
    control.advance(11)
    (created,) = await extensions.list(cluster)
    await extensions.update(cluster, "azureml", {"properties": {"configurationSettings": {"installPromOp": "false"}}})
    control.advance(11)
    (updated,) = await extensions.list(cluster)
    await extensions.delete(cluster, "azureml")
    (deleting,) = await extensions.list(cluster)
    control.advance(11)

    assert creating.provisioning_state == "Creating"
    assert (created.name, created.type.lower(), created.provisioning_state) == ("azureml", TYPE.lower(), "Succeeded")
    assert created.settings["enableTraining"] == "True"
    assert created.created_by
    assert updated.settings == {**created.settings, "installPromOp": "false"}
    assert deleting.provisioning_state == "Deleting"
    assert await extensions.list(cluster) == ()
    assert control.violations() == []


async def test_nothing_waits_for_an_end(extensions, cluster, control):
    """A write is one request: no operation is polled, none is forced."""
    await extensions.create(cluster, "azureml", body())
    control.advance(11)
    await extensions.delete(cluster, "azureml")
    requests = [each for each in control.requests() if each["service"] != "identity"]

    assert [(each["method"], each["service"]) for each in requests] == [
        ("PUT", "extensions"),
        ("DELETE", "extensions"),
    ]
    assert "forceDelete" not in str(requests[1]["query"])


async def test_protected_values_are_never_read_back(extensions, cluster, control):
    """The service keeps them; our facts have no place for them."""
    await extensions.create(cluster, "azureml", body())
    control.advance(11)
    listed = await extensions.list(cluster)

    assert "secret" not in repr(listed)
    assert control.extension(str(cluster), "azureml")["protectedKeys"] == ["relayServerConnectionString"]


async def test_everything_on_the_cluster_is_listed(extensions, cluster, control):
    """Other types, other names, failures with their error, and the platform's own."""
    control.put_extension(str(cluster), "flux", {"extensionType": "microsoft.flux"})
    control.put_extension(
        str(cluster),
        "ml",
        {"extensionType": TYPE, "isSystemExtension": True},
        created_by="somebody@example.com",
        state="Failed",
    )
    found = {each.name: each for each in await extensions.list(cluster)}

    assert set(found) == {"flux", "ml"}
    assert not found["flux"].azureml
    assert found["ml"].azureml
    assert found["ml"].error_code == "ExtensionOperationFailed"
    assert found["ml"].error_message
    assert found["ml"].created_by == "somebody@example.com"
    assert found["ml"].system_managed


async def test_an_operation_that_runs_refuses_the_next(extensions, cluster):
    """409 UpdateFailed: it may be tried again later."""
    await extensions.create(cluster, "azureml", body())
    with pytest.raises(InProgress) as raised:
        await extensions.update(cluster, "azureml", {"properties": {"configurationSettings": {"a": "b"}}})

    assert raised.value.code == "UpdateFailed"


async def test_an_unregistered_provider_is_refused_for_good(extensions, cluster, control):
    """409 MissingSubscriptionRegistration is no operation that passes: somebody has to register it."""
    control.register_provider(SUBSCRIPTION, "Microsoft.KubernetesConfiguration", "NotRegistered")
    with pytest.raises(Refused) as raised:
        await extensions.create(cluster, "azureml", body())

    assert raised.value.code == "MissingSubscriptionRegistration"
    assert "Microsoft.KubernetesConfiguration" in raised.value.message


async def test_a_body_that_the_service_refuses_is_refused(extensions, cluster):
    """400 with Azure's own words."""
    wrong = body()
    wrong["properties"]["configurationSettings"] = {"a": {"nested": "map"}}
    with pytest.raises(Refused) as raised:
        await extensions.create(cluster, "azureml", wrong)

    assert raised.value.status == 400


WRITES = {
    "create": lambda extensions, cluster: extensions.create(cluster, "azureml", body()),
    "update": lambda extensions, cluster: extensions.update(
        cluster, "azureml", {"properties": {"configurationSettings": {"installPromOp": "false"}}}
    ),
    "delete": lambda extensions, cluster: extensions.delete(cluster, "azureml"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503, "headers": {"Retry-After": "5"}},
        {"kind": "timeout"},
        {"kind": "reset"},
    ],
    ids=["500", "503", "silence", "reset"],
)
@pytest.mark.usefixtures("impatient")
async def test_a_write_that_took_effect_unanswered_is_ambiguous(extensions, cluster, control, write, fault):
    """Whatever went wrong after the effect: Unavailable, and the write went out once."""
    if write != "create":
        control.put_extension(str(cluster), "azureml", body()["properties"])
    control.add_fault(service="extensions", when="after", **fault)
    with pytest.raises(Unavailable):
        await WRITES[write](extensions, cluster)

    assert len(control.writes()) == 1
    assert control.violations() == []
    state = control.extension(str(cluster), "azureml")["properties"]["provisioningState"]
    assert state == {"create": "Creating", "update": "Updating", "delete": "Deleting"}[write]


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_that_is_refused_says_what_was_asked(extensions, cluster, control, write):
    """403 and 429 arrive before any effect, with the name of the extension; after a 429 nothing is sent for as long."""
    if write != "create":
        control.put_extension(str(cluster), "azureml", body()["properties"])
    control.deny(SUBSCRIPTION)
    with pytest.raises(NotAuthorized, match=f"refused to {write} the extension 'azureml'"):
        await WRITES[write](extensions, cluster)
    control.allow(SUBSCRIPTION)
    control.add_fault(service="extensions", kind="status", status=429, headers={"Retry-After": "9"}, times=1)
    with pytest.raises(Throttled, match=f"refused to {write} the extension 'azureml'") as throttled:
        await WRITES[write](extensions, cluster)
    asked = len(control.requests())
    with pytest.raises(Paced):
        await WRITES[write](extensions, cluster)

    assert len(control.requests()) == asked
    assert throttled.value.retry_after == 9


@pytest.mark.usefixtures("impatient")
async def test_a_list_that_cannot_be_had_is_no_empty_list(extensions, cluster, control):
    """An outage is an error, whatever it is."""
    for fault in ({"kind": "status", "status": 503}, {"kind": "timeout"}, {"kind": "reset"}):
        control.clear_faults()
        control.add_fault(service="extensions", **fault)
        with pytest.raises(Unavailable):
            await extensions.list(cluster)
