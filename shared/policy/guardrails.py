"""Guardrails: what the final body must not, or must, hold, whoever asked for it."""

from collections.abc import Collection, Iterator, Mapping

from shared.errors import Finding
from shared.model.cluster import Cluster
from shared.policy.facts import Facts, Unknown, facts_of
from shared.policy.matching import Match, answer
from shared.policy.model import Guardrail, Policy, SettingTest
from shared.policy.words import listed


def violations(
    policy: Policy,
    cluster: Cluster,
    settings: Mapping[str, str],
    *,
    management_groups: Collection[str] | None = None,
) -> tuple[Finding, ...]:
    """Every guardrail that the settings as they would be sent break; `where` is the setting's key.

    A guardrail whose scope depends on an unknown fact applies: a fact that nobody has told must not
    open a way past it.
    """
    facts = facts_of(cluster, policy.tags.gpu)
    found: list[Finding] = []
    for guardrail in policy.guardrails:
        if _scoped(guardrail.match, facts, management_groups, unknown=True) and not _scoped(
            guardrail.exempt, facts, management_groups, unknown=False, missing=False
        ):
            found += _broken(guardrail, settings)
    return tuple(found)


def _scoped(
    match: Match | None,
    facts: Facts,
    groups: Collection[str] | None,
    *,
    unknown: bool,
    missing: bool = True,
) -> bool:
    if match is None:
        return missing
    truth = answer(match, facts, groups).truth
    return unknown if isinstance(truth, Unknown) else truth


def _broken(guardrail: Guardrail, settings: Mapping[str, str]) -> Iterator[Finding]:
    for test in guardrail.forbid:
        for key, value in _values(test, settings):
            if _fits(test, value):
                yield Finding(key, f"the guardrail {guardrail.name} forbids {key}={value}")
    for test in guardrail.require:
        values = _values(test, settings)
        wanted = listed(str(pattern) for pattern in test.values)
        if not values:
            yield Finding(str(test.key), f"the guardrail {guardrail.name} requires {test.key}={wanted}; it is not set")
        for key, value in values:
            if not _fits(test, value):
                yield Finding(key, f"the guardrail {guardrail.name} requires {key}={wanted}, not {value}")


def _values(test: SettingTest, settings: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(key, value) for key, value in settings.items() if test.key.fits(key, ignore_case=True)]


def _fits(test: SettingTest, value: str) -> bool:
    return any(pattern.fits(value, ignore_case=True) for pattern in test.values)
