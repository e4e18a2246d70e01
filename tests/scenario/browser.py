"""A real browser for the tests of the page: Debian's Chromium by playwright, and axe-core in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.scenario.stage import REPOSITORY

AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = REPOSITORY / "build" / "pages"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Of the browser itself, which would else ask its maker's hosts for this and that at every start.
_QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")


def executable() -> str:
    """Where the browser is."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise AssertionError("No Chromium was found on PATH: `scripts/bootstrap browser` installs Debian's.")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser for the length of the block."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable(), args=list(_QUIET))
        try:
            yield opened
        finally:
            opened.close()


class Visit:
    """One person's browser at the page, and what went wrong there.

    Attributes:
        asked: addresses of every request.
        complaints: errors of the console, of scripts and of requests.
    """

    def __init__(self, context: BrowserContext, url: str, token: str) -> None:
        self.page: Page = context.new_page()
        self.url = url
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(f"{url}/api/ui?token={token}")

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def go(self, below: str) -> None:
        """Open a page."""
        self.page.goto(f"{self.url}/api/ui{below}")

    def shoot(self, name: str, *, whole: bool = True) -> Path:
        """Keep a picture of the page; of what the window shows where it is not to be the whole."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        place = SHOTS / f"{name}.png"
        self.page.screenshot(path=place, full_page=whole)
        return place


def overhang(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return int(wide)


def violations(context: BrowserContext, html: str, url: str) -> list[str]:
    """What axe-core finds in a page, one line each: rule, and where.

    The page's own policy lets no foreign script in, so that axe reads the same document, styles included, in a page
    that is served by the test.
    """
    page = context.new_page()
    try:
        page.route(f"{url}/axe-test", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(f"{url}/axe-test")
        page.add_script_tag(path=str(AXE))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    finally:
        page.close()
    return [f"{each['id']}: {node['html'][:120]}" for each in found["violations"] for node in each["nodes"]]
