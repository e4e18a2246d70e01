"""API servers that are broken or mean harm."""

import http.client

import kubernetes
import pytest
import urllib3
from kubernetes.client.exceptions import ApiException
from ruamel.yaml import YAML
from urllib3.exceptions import NewConnectionError

from .kubernetes_reader import client, raw

LOCAL = {"aadProfile": None}


def test_a_slow_server_never_answers(azure):
    """The client's own limit ends it; other paths, and the server after it, answer."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.hostile(cluster, "slow", "/pods")

    with pytest.raises(TimeoutError):
        raw(azure, cluster, "/api/v1/namespaces/azureml/pods")
    assert raw(azure, cluster, "/api/v1/nodes")[0] == 200
    azure.control.hostile(cluster)
    assert raw(azure, cluster, "/api/v1/namespaces/azureml/pods")[0] == 200


def test_a_huge_answer_does_not_end(azure):
    """Many megabytes later there is still more."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.hostile(cluster, "huge")

    status, body = raw(azure, cluster, "/api/v1/nodes", size=20_000_000)

    assert (status, len(body)) == (200, 20_000_000)


def test_a_dripping_answer_keeps_each_read_happy(azure):
    """Bytes come one by one, so that a limit for each read alone never strikes."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.hostile(cluster, "drip")

    status, body = raw(azure, cluster, "/api/v1/nodes", size=55)

    assert (status, len(body)) == (200, 55)


@pytest.mark.parametrize(
    ("mode", "expected"), [("garbage", 200), ("misshapen", 200), ("redirect", 302), ("error", 500)]
)
def test_other_bad_answers(azure, mode, expected):
    """Each comes with its status; what should be JSON is none, or has no object where one belongs."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.hostile(cluster, mode)

    status, body = raw(azure, cluster, "/api/v1/nodes")

    assert status == expected
    if mode == "garbage":
        with pytest.raises(UnicodeDecodeError):
            body.decode()
    if mode == "misshapen":
        assert YAML(typ="safe").load(body)["metadata"] == "none"
    if mode == "error":
        assert YAML(typ="safe").load(body)["reason"] == "InternalError"


def test_whoever_follows_a_redirect_is_seen(azure):
    """The client of urllib3 follows to the other origin, and the journal has the request there."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.hostile(cluster, "redirect")

    with urllib3.PoolManager(ca_certs=azure.simulator.ca_file) as pool:
        answer = pool.request("GET", f"{azure.control.kubernetes_url(cluster)}/api/v1/nodes")

    assert answer.status == 200
    assert [one["path"] for one in azure.control.requests(contains="elsewhere")] == [
        "/_kubernetes/elsewhere/api/v1/nodes"
    ]


def test_pages_can_be_without_end(azure):
    """Every page promises another one."""
    cluster = azure.control.create_cluster(kind="aks", name="a", properties=LOCAL)
    azure.control.hostile(cluster, "endless")
    with client(azure, cluster) as api:
        core, more = kubernetes.client.CoreV1Api(api), ""
        for _ in range(9):
            more = core.list_node(limit=500, _continue=more).metadata._continue

        assert more


@pytest.mark.parametrize(
    ("mode", "kind", "text"),
    [("tls", ApiException, "CERTIFICATE_VERIFY_FAILED"), ("unreachable", NewConnectionError, "refused")],
)
def test_kubeconfigs_can_lead_nowhere(azure, mode, kind, text):
    """A certificate authority that did not sign the server's certificate; an address where nobody listens."""
    cluster = azure.control.create_cluster(kind="arc", name="edge")
    azure.control.hostile(cluster, mode)

    with client(azure, cluster) as api, pytest.raises(kind, match=text):
        kubernetes.client.VersionApi(api).get_code()


def test_a_stopped_cluster_does_not_answer(azure):
    """AKS takes the API server away; here the connection is closed."""
    cluster = azure.control.create_cluster(kind="aks", name="a", properties={"powerState": {"code": "Stopped"}})

    with pytest.raises((http.client.HTTPException, ConnectionError)):
        raw(azure, cluster, "/version")


def test_faults_by_rule_reach_api_servers(azure):
    """The journal's service name serves in rules as well, and the answer is a Status."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.add_fault(service="kubernetes", kind="status", status=503, times=1)

    status, body = raw(azure, cluster, "/version")

    assert status == 503
    assert YAML(typ="safe").load(body)["kind"] == "Status"
    assert raw(azure, cluster, "/version")[0] == 200
