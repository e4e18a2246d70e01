"""How the API servers answer: lists, objects, nodes, and what the journal keeps of it."""

import base64

import kubernetes
import pytest
from kubernetes.client.exceptions import ApiException
from ruamel.yaml import YAML

from .kubernetes_reader import AKS_SERVER, BOTH, client, identity_token, installed, listed, names, raw, static_token

LOCAL = {"aadProfile": None}


def test_the_official_client_reads_everything(azure):
    """Each list parses into the client's models, whose required fields are checked."""
    settings = {**BOTH, "nginxIngress.enabled": "true", "installNvidiaDevicePlugin": "True"}
    cluster = installed(azure, settings, properties=LOCAL)
    for part in ("prometheus-operator", "ingress-nginx", "gpu-operator", "azureml-fe"):
        azure.control.add_component(cluster, part)
    with client(azure, cluster) as api:
        core, apps = kubernetes.client.CoreV1Api(api), kubernetes.client.AppsV1Api(api)
        rbac, custom = kubernetes.client.RbacAuthorizationV1Api(api), kubernetes.client.CustomObjectsApi(api)
        lists = [
            *(core.list_node(), core.list_namespace(), core.list_pod_for_all_namespaces()),
            *(core.list_namespaced_secret("azureml"), core.list_service_for_all_namespaces()),
            *(core.list_namespaced_service_account("default"), core.list_namespaced_config_map("default")),
            *(apps.list_deployment_for_all_namespaces(), apps.list_daemon_set_for_all_namespaces()),
            *(apps.list_namespaced_stateful_set("azureml"), rbac.list_cluster_role_binding()),
            kubernetes.client.NetworkingV1Api(api).list_ingress_class(),
            kubernetes.client.ApiextensionsV1Api(api).list_custom_resource_definition(),
        ]

        assert all(found.items and found.metadata.resource_version for found in lists)
        assert rbac.read_cluster_role("azureml-fe-role").metadata.name == "azureml-fe-role"
        assert core.read_namespace("azureml").status.phase == "Active"
        assert kubernetes.client.VersionApi(api).get_code().git_version == "v1.33.2"
        found = custom.list_cluster_custom_object("amlarc.azureml.com", "v1alpha1", "instancetypes")
        assert found["items"][0]["kind"] == "InstanceType"


def test_lists_come_in_pages(azure):
    """With a limit, `continue` leads through all of them once; a token of somebody else's is refused."""
    cluster = azure.control.create_cluster(kind="aks", name="a", nodes=7, properties=LOCAL)
    with client(azure, cluster) as api:
        core = kubernetes.client.CoreV1Api(api)
        seen, more = [], None
        while more != "":
            page = core.list_node(limit=3, _continue=more or "")
            seen.append([node.metadata.name for node in page.items])
            more = page.metadata._continue or ""

        assert [len(part) for part in seen] == [3, 3, 1]
        assert len({name for part in seen for name in part}) == 7
        with pytest.raises(ApiException) as caught:
            core.list_node(_continue="nonsense")
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fieldSelector=metadata.name=gateway", {"gateway"}),
        ("labelSelector=app=gateway", {"gateway"}),
        ("labelSelector=app.kubernetes.io/managed-by=Helm,app!=gateway", {"aml-operator"}),
        ("fieldSelector=metadata.name=none", set()),
    ],
)
def test_lists_can_be_selected(azure, query, expected):
    """By labels and by name."""
    cluster = installed(azure, {"enableTraining": "True"})

    found = names(listed(azure, cluster, f"/apis/apps/v1/namespaces/azureml/deployments?{query}"))

    assert expected <= found
    assert len(found) == len(expected) or "!=" in query
    assert "gateway" not in found or "!=" not in query


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/none",
        "/api/v1/namespaces/azureml/configmaps/none",
        "/api/v1/gadgets",
        "/apis/amlarc.azureml.com/v1alpha1/amljobs",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/azureml-fe-role",
        "/somewhere/else",
    ],
)
def test_what_is_not_there_is_a_status_of_404(azure, path):
    """Objects, resources and custom resources alike."""
    cluster = azure.control.create_cluster(kind="aks", name="a")

    status, body = raw(azure, cluster, path)

    assert status == 404
    assert YAML(typ="safe").load(body)["kind"] == "Status"


# Nodes


def test_nodes_of_aks_follow_the_pools(azure):
    """Labels, system and processor of each pool, taints, and GPUs of the N-sizes."""
    pools = [
        {"name": "system", "count": 2, "vmSize": "Standard_D4s_v5"},
        {"name": "gpu", "count": 1, "vmSize": "Standard_NC48ads_A100_v4", "nodeLabels": {"ml": "yes"}},
        {"name": "arm", "count": 1, "vmSize": "Standard_D4ps_v5", "nodeTaints": ["only=arm:NoSchedule"]},
        {"name": "win", "count": 1, "vmSize": "Standard_D2s_v5", "osType": "Windows"},
    ]
    cluster = azure.control.create_cluster(kind="aks", name="a", pools=pools)

    nodes = {node["metadata"]["labels"]["agentpool"]: node for node in listed(azure, cluster, "/api/v1/nodes")}

    assert len(listed(azure, cluster, "/api/v1/nodes")) == 5
    assert nodes["gpu"]["status"]["allocatable"]["nvidia.com/gpu"] == "2"
    assert nodes["gpu"]["metadata"]["labels"]["ml"] == "yes"
    assert nodes["system"]["status"]["capacity"] == {"cpu": "4", "memory": "16777216Ki", "pods": "110"}
    assert nodes["system"]["metadata"]["labels"]["kubernetes.azure.com/agentpool"] == "system"
    assert nodes["arm"]["metadata"]["labels"]["kubernetes.io/arch"] == "arm64"
    assert nodes["arm"]["spec"]["taints"] == [{"key": "only", "value": "arm", "effect": "NoSchedule"}]
    assert nodes["win"]["metadata"]["labels"]["kubernetes.io/os"] == "windows"


def test_nodes_of_arc_can_be_changed(azure):
    """As many as Arc counts; GPUs, labels, readiness where a test says so."""
    cluster = azure.control.create_cluster(kind="arc", name="Edge", nodes=3)
    token = static_token(azure, cluster)
    azure.control.set_gpus(cluster, 4, nodes=1)
    azure.control.change_node(cluster, 1, labels={"zone": "b"}, ready=False, schedulable=False)

    first, second, third = listed(azure, cluster, "/api/v1/nodes", token)

    assert first["status"]["allocatable"]["nvidia.com/gpu"] == "4"
    assert second["metadata"]["labels"]["zone"] == "b"
    assert second["spec"]["unschedulable"]
    assert {one["type"]: one["status"] for one in second["status"]["conditions"]}["Ready"] == "Unknown"
    assert "nvidia.com/gpu" not in third["status"]["capacity"]


def test_the_journal_has_every_request_and_no_secret(azure):
    """A secret is served in base64, as by a real server; the journal has the request alone."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.put_cluster_secret(cluster, "tls", {"cert.pem": "PUBLIC", "key.pem": "PRIVATE-MATTER"})
    token = identity_token(azure, AKS_SERVER)

    status, body = raw(azure, cluster, "/api/v1/namespaces/azureml/secrets/tls", token=token)

    data = YAML(typ="safe").load(body)["data"]
    assert status == 200
    assert base64.b64decode(data["key.pem"]) == b"PRIVATE-MATTER"
    (entry,) = azure.control.requests(service="kubernetes")
    assert (entry["method"], entry["status"], entry["action"]) == ("GET", 200, "get secrets")
    assert entry["path"].endswith("/api/v1/namespaces/azureml/secrets/tls")
    told = str(azure.control.requests())
    assert all(word not in told for word in ("PRIVATE-MATTER", data["key.pem"], token))
