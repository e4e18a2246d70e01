"""What of an installed extension belongs into a profile, and what cannot stand in a policy.

An extension's settings hold what somebody asked for, what the official CLI derived from it, and now and
then a key that the chart never reads. A profile is made of the first alone: derived values are read back
from the extension wherever they are needed, so that they need not be repeated. Values are never told of
what is left out: a key that is not known may hold anything, a password included.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.azureml.catalogue import AUTO, Setting, ValueType, canonical_name, setting_for, value_findings
from shared.azureml.derivation import INTERNAL_LOAD_BALANCER, NODE_PORT
from shared.model.extension import Extension
from shared.model.identity import Kind
from shared.policy.model import UpgradeMode, Upgrades
from shared.policy.templates import templated

_VERSION = re.compile(r"\d+\.\d+\.\d+([-+.].+)?")
# What a secret looks like that stands where it should not: connection strings, and PEM blocks.
_SECRET = re.compile(r"(SharedAccess|Account)(Key|Signature)\s*=|-----BEGIN ", re.IGNORECASE)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_TOPICS = "servicebus.topicsubmapping."
_ROUTER_SECRET = "scoringFe.sslSecret"  # noqa: S105  the name of a setting
_LOG_ANALYTICS = frozenset({"azure_log_analytics.enabled", "azure_log_analytics.customer_id"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What an installation amounts to, apart from the cluster it stands on. Equal wishes make one profile.

    Attributes:
        settings: canonical key and value, sorted.
        upgrades: its word on versions; None follows the document's `extension`.
    """

    settings: tuple[tuple[str, str], ...]
    upgrades: Upgrades | None = None

    @property
    def scenario(self) -> str:
        """The profile's name without a number."""
        on = {key for key, value in self.settings if value == "true"}
        if {"enableTraining", "enableInference"} <= on:
            return "training-and-inference"
        return "training" if "enableTraining" in on else "inference" if "enableInference" in on else "neither"

    @property
    def certificate(self) -> bool:
        """Whether the endpoints speak HTTPS without a secret of the cluster: then PEM was given, protected."""
        asked = dict(self.settings)
        return _on(asked, "enableInference") and not _on(asked, "allowInsecureConnections") and "sslSecret" not in asked


@dataclass(frozen=True, slots=True)
class Reading:
    """One installation, read: the wish, and for each key that is left out the reason."""

    wish: Wish
    left_out: Mapping[str, str]


def read_install(extension: Extension, kind: Kind) -> Reading:
    """Tell what was asked for when this extension was installed; `kind` is its cluster's."""
    left_out: dict[str, str] = {}
    asked: dict[str, str] = {}
    for key, value in sorted(extension.settings.items()):
        reason = _unfit(key, value)
        if reason:
            left_out[key] = reason
        elif not _follows(key, extension.settings, kind):
            asked[key] = _plain(key, value)
    asked |= dict(_behind_aliases(asked, extension.settings))
    upgrades, version_reason = _upgrades(extension)
    if version_reason:
        left_out["version"] = version_reason
    return Reading(Wish(tuple(sorted(asked.items())), upgrades), left_out)


def _unfit(key: str, value: str) -> str:
    """Why a key cannot stand in a policy; "" where it can."""
    setting = setting_for(key)
    name = canonical_name(key)
    if setting is None or name is None:
        return "not a setting that is known"
    if name != key:
        return f"the extension does not read it: it is written {name}"
    if setting.protected or _SECRET.search(value):
        return "a secret, which everybody can read where it stands"
    if templated(value):
        return "its value looks like a template of the policy"
    if setting.auto and value.lower() == AUTO:
        return f"its value is '{AUTO}', which the extension does not know"
    if _LONE_SURROGATE.search(key + value):
        return "its text is not valid Unicode"
    if value_findings({key: value}):
        return "its value is none of the documented ones"
    return ""


def _plain(key: str, value: str) -> str:
    """A value in one spelling, where the extension takes several for the same."""
    setting = setting_for(key)
    if setting is None:
        return value
    if setting.type is ValueType.BOOLEAN:
        return value.lower()
    if setting.type is ValueType.CHOICE:
        return _documented(setting, value)
    return value


def _documented(setting: Setting, value: str) -> str:
    return next((word for word in setting.allowed if word.lower() == value.lower()), value)


def _follows(key: str, settings: Mapping[str, str], kind: Kind) -> bool:
    """Whether a value follows from the cluster or from another setting, so that no profile need repeat it."""
    value = settings[key].lower()
    if key in {"enableTraining", "enableInference"}:
        return value == "false"  # both are always sent
    if key in {"servicebus.enabled", "relayserver.enabled", "nginxIngress.enabled"}:
        return value == _by_kind(key, kind)
    if key == "inferenceRouterHA":
        # The CLI gives a small cluster both; alone it was somebody's wish.
        return value == "false" and settings.get("clusterPurpose", "").lower() == "devtest"
    if key == "scoringFe.namespace":
        return _on(settings, "isAKSMigration")
    if key in _LOG_ANALYTICS:
        return key == "azure_log_analytics.enabled" and _on(settings, "logAnalyticsWS")
    setting = setting_for(key)
    return key.lower().startswith(_TOPICS) or (setting is not None and setting.derived)


def _by_kind(key: str, kind: Kind) -> str:
    """What the CLI sets by the kind of cluster alone (reference: k8s-extension 1.7.0)."""
    on = {"relayserver.enabled": kind is Kind.ARC, "nginxIngress.enabled": kind is Kind.AKS}
    return str(on.get(key, False)).lower()


def _on(settings: Mapping[str, str], key: str) -> bool:
    return settings.get(key, "").lower() == "true"


def _behind_aliases(asked: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Documented settings that were never given, because only the chart's own names were (templates do that)."""
    if not _on(asked, "enableInference"):
        return
    if "inferenceRouterServiceType" not in asked and _on(settings, NODE_PORT):
        yield "inferenceRouterServiceType", "nodePort"
    if "internalLoadBalancerProvider" not in asked and _on(settings, INTERNAL_LOAD_BALANCER):
        yield "internalLoadBalancerProvider", "azure"
    secret = settings.get(_ROUTER_SECRET, "")
    if "sslSecret" not in asked and secret and not _unfit("sslSecret", secret):
        yield "sslSecret", secret


def _upgrades(extension: Extension) -> tuple[Upgrades | None, str]:
    """The word on versions, and why it could not be kept."""
    mode = (extension.auto_upgrade_mode or "").lower()
    if mode in {UpgradeMode.PATCH.value, UpgradeMode.COMPATIBLE.value}:
        return Upgrades(UpgradeMode(mode)), ""
    if mode != "none" and extension.auto_upgrade_minor_version is not False:
        return None, ""
    version = extension.version or extension.current_version
    if version is None or _VERSION.fullmatch(version) is None or _LONE_SURROGATE.search(version):
        return None, "the automatic upgrade is off, and the version cannot be told"
    return Upgrades(UpgradeMode.PINNED, version), ""
