"""Checks of the ways to the cluster and from it."""

import pytest

from tests.unit.azureml.preflight.questions import INFERENCE, TRAINING, answer, ask, lacking, told

# Two paired regions; the second is reached through neighbours that were authorized one by one.
RANGES = {"control_plane_ranges": {"eastus": ("20.42.0.240/28", "2603:1030:210::/64"), "westus": ("13.69.64.0/23",)}}


def authorized(*texts):
    """The property of an API server that only these may reach."""
    return {"apiServerAccessProfile": {"authorizedIPRanges": list(texts)}}


ROUTED = {"networkProfile": {"outboundType": "userDefinedRouting"}}
INTERNAL = {**INFERENCE, "internalLoadBalancerProvider": "azure"}
NODE_PORT = {**INFERENCE, "inferenceRouterServiceType": "NodePort"}

CASES = [
    ("authorized-ip-ranges", ask(), "passed", "no authorized"),
    (
        "authorized-ip-ranges",
        ask(properties=authorized("20.42.0.0/16", "13.69.64.0/24", "13.69.65.0/24"), surroundings=RANGES),
        "passed",
        "eastus and westus",
    ),
    (
        "authorized-ip-ranges",
        ask(properties=authorized("20.42.0.240/28"), surroundings=RANGES),
        "failed",
        "control plane of westus (1 prefixes missing)",
    ),
    (
        "authorized-ip-ranges",
        ask(properties=authorized("20.42.0.241/32", "13.69.64.0/24"), surroundings=RANGES),
        "failed",
        "eastus (1 prefixes missing) and westus (1 prefixes missing)",
    ),
    (
        "authorized-ip-ranges",
        ask(properties=authorized("20.0.0.0/8"), surroundings={"control_plane_ranges": {"eastus": ("20.42.0.0/24",)}}),
        "passed",
        "control plane's of eastus.",
    ),
    ("authorized-ip-ranges", ask(properties={"agentPoolProfiles": None}), "not evaluated", "apiServerAccessProfile"),
    ("authorized-ip-ranges", ask(properties=authorized("1.2.3.4/32")), "not evaluated", "in eastus"),
    (
        "authorized-ip-ranges",
        ask(properties=authorized("0.0.0.0/0"), surroundings={"control_plane_ranges": {"westus": ("1.2.3.4/32",)}}),
        "not evaluated",
        "in eastus",
    ),
    (
        "authorized-ip-ranges",
        ask(
            properties=authorized("0.0.0.0/0"),
            surroundings={"control_plane_ranges": {"eastus": ("1.2.3.4/32",), "westus": ()}},
        ),
        "not evaluated",
        "in westus",
    ),
    (
        "authorized-ip-ranges",
        ask(properties=authorized("AzureCloud"), surroundings=RANGES),
        "not evaluated",
        "AzureCloud",
    ),
    ("authorized-ip-ranges", ask("arc"), "not applicable", "AKS"),
    ("outbound-network", ask(), "passed", "loadBalancer"),
    ("outbound-network", ask(properties=ROUTED), "failed", "eastus.api.azureml.ms:443"),
    ("outbound-network", ask(properties={"networkProfile": {"outboundType": "none"}}), "failed", "traffic is none"),
    (
        "outbound-network",
        ask(properties={"httpProxyConfig": {"httpProxy": "http://proxy.contoso.com:3128/"}}),
        "failed",
        "an HTTP proxy",
    ),
    (
        "outbound-network",
        ask(properties={"httpProxyConfig": {"enabled": False, "httpProxy": "http://proxy.contoso.com:3128/"}}),
        "passed",
        "without a proxy",
    ),
    ("outbound-network", ask(properties={"networkProfile": None}), "not evaluated", "outboundType"),
    ("outbound-network", ask("arc"), "not evaluated", "does not report"),
    ("internal-load-balancer", ask(settings=INTERNAL), "passed", "AKS"),
    ("internal-load-balancer", ask("arc", settings=INTERNAL), "failed", "E40003"),
    (
        "internal-load-balancer",
        ask(settings={**INTERNAL, "inferenceRouterServiceType": "nodePort"}),
        "failed",
        "NodePort",
    ),
    ("internal-load-balancer", ask("arc"), "not evaluated", "settings"),
    ("internal-load-balancer", ask("arc", settings=INFERENCE), "not applicable", "no internal"),
    ("internal-load-balancer", ask("arc", settings=TRAINING), "not applicable", "inference only"),
    ("load-balancer", ask("arc", settings=INFERENCE, seen={"load_balancer": True}), "passed", "addresses"),
    ("load-balancer", ask("arc", settings=INFERENCE, seen={"load_balancer": False}), "failed", "E40001"),
    ("load-balancer", ask("arc", settings=INFERENCE, seen={}), "not evaluated", "could not be read"),
    ("load-balancer", ask("arc", settings=INFERENCE), "not evaluated", "was not asked"),
    ("load-balancer", ask("arc", settings=NODE_PORT, seen={"load_balancer": False}), "not applicable", "no service"),
    ("load-balancer", ask("arc", settings=TRAINING), "not applicable", "inference only"),
    ("load-balancer", ask(settings=INFERENCE), "not applicable", "Arc"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}, {case[3][:30]}")
def test_answers(case):
    """From the body that Azure returns to the verdict, with the words that matter."""
    told(*case)


def test_every_check_has_its_cases():
    """Positive, negative and not evaluated."""
    assert lacking("network", CASES) == []


def test_a_proxys_address_is_not_told():
    """It may hold a password."""
    proxy = {"httpProxyConfig": {"httpsProxy": "http://user:hunter2@proxy.contoso.com:3128/"}}

    assert "hunter2" not in str(answer("outbound-network", ask(properties=proxy)))


def test_jobs_fetch_packages():
    """The archives of packages are asked for where training is switched on."""
    assert "archive.ubuntu.com:80" in answer("outbound-network", ask(properties=ROUTED, settings=TRAINING)).remedy
    assert "archive.ubuntu.com:80" not in answer("outbound-network", ask(properties=ROUTED, settings=INFERENCE)).remedy


def test_why_something_could_not_be_read_is_told():
    """The fact's own trouble, or that of the way in."""
    for part in ("load_balancer", "access"):
        question = ask("arc", settings=INFERENCE, seen={"trouble": {part: "the kubeconfig has expired"}})
        told("load-balancer", question, "not evaluated", "the kubeconfig has expired")
