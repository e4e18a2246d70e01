"""docs/coverage.md as data: each line of the extension's documentation, what serves it, and the tests that show it."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "coverage.md"
_TEST = re.compile(r"`(tests/[\w/.-]+\.py)::(\w+)`")
_MODULE = re.compile(r"`((?:shared|functions|docs|simulator)/[\w/.-]+|policy\.yaml)`")


@dataclass(frozen=True)
class Row:
    """One row: the documentation's words, the answer, and the tests (file, function)."""

    line: int
    cells: tuple[str, ...]

    @property
    def tests(self) -> tuple[tuple[str, str], ...]:
        """The tests that the row names."""
        return tuple(_TEST.findall(self.cells[-1]))

    @property
    def modules(self) -> tuple[str, ...]:
        """The files that the row says serve it."""
        return tuple(_MODULE.findall(self.cells[1]))


def rows() -> list[Row]:
    """Every row of the page's tables, headings left out."""
    found = []
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("|"):
            continue
        cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        if cells[0] == "documentation" or set(cells[0]) <= {"-", ":"}:
            continue
        found.append(Row(number, cells))
    return found


def named_tests() -> set[tuple[str, str]]:
    """Every test that the page names."""
    return {test for row in rows() for test in row.tests}
