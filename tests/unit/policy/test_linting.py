"""What is valid in a policy and hardly meant."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.facts import Facts
from shared.policy.linting import covers, remarks
from shared.policy.loading import parse_policy
from shared.policy.matching import Match, Pattern, TagTest, answer
from shared.policy.model import PolicyText

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
CLUSTER = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
    "/providers/Microsoft.ContainerService/managedClusters/a"
)


def told(rules: str = "[]", *, profiles: str = "{train: {}, serve: {}}", more: str = "") -> list[str]:
    """Code and place of each finding of a policy."""
    text = f"version: 1\nprofiles: {profiles}\nrules: {rules}\n{more}"
    return [f"{each.code} {each.where}" for each in remarks(parse_policy([PolicyText("p.yaml", text)]), NOW)]


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("{kind: aks}", "{kind: aks, tags: {env: prod}}", ["shadowed-rule rules.b"]),
        ("{tags: {env: [prod, test]}}", "{tags: {env: prod}}", ["shadowed-rule rules.b"]),
        ("{kind: aks}", "{kind: arc}", []),
        ("{kind: aks, gpu: false}", "{kind: aks}", []),
        ("{tags: {env: prod}}", "{tags: {env: [prod, test]}}", []),
    ],
)
def test_rules_that_never_win_are_found(first, second, found):
    """Behind one whose every question they ask as well; and no others, nor behind one with a `when`."""
    one = f"{{name: a, match: {first}, profile: train}}"
    two = f"{{name: b, match: {second}, profile: serve}}"

    assert told(f"[{one}, {two}]") == found
    assert told(f"[{one[:-1]}, when: 'cluster.name == \"x\"'}}, {two}]") == []


def test_profiles_that_nobody_gets_are_found():
    """A parent of a used one is used; one that a tag may choose is, where a rule asks the tag."""
    profiles = "{base: {}, train: {extends: base}, serve: {selectableByTag: true}, old: {}}"
    by_tag = "[{name: a, match: {tagPresent: aml-profile}, profileFromTag: aml-profile}, {name: b, profile: train}]"

    assert told("[{name: b, profile: train}]", profiles=profiles) == [
        "unused-profile profiles.serve",
        "unused-profile profiles.old",
    ]
    assert told(by_tag, profiles=profiles) == ["unused-profile profiles.old"]


def test_rules_on_facts_that_change_by_themselves_are_found():
    """The number of nodes, their cores, the version; a text that merely names them is none."""
    one = "[{name: a, when: '%s', profile: train}, {name: b, profile: serve}]"

    assert told(one % "cluster.nodes > 3 && cluster.cores > 8") == ["volatile-fact rules.a.when"]
    assert told(one % 'cluster.kubernetesVersion.startsWith("1.3")') == ["volatile-fact rules.a.when"]
    assert told(one % 'cluster.name == "cluster.nodes"') == []


def test_guardrails_with_a_way_around_are_found():
    """By a tag in `match` or in `except`, however deep."""
    rules = "[{name: a, profile: train}, ]"
    bad = "guardrails: [{name: g, %s: {tags: {env: prod}}, forbidSettings: {allowInsecureConnections: true}}]"
    profiles = "{train: {}}"

    assert told(rules, profiles=profiles, more=bad % "match") == ["guardrail-by-tag guardrails.g"]
    assert told(rules, profiles=profiles, more=bad % "except") == ["guardrail-by-tag guardrails.g"]
    assert told(rules, profiles=profiles, more=(bad % "match").replace("{tags: {env: prod}}", "{kind: aks}")) == []


def test_exceptions_that_have_ended_are_found():
    """With whose they were."""
    text = f"exceptions: [{{cluster: '{CLUSTER}', until: %s, owner: eva, exempt: true}}]"
    rules, profiles = "[{name: a, profile: train}]", "{train: {}}"

    assert told(rules, profiles=profiles, more=text % "2026-11-01") == ["expired-exception exceptions.a"]
    assert told(rules, profiles=profiles, more=text % "2027-11-01") == []


def test_the_shipped_policy_means_what_it_says():
    """One thing: it cannot know anybody's subscriptions, so that its example of a guardrail goes by a tag."""
    policy = parse_policy([PolicyText("policy.yaml", (ROOT / "policy.yaml").read_text())])
    assert [each.code for each in remarks(policy, NOW)] == ["guardrail-by-tag"]


_WORDS = st.sampled_from(["a", "b"])
_PATTERN = st.builds(Pattern, st.sampled_from(["a", "b", "*"]), st.booleans())
_PATTERNS = st.lists(_PATTERN, max_size=2).map(tuple)
_SOME = st.lists(_PATTERN, min_size=1, max_size=2).map(tuple)
_MATCHES = st.builds(
    Match,
    kinds=st.lists(st.sampled_from(["aks", "arc"]), max_size=2).map(tuple),
    tags=st.lists(st.builds(TagTest, _WORDS, _SOME), max_size=2, unique_by=lambda test: test.name).map(tuple),
    tag_present=st.lists(_WORDS, max_size=2).map(tuple),
    gpu=st.sampled_from([None, True, False]),
    regions=_PATTERNS,
    negated=st.none() | st.builds(Match, tag_present=st.lists(_WORDS, max_size=1).map(tuple)),
    ignore_case=st.booleans(),
)


@given(
    wide=_MATCHES,
    narrow=_MATCHES,
    kind=st.sampled_from(["aks", "arc"]),
    tags=st.dictionaries(_WORDS, _WORDS, max_size=2),
    gpu=st.sampled_from([None, True, False]),
    region=_WORDS,
)
def test_what_is_called_covered_is(wide, narrow, kind, tags, gpu, region):
    """Whatever the cluster: where the narrow one means it, the wide one does."""
    facts = Facts({"kind": kind, "gpu": gpu, "location": region}, tags)
    if covers(wide, narrow) and answer(narrow, facts, None).truth is True:
        assert answer(wide, facts, None).truth is True
