"""What needs a person: since when, and no longer once it is approved."""

from datetime import UTC, datetime, timedelta

from shared.fleet.snapshot import Entry
from shared.reconcile.generations import Standing
from shared.report.needs import needs_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=5)
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/"
STANDING = Standing("a" * 64, 1, NOW.isoformat(), None, "", None)


def test_what_the_fleet_waits_for_has_its_age():
    """The approvals of the fleet, and a document that was refused."""
    refused = {"digest": "b", "at": SINCE.isoformat(), "findings": ["rulez"]}
    standing = Standing("a" * 64, 1, NOW.isoformat(), refused, "", None)
    waiting = [{"id": "mass-selection", "reason": "Many.", "since": SINCE.isoformat()}, {"id": "ring-1", "reason": "x"}]
    found = needs_of([], waiting, standing)

    assert [(need.name, need.since) for needs in found for need in needs.first] == [
        ("mass-selection", SINCE),
        ("ring-1", None),
        ("the newest policy", SINCE),
    ]


def test_what_is_approved_waits_for_its_look_and_has_no_button():
    """The other one keeps what it is approved by."""
    held = [
        Entry(f"{CLUSTER}{name}", management="Managed", hold=["approval", "x", SINCE.isoformat(), None, None, approval])
        for name, approval in (("a", "change-1"), ("b", "change-2"))
    ]
    waiting = [{"id": "change-2", "cluster": f"{CLUSTER}b", "reason": "x", "since": SINCE.isoformat()}]
    (needs,) = needs_of(held, waiting, STANDING)

    assert [(need.name, need.approval) for need in needs.first] == [("a", ""), ("b", "change-2")]
    assert "a look is under way" in needs.first[0].remedy
    assert needs.first[1].remedy.startswith("Read the change")


def test_two_extensions_of_one_kind_need_a_person():
    """No hold is on such a cluster, and nobody but a person can choose between the two."""
    entries = [
        Entry(f"{CLUSTER}both", management="Managed", condition="Conflict", reason="azureml and ml", owner="ada"),
        Entry(f"{CLUSTER}not-ours", management="NotSelected", condition="Conflict"),
    ]
    (needs,) = needs_of(entries, [], STANDING)
    (need,) = needs.first

    assert (needs.what, needs.count, need.name, need.owner, need.reason) == (
        "conflict",
        1,
        "both",
        "ada",
        "azureml and ml",
    )
    assert needs.filters == {"condition": "Conflict", "management": "Managed"}
    assert need.remedy.startswith("Remove all extensions of this type but one")
