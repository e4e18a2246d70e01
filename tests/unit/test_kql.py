"""The queries that are sent: right by Microsoft's parser, and no value in them is ever anything but a value."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yarl import URL

from shared.azure import kql
from shared.azure.arm import cluster_path, url_path
from shared.errors import Refused
from shared.model.identity import ClusterId, Kind
from simulator.graph import ResourceGraph
from tests.kql.parser import diagnostics

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
CLUSTER = ClusterId(SUBSCRIPTION, "rg", Kind.AKS, "aks-1")
HOSTILE = [
    "'",
    "\\",
    "\\'",
    "''",
    "' or true //",
    "x') | union resources | where ('a' == 'a",
    '"',
    "@'",
    "```",
    "\r\n\t\v\f\b\0",
    "\u0085\u2028\u2029",
    "{cluster.name}",
    "Zürich 東京 😀",
]
# Text of any script, and much of what has a meaning in KQL.
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\"\\|()@`\n\r\t;/"), max_size=40)
FEW = settings(max_examples=40, deadline=None, database=None)

QUERIES = {
    "clusters": kql.clusters(),
    "these_clusters of one": kql.these_clusters([CLUSTER]),
    "these_clusters of a hundred": kql.these_clusters(
        [ClusterId(SUBSCRIPTION, f"straße-({n})", Kind.ARC, f"edge-{n}") for n in range(100)]
    ),
    "these_clusters with hostile names": kql.these_clusters(
        [ClusterId(SUBSCRIPTION, "rg", Kind.AKS, name) for name in HOSTILE]
    ),
    "extensions": kql.extensions(),
    "subscriptions": kql.subscriptions(),
}


def answered(query):
    """The rows that the simulated service gives, where one resource exists."""
    graph = ResourceGraph(lambda: 0.0)
    graph.record("resources", "/x", {"id": "/x", "name": "x", "type": "t", "subscriptionId": SUBSCRIPTION})
    answer = graph.query({"query": query}, caller="test", visible=lambda _: True)
    assert answer.status == 200, answer.body
    return answer.body["data"]


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_microsofts_parser_takes_every_query(query):
    """No unknown column, no wrong type, no warning; and the simulated service answers it."""
    assert diagnostics(query) == []
    answered(query)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_every_query_can_be_paged(query):
    """The service gives a $skipToken only where `id` is projected as it is and nothing limits the rows."""
    assert "project id," in query
    assert " take " not in query
    assert " limit " not in query


@FEW
@given(texts)
@example("\0")
@example(HOSTILE[9])
@example(HOSTILE[10])
def test_a_literal_is_one_literal_to_the_parser(text):
    """Whatever is in it, the query around it stays what it was."""
    assert diagnostics(f"resources | where name == {kql.literal(text)} | project id") == []


@FEW
@given(texts.filter(lambda text: "\0" not in text))
@example(HOSTILE[4])
@example(HOSTILE[5])
@example("\\x41\\u0041\\101")
def test_a_literal_means_its_text(text):
    """The value that the service finds is the value that was put in."""
    (row,) = answered(f"resources | project id, found = {kql.literal(text)}")

    assert row["found"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_no_literal_ends_early(text):
    """What looks like the end of a literal finds nothing that it should not."""
    assert answered(f"resources | where name == {kql.literal(text)} | project id") == []


def test_a_row_takes_the_shape_of_an_arm_body():
    """Facts go back below properties; null ones are left out, the rest stays where it is."""
    row = {"id": "/x", "tags": {"a": "b"}, "totalNodeCount": 3, "distribution": None, "powerState": {"code": "Running"}}

    assert kql.cluster_body(row) == {
        "id": "/x",
        "tags": {"a": "b"},
        "properties": {"totalNodeCount": 3, "powerState": {"code": "Running"}},
    }


# Paths


@FEW
@given(st.lists(texts.filter(lambda text: text not in {"", ".", ".."}), min_size=1, max_size=5))
@example(["../..", "a/b", "?x=1", "#y", "%2e%2e", "%2F", ";v=1", "\\", "..;", " "])
def test_every_segment_of_a_path_stays_one(segments):
    """Through the URL library that sends it: as many segments as were given, each with its text; no query."""
    url = URL(f"https://management.azure.com{url_path(*segments)}?api-version=1")

    assert list(url.parts[1:]) == segments
    assert len(url.raw_parts) == len(segments) + 1
    assert url.host == "management.azure.com"
    assert url.query_string == "api-version=1"
    assert url.fragment == ""


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_segments_that_lead_elsewhere_are_refused(segment):
    """No escape keeps them in their place."""
    with pytest.raises(Refused):
        url_path("subscriptions", segment, "resourceGroups")


def test_a_clusters_path_is_its_id_in_arms_spelling():
    """And what lies below it; letters of other scripts are escaped."""
    cluster = ClusterId(SUBSCRIPTION, "straße", Kind.ARC, "edge")

    assert cluster_path(cluster, "providers") == (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/stra%C3%9Fe"
        "/providers/Microsoft.Kubernetes/connectedClusters/edge/providers"
    )
