"""docs/security.md: each threat has a control and a test, and the tests exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("security.md", "drills.md")
ACTORS = {"event forger", "tagger", "API user", "policy editor", "compromised cluster", "compromised app"}
_TEST = re.compile(r"`(tests/[\w/.-]+\.py)::(\w+)`")


def rows(page: str) -> list[list[str]]:
    """The cells of a page's tables, headings left out."""
    lines = [line for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if row[0] not in {"who", "drill"} and not set(row[0]) <= {"-", ":"}]


@pytest.mark.parametrize("row", [row for page in PAGES for row in rows(page)], ids=lambda row: row[1][:40])
def test_a_row_names_tests_that_exist(row):
    """No empty cell, at least one test, and a function of that name in that file."""
    named = _TEST.findall(row[-1])

    assert all(row)
    assert named
    for file, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{name}"


def test_every_actor_has_his_rows():
    """The six of the threat model."""
    assert {row[0] for row in rows("security.md")} >= ACTORS - {"tagger"}
    assert any(row[0].startswith("tagger") for row in rows("security.md"))
