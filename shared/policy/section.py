"""Reading one mapping of the document: every key is asked for once, what is left over is unknown.

A reader never stops at the first mistake: it notes a finding, goes on with a default, and the whole
list goes to the person who wrote the file.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.errors import Finding
from shared.policy.document import Node
from shared.policy.matching import Pattern
from shared.policy.words import listed, nearest

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=366)


class Section:
    """One mapping of the document, read key by key. `findings` is shared by the whole document."""

    def __init__(self, node: Node, findings: list[Finding]) -> None:
        self.node = node
        self.findings = findings
        self._left: dict[str, Node] = dict(node.keys or {})
        self._known: list[str] = []
        if node.keys is None and not node.empty:
            self.refuse(node, f"a mapping of keys belongs here, not {node.kind}")

    def refuse(self, node: Node, message: str) -> None:
        """Note a finding at a node."""
        self.findings.append(node.finding(message))

    def take(self, key: str) -> Node | None:
        """The value of a key, or None where the key is missing or empty."""
        self._known.append(key)
        node = self._left.pop(key, None)
        if node is not None and node.empty:
            self.refuse(node, "nothing is written here; give a value or remove the key")
            return None
        return node

    def done(self) -> None:
        """Every key that nobody asked for is unknown."""
        for key, node in self._left.items():
            hint = nearest(key, self._known) or f"; known here: {', '.join(self._known)}"
            self.refuse(node, f"unknown key '{key}'{hint}")

    def section(self, key: str) -> "Section | None":
        """A mapping below this one."""
        node = self.take(key)
        return Section(node, self.findings) if node is not None else None

    def mapping(self, key: str) -> Mapping[str, Node]:
        """A mapping whose keys are free names."""
        node = self.take(key)
        if node is None:
            return {}
        if node.keys is None:
            self.refuse(node, f"a mapping of keys belongs here, not {node.kind}")
        return node.keys or {}

    def items(self, key: str) -> list[Node]:
        """A list."""
        node = self.take(key)
        if node is None:
            return []
        if node.items is None:
            self.refuse(node, f"a list belongs here, not {node.kind}")
        return node.items or []

    def text(self, key: str, default: str = "", *, required: bool = False, pattern: str = ".+") -> str:
        """One word or sentence; `pattern` is what the whole of it must look like."""
        node = self.take(key)
        if node is None:
            if required:
                self.refuse(self.node, f"'{key}' is missing")
            return default
        text = scalar(node, self.findings)
        if text is not None and re.fullmatch(pattern, text, re.DOTALL) is None:
            self.refuse(node, f"'{text}' is not a valid {key}")
        return text if text is not None else default

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false, without quotes."""
        node = self.take(key)
        if node is None:
            return default
        if node.boolean is None:
            self.refuse(node, f"write true or false (without quotes), not {node.kind}")
        return default if node.boolean is None else node.boolean

    def integer(self, key: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        node = self.take(key)
        if node is None:
            return default
        if node.quoted or node.text is None or re.fullmatch(r"\d{1,9}", node.text) is None:
            self.refuse(node, f"a whole number belongs here, not {node.kind}")
            return default
        if not least <= int(node.text) <= most:
            self.refuse(node, f"{node.text} is not between {least} and {most}")
        return int(node.text)

    def duration(self, key: str, default: timedelta) -> timedelta:
        """30s, 2m, 6h or 7d."""
        node = self.take(key)
        if node is None:
            return default
        found = re.fullmatch(r"([1-9]\d{0,7})([smhd])", node.text or "")
        length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
        if length is None or length > _LONGEST:
            self.refuse(node, f"a duration is written 30s, 2m, 6h or 7d (at most 366d), not {node.kind}")
            return default
        return length

    def choice[T: StrEnum](self, key: str, default: T) -> T:
        """One of an enum's words."""
        node = self.take(key)
        if node is None:
            return default
        words = [member.value for member in type(default)]
        if node.text not in words:
            hint = nearest(node.text or "", words)
            self.refuse(node, f"{node.kind} is not one of {listed(words)}{hint}")
            return default
        return type(default)(node.text)

    def patterns(self, key: str) -> tuple[Pattern, ...]:
        """One word or glob, or a list of them."""
        node = self.take(key)
        return patterns(node, self.findings) if node is not None else ()

    def moment(self, key: str) -> datetime | None:
        """An RFC 3339 date-time with offset, or a date, which lasts until its end in UTC."""
        node = self.take(key)
        if node is None:
            return None
        text = node.text or ""
        found = None
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
                found = datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
            elif re.match(r"\d{4}-\d\d-\d\dT", text):
                found = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            found = None
        if found is None or found.tzinfo is None:
            self.refuse(node, f"write a date (2026-12-31) or a date-time with offset, not {node.kind}")
            return None
        return found


def scalar(node: Node, findings: list[Finding]) -> str | None:
    """The text of one word; None, and a finding, for anything else."""
    if node.text is None or node.empty:
        findings.append(node.finding(f"one word belongs here, not {node.kind}"))
        return None
    return node.text


def several(node: Node) -> list[Node]:
    """One value or a list of them, as a list."""
    return node.items if node.items is not None else [node]


def patterns(node: Node, findings: list[Finding]) -> tuple[Pattern, ...]:
    """One word or quoted glob, or a list of them; a list means OR."""
    if node.items == []:
        findings.append(node.finding("an empty list matches nothing"))
    found = []
    for item in several(node):
        text = scalar(item, findings)
        if text is None:
            continue
        glob = any(character in text for character in "*?")
        if glob and not item.quoted:
            findings.append(item.finding(f"'{text}' holds * or ?: write a glob in quotes, \"{text}\""))
        found.append(Pattern(text, glob=glob))
    return tuple(found)


def words(nodes: Iterable[Node], valid: Iterable[str], findings: list[Finding]) -> tuple[str, ...]:
    """Words of a fixed vocabulary."""
    allowed = list(valid)
    found = []
    for node in nodes:
        if node.text not in allowed:
            hint = nearest(node.text or "", allowed)
            findings.append(node.finding(f"{node.kind} is not one of {listed(allowed)}{hint}"))
        else:
            found.append(node.text)
    return tuple(found)
