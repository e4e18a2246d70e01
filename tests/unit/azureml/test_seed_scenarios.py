"""The four command lines of the extension's documentation, and the bodies they lead to."""

import json

import pytest

from shared.cli.main import main

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg1"
AKS = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/clu-1"
ARC = f"{GROUP}/providers/Microsoft.Kubernetes/connectedClusters/clu-1"
RELAY = "clu111111111222233334444555555555555rg1relay"
PEM = {"sslCertPemFile": "/home/me/cert.pem", "sslKeyPemFile": "/home/me/key.pem"}


def common(cluster_id):
    return {
        "cluster_name": cluster_id,
        "clusterId": cluster_id,
        "prometheus.prometheusSpec.externalLabels.cluster_name": cluster_id,
        "cluster_name_friendly": "clu-1",
        "domain": "eastus.cloudapp.azure.com",
        "location": "eastus",
        "jobSchedulerLocation": "eastus",
        "servicebus.enabled": "false",
    }


ON_AKS = {**common(AKS), "relayserver.enabled": "false", "nginxIngress.enabled": "true"}
ON_ARC = {
    **common(ARC),
    "relayserver.enabled": "true",
    "nginxIngress.enabled": "false",
    "relayserver.hybridConnectionResourceID": (
        f"{GROUP}/providers/Microsoft.Relay/namespaces/{RELAY}/hybridConnections/clu-1"
    ),
    "relayserver.hybridConnectionName": "clu-1",
}
RELAY_SECRETS = {"relayServerConnectionString": "***", "relayserver.relayConnectionString": "***"}
TLS_SECRETS = {"scoringFe.sslCert": "***", "scoringFe.sslKey": "***"}

PROOF_ON_AKS = (
    {
        "enableTraining": "True",
        "enableInference": "True",
        "inferenceRouterServiceType": "LoadBalancer",
        "allowInsecureConnections": "True",
        "InferenceRouterHA": "False",
    },
    {},
    {
        **ON_AKS,
        "enableTraining": "True",
        "enableInference": "True",
        "inferenceRouterServiceType": "LoadBalancer",
        "allowInsecureConnections": "True",
        "inferenceRouterHA": "False",
    },
    {},
    ["InferenceRouterHA: sent as inferenceRouterHA, the name that the extension reads."],
)
TRAINING_ON_ARC = (
    {"enableTraining": "True"},
    {},
    {**ON_ARC, "enableTraining": "True", "enableInference": "False"},
    RELAY_SECRETS,
    [],
)
PRODUCTION_ON_AKS = (
    {
        "enableTraining": "True",
        "enableInference": "True",
        "inferenceRouterServiceType": "LoadBalancer",
        "sslCname": "ml.example.com",
    },
    PEM,
    {
        **ON_AKS,
        "enableTraining": "True",
        "enableInference": "True",
        "inferenceRouterServiceType": "LoadBalancer",
        "sslCname": "ml.example.com",
    },
    TLS_SECRETS,
    [],
)
PRODUCTION_ON_ARC = (
    {
        "enableTraining": "True",
        "enableInference": "True",
        "inferenceRouterServiceType": "NodePort",
        "sslCname": "ml.example.com",
        "installNvidiaDevicePlugin": "True",
        "installDcgmExporter": "True",
    },
    PEM,
    {
        **ON_ARC,
        "enableTraining": "True",
        "enableInference": "True",
        "inferenceRouterServiceType": "NodePort",
        "sslCname": "ml.example.com",
        "installNvidiaDevicePlugin": "True",
        "installDcgmExporter": "True",
        "scoringFe.serviceType.nodePort": "True",
    },
    RELAY_SECRETS | TLS_SECRETS,
    [],
)


def rendered(tmp_path, capsys, kind, properties, settings, protected):
    cluster = {
        "subscriptionId": SUBSCRIPTION,
        "type": kind,
        "name": "clu-1",
        "resourceGroup": "rg1",
        "location": "eastus",
        "properties": properties,
    }
    arguments = ["render"]
    for option, content in (("cluster", cluster), ("settings", settings), ("protected", protected)):
        (tmp_path / option).write_text(json.dumps(content))
        arguments += [f"--{option}", str(tmp_path / option)]
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("kind", "scenario"),
    [
        ("managedClusters", PROOF_ON_AKS),
        ("connectedClusters", TRAINING_ON_ARC),
        ("managedClusters", PRODUCTION_ON_AKS),
        ("connectedClusters", PRODUCTION_ON_ARC),
    ],
    ids=["proof-aks", "training-arc", "production-aks", "production-arc-gpu"],
)
def test_command_line_leads_to_this_body(kind, scenario, tmp_path, capsys):
    """The whole body, key by key; no local path in it, and the misprint of the first put right."""
    settings, protected, expected, secrets, warnings = scenario
    arc = kind == "connectedClusters"
    properties = (
        {"totalNodeCount": 5, "distribution": "k3s"} if arc else {"agentPoolProfiles": [{"name": "p0", "count": 5}]}
    )

    answer = rendered(tmp_path, capsys, kind, properties, settings, protected)

    assert answer["extension"] == {
        **({"identity": {"type": "SystemAssigned"}} if arc else {}),
        "properties": {
            "extensionType": "microsoft.azureml.kubernetes",
            "releaseTrain": "stable",
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
            "configurationSettings": expected,
            "configurationProtectedSettings": secrets,
        },
    }
    assert answer["relay"] == ({"namespace": RELAY, "hybridConnection": "clu-1"} if arc else None)
    assert answer["warnings"] == warnings
    assert "pem" not in json.dumps(answer["extension"])


@pytest.mark.parametrize(
    ("properties", "added"),
    [
        ({"totalNodeCount": 2, "distribution": "k3s"}, {"clusterPurpose": "DevTest", "inferenceRouterHA": "false"}),
        ({"totalNodeCount": 3, "distribution": "OpenShift"}, {"openshift": "true"}),
        ({"totalNodeCount": None, "distribution": "openshift"}, {}),
        ({"distribution": None, "totalNodeCount": 3}, {}),
    ],
    ids=["two-nodes", "openshift", "nodes-unknown", "no-distribution"],
)
def test_size_and_distribution_of_arc_clusters(properties, added, tmp_path, capsys):
    """Fewer than three nodes and OpenShift add their keys; with the count unknown the CLI adds neither."""
    settings, protected, expected, _, _ = TRAINING_ON_ARC

    answer = rendered(tmp_path, capsys, "connectedClusters", properties, settings, protected)

    assert answer["extension"]["properties"]["configurationSettings"] == expected | added
