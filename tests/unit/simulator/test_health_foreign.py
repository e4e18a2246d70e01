"""What somebody else put into a cluster fails an installation there, as the troubleshooting guide says."""

from typing import Any

import pytest

from .conftest import body_for
from .kubernetes_reader import listed, names

TRAINING = {"enableTraining": "True"}
INFERENCE = {
    "enableInference": "True",
    "inferenceRouterServiceType": "LoadBalancer",
    "allowInsecureConnections": "True",
    "nginxIngress.enabled": "true",
}
FE = ("azureml-fe", "default")


def install(azure: Any, part: str, settings: dict[str, str | None]) -> dict[str, Any]:
    """Install on a cluster that has a foreign component; the extension with what ARM does not show."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.add_component(cluster, part)
    azure.put(cluster, body_for(cluster, settings=settings))
    azure.control.advance(5)
    return azure.control.extension(cluster, "azureml")


@pytest.mark.parametrize(
    ("part", "settings", "codes"),
    [
        ("prometheus-operator", TRAINING, ["E45002"]),
        ("prometheus-operator", {"installPromOp": "True"}, ["E45002"]),
        ("azureml-fe", INFERENCE, ["E45004", "E45005"]),
    ],
)
def test_the_health_check_finds_it(azure, part, settings, codes):
    """ARM says 'pod healthcheck failed', the report in the cluster has the codes; nothing is left installed."""
    extension = install(azure, part, settings)

    assert extension["properties"]["provisioningState"] == "Failed"
    assert "failed pre-install: pod healthcheck failed" in extension["properties"]["errorInfo"]["message"]
    assert [line.split()[0] for line in extension["healthReport"]] == codes
    assert extension["serving"] is None


@pytest.mark.parametrize(
    ("part", "settings", "text"),
    [
        ("volcano", TRAINING, 'CustomResourceDefinition "jobs.batch.volcano.sh"'),
        ("ingress-nginx", INFERENCE, 'IngressClass "nginx"'),
        ("ingress-nginx", {**INFERENCE, "nginxIngress.controller": "k8s.io/ingress-nginx"}, 'IngressClass "nginx"'),
    ],
)
def test_helm_takes_nothing_over(azure, part, settings, text):
    """An object of the chart that another release owns fails Helm itself, before any health check."""
    extension = install(azure, part, settings)

    assert f'{text} in namespace "" exists and cannot be imported' in extension["properties"]["errorInfo"]["message"]
    assert extension["healthReport"] == []


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        ("prometheus-operator", {"installPromOp": "False"}),
        ("volcano", {"installVolcano": "False"}),
        ("volcano", {**INFERENCE, "enableTraining": "False"}),
        ("ingress-nginx", {**INFERENCE, "nginxIngress.controller": "k8s.io/amlarc-ingress-nginx"}),
        ("ingress-nginx", {**INFERENCE, "nginxIngress.enabled": "false"}),
        ("ingress-nginx", TRAINING),
        ("azureml-fe", TRAINING),
        ("dcgm-exporter", TRAINING),
    ],
)
def test_what_the_guide_advises_helps(azure, part, settings):
    """With ours switched off, another ingress class, or nothing of the kind wanted, the two stand side by side."""
    assert install(azure, part, settings)["properties"]["provisioningState"] == "Succeeded"


def test_turning_on_inference_meets_the_legacy_router(azure):
    """AML-Kubernetes 293: the update is rolled back, and what was installed goes on."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.add_component(cluster, "azureml-fe")
    azure.put(cluster, body_for(cluster))
    azure.control.advance(5)

    azure.put(cluster, body_for(cluster, settings=INFERENCE))
    azure.control.advance(5)

    extension = azure.control.extension(cluster, "azureml")
    assert "pre-upgrade hooks failed: pod healthcheck failed" in extension["properties"]["errorInfo"]["message"]
    assert "enableInference" not in extension["serving"]["settings"]


def test_a_role_that_was_left_behind_is_a_finding_of_its_own(azure):
    """Whoever deletes the legacy deployment alone still has the role in the way; without both it installs."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.add_component(cluster, "azureml-fe")
    azure.control.change_workload(cluster, FE[0], namespace=FE[1], missing=True)
    azure.put(cluster, body_for(cluster, settings=INFERENCE))
    azure.control.advance(5)
    found = azure.control.extension(cluster, "azureml")["healthReport"]

    azure.control.remove_component(cluster, "azureml-fe")
    azure.put(cluster, body_for(cluster, settings=INFERENCE))
    azure.control.advance(5)

    assert [line.split()[0] for line in found] == ["E45004"]
    assert azure.state(cluster) == "Succeeded"


def test_deployments_of_endpoints_are_listed(azure):
    """The extension's own resource, served once the extension is there, with its objects and their phases."""
    cluster = azure.control.create_cluster(kind="aks", name="a")
    azure.control.put_extension(cluster, "azureml", {"configurationSettings": INFERENCE})
    azure.control.start_work(cluster, "blue", kind="onlinedeployments", namespace="ml", phase="Succeeded")

    (one,) = listed(azure, cluster, "/apis/amlarc.azureml.com/v1alpha1/onlinedeployments")
    definitions = names(listed(azure, cluster, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"))

    assert (one["kind"], one["metadata"]["name"], one["status"]) == ("OnlineDeployment", "blue", {"phase": "Succeeded"})
    assert {"onlinedeployments.amlarc.azureml.com", "onlineendpoints.amlarc.azureml.com"} <= definitions
