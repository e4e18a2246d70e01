"""Tables: folded where somebody reads them, whole where a program does."""

import pytest

from shared.cli.show import table

LONG = "the service account exists and cannot be imported into the current release " * 3


@pytest.mark.parametrize(("columns", "lines"), [("60", range(8, 30)), ("", range(4, 5))])
def test_a_table_is_folded_at_the_width_that_was_asked_for(capsys, monkeypatch, columns, lines):
    """With COLUMNS no line is longer and no word is lost; without it, in a pipe, a row is one line."""
    monkeypatch.setenv("COLUMNS", columns)
    table(("at", "why"), [("now", LONG)])
    shown = capsys.readouterr().out

    assert len(shown.splitlines()) in lines
    assert " ".join(shown.split()).endswith("release")
    assert max(map(len, shown.splitlines())) <= (int(columns) if columns else len(LONG) + 20)
