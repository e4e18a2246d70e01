"""`{cluster.name}` and `{tags.team}` inside a setting's value.

Anything in braces that looks like a name is a template and must be a known one; other braces (JSON, for
instance) are left as they are. A tag may only be read where the profile lists a pattern for it, so that
a cluster's owner cannot write whatever he likes into a setting.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.policy.facts import TEMPLATE_FACTS, Facts, Unknown
from shared.policy.words import nearest

_TEMPLATE = re.compile(r"\{([A-Za-z][\w.-]*)\}")


@dataclass(frozen=True, slots=True)
class TagProblem:
    """A tag that a template needs is missing, or does not have the shape that the profile asks for."""

    message: str


def templated(text: str) -> bool:
    """Whether a value holds a template."""
    return _TEMPLATE.search(text) is not None


def mistakes(text: str, tag_patterns: Mapping[str, str] | None) -> list[str]:
    """What is wrong with a value's templates; `tag_patterns` None means: tags may not be read here."""
    found = []
    for name in _TEMPLATE.findall(text):
        kind, _, rest = name.partition(".")
        if kind == "tags" and tag_patterns is None:
            found.append(f"{{{name}}}: a tag may not be read here")
        elif kind == "tags" and rest.casefold() not in (tag_patterns or {}):
            found.append(f"{{{name}}}: the profile must list a pattern for this tag in tagPatterns")
        elif kind != "tags" and not (kind == "cluster" and rest in TEMPLATE_FACTS):
            valid = [f"cluster.{fact}" for fact in TEMPLATE_FACTS]
            hint = nearest(name if rest else f"cluster.{name}", valid) or f"; known: {', '.join(valid)}"
            found.append(f"{{{name}}} is not known{hint}")
    return found


def fill(text: str, facts: Facts, tag_patterns: Mapping[str, str]) -> str | Unknown | TagProblem:
    """The value for one cluster."""
    pieces = []
    end = 0
    for found in _TEMPLATE.finditer(text):
        kind, _, rest = found[1].partition(".")
        value = _tag(rest, facts, tag_patterns) if kind == "tags" else _fact(rest, facts)
        if not isinstance(value, str):
            return value
        pieces += [text[end : found.start()], value]
        end = found.end()
    return "".join([*pieces, text[end:]])


def _fact(name: str, facts: Facts) -> str | Unknown:
    value = facts.values.get(name)
    if value is None:
        return Unknown(name)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tag(name: str, facts: Facts, patterns: Mapping[str, str]) -> str | TagProblem:
    value = facts.tags.get(name.casefold())
    if value is None:
        return TagProblem(f"the tag {name} is not set, and a setting of the profile needs it")
    pattern = patterns.get(name.casefold(), "")
    if re.fullmatch(pattern, value) is None:
        return TagProblem(f"the tag {name} is '{value}', which does not look like {pattern}")
    return value
