"""The policy file as a JSON Schema: for editors, and for the reference that is made from it.

The schema says what an editor can know from one file: keys, kinds of values, words. What hangs together (the profile of
a rule exists, an expression is CEL) the reader says (`muster lint`). A test has the reader's keys and these agree.
"""

from collections.abc import Mapping

from shared.azureml.preflight import CHECKS
from shared.azureml.settings import SETTINGS, Setting, ValueType
from shared.model.check import Severity
from shared.model.identity import Kind
from shared.policy.json_schema import (
    SCALAR,
    Schema,
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
from shared.policy.model import AdoptionMode, AksAccess, Depth, Enforcement, EnforcementTable, LookFirst, UpgradeMode
from shared.policy.words import listed

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$"


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


_MATCH: Schema = {"$ref": "#/$defs/match"}
_ZONE = text("Time zone of the IANA database.", r"^[A-Za-z0-9_+\-/]+$", "UTC", "Europe/Vienna")
_WINDOW = mapping(
    {
        "cron": text("When it opens: five fields, in the wall time of the zone.", example="0 22 * * 1-5"),
        "duration": duration("How long it stays open; at most 7d."),
        "timeZone": _ZONE,
    },
    required=("cron", "duration"),
    about="A time in which the policy's changes and disruptive writes may go out.",
)
_TAG = r"^[^<>%&\\?/]{1,512}$"
_PROFILE = mapping(
    {
        "description": text("For the reader."),
        "extends": text("One parent: its settings are taken, the profile's own go before them.", _NAME),
        "selectableByTag": flag("Whether a rule's profileFromTag may choose it. Not inherited.", default=False),
        "settings": _settings("Settings of the extension by their documented names. Secrets are refused."),
        "tagPatterns": named(
            "For each tag that a setting reads as {tags.x}: what its whole value must match.",
            text("A regular expression."),
        ),
        "tls": mapping(
            {
                "secret": text("Kubernetes secret in namespace azureml with cert.pem and key.pem."),
                "keyVaultCertificate": text(
                    "Certificate or secret in Key Vault, with its chain and key; fetched when it is sent, never kept.",
                    r"^https://",
                    example="https://<vault>.vault.azure.net/certificates/<name>",
                ),
            },
            about="What the endpoints serve by HTTPS: one of the two.",
        ),
        "upgrades": mapping(
            {
                "mode": word("How far the service may upgrade by itself.", UpgradeMode),
                "version": text("The version that mode pinned needs.", r"^\d+\.\d+\.\d+([-+.].+)?$", example="1.1.79"),
            },
            required=("mode",),
            about="Versions of the extension.",
        ),
    },
    about="A named set of settings.",
)
_RULE = mapping(
    {
        "name": text("Required, once in the policy.", _NAME),
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
        "cluster": text("The cluster's ARM id.", r"^/subscriptions/"),
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
        "name": text("Required, once in the policy.", _NAME),
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
        "name": text("Required, once.", _NAME),
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
    "followUp": ("30s", "Between looks while an operation runs."),
    "secondLook": ("2m", "One more look after an event that selected nothing, since tags may lag."),
    "backoffFirst": ("1m", "The first pause between repairs."),
    "backoffMax": ("6h", "The longest pause between repairs."),
    "stuckAfter": ("45m", "An operation that runs longer is stuck: looked at seldom, and told."),
    "stuckAfterArc": ("48h", "The same on an Arc cluster whose agents are not connected."),
    "reinstallPause": ("10m", "Between the halves of a reinstall, where nobody may look inside."),
    "verifyEvery": ("24h", "How often a converged cluster is verified."),
    "verifyGrace": ("10m", "How long components may be unready before the cluster is Degraded."),
    "factsWait": ("15m", "How long facts that were not reported are waited for."),
    "unavailableMax": ("", "The longest pause between looks while Azure does not answer; by default twice followUp."),
}
_CLASSES: Mapping[str, int] = {"transient": 10, "wait": 5, "permanent": 1, "operator": 5, "unknown": 5}
_ROLLOUT = mapping(
    {
        "rings": items("Changes of the policy go from ring to ring.", _RING),
        "windows": items("When changes may go out; always where none is given.", {"$ref": "#/$defs/window"}),
        "blackouts": items(
            "Days on which no window is open.",
            mapping(
                {
                    "from": text("The first day.", r"^\d{4}-\d\d-\d\d$"),
                    "to": text("The last day.", r"^\d{4}-\d\d-\d\d$"),
                    "timeZone": _ZONE,
                    "reason": text("Told with the hold."),
                },
                required=("from", "to"),
            ),
        ),
        "maxInFlight": mapping(
            {
                "fleet": count("In the fleet."),
                "subscription": count("In one subscription."),
                "region": count("In one region."),
            },
            about="Operations under way.",
        ),
        "stopOn": mapping(
            {
                "failures": count("So many failed updates in one ring stop the rollout in all."),
                "percent": percent("Or this share of those that ended."),
                "minimumSample": count("From so many ended on.", 10),
            },
            about="When a rollout stops.",
        ),
        "newClusters": mapping(
            {
                "perHour": count("Clusters that get the extension for the first time within an hour."),
                "massSelection": count("More than this waiting at once wait for the approval mass-selection."),
            },
            about="Clusters that are new.",
        ),
        "blastRadius": mapping(
            {"writesPerDay": count("Writes."), "disruptivePerDay": count("Disruptive ones of them.")},
            about="By the day in UTC.",
        ),
        "breaker": mapping(
            {
                "percent": percent("The share of managed clusters that shows one class of failure."),
                "minimumSample": count("From so many managed clusters on.", 20),
            },
            about="Suspends automatic repair of that class until half of the share is left.",
        ),
        "policyChange": mapping(
            {"clusters": count("One that changes more installed clusters, or one disruptively, is approved first.")},
            about="The bound of the policy in force counts.",
        ),
    },
    about="How changes of the policy reach the fleet, and how much may happen at once. Nothing is limited without it.",
)
_TOP: Mapping[str, Schema] = {
    "version": {"const": 1, "description": "1; in one file of the policy."},
    "workspace": text("ARM id of the workspace; makes the check of subscriptions possible.", r"^/[Ss]ubscriptions/"),
    "extension": mapping(
        {
            "name": text("Of new installations.", r"^[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?$", "azureml"),
            "releaseTrain": text("Release train.", r"^[A-Za-z][\w-]{0,62}$", "stable"),
            "autoUpgradeMinorVersion": flag("Whether the service upgrades minor versions by itself.", default=True),
        },
        about="How new installations are named and kept up to date.",
    ),
    "select": mapping({"tag": text("The tag that selects clusters.", _TAG, "aml-onboard")}),
    "tags": mapping(
        {
            "gpu": text("Says whether an Arc cluster has GPUs.", _TAG, "aml-gpu"),
            "pauseUntil": text("Nothing is written before.", _TAG, "aml-pause-until"),
            "pauseReason": text("Why.", _TAG, "aml-pause-reason"),
            "ring": text("Moves a cluster to a later ring.", _TAG, "aml-ring"),
            "owner": text("Whom to tell.", _TAG, "aml-owner"),
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
            "prefix": text("How such tags begin.", _TAG, "aml-set-"),
            "allow": items("Settings, or quoted globs over them.", {"type": "string"}),
        },
        about="Which settings a tag may override; none without it.",
    ),
    "exceptions": items("Exceptions, each with an end and an owner.", _EXCEPTION),
    "guardrails": items("Guardrails.", _GUARDRAIL),
    "enforcement": mapping(
        {key: word(about, Enforcement, getattr(EnforcementTable(), field)) for key, (field, about) in _ACTIONS.items()},
        about="What each action may do by itself.",
    ),
    "adoption": mapping(
        {"mode": word("What happens to what somebody else installed.", AdoptionMode, AdoptionMode.BASELINE)}
    ),
    "pause": mapping({"max": duration("How far ahead a pause by tag may reach.", "30d")}),
    "preflight": mapping(
        {
            "severities": mapping(
                {check.id: word(f"By itself {check.severity.value}.", Severity) for check in CHECKS},
                about="Checks that are lowered.",
            ),
            "registerProviders": flag("Whether a missing resource provider may be registered.", default=False),
        },
        about="What is checked before anything is sent.",
    ),
    "verification": mapping(
        {
            "aks": word("How AKS clusters are looked into.", AksAccess, AksAccess.NONE),
            "arc": mapping(
                {"kubeconfigSecret": text("Key Vault secret with the cluster's kubeconfig.", r"^https://")},
                required=("kubeconfigSecret",),
            ),
            "require": word("What compliance asks for.", Depth, Depth.ARM_ONLY),
            "lookFirst": word("Which installations look into their cluster first.", LookFirst, LookFirst.NEEDED),
        },
        about="How clusters are looked into.",
    ),
    "remediation": mapping(
        {
            "maxAttempts": count("Failures in a row before quarantine.", 5, 1000),
            "attempts": mapping(
                {name: count(f"The same for failures of class {name}.", None, 1000) for name in _CLASSES},
                about="By class of failure; transient is 10 and permanent 1 where they are not given.",
            ),
            "timing": mapping(
                {
                    **{key: duration(about, default or None) for key, (default, about) in _TIMES.items()},
                    "backoffFactor": {"type": "number", "minimum": 1, "default": 2, "description": "How pauses grow."},
                },
                about="Times.",
            ),
        },
        about="Times, and how often a repair is tried.",
    ),
    "rollout": _ROLLOUT,
}
