"""The simulated Resource Graph answers as the service is documented to."""

import json
from pathlib import Path

import pytest

from simulator.graph import ResourceGraph

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
SUB, OTHER = "11111111-1111-1111-1111-111111111111", "22222222-0000-0000-0000-000000000000"

CLUSTERS = """
resources
| where type in~ ('microsoft.containerservice/managedclusters', 'microsoft.kubernetes/connectedclusters')
| extend cid = tolower(id)
| project id, cid, name, type, location, resourceGroup, subscriptionId, tags, identity, sku,
    provisioningState = tostring(properties.provisioningState), pools = properties.agentPoolProfiles,
    nodes = toint(properties.totalNodeCount)
"""
EXTENSIONS = """
kubernetesconfigurationresources
| where type =~ 'microsoft.kubernetesconfiguration/extensions'
| extend et = tolower(tostring(coalesce(properties.ExtensionType, properties.extensionType)))
| where et == 'microsoft.azureml.kubernetes'
| project id, cid = tolower(tostring(split(tolower(id), '/providers/microsoft.kubernetesconfiguration/')[0])),
    name, subscriptionId, properties
"""
MEMBERS = """
resourcecontainers
| where type =~ 'microsoft.resources/subscriptions'
| mv-expand mg = properties.managementGroupAncestorsChain
| where mg.name in~ ('ML-Platform')
| project id, subscriptionId
"""


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def graph(clock):
    made = ResourceGraph(clock)
    made.quota = None
    return made


def sample(name):
    return json.loads((SAMPLES / name).read_text())


def cluster(name, *, subscription=SUB, **changes):
    group = f"/subscriptions/{subscription}/resourceGroups/rg"
    row = {
        "id": f"{group}/providers/Microsoft.Kubernetes/connectedClusters/{name}",
        "name": name,
        "type": "Microsoft.Kubernetes/connectedClusters",
        "resourceGroup": "rg",
        "location": "westeurope",
        "subscriptionId": subscription,
        "tags": {"ml": "train"},
        "properties": {"provisioningState": "Succeeded", "totalNodeCount": 3},
    }
    return row | changes


def put(graph, *rows, table="resources"):
    for row in rows:
        graph.record(table, row["id"], row)


def ask(graph, query, *, caller="muster", visible=lambda _: True, options=None, **scope):
    return graph.query({"query": query, **scope, "options": options or {}}, caller=caller, visible=visible)


def names(answer):
    assert answer.status == 200, answer.body
    return [row["name"] for row in answer.body["data"]]


def pages(graph, query, **options):
    """Every row of a sequence of pages, and how many pages it took."""
    rows, token, count = [], None, 0
    while count == 0 or token:
        answer = ask(graph, query, options={**options, **({"$skipToken": token} if token else {})})
        assert answer.status == 200, answer.body
        rows += answer.body["data"]
        token, count = answer.body.get("$skipToken"), count + 1
    return rows, count


def codes(answer):
    return [answer.body["error"]["code"], *(detail["code"] for detail in answer.body["error"]["details"])]


def test_cluster_rows_come_back_with_decoded_values(graph):
    """Dynamic columns and paths are JSON objects, not JSON text; missing ones are null."""
    put(graph, *sample("arg_clusters_page.json")["data"])

    answer = ask(graph, CLUSTERS + "| order by subscriptionId asc, cid asc")

    assert answer.status == 200
    assert answer.body["totalRecords"] == answer.body["count"] == 3
    assert answer.body["facets"] == []
    assert answer.body["resultTruncated"] == "false"
    arc, fresh, aks = answer.body["data"]
    assert aks["cid"] == aks["id"].lower()
    assert aks["sku"] == {"name": "Base", "tier": "Standard"}
    assert [pool["name"] for pool in aks["pools"]] == ["system", "gpu"]
    assert (aks["provisioningState"], aks["nodes"]) == ("Succeeded", None)
    assert (arc["pools"], arc["nodes"], fresh["nodes"]) == (None, 3, None)
    assert arc["tags"] == {"ml": "infer"}


def test_whole_rows_have_every_column_of_the_table(graph):
    """A query without a projection shows the table's documented columns, the type in lower case."""
    put(graph, cluster("a", systemData={"createdAt": "x"}))

    (row,) = ask(graph, "resources").body["data"]

    assert row["type"] == "microsoft.kubernetes/connectedclusters"
    assert row["managedBy"] == ""
    assert row["plan"] is None
    assert "systemData" not in row


def test_clusters_are_found_by_id_with_any_letter_in_it(graph):
    """Up to 100 ids fit one query; a quote inside an id is escaped with a backslash."""
    put(graph, *(cluster(f"c{number}") for number in range(150)), cluster("o'brien"))
    wanted = [cluster(f"c{number}")["id"].lower() for number in range(99)] + [cluster("o'brien")["id"].lower()]
    listed = ", ".join("'" + one.replace("'", "\\'") + "'" for one in wanted)

    answer = ask(graph, CLUSTERS + f"| where tolower(id) in ({listed})")

    assert sorted(row["cid"] for row in answer.body["data"]) == sorted(wanted)


def test_extension_rows_are_joined_to_their_cluster_by_id(graph):
    """The PascalCase rows of the documentation's samples are found, with the cluster's id."""
    put(graph, *sample("arg_extensions_page.json")["data"], table="kubernetesconfigurationresources")

    rows = ask(graph, EXTENSIONS).body["data"]

    assert {row["properties"]["ProvisioningState"] for row in rows} == {"Succeeded", "Failed"}
    assert {row["cid"].rpartition("/")[2] for row in rows} == {"aks-ml-01", "arc-edge-01"}


def container(subscription, *groups):
    return {
        "id": f"/subscriptions/{subscription}",
        "type": "microsoft.resources/subscriptions",
        "subscriptionId": subscription,
        "properties": {"managementGroupAncestorsChain": [{"name": name, "displayName": name} for name in groups]},
    }


def test_members_of_a_management_group(graph):
    """The subscriptions below a group are found by their chain of ancestors, at any depth."""
    put(graph, container(SUB, "ml-platform", "root"), container(OTHER, "root"), table="resourcecontainers")

    rows = ask(graph, MEMBERS).body["data"]

    assert rows == [{"id": f"/subscriptions/{SUB}", "subscriptionId": SUB}]


def test_scope_and_access_decide_what_is_seen(graph):
    """Only rows in the asked scope that the caller may read are shown, without an error for the rest."""
    put(graph, cluster("mine"), cluster("theirs", subscription=OTHER))
    put(graph, container(SUB, "ml-platform", "root"), container(OTHER, "root"), table="resourcecontainers")
    query = "resources | project id, name | order by name asc"

    assert names(ask(graph, query)) == ["mine", "theirs"]
    assert names(ask(graph, query, subscriptions=[SUB.upper()])) == ["mine"]
    assert names(ask(graph, query, managementGroups=["ML-platform"])) == ["mine"]
    assert names(ask(graph, query, managementGroups=["root"])) == ["mine", "theirs"]
    assert names(ask(graph, query, visible=lambda one: one == OTHER)) == ["theirs"]
    assert names(ask(graph, query, subscriptions=[OTHER], visible=lambda one: one == SUB)) == []


def test_changes_show_after_the_lag_and_in_order(graph, clock):
    """A query answers from `lag` seconds ago: old tags, rows not yet there, rows already gone."""
    graph.lag = 30
    put(graph, cluster("a", tags={"ml": "old"}))
    clock.now += 10
    put(graph, cluster("a", tags={"ml": "new"}), cluster("b"))
    query = "resources | project id, name, ml = tostring(tags['ml']) | order by name asc"

    assert names(ask(graph, query)) == []
    clock.now += 20
    assert [row["ml"] for row in ask(graph, query).body["data"]] == ["old"]
    clock.now += 10
    assert [row["ml"] for row in ask(graph, query).body["data"]] == ["new", "train"]
    graph.record("resources", cluster("a")["id"].upper(), None)
    assert names(ask(graph, query)) == ["a", "b"]
    clock.now += 30
    assert names(ask(graph, query)) == ["b"]


def test_frozen_tables_show_no_change_until_thawed(graph, clock):
    """What was visible at `freeze` stays, whatever is recorded and however long it lasts."""
    put(graph, cluster("a"))
    graph.freeze()
    put(graph, cluster("b"))
    clock.now += 3600

    assert names(ask(graph, "resources | project id, name")) == ["a"]
    graph.thaw()
    assert sorted(names(ask(graph, "resources | project id, name"))) == ["a", "b"]


def test_a_row_given_to_record_may_change_later_unseen(graph):
    """The journal keeps what was recorded, not a reference to the caller's object."""
    row = cluster("a")
    put(graph, row)
    row["tags"]["ml"] = "changed"

    assert ask(graph, "resources").body["data"][0]["tags"] == {"ml": "train"}


def test_pages_of_one_sequence_show_each_row_once(graph):
    """$skipToken leads through all rows, none twice, although nothing orders them and rows change."""
    put(graph, *(cluster(f"c{number:04}") for number in range(2500)))
    first = ask(graph, CLUSTERS)
    put(graph, cluster("c9999"))
    second = ask(graph, CLUSTERS, options={"$skipToken": first.body["$skipToken"]})
    third = ask(graph, CLUSTERS, options={"$skipToken": second.body["$skipToken"]})

    assert [page.body["count"] for page in (first, second, third)] == [1000, 1000, 500]
    assert {page.body["totalRecords"] for page in (first, second, third)} == {2500}
    assert "$skipToken" not in third.body
    seen = names(first) + names(second) + names(third)
    assert sorted(seen) == [f"c{number:04}" for number in range(2500)]


def test_rows_that_are_not_ordered_come_in_no_order(graph):
    """Without `order by` two sequences differ, as the service warns; with it both are alike and sorted."""
    put(graph, *(cluster(f"c{number:04}") for number in range(300)))
    plain, ordered = "resources | project id, name", "resources | order by name asc | project id, name"

    assert pages(graph, plain)[0] != pages(graph, plain)[0]
    assert [row["name"] for row in pages(graph, ordered, **{"$top": 70})[0]] == [f"c{n:04}" for n in range(300)]
    assert pages(graph, ordered, **{"$top": 70})[1] == 5


def test_an_order_is_lost_by_joins_and_sums(graph):
    """Rows ordered before a summarize are not ordered after it."""
    put(graph, *(cluster(f"c{number:04}", location=f"l{number:04}") for number in range(50)))
    query = "resources | order by location asc | summarize n = count() by location"

    seen = [row["location"] for row in ask(graph, query).body["data"]]

    assert seen != sorted(seen)


@pytest.mark.parametrize("query", ["resources | project name", "resources | project id | take 20"])
def test_no_token_without_id_or_with_a_limit(graph, query):
    """Rows beyond the page are cut off with resultTruncated "true" where the service gives no token."""
    put(graph, *(cluster(f"c{number}") for number in range(30)))

    answer = ask(graph, query, options={"$top": 10})

    assert answer.body["resultTruncated"] == "true"
    assert "$skipToken" not in answer.body
    assert answer.body["count"] == 10


def test_skip_counts_from_the_start(graph):
    """$skip leaves out the first rows of an ordered result, and nothing where the query has a limit."""
    put(graph, *(cluster(f"c{number}") for number in range(5)))
    ordered = "resources | project id, name | order by name asc"

    assert names(ask(graph, ordered, options={"$skip": 3})) == ["c3", "c4"]
    assert names(ask(graph, ordered + " | take 2", options={"$skip": 1})) == ["c0", "c1"]


def test_a_token_serves_its_own_query_and_scope_only(graph):
    """A token of another query, of another scope, or no token at all is refused with 400."""
    put(graph, *(cluster(f"c{number}") for number in range(5)))
    query = "resources | project id"
    token = ask(graph, query, options={"$top": 2}).body["$skipToken"]

    for answer in (
        ask(graph, query + ", name", options={"$skipToken": token}),
        ask(graph, query, options={"$skipToken": token}, subscriptions=[SUB]),
        ask(graph, query, options={"$skipToken": "no token"}),
    ):
        assert answer.status == 400
        assert codes(answer) == ["BadRequest", "BadRequest"]
    assert ask(graph, query, options={"$skipToken": token}).body["count"] == 2


@pytest.mark.parametrize("options", [{"$top": 0}, {"$top": 1001}, {"$top": "10"}, {"$skip": -1}])
def test_page_sizes_outside_the_contract_are_refused(graph, options):
    """$top is 1 to 1000 and $skip not negative, as in the swagger."""
    assert ask(graph, "resources", options=options).status == 400


def test_a_page_above_the_limit_is_refused_like_the_service_does(graph):
    """The page's bytes count, not its rows; the refusal equals the one recorded from the service."""
    recorded = sample("arg_400_payload.json")
    put(graph, *(cluster(f"c{number}", properties={"filler": "x" * 1000}) for number in range(50)))
    graph.page_bytes = 40_000

    answer = ask(graph, "resources")

    assert answer.status == recorded["status"]
    assert codes(answer) == ["BadRequest", "ResponsePayloadTooLarge"]
    assert "has exceeded the limit of 40000" in answer.body["error"]["details"][0]["message"]
    assert ask(graph, "resources | project id, name").status == 200


def test_the_quota_is_fifteen_queries_per_five_seconds_and_caller(graph, clock):
    """The 16th query of a caller answers 429 as recorded; another caller and the next window are free."""
    graph.quota = "normal"
    recorded = sample("arg_429.json")
    answers = [ask(graph, "resources") for _ in range(16)]

    assert [answer.headers["x-ms-user-quota-remaining"] for answer in answers[:15]] == [
        str(n) for n in range(14, -1, -1)
    ]
    assert answers[15].status == 429
    assert answers[15].headers == recorded["headers"]
    assert codes(answers[15]) == ["RateLimiting", "RateLimiting"]
    assert answers[15].body["error"]["details"] == recorded["body"]["error"]["details"]
    assert ask(graph, "resources", caller="another").status == 200
    clock.now += 3.5
    assert ask(graph, "resources").headers["x-ms-user-quota-resets-after"] == "00:00:02"
    clock.now += 1.5
    assert ask(graph, "resources").headers["x-ms-user-quota-remaining"] == "14"


def test_the_quota_can_be_set(graph):
    """A number replaces the documented one; None refuses nothing and still sends the headers."""
    graph.quota = 2
    assert [ask(graph, "resources").status for _ in range(3)] == [200, 200, 429]
    graph.quota = None
    answers = [ask(graph, "resources") for _ in range(40)]
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["x-ms-user-quota-remaining"] for answer in answers} == {"14"}


def test_a_syntax_error_names_its_place(graph):
    """A query that does not parse is BadRequest with InvalidQuery and the parser's failures."""
    answer = ask(graph, "resources | whre name == 'x'")

    assert answer.status == 400
    assert codes(answer)[:3] == ["BadRequest", "InvalidQuery", "ParserFailure"]
    assert answer.body["error"]["details"][1]["line"] == 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "nosuchtable | project id",
        "resources | where nosuchcolumn == 1",
        "let x = 1; resources | where x == 1",
        ".show tables",
        "print 1",
        "datatable(a:int)[1]",
        "all_resources | project id",
        "externaldata(a:string)['file:///etc/hostname']",
        "resources" + " | join kind=inner (resources | project id) on id" * 4,
        "resources" + " | mv-expand tags" * 4,
        "resources | mv-expand tags limit 500",
        "union resources, resourcecontainers, resources, resourcecontainers",
    ],
)
def test_what_the_service_does_not_take_is_refused(graph, query):
    """Unknown names, other tables and statements beyond the documented limits answer 400."""
    put(graph, cluster("a"))

    assert ask(graph, query).status == 400


def test_table_names_are_compared_without_case(graph):
    """Resources, resources and RESOURCES are one table, in joins as well; property paths keep their case."""
    put(graph, cluster("a"))

    assert names(ask(graph, "Resources | project id, name")) == ["a"]
    assert ask(graph, "union resources, resourcecontainers, Resources").body["count"] == 2
    joined = "RESOURCES | project id, name | join kind=inner (Resources | project id, location) on id"
    assert names(ask(graph, joined)) == ["a"]
    (row,) = ask(graph, "resources | project x = properties.ProvisioningState").body["data"]
    assert row == {"x": None}


def test_times_follow_the_given_clock(graph):
    """now() and ago() are the simulator's time."""
    put(graph, cluster("a"))

    (row,) = ask(graph, "resources | project at = ago(1s)").body["data"]

    assert row == {"at": "1970-01-12T13:46:39.0000000Z"}


def test_the_table_format_gives_columns_and_rows(graph):
    """The result format table carries the same values as arrays."""
    put(graph, cluster("a"))

    data = ask(graph, "resources | project name, tags", options={"resultFormat": "table"}).body["data"]

    assert data == {
        "columns": [{"name": "name", "type": "string"}, {"name": "tags", "type": "object"}],
        "rows": [["a", {"ml": "train"}]],
    }


def test_an_unknown_table_cannot_be_written(graph):
    """A row for a table that does not exist is a mistake of the simulator and says so."""
    with pytest.raises(KeyError):
        graph.record("securityresources", "/x", {})
