"""The document that describes the API: valid, whole, and by the models that read requests."""

import copy
import json
import re

import pytest
import schemathesis
from azure.functions import AuthLevel

from function_app import app
from functions.openapi import document
from shared.model.identity import Kind
from shared.model.state import Condition, HoldCode, Management, Reachability, Verified


def served():
    """Every route of the API: method and path to its function and whether anybody may call it. Pages are for people."""
    routes = {}
    for function in app.get_functions():
        trigger = function.get_trigger().get_dict_repr()
        if trigger["type"] == "httpTrigger" and not trigger["route"].startswith("ui/"):
            for method in trigger["methods"]:
                opened = trigger["authLevel"] == AuthLevel.ANONYMOUS
                routes[method.value, f"/{trigger['route']}"] = (function.get_function_name(), opened)
    return routes


def described():
    """The same, as the document says it."""
    return {
        (method.upper(), path): (operation["operationId"], operation["security"] == [])
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_openapi():
    """It validates against the specification's own schema, and one that is broken does not."""
    schemathesis.openapi.from_dict(document()).validate()
    broken = copy.deepcopy(document())
    broken["paths"]["/pauses"]["post"]["parameters"][0]["in"] = "nowhere"

    with pytest.raises(ValueError, match="nowhere"):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_route_is_described_and_no_other():
    """What functions/api.py serves is what the document says: method, path, function, and who may call."""
    assert described() == served()


def test_every_reference_leads_somewhere():
    """No reference of the document hangs in the air, and no component lies about unused."""
    text = json.dumps(document())
    references = set(re.findall(r'"#/components/(\w+)/([\w.-]+)"', text))
    components = document()["components"]
    there = {(kind, name) for kind in ("schemas", "responses") for name in components[kind]}

    assert references == there


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("management", [*Management, "unmanaged"]),
        ("condition", Condition),
        ("hold", [*HoldCode, "none"]),
        ("reachability", Reachability),
        ("verified", Verified),
        ("kind", Kind),
        ("gpu", ["yes", "no", "unknown"]),
    ],
)
def test_filters_name_every_word_of_the_state(name, words):
    """A program that reads the document knows each word that it may ask for."""
    [found] = [each for each in document()["paths"]["/clusters"]["get"]["parameters"] if each["name"] == name]

    assert found["schema"]["enum"] == ["", *words]


def test_every_post_takes_a_key_and_says_what_may_come_of_it():
    """Idempotency-Key, 409 and 422; and what is revalidated says so."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            headers = {each["name"] for each in operation["parameters"] if each["in"] == "header"}
            assert ("Idempotency-Key" in headers) is (method == "post"), path
            assert ("If-None-Match" in headers) is ("304" in operation["responses"]), path
            assert method != "post" or {"409", "422"} <= set(operation["responses"]), path
