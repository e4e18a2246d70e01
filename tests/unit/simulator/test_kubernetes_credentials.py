"""Credentials of AKS clusters, and whom the API servers let in."""

import base64
from typing import Any

import kubernetes
import pytest
from kubernetes.client.exceptions import ApiException
from ruamel.yaml import YAML

from .kubernetes_reader import AKS_SERVER, client, identity_token, raw, static_token

VERSION = "2026-08-01"
LOCAL = {"aadProfile": None}


def credential(azure: Any, cluster: str, who: str = "User", query: str = "") -> Any:
    """POST of listCluster<who>Credential."""
    return azure.arm("POST", f"{cluster}/listCluster{who}Credential{query}", version=VERSION)


def kubeconfig(answer: Any) -> dict[str, Any]:
    """The kubeconfig in an answer."""
    (given,) = answer.body["kubeconfigs"]
    return YAML(typ="safe").load(base64.b64decode(given["value"]).decode())


def test_a_user_of_entra_is_given_no_secret(azure):
    """The exec form names kubelogin and the AKS server application, and the cluster's own address and CA."""
    cluster = azure.control.create_cluster(kind="aks", name="a")

    config = kubeconfig(credential(azure, cluster, query="?format=exec"))

    user = config["users"][0]["user"]["exec"]
    assert user["command"] == "kubelogin"
    assert user["args"][user["args"].index("--server-id") + 1] == AKS_SERVER
    place = config["clusters"][0]["cluster"]
    key = base64.urlsafe_b64encode(cluster.lower().encode()).decode().rstrip("=")
    assert place["server"] == f"{azure.simulator.url}/_kubernetes/{key}"
    assert base64.b64decode(place["certificate-authority-data"]).startswith(b"-----BEGIN CERTIFICATE-----")
    assert config["current-context"] == config["contexts"][0]["name"] == "a"


def test_the_forms_of_the_user_credential(azure):
    """`azure` is the old form; another one is refused; without Entra there is a token."""
    entra = azure.control.create_cluster(kind="aks", name="entra")
    local = azure.control.create_cluster(kind="aks", name="local", properties=LOCAL)

    old = kubeconfig(credential(azure, entra, query="?format=azure"))
    assert old["users"][0]["user"]["auth-provider"]["name"] == "azure"
    assert "token" in kubeconfig(credential(azure, local))["users"][0]["user"]
    refused = credential(azure, entra, query="?format=web")
    assert (refused.status, refused.code) == (400, "BadRequest")


def test_the_admin_credential_opens_the_cluster_unless_local_accounts_are_disabled(azure):
    """Its token is taken while local accounts are enabled, and neither given nor taken afterwards."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    answer = credential(azure, cluster, "Admin")
    token = kubeconfig(answer)["users"][0]["user"]["token"]
    assert answer.body["kubeconfigs"][0]["name"] == "clusterAdmin"
    assert raw(azure, cluster, "/version", token=token)[0] == 200

    azure.control.change_cluster(cluster, {"disableLocalAccounts": True})

    refused = credential(azure, cluster, "Admin")
    assert refused.status == 400
    assert "disable local accounts" in refused.message
    assert raw(azure, cluster, "/version", token=token)[0] == 401
    assert raw(azure, cluster, "/version")[0] == 200


def test_credentials_are_throttled_by_subscription_and_region(azure):
    """Sixty at once, then one a second; another region has a bucket of its own."""
    first = azure.control.create_cluster(kind="aks", name="a")
    second = azure.control.create_cluster(kind="aks", name="b")
    elsewhere = azure.control.create_cluster(kind="aks", name="c", location="westeurope")
    azure.control.limits(aks_others=True)

    answers = [credential(azure, cluster) for cluster in [first, second] * 35]

    refused = [answer for answer in answers if answer.status == 429]
    assert 1 <= len(refused) <= 10  # real seconds refill the bucket meanwhile
    assert refused[0].body["code"] == "Throttled"
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert credential(azure, elsewhere).status == 200
    azure.control.advance(2)
    assert credential(azure, first).status == 200


def test_credentials_need_their_own_actions(azure):
    """The journal names the action as the role definition would, and an Arc cluster has no such call."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    arc = azure.control.create_cluster(kind="arc", name="edge")

    credential(azure, cluster)

    (asked,) = azure.control.requests(service="credentials")
    assert asked["action"] == "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action"
    assert credential(azure, arc).status == 404


def test_the_api_server_takes_tokens_that_it_knows(azure):
    """With Entra, those for the AKS server application; all others get a Status of 401."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    local = azure.control.create_cluster(kind="aks", name="local", properties=LOCAL)
    good = identity_token(azure, AKS_SERVER)

    assert raw(azure, cluster, "/version", token=good)[0] == 200
    for token in ("", "nonsense", azure.token, static_token(azure, local)):
        status, body = raw(azure, cluster, "/version", token=token)
        assert status == 401
        assert YAML(typ="safe").load(body)["reason"] == "Unauthorized"
    assert raw(azure, local, "/version", token=good)[0] == 401
    assert raw(azure, local, "/version", token=static_token(azure, local))[0] == 200


def test_rbac_can_refuse_resources(azure):
    """403 for what is forbidden, in the server's words, and for nothing else."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.forbid(cluster, ["secrets"])

    status, body = raw(azure, cluster, "/api/v1/namespaces/azureml/secrets/tls")
    assert status == 403
    assert 'secrets "tls" is forbidden' in YAML(typ="safe").load(body)["message"]
    assert raw(azure, cluster, "/api/v1/nodes")[0] == 200
    azure.control.forbid(cluster, ["*"])
    assert raw(azure, cluster, "/version")[0] == 403
    azure.control.forbid(cluster, [])
    assert raw(azure, cluster, "/api/v1/namespaces/azureml/secrets")[0] == 200


def test_nothing_can_be_written(azure):
    """A write is refused, and visible in the journal for the tests of who must not write."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    with client(azure, cluster, token=identity_token(azure, AKS_SERVER)) as api:
        with pytest.raises(ApiException) as caught:
            kubernetes.client.CoreV1Api(api).create_namespace({"metadata": {"name": "azureml"}})
        assert caught.value.status == 405

    (entry,) = azure.control.requests(service="kubernetes")
    assert (entry["method"], entry["status"]) == ("POST", 405)
