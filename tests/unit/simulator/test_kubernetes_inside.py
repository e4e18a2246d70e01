"""What stands in a cluster: the components of the extension, those of others, and running work."""

import json
from typing import Any

import kubernetes
import pytest

from .conftest import body_for
from .kubernetes_reader import BOTH, client, installed, listed, names, raw, static_token

LOCAL = {"aadProfile": None}
EVERYWHERE = {"gateway", "metrics-controller-manager", "prometheus-prom-prometheus", "azureml-kube-state-metrics"}
TRAINING = {"aml-operator", "volcano-admission", "volcano-controllers", "volcano-scheduler"}
INFERENCE = {
    *("amlarc-identity-controller", "amlarc-identity-proxy", "azureml-fe-v2"),
    "inference-operator-controller-manager",
}
OPERATOR = {"azureml-prometheus-operator"}


def components(azure: Any, cluster: str) -> dict[str, dict[str, Any]]:
    """All workloads of namespace azureml by name."""
    token = static_token(azure, cluster)
    return {
        item["metadata"]["name"]: item
        for form in ("deployments", "daemonsets", "statefulsets")
        for item in listed(azure, cluster, f"/apis/apps/v1/namespaces/azureml/{form}", token)
    }


@pytest.mark.parametrize(
    ("facts", "settings", "version", "expected"),
    [
        ({}, {"enableTraining": "True"}, None, EVERYWHERE | OPERATOR | TRAINING),
        ({}, {**BOTH, "enableTraining": "False"}, None, EVERYWHERE | OPERATOR | INFERENCE),
        ({}, BOTH, None, EVERYWHERE | OPERATOR | TRAINING | INFERENCE),
        ({"kind": "arc"}, {"enableTraining": "True"}, None, EVERYWHERE | OPERATOR | TRAINING | {"relayserver"}),
        ({}, {"enableTraining": "True"}, "1.1.16", EVERYWHERE | OPERATOR | TRAINING | {"fluent-bit"}),
        ({}, {"enableTraining": "True"}, "1.1.17", EVERYWHERE | OPERATOR | TRAINING),
        (
            {},
            {"enableTraining": "True", "installPromOp": "False", "installVolcano": "false"},
            None,
            EVERYWHERE | {"aml-operator"},
        ),
        (
            {},
            {"enableTraining": "True", "installNvidiaDevicePlugin": "True", "installDcgmExporter": "True"},
            None,
            EVERYWHERE | OPERATOR | TRAINING | {"nvidia-device-plugin-daemonset", "azureml-dcgm-exporter"},
        ),
    ],
)
def test_the_components_follow_the_settings(azure, facts, settings, version, expected):
    """The component table of the extension's documentation, all ready, each owned by the release."""
    cluster = installed(azure, settings, version=version, **facts)

    found = components(azure, cluster)

    assert set(found) == expected
    for one in found.values():
        assert one["metadata"]["annotations"]["meta.helm.sh/release-name"] == "azureml"
        wanted = one["spec"].get("replicas", one["status"].get("desiredNumberScheduled"))
        assert one["status"].get("readyReplicas", one["status"].get("numberReady")) == wanted > 0
    sidecar = [part["name"] for part in found["gateway"]["spec"]["template"]["spec"]["containers"]]
    assert ("fluent-bit" in sidecar) == ("fluent-bit" not in expected)


def test_components_appear_and_go_with_the_operations(azure):
    """Nothing before Succeeded; after a deletion the namespace terminates, takes its secrets along and is gone."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.durations(terminate=600)
    azure.put(cluster, body_for(cluster))
    assert components(azure, cluster) == {}
    azure.control.advance(5)
    azure.control.put_cluster_secret(cluster, "tls", {"cert.pem": "x"})
    assert set(components(azure, cluster)) == EVERYWHERE | OPERATOR | TRAINING

    azure.arm("DELETE", f"{cluster}/providers/Microsoft.KubernetesConfiguration/extensions/azureml")
    azure.control.advance(5)

    assert components(azure, cluster) == {}
    namespace = {one["metadata"]["name"]: one for one in listed(azure, cluster, "/api/v1/namespaces")}["azureml"]
    assert namespace["status"]["phase"] == "Terminating"
    azure.control.advance(600)
    assert "azureml" not in names(listed(azure, cluster, "/api/v1/namespaces"))
    assert raw(azure, cluster, "/api/v1/namespaces/azureml/secrets/tls")[0] == 404


def test_a_deletion_by_force_leaves_the_release(azure):
    """ARM forgets the extension at once; what Helm installed stands on until somebody cleans up."""
    cluster = installed(azure, {"enableTraining": "True"})

    azure.arm("DELETE", f"{cluster}/providers/Microsoft.KubernetesConfiguration/extensions/azureml?forceDelete=true")

    assert azure.control.extension(cluster, "azureml") is None
    assert set(components(azure, cluster)) == EVERYWHERE | OPERATOR | TRAINING
    azure.control.advance(3601)
    assert components(azure, cluster) == {}


def test_a_failed_health_check_leaves_its_report(azure):
    """The configmap has the codes that ARM never shows; a test can set another report."""
    cluster = azure.control.create_cluster(kind="aks", name="a", nodes=2, properties=LOCAL)
    azure.put(cluster, body_for(cluster, settings={**BOTH, "allowInsecureConnections": "True"}))
    azure.control.advance(5)
    with client(azure, cluster) as api:
        core = kubernetes.client.CoreV1Api(api)
        report = core.read_namespaced_config_map("arcml-healthcheck", "azureml").data["reports-pre-install"]
        assert "Status: Failed Name: clusterresource ErrorCode: E40002 ErrorMessage: INSUFFICIENT_NODE" in report

        azure.control.set_healthcheck(cluster, {"reports-test": "Status: Failed ErrorCode: E45006"})

        assert list(core.read_namespaced_config_map("arcml-healthcheck", "azureml").data) == ["reports-test"]
        azure.control.set_healthcheck(cluster, {})
        assert core.list_namespaced_config_map("azureml").items == []


@pytest.mark.parametrize(
    ("reason", "phase"),
    [("ImagePullBackOff", "Pending"), ("CrashLoopBackOff", "Running"), ("Unschedulable", "Pending")],
)
def test_a_workload_can_be_unready(azure, reason, phase):
    """Its counts and its pods say so, and why; restored, it is as before."""
    cluster = installed(azure, BOTH, properties=LOCAL)
    azure.control.change_workload(cluster, "azureml-fe-v2", ready=1, reason=reason)
    with client(azure, cluster) as api:
        core, apps = kubernetes.client.CoreV1Api(api), kubernetes.client.AppsV1Api(api)

        router = apps.read_namespaced_deployment("azureml-fe-v2", "azureml")
        pods = core.list_namespaced_pod("azureml", label_selector="app=azureml-fe-v2").items

        assert (router.spec.replicas, router.status.ready_replicas) == (3, 1)
        assert sorted(pod.status.phase for pod in pods) == sorted(["Running", phase, phase])
        waiting = [one for pod in pods for one in pod.status.container_statuses or [] if one.state.waiting]
        assert {one.state.waiting.reason for one in waiting} == ({reason} if reason != "Unschedulable" else set())
        azure.control.restore_workload(cluster, "azureml-fe-v2")
        assert apps.read_namespaced_deployment("azureml-fe-v2", "azureml").status.ready_replicas == 3
        azure.control.change_workload(cluster, "azureml-fe-v2", missing=True)
        assert core.list_namespaced_pod("azureml", label_selector="app=azureml-fe-v2").items == []


def test_foreign_components_stand_beside_ours(azure):
    """Each in its namespace and under its own release, or none, with its ingress class and custom resources."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    for part in ("prometheus-operator", "volcano", "nvidia-device-plugin", "dcgm-exporter", "ingress-nginx"):
        azure.control.add_component(cluster, part)
    azure.control.add_component(cluster, "azureml-fe")

    deployments = listed(azure, cluster, "/apis/apps/v1/deployments")
    daemonsets = listed(azure, cluster, "/apis/apps/v1/daemonsets")
    releases = {
        one["metadata"]["name"]: one["metadata"]["annotations"].get("meta.helm.sh/release-name")
        for one in deployments + daemonsets
    }
    definitions = names(listed(azure, cluster, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"))
    classes = listed(azure, cluster, "/apis/networking.k8s.io/v1/ingressclasses")

    assert releases["kube-prometheus-stack-operator"] == "kube-prometheus-stack"
    assert releases["volcano-scheduler"] == "volcano"
    assert releases["nvidia-device-plugin-daemonset"] is None
    assert {"jobs.batch.volcano.sh", "prometheuses.monitoring.coreos.com"} <= definitions
    assert [one["spec"]["controller"] for one in classes] == ["k8s.io/ingress-nginx"]
    assert {"azureml-fe", "azureml-fe-int-http"} <= names(listed(azure, cluster, "/api/v1/namespaces/default/services"))
    assert names(listed(azure, cluster, "/api/v1/namespaces/default/secrets")) == {"azuremlfessl"}
    azure.control.remove_component(cluster, "volcano")
    assert "volcano-scheduler" not in names(listed(azure, cluster, "/apis/apps/v1/deployments"))


def test_a_group_is_discovered_once_somebody_brought_it(azure):
    """As real API servers do it: the extension's group with its release, others never."""
    cluster = installed(azure, BOTH)
    known, body = raw(azure, cluster, "/apis/amlarc.azureml.com")
    unknown, _ = raw(azure, cluster, "/apis/nobody.example.com")

    assert (known, unknown) == (200, 404)
    assert [version["version"] for version in json.loads(body)["versions"]] == ["v1alpha1"]


def test_work_comes_and_goes(azure):
    """Jobs of both groups and endpoints, with their phases; over all namespaces and in one."""
    cluster = installed(azure, BOTH)
    azure.control.start_work(cluster, "train-1", namespace="ml")
    azure.control.start_work(cluster, "train-2", kind="jobs", phase="Completed")
    azure.control.start_work(cluster, "score", kind="onlineendpoints")

    (job,) = listed(azure, cluster, "/apis/amlarc.azureml.com/v1alpha1/amljobs")
    (volcano,) = listed(azure, cluster, "/apis/batch.volcano.sh/v1alpha1/jobs")

    assert (job["kind"], job["metadata"]["namespace"], job["status"]["phase"]) == ("AmlJob", "ml", "Running")
    assert volcano["status"]["state"]["phase"] == "Completed"
    assert names(listed(azure, cluster, "/apis/amlarc.azureml.com/v1alpha1/onlineendpoints")) == {"score"}
    assert listed(azure, cluster, "/apis/amlarc.azureml.com/v1alpha1/namespaces/other/amljobs") == []
    azure.control.stop_work(cluster, "train-1", namespace="ml")
    assert listed(azure, cluster, "/apis/amlarc.azureml.com/v1alpha1/amljobs") == []


@pytest.mark.parametrize(
    ("kind", "given", "expected"), [("aks", None, True), ("arc", None, False), ("arc", "192.168.7.9", True)]
)
def test_the_router_has_an_address_where_there_is_a_load_balancer(azure, kind, given, expected):
    """Always on AKS; on Arc where some other service got one."""
    cluster = installed(azure, BOTH, kind=kind)
    if given:
        azure.control.put_service(cluster, "other", address=given)

    services = listed(azure, cluster, "/api/v1/namespaces/azureml/services", static_token(azure, cluster))

    (router,) = [one for one in services if one["metadata"]["name"] == "azureml-fe"]
    assert router["spec"]["type"] == "LoadBalancer"
    assert bool(router["status"]["loadBalancer"].get("ingress")) == expected


def test_a_cluster_made_anew_remembers_nothing(azure):
    """Under the old name, but with neither the old changes nor the old token."""
    cluster = azure.control.create_cluster(kind="aks", name="a", properties=LOCAL)
    azure.control.put_cluster_secret(cluster, "tls", {"cert.pem": "x"})
    token = static_token(azure, cluster)

    azure.control.delete_cluster(cluster)
    assert (
        raw(azure, azure.control.create_cluster(kind="aks", name="a", properties=LOCAL), "/version", token=token)[0]
        == 401
    )

    assert listed(azure, cluster, "/api/v1/namespaces/azureml/secrets", static_token(azure, cluster)) == []
