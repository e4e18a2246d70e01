"""The lines of the last day, from records of the audit trail: who changed what, from what, to what."""

import json
from datetime import UTC, datetime

from shared.report.changes import Day, happened, tells

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/aks-1"


def record(kind: str = "decision", **more: object) -> dict[str, object]:
    fixed = {"id": "r", "at": NOW.isoformat(), "kind": kind, "subject": CLUSTER, "action": "Nothing"}
    return fixed | more


def told(*records: dict[str, object]) -> list[tuple[str, str, str, str]]:
    """What, before, after, who."""
    return [(line.what, line.before, line.after, line.who) for line in happened(records)]


def test_what_the_platform_did_is_not_musters():
    """An upgrade has its versions and the platform's name; one that Muster sent is its own."""
    versions = {"action": "Upgraded", "before": "1.1.60", "now": "1.1.61"}

    assert (
        told(record("observed", **versions, hand="platform"), record("observed", **versions))
        == [("Upgraded", "1.1.60", "1.1.61", "the platform")] * 2
    )
    assert told(record("observed", **versions, hand="us"))[0][3] == "Muster"


def test_a_change_by_another_hand_has_its_own_line_beside_what_muster_did_about_it():
    """Who it was as far as Azure says, what stood before, which keys differ; then the write, with what it sent."""
    drift = {"condition": "Drifted", "was": "Current", "differs": ["a", "b", "c", "d", "e"], "hand": "person"}
    repair = drift | {"action": "Update", "sent": "accepted", "keys": ["a"]}

    assert told(record(sent="decided", **drift)) == [
        ("Extension changed", "Current", "Drifted: a, b, c, d and 1 more", "a person")
    ]
    assert told(record(**repair)) == [
        ("Update", "Drifted", "accepted: a", "Muster"),
        ("Extension changed", "Current", "Drifted: a, b, c, d and 1 more", "a person"),
    ]
    assert told(record(sent="decided", **(drift | {"hand": "unknown"})))[0][3] == "somebody else"
    assert told(record(sent="decided", condition="Missing", was="Current", hand="unknown")) == [
        ("Extension deleted", "Current", "Missing", "somebody else")
    ]


def test_a_word_is_a_persons_and_a_policy_whose_approved_it():
    """With the end of the word, and the generations; a policy nobody approved is not Muster's doing."""
    assert told(
        record("word", action="Pause", subject="fleet", who="ada", until="2026-11-28T12:00:00+00:00"),
        record("observed", action="PolicyInForce", subject="fleet", generation=3, who="ada"),
        record("observed", action="PolicyInForce", subject="fleet", generation=1),
    ) == [
        ("Pause", "", "until 2026-11-28 12:00", "ada"),
        ("PolicyInForce", "generation 2", "generation 3", "ada"),
        ("PolicyInForce", "", "generation 1", "not known"),
    ]


def test_a_mere_look_is_known_by_its_bytes():
    """A look that found nothing of another hand is not told; no reason can pass for one of its members."""

    def line(**more: object) -> bytes:
        return json.dumps({"record": record(**more)}, separators=(",", ":")).encode()

    assert not tells(line(sent="decided", condition="Drifted", reason='"hand":"person"'))
    assert tells(line(sent="decided", condition="Drifted", hand="person"))
    assert tells(line(sent="accepted", reason='"sent":"decided"'))
    assert tells(line(kind="word"))


def test_a_day_says_whether_there_is_more():
    """Where there are more records than lines, and where not all was read."""
    assert [Day([], found, cut).more for found, cut in ((30, False), (31, False), (0, True))] == [False, True, True]
