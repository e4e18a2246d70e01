"""What the audit's records say of a moment in the past."""

from datetime import UTC, datetime, timedelta

from shared.model.audit import Kind, recorded
from shared.report.past import Past

DAY = datetime(2026, 11, 27, tzinfo=UTC)
ONE, TWO = "/subscriptions/s/one", "/subscriptions/s/two"


def decided(hours, subject, action, **more):
    """A decision, as the trail holds it."""
    told = {"management": "Managed", "sent": "decided", "generation": 1, "policy": "d1"} | more
    return recorded(DAY + timedelta(hours=hours), Kind.DECISION, subject, action, by="m", **told).plain()


def said(hours, subject, action, **more):
    """A person's word, as the trail holds it."""
    return recorded(DAY + timedelta(hours=hours), Kind.WORD, subject, action, by="ada", who="ada", **more).plain()


TRAIL = [
    decided(1, ONE, "Install", condition="Missing", sent="accepted", profile="training"),
    said(2, "fleet", "Pause", word="p1", reason="a move", until=(DAY + timedelta(hours=9)).isoformat()),
    decided(3, ONE, "Nothing", condition="Current", profile="training"),
    decided(4, TWO, "Hold", condition="Missing", hold="preflight", generation=2, policy="d2"),
    said(5, TWO, "RemoveByHand", reason="no longer wanted"),
    said(6, "fleet", "Approve", word="a1", about="the second ring"),
    decided(7, TWO, "Nothing", condition="Unknown", gone=True, generation=2, policy="d2"),
    said(8, "fleet", "Resume", word="p1"),
    said(8, TWO, "Withdraw"),
]


def at(hours, trail=TRAIL):
    """The past as it was so many hours into the day."""
    past = Past(DAY + timedelta(hours=hours))
    for record in trail:
        past.add(record)
    return past


def test_a_cluster_stood_as_its_last_record_says():
    """Its state, the step that was taken last, and the pause that it was under."""
    before, after = at(2.5).cluster(ONE), at(3).cluster(ONE)

    assert (before["condition"], after["condition"]) == ("Missing", "Current")
    assert (after["last"]["action"], after["last"]["sent"]) == ("Install", "accepted")
    assert [word["action"] for word in after["words"]] == ["Pause"]
    assert at(0.5).cluster(ONE) is None


def test_a_word_stands_until_it_is_taken_back_or_ends():
    """A pause until it is ended or past; a removal until it is withdrawn."""
    assert [word["action"] for word in at(5).cluster(TWO)["words"]] == ["RemoveByHand", "Pause"]
    assert at(8).cluster(TWO)["words"] == []
    assert at(9, TRAIL[:2]).fleet()["words"] == []
    assert {word["action"] for word in at(6).fleet()["words"]} == {"Pause", "RemoveByHand", "Approve"}


def test_the_fleet_is_counted_without_what_is_gone():
    """By management, condition, hold and profile; the policy is the latest that anything was decided by."""
    early, late = at(6).fleet(), at(7).fleet()

    assert (early["clusters"], late["clusters"]) == (2, 1)
    assert early["hold"] == {"none": 1, "preflight": 1}
    assert early["condition"] == {"Current": 1, "Missing": 1}
    assert (at(3).fleet()["policy"], late["policy"], late["generation"]) == ("d1", "d2", 2)
    assert at(7).cluster(TWO)["gone"] is True


def test_what_was_appended_late_counts_for_its_own_moment():
    """The order of lines is not that of moments."""
    assert at(4, TRAIL[::-1]).cluster(ONE)["condition"] == "Current"
    assert Past(DAY).add(TRAIL[0]) is False
