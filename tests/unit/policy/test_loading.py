"""A policy that does not validate says where and why; one that does means what it says."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.azureml.failures import FailureClass
from shared.errors import PolicyError
from shared.model.check import Severity
from shared.policy.loading import PolicyText, parse_policy, policy_digest, read_policy
from shared.policy.model import (
    AdoptionMode,
    AksAccess,
    Depth,
    Enforcement,
    EnforcementTable,
    Policy,
    Timing,
    UpgradeMode,
    Upgrades,
)
from tests.unit.policy.builders import policy

P = "profiles: {p: {settings: {enableTraining: true}}}\n"
CLUSTER = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg"
    "/providers/Microsoft.ContainerService/managedClusters/c"
)


def rule(body: str) -> str:
    """One rule with a valid profile."""
    return f"{P}rules:\n  - {{name: r, profile: p, {body}}}\n"


MISTAKES = {
    "unknown key": ("profils: {}\n", "policy.yaml:2 profils", "did you mean 'profiles'?"),
    "unknown key below": ("select:\n  tga: x\n", "policy.yaml:3 select.tga", "did you mean 'tag'?"),
    "duplicate key": ("select: {tag: a}\nselect: {tag: b}\n", "policy.yaml:3 select", "it is also in line 2"),
    "anchor": ("select: &a {tag: x}\n", "policy.yaml:2 select", "anchors (&a)"),
    "alias": ("select: {tag: &a x}\ntags: {gpu: *a}\n", "policy.yaml:3 tags.gpu", "aliases (*a)"),
    "merge key": ("select:\n  <<: {tag: x}\n", "policy.yaml:3 select", "merge keys"),
    "yaml tag": ("select: {tag: !x y}\n", "policy.yaml:2 select.tag", "YAML tags (!x)"),
    "unquoted yes": ("select: {tag: yes}\n", "policy.yaml:2 select.tag", 'write true, or "yes" as text'),
    "unquoted off": ("extension: {autoUpgradeMinorVersion: Off}\n", "policy.yaml:2", "write false"),
    "no yaml": ("select: {tag: [\n", "policy.yaml:", "this is not YAML"),
    "list for mapping": ("select: [a]\n", "policy.yaml:2 select", "a mapping of keys belongs here, not a list"),
    "mapping for list": (f"{P}rules: {{a: 1}}\n", "policy.yaml:3 rules", "a list belongs here"),
    "nothing written": ("select:\n  tag:\n", "policy.yaml:3 select.tag", "nothing is written here"),
    "quoted boolean": ("extension: {autoUpgradeMinorVersion: 'true'}\n", "policy.yaml:2", "without quotes"),
    "enforcement word": ("enforcement: {install: akt}\n", "policy.yaml:2 enforcement.install", "did you mean 'act'?"),
    "adoption word": ("adoption: {mode: keep}\n", "policy.yaml:2 adoption.mode", "ignore, observe, baseline or"),
    "duration": ("remediation: {timing: {followUp: 30}}\n", "remediation.timing.followUp", "30s, 2m, 6h or 7d"),
    "duration zero": ("remediation: {timing: {followUp: 0s}}\n", "remediation.timing.followUp", "not '0s'"),
    "points": ("remediation: {timing: {backoffFactor: 1.1.79}}\n", "backoffFactor", "not a valid backoffFactor"),
    "factor": ("remediation: {timing: {backoffFactor: 0.5}}\n", "remediation.timing", "must be 1 or more"),
    "backoff order": ("remediation: {timing: {backoffMax: 1s}}\n", "remediation.timing", "shorter than"),
    "attempts": ("remediation: {maxAttempts: 0}\n", "remediation.maxAttempts", "not between 1 and"),
    "attempts-of": ("remediation: {attempts: {wait: 0}}\n", "remediation.attempts.wait", "not between 1 and"),
    "class-of-failure": ("remediation: {attempts: {waiting: 3}}\n", "remediation.attempts", "waiting"),
    "workspace": ("workspace: ml-prod\n", "policy.yaml:2 workspace", "not a valid workspace"),
    "no rule word": ("noRuleMatched: stop\n", "policy.yaml:2 noRuleMatched", "not a valid noRuleMatched"),
    "rollout key": ("rollout: {ring: []}\n", "policy.yaml:2 rollout.ring", "did you mean 'rings'?"),
    "rings alike": ("rollout: {rings: [{name: a, match: {gpu: true}}, {name: a}]}\n", "rollout.rings", "two rings 'a'"),
    "ring behind all": ("rollout: {rings: [{name: a}, {name: b}]}\n", "rollout.rings", "takes every cluster"),
    "ring without name": ("rollout: {rings: [{soak: 1h}]}\n", "rollout.rings", "'name' is missing"),
    "cron": ("rollout: {windows: [{cron: '61 * * * *', duration: 1h}]}\n", "rollout.windows", "no cron expression"),
    "window without end": ("rollout: {windows: [{cron: '1 * * * *'}]}\n", "rollout.windows", "needs a duration"),
    "window too long": ("rollout: {windows: [{cron: '1 * * * *', duration: 8d}]}\n", "rollout.windows", "at most 7d"),
    "zone": (
        "rollout: {windows: [{cron: '1 * * * *', duration: 1h, timeZone: Europe/Wien}]}\n",
        "rollout.windows",
        "no time zone",
    ),
    "blackout order": ("rollout: {blackouts: [{from: 2026-12-24, to: 2026-12-23}]}\n", "blackouts", "before it begins"),
    "blackout day": ("rollout: {blackouts: [{from: 2026-12-24, to: 2026-13-01}]}\n", "blackouts", "no day"),
    "blackout without end": ("rollout: {blackouts: [{from: 2026-12-24}]}\n", "blackouts", "'to' is missing"),
    "limit zero": ("rollout: {maxInFlight: {fleet: 0}}\n", "maxInFlight.fleet", "not between 1"),
    "percent": ("rollout: {stopOn: {percent: 101}}\n", "stopOn.percent", "at most 100"),
    "unknown setting": (
        "profiles: {p: {settings: {enableTrainig: true}}}\n",
        "policy.yaml:2 profiles.p.settings.enableTrainig",
        "enableTraining",
    ),
    "value not documented": (
        "profiles: {p: {settings: {inferenceRouterServiceType: Ingress}}}\n",
        "profiles.p.settings.inferenceRouterServiceType",
        "'Ingress'",
    ),
    "auto where it cannot be": (
        "profiles: {p: {settings: {enableTraining: auto}}}\n",
        "profiles.p.settings.enableTraining",
        "'auto'",
    ),
    "same setting twice": (
        "profiles: {p: {settings: {enableTraining: true, ENABLETRAINING: true}}}\n",
        "profiles.p.settings.ENABLETRAINING",
        "stands twice",
    ),
    "secret": ("profiles: {p: {settings: {sslKeyPemFile: a.pem}}}\n", "profiles.p.settings", "is a secret"),
    "setting a list": ("profiles: {p: {settings: {sslCname: [a]}}}\n", "profiles.p.settings.sslCname", "one word"),
    "template": (
        'profiles: {p: {settings: {sslCname: "{cluster.nam}"}}}\n',
        "profiles.p.settings.sslCname",
        "did you mean 'cluster.name'?",
    ),
    "template without cluster": (
        'profiles: {p: {settings: {sslCname: "{name}.x"}}}\n',
        "profiles.p.settings.sslCname",
        "did you mean 'cluster.name'?",
    ),
    "tag template without pattern": (
        'profiles: {p: {settings: {sslCname: "{tags.team}.x"}}}\n',
        "profiles.p.settings.sslCname",
        "must list a pattern",
    ),
    "tag template in tls": (
        'profiles: {p: {tls: {secret: "{tags.team}"}, tagPatterns: {team: "[a-z]+"}}}\n',
        "profiles.p.tls.secret",
        "a tag may not be read here",
    ),
    "pattern": ('profiles: {p: {tagPatterns: {team: "["}}}\n', "profiles.p.tagPatterns.team", "regular expression"),
    "secret name": ("profiles: {p: {tls: {secret: A_B}}}\n", "profiles.p.tls.secret", "Kubernetes secret's name"),
    "secret twice": (
        "profiles: {p: {tls: {secret: a}, settings: {sslSecret: b}}}\n",
        "profiles.p.tls.secret",
        "stands twice",
    ),
    "certificate address": (
        "profiles: {p: {tls: {keyVaultCertificate: ml}}}\n",
        "profiles.p.tls.keyVaultCertificate",
        "write the address of a certificate",
    ),
    "tag template in a certificate's address": (
        (
            "profiles: {p: {tls: {keyVaultCertificate: 'https://v.example/certificates/{tags.team}'}, "
            'tagPatterns: {team: "[a-z]+"}}}\n'
        ),
        "profiles.p.tls.keyVaultCertificate",
        "a tag may not be read here",
    ),
    "unknown check": ("preflight: {severities: {service-principle: warn}}\n", "preflight.severities", "did you mean"),
    "raised check": (
        "preflight: {severities: {outbound-network: block}}\n",
        "preflight.severities.outbound-network",
        "may be lowered, not raised",
    ),
    "check that may not be lowered": (
        "preflight: {severities: {service-principal: warn}}\n",
        "preflight.severities.service-principal",
        "no lower than block",
    ),
    "kubeconfig without a vault": (
        "verification: {arc: {kubeconfigSecret: kubeconfig.yaml}}\n",
        "verification.arc.kubeconfigSecret",
        "is not a valid kubeconfigSecret",
    ),
    "tag template in a kubeconfig's address": (
        "verification: {arc: {kubeconfigSecret: 'https://v.example/secrets/{tags.x}'}}\n",
        "verification.arc",
        "a tag may not be read here",
    ),
    "access": ("verification: {aks: root}\n", "verification.aks", "is not one of"),
    "pinned without version": ("profiles: {p: {upgrades: {mode: pinned}}}\n", "profiles.p.upgrades", "needs a version"),
    "extends unknown": ("profiles: {p: {extends: q}}\n", "policy.yaml:2 profiles.p", "there is not"),
    "extends circle": (
        "profiles:\n  a: {extends: b}\n  b: {extends: a}\n",
        "policy.yaml:3 profiles.a",
        "extends goes in a circle: a -> b -> a",
    ),
    "rule without profile": (f"{P}rules: [{{name: r}}]\n", "policy.yaml:3 rules[0]", "either a profile or"),
    "rule with unknown profile": (
        "profiles: {train: {}}\nrules: [{name: r, profile: tran}]\n",
        "policy.yaml:3 rules[0].profile",
        "did you mean 'train'?",
    ),
    "rule without name": (f"{P}rules: [{{profile: p}}]\n", "policy.yaml:3 rules[0]", "'name' is missing"),
    "two rules of a name": (
        f"{P}rules:\n  - {{name: r, profile: p, match: {{kind: aks}}}}\n  - {{name: r, profile: p}}\n",
        "policy.yaml:5 rules[1]",
        "two rules named 'r'",
    ),
    "rule never reached": (
        f"{P}rules:\n  - {{name: all, profile: p}}\n  - {{name: r, profile: p, match: {{kind: aks}}}}\n",
        "policy.yaml:5 rules[1]",
        "never reached: 'all' before it always wins",
    ),
    "rule repeated": (
        (
            f"{P}rules:\n  - {{name: a, profile: p, match: {{kind: aks}}}}\n"
            "  - {name: b, profile: p, match: {kind: aks}}\n"
        ),
        "policy.yaml:5 rules[1]",
        "never reached: 'a' before it always wins",
    ),
    "profileFromTag without profile": (f"{P}rules: [{{name: r, profileFromTag: x}}]\n", "rules[0]", "there is none"),
    "kind": (rule("match: {kind: ask}"), "policy.yaml:4 rules[0].match.kind", "did you mean 'aks'?"),
    "match key": (rule("match: {region: x}"), "rules[0].match.region", "did you mean 'regions'?"),
    "empty match": (rule("match: {}"), "rules[0].match", "nothing is asked here"),
    "unquoted glob": (rule("match: {tags: {env: pr*}}"), "rules[0].match.tags.env", "write a glob in quotes"),
    "empty list": (rule("match: {tags: {env: []}}"), "rules[0].match.tags.env", "matches nothing"),
    "subscription": (rule("match: {subscriptions: [prod]}"), "rules[0].match.subscriptions", "subscription's id"),
    "nested not": (rule("match: {not: {not: {kind: aks}}}"), "rules[0].match.not.not", "says nothing"),
    "cel": (rule("when: 'cluster.nodes >'"), "policy.yaml:4 rules[0].when", "this is not CEL at column"),
    "cel fact": (rule("when: cluster.node > 3"), "rules[0].when", "did you mean 'nodes'?"),
    "guardrail empty": ("guardrails: [{name: g}]\n", "policy.yaml:2 guardrails[0]", "forbidSettings, requireSettings"),
    "guardrail setting": (
        "guardrails: [{name: g, forbidSettings: {alowInsecureConnections: true}}]\n",
        "guardrails[0].forbidSettings.alowInsecureConnections",
        "allowInsecureConnections",
    ),
    "exception without end": (
        f"exceptions: [{{cluster: {CLUSTER}, owner: a, exempt: true}}]\n",
        "policy.yaml:2 exceptions[0]",
        "every exception ends",
    ),
    "exception without owner": (
        f"exceptions: [{{cluster: {CLUSTER}, until: 2026-12-31, exempt: true}}]\n",
        "policy.yaml:2 exceptions[0]",
        "'owner' is missing",
    ),
    "exception without offset": (
        f"exceptions: [{{cluster: {CLUSTER}, owner: a, until: '2026-12-31T00:00:00', exempt: true}}]\n",
        "exceptions[0].until",
        "date-time with offset",
    ),
    "exception of nothing": (
        f"exceptions: [{{cluster: {CLUSTER}, owner: a, until: 2026-12-31}}]\n",
        "exceptions[0]",
        "either settings or exempt",
    ),
    "exception cluster": (
        "exceptions: [{cluster: c, owner: a, until: 2026-12-31, exempt: true}]\n",
        "exceptions[0].cluster",
        "not the ARM id",
    ),
    "override allow": (
        "tagOverrides: {allow: [installDcgm]}\n",
        "tagOverrides.allow[0]",
        "installDcgmExporter",
    ),
    "override allow glob": ("tagOverrides: {allow: [nodeSelector.*]}\n", "tagOverrides.allow[0]", "in quotes"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_every_mistake_is_found_where_it_stands(case):
    """A finding names file, line and key path, says what is wrong, and proposes the nearest valid word."""
    text, where, message = MISTAKES[case]

    with pytest.raises(PolicyError) as caught:
        policy(text)

    assert any(where in found.where and message in found.message for found in caught.value.findings), [
        str(found) for found in caught.value.findings
    ]


def test_all_mistakes_come_at_once():
    """The author sees every finding of every part, not only the first."""
    with pytest.raises(PolicyError) as caught:
        policy("select: {tga: x}\nadoption: {mode: keep}\nrules: [{name: r}]\n")

    assert {found.where.split(":")[1].split()[0] for found in caught.value.findings} == {"2", "3", "4"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the policy is empty"),
        ("# nothing\n", "the policy is empty"),
        ("select: {tag: x}\n", "'version' is missing"),
        ("version: 2\n", "reads version: 1, not '2'"),
        ("version: '1'\n", "reads version: 1"),
        ("- a\n", "a policy is a mapping of keys"),
        ("%YAML 1.1\n---\nversion: 1\n", "policies are YAML 1.2"),
        ("version: 1\nrollout: {rings: " + "[" * 30 + "]" * 30 + "}\n", "more than 20 levels"),
        ("version: 1\n# " + "x" * 1024 * 1024, "bigger than 1024 KiB"),
    ],
)
def test_documents_that_are_no_policy_are_refused(text, message):
    """Version, shape and size are checked before anything else, with a message for people."""
    with pytest.raises(PolicyError) as caught:
        parse_policy([PolicyText("policy.yaml", text)])

    assert message in str(caught.value)


def test_the_smallest_policy_has_the_designs_defaults():
    """Without a word the documented defaults hold."""
    found = policy("")

    assert found == Policy(digest=found.digest, texts=found.texts)
    assert found.select_tag == "aml-onboard"
    assert found.adoption is AdoptionMode.BASELINE
    assert found.enforcement == EnforcementTable()
    assert found.enforcement.update_disruptive is Enforcement.APPROVE
    assert found.timing.unavailable_max == 2 * found.timing.follow_up
    assert found.max_attempts == 5
    assert found.attempts == {FailureClass.TRANSIENT: 10, FailureClass.PERMANENT: 1}


def test_values_stay_as_they_were_written():
    """Booleans and numbers become text exactly as written; quoted ones may be anything."""
    found = policy(
        'profiles: {p: {settings: {enableTraining: True, "nodeSelector.a": 1.10, "nodeSelector.b": "yes", '
        "installPromOp: AUTO}}}\n"
    )

    assert dict(found.profiles["p"].settings) == {
        "enableTraining": "True",
        "nodeSelector.a": "1.10",
        "nodeSelector.b": "yes",
        "installPromOp": "auto",
    }


def test_a_misspelt_case_is_put_right_with_a_warning():
    """`InferenceRouterHA`, as the extension's documentation once had it, is sent right."""
    found = policy("profiles: {p: {settings: {InferenceRouterHA: false}}}\n")

    assert dict(found.profiles["p"].settings) == {"inferenceRouterHA": "false"}
    assert "policy.yaml:2 profiles.p.settings.InferenceRouterHA" in found.warnings[0].where


def test_a_child_overrides_its_parents_and_each_key_knows_whose_it_is():
    """A profile is merged from the farthest parent; origins name the profile that wrote the value."""
    found = policy(
        "profiles:\n"
        "  c: {extends: b, settings: {installPromOp: false}}\n"
        "  b: {extends: a, settings: {enableInference: true}, upgrades: {mode: pinned, version: 1.1.79}}\n"
        "  a: {settings: {enableTraining: true, installPromOp: true}, tls: {secret: s}}\n"
    ).profiles["c"]

    assert found.chain == ("a", "b", "c")
    assert dict(found.settings) == {
        "enableTraining": "true",
        "installPromOp": "false",
        "sslSecret": "s",
        "enableInference": "true",
    }
    assert {key: str(origin) for key, origin in found.origins.items()} == {
        "enableTraining": "profile:a",
        "installPromOp": "profile:c",
        "sslSecret": "profile:a",
        "enableInference": "profile:b",
    }
    assert found.upgrades is not None
    assert found.upgrades.version == "1.1.79"


def test_checks_may_be_lowered_and_clusters_looked_into():
    """`preflight` and `verification` land in their own fields; without them nothing is looked into."""
    found = policy(
        'preflight: {severities: {local-accounts: warn, pod-identity: "off"}, registerProviders: true}\n'
        "verification:\n"
        "  aks: user\n"
        "  arc: {kubeconfigSecret: 'https://v.example/secrets/{cluster.name}-kubeconfig'}\n"
        "  require: components\n"
        "remediation: {timing: {verifyGrace: 3m}}\n"
    )

    assert found.preflight.severities == {"local-accounts": Severity.WARN, "pod-identity": Severity.OFF}
    assert found.preflight.register_providers
    assert found.verification.aks is AksAccess.USER
    assert found.verification.arc_kubeconfig == "https://v.example/secrets/{cluster.name}-kubeconfig"
    assert found.verification.require is Depth.COMPONENTS
    assert found.timing.verify_grace == timedelta(minutes=3)
    assert policy("").verification.aks is AksAccess.NONE


@pytest.mark.parametrize("mode", ["patch", "compatible"])
def test_upgrades_may_be_bounded(mode):
    """Patch and compatible upgrades are words of the API; they name no version."""
    found = policy(f"profiles: {{p: {{upgrades: {{mode: {mode}}}}}}}\n")

    assert found.profiles["p"].upgrades == Upgrades(UpgradeMode(mode))


def test_a_certificate_may_come_from_key_vault():
    """A certificate or a secret, with the cluster's facts in its name; a child may name a secret of the cluster."""
    found = policy(
        "profiles:\n"
        "  a: {tls: {keyVaultCertificate: 'https://v.example/certificates/c'}}\n"
        "  b: {extends: a, tls: {secret: s}}\n"
        "  c: {tls: {keyVaultCertificate: 'https://v.example:8443/secrets/ml-{cluster.name}'}}\n"
        "rules: [{name: r, match: {kind: arc}, profile: b}, {name: s, profile: a}]\n"
    )

    assert found.profiles["a"].key_vault_certificate == "https://v.example/certificates/c"
    assert found.profiles["b"].key_vault_certificate is None
    assert found.profiles["b"].settings["sslSecret"] == "s"
    assert found.profiles["c"].key_vault_certificate == "https://v.example:8443/secrets/ml-{cluster.name}"


def test_timing_and_enforcement_are_read():
    """Every duration and word lands in its own field."""
    found = policy(
        "enforcement: {install: report, driftDisruptive: never}\n"
        "remediation:\n"
        "  timing: {followUp: 3s, secondLook: 4m, backoffFirst: 5s, backoffFactor: 1.5, backoffMax: 6h,\n"
        "           stuckAfter: 7m, stuckAfterArc: 3d, reinstallPause: 11s, verifyEvery: 8d, factsWait: 9s}\n"
        "  maxAttempts: 7\n"
        "  attempts: {operator: 2, transient: 20}\n"
        "pause: {max: 2d}\n"
    )

    assert found.enforcement == EnforcementTable(install=Enforcement.REPORT, drift_disruptive=Enforcement.NEVER)
    assert found.timing == Timing(
        follow_up=timedelta(seconds=3),
        second_look=timedelta(minutes=4),
        backoff_first=timedelta(seconds=5),
        backoff_factor=1.5,
        backoff_max=timedelta(hours=6),
        stuck_after=timedelta(minutes=7),
        stuck_after_arc=timedelta(days=3),
        reinstall_pause=timedelta(seconds=11),
        verify_every=timedelta(days=8),
        facts_wait=timedelta(seconds=9),
        unavailable_max=timedelta(seconds=6),
    )
    assert found.max_attempts == 7
    # Classes without a word of their own follow maxAttempts, but for what fails again anyway.
    assert {klass.value: count for klass, count in found.attempts.items()} == {
        "transient": 20,
        "wait": 7,
        "permanent": 1,
        "operator": 2,
        "unknown": 7,
    }
    assert found.pause_max == timedelta(days=2)


def test_documents_are_joined_in_the_order_of_files(tmp_path: Path):
    """A directory is one policy: lists in file order, other files left out, several documents per file."""
    (tmp_path / "20-rules.yml").write_text("rules: [{name: second, profile: b}]\n")
    (tmp_path / "10-base.yaml").write_text(
        "version: 1\nprofiles: {a: {}}\nrules: [{name: first, match: {kind: aks}, profile: a}]\n"
        "---\nprofiles: {b: {}}\n"
    )
    (tmp_path / "notes.txt").write_text("not a policy")
    found = parse_policy(read_policy(tmp_path), generation=4)

    assert [text.name for text in found.texts] == ["10-base.yaml", "20-rules.yml"]
    assert [each.name for each in found.rules] == ["first", "second"]
    assert list(found.profiles) == ["a", "b"]
    assert found.generation == 4


def test_what_may_stand_once_is_refused_in_a_second_file():
    """Two files that both name the select tag, or the same profile, contradict each other."""
    texts = [
        PolicyText("a.yaml", "version: 1\nselect: {tag: x}\nprofiles: {p: {}}\n"),
        PolicyText("b.yaml", "select: {tag: z}\nprofiles: {p: {}}\n"),
    ]

    with pytest.raises(PolicyError) as caught:
        parse_policy(texts)

    assert [str(found) for found in caught.value.findings] == [
        "b.yaml:1 select: 'select' may stand once; it is also at a.yaml:2",
        "b.yaml:2 profiles.p: 'p' stands twice; it is also at a.yaml:3",
    ]


def test_the_digest_tells_every_text_apart():
    """Same texts, same digest; anything moved between name and text changes it."""
    one = [PolicyText("a", "bc")]

    assert policy_digest(one) == policy_digest([PolicyText("a", "bc")])
    assert policy_digest(one) != policy_digest([PolicyText("ab", "c")])
    assert policy_digest(one) != policy_digest([PolicyText("a", "b"), PolicyText("", "c")])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "cannot be read"),
        (lambda path: path.mkdir(), "there is no *.yaml"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8"),
        (lambda path: path.write_bytes(b"#" * (1024 * 1024 + 1)), "bigger than"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, make, message):
    """A missing, empty, binary or huge file is a finding with its path, never a stack trace."""
    path = tmp_path / "policy.yaml"
    make(path)

    with pytest.raises(PolicyError) as caught:
        read_policy(path)

    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_policy_with_every_block_is_valid():
    """Every block of the reference may stand together, and nothing is told about it."""
    found = parse_policy(read_policy(Path(__file__).parents[2] / "data" / "policy" / "complete.yaml"))

    assert found.profiles["gpu-training"].settings["installDcgmExporter"] == "auto"
    assert [str(pattern) for pattern in found.overrides.allow] == ["installDcgmExporter", "nodeSelector.*"]
    assert [ring.name for ring in found.rollout.rings] == ["canary", "rest"]
    assert found.warnings == ()
