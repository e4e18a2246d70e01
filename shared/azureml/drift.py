"""What differs between the extension that is wanted and the one that is there, and the PATCH for it.

Only keys that we would set are compared: an extension may hold others, set by people or by the
service, and a PATCH cannot remove a key anyway (azure-cli-extensions, k8s-extension 1.7.0: settings
are merged on update). Changed facts are no difference: derived values are read back before.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

from shared.azureml.catalogue import same_value
from shared.azureml.derivation import INTERNAL_LOAD_BALANCER, NODE_PORT
from shared.model.extension import DesiredExtension, Extension

RELEASE_TRAIN = "releaseTrain"
VERSION = "version"
AUTO_UPGRADE = "autoUpgradeMinorVersion"
AUTO_UPGRADE_MODE = "autoUpgradeMode"
PROPERTIES = frozenset(
    {RELEASE_TRAIN, VERSION, AUTO_UPGRADE, AUTO_UPGRADE_MODE}
)  # of the extension itself, no settings

_SWITCHES = (NODE_PORT, INTERNAL_LOAD_BALANCER)
_FINGERPRINT = "v1"


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs.

    Attributes:
        changed: setting, or one of PROPERTIES -> (actual, wanted), as text; None where it is absent.
        leftover: keys that were sent once, are no longer wanted and still stand in the extension.
    """

    changed: Mapping[str, tuple[str | None, str | None]]
    leftover: tuple[str, ...] = ()


class PatchProperties(TypedDict, total=False):
    """What a PATCH changes beside the settings: the keywords of `body.patch_body`."""

    release_train: str | None
    version: str | None
    auto_upgrade_minor_version: bool | None
    auto_upgrade_mode: str | None


def differences(desired: DesiredExtension, actual: Extension, *, previously: Collection[str] = ()) -> Differences:
    """Compare what is wanted with what is there.

    Booleans and documented words are compared without case, free text exactly. Release train,
    version and automatic upgrade count only where both sides state them. A switch that the CLI
    derives for the router's service and that is no longer wanted counts as wanted "False", since
    it would keep the old service type alive.

    Args:
        desired: what is wanted, its derived values read back from `actual`.
        actual: what is there.
        previously: keys of the settings that we sent before.
    """
    changed = dict(_settings(desired.settings, actual.settings))
    changed |= dict(_switched_off(desired.settings, actual.settings))
    changed |= dict(_properties(desired, actual))
    leftover = sorted(
        key
        for key in set(previously)
        if key in actual.settings and key not in desired.settings and key not in _SWITCHES
    )
    return Differences(changed, tuple(leftover))


def _settings(
    wanted: Mapping[str, str], actual: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    for key, value in wanted.items():
        there = actual.get(key)
        if there is None or not same_value(key, there, value):
            yield key, (there, value)


def _switched_off(
    wanted: Mapping[str, str], actual: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    for key in _SWITCHES:
        there = actual.get(key)
        if key not in wanted and there is not None and there.lower() == "true" and _has_router(wanted):
            yield key, (there, "False")


def _has_router(settings: Mapping[str, str]) -> bool:
    return settings.get("enableInference", "").lower() == "true"


def _properties(desired: DesiredExtension, actual: Extension) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    train = desired.release_train
    if train is not None and actual.release_train and train.lower() != actual.release_train.lower():
        yield RELEASE_TRAIN, (actual.release_train, train)
    version = actual.version or actual.current_version
    if desired.version is not None and version and desired.version != version:
        yield VERSION, (version, desired.version)
    upgrade, there = desired.auto_upgrade_minor_version, actual.auto_upgrade_minor_version
    if upgrade is not None and there is not None and upgrade is not there:
        yield AUTO_UPGRADE, (str(there), str(upgrade))
    mode, set_mode = desired.auto_upgrade_mode, actual.auto_upgrade_mode
    if mode is not None and set_mode is not None and mode.lower() != set_mode.lower():
        yield AUTO_UPGRADE_MODE, (set_mode, mode)


def patch_settings(found: Differences) -> dict[str, str]:
    """The settings of the PATCH that puts the differences right, with the CLI's rules for updates.

    A changed service type always states the NodePort switch and a changed provider the one of the
    internal load balancer, so that the old one is switched off (`__normalize_config`).
    """
    settings = {
        key: wanted for key, (_, wanted) in found.changed.items() if key not in PROPERTIES and wanted is not None
    }
    service_type = settings.get("inferenceRouterServiceType")
    if service_type is not None:
        settings[NODE_PORT] = str(service_type.lower() == "nodeport")
    provider = settings.get("internalLoadBalancerProvider")
    if provider is not None:
        settings[INTERNAL_LOAD_BALANCER] = str(provider.lower() == "azure")
    return settings


def patch_properties(changed: Mapping[str, tuple[str | None, str | None]]) -> PatchProperties:
    """What the PATCH says beside its settings: `patch_body(settings, **patch_properties(changed))`.

    A version goes with the automatic upgrade off, which the service demands since API 2023-05-01.
    """
    properties: PatchProperties = {}
    if RELEASE_TRAIN in changed:
        properties["release_train"] = changed[RELEASE_TRAIN][1]
    if AUTO_UPGRADE in changed:
        properties["auto_upgrade_minor_version"] = changed[AUTO_UPGRADE][1] == "True"
    if AUTO_UPGRADE_MODE in changed:
        properties["auto_upgrade_mode"] = changed[AUTO_UPGRADE_MODE][1]
    if VERSION in changed:
        properties["version"] = changed[VERSION][1]
        properties["auto_upgrade_minor_version"] = False
    return properties


def fingerprint(desired: DesiredExtension) -> str:
    """A short name of what is sent: equal for equal extensions, whatever the order of their keys.

    The letter case of booleans does not count, nor do origins and warnings. The prefix names the way
    it is computed: a later way gets another, so that it is not mistaken for a changed extension.
    """
    content = {
        "settings": {key: _plain(value) for key, value in desired.settings.items()},
        "protected": sorted(desired.protected),
        "relay": [desired.relay.namespace, desired.relay.hybrid_connection] if desired.relay else None,
        "identity": desired.identity,
        "releaseTrain": (desired.release_train or "").lower(),
        "version": desired.version,
        "autoUpgradeMinorVersion": desired.auto_upgrade_minor_version,
    }
    # Left out where nobody asks for it, so that what was sent by an earlier Muster keeps its fingerprint.
    content |= {"autoUpgradeMode": desired.auto_upgrade_mode} if desired.auto_upgrade_mode else {}
    content |= {"certificate": desired.certificate} if desired.certificate else {}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return f"{_FINGERPRINT}:{digest[:32]}"


# Stands for the fingerprint of what Muster sent, where that is not remembered any more.
LOST = "v0:lost"


def comparable(sent: str | None) -> bool:
    """Whether a fingerprint was computed the way this Muster computes them.

    Another one, as an earlier or a later Muster left it, says nothing: neither that what was sent is what is wanted
    today, nor that it is not. Values alone tell then.
    """
    return sent is not None and sent.startswith(f"{_FINGERPRINT}:")


def _plain(value: str) -> str:
    return value.lower() if value.lower() in {"true", "false"} else value
