"""The life cycle of an extension, over HTTPS."""

import pytest

from .conftest import EXTENSION, body_for


def test_a_new_extension_is_created_and_succeeds(azure):
    """201 with the operation's address and no Retry-After; Creating until the clock says so."""
    cluster = azure.control.create_cluster(kind="aks", name="Aks-1")

    answer = azure.put(cluster.lower(), body_for(cluster))

    assert answer.status == 201
    assert answer.body["properties"]["provisioningState"] == "Creating"
    assert answer.body["properties"]["extensionType"] == "microsoft.azureml.kubernetes"
    assert answer.body["id"] == f"{cluster}{EXTENSION}/azureml"
    assert "Retry-After" not in answer.headers
    operation = answer.headers["Azure-AsyncOperation"]
    assert operation.endswith("?api-Version=2025-03-01")
    path = operation.removeprefix(azure.simulator.url)
    assert azure.arm("GET", path, version=None).body["status"] == "Creating"

    azure.control.advance(2)

    assert azure.arm("GET", path, version=None).body["status"] == "Succeeded"
    shown = azure.get(cluster).body["properties"]
    assert shown["provisioningState"] == "Succeeded"
    assert shown["aksAssignedIdentity"]["principalId"]


def test_current_version_appears_before_the_operation_ends(azure):
    """Success must not be derived from currentVersion: it is there while the state is Creating."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.durations(create=1000)
    azure.put(cluster, body_for(cluster))

    azure.control.advance(600)

    shown = azure.get(cluster).body["properties"]
    assert shown["currentVersion"]
    assert shown["provisioningState"] == "Creating"


def test_protected_values_are_never_returned(azure):
    """Not by PUT, GET or LIST, not in Resource Graph and not in the journal; their keys are in both logs."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    body = body_for(cluster, configurationProtectedSettings={"scoringFe.sslKey": "c2VjcmV0"})
    query = {"query": "kubernetesconfigurationresources"}

    answers = [
        azure.put(cluster, body),
        azure.get(cluster),
        azure.arm("GET", cluster + EXTENSION),
        azure.arm("POST", "/providers/Microsoft.ResourceGraph/resources", query, version="2024-04-01"),
    ]

    assert [answer.status for answer in answers] == [201, 200, 200, 200]
    assert not any("c2VjcmV0" in str(answer.body) for answer in answers)
    assert answers[0].body["properties"]["configurationProtectedSettings"] == {}
    assert azure.control.extensions(cluster)[0]["protectedKeys"] == ["scoringFe.sslKey"]
    logged = azure.control.writes()[0]["body"]["properties"]["configurationProtectedSettings"]
    assert logged == {"scoringFe.sslKey": "***"}


def test_put_on_an_existing_extension_replaces_it(azure):
    """200, and what the second body leaves out is gone."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.put(cluster, body_for(cluster, settings={"extra": "1"}))
    azure.control.advance(5)

    answer = azure.put(cluster, body_for(cluster))

    assert answer.status == 200
    assert answer.body["properties"]["provisioningState"] == "Updating"
    assert "extra" not in answer.body["properties"]["configurationSettings"]


def test_patch_merges_settings_and_replaces_protected_ones(azure):
    """Settings are merged key by key; the protected map is replaced whole when it is sent, kept otherwise."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.put(cluster, body_for(cluster, configurationProtectedSettings={"one": "1", "two": "2"}))
    azure.control.advance(5)
    path = f"{cluster}{EXTENSION}/azureml"

    kept = azure.arm("PATCH", path, {"properties": {"configurationSettings": {"new": "x"}}})
    azure.control.advance(5)

    assert kept.status == 202
    assert kept.body["properties"]["provisioningState"] == "Updating"
    inside = azure.control.extension(cluster, "azureml")
    assert inside["properties"]["configurationSettings"]["enableTraining"] == "True"
    assert inside["properties"]["configurationSettings"]["new"] == "x"
    assert inside["protectedKeys"] == ["one", "two"]

    azure.arm("PATCH", path, {"properties": {"configurationProtectedSettings": {"two": "3"}}})
    azure.control.advance(5)

    assert azure.control.extension(cluster, "azureml")["protectedKeys"] == ["two"]


def test_patch_that_changes_nothing_is_answered_200(azure):
    """'No update is done': no operation begins."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.put(cluster, body_for(cluster))
    azure.control.advance(5)

    same = {"properties": {"configurationSettings": {"enableTraining": "True"}}}
    answer = azure.arm("PATCH", f"{cluster}{EXTENSION}/azureml", same)

    assert answer.status == 200
    assert answer.body["properties"]["provisioningState"] == "Succeeded"


def test_delete_is_asynchronous_and_204_where_nothing_is(azure):
    """202, Deleting, 404; the operation outlives the extension."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.put(cluster, body_for(cluster))
    azure.control.advance(5)
    path = f"{cluster}{EXTENSION}/azureml"

    answer = azure.arm("DELETE", path)

    assert answer.status == 202
    assert azure.state(cluster) == "Deleting"
    azure.control.advance(5)
    assert azure.get(cluster).status == 404
    operation = answer.headers["Azure-AsyncOperation"].removeprefix(azure.simulator.url)
    assert azure.arm("GET", operation, version=None).body["status"] == "Succeeded"
    assert azure.arm("DELETE", path).status == 204


def test_forced_delete_leaves_the_release_behind(azure):
    """200 and gone from ARM at once; an install under the same name then meets the old Helm release."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.put(cluster, body_for(cluster))
    azure.control.advance(5)

    answer = azure.arm("DELETE", f"{cluster}{EXTENSION}/azureml?forceDelete=true")

    assert answer.status == 200
    assert azure.get(cluster).status == 404
    azure.put(cluster, body_for(cluster))
    azure.control.advance(5)
    assert "cannot re-use a name" in azure.get(cluster).body["properties"]["errorInfo"]["message"]


def test_a_write_during_an_operation_is_refused_and_recorded(azure):
    """409 for another extension of the same cluster too, not for another cluster; each is a violation."""
    first = azure.control.create_cluster(kind="aks", name="a")
    other = azure.control.create_cluster(kind="aks", name="b")
    azure.control.durations(create=600)
    azure.put(first, body_for(first))

    flux = {"properties": {"extensionType": "microsoft.flux"}}
    refused = azure.put(first, flux, name="flux")
    elsewhere = azure.put(other, body_for(other))

    assert (refused.status, refused.code) == (409, "UpdateFailed")
    assert "conflicting operation in progress" in refused.message
    assert elsewhere.status == 201
    violations = azure.control.violations()
    assert [(one["cluster"], one["method"]) for one in violations] == [(first, "PUT")]


def test_a_failed_create_leaves_no_release(azure):
    """Helm runs atomic: no currentVersion, nothing serves; the error stands in body and operation."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.outcome(cluster, fail="Error: quota")

    answer = azure.put(cluster, body_for(cluster))
    azure.control.advance(5)

    shown = azure.get(cluster).body["properties"]
    assert shown["provisioningState"] == "Failed"
    assert shown["currentVersion"] is None
    assert shown["errorInfo"] == {"code": "ExtensionOperationFailed", "message": "Error: quota"}
    operation = answer.headers["Azure-AsyncOperation"].removeprefix(azure.simulator.url)
    failed = azure.arm("GET", operation, version=None)
    assert failed.status == 200
    assert (failed.body["status"], failed.body["error"]["code"]) == ("Failed", "ExtensionOperationFailed")
    assert azure.control.extension(cluster, "azureml")["serving"] is None

    azure.put(cluster, body_for(cluster))
    azure.control.advance(5)
    assert azure.state(cluster) == "Succeeded"


def test_a_failed_update_leaves_the_old_release_serving(azure):
    """ARM shows the new settings and Failed; the cluster runs with the old ones and the old version."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.put(cluster, body_for(cluster))
    azure.control.advance(5)

    wrong = {"enableInference": "True", "inferenceRouterServiceType": "LoadBalancer"}
    azure.arm("PATCH", f"{cluster}{EXTENSION}/azureml", {"properties": {"configurationSettings": wrong}})
    azure.control.advance(5)

    inside = azure.control.extension(cluster, "azureml")
    assert inside["properties"]["provisioningState"] == "Failed"
    assert "rolled back due to atomic being set" in inside["properties"]["errorInfo"]["message"]
    assert inside["properties"]["configurationSettings"]["enableInference"] == "True"
    assert "enableInference" not in inside["serving"]["settings"]
    assert inside["properties"]["currentVersion"] == inside["serving"]["version"]


def test_a_hanging_operation_ends_when_it_is_let_go(azure):
    """It stays Creating for hours, and ends by its own merit afterwards."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.outcome(cluster, hang=True)
    azure.put(cluster, body_for(cluster))

    azure.control.advance(12 * 3600)
    assert azure.state(cluster) == "Creating"

    azure.control.outcome(cluster)
    assert azure.state(cluster) == "Succeeded"


def test_an_unreachable_arc_cluster_keeps_an_operation_pending_for_48_hours(azure):
    """Then it fails, and the service has dropped the protected settings."""
    cluster = azure.control.create_cluster(kind="arc", name="edge", properties={"connectivityStatus": "Offline"})
    azure.put(cluster, body_for(cluster, configurationProtectedSettings={"a": "b"}))

    azure.control.advance(47 * 3600)
    assert azure.state(cluster) == "Creating"

    azure.control.advance(2 * 3600)
    assert azure.state(cluster) == "Failed"
    assert azure.control.extension(cluster, "azureml")["protectedKeys"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"configurationSettings": {"enableTraining": True}}, 400, "InvalidRequestContent"),
        ({"version": "1.1.79", "autoUpgradeMinorVersion": True}, 400, "BadRequest"),
        ({"scope": {"namespace": {"targetNamespace": "azureml"}}}, 400, "BadRequest"),
        ({"unheardOf": 1}, 400, "InvalidRequestContent"),
    ],
)
def test_what_the_service_would_refuse_is_refused(azure, change, status, code):
    """Values that are no strings, a pinned version with upgrades on, namespace scope, unknown properties."""
    cluster = azure.control.create_cluster(kind="aks", name="a")

    answer = azure.put(cluster, body_for(cluster, **change))

    assert (answer.status, answer.code) == (status, code)
    assert azure.control.extensions(cluster) == []


def test_an_identity_on_aks_is_refused(azure):
    """On managedClusters the service makes the identity itself."""
    cluster = azure.control.create_cluster(kind="aks", name="a")

    answer = azure.put(cluster, {**body_for(cluster), "identity": {"type": "SystemAssigned"}})

    assert answer.status == 400
    assert "Failed to perform resource identity operation" in answer.message


def test_an_unregistered_provider_is_409(azure):
    """Registering takes a while; then the same request is accepted."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    subscription = cluster.split("/")[2]
    azure.control.register_provider(subscription, "Microsoft.KubernetesConfiguration", "NotRegistered")
    register = f"/subscriptions/{subscription}/providers/Microsoft.KubernetesConfiguration/register"

    refused = azure.put(cluster, body_for(cluster))
    registering = azure.arm("POST", register)
    azure.control.advance(10)

    assert (refused.status, refused.code) == (409, "MissingSubscriptionRegistration")
    assert registering.body["registrationState"] == "Registering"
    assert azure.put(cluster, body_for(cluster)).status == 201


def test_an_aks_cluster_that_is_being_changed_refuses_extensions(azure):
    """409 while its provisioning state is not Succeeded; that is the cluster's doing, no violation."""
    cluster = azure.control.create_cluster(kind="aks", name="a", properties={"provisioningState": "Updating"})

    answer = azure.put(cluster, body_for(cluster))

    assert answer.status == 409
    assert "Another operation is in progress" in answer.message
    assert azure.control.violations() == []


def test_a_deleted_cluster_takes_its_extensions_with_it(azure):
    """An operation that was running does not bring rows back."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.put(cluster, body_for(cluster))
    azure.control.delete_cluster(cluster)
    azure.control.advance(60)

    query = {"query": "kubernetesconfigurationresources | project id"}
    rows = azure.arm("POST", "/providers/Microsoft.ResourceGraph/resources", query, version="2024-04-01")

    assert azure.get(cluster).code == "ResourceNotFound"
    assert rows.body["data"] == []
