"""The check of queries accepts what Resource Graph takes and flags what it does not."""

import pytest

from simulator.graph import ResourceGraph
from tests.kql.parser import diagnostics

GOOD = {
    "clusters": """
        resources
        | where type in~ ('microsoft.containerservice/managedclusters', 'microsoft.kubernetes/connectedclusters')
        | extend cid = tolower(id)
        | where tolower(id) in ('/subscriptions/s/o\\'brien', '/subscriptions/s/b')
        | project id, cid, name, type, location, resourceGroup, subscriptionId, tags, identity, sku, ['kind'],
            provisioningState = tostring(properties.provisioningState), pools = properties.agentPoolProfiles,
            nodes = toint(properties.totalNodeCount), gpu = isnotempty(tags['ml'])
        | order by subscriptionId asc, cid asc""",
    "extensions": """
        kubernetesconfigurationresources
        | where type =~ 'microsoft.kubernetesconfiguration/extensions'
        | extend et = tolower(tostring(coalesce(properties.ExtensionType, properties.extensionType)))
        | where et == 'microsoft.azureml.kubernetes'
        | project id, cid = tolower(tostring(split(tolower(id), '/providers/microsoft.kubernetesconfiguration/')[0])),
            name, subscriptionId, properties""",
    "members of management groups": """
        resourcecontainers
        | where type =~ 'microsoft.resources/subscriptions'
        | mv-expand mg = properties.managementGroupAncestorsChain
        | where mg.name in~ ('ml-platform', 'o\\'brien')
        | project id, subscriptionId""",
    "the other spelling": "Resources | summarize count() by type",
}
BAD = {
    "unknown column": ("resources | where nosuchcolumn == 1", "nosuchcolumn"),
    "another letter case": ("resources | project ID", "ID"),
    "unknown table": ("nosuchtable | take 1", "nosuchtable"),
    "unknown operator": ("resources | whre name == 'x'", "operator expected"),
    "unclosed string": ("resources | where name == 'x", "Missing"),
    "unclosed call": ("resources | project n = toint(name", "Expected"),
    "wrong types": ("resources | where name > 5", "operand types"),
    "a doubled quote": ("resources | where name in ('o''brien', 5 5)", "Expected"),
    "unknown function": ("resources | extend x = nosuchfunction(name)", "nosuchfunction"),
}


@pytest.mark.parametrize("query", GOOD.values(), ids=GOOD)
def test_right_queries_pass_and_the_simulator_takes_them(query):
    """Queries of the kinds that are sent have no diagnostics, and the simulated service answers them."""
    graph = ResourceGraph(lambda: 0.0)

    assert diagnostics(query) == []
    assert graph.query({"query": query}, caller="test", visible=lambda _: True).status == 200


@pytest.mark.parametrize(("query", "said"), BAD.values(), ids=BAD)
def test_wrong_queries_are_flagged(query, said):
    """Unknown names, syntax errors and wrong types are told, each with its code."""
    found = diagnostics(query)

    assert any(said in one for one in found), found
    assert all(one.startswith("Error KS") for one in found)


def test_lines_and_letters_of_any_script_reach_the_parser():
    """Newlines, quotes and letters outside of ASCII are one query to the parser."""
    assert diagnostics('resources\n| where name == "Zürich\\n\\"東京\\""\n| project id') == []
