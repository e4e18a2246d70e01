"""A policy that is imported from a fleet leaves that fleet as it is, whatever people once installed on it."""

import random
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.azureml.derivation import derive
from shared.errors import PolicyError, SettingsError
from shared.fleet.importing import Imported, import_fleet
from shared.fleet.policy_text import quoted, word
from shared.fleet.separation import Subject, separate
from shared.model.cluster import Cluster, NodePool, Source
from shared.model.decision import Action, Decision
from shared.model.extension import Extension
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId, Kind
from shared.model.observation import Observation
from shared.model.request import Reason
from shared.model.state import HoldCode
from shared.policy.braces import too_much
from shared.policy.cel import compile_expression
from shared.policy.loading import parse_policy
from shared.policy.model import Policy, PolicyText, UpgradeMode
from shared.policy.templates import templated
from shared.policy.testing import outcome, read_tests
from shared.reconcile.decide import decide

# cel-python raises the recursion limit when it is first needed, which Hypothesis would meet amid an example.
compile_expression("cluster.nodes > 0")

NOW = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
SUBSCRIPTIONS = [f"{digit * 8}-2222-3333-4444-555555555555" for digit in "123"]
TRAINING = {"enableTraining": "True"}
PLAIN_HTTP = {
    "enableTraining": "true",
    "enableInference": "True",
    "inferenceRouterServiceType": "LoadBalancer",
    "allowInsecureConnections": "TRUE",
}
# What the chart is always sent, so that a template that left it out differs whatever the policy says.
ALWAYS_SENT = {
    "enableTraining",
    "enableInference",
    "cluster_name",
    "clusterId",
    "prometheus.prometheusSpec.externalLabels.cluster_name",
    "cluster_name_friendly",
    "domain",
    "location",
    "jobSchedulerLocation",
    "servicebus.enabled",
    "relayserver.enabled",
    "nginxIngress.enabled",
    "scoringFe.serviceType.nodePort",
    "scoringFe.serviceType.internalLoadBalancer",
    "scoringFe.sslSecret",
}


def cluster(
    name: str,
    kind: str = "aks",
    tags: dict[str, str] | None = None,
    *,
    group: str = "RG",
    subscription: int = 0,
    nodes: int = 3,
) -> Cluster:
    identity = ClusterId(SUBSCRIPTIONS[subscription], group.lower(), Kind(kind), name.lower())
    facts = {"provisioning_state": "Succeeded", "nodes": nodes}
    if kind == "aks":
        pool = NodePool("system", nodes, None, None, "Standard_D4s_v5", "Linux", "System", "Running")
        facts |= {"power_state": "Running", "managed_identity": True, "distribution": "aks", "pools": (pool,)}
    else:
        facts |= {"connectivity": "Connected", "distribution": "k3s"}
    return Cluster(identity, name, group, "westeurope", tags or {}, Source.ARM, **facts)


def by_cli(owner: Cluster, asked: dict[str, str], **facts: object) -> Extension:
    """The extension that the official CLI leaves behind for these settings; PEM files where HTTPS has no secret."""
    pem = "sslCname" in asked and "sslSecret" not in asked
    protected = ("sslCertPemFile", "sslKeyPemFile") if pem else ()
    body = derive(owner, asked, protected=protected, verbatim=True)
    return by_hand(dict(body.settings), **facts)


def by_hand(settings: dict[str, str], **facts: object) -> Extension:
    """An extension with exactly these settings, which a person or a template created."""
    given: dict[str, object] = {
        "name": "azureml-ext",
        "type": "Microsoft.AzureML.Kubernetes",
        "provisioning_state": "Succeeded",
        "release_train": "stable",
        "current_version": "1.1.90",
        "auto_upgrade_minor_version": True,
        "created_by": "eva@example.com",
    }
    return Extension(settings=settings, **(given | facts))


def imported(*installs: tuple[Cluster, Extension], bare: Iterable[Cluster] = ()) -> Imported:
    extensions = {owner.id: [extension] for owner, extension in installs}
    return import_fleet([*(owner for owner, _ in installs), *bare], extensions, NOW)


def policy_of(found: Imported) -> Policy:
    """What was written; each import here is written so that `muster lint` does not ask for other lines."""
    text = PolicyText("imported.yaml", found.policy)
    assert too_much(text) == ()
    return parse_policy([text])


def plan(policy: Policy, owner: Cluster, *extensions: Extension) -> Decision:
    """What a look at the selected cluster decides, with all gates open."""
    tags = {**owner.tags, "aml-onboard": "true"}
    seen = Observation(
        owner.id, Reason.SWEEP, Gates(Mode.ENFORCE), cluster=replace(owner, tags=tags), extensions=extensions
    )
    return decide(seen, policy, NOW)


# One installation


def test_what_the_cli_derived_is_no_part_of_a_profile():
    """A profile says what was asked for; the many values that the CLI adds are left to it."""
    owner = cluster("Clu-1", "arc")
    found = imported((owner, by_cli(owner, {**TRAINING, "nodeSelector.pool": "gpu"})))

    [profile] = policy_of(found).profiles.values()

    assert dict(profile.settings) == {"enableTraining": "true", "nodeSelector.pool": "gpu"}
    assert profile.upgrades is None
    assert plan(policy_of(found), owner, by_cli(owner, {**TRAINING, "nodeSelector.pool": "gpu"})).changes == {}


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_the_size_of_a_cluster_makes_no_profile(nodes: int):
    """DevTest and a single router, which the CLI gives to small clusters, are nobody's wish."""
    small, large = cluster("small", nodes=nodes), cluster("large", nodes=7)

    found = imported((small, by_cli(small, PLAIN_HTTP)), (large, by_cli(large, PLAIN_HTTP)))

    assert set(found.expected.values()) == {"training-and-inference"}
    assert found.changes == ()


def test_a_single_router_on_a_large_cluster_was_somebodys_wish():
    """inferenceRouterHA=false without the CLI's DevTest beside it stays in the profile."""
    owner = cluster("large", nodes=7)
    found = imported((owner, by_cli(owner, {**PLAIN_HTTP, "inferenceRouterHA": "False"})))

    assert policy_of(found).profiles["training-and-inference"].settings["inferenceRouterHA"] == "false"


def test_spellings_of_the_same_make_one_profile():
    """True, true and TRUE are one value, and so are the letter cases of a documented word."""
    owners = [cluster(name) for name in ("a", "b", "c")]
    words = [("True", "LoadBalancer"), ("true", "loadbalancer"), ("TRUE", "loadBalancer")]
    installs = [
        (
            owner,
            by_cli(owner, PLAIN_HTTP | {"installVolcano": yes, "inferenceRouterServiceType": router}),
        )
        for owner, (yes, router) in zip(owners, words, strict=True)
    ]

    found = imported(*installs)

    assert list(policy_of(found).profiles) == ["training-and-inference"]
    assert found.changes == ()


def test_a_certificate_that_nobody_can_read_back_is_to_be_named():
    """HTTPS by PEM files: what stands is left alone, and a note says that a new install needs a source."""
    owner = cluster("tls")
    asked = {"enableInference": "True", "inferenceRouterServiceType": "LoadBalancer", "sslCname": "ml.example.com"}
    extension = by_cli(owner, asked)

    found = imported((owner, extension))

    assert not plan(policy_of(found), owner, extension).action.writes
    assert found.changes == ()
    assert "tls.keyVaultCertificate" in found.notes[0]
    assert plan(policy_of(found), cluster("new")).state.hold.code is HoldCode.PREFLIGHT


def test_a_template_that_knows_the_charts_names_alone_is_understood():
    """scoringFe.sslSecret and the NodePort switch, without the documented settings behind them, give those."""
    owner = cluster("arm")
    found = imported(
        (
            owner,
            by_hand(
                {
                    "enableInference": "true",
                    "sslCname": "ml.example.com",
                    "scoringFe.sslSecret": "tls",
                    "scoringFe.serviceType.nodePort": "true",
                }
            ),
        )
    )

    settings = policy_of(found).profiles["inference"].settings

    assert settings["sslSecret"] == "tls"
    assert settings["inferenceRouterServiceType"] == "nodePort"
    assert found.decisions[owner.id].state.hold is None


@pytest.mark.parametrize(
    ("facts", "mode", "version"),
    [
        ({"auto_upgrade_minor_version": False, "version": "1.1.79"}, UpgradeMode.PINNED, "1.1.79"),
        ({"auto_upgrade_minor_version": False}, UpgradeMode.PINNED, "1.1.90"),
        ({"auto_upgrade_mode": "none", "version": "1.1.79"}, UpgradeMode.PINNED, "1.1.79"),
        ({"auto_upgrade_mode": "Patch"}, UpgradeMode.PATCH, None),
        ({"auto_upgrade_mode": "compatible"}, UpgradeMode.COMPATIBLE, None),
    ],
)
def test_the_word_on_versions_is_kept(facts: dict[str, object], mode: UpgradeMode, version: str | None):
    """A pinned version stays pinned, and the modes of automatic upgrade stay what they are."""
    owner = cluster("pinned")
    extension = by_cli(owner, TRAINING, **facts)

    upgrades = policy_of(imported((owner, extension))).profiles["training"].upgrades

    assert (upgrades.mode, upgrades.version) == (mode, version)
    assert plan(policy_of(imported((owner, extension))), owner, extension).changes == {}


LEFT_OUT = {
    "contoso.flag": "sesame-1",
    "InferenceRouterHA": "False",
    "relayServerConnectionString": "Endpoint=sb://sesame-2",
    "image.pull": "AccountKey=sesame-3",
    "sslCname": "{cluster.name}.sesame-4",
    "installPromOp": "auto",
    "internalLoadBalancerProvider": "aws-sesame-5",
}


@pytest.mark.parametrize("key", LEFT_OUT)
def test_what_no_policy_can_hold_is_named_and_never_quoted(key: str):
    """Unknown and misspelt keys, secrets, templates and undocumented values are told by key alone."""
    owner = cluster("odd")
    extension = by_cli(owner, TRAINING)
    extension = replace(extension, settings={**extension.settings, key: LEFT_OUT[key]})

    found = imported((owner, extension))

    assert f"{key}: " in found.notes[0]
    assert found.notes[0].startswith(str(owner.id))
    assert "sesame" not in "".join([found.policy, found.tests, *found.notes, *found.changes])
    assert key not in policy_of(found).profiles["training"].settings
    assert plan(policy_of(found), owner, extension).changes == {}


def test_values_come_back_as_they_were():
    """Quotes, line ends, words that YAML takes for something else: what is written is what is read."""
    odd = [
        "no",
        "1.10",
        "007",
        "null",
        "~",
        "a: b # c",
        '"x"',
        "line\nline",
        "\u2028\x85\x00\x7f",
        "ünï",
        "\U0001f600",
        " ",
    ]
    owner = cluster("text")
    asked = TRAINING | {f"nodeSelector.k{place}": text for place, text in enumerate(odd)}

    found = imported((owner, by_cli(owner, asked)))

    settings = policy_of(found).profiles["training"].settings
    assert [settings[f"nodeSelector.k{place}"] for place in range(len(odd))] == odd


def test_a_name_cannot_break_out_of_its_comment():
    """Line ends and control characters in names of keys and versions stay within the line that tells of them."""
    owner = cluster("hostile")
    extension = by_hand(
        {**TRAINING, "x\nprofiles: {}": "1", "y\x1b[31m": "2"}, name="a\nrules: []", current_version="1\u20282"
    )

    found = imported((owner, extension))

    assert list(policy_of(found).profiles) == ["training"]
    assert not {"\x1b", "\n", "\u2028"} & set("".join(found.notes))
    assert not {"\x1b", "\u2028"} & set(found.policy)


# Several


def test_long_tags_of_a_rule_get_lines_of_their_own():
    """Two tags tell a group apart only together, and would make one line too long for a review."""
    one, two = ("o" * 60, "o" * 50), ("t" * 60, "t" * 50)
    ways = [({one[0]: one[1], two[0]: two[1]}, PLAIN_HTTP), ({one[0]: one[1]}, TRAINING), ({two[0]: two[1]}, TRAINING)]
    owners = [(cluster(f"c{number}", tags=tags), asked) for number, (tags, asked) in enumerate(ways)]

    found = imported(*((owner, by_cli(owner, asked)) for owner, asked in owners))

    assert [len(rule.match.tags) for rule in policy_of(found).rules if rule.profile == "training-and-inference"] == [2]
    assert f"      tags:\n        {one[0]}: " in found.policy.replace('"', "")


def test_kinds_that_tell_profiles_apart_make_the_rules():
    """One profile per kind: the rules ask for the kind and nothing else."""
    installs = [(owner, by_cli(owner, PLAIN_HTTP)) for owner in (cluster("a"), cluster("b", group="other"))]
    edge = cluster("c", "arc")

    rules = {rule.profile: rule.match for rule in policy_of(imported(*installs, (edge, by_cli(edge, TRAINING)))).rules}

    assert {profile: match.kinds for profile, match in rules.items()} == {
        "training": ("arc",),
        "training-and-inference": ("aks",),
    }
    assert not any(match.tags or match.resource_groups for match in rules.values())


def test_a_tag_that_tells_profiles_apart_makes_the_rules():
    """Clusters of one group share a tag that the other group lacks: the rule asks for that tag alone."""
    prod = [cluster(f"p{n}", tags={"Env": "prod", "team": "x", "owner": f"o{n}"}) for n in range(3)]
    dev = [cluster(f"d{n}", tags={"env": "dev", "team": "x"}) for n in range(3)]
    installs = [(owner, by_cli(owner, PLAIN_HTTP)) for owner in prod] + [
        (owner, by_cli(owner, TRAINING)) for owner in dev
    ]

    rules = policy_of(imported(*installs)).rules

    asked = {rule.profile: [(tag.name, str(tag.values[0])) for tag in rule.match.tags] for rule in rules}
    assert asked == {"training-and-inference": [("env", "prod")], "training": [("env", "dev")]}


def test_a_selected_cluster_without_the_extension_is_not_installed_by_the_import():
    """Rules are so narrow that a cluster which waits for its first install today is held, not installed."""
    owner, waiting = cluster("a", group="one"), cluster("b", group="two", tags={"aml-onboard": "true"})

    found = imported((owner, by_cli(owner, TRAINING)), bare=[waiting])

    assert found.changes == ()
    assert plan(policy_of(found), waiting).action is Action.HOLD


def test_clusters_that_nothing_tells_apart_are_named():
    """Same kind, group and tags: each profile's rules name its clusters, however many, and no others."""
    owners = [cluster(f"cluster-with-a-long-name-{n}") for n in range(220)]
    installs = [(owner, by_cli(owner, TRAINING if n % 2 else PLAIN_HTTP)) for n, owner in enumerate(owners)]

    policy = policy_of(imported(*installs))

    assert [len(rule.match.names) for rule in policy.rules] == [100, 10, 100, 10]
    chosen = [plan(policy, owner, extension).profile for owner, extension in installs]
    assert chosen == ["training-and-inference", "training"] * 110


def test_the_text_does_not_depend_on_the_order_of_the_fleet():
    """Resource Graph answers in any order; the file is the same."""
    owners = [cluster(f"c{n}", "aks" if n % 3 else "arc", {"env": f"e{n % 4}"}) for n in range(24)]
    installs = [(owner, by_cli(owner, PLAIN_HTTP if n % 5 else TRAINING)) for n, owner in enumerate(owners)]
    shuffled = random.Random(5).sample(installs, len(installs))  # noqa: S311  a test's own dice

    assert imported(*installs) == imported(*shuffled)


@pytest.mark.parametrize(
    ("extensions", "told"),
    [
        ([by_hand(TRAINING, name="a"), by_hand(TRAINING, name="b")], "2 Azure Machine Learning extensions"),
        ([by_hand(TRAINING, system_managed=True)], "the platform manages"),
        ([by_hand(TRAINING, provisioning_state="Deleting")], "being removed"),
    ],
)
def test_what_no_profile_stands_for_is_told(extensions: list[Extension], told: str):
    """Two extensions, one of the platform's, one that is going: named in a note, and never written."""
    owner = cluster("apart")

    found = import_fleet([owner], {owner.id: extensions}, NOW)

    assert told in found.notes[0]
    assert policy_of(found).rules == ()
    assert found.changes == ()


def test_an_extension_whose_cluster_is_not_listed_is_told():
    """Resource Graph lags: an extension may outlive its cluster there."""
    ghost = cluster("ghost")

    found = import_fleet([], {ghost.id: [by_hand(TRAINING)]}, NOW)

    assert found.notes == (f"{ghost.id}: the cluster is not listed, or not in scope; left out.",)
    assert policy_of(found).profiles == {}


def test_a_step_that_the_policy_would_lead_to_is_told():
    """A switch of an older service type that Muster's own extension still has is put out under any policy."""
    owner = cluster("ours")
    asked = {"enableInference": "True", "allowInsecureConnections": "True", "inferenceRouterServiceType": "ClusterIP"}
    whole = by_cli(owner, asked, created_by="muster")
    stale = dict(whole.settings) | {"scoringFe.serviceType.nodePort": "True"}

    found = import_fleet([owner], {owner.id: [replace(whole, settings=stale)]}, NOW, own_names=frozenset({"muster"}))

    assert found.changes[0].startswith(f"{owner.id}: Update: ")


def test_what_only_a_newer_muster_derives_is_no_step():
    """An extension of Muster's own that lacks a derived key stands as it is."""
    owner = cluster("ours")
    whole = by_cli(owner, TRAINING, created_by="muster")
    bare = {key: value for key, value in whole.settings.items() if key != "servicebus.enabled"}

    found = import_fleet([owner], {owner.id: [replace(whole, settings=bare)]}, NOW, own_names=frozenset({"muster"}))

    assert found.changes == ()


def test_the_written_tests_pass(tmp_path: Path):
    """Each cluster's test expects the profile that the written policy gives it, whatever its tags hold."""
    tags = [{}, {"env": "", "Quote": '"x"'}, {"AML-Onboard": "false"}]
    owners = [cluster(f"C{n}", "aks" if n % 2 else "arc", tags[n % 3]) for n in range(12)]
    installs = [(owner, by_cli(owner, PLAIN_HTTP if n % 4 else TRAINING)) for n, owner in enumerate(owners)]
    found = imported(*installs)
    file = tmp_path / "policy.tests.yaml"
    file.write_text(found.tests, encoding="utf-8")

    tests = read_tests(file)

    assert [test.profile for test in tests] == [found.expected[test.cluster.id] for test in tests]
    assert len(tests) == 12
    assert [told for test in tests if (told := outcome(policy_of(found), test, NOW))] == []


# Whole fleets

ODD_SETTINGS: list[dict[str, str]] = [
    {},
    {"installNvidiaDevicePlugin": "TRUE", "installDcgmExporter": "true"},
    {"installPromOp": "False"},
    {"installVolcano": "fAlSe"},
    {"nodeSelector.pool": "gpu", "nodeSelector.kubernetes.io/arch": "amd64"},
    {"amloperator.skipResourceValidation": "true"},
    {"toleration[0].key": "gpu", "toleration[0].operator": "Exists", "toleration[0].effect": "NoSchedule"},
    {"volcanoScheduler.schedulerConfigMap": "volcano-scheduler-configmap"},
    {"inferenceRouterHA": "False"},
    {"InferenceRouterHA": "False"},
    {"contoso.note": "kept by hand"},
    {"privateEndpointILB": "true"},
    {"servicebus.enabled": "True"},
    {"nginxIngress.enabled": "false", "nginxIngress.controller": "k8s.io/amlarc-ingress-nginx"},
    {"clusterPurpose": "FastProd"},
    {"isAKSMigration": "true"},
    {"enable_https": "false"},
]
HTTPS = {"enableInference": "True", "inferenceRouterServiceType": "NodePort", "sslCname": "ml.example.com"}
SCENARIOS: list[dict[str, str]] = [
    TRAINING,
    PLAIN_HTTP,
    HTTPS,
    HTTPS | {"enableTraining": "true", "sslSecret": "tls-in-cluster"},
    PLAIN_HTTP | {"internalLoadBalancerProvider": "Azure"},
]
VERSIONS: list[dict[str, object]] = [
    {},
    {"auto_upgrade_minor_version": None},
    {"auto_upgrade_minor_version": False, "version": "1.1.79"},
    {"auto_upgrade_minor_version": False, "version": None, "current_version": None},
    {"auto_upgrade_mode": "patch"},
    {"release_train": "Preview"},
    {"release_train": None},
]
# What a hand-written template forgets.
FORGOTTEN = [(), (), (), ("servicebus.enabled",), ("enableInference",), ("clusterId", "location", "domain")]

drawn_tags = st.fixed_dictionaries(
    {},
    optional={
        "env": st.sampled_from(["prod", "dev", "PROD"]),
        "Team": st.sampled_from(["a", "b*", ""]),
        "aml-onboard": st.sampled_from(["true", "True"]),
        "aml-ring": st.just("1"),
    },
)


@st.composite
def installations(draw: st.DrawFn, number: int) -> tuple[Cluster, Extension]:
    """Any cluster with an extension that a person put there, by the CLI or by a forgetful template."""
    owner = cluster(
        f"Clu-{number}",
        draw(st.sampled_from(["aks", "arc"])),
        draw(drawn_tags),
        group=draw(st.sampled_from(["RG", "rg-Two", "rg.3"])),
        subscription=draw(st.integers(0, 2)),
        nodes=draw(st.integers(1, 5)),
    )
    asked = draw(st.sampled_from(SCENARIOS)) | draw(st.sampled_from(ODD_SETTINGS)) | draw(st.sampled_from(ODD_SETTINGS))
    facts = draw(st.sampled_from(VERSIONS)) | {
        "name": draw(st.sampled_from(["azureml", "ml-ext", "amlarc", "azureml"])),
        "provisioning_state": draw(st.sampled_from(["Succeeded", "Succeeded", "succeeded", "Failed", "Updating"])),
    }
    try:
        extension = by_cli(owner, asked, **facts)
    except SettingsError:  # the CLI would refuse it; a template does not
        extension = by_hand(asked, **facts)
    forgotten = draw(st.sampled_from(FORGOTTEN))
    kept = {key: value for key, value in extension.settings.items() if key not in forgotten}
    return owner, replace(extension, settings=kept)


def assert_untouched(installs: list[tuple[Cluster, Extension]], bare: list[Cluster]) -> None:
    found = imported(*installs, bare=bare)
    policy = policy_of(found)
    told = " ".join(found.changes)
    for owner, extension in installs:
        decision = plan(policy, owner, extension)
        assert not decision.action.writes, decision.reason
        assert not (decision.intended or decision.action).writes, decision.reason
        # A difference is there only where the extension lacks, or contradicts, what is always sent.
        assert set(decision.changes) <= ALWAYS_SENT | forced(extension)
        assert (str(owner.id) in told) is bool(decision.changes or decision.state.hold)
        if decision.state.hold is None:
            assert decision.profile == found.expected[owner.id]
        else:
            assert not cli_accepts(owner, extension)
    for waiting in bare:
        if (waiting.tag("aml-onboard") or "").lower() == "true":
            assert plan(policy, waiting).action is Action.HOLD


def cli_accepts(owner: Cluster, extension: Extension) -> bool:
    """Whether the official CLI would install these settings, the certificate's PEM given where it is needed."""
    try:
        by_cli(owner, dict(extension.settings))
    except SettingsError:
        return False
    return True


def forced(extension: Extension) -> set[str]:
    """Keys that an odd wish brings with it, whatever the installed extension holds."""
    keys: set[str] = set()
    if extension.settings.get("servicebus.enabled", "").lower() == "true":
        keys |= {"servicebus.resourceID", *(f"servicebus.topicSubMapping.{topic}" for topic in TOPICS)}
    if extension.settings.get("isAKSMigration") == "true":
        keys |= {"scoringFe.namespace"}
    return keys


TOPICS = ("computestate-updatedby-computeprovider", "jobstate-updatedby-computeprovider")


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_fleet_is_changed_by_its_own_import(data: st.DataObject):
    """Whatever was installed: no decision writes, and what differs is what the import told."""
    size = data.draw(st.integers(0, 9))
    installs = [data.draw(installations(number)) for number in range(size)]
    bare = [cluster(f"bare-{number}", tags=data.draw(drawn_tags)) for number in range(data.draw(st.integers(0, 2)))]

    assert_untouched(installs, bare)


@pytest.mark.parametrize("seed", range(3))
def test_three_hundred_hand_made_installs_stay_as_they_are(seed: int):
    """A whole estate, of differing names, versions, trains and settings: a baseline plan shows no write."""
    dice = random.Random(seed)  # noqa: S311  a test's own dice
    installs = []
    for number in range(300):
        kind, env = dice.choice(["aks", "arc"]), dice.choice(["prod", "dev", "test"])
        owner = cluster(
            f"Cluster-{number}",
            kind,
            {"env": env, "cost": str(dice.randrange(40))},
            group=f"rg-{dice.randrange(25)}",
            subscription=dice.randrange(3),
            nodes=dice.randrange(1, 9),
        )
        asked = dice.choice(SCENARIOS[:4]) | dice.choice(ODD_SETTINGS)
        asked = {
            key: dice.choice([value, value.lower(), value.upper()]) if value.lower() in {"true", "false"} else value
            for key, value in asked.items()
        }
        names = {"name": dice.choice(["azureml", "ml", "amlarc-compute", f"ext-{number}"])}
        try:
            extension = by_cli(owner, asked, **dice.choice(VERSIONS), **names)
        except SettingsError:
            extension = by_hand(asked, **dice.choice(VERSIONS), **names)
        installs.append((owner, extension))

    assert_untouched(installs, [cluster("waiting", tags={"aml-onboard": "true"})])


def test_a_large_fleet_of_few_kinds_of_install_gives_a_short_policy():
    """Two thousand clusters, installed in three ways that a tag tells apart: three rules, no names."""
    ways = {"a": TRAINING, "b": PLAIN_HTTP, "c": {**PLAIN_HTTP, "installVolcano": "False"}}
    installs = []
    for number in range(2000):
        way = "abc"[number % 3]
        owner = cluster(f"c{number}", tags={"way": way}, group=f"rg-{number % 50}")
        installs.append((owner, by_cli(owner, ways[way])))

    policy = policy_of(imported(*installs))

    assert len(policy.rules) == len(policy.profiles) == 3


# The parts

subjects = st.builds(
    Subject,
    st.builds(
        ClusterId,
        st.sampled_from(SUBSCRIPTIONS),
        st.sampled_from(["a", "b"]),
        st.sampled_from(Kind),
        st.sampled_from(["x", "yx", "z"]),
    ),
    st.frozensets(st.tuples(st.sampled_from(["t", "u"]), st.sampled_from(["1", "2"])), max_size=2),
)


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(subjects, min_size=1, max_size=12, unique_by=lambda each: each.id), st.data())
def test_rules_hold_for_their_group_and_nobody_else(fleet: list[Subject], data: st.DataObject):
    """However a fleet is divided: every cluster of the group has a rule, and no other has one."""
    size = data.draw(st.integers(1, len(fleet)))
    inside, outside = fleet[:size], fleet[size:]

    rules = separate(inside, outside)

    assert all(any(rule.hold_for(each) for rule in rules) for each in inside)
    assert not any(rule.hold_for(each) for rule in rules for each in outside)


@given(st.text(max_size=30, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_back(text: str):
    """A word in the file is the word that was meant, and stands on one line; templates are no words."""
    assume(not templated(text))
    document = f"version: 1\nprofiles:\n  p:\n    settings:\n      nodeSelector.x: {word(text)}\n"

    assert "\n" not in quoted(text)
    assert parse_policy([PolicyText("p.yaml", document)]).profiles["p"].settings["nodeSelector.x"] == text


def test_a_fleet_that_no_policy_can_describe_is_refused():
    """Thousands of installs without any order, each to be named: the message says what to do about it."""
    owners = [cluster(f"cluster-with-a-name-of-{n:06}-{'x' * 30}", group=f"rg-{n % 9}") for n in range(16_000)]
    installs = [(owner, by_hand(TRAINING if n % 2 else PLAIN_HTTP)) for n, owner in enumerate(owners)]

    with pytest.raises(PolicyError, match="MUSTER_SCOPE"):
        imported(*installs)


def test_tests_that_have_no_room_are_told(tmp_path: Path):
    """Of a very large fleet not every cluster gets a test; the file says how many do not, and can be read."""
    owners = [cluster(f"cluster-{n:05}", group=f"a-rather-long-resource-group-{n % 10}") for n in range(5000)]
    file = tmp_path / "policy.tests.yaml"
    file.write_text(imported(*((owner, by_hand(TRAINING)) for owner in owners)).tests, encoding="utf-8")

    left = re.search(r"# (\d+) of 5000 clusters are left out", file.read_text(encoding="utf-8"))

    assert left is not None
    assert len(read_tests(file)) + int(left[1]) == 5000
