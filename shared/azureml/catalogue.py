"""What a setting's name and value mean: right letter case, unknown names, values out of range.

The chart ignores what it does not know, so that a misspelt key installs something else than was
meant: this is the net that the official CLI does not have. Names are matched without case and sent
in their right case; values are compared without case and sent as written.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from shared.azureml.settings import AUTO, RENAMED, SETTINGS, Setting, Use, ValueType
from shared.errors import Finding

__all__ = [
    "AUTO",
    "SETTINGS",
    "Canonical",
    "Setting",
    "Use",
    "ValueType",
    "canonical_name",
    "canonicalise",
    "nearest_name",
    "same_value",
    "scenario_warnings",
    "setting_for",
    "value_findings",
    "value_text",
]

_TOLERATION = re.compile(r"(?:toleration|workloadtoleration)\[\d+\]\.(?:key|operator|value|effect|tolerationseconds)")


@dataclass(frozen=True, slots=True)
class Canonical:
    """Settings under their right names.

    Attributes:
        settings: canonical name to value as text; names that are not known are kept as written.
        warnings: what was put right by itself.
        findings: what has to be put right by its author: unknown names, doubled ones, values that are
            no text, number or boolean (these are left out of `settings`).
    """

    settings: dict[str, str]
    warnings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@cache
def _exact() -> Mapping[str, Setting]:
    return {setting.name.lower(): setting for setting in SETTINGS if not setting.family}


def setting_for(key: str) -> Setting | None:
    """The setting, or the family, that a name in any letter case belongs to."""
    lowered = key.lower()
    if found := _exact().get(lowered):
        return found
    for family in (setting for setting in SETTINGS if setting.family):
        start = family.name.lower()
        if lowered.startswith(start) and _belongs(start, lowered):
            return family
    return None


def _belongs(start: str, lowered: str) -> bool:
    if start.endswith("["):
        return _TOLERATION.fullmatch(lowered) is not None
    return len(lowered) > len(start) or not start.endswith(".")


def canonical_name(key: str) -> str | None:
    """The name in its right letter case; None for an unknown one.

    Of a family only the constant beginning is put right: what follows is a label or a Helm path.
    """
    setting = setting_for(key)
    if setting is None:
        return None
    return setting.name + key[len(setting.name) :] if setting.family else setting.name


def canonicalise(settings: Mapping[str, object]) -> Canonical:
    """Put names into their right letter case and values into text; report what cannot be."""
    result: dict[str, str] = {}
    written: dict[str, str] = {}
    warnings: list[str] = []
    findings: list[Finding] = []
    # A name that is written right wins over a misspelt one, whatever their order.
    for key in sorted(settings, key=lambda name: canonical_name(name) != name):
        text = value_text(settings[key])
        if text is None:
            findings.append(Finding(key, f"the value of {key!r} must be a text, a number or a boolean."))
            continue
        name = canonical_name(key)
        if name is None:
            findings.append(Finding(key, _unknown(key)))
            name = key
        elif name != key:
            warnings.append(f"{key}: sent as {name}, the name that the extension reads.")
        if name in written:
            findings.append(
                Finding(key, f"{key!r} is the same setting as {written[name]!r}, which is used; remove one of them.")
            )
            continue
        written[name] = key
        result[name] = text
    order = {canonical_name(key) or key: place for place, key in enumerate(settings)}
    ordered = dict(sorted(result.items(), key=lambda item: order[item[0]]))
    return Canonical(ordered, tuple(warnings), tuple(findings))


def value_text(value: object) -> str | None:
    """A scalar as text; booleans become True and False, as the CLI serialises them. None for others."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, bool | int | float) else None


def _unknown(key: str) -> str:
    if renamed := RENAMED.get(key.lower()):
        return f"the extension reads no setting {key!r}; it is written {renamed}."
    nearest = nearest_name(key)
    return f"unknown setting {key!r}" + (f"; did you mean {nearest}?" if nearest else ".")


def nearest_name(key: str) -> str | None:
    """The known name that an unknown one most resembles."""
    names = {setting.name.lower(): setting.name for setting in SETTINGS if not setting.derived}
    close = get_close_matches(key.lower(), names, n=1, cutoff=0.6)
    if close:
        return names[close[0]]
    head = key.partition(".")[0].partition("[")[0].lower()
    close = get_close_matches(head, [name.rstrip(".[") for name in names], n=1, cutoff=0.75)
    return next((name for low, name in names.items() if close and low.rstrip(".[") == close[0]), None)


def value_findings(settings: Mapping[str, str]) -> tuple[Finding, ...]:
    """Values outside the documented ones; `auto` is one where the setting allows it."""
    return tuple(_value_findings(settings))


def _value_findings(settings: Mapping[str, str]) -> Iterator[Finding]:
    for key, value in settings.items():
        setting = setting_for(key)
        if setting is None or (setting.auto and value.lower() == AUTO):
            continue
        allowed = (*setting.allowed, AUTO) if setting.auto else setting.allowed
        if setting.allowed and value.lower() not in {word.lower() for word in setting.allowed}:
            yield Finding(key, f"{value!r} is none of the values of {key}: {', '.join(allowed)}.")
        elif not setting.allowed and not setting.family and not value.strip():
            yield Finding(key, f"the value of {key} is empty.")


def scenario_warnings(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Settings that the documentation marks N/A for what the switches turn on; the CLI accepts them."""
    on = {key for key in ("enableTraining", "enableInference") if settings.get(key, "").lower() == "true"}
    if len(on) != 1:
        return ()
    scenario = "training" if "enableTraining" in on else "inference"
    return tuple(
        f"{key}: has no effect for {scenario} alone."
        for key in settings
        if key not in {"enableTraining", "enableInference"}
        and (setting := setting_for(key)) is not None
        and (setting.training if scenario == "training" else setting.inference) is Use.NOT_APPLICABLE
    )


def same_value(key: str, one: str, other: str) -> bool:
    """Whether two values of a setting mean the same: only free text is compared with its letter case."""
    if one == other:
        return True
    words = {"true", "false"}
    setting = setting_for(key)
    folded = {one.lower(), other.lower()}
    caseless = setting is not None and setting.type in {ValueType.BOOLEAN, ValueType.CHOICE, ValueType.ARM_ID}
    return len(folded) == 1 and (caseless or folded <= words)
