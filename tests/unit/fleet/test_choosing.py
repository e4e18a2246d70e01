"""Lists: which clusters the filters choose."""

import pytest

from shared.fleet.choosing import FILTERS, selected
from shared.fleet.snapshot import Entry

_CLUSTER = "/subscriptions/1/resourcegroups/rg/providers/microsoft.containerservice/managedclusters/"
FLEET = (
    Entry(_CLUSTER + "a", management="Managed", gpu=True, reachability="Offline"),
    Entry(_CLUSTER + "b", management="HandsOff", gpu=True, owner="Ada"),
    Entry(_CLUSTER + "c", management="NotSelected", gpu=False),
    Entry(_CLUSTER + "d", management="NotSelected"),
)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, "abcd"),
        ({"gpu": "yes"}, "ab"),
        ({"gpu": "NO"}, "c"),
        ({"gpu": "unknown"}, "d"),
        ({"management": "unmanaged"}, "bcd"),
        ({"management": "Unmanaged", "gpu": "yes"}, "b"),
        ({"management": "managed", "gpu": "yes"}, "a"),
        ({"reachability": "offline"}, "a"),
        ({"owner": "ada"}, "b"),
        ({"q": "/D"}, "d"),
    ],
)
def test_a_filter_chooses_what_has_its_value(wanted: dict[str, str], names: str) -> None:
    """In any letter case, all of them at once; `unmanaged` is everything but Managed."""
    assert "".join(entry.id[-1] for entry in selected(FLEET, wanted)) == names


def test_gpu_clusters_that_are_not_onboarded_can_be_listed() -> None:
    """The filters of a link choose exactly those that the overview counts: with GPUs, and not managed."""
    counted = [entry for entry in FLEET if entry.gpu and FILTERS["management"](entry) != "Managed"]
    assert selected(FLEET, {"gpu": "yes", "management": "unmanaged"}) == counted
