"""`muster import`: the policy of a fleet finds every install again, and a plan over it writes nothing."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.fleet.importing import chosen, import_fleet
from shared.model.cluster import Cluster, Source
from shared.model.extension import Extension
from shared.model.identity import ClusterId, Kind
from shared.model.observation import Observation
from shared.model.request import Reason
from shared.policy.loading import parse_policy
from shared.policy.model import PolicyText
from shared.policy.selection import select
from shared.policy.testing import outcome, read_tests
from shared.reconcile.decide import decide
from tests.unit.reconcile.worlds import ENFORCE, NOW, TYPE, installed, pool, ready

CHOICES = (
    {"enableTraining": "True"},
    {"enableTraining": "true", "installVolcano": "False"},
    {"enableTraining": "True", "nodeSelector.pool": "ml"},
    {
        "enableTraining": "True",
        "enableInference": "True",
        "inferenceRouterServiceType": "LoadBalancer",
        "allowInsecureConnections": "TRUE",
    },
    {
        "enableInference": "True",
        "inferenceRouterServiceType": "NodePort",
        "sslCname": "ml.example.com",
        "sslSecret": "tls",
        "scoringFe.sslSecret": "tls",
    },
    {"enableInference": "True", "inferenceRouterServiceType": "ClusterIP", "sslCname": "ml.example.com"},
)
SOMEBODY = "somebody@example.com"


def fleet(seed, size=300):
    """Hand-made installs: kinds, places, tags, names, versions, trains and settings as people leave them."""
    chance = random.Random(seed)  # noqa: S311  a test's own dice
    clusters, extensions = [], defaultdict(list)
    for number in range(size):
        kind = chance.choice(list(Kind))
        identity = ClusterId(
            f"{chance.randint(1, 3)}1111111-1111-1111-1111-111111111111",
            f"rg-{chance.randint(1, 20)}",
            kind,
            f"c{number}",
        )
        tags = chance.choice([{}, {"env": "prod"}, {"Team": "vision", "env": "dev"}])
        cluster = replace(
            ready(kind, tags, nodes=chance.randint(1, 9)),
            id=identity,
            name=f"C{number}",
            resource_group=identity.resource_group,
        )
        clusters.append(cluster)
        if chance.random() < 0.1:
            continue
        derived = dict(installed(ready(kind, nodes=cluster.nodes)).extensions[0].settings)
        settings = {key: value for key, value in derived.items() if "luster" in key or "ocation" in key}
        settings |= chance.choice(CHOICES) | chance.choice([{}, {}, {"my.own": "key"}])
        extensions[identity].append(
            Extension(
                name=chance.choice(["azureml", "ml", "AML-ext"]),
                type=TYPE,
                provisioning_state="Succeeded",
                settings=settings,
                version=chance.choice([None, "1.1.61"]),
                current_version=chance.choice(["1.1.35", "1.1.61"]),
                release_train=chance.choice(["stable", "Preview"]),
                auto_upgrade_minor_version=chance.choice([True, False, None]),
                created_by=SOMEBODY,
            )
        )
    return clusters, extensions


def seen(cluster: Cluster, extensions) -> Observation:
    """What a look sees of a tagged cluster that somebody else installed on."""
    tagged = replace(cluster, tags={**cluster.tags, "aml-onboard": "true"}, source=Source.ARM)
    return Observation(
        cluster.id, Reason.SWEEP, ENFORCE, cluster=tagged, extensions=tuple(extensions), own_names=frozenset()
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_a_plan_over_three_hundred_installs_writes_nothing(seed):
    """Every install gets the profile that holds what was chosen on it, and no decision writes or means to."""
    clusters, extensions = fleet(seed)
    policy = parse_policy([PolicyText("policy.yaml", import_fleet(clusters, extensions).policy)])

    for cluster in clusters:
        if not extensions[cluster.id]:
            continue
        look = seen(cluster, extensions[cluster.id])
        decision = decide(look, policy, NOW)
        settings, _ = chosen(extensions[cluster.id][0])

        assert not decision.action.writes, decision.reason
        assert not decision.intended.writes
        assert decision.state.hold is None, decision.reason
        assert select(policy, look.cluster, None, NOW).settings == settings
        assert not set(decision.changes) & set(settings)


def test_the_same_fleet_gives_the_same_text():
    """The order in which Resource Graph tells of clusters does not matter."""
    clusters, extensions = fleet(3, size=40)

    assert import_fleet(clusters, extensions) == import_fleet(reversed(clusters), extensions)


def test_the_written_tests_pass(tmp_path):
    """Each cluster's test expects the profile that the written policy gives it."""
    clusters, extensions = fleet(4, size=60)
    made = import_fleet(clusters, extensions)
    file = tmp_path / "policy.tests.yaml"
    file.write_text(made.tests, encoding="utf-8")
    policy = parse_policy([PolicyText("policy.yaml", made.policy)])
    tests = read_tests(file)

    assert len(tests) == sum(len(listed) for listed in extensions.values())
    assert [told for test in tests if (told := outcome(policy, test, NOW + timedelta(days=1)))] == []


def test_what_a_policy_cannot_hold_is_told():
    """Unknown keys, two extensions and the platform's own are notes, each with its cluster."""
    cluster = replace(ready(), pools=(pool(),))
    odd = Extension("ml", TYPE, "Succeeded", {"enableTraining": "true", "my.own": "key"})
    two = import_fleet([cluster], {cluster.id: [odd, replace(odd, name="second")]})
    platform = import_fleet([cluster], {cluster.id: [replace(odd, system_managed=True)]})
    unknown = import_fleet([cluster], {cluster.id: [odd]})

    assert "2 Azure Machine Learning extensions" in two.notes[0]
    assert "the platform manages" in platform.notes[0]
    assert "my.own" in unknown.notes[0]
    assert parse_policy([PolicyText("policy.yaml", two.policy)]).rules == ()
