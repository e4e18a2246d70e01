"""The lines of the last day, from records of the audit trail."""

from datetime import UTC, datetime, timedelta

from shared.report.changes import happened

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/aks-1"


def record(
    number: int, kind: str = "decision", ago: timedelta = timedelta(hours=1), **more: object
) -> dict[str, object]:
    fixed = {"id": f"r{number}", "at": (NOW - ago).isoformat(), "kind": kind, "subject": CLUSTER, "action": "Nothing"}
    return fixed | more


def test_writes_changes_by_others_and_words_are_told_newest_first():
    """A look that found nothing is not told, nor is anything from before; each record once."""
    records = [
        record(1, action="Install", sent="accepted", ago=timedelta(hours=3)),
        record(1, action="Install", sent="accepted", ago=timedelta(hours=3)),
        record(2, sent="decided", condition="Current"),
        record(3, condition="Drifted", reason="changed by a person", ago=timedelta(hours=2)),
        record(4, "word", action="Pause", who="ada", subject="fleet"),
        record(5, action="Update", sent="accepted", ago=timedelta(hours=25)),
        record(6, "observed", action="Upgraded", ago=timedelta(minutes=1)),
    ]
    lines = happened(records, NOW - timedelta(days=1))

    assert [(line.action, line.outcome, line.who, line.name) for line in lines] == [
        ("Upgraded", "", "Muster", "aks-1"),
        ("Pause", "", "ada", "fleet"),
        ("Nothing", "Drifted", "Muster", "aks-1"),
        ("Install", "accepted", "Muster", "aks-1"),
    ]
    assert [bool(line.key) for line in lines] == [True, False, True, True]


def test_a_busy_day_is_cut_off_at_its_newest():
    """Thirty lines are told."""
    records = [record(n, action="Install", sent="accepted", ago=timedelta(minutes=n)) for n in range(100)]
    lines = happened(records, NOW - timedelta(days=1))
    assert (len(lines), lines[0].at) == (30, NOW)
