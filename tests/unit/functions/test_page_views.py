"""What pages are made from: the map and the list, over a fleet that is given."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from functions.page_views import list_of, map_of
from shared.fleet.inventory import Fleet
from shared.fleet.snapshot import Entry
from shared.model.gates import Mode
from shared.report.rendering import render

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
_SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
_CLUSTERS = f"/subscriptions/{_SUBSCRIPTION}/resourcegroups/rg/providers/microsoft.kubernetes/connectedclusters/"
FRAME: dict[str, Any] = {"root": "/api/ui", "here": "", "who": "Ada", "form": "", "done": ""}


def house(*entries: Entry) -> Any:
    """As much of the app as a page of the fleet asks."""

    async def fleet() -> Fleet:
        return Fleet(NOW, entries)

    gates = SimpleNamespace(mode=Mode.ENFORCE)
    return SimpleNamespace(
        inventory=SimpleNamespace(fleet=fleet, gaps=()),
        reconciler=SimpleNamespace(gates=lambda: gates),
        clock=lambda: NOW,
    )


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        ({"condition": "Unknown"}, "unknown: it could not be read"),
        ({"condition": "Current", "reachability": "Expired"}, "silent: its agents are offline or expired"),
        ({"condition": "FailedInstall"}, 'failing"'),
        ({"condition": "FailedInstall", "reachability": "Offline"}, 'failing, Offline"'),
        ({"condition": "Current"}, ""),
        ({"condition": "Unknown", "management": "NotSelected"}, ""),
    ],
)
def test_the_map_leads_to_what_somebody_should_look_at(fields: dict[str, str], link: str) -> None:
    """A cluster that could not be read, or whose agents are silent, is a link that says so."""
    entry = Entry(f"{_CLUSTERS}strange", **({"management": "Managed"} | fields))
    view = asyncio.run(map_of(house(entry), "region"))
    html = render("map", **(FRAME | view))

    assert ('aria-label="strange: ' in html) is bool(link)
    assert f'aria-label="strange: {link}' in html or not link


@pytest.mark.parametrize("spelt", [str.lower, str.upper])
def test_the_list_offers_what_is_asked_for_beyond_its_longest_choice(spelt: Any) -> None:
    """Of many subscriptions the form names the commonest, and always the one that is asked for, once."""
    subscriptions = [f"{number:08x}-0000-0000-0000-00000000000a" for number in range(300)]
    entries = [Entry(_CLUSTERS.replace(_SUBSCRIPTION, each) + "one") for each in subscriptions]
    rare = subscriptions[-1]
    without = asyncio.run(list_of(house(*entries), {}))
    view = asyncio.run(list_of(house(*entries), {"subscription": spelt(rare)}))
    html = render("clusters", **(FRAME | view))

    assert rare not in {name: choices for name, _, choices in without["filters"]}["subscription"]
    assert html.count(f"<option selected>{spelt(rare)}</option>") == 1
    assert html.count("<option selected>") == 1
    assert view["total"] == 1
