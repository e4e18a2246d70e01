"""The JSON Schema of the policy: it takes what the reader takes, and refuses nothing that the reader takes."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from demo.policy import shortened
from scripts.policy_reference import REFERENCE, SCHEMA, reference_text, schema_text
from shared.azureml.preflight import CHECKS
from shared.errors import PolicyError
from shared.model.check import Severity
from shared.policy.loading import parse_policy
from shared.policy.model import PolicyText
from shared.policy.schema import policy_schema

ROOT = Path(__file__).parents[3]
SHIPPED, COMPLETE = ROOT / "policy.yaml", ROOT / "tests" / "data" / "policy" / "complete.yaml"
VALIDATOR = Draft202012Validator(policy_schema())
GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers"
ARC = f"{GROUP}/Microsoft.Kubernetes/connectedClusters/a"
# Every mapping of a policy once; mappings of free names have one entry.
EVERYTHING = f"""
version: 1
workspace: {GROUP}/Microsoft.MachineLearningServices/workspaces/w
extension: {{name: azureml}}
select: {{tag: aml-onboard}}
tags: {{owner: aml-owner}}
profiles:
  p:
    description: d
    settings: {{enableTraining: true, nodeSelector.pool: ml}}
    tagPatterns: {{team: "[a-z]+"}}
    tls: {{secret: s}}
    upgrades: {{mode: auto}}
rules:
  - {{name: r, match: {{kind: aks, not: {{names: [x, "y-*"]}}}}, when: cluster.nodes > 2, profile: p}}
tagOverrides: {{allow: [installVolcano]}}
exceptions:
  - {{cluster: {ARC}, until: 2099-01-01, owner: eva, exempt: true}}
guardrails:
  - name: g
    match: {{gpu: true}}
    except: {{regions: West Europe}}
    forbidSettings: {{allowInsecureConnections: true}}
enforcement: {{install: act}}
adoption: {{mode: baseline}}
pause: {{max: 30d}}
preflight: {{severities: {{node-selector: "off"}}, registerProviders: true}}
verification: {{arc: {{kubeconfigSecret: "https://v.vault.azure.net/secrets/k"}}}}
remediation: {{attempts: {{wait: 3}}, timing: {{followUp: 30s, backoffFactor: 1.5}}}}
rollout:
  rings: [{{name: a, match: {{tags: {{ring: a}}}}, windows: [{{cron: "0 1 * * *", duration: 2h}}]}}]
  windows: [{{cron: "0 1 * * *", duration: 2h}}]
  blackouts: [{{from: 2026-12-24, to: 2027-01-06}}]
  maxInFlight: {{fleet: 1}}
  stopOn: {{percent: 7.5}}
  newClusters: {{perHour: 1}}
  blastRadius: {{writesPerDay: 1}}
  breaker: {{percent: 10}}
  policyChange: {{clusters: 1}}
"""


def plain(value: Any) -> Any:
    """A document as an editor's YAML reader has it: dates are texts."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def read(text: str) -> Any:
    """A document of a text."""
    return plain(YAML(typ="safe").load(text))


def reader_says(text: str) -> list[str]:
    """What the policy's own reader refuses in a text."""
    try:
        parse_policy([PolicyText("policy.yaml", text)])
    except PolicyError as error:
        return [finding.message for finding in error.findings]
    return []


def resolved(schema: Any) -> Any:
    """A schema without its reference."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return VALIDATOR.schema["$defs"][name] if name else schema


def known_mappings(
    schema: Any, document: Any, path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], set[str]]]:
    """Each mapping of known keys in the document, and the keys that the schema knows there."""
    schema = resolved(schema)
    if isinstance(document, list) and "items" in schema:
        for place, each in enumerate(document):
            yield from known_mappings(schema["items"], each, (*path, place))
    if not isinstance(document, dict):
        return
    if schema.get("additionalProperties") is False:
        yield path, set(schema["properties"])
    for key, each in document.items():
        below = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
        if isinstance(below, dict):
            yield from known_mappings(below, each, (*path, key))


DOCUMENT = read(EVERYTHING)
MAPPINGS = list(known_mappings(VALIDATOR.schema, DOCUMENT))


@pytest.mark.parametrize(
    "text",
    [
        SHIPPED.read_text(),
        COMPLETE.read_text(),
        EVERYTHING,
        shortened(SHIPPED.read_text()),
        "version: 1\nprofiles: {p: {settings: {InferenceRouterHA: false}}}\n",
        EVERYTHING.replace("owner: eva", "owner: 7, ticket: 4711").replace("description: d", "description: 3.5"),
    ],
    ids=["shipped", "complete", "everything", "demo", "wrong case", "numbers for texts"],
)
def test_what_the_reader_takes_is_valid(text):
    """No editor marks a policy that works."""
    document = read(text)

    assert reader_says(text) == []
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)] == []


def closed(schema: Any) -> Iterator[frozenset[str]]:
    """The keys of each mapping of known keys in a schema."""
    if schema.get("additionalProperties") is False:
        yield frozenset(schema["properties"])
    below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", [])]
    for each in [*below, schema.get("items"), schema.get("additionalProperties")]:
        if isinstance(each, dict):
            yield from closed(each)


def test_every_mapping_is_compared():
    """The document above has each of the schema's mappings of known keys at least once, and no other."""
    assert {frozenset(keys) for _, keys in MAPPINGS} == set(closed(VALIDATOR.schema))


@pytest.mark.parametrize(("path", "keys"), MAPPINGS, ids=[".".join(map(str, path)) or "top" for path, _ in MAPPINGS])
def test_the_schema_knows_the_readers_keys(path, keys):
    """Asked about a key that there is not, the reader lists those that it knows: they are the schema's."""
    document = copy.deepcopy(DOCUMENT)
    place = document
    for step in path:
        place = place[step]
    place["zzzzzzzzzz"] = 1
    said = [message for message in reader_says(json.dumps(document)) if "'zzzzzzzzzz'" in message]
    if path == ("preflight", "severities"):
        assert said == ["there is no check 'zzzzzzzzzz'"]
        return
    told = re.search(r"known here: (.*)", said[0])
    assert told is not None
    # The version is read before, and a `not` inside a `not` is known to be refused.
    apart = {"version"} if not path else {"not"} if path[-1] == "not" else set()
    assert set(told[1].split(", ")) - apart == keys - apart
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "text",
    [
        "version: 2",
        "{version: 1, adoption: {mode: keep}}",
        "{version: 1, noRuleMatched: perhaps}",
        "{version: 1, enforcement: {install: sometimes}}",
        "{version: 1, remediation: {timing: {followUp: soon}}}",
        "{version: 1, remediation: {timing: {backoffFactor: 0.5}}}",
        "{version: 1, remediation: {maxAttempts: 0}}",
        "{version: 1, rules: [{profile: p}], profiles: {p: {}}}",
        "{version: 1, rules: {name: r}}",
        "{version: 1, profiles: [p]}",
        "{version: 1, profiles: {p: {selectableByTag: 3}}}",
        "{version: 1, profiles: {p: {upgrades: {version: 1.1.79}}}}",
        "{version: 1, profiles: {p: {settings: {enableTraining: [true]}}}}",
        "{version: 1, rollout: {policyChange: {clusters: 0}}}",
        "{version: 1, rollout: {breaker: {percent: 101}}}",
        "{version: 1, rollout: {windows: [{cron: '0 1 * * *'}]}}",
        "{version: 1, rollout: {rings: [{match: {}}]}}",
        "{version: 1, exceptions: [{owner: eva}]}",
        "{version: 1, verification: {arc: {}}}",
        "{version: 1, extension: {name: Not_A_Name}}",
        "{version: 1, select: {tag: 'a/b'}}",
    ],
)
def test_what_the_schema_refuses_the_reader_refuses(text):
    """Both, so that nothing is marked that would work."""
    document = read(text)

    assert not VALIDATOR.is_valid(document)
    assert reader_says(text) != []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
@pytest.mark.parametrize("severity", Severity)
def test_a_severity_is_offered_where_the_reader_takes_it(check, severity):
    """As the check is by itself, or lower, down to its lowest; neither raised nor lowered beyond."""
    document = {"version": 1, "preflight": {"severities": {check.id: severity.value}}}

    assert VALIDATOR.is_valid(document) == (reader_says(json.dumps(document)) == [])


def test_schema_and_reference_in_the_repository_are_todays():
    """`python -m scripts.policy_reference` writes them anew."""
    Draft202012Validator.check_schema(policy_schema())

    assert SCHEMA.read_text() == schema_text()
    assert REFERENCE.read_text() == reference_text()


def defaults(schema: Any) -> Any:
    """The defaults that a schema names, as a document; {} where it names none."""
    schema = resolved(schema)
    if "default" in schema:
        return schema["default"]
    below = {key: defaults(each) for key, each in schema.get("properties", {}).items()}
    return {key: each for key, each in below.items() if each != {}}


def test_defaults_are_those_of_the_reader():
    """A policy that writes them all out is the one that writes none."""
    written = parse_policy([PolicyText("policy.yaml", json.dumps({"version": 1} | defaults(VALIDATOR.schema)))])
    bare = parse_policy([PolicyText("policy.yaml", "version: 1")])

    assert replace(written, digest="", texts=()) == replace(bare, digest="", texts=())
