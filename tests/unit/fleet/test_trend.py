"""The fleet's last days."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.fleet.figures import Figures
from shared.fleet.snapshot import Entry
from shared.fleet.trend import days_with, rules_with

NOW = datetime(2026, 3, 31, 23, 50, tzinfo=UTC)
CLUSTER = "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg/providers/x/y/a"


def figures(clusters: int) -> Figures:
    counted = Figures(NOW)
    for _ in range(clusters):
        counted.add(Entry(CLUSTER, management="Managed", condition="Current"))
    return counted


def test_a_day_is_as_its_last_sweep_left_it():
    """Later sweeps of a day replace it; a new day stands beside it, oldest first."""
    first = days_with(None, figures(1), NOW)
    again = days_with(first, figures(2), NOW + timedelta(minutes=5))
    next_day = days_with(again, figures(3), NOW + timedelta(minutes=15))

    assert [(day["day"], day["compliant"]) for day in again] == [("2026-03-31", 2)]
    assert [(day["day"], day["managed"]) for day in next_day] == [("2026-03-31", 2), ("2026-04-01", 3)]


def test_a_month_is_kept():
    """Whatever lies before is dropped."""
    days = None
    for number in range(40):
        days = days_with(days, figures(1), NOW + timedelta(days=number))

    assert len(days) == 31
    assert days[-1]["day"] == "2026-05-09"


@pytest.mark.parametrize("damaged", [None, {}, "x", [1, None, {"other": 1}], [{"day": "2999-01-01"}]])
def test_what_cannot_be_read_begins_anew(damaged):
    """Nothing that a reader would stumble over is carried on."""
    days = days_with(damaged, figures(1), NOW)
    assert [day["day"] for day in days] == ["2026-03-31"]


def test_a_rule_keeps_the_moment_at_which_it_last_served_somebody():
    """One that serves nobody now keeps it; one that the policy no longer has is forgotten; damage begins anew."""
    serving, later = Figures(NOW), NOW + timedelta(hours=1)
    serving.add(Entry(CLUSTER, management="Managed", rule="a"))
    serving.add(Entry(CLUSTER, management="NotSelected", rule="b"))
    first = rules_with("damaged", ["a", "b"], serving, NOW)
    second = rules_with(first | {"gone": NOW.isoformat()}, ["a", "b"], Figures(later), later)

    assert first == {"a": NOW.isoformat()}
    assert second == first
    assert rules_with(second, ["a"], serving, later) == {"a": later.isoformat()}
