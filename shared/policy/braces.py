"""Mappings in braces that hurt reviews: several keys in one line, of which a diff shows only that something changed.

Short ones do no harm: `{kind: aks, gpu: true}` reads well and is one thought. One is too much where it makes its line
longer than 100 characters, or holds another that has several keys itself.

They are broken up in the text rather than in ruamel.yaml's objects, which lose comments on the way.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from shared.policy.model import PolicyText

LONGEST = 100


@dataclass(slots=True)
class Braces:
    """One value of a document, with its place in the text; `start` and `end` are characters from the text's begin.

    Attributes:
        path: the keys that lead here: `rules[0].match`.
        kind: `mapping`, `list` or `scalar`.
        flow: whether it stands in braces or brackets.
        parts: of a mapping key and value in turn; of a list its items.
    """

    path: str
    kind: str
    flow: bool
    start: Any
    end: Any
    parts: list["Braces"] = field(default_factory=list)

    @property
    def crowded(self) -> bool:
        """Whether it is a mapping of several keys in braces."""
        return self.kind == "mapping" and self.flow and len(self.parts) > 2

    def below(self) -> Iterator["Braces"]:
        """Everything in it."""
        for part in self.parts:
            yield part
            yield from part.below()


@lru_cache(maxsize=16)
def too_much(text: PolicyText) -> tuple[tuple[str, str], ...]:
    """Each mapping in braces that should have a line for each key: `file:line` and the keys that lead there.

    Kept, because reading YAML is slow, and the page tells it whenever it is asked for.
    """
    return tuple((f"{text.name}:{each.start.line + 1}", each.path) for _, each in _found(text.text))


def broken_up(text: PolicyText) -> PolicyText:
    """The text with a line for each key of those mappings, and of whatever has comments within its braces.

    Comments stay with what they stand beside; one behind a list's item that is broken up stands above it afterwards.
    """
    content = text.text
    while found := _found(content, commented=True):
        outermost = {outer.start.index: (parent, outer) for (parent, outer), _ in found}
        for _, (parent, outer) in sorted(outermost.items(), reverse=True, key=lambda item: item[0]):
            content = _broken(content, parent, outer)
    return replace(text, text=content)


def comments_of(text: PolicyText) -> list[str]:
    """Every comment between the values of a file, in no order that matters."""
    gaps: list[str] = []
    at = 0
    for root in _roots(text.text):
        gaps += _gaps(text.text, root, at)
        at = root.end.index
    return sorted(note for gap in [*gaps, text.text[at:]] for note in _comments(gap))


def _found(text: str, *, commented: bool = False) -> list[tuple[tuple[Braces | None, Braces], Braces]]:
    """Each mapping that is too much: the outermost braces or brackets around it with what they stand in, and itself."""
    lines = text.split("\n")
    found: list[tuple[tuple[Braces | None, Braces], Braces]] = []

    def look(value: Braces, parent: Braces | None, outer: tuple[Braces | None, Braces] | None) -> None:
        around = outer or ((parent, value) if value.flow and value.parts else None)
        if around and (_too_much(value, lines) or (commented and value.parts and _has_comment(text, value))):
            found.append((around, value))
            return
        for part in value.parts:
            look(part, value, around)

    for root in _roots(text):
        look(root, None, None)
    return found


def _too_much(value: Braces, lines: list[str]) -> bool:
    if not value.crowded:
        return False
    whole = lines[value.start.line : value.end.line]
    long = value.end.column > LONGEST or any(len(line) > LONGEST for line in whole)
    return long or any(each.crowded for each in value.below())


def _has_comment(text: str, value: Braces) -> bool:
    return any(_comments(gap) for gap in _gaps(text, value, value.start.index))


def _gaps(text: str, value: Braces, at: int) -> Iterator[str]:
    """What stands between the words of a value, from a place before it on."""
    words = [each for each in (value, *value.below()) if each.kind == "scalar"]
    for word in words:
        yield text[at : word.start.index]
        at = word.end.index
    yield text[at : value.end.index]


def _roots(text: str) -> Iterator[Braces]:
    from ruamel.yaml import YAML

    events = iter(YAML(typ="safe", pure=True).parse(text))
    for event in events:
        if type(event).__name__ == "DocumentStartEvent":
            yield _value(next(events), events, "")


def _value(event: Any, events: Iterator[Any], path: str) -> Braces:
    kind = {"MappingStartEvent": "mapping", "SequenceStartEvent": "list"}.get(type(event).__name__, "scalar")
    value = Braces(path, kind, kind != "scalar" and bool(event.flow_style), event.start_mark, event.end_mark)
    if kind == "scalar":
        return value
    while not type(event := next(events)).__name__.endswith("EndEvent"):
        below = f"{path}[{len(value.parts)}]"
        if kind == "mapping":
            value.parts.append(_value(event, events, path))
            name, event = getattr(event, "value", ""), next(events)
            below = f"{path}.{name}" if path else str(name)
        value.parts.append(_value(event, events, below))
    value.end = event.end_mark
    return value


def _broken(text: str, parent: Braces | None, value: Braces) -> str:
    """The text with one level of a value broken up, to a line for each key or item."""
    begin = text.rfind("\n", 0, value.start.index) + 1
    stop = text.find("\n", value.end.index)
    stop = len(text) if stop < 0 else stop
    before, beside = text[begin : value.start.index], text[value.end.index : stop]
    head, entries = _entries(text, value)
    notes = [*head, *_comments(beside)]
    if re.fullmatch(r"[ -]*", before):
        # An item, or alone in its line: its first key takes the place of the brace.
        column = value.start.column
        above = [before[: len(before) - len(before.lstrip(" "))] + note for note in notes]
        shaped = [" " * column + line for entry in entries for line in entry]
        shaped[0] = before + shaped[0][column:]
        lines = [*above, *shaped]
    else:
        column = parent.start.column + 2 if parent is not None else 0
        first = "  ".join([before.rstrip(), *notes[:1]])
        more = [*notes[1:], *(line for entry in entries for line in entry)]
        lines = [first, *(" " * column + line for line in more)]
    return text[:begin] + "\n".join(lines) + text[stop:]


def _entries(text: str, value: Braces) -> tuple[list[str], list[list[str]]]:
    """Comments in front of the first key, and the lines of each key or item with the comments around it."""
    width = 2 if value.kind == "mapping" else 1
    groups = [value.parts[at : at + width] for at in range(0, len(value.parts), width)]
    head = _comments(text[value.start.index + 1 : groups[0][0].start.index])
    entries: list[list[str]] = []
    above: list[str] = []
    for number, group in enumerate(groups):
        following = groups[number + 1][0].start.index if number + 1 < len(groups) else value.end.index - 1
        words = [_in_a_line(text, part) for part in group]
        line = f"{words[0]}: {words[1]}".rstrip() if width == 2 else f"- {words[0]}"
        inside = _comments(text[group[0].end.index : group[-1].start.index]) if width == 2 else []
        gap = text[group[-1].end.index : following]
        beside, _, later = gap.partition("\n")
        notes = [*inside, *_comments(beside)]
        entries.append([*above, *notes[1:], "  ".join([line, *notes[:1]])])
        above = _comments(later)
    entries[-1] += above
    return head, entries


def _in_a_line(text: str, value: Braces) -> str:
    """The words of a value; a text over several lines is folded, as reading it does."""
    words = text[value.start.index : value.end.index]
    if value.kind != "scalar" or re.search(r"\n[ \t]*\n|\\\n", words):
        return words
    return re.sub(r"[ \t]*\n[ \t]*", " ", words)


def _comments(gap: str) -> list[str]:
    """The comments between two values, where nothing else but punctuation is."""
    return [line[line.index("#") :].rstrip() for line in gap.split("\n") if "#" in line]
