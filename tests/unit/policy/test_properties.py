"""What holds for every cluster and every policy."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Finding, PolicyError
from shared.model.intent import Intent, Word
from shared.policy.selection import Outcome, select
from tests.unit.policy.builders import NOW, cluster, policy

POLICY = policy(
    """
profiles:
  a: {selectableByTag: true, settings: {enableTraining: true}}
  b: {extends: a, settings: {"nodeSelector.d": "{cluster.distribution}"}}
rules:
  - {name: r1, match: {tagPresent: aml-profile}, profileFromTag: aml-profile}
  - {name: r2, match: {gpu: true, not: {distribution: k3s}}, profile: b}
  - {name: r3, match: {managementGroups: corp}, when: "cluster.nodes > 3 && cluster.cores > 8", profile: a}
  - {name: r4, when: "cluster.tags.env == 'prod'", profile: a}
  - {name: r5, profile: b}
tagOverrides: {allow: ["*"]}
"""
)

UNKNOWABLE = {
    "nodes": st.integers(0, 10),
    "cores": st.integers(0, 100),
    "gpu": st.booleans(),
    "distribution": st.sampled_from(["k3s", "openshift"]),
}
TAGS = st.dictionaries(
    st.sampled_from(["env", "aml-profile", "aml-gpu", "aml-pause-until", "aml-set-sslCname", "aml-set-x", "A"]),
    st.one_of(st.sampled_from(["prod", "a", "b", "true", "false", "2026-09-01T00:00:00Z"]), st.text(max_size=20)),
)


@st.composite
def clusters(draw, *, known: bool = False):
    """Any cluster; with `known` all of its facts are known."""
    facts = {name: draw(values if known else st.none() | values) for name, values in UNKNOWABLE.items()}
    onboard = draw(st.sampled_from([{}, {"aml-onboard": "true"}, {"aml-onboard": "true"}, {"aml-onboard": "?"}]))
    return cluster(draw(st.sampled_from(["aks", "arc"])), draw(TAGS) | onboard, **facts)


GROUPS = st.none() | st.lists(st.sampled_from(["corp", "other"]))


@given(clusters(), GROUPS, st.none() | st.sampled_from(Word), st.sampled_from([None, "a", "b", "gone"]))
def test_select_is_total_and_deterministic(about, groups, said, profile):
    """Every cluster gets an answer, and the same one twice; what is selected has settings with origins."""
    intent = Intent(about.id, said, "eva", "", NOW, profile=profile) if said else None
    found = select(POLICY, about, intent, NOW, management_groups=groups)

    assert found == select(POLICY, about, intent, NOW, management_groups=groups)
    assert (found.hold is not None) == (found.outcome is Outcome.HELD)
    assert found.settings.keys() == found.origins.keys()
    assert bool(found.settings) == (found.outcome is Outcome.SELECTED)


@settings(max_examples=300)
@given(clusters(known=True), st.lists(st.sampled_from(["corp", "other"])), st.sets(st.sampled_from([*UNKNOWABLE])))
def test_an_unknown_fact_never_leads_to_another_rule(whole, groups, hidden):
    """Hiding facts may hold a cluster; it never selects what the whole facts would not have selected."""
    partial = replace(whole, **dict.fromkeys(hidden))
    complete = select(POLICY, whole, None, NOW, management_groups=groups)
    found = select(POLICY, partial, None, NOW, management_groups=groups)

    if found.unknown_fact is not None:
        assert found.outcome is Outcome.HELD
    elif "gpu" not in hidden or "aml-gpu" not in whole.tags:  # that tag stands in for the hidden fact
        assert (found.outcome, found.profile, found.rule) == (complete.outcome, complete.profile, complete.rule)


def findings_of(text):
    """Every finding of a policy; none for a valid one."""
    try:
        policy(text)
    except PolicyError as error:
        return error.findings or [Finding("", "")]
    return []


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_a_policy_error(text):
    """The loader never fails otherwise, whatever it is given."""
    assert all(found.message for found in findings_of(text))


NODES = st.recursive(
    st.sampled_from(["a", "'*'", "true", "1", "~", "30s", "aks", "p", "'{cluster.x}'"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.dictionaries(
            st.sampled_from(["name", "match", "kind", "tags", "settings", "extends", "profile", "when", "not"]),
            inner,
            max_size=3,
        ).map(lambda keys: "{" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}"),
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(
        ["profiles", "rules", "guardrails", "exceptions", "select", "tagOverrides", "remediation", "rollout", "tags"]
    ),
    NODES,
)
def test_any_structure_is_a_policy_or_a_policy_error(key, node):
    """Wrong shapes in any place are findings, never a stack trace."""
    for text in (f"{key}: {node}\n", f"{key}: {{p: {node}}}\n", f"{key}: [{node}]\n"):
        assert all(found.message for found in findings_of(text))
