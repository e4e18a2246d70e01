"""The policy.yaml that this repository ships expresses the four scenarios of the documentation."""

from pathlib import Path

import pytest

from shared.policy.guardrails import violations
from shared.policy.loading import parse_policy, read_policy
from shared.policy.selection import Outcome, select
from tests.unit.policy.builders import NOW, cluster, onboarded

POLICY = parse_policy(read_policy(Path(__file__).parents[3] / "policy.yaml"))

# "Deploy Azure Machine Learning extension on AKS or Arc Kubernetes cluster": the four command lines, with
# InferenceRouterHA in its right case and the certificate in a Kubernetes secret instead of files.
SCENARIOS = {
    "proof of concept on AKS": (
        cluster("aks", gpu=False),
        "poc-aks",
        {
            "enableTraining": "true",
            "enableInference": "true",
            "inferenceRouterServiceType": "LoadBalancer",
            "allowInsecureConnections": "true",
            "inferenceRouterHA": "false",
        },
    ),
    "training on Arc": (cluster("arc"), "training", {"enableTraining": "true"}),
    "production on AKS": (
        cluster("aks", onboarded({"env": "prod"})),
        "production-aks",
        {
            "enableTraining": "true",
            "enableInference": "true",
            "inferenceRouterServiceType": "LoadBalancer",
            "sslCname": "ml.Clu-1.example.com",
            "sslSecret": "inference-tls",
        },
    ),
    "production on Arc with GPUs": (
        cluster("arc", onboarded({"env": "prod", "aml-gpu": "true"})),
        "production-arc-gpu",
        {
            "enableTraining": "true",
            "enableInference": "true",
            "inferenceRouterServiceType": "NodePort",
            "sslCname": "ml.Clu-1.example.com",
            "sslSecret": "inference-tls",
            "installNvidiaDevicePlugin": "true",
            "installDcgmExporter": "true",
        },
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_is_selected_with_its_settings(scenario):
    """Kind and tags alone lead to the settings that the documentation's command line names."""
    about, profile, settings = SCENARIOS[scenario]
    found = select(POLICY, about, None, NOW)

    assert (found.outcome, found.profile) == (Outcome.SELECTED, profile)
    assert dict(found.settings) == settings
    assert violations(POLICY, about, found.settings) == ()


def test_it_has_no_warnings():
    """What is shipped needs no excuse."""
    assert POLICY.warnings == ()


def test_production_on_arc_waits_until_somebody_says_whether_there_are_gpus():
    """It is held, rather than installed without the NVIDIA components."""
    held = select(POLICY, cluster("arc", onboarded({"env": "prod"})), None, NOW)
    plain = select(POLICY, cluster("arc", onboarded({"env": "prod", "aml-gpu": "false"})), None, NOW)

    assert (held.outcome, held.unknown_fact) == (Outcome.HELD, "gpu")
    assert plain.profile == "production-arc"


def test_plain_http_in_production_is_stopped_even_when_asked_for_by_tag():
    """The guardrail holds against a profile that was chosen by tag."""
    about = cluster(tags=onboarded({"env": "prod", "aml-profile": "poc-aks"}))
    found = select(POLICY, about, None, NOW)

    assert found.profile == "poc-aks"
    assert [each.where for each in violations(POLICY, about, found.settings)] == ["allowInsecureConnections"]
