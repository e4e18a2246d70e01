"""Route templates of HTTP triggers, matched as ASP.NET Core does it.

A template is a list of segments: literals (compared without case), `{name}`, `{name?}` (may be absent, last ones
only), `{*name}` and `{**name}` (the rest of the path, slashes included, may be empty), each with constraints
(`{id:int}`) or a default (`{page=1}`); a segment may mix literals and parameters (`{name}.json`). Where several
templates match, the more specific one wins: literal before constrained parameter before parameter before rest.
Source: Microsoft Learn, "Routing in ASP.NET Core" (the Functions host uses its attribute routing).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from devhost.errors import StartError

__all__ = ["Match", "MethodNotAllowed", "Route", "RouteTable"]

CONSTRAINTS = {
    "int": r"[+-]?\d+",
    "long": r"[+-]?\d+",
    "alpha": r"[A-Za-z]+",
    "bool": r"(?i:true|false)",
    "guid": r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}",
}
PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_]\w*)((?::[^{}=?]+)*)(?:=([^{}]*))?(\?)?\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One template, ready to match.

    Attributes:
        name: the function it leads to.
        methods: upper case; empty means any.
        precedence: lower is more specific.
    """

    name: str
    template: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    defaults: Mapping[str, str]
    precedence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A path that leads to a function, with the values of its parameters."""

    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MethodNotAllowed:
    """The path exists, for other methods."""

    allowed: tuple[str, ...]


class RouteTable:
    """All HTTP routes of an app, most specific first."""

    def __init__(self, routes: Iterable[tuple[str, str, Iterable[str]]]) -> None:
        """Take (function name, template without prefix, methods) triples.

        Raises:
            StartError: a template that cannot be read, naming the function.
        """
        compiled = [_compile(name, template, methods) for name, template, methods in routes]
        self._routes = sorted(compiled, key=lambda route: route.precedence)

    def match(self, method: str, path: str) -> Match | MethodNotAllowed | None:
        """The function for a raw (still percent-encoded) path below the prefix; None where there is no such path."""
        allowed: set[str] = set()
        for route in self._routes:
            found = route.pattern.fullmatch(path.strip("/"))
            if found is None:
                continue
            if route.methods and method.upper() not in route.methods:
                allowed |= route.methods
                continue
            values = {name: unquote(value) for name, value in found.groupdict().items() if value}
            return Match(route.name, {**route.defaults, **values})
        return MethodNotAllowed(tuple(sorted(allowed))) if allowed else None


def _compile(name: str, template: str, methods: Iterable[str]) -> Route:
    defaults: dict[str, str] = {}
    pattern, precedence = "", []
    for index, segment in enumerate(segment for segment in template.strip("/").split("/") if segment):
        piece, rank, optional = _segment(name, template, segment, defaults)
        slash = "/" if index else ""
        pattern += f"(?:{slash}{piece})?" if optional else slash + piece
        precedence.append(rank)
    upper = frozenset(method.upper() for method in methods)
    return Route(name, template, upper, re.compile(pattern), defaults, tuple(precedence))


def _segment(name: str, template: str, segment: str, defaults: dict[str, str]) -> tuple[str, int, bool]:
    whole = PARAMETER.fullmatch(segment)
    piece, end = "", 0
    for found in PARAMETER.finditer(segment):
        piece += _literal(name, template, segment[end : found.start()])
        piece += _parameter(found, defaults)
        end = found.end()
    piece += _literal(name, template, segment[end:])
    if whole is None:
        return piece, 1 if "{" not in segment else 2, False
    stars, _, constraints, default, optional = whole.groups()
    rank = (5 if stars else 4) - (1 if constraints else 0)
    return piece, rank, bool(stars or optional or default is not None)


def _parameter(found: re.Match[str], defaults: dict[str, str]) -> str:
    stars, parameter, constraints, default, _ = found.groups()
    if default is not None:
        defaults[parameter] = default
    inner = ".*" if stars else "[^/]+?"
    for constraint in filter(None, constraints.split(":")):
        inner = CONSTRAINTS.get(constraint, inner)
    return f"(?P<{parameter}>{inner})"


def _literal(name: str, template: str, text: str) -> str:
    if "{" in text or "}" in text:
        raise StartError(f"function {name}: the route {template!r} cannot be read at {text!r}")
    return f"(?i:{re.escape(text)})" if text else ""
