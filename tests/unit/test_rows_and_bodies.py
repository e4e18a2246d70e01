"""A cluster is the same whether Resource Graph or Resource Manager told it; else a sweep sees changes that are none."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.azure import kql
from shared.model.arm import read_cluster
from shared.model.cluster import Source
from simulator.graph import ResourceGraph

SAMPLES = Path(__file__).parents[1] / "data" / "arm"
BODIES = {kind: json.loads((SAMPLES / f"{kind}_get.json").read_text()) for kind in ("aks", "arc")}
# Everything switched on that an AKS body can tell.
RICH = {
    "disableLocalAccounts": True,
    "aadProfile": {"managed": True, "tenantID": "22222222-2222-2222-2222-222222222222", "adminGroupObjectIDs": []},
    "apiServerAccessProfile": {"authorizedIPRanges": ["1.2.3.4/32"], "enablePrivateCluster": True},
    "podIdentityProfile": {"enabled": True, "userAssignedIdentities": []},
    "networkProfile": {"outboundType": "userDefinedRouting", "networkPlugin": "azure"},
    "httpProxyConfig": {"enabled": True, "httpProxy": "http://p/", "httpsProxy": "http://p/", "trustedCa": "x" * 999},
    "nodeProvisioningProfile": {"mode": "Auto"},
}
ERRORS = {"agentErrors": [{"component": "config-agent", "message": "CrashLoop", "time": "2026-08-20T10:00:00Z"}]}


def both(body):
    """The cluster from its body, and from the row that the simulated service gives for it."""
    graph = ResourceGraph(lambda: 0.0)
    subscription = body["id"].split("/")[2]
    graph.record("resources", body["id"], {**body, "subscriptionId": subscription})
    reply = graph.query({"query": kql.clusters()}, caller="test", visible=lambda _: True)
    (row,) = reply.body["data"]
    return read_cluster(body, Source.ARM), read_cluster(kql.cluster_body(row), Source.GRAPH), row


def changed(kind, properties):
    """A sample's body with other properties."""
    body = copy.deepcopy(BODIES[kind])
    body["properties"] |= copy.deepcopy(properties)
    return body


def at(properties, path):
    """What stands at a path; None where it leads nowhere."""
    for name in path.split("."):
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


@pytest.mark.parametrize(
    "body",
    [
        BODIES["aks"],
        changed("aks", RICH),
        changed("aks", dict.fromkeys(RICH)),
        changed("aks", {"httpProxyConfig": {"enabled": False, "httpProxy": "http://p/"}}),
        changed("aks", {"agentPoolProfiles": None, "identityProfile": None}),
        changed("aks", {"apiServerAccessProfile": {"authorizedIPRanges": []}}),
        BODIES["arc"],
        changed("arc", {"arcAgentProfile": ERRORS}),
        changed("arc", {"arcAgentProfile": None}),
    ],
)
def test_row_and_body_tell_the_same_cluster(body):
    """Every fact but who told it."""
    from_body, from_row, _ = both(body)

    assert replace(from_row, source=Source.ARM) == from_body


def test_every_fact_is_told_by_some_body():
    """A path that no body has would be asked for in vain, or be misspelt."""
    bodies = [changed("aks", RICH)["properties"], changed("arc", {"arcAgentProfile": ERRORS})["properties"]]

    assert [fact for fact in kql.FACTS if all(at(body, fact) is None for body in bodies)] == []


def test_the_rich_body_differs_from_the_plain_one_in_every_feature():
    """So that the comparison above compares something."""
    plain, _, _ = both(BODIES["aks"])
    rich, _, _ = both(changed("aks", RICH))
    features = ("local_accounts_disabled", "authorized_ranges", "private", "pod_identity", "outbound_type")

    for feature in (*features, "http_proxy", "node_autoprovisioning"):
        assert getattr(plain, feature) != getattr(rich, feature), feature


def test_rows_stay_small():
    """What nobody reads is not fetched: certificates of proxies, networks, portal addresses."""
    _, _, row = both(changed("aks", RICH))

    row = {name: value for name, value in row.items() if name not in {"subscription", "cluster"}}
    assert len(json.dumps(row)) < len(json.dumps(changed("aks", RICH))) - 1500
    assert "xxx" not in json.dumps(row)


flags = st.sampled_from([None, True, False])
texts = st.sampled_from([None, "", "none", "Auto"])


@settings(max_examples=25, deadline=None, database=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "disableLocalAccounts": flags,
            "aadProfile": st.none() | st.fixed_dictionaries({}, optional={"managed": flags, "tenantID": texts}),
            "apiServerAccessProfile": st.none()
            | st.fixed_dictionaries({}, optional={"authorizedIPRanges": st.none() | st.lists(st.just("1.1.1.1"))}),
            "podIdentityProfile": st.none() | st.fixed_dictionaries({}, optional={"enabled": flags}),
            "networkProfile": st.none() | st.fixed_dictionaries({}, optional={"outboundType": texts}),
            "httpProxyConfig": st.none() | st.fixed_dictionaries({}, optional={"enabled": flags, "httpProxy": texts}),
            "nodeProvisioningProfile": st.none() | st.fixed_dictionaries({}, optional={"mode": texts}),
            "identityProfile": st.none() | st.just({}) | st.just({"kubeletidentity": None}),
        },
    )
)
def test_nulls_and_gaps_are_told_alike(properties):
    """Whatever a body leaves out or has as null."""
    from_body, from_row, _ = both(changed("aks", properties))

    assert replace(from_row, source=Source.ARM) == from_body
