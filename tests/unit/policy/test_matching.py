"""`match` and `when` know three answers."""

import pytest

from shared.model.cluster import NodePool
from shared.policy.cel import ExpressionError, Failure, compile_expression
from shared.policy.facts import Unknown, facts_of
from shared.policy.matching import Pattern, answer
from tests.unit.policy.builders import SUBSCRIPTION, cluster, onboarded, policy

ARC = cluster(
    "arc", onboarded({"Env": "Prod", "team": "red"}), nodes=3, distribution="openshift", kubernetes_version="1.33.1"
)


def matched(text, about=ARC, groups=None):
    """The truth of one `match` for a cluster."""
    found = policy(f"profiles: {{p: {{}}}}\nrules: [{{name: r, profile: p, match: {text}}}]\n").rules[0].match
    assert found is not None
    return answer(found, facts_of(about, "aml-gpu"), groups).truth


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("{kind: arc}", True),
        ("{kind: [aks, arc]}", True),
        ("{kind: aks}", False),
        ("{tags: {ENV: Prod}}", True),
        ("{tags: {env: prod}}", False),
        ("{tags: {env: prod}, ignoreCase: true}", True),
        ("{tags: {env: [dev, Prod]}}", True),
        ('{tags: {env: "Pr*"}}', True),
        ('{tags: {env: "P?od"}}', True),
        ('{tags: {env: "pr*"}}', False),
        ('{tags: {env: "[P]*"}}', False),
        ("{tags: {env: Prod, team: blue}}", False),
        ("{tagPresent: [nope, TEAM]}", True),
        ("{tagPresent: nope}", False),
        ("{regions: [West Europe]}", True),
        ('{regions: "*europe"}', True),
        ("{regions: northeurope}", False),
        (f"{{subscriptions: [{SUBSCRIPTION.upper()}]}}", True),
        ("{subscriptions: 00000000-0000-0000-0000-000000000000}", False),
        ("{resourceGroups: rg1}", True),
        ("{names: [other, CLU-1]}", True),
        ('{names: "clu*"}', True),
        ("{names: clu}", False),
        ("{distribution: OpenShift}", True),
        ("{not: {kind: aks}}", True),
        ("{not: {kind: arc, tags: {env: Prod}}}", False),
        ("{not: {kind: arc, tags: {env: dev}}}", True),
        ("{gpu: true}", Unknown("gpu")),
        ("{not: {gpu: true}}", Unknown("gpu")),
        ("{kind: aks, gpu: true}", False),
        ("{not: {kind: aks, gpu: true}}", True),
        ("{gpu: true, tags: {env: dev}}", False),
        ("{managementGroups: corp}", Unknown("managementGroups")),
    ],
)
def test_keys_mean_and_lists_mean_or(text, truth):
    """A no decides whatever is unknown beside it; an unknown is never a yes, nor is its opposite."""
    assert matched(text) == truth


def test_management_groups_are_compared_when_they_are_known():
    """Any of the groups that the subscription stands under counts, without case."""
    assert matched("{managementGroups: [corp]}", groups=["Root", "Corp"]) is True
    assert matched('{managementGroups: "c*"}', groups=["root"]) is False


@pytest.mark.parametrize(
    ("about", "gpu"),
    [
        (cluster("aks"), None),
        (cluster("aks", pools=()), False),
        (cluster("aks", gpu=True), True),
        (cluster("aks", onboarded({"aml-gpu": "true"})), None),
        (cluster("aks", onboarded({"aml-gpu": "true"}), gpu=False), False),
        (cluster("arc"), None),
        (cluster("arc", onboarded({"AML-GPU": "TRUE"})), True),
        (cluster("arc", onboarded({"aml-gpu": "false"})), False),
        (cluster("arc", onboarded({"aml-gpu": "1"})), None),
    ],
)
def test_gpus_are_told_by_aks_pools_or_on_arc_by_the_owners_tag(about, gpu):
    """The tag counts only where Azure cannot tell; a malformed one tells nothing."""
    assert facts_of(about, "aml-gpu").values["gpu"] is gpu


def test_one_pool_of_unknown_size_leaves_gpus_unknown():
    """Unless another pool has GPUs for sure."""

    def pool(size):
        return NodePool(size or "x", 1, None, None, size, "Linux", "User", "Running")

    unknown = cluster(pools=(pool("Standard_D4s_v5"), pool(None)))
    certain = cluster(pools=(pool("Standard_NC6s_v3"), pool(None)))

    assert facts_of(unknown, "aml-gpu").values["gpu"] is None
    assert facts_of(certain, "aml-gpu").values["gpu"] is True
    assert facts_of(certain, "aml-gpu").values["gpuModels"] == ("Standard_NC6s_v3",)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("cluster.nodes >= 3", True),
        ('cluster.tags.Env == "Prod"', True),
        ('"TEAM" in cluster.tags && cluster.tags["team"] == "red"', True),
        ("has(cluster.tags.nope)", False),
        ("has(cluster.tags.nope) && cluster.tags.nope == 'x'", False),
        ("cluster.gpu", Unknown("gpu")),
        ("!cluster.gpu", Unknown("gpu")),
        ("cluster.gpu == cluster.gpu", Unknown("gpu")),
        ("cluster.gpu || !cluster.gpu", Unknown("gpu")),
        ("cluster.gpu || cluster.nodes == 3", True),
        ("cluster.kind == 'aks' && cluster.gpu", False),
        ("cluster.gpu && cluster.kind == 'aks'", False),
        ("cluster.gpu ? true : true", Unknown("gpu")),
        ("cluster.nodes > 5 ? cluster.gpu : true", True),
        ("[1, 2].exists(n, cluster.gpu)", Unknown("gpu")),
        ("cluster.gpuModels.exists(m, m.startsWith('Standard_NC'))", Unknown("gpuModels")),
        ("cluster.cores == 0 || cluster.nodes < 1", Unknown("cores")),
    ],
)
def test_expressions_are_three_valued(text, truth):
    """What reads an unknown fact is unknown, unless the other parts decide alone."""
    assert compile_expression(text).evaluate(facts_of(ARC, "aml-gpu")) == truth


@pytest.mark.parametrize("text", ["cluster.tags.nope == 'x'", "cluster.nodes / 0 == 1", "int(cluster.tags.team) > 1"])
def test_an_expression_that_fails_gives_neither_yes_nor_no(text):
    """A missing tag, a division by zero or a bad number is a failure with words."""
    found = compile_expression(text).evaluate(facts_of(ARC, "aml-gpu"))

    assert isinstance(found, Failure)
    assert found.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cluster.nodes >", "not CEL"),
        ("cluster.node == 3", "did you mean 'nodes'?"),
        ("nodes == 3", "write cluster.nodes"),
        ("cluster.tags.env == prod", 'write "prod"'),
        ("cluster", "says nothing"),
        ("'gpu' in cluster", "says nothing"),
        ("cluster['gpu']", "says nothing"),
        ("[1].exists(cluster, cluster.gpu)", "says nothing"),
        ("has(cluster.gpu)", "an unknown fact holds by itself"),
        ("cluster.nodes", "must give true or false"),
        ("cluster.nodes == 'three'", "types do not fit"),
        ("cluster.nodes.exists(n, n)", "types do not fit"),
        ("shell('x')", "no function shell"),
        ("cluster.name.startswith('x')", "did you mean 'startsWith'?"),
        ("[1].reduce(a, i, 0, a + i) == 1", "not allowed"),
        ("[1].map(a, [2].map(b, a)).size() == 1", "another comprehension"),
        ("true || " * 80 + "true", "longer than"),
        ("(" * 20 + "true" + ")" * 20, "nested deeper"),
        ("!" * 20 + "true", "nested deeper"),
    ],
)
def test_an_expression_is_checked_before_it_is_used(text, message):
    """Only facts of the cluster, only bounded work, only yes or no; the message says what to write."""
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)

    assert message in caught.value.message


def test_a_glob_of_many_stars_is_not_slow():
    """Matching is linear in the value, so that nobody's tag can stop the sweep."""
    assert not Pattern("*a" * 60 + "b", glob=True).fits("a" * 256, ignore_case=False)


def test_an_unknown_cannot_be_taken_for_false():
    """Using it as a condition is an error in our code, found at once."""
    with pytest.raises(TypeError):
        bool(Unknown("gpu"))


def test_a_long_list_is_not_told_whole():
    """A rule may name a hundred clusters; the reason that it does not hold stays a sentence."""
    names = ", ".join(f"c{n}" for n in range(100))
    rule = policy(f"profiles: {{p: {{}}}}\nrules: [{{name: r, profile: p, match: {{names: [{names}]}}}}]\n").rules[0]
    told = answer(rule.match, facts_of(ARC, "aml-gpu"), None).why

    assert told.startswith("name is Clu-1, not c0 or c1 or ")
    assert told.endswith("c7 or one of 92 others")
