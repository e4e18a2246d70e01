"""Who reaches the cluster, what the cluster reaches, and how its endpoints are reached."""

from collections.abc import Iterable
from ipaddress import IPv4Network, collapse_addresses, ip_network

from shared.azureml.endpoints import outbound_endpoints
from shared.azureml.preflight.question import (
    AKS_ONLY,
    ARC_ONLY,
    Answer,
    Question,
    failed,
    no_concern,
    no_inference,
    passed,
    unknown,
    unread_inside,
    unread_surroundings,
)

_RANGES = "the addresses of Azure Machine Learning's control plane"


def authorized_ranges(question: Question) -> Answer:
    """The control plane is spread over two paired regions; both must reach the API server."""
    if not question.aks:
        return AKS_ONLY
    cluster = question.cluster
    if cluster.authorized_ranges is None:
        return unknown("the API server's authorized IP ranges (apiServerAccessProfile)")
    if not cluster.authorized_ranges:
        return passed("the API server has no authorized IP ranges.")
    known = question.surroundings.control_plane_ranges if question.surroundings else None
    if not known or not known.get(cluster.location):
        return unread_surroundings(question, "control_plane_ranges", f"{_RANGES} in {cluster.location or 'the region'}")
    allowed, odd = _networks(cluster.authorized_ranges)
    joined = tuple(collapse_addresses(allowed))
    lacking: dict[str, int] = {}
    for region, prefixes in known.items():
        asked, _ = _networks(prefixes)
        if not asked:
            return unread_surroundings(question, "control_plane_ranges", f"{_RANGES} in {region}")
        missing = sum(not any(each.subnet_of(one) for one in joined) for each in asked)
        if missing:
            lacking[region] = missing
    if not lacking:
        return passed(f"the authorized IP ranges hold the control plane's of {' and '.join(known)}.")
    if odd:
        return unknown(f"what the authorized IP ranges {', '.join(odd)} stand for")
    told = " and ".join(f"{region} ({count} prefixes missing)" for region, count in lacking.items())
    return failed(
        f"the API server's authorized IP ranges lack Azure Machine Learning's control plane of {told}.",
        "Add the prefixes of the service tag AzureMachineLearning for these regions (az network list-service-tags) "
        "with az aks update --api-server-authorized-ip-ranges.",
    )


def _networks(texts: Iterable[str]) -> tuple[list[IPv4Network], list[str]]:
    """IPv4 networks, and what could not be read. IPv6 is left out: AKS authorizes IPv4 alone."""
    found: list[IPv4Network] = []
    odd = []
    for text in texts:
        try:
            network = ip_network(text.strip(), strict=False)
        except ValueError:
            odd.append(text)
            continue
        if isinstance(network, IPv4Network):
            found.append(network)
    return found, odd


# Types of outbound traffic that AKS provides by itself; all others lead through what the customer has set up.
_DIRECT = frozenset({"loadbalancer", "managednatgateway", "managednatgatewayv2", "userassignednatgateway"})


def outbound(question: Question) -> Answer:
    """Behind a firewall or a proxy a number of addresses must be let through."""
    cluster = question.cluster
    if not question.aks:
        return unknown("how the nodes reach the internet, which Azure Arc does not report")
    kind = cluster.outbound_type
    ways = []
    if kind is not None and kind.lower() not in _DIRECT:
        ways.append(f"outbound traffic is {kind}")
    if cluster.http_proxy:
        ways.append("nodes go through an HTTP proxy")
    if ways:
        names = outbound_endpoints(cluster.location, cluster.kind, training=question.training)
        return failed(
            f"{' and '.join(ways)}: whether the extension reaches Azure depends on the firewall or proxy.",
            f"Let through: {', '.join(names)}.",
        )
    if kind is None:
        return unknown("the outbound type (networkProfile.outboundType)")
    if cluster.http_proxy is None:
        return unknown("whether nodes go through a proxy (httpProxyConfig)")
    return passed(f"outbound traffic is {kind}, without a proxy.")


def internal_load_balancer(question: Question) -> Answer:
    """Only AKS can put the router behind an Azure load balancer, and a NodePort service has none."""
    if not question.inference:
        return no_inference(question)
    if question.value("internalLoadBalancerProvider") != "azure":
        return no_concern("no internal load balancer is asked for.")
    if not question.aks:
        return failed(
            "internalLoadBalancerProvider=azure works on AKS only (E40003).",
            "Remove internalLoadBalancerProvider from the settings of Arc clusters.",
        )
    if question.value("inferenceRouterServiceType") == "nodeport":
        return failed(
            "internalLoadBalancerProvider=azure is of no use with inferenceRouterServiceType=NodePort.",
            "Remove one of the two settings.",
        )
    return passed("an internal load balancer is asked for on AKS.")


def load_balancer(question: Question) -> Answer:
    """On premises nobody gives a service of type LoadBalancer its address unless something was installed for it."""
    if question.aks:
        return ARC_ONLY
    if not question.inference:
        return no_inference(question)
    if question.value("inferenceRouterServiceType") != "loadbalancer":
        return no_concern("the router is no service of type LoadBalancer.")
    there = question.inside.load_balancer if question.inside else None
    if there is None:
        return unread_inside(question, "load_balancer", "whether the cluster has a load balancer")
    if there:
        return passed("the cluster gives services of type LoadBalancer their addresses.")
    return failed(
        "no service of type LoadBalancer has an address: the cluster may have no load balancer (E40001).",
        "Install one (MetalLB, for instance) or set inferenceRouterServiceType to NodePort or ClusterIP.",
    )
