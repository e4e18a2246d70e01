"""What is valid in a policy and hardly meant."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.policy.linting import Remark, remarks
from shared.policy.loading import parse_policy
from shared.policy.model import PolicyText

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
CLUSTER = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
    "/providers/Microsoft.ContainerService/managedClusters/a"
)


def found_in(rules: str, profiles: str, more: str) -> tuple[Remark, ...]:
    """What is found but for how it is written: these policies are meant to be short."""
    text = f"version: 1\nprofiles: {profiles}\nrules: {rules}\n{more}"
    found = remarks(parse_policy([PolicyText("p.yaml", text)]), NOW)
    return tuple(each for each in found if each.code != "keys-on-one-line")


def told(rules: str = "[]", *, profiles: str = "{train: {}, serve: {}}", more: str = "") -> list[str]:
    """Code and place of each finding of a policy."""
    return [f"{each.code} {each.where}" for each in found_in(rules, profiles, more)]


def full(rules: str, *, profiles: str) -> list[str]:
    """Each finding of a policy as it is printed."""
    return [str(each) for each in found_in(rules, profiles, "")]


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("{kind: aks}", "{kind: aks, tags: {env: prod}}", ["shadowed-rule rules.b"]),
        ("{tags: {env: [prod, test]}}", "{tags: {env: prod}}", ["shadowed-rule rules.b"]),
        ("{kind: aks}", "{kind: arc}", []),
        ("{kind: aks, gpu: false}", "{kind: aks}", []),
        ("{tags: {env: prod}}", "{tags: {env: [prod, test]}}", []),
        ("{kind: [arc, aks]}", "{tags: {env: prod}}", ["shadowed-rule rules.b"]),
        ("{not: {kind: aks}}", "{kind: arc}", ["shadowed-rule rules.b"]),
        ("{tagPresent: env}", "{tags: {env: prod}}", ["shadowed-rule rules.b"]),
        ("{tags: {env: 'p*'}}", "{tags: {env: prod}}", ["shadowed-rule rules.b"]),
        ("{tags: {env: prod}, ignoreCase: true}", "{tags: {env: PROD}}", ["shadowed-rule rules.b"]),
        ("{tags: {env: prod}}", "{tags: {env: prod}, ignoreCase: true}", []),
        ("{tags: {env: 'p*'}}", "{tags: {env: '*d'}}", []),
        ("{not: {tags: {env: prod}}}", "{tagPresent: env}", []),
        ("{not: {tags: {env: prod}}}", "{tags: {env: [test, dev]}}", ["shadowed-rule rules.b"]),
        ("{managementGroups: corp}", "{managementGroups: [corp, lab]}", []),
        ("{not: {managementGroups: corp}}", "{managementGroups: lab}", []),
        ("{regions: '*'}", "{kind: arc}", ["shadowed-rule rules.b"]),
    ],
)
def test_rules_that_never_win_are_found(first, second, found):
    """Behind one whose every question they ask as well; and no others, nor behind one with a `when`."""
    one = f"{{name: a, match: {first}, profile: train}}"
    two = f"{{name: b, match: {second}, profile: serve}}"

    assert told(f"[{one}, {two}]") == found
    assert told(f"[{one[:-1]}, when: 'cluster.name == \"x\"'}}, {two}]") == []


@pytest.mark.parametrize(
    ("before", "last", "by"),
    [
        (["{kind: arc}", "{kind: aks}"], "{tags: {env: prod}}", "rules 'r0' and 'r1' before it take or hold"),
        (["{gpu: true}", "{tags: {a: b}}", "{gpu: false}"], "{kind: arc}", "rules 'r0' and 'r2' before it"),
        (["{kind: arc}", "{kind: [arc, aks]}"], "{gpu: true}", "rule 'r1' before it takes or holds"),
        (["{tagPresent: env}", "{not: {tagPresent: env}}"], "{kind: arc}", "rules 'r0' and 'r1'"),
        (["{tags: {env: a}}", "{tags: {env: [b, c]}}"], "{tags: {env: [a, c]}}", "rules 'r0' and 'r1'"),
        (["{kind: arc, gpu: true}", "{kind: aks}"], "{tags: {env: prod}}", None),
        (["{gpu: true}", "{kind: aks, gpu: false}"], "{kind: [aks, arc]}", None),
        (["{tags: {env: a}}", "{tags: {env: b}}"], "{tagPresent: env}", None),
    ],
)
def test_rules_that_take_all_together_are_found(before, last, by):
    """Those that do are named, and no others. One that depends on GPUs holds a cluster whose GPUs are unknown."""
    rules = [f"{{name: r{number}, match: {match}, profile: train}}" for number, match in enumerate([*before, last])]
    found = full(f"[{', '.join(rules)}]", profiles="{train: {}}")

    assert [each.partition(":")[0] for each in found] == ([] if by is None else ["shadowed-rule"])
    assert by is None or by in found[0]


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("match: {kind: aks, not: {kind: aks}}", ["unreachable-rule rules.a.match"]),
        ("match: {gpu: true, not: {gpu: true}}", ["unreachable-rule rules.a.match"]),
        ("match: {tags: {env: prod}, not: {tagPresent: env}}", ["unreachable-rule rules.a.match"]),
        ("match: {tags: {env: prod}, not: {tags: {env: '*'}}}", ["unreachable-rule rules.a.match"]),
        ("match: {regions: [a, b], not: {regions: [b, A]}}", ["unreachable-rule rules.a.match"]),
        ("match: {kind: aks, not: {kind: aks, gpu: true}}", []),
        ("match: {tags: {env: prod}, ignoreCase: true, not: {tags: {env: prod}}}", []),
        ("match: {managementGroups: [a, b], not: {managementGroups: a}}", []),
        ("when: 'false'", ["unreachable-rule rules.a.when"]),
        ("when: 'cluster.gpu && 1 > 2'", ["unreachable-rule rules.a.when"]),
        ("when: 'cluster.kind == \"AKS\"'", ["unreachable-rule rules.a.when"]),
        ("when: 'cluster.gpu && !cluster.gpu'", ["unreachable-rule rules.a.when"]),
        ("when: '1 / 0 == 1'", ["unreachable-rule rules.a.when", "shadowed-rule rules.b"]),
        ("when: '1 / 0 == 1 || cluster.nodes > 3'", ["volatile-fact rules.a.when"]),
        ("when: 'has(cluster.tags.x)'", []),
        ("match: {kind: aks}, when: 'cluster.kind == \"arc\"'", ["unreachable-rule rules.a"]),
        ("match: {kind: arc}, when: 'cluster.kind == \"arc\"'", []),
    ],
)
def test_rules_that_never_hold_are_found(rule, found):
    """Where match or when contradict themselves or each other, however the unknown facts turn out."""
    assert told(f"[{{name: a, {rule}, profile: train}}, {{name: b, profile: serve}}]") == found


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("when: 'true'", "match: {kind: arc}", ["shadowed-rule rules.b"]),
        ("when: 'cluster.name == \"x\"'", "match: {kind: arc}", []),
        (
            "match: {kind: [aks, arc]}, when: 'cluster.name == \"x\"'",
            "match: {kind: arc}, when: 'cluster.name == \"x\"'",
            ["shadowed-rule rules.b"],
        ),
        ("when: 'cluster.kind == \"arc\"'", "match: {kind: arc}", ["shadowed-rule rules.b"]),
        ("when: 'cluster.gpu || !cluster.gpu'", "match: {kind: arc}", ["shadowed-rule rules.b"]),
        ("when: 'false'", "match: {kind: arc}", ["unreachable-rule rules.a"]),
    ],
)
def test_a_when_takes_only_what_it_surely_takes(first, second, found):
    """Its text is worked out as far as kind and GPUs go; the same text twice means the same."""
    rules = f"[{{name: a, {first}, profile: train}}, {{name: b, {second}, profile: serve}}]"

    assert [each.removesuffix(".when") for each in told(rules)] == found


def test_a_rule_that_asks_a_tag_takes_only_those_that_have_it():
    """Whatever the tag names: a wrong name holds the cluster."""
    profiles = "{train: {selectableByTag: true}}"
    rules = "[{name: a, profileFromTag: p}, {name: b, match: %s, profile: train}]"

    assert told(rules % "{tags: {p: x}}", profiles=profiles) == ["shadowed-rule rules.b"]
    assert told(rules % "{kind: aks}", profiles=profiles) == []


def test_rings_and_guardrails_that_nobody_meets_are_found():
    """By the same proof as rules."""
    never = "{kind: aks, not: {kind: aks}}"
    ring = f"rollout: {{rings: [{{name: r, match: {never}}}, {{name: rest}}]}}"
    guardrail = f"guardrails: [{{name: g, except: {never}, forbidSettings: {{allowInsecureConnections: true}}}}]"

    found = told("[{name: a, profile: train}]", profiles="{train: {}}", more=f"{ring}\n{guardrail}")

    assert found == ["impossible-match rollout.rings.r.match", "impossible-match guardrails.g.except"]


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


def test_keys_that_hide_in_a_line_are_found():
    """With file, line and what to do; docs/policy.md tells what counts."""
    rules = "rules:\n  - {name: a, match: {kind: aks, gpu: true}, profile: train}\n  - {name: b, profile: train}\n"
    policy = parse_policy([PolicyText("p.yaml", f"version: 1\nprofiles: {{train: {{}}}}\n{rules}")])

    assert [(each.code, each.where) for each in remarks(policy, NOW)] == [("keys-on-one-line", "p.yaml:4 rules[0]")]


def test_the_shipped_policy_means_what_it_says():
    """One thing: it cannot know anybody's subscriptions, so that its example of a guardrail goes by a tag."""
    policy = parse_policy([PolicyText("policy.yaml", (ROOT / "policy.yaml").read_text())])
    assert [each.code for each in remarks(policy, NOW)] == ["guardrail-by-tag"]
