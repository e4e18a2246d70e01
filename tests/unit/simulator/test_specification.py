"""Bodies are checked against the published definitions of the two APIs."""

import json
from pathlib import Path

import pytest

from simulator.specification import Specification

DATA = Path(__file__).parents[2] / "data"
CLUSTER = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
    "/providers/Microsoft.Kubernetes/connectedClusters/c"
)
LIST = f"{CLUSTER}/providers/Microsoft.KubernetesConfiguration/extensions"
EXTENSION = f"{LIST}/azureml"
OPERATION = f"{EXTENSION}/operations/1"
GRAPH = "/providers/Microsoft.ResourceGraph/resources"
VERSION = {"api-version": "2025-03-01"}

EXAMPLES = {
    "CreateExtension.json": ("PUT", EXTENSION),
    "PatchExtension.json": ("PATCH", EXTENSION),
    "DeleteExtension.json": ("DELETE", EXTENSION),
    "GetExtensionWithExtensionState.json": ("GET", EXTENSION),
    "GetExtensionWithManagementDetails.json": ("GET", EXTENSION),
    "GetExtensionAsyncOperationStatus.json": ("GET", OPERATION),
    "ListExtensions.json": ("GET", LIST),
}
SAMPLES = {
    "ext_put_201.json": ("PUT", EXTENSION),
    "ext_get_succeeded_aks.json": ("GET", EXTENSION),
    "ext_get_failed_arc.json": ("GET", EXTENSION),
    "op_running.json": ("GET", OPERATION),
    "op_failed.json": ("GET", OPERATION),
    "op_succeeded.json": ("GET", OPERATION),
    "err_404_ext.json": ("GET", EXTENSION),
    "arg_400_payload.json": ("POST", GRAPH),
    "arg_429.json": ("POST", GRAPH),
}


@pytest.fixture(scope="module")
def specification():
    return Specification.load()


def body(**properties):
    return {
        "identity": {"type": "SystemAssigned"},
        "properties": {"extensionType": "Microsoft.AzureML.Kubernetes", "releaseTrain": "stable"} | properties,
    }


def put(specification, sent, *, path=EXTENSION, query=VERSION):
    return specification.problems_in_request("PUT", path, query, sent)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_published_examples_are_right(specification, name):
    """Every request and response among Microsoft's own examples has no problem."""
    example = json.loads((DATA / "extension-examples" / name).read_text())
    method, path = EXAMPLES[name]
    sent = example["parameters"].get("extension") or example["parameters"].get("patchExtension")

    assert specification.problems_in_request(method, path, VERSION, sent) == []
    for status, answer in example["responses"].items():
        assert specification.problems_in_response(method, path, int(status), answer.get("body")) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_bodies_like_the_recorded_ones_are_right(specification, name):
    """What the services were seen to answer, nulls included, has no problem."""
    sample = json.loads((DATA / "samples" / name).read_text())
    method, path = SAMPLES[name]

    assert specification.problems_in_response(method, path, sample["status"], sample["body"]) == []


def test_a_page_of_resource_graph_is_right(specification):
    """A page of rows fits the definition, whose `data` is of any type."""
    page = json.loads((DATA / "samples" / "arg_clusters_page.json").read_text())

    assert specification.problems_in_response("POST", GRAPH, 200, page) == []
    del page["totalRecords"]
    assert specification.problems_in_response("POST", GRAPH, 200, page) == ["$: 'totalRecords' is a required property"]


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        (
            {"configurationSettings": {"enableTraining": True}},
            "$.properties.configurationSettings.enableTraining: must be string, is boolean",
        ),
        (
            {"configurationProtectedSettings": {"key": 5}},
            "$.properties.configurationProtectedSettings.key: must be string, is integer",
        ),
        ({"autoUpgradeMinorVersion": "true"}, "$.properties.autoUpgradeMinorVersion: must be boolean, is string"),
        ({"releaseTrain": None}, "$.properties.releaseTrain: must be string, is null"),
        ({"provisioningState": "Succeeded"}, "$.properties.provisioningState: is read-only"),
        (
            {"configurationSetting": {}},
            "$.properties: Additional properties are not allowed ('configurationSetting' was unexpected)",
        ),
        (
            {"scope": {"cluster": {"namespace": "azureml"}}},
            "$.properties.scope.cluster: Additional properties are not allowed ('namespace' was unexpected)",
        ),
    ],
)
def test_wrong_requests_are_told_by_place(specification, properties, problem):
    """Types, read-only and unknown properties of a PUT are told, each by its place in the body."""
    assert put(specification, body(**properties)) == [problem]


def test_what_the_definitions_leave_open_is_accepted(specification):
    """Null where nullable or read-only, and unknown values of open enums, are no problem."""
    sent = body(version=None, configurationSettings=None, currentVersion=None, autoUpgradeMode="of next year")

    assert put(specification, sent) == []


def test_closed_enums_are_closed(specification):
    """The identity of an extension can only be SystemAssigned; its ids and systemData are read-only."""
    sent = body() | {"identity": {"type": "UserAssigned", "principalId": "x"}, "systemData": {}, "id": EXTENSION}

    assert put(specification, sent) == [
        "$.id: is read-only",
        "$.identity.principalId: is read-only",
        '$.identity.type: must fit enum ["SystemAssigned"]',
        "$.systemData: is read-only",
    ]


def test_no_problem_repeats_a_secret(specification):
    """The text of a problem never holds a value of the body."""
    secret = "hunter2"
    sent = body(configurationProtectedSettings={"a": [secret], "b": {"c": secret}}, autoUpgradeMinorVersion=secret)

    problems = put(specification, sent)

    assert len(problems) == 3
    assert not any(secret in problem for problem in problems)


def test_a_patch_takes_the_patchable_properties_only(specification):
    """The type and the scope of an extension cannot be patched."""
    sent = {"properties": {"version": "1.1.61", "extensionType": "x", "scope": {}}}

    (problem,) = specification.problems_in_request("PATCH", EXTENSION, VERSION, sent)

    assert "'extensionType', 'scope' were unexpected" in problem


def test_bodies_and_parameters_that_are_missing_or_wrong(specification):
    """A PUT wants a body and a version of the API; forceDelete is a truth value."""
    assert put(specification, None) == ["the body is required"]
    assert put(specification, [])[0].startswith("$: must be object")
    assert put(specification, body(), query={}) == ["the query parameter api-version is required"]
    assert put(specification, body(), query={"api-version": "2031-01-01"}) == [
        "api-version 2031-01-01 is not a version of this operation"
    ]
    delete = specification.problems_in_request("DELETE", EXTENSION, VERSION | {"forceDelete": "1"}, None)
    assert delete == ["forceDelete must be true or false"]


def test_requests_to_resource_graph(specification):
    """The query is required and $top is at most 1000."""
    ask = {"api-version": "2024-04-01"}

    assert specification.problems_in_request("POST", GRAPH, ask, {"query": "resources"}) == []
    assert specification.problems_in_request("POST", GRAPH, ask, {"options": {"$top": 1001}}) == [
        "$.options['$top']: must fit maximum 1000",
        "$: 'query' is a required property",
    ]


def test_paths_are_compared_without_case_and_others_pass(specification):
    """`resourcegroups` is as good as `resourceGroups`; what is not specified has no problems."""
    assert put(specification, None, path=EXTENSION.upper()) == ["the body is required"]
    assert put(specification, {"any": "thing"}, path=CLUSTER) == []
    assert specification.problems_in_response("GET", CLUSTER, 200, {"any": "thing"}) == []
    assert specification.problems_in_request("POST", EXTENSION, {}, None) == []


def test_made_up_properties_of_responses_are_found(specification):
    """A response may leave out what is not required, but not say what the definition does not know."""
    answer = {"name": "azureml", "properties": {"provisioningstate": "Succeeded"}}

    (problem,) = specification.problems_in_response("GET", EXTENSION, 200, answer)

    assert "'provisioningstate' was unexpected" in problem


def test_statuses_outside_the_list_answer_an_error(specification):
    """Any status that the operation does not list carries the common error body; deletes carry none."""
    assert specification.problems_in_response("GET", EXTENSION, 500, {"error": {"code": "x", "message": "y"}}) == []
    assert specification.problems_in_response("GET", EXTENSION, 500, {"code": "x"}) != []
    assert specification.problems_in_response("DELETE", EXTENSION, 202, None) == []
