"""What a cluster's owner may say by tag: settings, and a pause. docs/tags.md is the contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.azureml.catalogue import AUTO, canonicalise, setting_for, value_findings
from shared.errors import InputError
from shared.model.cluster import Cluster
from shared.policy.model import Policy, TagOverrides


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that the cluster's tags ask for. `until` None: its end cannot be read, so it does not end."""

    until: datetime | None
    reason: str
    mistake: str = ""


class TagMistake(InputError):
    """A tag that asks for what the policy does not allow, or that cannot be read."""


def pause_of(cluster: Cluster, policy: Policy, now: datetime) -> Pause | None:
    """The pause that stands now, if any. A malformed one is a pause, too: somebody wanted one."""
    name = policy.tags.pause_until
    written = cluster.tag(name)
    if written is None:
        return None
    reason = cluster.tag(policy.tags.pause_reason) or "paused by tag"
    until = _moment(written)
    if until is None:
        mistake = f"the tag {name} is '{written}', not a date-time with offset such as 2026-12-31T18:00:00Z"
        return Pause(None, f"{reason}; {mistake}", mistake)
    if until <= now:
        return None
    if until - now > policy.pause_max:
        mistake = f"the tag {name} reaches farther than the {policy.pause_max.days} days that the policy allows"
        return Pause(now + policy.pause_max, f"{reason}; {mistake}", mistake)
    return Pause(until, reason)


def _moment(text: str) -> datetime | None:
    if len(text) < len("2026-12-31T18:00Z") or text[10:11] not in {"T", "t", " "}:
        return None
    try:
        found = datetime.fromisoformat(text.replace("t", "T").replace("z", "Z"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def overrides_of(cluster: Cluster, overrides: TagOverrides) -> Mapping[str, tuple[str, str]]:
    """The settings that the cluster's tags override: canonical key to value and tag.

    Raises:
        TagMistake: a tag names no setting, one that the policy does not list, a value that the setting
            does not take, or a setting that another tag names, too.
    """
    found: dict[str, tuple[str, str]] = {}
    for tag, value in sorted(cluster.tags.items()):
        if not tag.casefold().startswith(overrides.prefix.casefold()):
            continue
        name = tag[len(overrides.prefix) :].replace("__", "/")
        canonical = canonicalise({name: value})
        if canonical.findings:
            raise TagMistake(f"the tag {tag}: {canonical.findings[0].message}")
        for key, text in canonical.settings.items():
            if not any(pattern.fits(key, ignore_case=True) for pattern in overrides.allow):
                raise TagMistake(f"the tag {tag}: the policy does not allow {key} to be set by tag")
            if key in found:
                raise TagMistake(f"the tags {found[key][1]} and {tag} both set {key}; remove one")
            setting = setting_for(key)
            if setting is not None and setting.protected:
                raise TagMistake(f"the tag {tag}: {key} is a secret, and everybody can read tags")
            wrong = value_findings({key: text})
            if wrong:
                raise TagMistake(f"the tag {tag}: {wrong[0].message}")
            plain = AUTO if setting is not None and setting.auto and text.lower() == AUTO else text
            found[key] = (plain, tag)
    return found
