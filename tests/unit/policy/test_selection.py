"""Which profile, with which settings, and why."""

from datetime import timedelta

import pytest

from shared.model.intent import Intent, Word
from shared.model.state import HoldCode
from shared.policy.selection import Outcome, select
from tests.unit.policy.builders import NOW, cluster, onboarded, policy

MANAGED = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg1"
    "/providers/Microsoft.ContainerService/managedClusters"
)
POLICY = policy(
    """
profiles:
  training: {selectableByTag: true, settings: {enableTraining: true}}
  gpu:
    extends: training
    settings: {installDcgmExporter: auto, sslCname: "ml.{cluster.name}.example.com"}
  team:
    selectableByTag: true
    tagPatterns: {Team: "[a-z]+"}
    settings: {enableTraining: true, "nodeSelector.team": "{tags.team}"}
  pinned: {extends: training, upgrades: {mode: pinned, version: 1.1.79}}
  vault: {tls: {keyVaultCertificate: "https://v.example/certificates/c"}}
  shaped: {settings: {"nodeSelector.os": "{cluster.distribution}"}}
rules:
  - {name: by-tag, match: {tagPresent: aml-profile}, profileFromTag: aml-profile}
  - {name: shaped, match: {tags: {shape: yes-please}}, profile: shaped}
  - {name: pinned, match: {tags: {pin: [a, "b*"]}}, profile: pinned}
  - {name: gpu, match: {kind: arc, gpu: true}, profile: gpu}
  - {name: big, when: cluster.nodes >= 3, profile: training}
noRuleMatched: hold
tagOverrides: {allow: [installDcgmExporter, "nodeSelector.*"]}
exceptions:
  - cluster: CLUSTERS/odd
    settings: {installPromOp: false}
    until: 2026-09-01
    owner: anna
    ticket: T-1
  - cluster: CLUSTERS/left-alone
    exempt: true
    until: "2026-09-01T00:00:00+02:00"
    owner: bert
""".replace("CLUSTERS", MANAGED)
)


def word(kind: Word, about, **facts):
    """A person's word about a cluster."""
    return Intent(about.id, kind, "eva", "because", NOW - timedelta(hours=1), **facts)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("true", Outcome.SELECTED),
        ("TRUE", Outcome.SELECTED),
        ("false", Outcome.HANDS_OFF),
        ("False", Outcome.HANDS_OFF),
        ("yes", Outcome.HELD),
        ("", Outcome.HELD),
        ("true ", Outcome.HELD),
        (None, Outcome.NOT_SELECTED),
    ],
)
def test_the_select_tag_decides_whose_business_a_cluster_is(value, outcome):
    """`true` selects and false hands off in any case, no tag means not selected, anything else is held."""
    found = select(POLICY, cluster(tags={"AML-Onboard": value} if value is not None else {}, nodes=3), None, NOW)

    assert found.outcome is outcome
    if outcome is Outcome.HELD:
        assert found.hold is not None
        assert found.hold[0] is HoldCode.TAG_INVALID


def test_the_first_rule_that_matches_wins_and_near_misses_say_why():
    """Every rule before the winner is told with the value that was met."""
    found = select(POLICY, cluster("arc", onboarded({"aml-gpu": "false", "pin": "c"}), nodes=3), None, NOW)

    assert (found.outcome, found.rule, found.profile) == (Outcome.SELECTED, "big", "training")
    assert [(step.rule, step.matched, step.why) for step in found.steps] == [
        ("by-tag", False, "tag aml-profile is not set"),
        ("shaped", False, "tag shape is not set"),
        ("pinned", False, "tag pin is 'c', not a or b*"),
        ("gpu", False, "gpu is false"),
        ("big", True, "cluster.nodes >= 3 is true"),
    ]


def test_no_rule_matched_holds_or_is_ignored_as_the_policy_says():
    """`hold` asks for a person; `ignore` leaves the cluster alone, unless a person enrolled it."""
    small = cluster(nodes=1)
    ignoring = policy("profiles: {p: {}}\nrules: [{name: r, profile: p, match: {kind: arc}}]\nnoRuleMatched: ignore\n")
    held = select(POLICY, small, None, NOW)

    assert held.hold is not None
    assert held.hold[0] is HoldCode.NO_RULE
    assert select(ignoring, small, None, NOW).outcome is Outcome.NOT_SELECTED
    assert select(ignoring, small, word(Word.ENROL, small), NOW).outcome is Outcome.HELD


def test_an_unknown_fact_holds_instead_of_falling_through():
    """An Arc cluster that nobody told about GPUs is not taken for one without; the fact is named."""
    found = select(POLICY, cluster("arc", nodes=3), None, NOW)

    assert found.outcome is Outcome.HELD
    assert found.hold is not None
    assert found.hold[0] is HoldCode.FACTS_UNKNOWN
    assert "set the tag aml-gpu to true or false" in found.hold[1]
    assert found.unknown_fact == "gpu"
    assert (found.steps[-1].rule, found.steps[-1].matched) == ("gpu", None)


def test_an_unknown_fact_in_an_expression_holds_too():
    """CEL over a node count that was not reported is unknown."""
    found = select(POLICY, cluster(nodes=None), None, NOW)

    assert (found.outcome, found.unknown_fact) == (Outcome.HELD, "nodes")


def test_an_unknown_fact_in_a_template_holds():
    """A setting that needs an unreported fact is not sent without it."""
    tags = onboarded({"shape": "yes-please"})
    found = select(POLICY, cluster("arc", tags), None, NOW)

    assert (found.outcome, found.unknown_fact) == (Outcome.HELD, "distribution")
    known = select(POLICY, cluster("arc", tags, distribution="k3s"), None, NOW)
    assert known.settings["nodeSelector.os"] == "k3s"


def test_an_expression_that_fails_holds():
    """What cannot be evaluated for this cluster is never a quiet no."""
    broken = policy(
        "profiles: {p: {}}\nrules: [{name: r, profile: p, when: 'cluster.tags.env == \"a\"'}, {name: s, profile: p}]\n"
    )
    found = select(broken, cluster(), None, NOW)

    assert found.hold is not None
    assert found.hold[0] is HoldCode.NO_RULE
    assert "env" in found.hold[1]
    assert select(broken, cluster(tags=onboarded({"ENV": "a"})), None, NOW).rule == "r"


def test_settings_come_in_layers_and_tell_where_from():
    """Profile chain, exception, tag, request: the later wins, and each key knows its origin."""
    about = cluster("aks", onboarded({"aml-set-installDcgmExporter": "True", "aml-profile": "training"}), name="Odd")
    asked = word(Word.ENROL, about, settings={"INSTALLPROMOP": "True"})
    by_rules = select(POLICY, about, None, NOW)
    by_hand = select(POLICY, about, asked, NOW)

    assert dict(by_rules.settings) == {
        "enableTraining": "true",
        "installPromOp": "false",
        "installDcgmExporter": "True",
    }
    assert {key: str(origin) for key, origin in by_rules.origins.items()} == {
        "enableTraining": "profile:training",
        "installPromOp": "exception:T-1",
        "installDcgmExporter": "tag:aml-set-installDcgmExporter",
    }
    assert by_hand.settings["installPromOp"] == "True"
    assert str(by_hand.origins["installPromOp"]) == "request:eva"


def test_templates_are_filled_and_auto_is_left():
    """`{cluster.name}` is the cluster's name in ARM's letter case; `auto` waits for the facts of installation."""
    found = select(POLICY, cluster("arc", onboarded({"AML-GPU": "True"}), name="Edge-1"), None, NOW)

    assert found.profile == "gpu"
    assert found.settings["sslCname"] == "ml.Edge-1.example.com"
    assert found.settings["installDcgmExporter"] == "auto"


@pytest.mark.parametrize(
    ("value", "outcome"), [("red", Outcome.SELECTED), ("Red1", Outcome.HELD), (None, Outcome.HELD)]
)
def test_a_tag_reaches_a_setting_only_in_the_shape_that_the_profile_allows(value, outcome):
    """The whole tag must match the profile's pattern; otherwise the cluster is held, not given a default."""
    tags = onboarded({"aml-profile": "team"}) | ({"TEAM": value} if value else {})
    found = select(POLICY, cluster(tags=tags), None, NOW)

    assert found.outcome is outcome
    if outcome is Outcome.SELECTED:
        assert found.settings["nodeSelector.team"] == "red"


@pytest.mark.parametrize("value", ["gpu", "nonsense", "Training", ""])
def test_a_profile_tag_chooses_only_what_may_be_chosen(value):
    """A profile without selectableByTag, an unknown one or a wrong case holds with tag-invalid."""
    found = select(POLICY, cluster(tags=onboarded({"aml-profile": value}), nodes=3), None, NOW)

    assert found.hold is not None
    assert found.hold[0] is HoldCode.TAG_INVALID
    assert "training or team" in found.hold[1]


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"aml-set-installPromOp": "false"}, "does not allow installPromOp"),
        ({"aml-set-installDcgm": "false"}, "installDcgmExporter"),
        ({"aml-set-installDcgmExporter": "maybe"}, "'maybe'"),
        ({"aml-set-installDcgmExporter": "true", "AML-SET-INSTALLDCGMEXPORTER": "true"}, "both set"),
        ({"aml-set-sslKeyPemFile": "x"}, "sslKeyPemFile"),
    ],
)
def test_a_tag_that_asks_for_too_much_holds(tags, message):
    """Not allowed, unknown, invalid or doubled overrides hold with tag-invalid and say what is wrong."""
    found = select(POLICY, cluster(tags=onboarded(tags), nodes=3), None, NOW)

    assert found.hold is not None
    assert found.hold[0] is HoldCode.TAG_INVALID
    assert message in found.hold[1]


def test_two_underscores_in_a_tags_name_stand_for_a_slash():
    """Tag names cannot hold a slash, labels do."""
    tags = onboarded({"aml-set-nodeSelector.kubernetes.io__os": "linux"})
    found = select(POLICY, cluster(tags=tags, nodes=3), None, NOW)

    assert found.settings["nodeSelector.kubernetes.io/os"] == "linux"


def test_a_certificate_is_named_by_the_cluster():
    """The address of the certificate is filled in like a setting; a request for a secret of the cluster replaces it."""
    about = cluster(nodes=3)
    wanted = select(POLICY, about, word(Word.ENROL, about, profile="vault"), NOW)
    by_secret = select(POLICY, about, word(Word.ENROL, about, profile="vault", settings={"sslSecret": "own"}), NOW)

    assert wanted.certificate == "https://v.example/certificates/c"
    assert by_secret.certificate is None


def test_a_pinned_profile_sends_its_version_without_automatic_upgrades():
    """The service refuses a version beside autoUpgradeMinorVersion=true (swagger 2023-05-01 and later)."""
    pinned = select(POLICY, cluster(tags=onboarded({"pin": "bcd"})), None, NOW)
    following = select(POLICY, cluster(nodes=3), None, NOW)

    assert (pinned.version, pinned.auto_upgrade_minor_version) == ("1.1.79", False)
    assert (following.version, following.auto_upgrade_minor_version) == (None, True)
    assert following.release_train == "stable"


def test_an_untagged_cluster_can_be_enrolled_by_hand():
    """The named profile is taken without asking a rule; without one the rules decide."""
    untagged = cluster(tags={}, nodes=3)
    named = select(POLICY, untagged, word(Word.ENROL, untagged, profile="gpu", settings={"sslCname": "x"}), NOW)
    ruled = select(POLICY, untagged, word(Word.ENROL, untagged), NOW)

    assert (named.outcome, named.profile, named.rule, named.manual) == (Outcome.SELECTED, "gpu", None, True)
    assert named.settings["sslCname"] == "x"
    assert (ruled.profile, ruled.rule, ruled.manual) == ("training", "big", True)


def test_an_enrolment_that_cannot_be_followed_holds():
    """A profile that a later policy dropped, an unknown setting."""
    about = cluster(nodes=3)
    codes = [
        select(POLICY, about, word(Word.ENROL, about, **facts), NOW).hold
        for facts in ({"profile": "gone"}, {"settings": {"enableTrainng": "true"}})
    ]

    assert [code[0] for code in codes if code] == [HoldCode.NO_RULE, HoldCode.PREFLIGHT]


@pytest.mark.parametrize(
    ("tags", "kind", "outcome"),
    [
        ({"aml-onboard": "false"}, Word.REMOVE, Outcome.HANDS_OFF),
        ({"aml-onboard": "false"}, Word.ENROL, Outcome.HANDS_OFF),
        ({"aml-onboard": "true"}, Word.REMOVE, Outcome.REMOVED),
        ({"aml-onboard": "nonsense"}, Word.REMOVE, Outcome.REMOVED),
        ({}, Word.REMOVE, Outcome.REMOVED),
        ({"aml-onboard": "nonsense"}, Word.ENROL, Outcome.HELD),
    ],
)
def test_the_order_of_words(tags, kind, outcome):
    """Hands off goes before removal, removal before enrolment, and enrolment before the rules."""
    about = cluster(tags=tags, nodes=3)
    found = select(POLICY, about, word(kind, about), NOW)

    assert found.outcome is outcome
    assert (found.intent is None) == (outcome is Outcome.HANDS_OFF)


def test_a_word_that_no_longer_stands_is_passed_over():
    """Past its end, or about a cluster that was rebuilt under the same id."""
    about = cluster(nodes=3, incarnation="new")

    assert select(POLICY, about, word(Word.REMOVE, about, until=NOW), NOW).outcome is Outcome.SELECTED
    assert select(POLICY, about, word(Word.REMOVE, about, incarnation="old"), NOW).outcome is Outcome.SELECTED
    assert select(POLICY, about, word(Word.REMOVE, about, incarnation="new"), NOW).outcome is Outcome.REMOVED


def test_an_exempt_cluster_is_left_alone_until_its_date():
    """While the exemption lasts the rules are silent; a person's enrolment still counts; afterwards a warning."""
    about = cluster(name="left-alone", nodes=3)
    later = select(POLICY, about, None, NOW + timedelta(days=30))

    assert select(POLICY, about, None, NOW).outcome is Outcome.EXEMPT
    assert "bert" in select(POLICY, about, None, NOW).reason
    assert select(POLICY, about, word(Word.ENROL, about), NOW).outcome is Outcome.SELECTED
    assert later.outcome is Outcome.SELECTED
    assert later.warnings == ("the exception of bert ended at 2026-09-01T00:00:00+02:00",)


def test_a_date_lasts_until_its_end():
    """`until: 2026-09-01` still holds on that day in UTC."""
    about = cluster(name="odd", nodes=3)

    assert "installPromOp" in select(POLICY, about, None, NOW.replace(month=9, day=1, hour=23)).settings
    assert "installPromOp" not in select(POLICY, about, None, NOW.replace(month=9, day=2, hour=0)).settings


@pytest.mark.parametrize(
    ("value", "paused", "end", "warned"),
    [
        ("2026-08-23T00:00:00Z", True, timedelta(hours=12), False),
        ("2026-08-22T15:00:00+02:00", True, timedelta(hours=1), False),
        ("2026-08-22T12:00:00Z", False, None, False),
        ("2026-08-23T00:00:00", True, None, True),
        ("2026-08-23", True, None, True),
        ("tomorrow", True, None, True),
        ("", True, None, True),
        ("2030-01-01T00:00:00Z", True, timedelta(days=30), True),
    ],
)
def test_a_pause_by_tag(value, paused, end, warned):
    """RFC 3339 with offset, capped by the policy; a malformed one pauses, too, and is told."""
    tags = onboarded({"AML-Pause-Until": value, "aml-pause-reason": "migration"})
    found = select(POLICY, cluster(tags=tags, nodes=3), None, NOW)

    assert found.outcome is Outcome.SELECTED
    assert (found.pause is not None) == paused
    assert bool(found.warnings) == warned
    if found.pause is not None:
        assert found.pause.until == (NOW + end if end is not None else None)
        assert found.pause.reason.startswith("migration")
