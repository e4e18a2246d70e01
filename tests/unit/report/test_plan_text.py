"""A plan in words: what a person reads, how a command leaves, and that nobody's words become marks."""

import re

import pytest

from shared.report.plan_text import escaped, exit_code, headline, markdown

CLUSTER = "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg/providers/p/managedclusters/c1"


def plan(items=(), **counts):
    """A plan with these items and numbers."""
    none = dict.fromkeys(
        ("clusters", "changes", "going", "held", "disruptive", "unsure", "reported", "underWay", "dropped", "leaving"),
        0,
    )
    forecast = {"clusters": 0, "writes": [0, 0], "reads": [0, 0], "done": None, "rings": [], "left": 0, "waits": []}
    return {
        "id": "0" * 32,
        "asOf": "2026-11-26T12:00:00+00:00",
        "policy": {"digest": "a" * 64, "generation": 3},
        "against": None,
        "approval": None,
        "ceiling": None,
        "doubt": None,
        "counts": none | counts,
        "groups": [],
        "forecast": forecast | {"assumes": []},
        "items": list(items),
    }


def item(**facts):
    given = {
        "cluster": CLUSTER,
        "action": "Update",
        "risk": ["restarts"],
        "changes": [{"setting": "installVolcano", "from": "false", "to": "true"}],
        "hold": None,
        "reads": [],
    }
    return given | facts


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({}, 0),
        ({"reported": 3, "underWay": 2}, 0),
        ({"unsure": 5}, 3),
        ({"leaving": 1}, 2),
        ({"dropped": 1, "unsure": 5}, 2),
        ({"changes": 2, "going": 2}, 2),
        ({"changes": 2, "going": 1, "held": 1}, 2),
        ({"changes": 2, "going": 0, "held": 2}, 3),
        ({"held": 1}, 3),
    ],
)
def test_how_it_leaves(counts, code):
    """0 nothing to do, 2 something goes out or is lost, 3 all is held or unknown; what is only told changes nothing."""
    assert exit_code(plan(**counts)) == code


def test_what_was_not_seen_is_no_nothing():
    """A plan that saw less of the fleet than is known never says that there is nothing to do."""
    doubtful = plan(clusters=3) | {"doubt": "3 of 300 clusters were seen."}

    assert exit_code(doubtful) == 3
    assert headline(doubtful) == "nothing that is known of to do on 3 clusters."


def test_the_headline_says_the_whole_in_one_sentence():
    """Nothing to do, or how many would change, how many of them are held."""
    assert headline(plan(clusters=7)) == "nothing to do on 7 clusters."
    told = headline(plan(clusters=7, changes=4, going=3, disruptive=2, held=1) | {"against": "b" * 64})
    assert told.startswith("4 of 7 clusters would change under the policy bbbbbbbbbbbb, 2 of them disruptively")
    assert "1 held until" in told
    quiet = headline(plan(clusters=7, unsure=2, leaving=1) | {"against": "b" * 64})
    known = "nothing that is known of to do on 7 clusters under the policy bbbbbbbbbbbb"
    assert quiet == f"{known}; 2 clusters unsure; 1 cluster leaving."


@pytest.mark.parametrize(
    "words",
    [
        "@everyone",
        "a|b",
        "<img src=x onerror=alert(1)>",
        "[click](https://example.com)",
        "`code`",
        "**bold**",
        "#12",
        "![x](y)",
    ],
)
def test_anybodys_words_are_no_marks(words):
    """In a table of Markdown they stay the text that they are: no mention, no link, no HTML, no new column."""
    text = markdown(plan([item(changes=[{"setting": "x", "from": None, "to": words}])], clusters=1, changes=1, going=1))
    (row,) = [line for line in text.splitlines() if line.startswith("| rg/c1")]

    assert words not in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 6
    assert not re.search(r"(?<!\\)[<>`*\[\]]", row.replace("<!-- -->", ""))
    assert not re.search(r"@\w|#\d|://", row)


def test_line_ends_and_control_characters_break_no_table():
    """One row stays one row."""
    assert escaped("a\nb\x1b[31m\u202ec") == "a b \\[31m c"


def test_a_long_plan_fits_into_a_comment():
    """GitHub holds 65,536 characters: rows are bounded, and so is each cell."""
    many = [item(changes=[{"setting": "x" * 50, "from": "y" * 5000, "to": "z" * 5000}]) for _ in range(5000)]
    text = markdown(plan(many, clusters=5000, changes=5000, going=5000))

    assert len(text) < 65_536
    assert "And 4950 more." in text
