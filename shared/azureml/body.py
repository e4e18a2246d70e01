"""The bodies of PUT and PATCH, built in one place for the product and for `muster render`.

Shapes: Microsoft.KubernetesConfiguration/extensions, swagger 2025-03-01; the values that do not
depend on settings as the official CLI sends them (azure-cli-extensions, k8s-extension 1.7.0).
"""

from collections.abc import Mapping
from typing import Any

from shared.azureml.derivation import ALIASES
from shared.errors import Finding, SettingsError
from shared.model.extension import AZUREML, DesiredExtension

RELEASE_NAMESPACE = "azureml"  # the CLI replaces any other; the chart's documents name no other


def put_body(desired: DesiredExtension, protected: Mapping[str, str]) -> dict[str, Any]:
    """The whole extension, as a PUT creates or replaces it.

    Args:
        desired: what is to be sent.
        protected: values of the protected settings; one under an alias need not be repeated. Names
            that `desired.protected` does not list are left out, local paths among them.

    Raises:
        SettingsError: a protected setting that the body needs has no value. A PUT replaces the whole
            protected map, so that sending less would take away what the cluster works with.
    """
    properties: dict[str, Any] = {
        "extensionType": AZUREML,
        "releaseTrain": desired.release_train,
        "scope": {"cluster": {"releaseNamespace": RELEASE_NAMESPACE}},
        "configurationSettings": dict(desired.settings),
        "configurationProtectedSettings": protected_values(desired, protected),
    }
    if desired.version is not None:
        properties["version"] = desired.version
    if desired.auto_upgrade_minor_version is not None:
        properties["autoUpgradeMinorVersion"] = desired.auto_upgrade_minor_version
    if desired.auto_upgrade_mode is not None:
        properties["autoUpgradeMode"] = desired.auto_upgrade_mode
    identity = {"identity": {"type": "SystemAssigned"}} if desired.identity else {}
    return {**identity, "properties": properties}


def patch_body(
    settings: Mapping[str, str],
    protected: Mapping[str, str] | None = None,
    *,
    version: str | None = None,
    release_train: str | None = None,
    auto_upgrade_minor_version: bool | None = None,
    auto_upgrade_mode: str | None = None,
) -> dict[str, Any]:
    """A change to an installed extension: settings are merged, the protected map is replaced as a whole.

    `protected` therefore is None, or holds every protected value that the extension uses. An empty
    map is not sent: whether it would wipe the stored values is not documented.
    """
    properties: dict[str, Any] = {
        "configurationSettings": dict(settings),
        "configurationProtectedSettings": dict(protected or {}),
        "version": version,
        "releaseTrain": release_train,
        "autoUpgradeMinorVersion": auto_upgrade_minor_version,
        "autoUpgradeMode": auto_upgrade_mode,
    }
    return {"properties": {name: value for name, value in properties.items() if value not in (None, {})}}


def protected_values(desired: DesiredExtension, values: Mapping[str, str]) -> dict[str, str]:
    """The whole protected map of an extension; the service replaces it as a whole, by PUT and by PATCH.

    Raises:
        SettingsError: a name that `desired.protected` lists has no value.
    """
    known = dict(values)
    for name, aliases in ALIASES.items():
        for alias in aliases:
            if name in known:
                known.setdefault(alias, known[name])
    missing = [name for name in desired.protected if name not in known]
    if missing:
        message = "no value is known for this protected setting, and the protected map is replaced as a whole"
        raise SettingsError(
            f"{', '.join(missing)}: {message}.", tuple(Finding(name, f"{message}.") for name in missing)
        )
    return {name: known[name] for name in desired.protected}
