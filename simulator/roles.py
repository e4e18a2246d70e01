"""Azure RBAC as far as it decides about a request: actions of role definitions.

Source: Microsoft Learn, "Understand Azure role definitions": Actions and NotActions with `*` as
wildcard, compared without case; the effective actions of one role are Actions minus NotActions, several
roles add up. DataActions and NotDataActions decide the same way about data planes. Which action a request
needs follows ARM's general rule: the resource type of the path and `read`, `write` or `delete`; of a POST
its last segment and `action`.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from simulator.arm import Json

_VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_GRAPH = "/providers/microsoft.resourcegraph/resources"
_PROVIDER = re.compile(r"/subscriptions/[^/]+/providers/(?P<namespace>[^/]+)(?P<register>/register)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Role:
    """One role definition, reduced to its patterns."""

    actions: tuple[re.Pattern[str], ...]
    not_actions: tuple[re.Pattern[str], ...]
    data_actions: tuple[re.Pattern[str], ...]
    not_data_actions: tuple[re.Pattern[str], ...]

    def allows(self, action: str) -> bool:
        """Whether the role grants an action."""
        return _granted(action, self.actions, self.not_actions)

    def allows_data(self, action: str) -> bool:
        """Whether the role grants a data action."""
        return _granted(action, self.data_actions, self.not_data_actions)


class Roles:
    """The caller's roles together; without any definition everything is allowed."""

    def __init__(self, definitions: list[Json] | None = None) -> None:
        self._roles = None if definitions is None else [_role(definition) for definition in definitions]

    @classmethod
    def load(cls, *paths: Path) -> "Roles":
        """Read role definitions, one or a list in each JSON file; they add up."""
        contents = [json.loads(path.read_text()) for path in paths]
        return cls([each for content in contents for each in (content if isinstance(content, list) else [content])])

    def allow(self, action: str) -> bool:
        """Whether an action is granted."""
        return self._roles is None or any(role.allows(action) for role in self._roles)

    def allow_data(self, action: str) -> bool:
        """Whether a data action is granted."""
        return self._roles is None or any(role.allows_data(action) for role in self._roles)


def _granted(action: str, given: tuple[re.Pattern[str], ...], excluded: tuple[re.Pattern[str], ...]) -> bool:
    return any(each.fullmatch(action) for each in given) and not any(each.fullmatch(action) for each in excluded)


def _role(definition: Json) -> Role:
    # The portal and REST put the lists under properties.permissions[0] in camel case, the CLI on top.
    inner = definition.get("properties", definition)
    parts = inner.get("permissions") or [inner]

    def patterns(name: str) -> tuple[re.Pattern[str], ...]:
        camel = name[0].lower() + name[1:]
        return tuple(_pattern(item) for part in parts for item in part.get(name, part.get(camel, [])))

    return Role(patterns("Actions"), patterns("NotActions"), patterns("DataActions"), patterns("NotDataActions"))


def _pattern(action: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, action.split("*"))), re.IGNORECASE)


@lru_cache(maxsize=4096)
def action_of(method: str, path: str) -> str:
    """The action that a request needs, in the letter case of its path."""
    path = path.rstrip("/")
    if path.lower() == _GRAPH:
        return "Microsoft.ResourceGraph/resources/read"
    provider = _PROVIDER.fullmatch(path)
    if provider:
        if provider["register"]:
            return f"{provider['namespace']}/register/action"
        return "Microsoft.Resources/subscriptions/providers/read"
    verb = _VERBS.get(method, "action")
    _, found, tail = path.rpartition("/providers/")
    if not found:
        if path.lower().endswith("/locations"):
            return f"Microsoft.Resources/subscriptions/locations/{verb}"
        kind = "/resourceGroups" if "/resourcegroups/" in path.lower() else ""
        return f"Microsoft.Resources/subscriptions{kind}/{verb}"
    namespace, *segments = tail.split("/")
    types = segments[::2]
    # Types and names alternate; the action of a POST stands where the next type would.
    return "/".join([namespace, *types, verb])
