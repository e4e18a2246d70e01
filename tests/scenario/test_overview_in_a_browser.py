"""The overview with something in every part of it, in a real browser: axe-core finds nothing, nothing overhangs."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from shared.report.overview import overview
from shared.report.rendering import ASSETS, asset, render
from tests.scenario.browser import SHOTS, browser, overhang, violations
from tests.unit.report.fleet_by_hand import CHANGES, OLD, SOURCES

ORIGIN = "http://muster.invalid"
FRAME = {"root": "/api/ui", "here": "", "who": "ada", "form": "f" * 43, "done": "", "mode": "enforce"}
FRAME |= {"complete": True, "fresh": False, "single": False, "changes": CHANGES}
PAGES = {
    name: render(
        "overview", **FRAME, view=overview(sources), now=sources.now, as_of=sources.fleet.as_of, stale=name == "old"
    )
    for name, sources in (("fresh", SOURCES), ("old", OLD))
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the module."""
    with browser() as opened:
        yield opened


def served(page: Page, html: str) -> None:
    """The page with its own files, from an origin that is nowhere."""

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2].partition("?")[0]
        kind = ASSETS.get(name)
        route.fulfill(body=asset(name) if kind else html, content_type=kind or "text/html; charset=utf-8")

    page.route("**/*", answer)
    page.goto(f"{ORIGIN}/api/ui")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_part_stands(chromium: Browser, name: str, scheme: str, width: int, *, scripts: bool) -> None:
    """Fresh and old, as with scripts as without: no violation, nothing wider than the window, every card seen."""
    css, shape = asset("muster.css").decode(), {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    with chromium.new_context(java_script_enabled=scripts, **shape) as context, chromium.new_context(**shape) as other:
        page = context.new_page()
        served(page, PAGES[name])
        cards = page.locator(".card h2").all_inner_texts()
        tall = page.locator("h1").is_visible()
        over = overhang(page)
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"every-part-{name}-{scheme}-{width}.png", full_page=True)
        before, _, after = page.content().partition('<link rel="stylesheet"')
        alone = (
            before
            + f"<style>{css}</style>"
            + after.partition(">")[2].replace("<script", "<template").replace("</script>", "</template>")
        )
        found = violations(other, alone, ORIGIN)

    assert tall
    assert {"Failures by class", "Held by", "Pauses", "Versions by ring"} <= set(cards)
    assert found == []
    assert over <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_old_figures_are_grey(chromium: Browser, scheme: str) -> None:
    """Heading, figures, tiles and links in the soft colour; what needs a person is as bright as ever."""
    with chromium.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        served(page, PAGES["old"])
        colour = "(each) => getComputedStyle(each).color"
        soft = page.locator("footer").evaluate(colour)
        grey = [page.locator(place).first.evaluate(colour) for place in ("h1", ".tile.ok", ".tile a", ".facts dd")]
        bright = page.locator("#needs").evaluate(colour)

    assert set(grey) == {soft}
    assert bright != soft
