"""The policy file as a JSON Schema: for editors, and for the reference that is made from it.

The schema says what an editor can know from one file: keys, kinds of values, words. What hangs together (the profile of
a rule exists, an expression is CEL) the reader says (`muster lint`). A test has the reader's keys and these agree.
"""

from collections.abc import Mapping

from shared.azureml.failures import FailureClass
from shared.azureml.preflight import CHECKS
from shared.azureml.preflight.question import Check
from shared.azureml.settings import SETTINGS, Setting, ValueType
from shared.model.check import Severity
from shared.model.identity import Kind
from shared.policy.json_schema import (
    SCALAR,
    Schema,
    address,
    count,
    duration,
    flag,
    items,
    mapping,
    named,
    percent,
    some,
    text,
    word,
)
from shared.policy.model import AdoptionMode, AksAccess, Depth, Enforcement, LookFirst, Policy, UpgradeMode
from shared.policy.operation import EXTENSION_NAME, MOST_ATTEMPTS, RELEASE_TRAIN, TAG_NAME
from shared.policy.phasing import DAY, MOST, TIME_ZONE
from shared.policy.profiles import NAME, VERSION
from shared.policy.rollout import Breaker, StopOn
from shared.policy.words import listed

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema() -> Schema:
    """The schema of one file of a policy."""
    return {
        "$schema": DIALECT,
        "title": "Muster policy",
        "description": "Which clusters get the Azure Machine Learning extension, how, and what may happen by itself.",
        **mapping(_TOP),
        "$defs": {"match": _match(inside=False), "matchOfNot": _match(inside=True), "window": _WINDOW},
    }


def _match(*, inside: bool) -> Schema:
    keys: dict[str, Schema] = {
        "kind": some("Kind of cluster.", of={"enum": [kind.value for kind in Kind]}),
        "tags": named("Tags: name and value, a list of values, or quoted globs.", some("Values of which one fits.")),
        "tagPresent": some("A tag that is set, or several of which one is."),
        "gpu": {
            "type": "boolean",
            "description": "On AKS the sizes of the node pools tell, on Arc the tag aml-gpu. Not known is neither.",
        },
        "regions": some("Azure regions; West Europe and westeurope are one."),
        "subscriptions": some("Ids of subscriptions, or quoted globs."),
        "managementGroups": some("Names of management groups at any level above the subscription."),
        "resourceGroups": some("Names of resource groups."),
        "distribution": some("aks, openshift, k3s, ..."),
        "names": some("Names of clusters."),
        "ignoreCase": flag("Compare the values of tags without case, here.", default=False),
    }
    if not inside:
        keys["not"] = {"$ref": "#/$defs/matchOfNot", "description": "Holds where these do not all hold."}
    about = "Questions about a cluster: keys are joined by AND, lists by OR. Nothing asked is refused."
    return mapping(keys, about=about) | {"minProperties": 1}


def _setting_values() -> dict[str, Schema]:
    return {
        setting.name: {"type": SCALAR, "description": _of_setting(setting)}
        for setting in SETTINGS
        if not (setting.derived or setting.protected or setting.family)
    }


def _of_setting(setting: Setting) -> str:
    words = listed([word.lower() if setting.type is ValueType.BOOLEAN else word for word in setting.allowed])
    return " ".join(
        [setting.description, *([f"One of {words}{', or auto' if setting.auto else ''}."] if words else [])]
    )


def _settings(about: str) -> Schema:
    # A wrong letter case is put right with a warning, and families such as nodeSelector.<label> have no end.
    return {
        "type": "object",
        "properties": _setting_values(),
        "additionalProperties": {"type": SCALAR},
        "description": about,
    }


def _lowered(check: Check) -> list[Severity]:
    """What a policy may say of a check: as it is, or lower, down to its lowest."""
    words = list(Severity)
    return words[words.index(check.severity) : words.index(check.lowest) + 1]


def _count(about: str, default: int | None = None) -> Schema:
    return count(about, default, most=MOST)


_POLICY = Policy(digest="")
_EXTENSION, _TAGS, _ENFORCEMENT = _POLICY.extension, _POLICY.tags, _POLICY.enforcement
_TIMING, _LOOKING = _POLICY.timing, _POLICY.verification
_MATCH: Schema = {"$ref": "#/$defs/match"}
_ZONE = text("Time zone of the IANA database.", TIME_ZONE, "UTC", "Europe/Vienna")
_WINDOW = mapping(
    {
        "cron": text("When it opens: five fields, in the wall time of the zone.", example="0 22 * * 1-5"),
        "duration": duration("How long it stays open; at most 7d."),
        "timeZone": _ZONE,
    },
    required=("cron", "duration"),
    about="A time in which the policy's changes and disruptive writes may go out.",
)
_PROFILE = mapping(
    {
        "description": text("For the reader."),
        "extends": text("One parent: its settings are taken, the profile's own go before them.", NAME),
        "selectableByTag": flag("Whether a rule's profileFromTag may choose it. Not inherited.", default=False),
        "settings": _settings("Settings of the extension by their documented names. Secrets are refused."),
        "tagPatterns": named(
            "For each tag that a setting reads as {tags.x}: what its whole value must match.",
            text("A regular expression."),
        ),
        "tls": mapping(
            {
                "secret": text("Kubernetes secret in namespace azureml with cert.pem and key.pem."),
                "keyVaultCertificate": address(
                    "Certificate or secret in Key Vault, with its chain and key; fetched when it is sent, never kept.",
                    "https://",
                    "https://<vault>.vault.azure.net/certificates/<name>",
                ),
            },
            about="What the endpoints serve by HTTPS: one of the two.",
        ),
        "upgrades": mapping(
            {
                "mode": word("How far the service may upgrade by itself.", UpgradeMode),
                "version": text("The version that mode pinned needs.", VERSION, example="1.1.79"),
            },
            required=("mode",),
            about="Versions of the extension.",
        ),
    },
    about="A named set of settings.",
)
_RULE = mapping(
    {
        "name": text("Required, once in the policy.", NAME),
        "description": text("For the reader."),
        "match": _MATCH,
        "when": text("An expression in CEL over cluster; at most 500 characters.", example="cluster.nodes >= 3"),
        "profile": text("The profile that it gives."),
        "profileFromTag": text("Instead: the tag that names the profile."),
    },
    required=("name",),
    about="The first rule that holds wins. One that depends on what is not known holds the cluster.",
)
_EXCEPTION = mapping(
    {
        "cluster": address("The cluster's ARM id.", "/"),
        "settings": _settings("Settings that replace those of the profile."),
        "exempt": flag("In place of settings: the cluster is left alone.", default=False),
        "until": text("A date, or a date-time with offset: every exception ends."),
        "owner": text("Who answers for it."),
        "ticket": text("Where it was agreed on."),
    },
    required=("cluster", "until", "owner"),
    about="Other settings for one cluster, for a time.",
)
_GUARDRAIL = mapping(
    {
        "name": text("Required, once in the policy.", NAME),
        "description": text("For the reader."),
        "match": _MATCH | {"description": "Its clusters; without it all. What is not known counts as inside."},
        "except": _MATCH | {"description": "For which it does not count."},
        "forbidSettings": named("Settings that are never sent: name (or glob) and values.", some("Values.")),
        "requireSettings": named("Settings that are always sent so: name and values.", some("Values.")),
    },
    required=("name",),
    about="What is never sent, whoever asked; checked on what is finally sent.",
)
_RING = mapping(
    {
        "name": text("Required, once.", NAME),
        "match": _MATCH | {"description": "Its clusters; without it all that no earlier ring has."},
        "soak": duration("How long it stays as it is, once it is done, before the next begins."),
        "approval": flag("Whether a person has to approve the next ring.", default=False),
        "windows": items("In place of the general ones.", {"$ref": "#/$defs/window"}),
    },
    required=("name",),
    about="A cluster is in the first ring that matches.",
)
_ACTIONS: Mapping[str, tuple[str, str]] = {
    "install": ("install", "Installing what is missing."),
    "repair": ("repair", "Trying a failed installation again."),
    "updateSafe": ("update_safe", "A change of the policy that does not touch running work."),
    "updateDisruptive": ("update_disruptive", "A change of the policy that does."),
    "driftSafe": ("drift_safe", "Undoing somebody else's change that does not touch running work."),
    "driftDisruptive": ("drift_disruptive", "Undoing one that does."),
    "reinstallNeverSucceeded": (
        "reinstall_never_succeeded",
        "Removing and installing again what certainly never worked, where sending it again did not help.",
    ),
    "reinstall": ("reinstall", "The same for what worked, or may have; act is taken as approve."),
    "remove": ("remove", "Removing."),
}
_TIMES: Mapping[str, tuple[str, str]] = {
    "followUp": ("follow_up", "Between looks while an operation runs."),
    "secondLook": ("second_look", "One more look after an event that selected nothing, since tags may lag."),
    "backoffFirst": ("backoff_first", "The first pause between repairs."),
    "backoffMax": ("backoff_max", "The longest pause between repairs."),
    "stuckAfter": ("stuck_after", "An operation that runs longer is stuck: looked at seldom, and told."),
    "stuckAfterArc": ("stuck_after_arc", "The same on an Arc cluster whose agents are not connected."),
    "reinstallPause": ("reinstall_pause", "Between the halves of a reinstall, where nobody may look inside."),
    "verifyEvery": ("verify_every", "How often a converged cluster is verified."),
    "verifyGrace": ("verify_grace", "How long components may be unready before the cluster is Degraded."),
    "factsWait": ("facts_wait", "How long facts that were not reported are waited for."),
}
_ROLLOUT = mapping(
    {
        "rings": items("Changes of the policy go from ring to ring.", _RING),
        "windows": items("When changes may go out; always where none is given.", {"$ref": "#/$defs/window"}),
        "blackouts": items(
            "Days on which no window is open.",
            mapping(
                {
                    "from": text("The first day.", DAY),
                    "to": text("The last day.", DAY),
                    "timeZone": _ZONE,
                    "reason": text("Told with the hold."),
                },
                required=("from", "to"),
            ),
        ),
        "maxInFlight": mapping(
            {
                "fleet": _count("In the fleet."),
                "subscription": _count("In one subscription."),
                "region": _count("In one region."),
            },
            about="Operations under way.",
        ),
        "stopOn": mapping(
            {
                "failures": _count("So many failed updates in one ring stop the rollout in all."),
                "percent": percent("Or this share of those that ended."),
                "minimumSample": _count("From so many ended on.", StopOn().minimum_sample),
            },
            about="When a rollout stops.",
        ),
        "newClusters": mapping(
            {
                "perHour": _count("Clusters that get the extension for the first time within an hour."),
                "massSelection": _count("More than this waiting at once wait for the approval mass-selection."),
            },
            about="Clusters that are new.",
        ),
        "blastRadius": mapping(
            {"writesPerDay": _count("Writes."), "disruptivePerDay": _count("Disruptive ones of them.")},
            about="By the day in UTC.",
        ),
        "breaker": mapping(
            {
                "percent": percent("The share of managed clusters that shows one class of failure."),
                "minimumSample": _count("From so many managed clusters on.", Breaker().minimum_sample),
            },
            about="Suspends automatic repair of that class until half of the share is left.",
        ),
        "policyChange": mapping(
            {"clusters": _count("One that changes more installed clusters, or one disruptively, is approved first.")},
            about="The bound of the policy in force counts.",
        ),
    },
    about="How changes of the policy reach the fleet, and how much may happen at once. Nothing is limited without it.",
)
_TOP: Mapping[str, Schema] = {
    "version": {"const": 1, "description": "1; in one file of the policy."},
    "workspace": address("ARM id of the workspace; makes the check of subscriptions possible.", "/"),
    "extension": mapping(
        {
            "name": text("Of new installations.", EXTENSION_NAME, _EXTENSION.name),
            "releaseTrain": text("Release train.", RELEASE_TRAIN, _EXTENSION.release_train),
            "autoUpgradeMinorVersion": flag("Whether the service upgrades minor versions by itself.", default=True),
        },
        about="How new installations are named and kept up to date.",
    ),
    "select": mapping({"tag": text("The tag that selects clusters.", TAG_NAME, _POLICY.select_tag)}),
    "tags": mapping(
        {
            "gpu": text("Says whether an Arc cluster has GPUs.", TAG_NAME, _TAGS.gpu),
            "pauseUntil": text("Nothing is written before.", TAG_NAME, _TAGS.pause_until),
            "pauseReason": text("Why.", TAG_NAME, _TAGS.pause_reason),
            "ring": text("Moves a cluster to a later ring.", TAG_NAME, _TAGS.ring),
            "owner": text("Whom to tell.", TAG_NAME, _TAGS.owner),
        },
        about="Names of the tags that owners may set.",
    ),
    "profiles": named("Sets of settings by name.", _PROFILE),
    "rules": items("Which cluster gets which profile.", _RULE),
    "noRuleMatched": {
        "enum": ["hold", "ignore"],
        "default": "hold",
        "description": "A selected cluster that no rule matches: waits for a person, or is left alone.",
    },
    "tagOverrides": mapping(
        {
            "prefix": text("How such tags begin.", TAG_NAME, _POLICY.overrides.prefix),
            "allow": items("Settings, or quoted globs over them.", {"type": "string"}),
        },
        about="Which settings a tag may override; none without it.",
    ),
    "exceptions": items("Exceptions, each with an end and an owner.", _EXCEPTION),
    "guardrails": items("Guardrails.", _GUARDRAIL),
    "enforcement": mapping(
        {key: word(about, Enforcement, getattr(_ENFORCEMENT, field)) for key, (field, about) in _ACTIONS.items()},
        about="What each action may do by itself.",
    ),
    "adoption": mapping(
        {"mode": word("What happens to what somebody else installed.", AdoptionMode, _POLICY.adoption)}
    ),
    "pause": mapping({"max": duration("How far ahead a pause by tag may reach.", _POLICY.pause_max)}),
    "preflight": mapping(
        {
            "severities": mapping(
                {check.id: word(f"By itself {check.severity.value}.", _lowered(check)) for check in CHECKS},
                about="Checks that are lowered.",
            ),
            "registerProviders": flag("Whether a missing resource provider may be registered.", default=False),
        },
        about="What is checked before anything is sent.",
    ),
    "verification": mapping(
        {
            "aks": word("How AKS clusters are looked into.", AksAccess, _LOOKING.aks),
            "arc": mapping(
                {"kubeconfigSecret": address("Key Vault secret with the cluster's kubeconfig.", "https://")},
                required=("kubeconfigSecret",),
            ),
            "require": word("What compliance asks for.", Depth, _LOOKING.require),
            "lookFirst": word("Which installations look into their cluster first.", LookFirst, _LOOKING.look_first),
        },
        about="How clusters are looked into.",
    ),
    "remediation": mapping(
        {
            "maxAttempts": count("Failures in a row before quarantine.", _POLICY.max_attempts, most=MOST_ATTEMPTS),
            "attempts": mapping(
                {each.value: count(f"The same for class {each.value}.", most=MOST_ATTEMPTS) for each in FailureClass},
                about="By class of failure; transient is 10 and permanent 1 where they are not given.",
            ),
            "timing": mapping(
                {
                    **{key: duration(about, getattr(_TIMING, field)) for key, (field, about) in _TIMES.items()},
                    "unavailableMax": duration(
                        "The longest pause while Azure does not answer; by default twice followUp."
                    ),
                    "backoffFactor": {
                        "type": "number",
                        "minimum": 1,
                        "default": _TIMING.backoff_factor,
                        "description": "How pauses grow.",
                    },
                },
                about="Times.",
            ),
        },
        about="Times, and how often a repair is tried.",
    ),
    "rollout": _ROLLOUT,
}
