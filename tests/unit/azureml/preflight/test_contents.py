"""Checks of what stands in the cluster already, or must stand there."""

import pytest

from tests.unit.azureml.preflight.questions import INFERENCE, TRAINING, answer, ask, existing, lacking, node, told

SECRET = {**INFERENCE, "sslSecret": "tls", "scoringFe.sslSecret": "tls", "sslCname": "ml.contoso.com"}
PLUGIN = {**TRAINING, "installNvidiaDevicePlugin": "True"}
EXPORTER = {**TRAINING, "installDcgmExporter": "True"}
NO_GPU = {"agentPoolProfiles": [{"name": "system", "count": 3, "vmSize": "Standard_D4s_v5", "osType": "Linux"}]}
GPU = {"name": "gpu", "count": 1, "vmSize": "Standard_NC6s_v3", "osType": "Linux"}
BARE = {"agentPoolProfiles": [{**GPU, "gpuProfile": {"driver": "None"}}]}
MANAGED = {"agentPoolProfiles": [{**GPU, "gpuProfile": {"nvidia": {"managementMode": "Managed"}}}]}
ODD = {"agentPoolProfiles": [{**GPU, "vmSize": None}]}


def stands(*parts, release=None):
    """What was found in the cluster."""
    return {"existing": tuple(existing(part, release) for part in parts)}


CASES = [
    ("legacy-azureml-fe", ask(seen={"legacy": ()}), "passed", "no legacy"),
    ("legacy-azureml-fe", ask(seen={"legacy": ("deployment/azureml-fe",)}), "failed", "deployment/azureml-fe"),
    ("legacy-azureml-fe", ask(seen={}), "not evaluated", "could not be read"),
    ("legacy-azureml-fe", ask(), "not evaluated", "was not asked"),
    ("ssl-secret", ask(settings=SECRET, seen={"secrets": {"tls": ("cert.pem", "key.pem")}}), "passed", "azureml/tls"),
    ("ssl-secret", ask(settings=SECRET, seen={"secrets": {"tls": None}}), "failed", "does not exist"),
    ("ssl-secret", ask(settings=SECRET, seen={"secrets": {"tls": ("tls.crt", "key.pem")}}), "failed", "lacks cert.pem"),
    ("ssl-secret", ask(settings=SECRET), "not evaluated", "was not asked"),
    ("ssl-secret", ask(settings=SECRET, seen={"secrets": {"other": None}}), "not evaluated", "could not be read"),
    ("ssl-secret", ask(settings=INFERENCE), "not applicable", "no sslSecret"),
    ("ssl-secret", ask(settings={**SECRET, "allowInsecureConnections": "True"}), "not applicable", "no certificate"),
    ("ssl-secret", ask(settings=TRAINING), "not applicable", "inference only"),
    ("prometheus-conflict", ask(settings=TRAINING, seen=stands("volcano")), "passed", "prometheus-operator"),
    (
        "prometheus-conflict",
        ask(settings=TRAINING, seen=stands("prometheus-operator", release="kube-prom")),
        "failed",
        "Set installPromOp to False",
    ),
    ("prometheus-conflict", ask(settings=TRAINING), "not evaluated", "was not asked"),
    (
        "prometheus-conflict",
        ask(settings={**TRAINING, "installPromOp": "auto"}, seen=stands("prometheus-operator")),
        "not evaluated",
        "still auto",
    ),
    ("prometheus-conflict", ask(seen=stands("prometheus-operator")), "not evaluated", "settings"),
    (
        "prometheus-conflict",
        ask(settings={**TRAINING, "installPromOp": "False"}, seen=stands("prometheus-operator")),
        "not applicable",
        "not true",
    ),
    ("ingress-conflict", ask(settings=INFERENCE, seen=stands()), "passed", "ingress-nginx"),
    ("ingress-conflict", ask(settings=INFERENCE, seen=stands("ingress-nginx")), "failed", "nginxIngress.controller"),
    ("ingress-conflict", ask(settings=INFERENCE, seen={}), "not evaluated", "ingress-nginx"),
    (
        "ingress-conflict",
        ask(settings={**INFERENCE, "nginxIngress.controller": "k8s.io/own"}, seen=stands("ingress-nginx")),
        "not applicable",
        "class of its own",
    ),
    ("ingress-conflict", ask("arc", settings=INFERENCE, seen=stands("ingress-nginx")), "not applicable", "not true"),
    ("ingress-conflict", ask(settings=TRAINING), "not applicable", "inference only"),
    ("volcano-conflict", ask(settings=TRAINING, seen=stands()), "passed", "volcano"),
    ("volcano-conflict", ask(settings=TRAINING, seen=stands("volcano")), "failed", "installVolcano"),
    ("volcano-conflict", ask(settings=TRAINING, seen={}), "not evaluated", "Volcano"),
    ("volcano-conflict", ask(settings=INFERENCE, seen=stands("volcano")), "not applicable", "training only"),
    ("dcgm-conflict", ask(settings=EXPORTER, seen=stands()), "passed", "dcgm-exporter"),
    ("dcgm-conflict", ask(settings=EXPORTER, seen=stands("dcgm-exporter")), "failed", "installDcgmExporter"),
    ("dcgm-conflict", ask(settings=EXPORTER), "not evaluated", "was not asked"),
    ("dcgm-conflict", ask(settings=TRAINING, seen=stands("dcgm-exporter")), "not applicable", "not true"),
    ("nvidia-gpus", ask(settings=PLUGIN), "passed", "observed"),
    ("nvidia-gpus", ask("arc", settings=PLUGIN, seen={"nodes": (node(gpus=1),)}), "passed", "observed"),
    (
        "nvidia-gpus",
        ask("arc", settings=PLUGIN, seen={"nodes": (node(labels={"nvidia.com/gpu.present": "true"}),)}),
        "passed",
        "observed",
    ),
    ("nvidia-gpus", ask(properties=NO_GPU, settings=PLUGIN), "failed", "no node with a GPU"),
    ("nvidia-gpus", ask("arc", settings=PLUGIN, seen={"nodes": (node(),)}), "failed", "no node with a GPU"),
    ("nvidia-gpus", ask(properties=BARE, settings=PLUGIN), "failed", "needs a driver"),
    ("nvidia-gpus", ask("arc", settings=PLUGIN), "not evaluated", "was not asked"),
    ("nvidia-gpus", ask(properties=ODD, settings=PLUGIN), "not evaluated", "any pool"),
    (
        "nvidia-gpus",
        ask(properties={**NO_GPU, "nodeProvisioningProfile": {"mode": "Auto"}}, settings=PLUGIN),
        "not evaluated",
        "any pool",
    ),
    ("nvidia-gpus", ask(settings={**TRAINING, "installNvidiaDevicePlugin": "auto"}), "not evaluated", "still auto"),
    ("nvidia-gpus", ask(settings=TRAINING), "not applicable", "not true"),
    ("nvidia-conflict", ask(settings=PLUGIN, seen=stands()), "passed", "no device plugin"),
    ("nvidia-conflict", ask(settings=PLUGIN, seen=stands("nvidia-device-plugin")), "failed", "to False"),
    ("nvidia-conflict", ask(settings=PLUGIN, seen=stands("gpu-operator")), "failed", "the-gpu-operator"),
    ("nvidia-conflict", ask(properties=MANAGED, settings=PLUGIN), "failed", "managed GPU profile"),
    ("nvidia-conflict", ask(settings=PLUGIN), "not evaluated", "was not asked"),
    ("nvidia-conflict", ask(settings=TRAINING, seen=stands("gpu-operator")), "not applicable", "not true"),
    ("openshift-scc", ask("arc", {"distribution": "openshift"}), "failed", "azureml:azureml-kube-state-metrics"),
    ("openshift-scc", ask("arc", {"distribution": None}), "not evaluated", "distribution"),
    ("openshift-scc", ask("arc"), "not applicable", "OpenShift"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}, {case[3][:30]}")
def test_answers(case):
    """From the body that Azure returns to the verdict, with the words that matter."""
    told(*case)


def test_every_check_has_its_cases():
    """Positive, negative and not evaluated. On OpenShift nobody can see that the steps were done."""
    assert lacking("contents", CASES) == [("openshift-scc", "passed")]


@pytest.mark.parametrize(
    ("check", "part", "settings"),
    [
        ("prometheus-conflict", "prometheus-operator", TRAINING),
        ("ingress-conflict", "ingress-nginx", INFERENCE),
        ("volcano-conflict", "volcano", TRAINING),
        ("dcgm-conflict", "dcgm-exporter", EXPORTER),
        ("nvidia-conflict", "nvidia-device-plugin", PLUGIN),
    ],
)
def test_components_of_our_own_release_never_count(check, part, settings):
    """Under whatever name the extension was installed; the same name for another release is no excuse."""
    ours = ask(settings=settings, seen=stands(part, release="ml"), extension_name="ml")
    theirs = ask(settings=settings, seen=stands(part, release="ml"))

    told(check, ours, "passed", "somebody else")
    told(check, theirs, "failed", f"the-{part}")


def test_accounts_carry_the_extensions_name():
    """One of OpenShift's service accounts is named for the release."""
    result = answer("openshift-scc", ask("arc", {"distribution": "OpenShift"}, extension_name="ml"))

    assert "azureml:ml-kube-state-metrics" in result.remedy
    assert result.remedy.count("system:serviceaccount:") == 11
