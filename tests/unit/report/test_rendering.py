"""Tones: what a cluster looks like on the map and in lists."""

import re

import pytest

from shared.fleet.snapshot import Entry
from shared.model.state import Condition, Management, Reachability
from shared.report.rendering import CALLING, TONES, asset, shape, tone, tone_of

_HELD = ["pause", "a trial", None, None, None, None]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"condition": "Current"}, "ok"),
        ({"condition": "Unknown"}, "unknown"),
        ({"condition": "Current", "reachability": "Offline"}, "silent"),
        ({"condition": "Unknown", "reachability": "Expired"}, "silent"),
        ({"condition": "Installing", "reachability": "Offline"}, "silent"),
        ({"condition": "Degraded", "reachability": "Offline", "hold": _HELD}, "bad"),
        ({"condition": "Current", "reachability": "Offline", "hold": _HELD}, "held"),
        ({"condition": "Drifted"}, "held"),
        ({"condition": "Updating"}, "work"),
        ({"condition": "Unknown", "management": "NotSelected", "reachability": "Offline"}, "off"),
    ],
)
def test_no_cluster_that_nobody_can_read_looks_well_or_unmanaged(fields: dict[str, object], expected: str) -> None:
    """What could not be read and what is silent have tones of their own, and so has what is not managed."""
    assert tone(Entry("x", **({"management": "Managed"} | fields))) == expected


def test_only_what_stands_as_wanted_looks_so() -> None:
    """Of all states of a managed cluster, `ok` is Current, reachable and not held."""
    states = [
        Entry("x", management=management, condition=condition, reachability=reachability, hold=hold)
        for management in Management
        for condition in Condition
        for reachability in Reachability
        for hold in (None, _HELD)
    ]
    sound = [each for each in states if tone(each) == "ok"]
    assert sound == [Entry("x", management="Managed", condition="Current", reachability="Online")]
    assert {tone(each) for each in states} == {name for name, _, _ in TONES}


def test_nobody_has_to_tell_colours_apart() -> None:
    """Each tone has a sign that no other has, and every tone that calls for somebody is one of them."""
    signs = [sign for _, sign, _ in TONES]
    assert len(set(signs)) == len(signs)
    assert {name for name, _, _ in TONES} > CALLING
    assert shape(Entry("x", management="Managed")) == "?"
    assert tone_of("a word of tomorrow") == "unknown"


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * each for each in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_tone_can_be_read(scheme: int) -> None:
    """At least 4.5 to 1 against page and card, in light and in dark (WCAG 2.2, AA)."""
    css = asset("muster.css").decode()
    colours = {name: (light, dark) for name, light, dark in re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", css)}
    poor = []
    for name, _, _ in TONES:
        for behind in ("back", "card"):
            bright, dim = sorted((_luminance(colours[each][scheme]) for each in (name, behind)), reverse=True)
            if (bright + 0.05) / (dim + 0.05) < 4.5:
                poor.append((name, behind))
    assert poor == []
