"""The words of JSON Schema that the schema of a policy is made of."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

type Schema = dict[str, Any]

# The reader takes a text's spelling, however a YAML reader would understand it: `ticket: 4711` is one.
SCALAR = ["string", "number", "boolean"]
_DURATION = r"[1-9][0-9]{0,7}[smhd]"
_UNITS = {"h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
_WEEK = timedelta(days=7)


def mapping(properties: Mapping[str, Schema], *, required: Iterable[str] = (), about: str = "") -> Schema:
    """A mapping of known keys."""
    made: Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    if about:
        made["description"] = about
    if needed := list(required):
        made["required"] = needed
    return made


def text(about: str, pattern: str = "", default: str | None = None, example: str | None = None) -> Schema:
    """A text; `pattern` is what the whole of it must look like."""
    made: Schema = {"type": SCALAR, "description": about}
    if pattern:
        made["pattern"] = f"^{pattern}$"
    return _with(made, default, example)


def address(about: str, begins: str, example: str | None = None) -> Schema:
    """A text of which the reader says more than how it begins."""
    return _with({"type": "string", "pattern": f"^{begins}", "description": about}, example=example)


def _with(made: Schema, default: object = None, example: object = None) -> Schema:
    more = {"default": default} if default is not None else {}
    return made | more | ({"examples": [example]} if example is not None else {})


def flag(about: str, *, default: bool) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": about, "default": default}


def count(about: str, default: int | None = None, *, most: int) -> Schema:
    """A whole number of at least 1."""
    return _with({"type": "integer", "minimum": 1, "maximum": most, "description": about}, default)


def percent(about: str) -> Schema:
    """A share."""
    return {"type": "number", "exclusiveMinimum": 0, "maximum": 100, "description": about}


def duration(about: str, default: timedelta | None = None) -> Schema:
    """30s, 2m, 6h or 7d."""
    made = {"type": "string", "pattern": f"^{_DURATION}$", "description": about}
    return _with(made, _written(default) if default is not None else None)


def _written(span: timedelta) -> str:
    """A duration as people write it: in the largest unit that divides it, in days from a week on."""
    if span >= _WEEK and not span % timedelta(days=1):
        return f"{span.days}d"
    unit, one = next((unit, one) for unit, one in _UNITS.items() if not span % one)
    return f"{span // one}{unit}"


def word(about: str, words: Iterable[StrEnum], default: StrEnum | None = None) -> Schema:
    """One of several words."""
    made = {"enum": [each.value for each in words], "description": about}
    return _with(made, default.value if default is not None else None)


def some(about: str, *, of: Schema | None = None) -> Schema:
    """One value or several, of which one fits."""
    one = of or {"type": SCALAR}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}], "description": about}


def items(about: str, items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items, "description": about}


def named(about: str, values: Schema) -> Schema:
    """A mapping of free names."""
    return {"type": "object", "additionalProperties": values, "description": about}
