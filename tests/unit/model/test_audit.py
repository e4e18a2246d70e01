"""The chain of the audit's lines: whatever is done to them afterwards is found, and found where it was done."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.model.audit import BEGINNING, Break, Chain, Kind, Line, read_line, recorded, sealed

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
CLUSTERS = [f"/subscriptions/s/clusters/c{number}" for number in range(1, 7)]
RECORDS = [
    recorded(AT + timedelta(minutes=number), Kind.DECISION, cluster, "Install", by="muster", reason="a “first” one\n")
    for number, cluster in enumerate(CLUSTERS)
]
LINES = [line.removesuffix(b"\n") for line in sealed(BEGINNING, [record.plain() for record in RECORDS])[1]]


def followed(lines, head=BEGINNING):
    """How far a chain goes: its lines, and the break that ends it or None."""
    chain = Chain(head)
    for number, raw in enumerate(lines, start=1):
        each = chain.follow(raw, ("2026-11-27", number))
        if isinstance(each, Break):
            return chain, each
    return chain, None


def renewed(raw, head=None, **change):
    """A line whose record somebody changed, and whose hash he made anew; with a head, put after that."""
    line = read_line(raw)
    n, prev = (head.n, head.hash) if head else (line.n - 1, line.prev)
    return sealed(type(BEGINNING)(n, prev), [{**line.record, **change}])[1][0].removesuffix(b"\n")


def test_a_trail_as_it_was_written_is_whole():
    """Every line follows, and what it holds is what was recorded."""
    chain, broken = followed(LINES)

    assert (broken, chain.lines, chain.repeated) == (None, 6, 0)
    assert chain.head.n == 6
    assert [read_line(raw).record for raw in LINES] == [record.plain() for record in RECORDS]


def test_a_line_can_be_verified_without_this_code():
    """Its hash is the SHA-256 of the line without its last member, and the next line names it."""
    for raw, after in pairwise(LINES):
        text, body = raw.decode("ascii"), json.loads(raw)
        said = text[: text.rindex(',"hash":')] + "}"
        assert hashlib.sha256(said.encode()).hexdigest() == body["hash"] == json.loads(after)["prev"]


@pytest.mark.parametrize("which", range(6))
def test_no_byte_of_a_line_can_be_changed(which):
    """Any byte at all, the hash itself included: the break is at that line."""
    for place in range(len(LINES[which])):
        raw = bytearray(LINES[which])
        raw[place] ^= 1
        broken = followed([*LINES[:which], bytes(raw), *LINES[which + 1 :]])[1]
        assert broken is not None, place
        assert broken.place == ("2026-11-27", which + 1), place


@pytest.mark.parametrize("which", range(5))
def test_a_change_whose_hash_was_made_anew_is_found_by_the_next_line(which):
    """And told at the line that was changed, with its cluster."""
    changed = renewed(LINES[which], action="Remove")
    broken = followed([*LINES[:which], changed, *LINES[which + 1 :]])[1]

    assert broken.place == ("2026-11-27", which + 1)
    assert broken.subject == CLUSTERS[which]
    assert "was changed" in broken.what


@pytest.mark.parametrize("which", range(5))
def test_a_removal_is_found_where_the_lines_are_missing(which):
    """One line, or two: at the line that follows them, with their number."""
    for many in (1, 2):
        if which + many < 6:
            broken = followed([*LINES[:which], *LINES[which + many :]])[1]
            assert broken.place == ("2026-11-27", which + 1)
            assert broken.subject == CLUSTERS[which + many]
            assert f"the {many} lines before it were removed" in broken.what


@pytest.mark.parametrize("which", range(1, 6))
@pytest.mark.parametrize("kind", ["garbage", "copy", "forged", "empty"])
def test_an_insertion_is_found_where_it_stands(which, kind):
    """Whether it is no line at all, an old one again, or one that was forged to follow."""
    head = read_line(LINES[which - 1]).head
    more = {"garbage": b"{}", "copy": LINES[0], "forged": renewed(LINES[0], head), "empty": b""}[kind]
    broken = followed([*LINES[:which], more, *LINES[which:]])[1]

    assert broken.place == ("2026-11-27", which + 1)


def test_two_lines_that_change_places_are_found():
    """At the first of them."""
    broken = followed([*LINES[:2], LINES[3], LINES[2], *LINES[4:]])[1]

    assert broken.place == ("2026-11-27", 3)


def test_a_part_is_followed_from_its_first_line():
    """Where the beginning is not asked for; where it is, what is missing there is found."""
    assert followed(LINES[2:], head=None)[1] is None
    assert followed(LINES[2:])[1].place == ("2026-11-27", 1)


def test_a_record_that_was_written_down_twice_is_told_and_no_break():
    """It has one id."""
    twice = sealed(BEGINNING, [RECORDS[0].plain(), RECORDS[1].plain(), RECORDS[0].plain()])[1]
    chain, broken = followed([raw.removesuffix(b"\n") for raw in twice])

    assert (broken, chain.repeated) == (None, 1)


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'{"n":1}', b'{"n":"1","prev":"","record":{}', b"\xff\xfe"])
def test_what_is_no_line_is_none(raw):
    """Even with a hash that fits."""
    fitting = raw + b',"hash":"' + hashlib.sha256(raw + b"}").hexdigest().encode() + b'"}'

    assert read_line(raw) is None
    assert read_line(fitting) is None


def test_an_id_follows_from_its_cause_and_a_record_leaves_out_what_is_not_known():
    """The same cause has the same id; another moment, subject, action or author another."""
    same = recorded(AT, Kind.DECISION, CLUSTERS[0], "Install", by="muster", profile=None, keys=())
    others = {
        recorded(AT + timedelta(microseconds=1), Kind.DECISION, CLUSTERS[0], "Install", by="muster").id,
        recorded(AT, Kind.DECISION, CLUSTERS[1], "Install", by="muster").id,
        recorded(AT, Kind.DECISION, CLUSTERS[0], "Remove", by="muster").id,
        recorded(AT, Kind.DECISION, CLUSTERS[0], "Install", by="another").id,
    }

    assert same.id == RECORDS[0].id
    assert len(others | {same.id}) == 5
    assert same.body == {}
    assert same.ended(sent="accepted", code=None).body == {"sent": "accepted"}
    assert same.ended(sent="accepted").id == same.id


def test_a_sentence_of_any_length_is_cut():
    """So that no record is larger than a row, or a block, takes."""
    told = recorded(AT, Kind.WORD, CLUSTERS[0], "Pause", by="ada", reason="\u2028" * 100_000)
    raw = sealed(BEGINNING, [told.plain()])[1][0]

    assert len(told.body["reason"]) == 2000
    assert isinstance(read_line(raw.removesuffix(b"\n")), Line)
    assert raw.count(b"\n") == 1
