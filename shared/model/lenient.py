"""JSON objects as services really send them: names in another letter case, null where a value is expected."""

from collections.abc import Mapping
from typing import Any


class Lenient:
    """One level of a JSON object, its property names matched without case; an exact name wins.

    A value of another type than the one asked for counts as absent.
    """

    __slots__ = ("_exact", "_folded")

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._exact = body
        self._folded = {str(name).lower(): value for name, value in body.items()}

    def get(self, name: str) -> Any:
        """The value as it stands; None where it is null or absent."""
        return self._exact[name] if name in self._exact else self._folded.get(name.lower())

    def text(self, name: str) -> str | None:
        """A text that is not empty."""
        value = self.get(name)
        return value if isinstance(value, str) and value else None

    def number(self, name: str) -> int | None:
        """A whole number."""
        value = self.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        value = self.get(name)
        return value if isinstance(value, bool) else None

    def mapping(self, name: str) -> Mapping[str, Any]:
        """An object as it stands; an empty one where there is none."""
        value = self.get(name)
        return value if isinstance(value, Mapping) else {}

    def items(self, name: str) -> "list[Lenient] | None":
        """The objects of a list; None where there is no list."""
        value = self.get(name)
        return [Lenient(item) for item in value if isinstance(item, Mapping)] if isinstance(value, list) else None

    def inner(self, name: str) -> "Lenient":
        """An object of the next level; an empty one where there is none."""
        return Lenient(self.mapping(name))
