"""YAML 1.2 as strict as a policy needs it: a tree of nodes that remember file and line.

Read from ruamel.yaml's events rather than its objects, because objects have forgotten what is refused
here: a key that stands twice, anchors and aliases, merge keys, tags, and whether `no` was written with
or without quotes. Every scalar stays the text that was written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.errors import Finding
from shared.policy.model import PolicyText

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_NODES = 100_000

# YAML 1.1 read these as true and false; YAML 1.2 reads them as text. Whoever writes one without quotes
# may mean either, so both are asked for.
_OLD_BOOLEANS = frozenset({"yes", "no", "on", "off", "y", "n"})


@dataclass(slots=True)
class Node:
    """One value of the document.

    Attributes:
        where: `file:line`.
        path: the keys that lead here: `rules[0].match.kind`.
        text: of a scalar, as written. None for mappings and lists.
        quoted: whether a scalar stood in quotes or in a block.
        keys: of a mapping: its values, in the order of the document.
        items: of a list.
    """

    where: str
    path: str
    text: str | None = None
    quoted: bool = False
    keys: "dict[str, Node] | None" = None
    items: "list[Node] | None" = None

    @property
    def empty(self) -> bool:
        """Nothing was written, or null."""
        return self.text is not None and not self.quoted and self.text in {"", "~", "null", "Null", "NULL"}

    @property
    def number(self) -> bool:
        """Whether it is a number without quotes."""
        plain = self.text is not None and not self.quoted
        return plain and re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", self.text or "") is not None

    @property
    def boolean(self) -> bool | None:
        """True or false where it is one without quotes, else None."""
        known = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
        return None if self.quoted or self.text is None else known.get(self.text)

    @property
    def kind(self) -> str:
        """What it is, in a word for messages."""
        if self.keys is not None:
            return "a mapping"
        if self.items is not None:
            return "a list"
        return "nothing" if self.empty else f"'{self.text}'"

    def finding(self, message: str) -> Finding:
        """A finding at this place."""
        return Finding(f"{self.where} {self.path}".rstrip(), message)


@dataclass(slots=True)
class _Reader:
    name: str
    events: Iterator[Any]
    findings: list[Finding] = field(default_factory=list)
    nodes: int = 0

    def documents(self) -> list[Node]:
        roots = []
        for event in self.events:
            match type(event).__name__:
                case "DocumentStartEvent":
                    if event.version not in {None, (1, 2)}:
                        self._refuse(event, "", "policies are YAML 1.2; remove the %YAML line")
                    roots.append(self._node(next(self.events), "", 0))
        return [root for root in roots if not root.empty]

    def _refuse(self, event: Any, path: str, message: str) -> None:
        self.findings.append(Finding(f"{self._where(event)} {path}".rstrip(), message))

    def _where(self, event: Any) -> str:
        return f"{self.name}:{event.start_mark.line + 1}"

    def _node(self, event: Any, path: str, depth: int) -> Node:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_NODES} values"
            raise _TooBig(Finding(self._where(event), f"the document has more than {limit}"))
        node = Node(self._where(event), path)
        kind = type(event).__name__
        if kind == "AliasEvent":
            self._refuse(event, path, f"aliases (*{event.anchor}) are not allowed; write the value out, or quote it")
            node.text, node.quoted = "", True
            return node
        if event.anchor is not None:
            self._refuse(event, path, f"anchors (&{event.anchor}) are not allowed; use `extends`")
        if event.tag is not None:
            self._refuse(event, path, f"YAML tags ({event.tag}) are not allowed")
        if kind == "ScalarEvent":
            node.text, node.quoted = str(event.value), event.style is not None
            self._old_boolean(node, event, path)
        elif kind == "SequenceStartEvent":
            node.items = list(self._items(path, depth))
        else:
            node.keys = self._keys(path, depth)
        return node

    def _old_boolean(self, node: Node, event: Any, path: str) -> None:
        if not node.quoted and node.text is not None and node.text.lower() in _OLD_BOOLEANS:
            instead = "true" if node.text.lower() in {"yes", "on", "y"} else "false"
            self._refuse(event, path, f"'{node.text}' without quotes; write {instead}, or \"{node.text}\" as text")

    def _items(self, path: str, depth: int) -> Iterator[Node]:
        index = 0
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            yield self._node(event, f"{path}[{index}]", depth + 1)
            index += 1

    def _keys(self, path: str, depth: int) -> dict[str, Node]:
        keys: dict[str, Node] = {}
        lines: dict[str, int] = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            name_node = self._node(event, path, depth + 1)
            name = name_node.text if name_node.text is not None else ""
            below = f"{path}.{name}" if path else name
            if name_node.text is None:
                self._refuse(event, path, "a key must be one word")
            elif name == "<<" and not name_node.quoted:
                self._refuse(event, path, "merge keys (<<) are not allowed; use `extends`")
            elif name in keys:
                self._refuse(event, below, f"this key stands twice; it is also in line {lines[name]}")
            keys[name] = self._node(next(self.events), below, depth + 1)
            if keys[name].empty:
                keys[name].where = self._where(event)  # an empty value stands where the next key begins
            lines.setdefault(name, event.start_mark.line + 1)
        return keys


class _TooBig(Exception):
    """A limit was passed; caught in this file, never seen outside."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def read_documents(text: PolicyText) -> tuple[list[Node], list[Finding]]:
    """The documents of one file, and everything that is wrong with its YAML.

    Where the file cannot be read at all, no document comes back, and one finding says where it broke.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text.text.encode()) > MAX_BYTES:
        return [], [Finding(text.name, f"the file is bigger than {MAX_BYTES // 1024} KiB")]
    reader = _Reader(text.name, iter(YAML(typ="safe", pure=True).parse(text.text)))
    try:
        return reader.documents(), reader.findings
    except _TooBig as error:
        return [], [*reader.findings, error.finding]
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return [], [*reader.findings, Finding(f"{text.name}:{line}", f"this is not YAML: {error.problem}")]
    except (YAMLError, ValueError, RecursionError) as error:
        return [], [*reader.findings, Finding(text.name, f"this is not YAML: {str(error).splitlines()[0]}")]
