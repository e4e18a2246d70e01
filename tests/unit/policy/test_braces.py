"""Several keys in one line: what is remarked on, and how it is broken up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from shared.policy.braces import comments_of, too_much
from shared.policy.formatting import formatted
from shared.policy.model import PolicyText

LONG = "x" * 100


def text(content: str) -> PolicyText:
    """A file of a policy."""
    return PolicyText("p.yaml", content)


@pytest.mark.parametrize(
    ("content", "places"),
    [
        ("a: {kind: aks, gpu: true}", []),
        ("a: {kind: aks, tags: {env: prod}}", []),
        ("a: {match: {kind: aks, gpu: true}}", []),
        (f"a: {{only: {LONG}}}", []),
        (f"a: {{b: 1, c: 2}}  # {LONG}", []),
        (f"a: {{b: 1, c: {LONG}}}", [("p.yaml:1", "a")]),
        ("a:\n  - {name: b, match: {kind: aks, gpu: true}}", [("p.yaml:2", "a[0]")]),
        ("a: {b: 1, c: [{d: 1, e: 2}]}", [("p.yaml:1", "a")]),
        (f"a: [{{b: 1, c: {'x' * 90}}}, {{d: 1, e: 2}}]", [("p.yaml:1", "a[0]"), ("p.yaml:1", "a[1]")]),
    ],
)
def test_what_hurts_reviews_is_remarked_on(content, places):
    """Several keys that make their line long, or that hold several keys again; not the comment behind them."""
    assert list(too_much(text(content))) == places


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "rules:\n  - {name: a, match: {kind: aks, gpu: true}, profile: p}  # why a\n",
            "rules:\n  # why a\n  - name: a\n    match: {kind: aks, gpu: true}\n    profile: p\n",
        ),
        (
            "p: {settings: {a: 1, b: \"x\"}, tls: 'y'}  # why p\n# next\nq: {}\n",
            "p:  # why p\n  settings: {a: 1, b: \"x\"}\n  tls: 'y'\n# next\nq: {}\n",
        ),
        ("a: {b: 1,  # one\n  # before c\n  c: 2}\n", "a:\n  b: 1  # one\n  # before c\n  c: 2\n"),
        (f"a: [{{b: 1, c: {LONG}}}, 'd']\n", f"a:\n  - b: 1\n    c: {LONG}\n  - 'd'\n"),
        ("a: {b: one\n  two, c: {d: 1, e: 2}}\n", "a:\n  b: one two\n  c: {d: 1, e: 2}\n"),
        ("{a: 1, b: {c: 1, d: 2}}\n", "a: 1\nb: {c: 1, d: 2}\n"),
    ],
)
def test_it_is_broken_up_as_a_person_would(before, after):
    """As far as it hurts and no further; comments stay with what they are about, quotes as they are."""
    assert formatted(text(before)).text == after


@st.composite
def _flow(draw: st.DrawFn, depth: int = 3, *, item: bool = False) -> str:
    """A value in braces, with comments and line ends wherever they may be.

    No list is an item of a list: there is none in a policy, and ruamel.yaml loses comments there.
    """
    gap = st.sampled_from(["", " ", "\n  ", "  # note\n    ", "\n  # one line\n  "])
    kind = draw(st.sampled_from(["word", "mapping", *([] if item else ["list"])])) if depth else "word"
    if kind == "word":
        return draw(st.sampled_from(["1", "true", "'a # b, c'", '"x: {y}"', "some words", "w" * 60, "''", "a#b"]))
    parts = []
    for number in range(draw(st.integers(1, 4))):
        value = draw(_flow(depth - 1, item=kind == "list"))
        named = f"k{number}: {value}" if kind == "mapping" else value
        parts.append(draw(gap) + named + draw(gap))
    return "{}".replace("}", ",".join(parts) + "}") if kind == "mapping" else "[" + ",".join(parts) + "]"


@st.composite
def _documents(draw: st.DrawFn) -> str:
    lines = ["# head"]
    for number in range(draw(st.integers(1, 3))):
        note = draw(st.sampled_from(["", "  # why"]))
        if draw(st.booleans()):
            lines.append(f"key{number}: {draw(_flow())}{note}")
        else:
            lines += [f"key{number}:", *(f"  - {draw(_flow(item=True))}{note}" for _ in range(draw(st.integers(1, 2))))]
        lines += draw(st.sampled_from([[], ["# between"], [""]]))
    return "\n".join(lines) + "\n"


@settings(deadline=None)
@given(content=_documents())
def test_nothing_is_lost_and_once_is_enough(content):
    """Values and comments are the same afterwards, nothing is left to remark on, and the second time does nothing."""
    before = text(content)
    after = formatted(before)

    assert YAML(typ="safe").load(after.text) == YAML(typ="safe").load(content)
    assert comments_of(after) == comments_of(before)
    assert too_much(after) == ()
    assert formatted(after) == after
