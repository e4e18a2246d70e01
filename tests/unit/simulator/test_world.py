"""Clusters, tags, relay objects, identities, rights, limits, faults and the log, over HTTPS."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from simulator.clock import Clock
from simulator.control import ControlError
from simulator.roles import Roles, action_of
from simulator.server import running

from .conftest import EXTENSION, Azure, body_for

GROUP = "/subscriptions/s/resourceGroups/g"
OTHER = "33333333-3333-3333-3333-333333333333"


def graph(azure, query, **more):
    """Rows of a Resource Graph query."""
    body = {"query": query, **more}
    return azure.arm("POST", "/providers/Microsoft.ResourceGraph/resources", body, version="2024-04-01").body["data"]


def test_a_cluster_is_found_in_any_letter_case(azure):
    """The body comes in ARM's letter case."""
    cluster = azure.control.create_cluster(kind="aks", name="Aks-ML", resource_group="RG-Ml", tags={"Env": "P"})

    answer = azure.arm("GET", cluster.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))

    assert answer.status == 200
    assert answer.body["id"] == cluster
    assert answer.body["tags"] == {"Env": "P"}
    assert answer.body["properties"]["servicePrincipalProfile"] == {"clientId": "msi"}


def test_facts_of_an_arc_cluster_arrive_later(azure):
    """Null at first, OpenShift's distribution too; then ARM and Resource Graph both show them."""
    cluster = azure.control.create_cluster(
        kind="arc", name="edge", nodes=2, facts_after=300, properties={"distribution": "openshift"}
    )
    query = "resources | project nodes = properties.totalNodeCount, distribution = properties.distribution"

    before = azure.arm("GET", cluster).body["properties"]
    rows_before = graph(azure, query)
    azure.control.advance(301)
    after = azure.arm("GET", cluster).body["properties"]

    facts = ("kubernetesVersion", "totalNodeCount", "totalCoreCount", "agentVersion", "distribution")
    assert [before[fact] for fact in facts] == [None] * 5
    assert rows_before == [{"nodes": None, "distribution": None}]
    assert (after["totalNodeCount"], after["distribution"]) == (2, "openshift")
    assert graph(azure, query) == [{"nodes": 2, "distribution": "openshift"}]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subscriptions/nonsense/resourceGroups/rg-ml", "InvalidSubscriptionId"),
        (f"/subscriptions/{OTHER}/resourceGroups/rg-ml", "SubscriptionNotFound"),
        ("{group}x/providers/Microsoft.ContainerService/managedClusters/a", "ResourceGroupNotFound"),
        ("{group}/providers/Microsoft.ContainerService/managedClusters/b", "ResourceNotFound"),
        ("{cluster}" + EXTENSION + "/azureml", "ResourceNotFound"),
    ],
)
def test_what_is_missing_is_named(azure, path, code):
    """404 (400 for a malformed subscription id) with ARM's code for the part that is missing."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    group = cluster.split("/providers/")[0]

    answer = azure.arm("GET", path.format(cluster=cluster, group=group))

    assert answer.status == (400 if code == "InvalidSubscriptionId" else 404)
    assert answer.code == code


def test_tags_are_replaced_merged_and_deleted(azure):
    """PUT replaces, PATCH does as its operation says; the cluster shows the result."""
    cluster = azure.control.create_cluster(kind="arc", name="edge", tags={"a": "1", "b": "2"})
    path = f"{cluster}/providers/Microsoft.Resources/tags/default"

    azure.arm("PATCH", path, {"operation": "Merge", "properties": {"tags": {"B": "3"}}})
    merged = azure.arm("GET", cluster).body["tags"]
    azure.arm("PATCH", path, {"operation": "Delete", "properties": {"tags": {"a": ""}}})
    deleted = azure.arm("GET", path).body["properties"]["tags"]
    azure.arm("PUT", path, {"properties": {"tags": {"c": "4"}}})

    assert merged == {"a": "1", "B": "3"}
    assert deleted == {"B": "3"}
    assert azure.arm("GET", cluster).body["tags"] == {"c": "4"}
    assert graph(azure, "resources | project tags") == [{"tags": {"c": "4"}}]


def test_relay_objects_come_step_by_step(azure):
    """Parent missing, namespace accepted and not ready, then hybrid connection, rule, keys."""
    cluster = azure.control.create_cluster(kind="arc", name="edge")
    namespace = cluster.split("/providers/")[0] + "/providers/Microsoft.Relay/namespaces/edgerelay"
    hybrid = f"{namespace}/hybridConnections/edge"
    version = "2017-04-01"

    missing = azure.arm("GET", hybrid, version=version)
    created = azure.arm("PUT", namespace, {"location": "eastus", "tags": {"created_by": "x"}}, version=version)
    early = azure.arm("PUT", hybrid, {"properties": {}}, version=version)
    azure.control.advance(1)
    again = azure.arm("PUT", namespace, {"location": "eastus"}, version=version)

    assert (missing.status, missing.code) == (404, "ParentResourceNotFound")
    assert (created.status, created.body["properties"]["provisioningState"]) == (201, "Accepted")
    assert early.status == 409
    assert (again.status, again.body["properties"]["provisioningState"]) == (200, "Succeeded")
    assert azure.arm("GET", hybrid, version=version).code == "ResourceNotFound"
    hybrid_id, connection = azure.relay(cluster)
    assert hybrid_id.lower() == hybrid.lower()
    assert connection.startswith("Endpoint=sb://edgerelay.servicebus.windows.net/;SharedAccessKeyName=azureml_rw;")
    assert connection in azure.control.relays()[0]["connectionStrings"]


def test_a_relay_namespace_must_have_a_dns_name(azure):
    """It begins with a letter; a name derived from a cluster called 1edge does not."""
    cluster = azure.control.create_cluster(kind="arc", name="1edge")
    namespace = cluster.split("/providers/")[0] + "/providers/Microsoft.Relay/namespaces/1edgerelay"

    assert azure.arm("PUT", namespace, {"location": "eastus"}, version="2017-04-01").status == 400


def test_tokens_come_from_the_identity_endpoint_and_are_checked(azure):
    """App Service's shape; without a token, with a forged one or one for another resource: 401."""
    environment = azure.simulator.environment()
    cluster = azure.control.create_cluster(kind="aks", name="a")

    def token(resource, header):
        address = urlsplit(environment["IDENTITY_ENDPOINT"])
        connection = http.client.HTTPConnection(address.netloc, timeout=10)
        try:
            query = f"?api-version=2019-08-01&resource={resource}"
            connection.request("GET", address.path + query, headers={"X-IDENTITY-HEADER": header})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    refused, _ = token(environment["MUSTER_ARM_AUDIENCE"], "wrong")
    _, given = token(environment["MUSTER_ARM_AUDIENCE"], environment["IDENTITY_HEADER"])
    wrong = token("https://vault.azure.net", environment["IDENTITY_HEADER"])[1]["access_token"]

    assert refused == 401
    assert set(given) >= {"access_token", "expires_on", "resource", "token_type"}
    assert azure.arm("GET", cluster, token=given["access_token"]).status == 200
    assert azure.arm("GET", cluster, token=wrong).code == "InvalidAuthenticationTokenAudience"
    assert azure.arm("GET", cluster, token="a.b.c").code == "InvalidAuthenticationToken"
    assert azure.arm("GET", cluster, version=None).code == "MissingApiVersionParameter"
    assert azure.control.requests()[-1]["caller"] == environment["AZURE_CLIENT_ID"]


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/subscriptions/s", "Microsoft.Resources/subscriptions/read"),
        ("GET", "/subscriptions/s/resourceGroups/g", "Microsoft.Resources/subscriptions/resourceGroups/read"),
        ("POST", "/subscriptions/s/providers/Microsoft.Relay/register", "Microsoft.Relay/register/action"),
        ("POST", "/providers/Microsoft.ResourceGraph/resources", "Microsoft.ResourceGraph/resources/read"),
        (
            "GET",
            GROUP + "/providers/M.K/c/n/providers/Microsoft.KubernetesConfiguration/extensions/e/operations/o",
            "Microsoft.KubernetesConfiguration/extensions/operations/read",
        ),
        (
            "POST",
            GROUP + "/providers/Microsoft.Relay/namespaces/n/hybridConnections/h/authorizationRules/r/listKeys",
            "Microsoft.Relay/namespaces/hybridConnections/authorizationRules/listKeys/action",
        ),
        (
            "PATCH",
            "/subscriptions/s/resourceGroups/g/providers/M.K/c/n/providers/Microsoft.Resources/tags/default",
            "Microsoft.Resources/tags/write",
        ),
    ],
)
def test_the_action_follows_from_method_and_path(method, path, action):
    """ARM's general rule: resource type and read, write, delete or the last segment's action."""
    assert action_of(method, path) == action


def test_actions_that_the_role_lacks_are_refused():
    """403 AuthorizationFailed in ARM's words; wildcards and NotActions count, letter case does not."""
    roles = Roles(
        [
            {"Actions": ["microsoft.containerservice/*/READ"]},
            {
                "Actions": ["Microsoft.KubernetesConfiguration/extensions/*"],
                "NotActions": ["Microsoft.KubernetesConfiguration/extensions/delete"],
            },
        ]
    )
    with running(roles=roles) as simulator:
        azure = Azure(simulator)
        cluster = azure.control.create_cluster(kind="aks", name="a")
        path = f"{cluster}{EXTENSION}/azureml"

        refused = azure.arm("DELETE", path)

        assert azure.arm("GET", cluster).status == 200
        assert azure.put(cluster, body_for(cluster)).status == 201
        assert (refused.status, refused.code) == (403, "AuthorizationFailed")
        assert "'Microsoft.KubernetesConfiguration/extensions/delete'" in refused.message
        assert azure.arm("GET", cluster.split("/providers/")[0]).status == 403


def test_a_denied_subscription_is_closed_and_hidden(azure):
    """403 to every call, no row in Resource Graph; given back, all is as before."""
    cluster = azure.control.create_cluster(kind="aks", name="a", subscription=OTHER)
    azure.control.create_cluster(kind="aks", name="b")
    azure.control.deny(OTHER)

    refused = azure.arm("GET", cluster)
    rows = graph(azure, "resources | project name")
    azure.control.allow(OTHER)

    assert refused.code == "AuthorizationFailed"
    assert rows == [{"name": "b"}]
    assert azure.arm("GET", cluster).status == 200


def test_management_groups_stand_in_resource_containers(azure):
    """Membership is told by managementGroupAncestorsChain."""
    azure.control.add_subscription(OTHER, management_groups=["ml-prod", "root"])

    rows = graph(azure, "resourcecontainers | project subscriptionId, properties")

    assert [row["subscriptionId"] for row in rows] == [OTHER]
    chain = rows[0]["properties"]["managementGroupAncestorsChain"]
    assert [group["name"] for group in chain] == ["ml-prod", "root"]


def test_limits_count_always_and_refuse_when_switched_on(azure):
    """The header tells what is left; 429 with Retry-After once 250 reads are gone, and time refills."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    group = cluster.split("/providers/")[0]

    first = azure.arm("GET", group)
    azure.control.limits(arm=True, aks_gets=True)
    statuses = {azure.arm("GET", cluster).status for _ in range(80)}
    throttled = azure.arm("GET", cluster)
    azure.control.advance(60)

    assert first.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert statuses == {200, 429}
    assert (throttled.code, throttled.headers["Retry-After"]) == ("Throttled", "1")
    assert azure.arm("GET", cluster).status == 200


def test_a_fault_after_the_effect_hides_a_success(azure):
    """The answer is 500, the extension is there; the journal says both."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.add_fault(method="PUT", service="extensions", kind="status", status=500, when="after", times=1)

    answer = azure.put(cluster, body_for(cluster))

    assert answer.status == 500
    assert azure.state(cluster) == "Creating"
    assert [(one["status"], one["effect"]) for one in azure.control.writes()] == [(500, True)]


def test_a_fault_before_the_effect_prevents_it(azure):
    """For as long as it lasts on the simulated clock."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.add_fault(path="/extensions/", kind="status", status=503, headers={"Retry-After": "7"}, lasts=3600)

    refused = azure.put(cluster, body_for(cluster))
    azure.control.advance(3601)

    assert (refused.status, refused.headers["Retry-After"]) == (503, "7")
    assert azure.control.writes()[0]["effect"] is False
    assert azure.put(cluster, body_for(cluster)).status == 201


@pytest.mark.parametrize("kind", ["reset", "timeout"])
def test_an_answer_that_never_comes(azure, kind):
    """The connection is closed, or silent until the client gives up; the effect took place."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.add_fault(method="PUT", kind=kind, when="after", times=1)

    with pytest.raises((http.client.RemoteDisconnected, TimeoutError, ConnectionError)):
        azure.arm("PUT", f"{cluster}{EXTENSION}/azureml", body_for(cluster), timeout=0.5)

    assert azure.state(cluster) == "Creating"
    assert azure.control.writes()[0]["effect"] is True


def test_two_writes_at_once_are_a_violation(azure):
    """A write that is still on its way when another one arrives, though no operation runs yet."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.add_fault(method="PUT", kind="delay", seconds=3600, times=1)
    with pytest.raises(TimeoutError):
        azure.arm("PUT", f"{cluster}{EXTENSION}/azureml", body_for(cluster), timeout=0.3)

    second = azure.put(cluster, body_for(cluster))
    azure.control.advance(3601)

    assert second.status == 409
    assert azure.control.violations()[0]["met"] == "another write request"
    assert azure.get(cluster).status == 200


def test_the_log_counts_and_filters(azure):
    """Requests by service and method, after a sequence number, by a part of the path."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.arm("GET", cluster)
    azure.put(cluster, body_for(cluster))

    assert azure.control.counts() == {"clusters": {"GET": 1}, "extensions": {"PUT": 1}}
    assert azure.control.counts(since=1) == {"extensions": {"PUT": 1}}
    assert [one["seq"] for one in azure.control.requests(contains="AZUREML")] == [2]
    assert azure.control.requests(method="get")[0]["action"].endswith("/managedClusters/read")


def test_what_the_control_surface_does_not_know_is_an_error(azure):
    """With the reason, so that a misspelt test fails at once."""
    with pytest.raises(ControlError, match="nonsense"):
        azure.control.create_cluster(kind="aks", name="a", nonsense=1)
    with pytest.raises(ControlError, match="create_typo"):
        azure.control.durations(create_typo=1)


def test_the_clock_stops_at_every_call_on_its_way():
    """A call made during `advance` sees its own time, and what it schedules in turn is still made."""
    clock = Clock(real=lambda: 1000.0)
    seen = []
    clock.call_after(10, lambda: (seen.append(clock.now()), clock.call_after(10, lambda: seen.append(clock.now()))))

    clock.advance(60)

    assert seen == [1010.0, 1020.0]
    assert clock.now() == 1060.0
