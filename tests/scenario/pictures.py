"""The pictures of the documents: which there are, and what each shows of the page.

They are taken from the demo's fleet by tests/scenario/test_demo_told.py, always into build/pictures;
`MUSTER_WRITE_PICTURES=1`, which `make pictures` sets, puts them into docs/pictures.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from tests.scenario.browser import Visit
from tests.scenario.stage import REPOSITORY

KEPT = REPOSITORY / "docs" / "pictures"
TAKEN = REPOSITORY / "build" / "pictures"
LARGEST = 150_000  # bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: of which page, how, and how much of it.

    Attributes:
        name: of the file, without `.png`.
        place: the page's address below /api/ui; a cluster's name in braces stands for its key.
        until: the heading of the first section that is not in the picture; empty for the height alone.
        height: pixels at most, from the top of the page.
        from_: the heading of the section that the picture begins with; empty for the top of the page.
    """

    name: str
    place: str
    until: str = ""
    height: int = 900
    from_: str = ""
    scheme: str = "light"


WIDTH = 1180
PICTURES = (
    Picture("needs-you", "", until="The last 24 hours", height=760),
    Picture("needs-you-dark", "", until="The last 24 hours", height=760, scheme="dark"),
    Picture("fleet", "", from_="How the fleet stands", height=700, scheme="dark"),
    Picture("map", "/map?by=region", height=560),
    Picture("cluster", "/clusters/{aks-untagged}", until="Facts", height=960),
    Picture("settings", "/clusters/{arc-production-gpu}", from_="Settings, and where each comes from", height=560),
    Picture("policy", "/policy", from_="Rules, in the order in which they are asked", height=640),
)


def take(browser: Browser, url: str, token: str, keys: Mapping[str, str]) -> dict[str, Path]:
    """Take each picture; where they are, by name. `keys` has the key of each cluster by its name."""
    folder = KEPT if os.environ.get("MUSTER_WRITE_PICTURES") else TAKEN
    folder.mkdir(parents=True, exist_ok=True)
    return {picture.name: _taken(browser, picture, url, token, keys, folder) for picture in PICTURES}


def _taken(browser: Browser, picture: Picture, url: str, token: str, keys: Mapping[str, str], folder: Path) -> Path:
    place = folder / f"{picture.name}.png"
    shape = {"width": WIDTH, "height": picture.height}
    with browser.new_context(color_scheme=picture.scheme, viewport=shape, device_scale_factor=1) as context:
        visit = Visit(context, url, token)
        visit.go(picture.place.format_map(keys))
        top = _top(visit, picture.from_) if picture.from_ else 0
        whole = visit.page.evaluate("document.querySelector('footer').getBoundingClientRect().top + scrollY")
        bottom = _top(visit, picture.until) if picture.until else whole
        clip = {"x": 0, "y": top, "width": WIDTH, "height": min(bottom - top, picture.height)}
        visit.page.screenshot(path=place, full_page=True, clip=clip)
    return place


def _top(visit: Visit, heading: str) -> float:
    """Where the section of a heading begins, in pixels from the top of the page."""
    found = visit.page.get_by_role("heading", name=heading, exact=True)
    return float(found.evaluate("element => element.getBoundingClientRect().top + scrollY")) - 12
