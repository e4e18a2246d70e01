"""The page in a real browser: light and dark, with and without scripts, narrow and wide, and by what axe-core says."""

import re

import pytest

from shared.model.identity import ClusterId
from tests.scenario.browser import Visit, browser, overhang, violations
from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage

TOKEN = "t" * 43
STAGE = {
    "settings": {"MUSTER_PAGE_TOKEN": TOKEN},
    # Long enough that nothing changes by itself while somebody looks.
    "timing": {"backoffMax": "2h"},
}
FAILURE = "Error: role conflict cannot be imported into the current release"


@pytest.fixture(scope="module")
def fleet(stage: Stage) -> dict[str, str]:
    """Clusters that stand, one in quarantine, one with a tag that cannot be read, one nobody selected, a silent one."""
    made = {
        name: stage.control.create_cluster(
            kind=kind, name=name, subscription=SUBSCRIPTION, tags=tags | {"aml-owner": "Ada & Söhne"}, emit=False
        )
        for name, kind, tags in (
            ("sound-1", "aks", SELECTED),
            ("sound-2", "arc", SELECTED),
            ("broken", "aks", SELECTED),
            ("mistagged", "aks", {"aml-onboard": "perhaps"}),
            ("nobodys", "aks", {}),
        )
    }
    made["silent"] = stage.control.create_cluster(
        kind="arc",
        name="silent",
        subscription=SUBSCRIPTION,
        tags=SELECTED,
        emit=False,
        properties={"connectivityStatus": "Offline"},
    )
    stage.control.outcome(made["broken"], fail=FAILURE, times=1)
    stage.sweep()
    stage.installed(made["sound-1"], made["sound-2"])
    stage.in_condition("FailedInstall", made["broken"])
    stage.until(lambda: (stage.memory(made["broken"]).get("state") or {}).get("hold"), "the quarantine")
    stage.sweep()
    stage.quiet()
    return made


EDITED = """
version: 1
profiles: {plain: {settings: {enableTraining: true, enableInference: false, installVolcano: false}}}
rules: [{name: all, profile: plain}]
"""


@pytest.fixture(scope="module")
def plan(stage: Stage, fleet: dict[str, str]) -> str:
    """The page of a plan against another policy."""
    del fleet
    name = stage.post("/api/plans", {"policy": EDITED}).body["id"]
    stage.until(lambda: stage.get(f"/api/plans/{name}").body["status"] == "ready", "the plan")
    return f"/plans/{name}"


@pytest.fixture(scope="module")
def chromium():
    """One browser for the module."""
    with browser() as opened:
        yield opened


def alone(html: str, css: str) -> str:
    """A page that refers to nothing: its style in it, its script taken out."""
    before, _, after = html.partition('<link rel="stylesheet"')
    after = after.partition(">")[2]
    return before + f"<style>{css}</style>" + re.sub(r'<(?:script|link rel="icon")[^>]*>(?:</script>)?', "", after)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_stands(stage: Stage, fleet, plan, chromium, scheme: str, width: int, *, scripts: bool) -> None:
    """No violation of axe's rules, nothing wider than the window, no error, and no request leaves the origin."""
    url = stage.stack.host_urls[0]
    # A service worker or a cache would hide requests.
    shape = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}, "service_workers": "block"}
    with chromium.new_context(java_script_enabled=scripts, **shape) as context, chromium.new_context(**shape) as other:
        visit = Visit(context, url, TOKEN)
        places = {
            "overview": "",
            "clusters": "/clusters",
            "held": "/clusters?hold=quarantine",
            "none": "/clusters?q=nothing-is-called-so",
            "cluster": f"/clusters/{ClusterId.parse(fleet['broken']).key}",
            "sound": f"/clusters/{ClusterId.parse(fleet['sound-2']).key}",
            "components": f"/clusters/{ClusterId.parse(fleet['sound-1']).key}",
            "silent": f"/clusters/{ClusterId.parse(fleet['silent']).key}",
            "map": "/map?by=region",
            "policy": "/policy",
            "plan": plan,
            "missing": "/nothing",
        }
        css = None
        for name, place in places.items():
            visit.go(place)
            css = css or context.request.get(f"{url}/api/ui/assets/muster.css").text()
            assert visit.page.get_by_role("heading", level=1).is_visible(), name
            if scripts:  # without them a page is the same, less one button
                assert violations(other, alone(visit.page.content(), css), url) == [], name
                assert overhang(visit.page) <= 0, name
            if scripts or name == "overview":
                visit.shoot(f"{name}-{scheme}-{width}{'' if scripts else '-plain'}")
        # The browser itself says that a page answered with 404.
        assert [each for each in visit.complaints if "404" not in each] == []
        assert [each for each in visit.asked if not each.startswith(f"{url}/api/ui")] == []


def test_from_what_needs_somebody_to_a_repaired_cluster(stage: Stage, fleet, chromium) -> None:
    """Without scripts: the overview names the broken cluster, its page says why, one button has it tried again."""
    with chromium.new_context(java_script_enabled=False) as context:
        visit = Visit(context, stage.stack.host_urls[0], TOKEN)
        needs = visit.page.get_by_role("group", name="quarantine")
        shown = needs.inner_text()
        needs.get_by_role("link", name="broken").click()
        reason = visit.page.locator("main").inner_text()
        visit.page.get_by_role("button", name="Try again").click()
        said = visit.page.get_by_role("status").inner_text()
        stage.installed(fleet["broken"])
        stage.sweep()
        visit.go("")
        after = visit.page.locator("main").inner_text()
        day = visit.page.get_by_role("group", name="Changes of the last 24 hours").inner_text()
        visit.page.get_by_role("link", name="Clusters", exact=True).click()
        visit.page.get_by_role("link", name="broken").click()
        history = visit.page.get_by_role("group", name="What happened").inner_text()

    assert "Ada & Söhne" in shown
    assert "foreign-resource" in reason
    assert said == "Another try was asked for."
    assert "quarantine" not in after
    assert "FailedInstall" in history
    assert re.search(r"broken\s+Repair\s+FailedInstall\s+accepted.*\s+Muster", day), day
    assert re.search(r"Approve\s+\S\s+until [0-9: -]+\s+you", day), day
    assert "you" in [word["who"] for word in stage.get("/api/approvals").body["given"]]


def test_scripts_help(stage: Stage, fleet, chromium) -> None:
    """A filter acts when it is chosen and stands in the address, "/" goes to the search, the choice of dark stays."""
    del fleet
    with chromium.new_context(color_scheme="light") as context:
        visit = Visit(context, stage.stack.host_urls[0], TOKEN)
        visit.page.get_by_role("button", name="Dark").click()
        visit.go("/clusters")
        dark = visit.page.evaluate("getComputedStyle(document.documentElement).colorScheme")
        visit.page.get_by_label("Kind").select_option("arc")
        visit.page.wait_for_url("**/clusters?kind=arc")
        title = visit.page.get_by_role("heading", level=1).inner_text()
        visit.page.keyboard.press("/")
        focused = visit.page.evaluate("document.activeElement.id")
        visit.page.keyboard.type("sound")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url("**/clusters?q=sound&kind=arc")
        rows = visit.page.locator("tbody tr").count()

    assert (dark, title, focused, rows) == ("dark", "2 clusters that fit", "search", 1)
    assert visit.complaints == []


def test_a_pause_is_set_and_ended_by_forms(stage: Stage, fleet, chromium) -> None:
    """It is in force at once, stands on the overview with its end, and the buttons there and on its page end it."""
    with chromium.new_context(java_script_enabled=False) as context:
        visit = Visit(context, stage.stack.host_urls[0], TOKEN)
        visit.go(f"/clusters/{ClusterId.parse(fleet['sound-1']).key}")
        form = visit.page.locator("form", has=visit.page.get_by_role("button", name="Pause"))
        form.get_by_label("Why").fill("a trial")
        form.get_by_role("button", name="Pause").click()
        during = [each["reason"] for each in stage.get("/api/pauses").body["items"]]
        visit.page.get_by_role("button", name="End the pause").click()
        said = visit.page.get_by_role("status").inner_text()
        between = stage.get("/api/pauses").body["items"]
        form.get_by_label("Why").fill("a trial")
        form.get_by_role("button", name="Pause").click()
        visit.go("")
        visit.page.get_by_role("button", name="End the pause").click()

    assert (during, said, between) == (["a trial"], "The pause has ended.", [])
    assert stage.get("/api/pauses").body["items"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_stands_alone(stage: Stage, fleet, chromium, scheme: str) -> None:
    """One file with the overview's look: nothing is asked for, and axe-core finds no violation."""
    del fleet
    html = stage.get("/api/compliance?format=html").body
    with chromium.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.set_content(html)
        shown = page.locator("h1").inner_text()

        assert asked == []
        assert "managed clusters are as the policy wants them" in shown
        assert violations(context, html, stage.stack.host_urls[0]) == []


def test_values_of_the_installation_give_way_to_todays(stage: Stage, fleet, chromium) -> None:
    """The button is there where facts have changed; what it asks for waits for an approval, and can be taken back."""
    stage.control.set_nodes(fleet["sound-1"], 2)
    with chromium.new_context(java_script_enabled=False) as context:
        visit = Visit(context, stage.stack.host_urls[0], TOKEN)
        visit.go(f"/clusters/{ClusterId.parse(fleet['sound-1']).key}")
        visit.page.get_by_role("button", name="Take today's values").click()
        said = visit.page.get_by_role("status").inner_text()
        held = visit.page.locator("main").inner_text()
        visit.page.get_by_role("button", name="Keep the values as installed").click()
        kept = visit.page.get_by_role("button", name="Take today's values").is_visible()

    assert said == "Its values follow today's facts, as soon as nothing stands in the way."
    assert "waits for an approval" in held
    assert kept
    assert stage.cluster(fleet["sound-1"])["anewSince"] is None


def test_a_plan_is_made_and_applied_by_buttons(stage: Stage, fleet, chromium) -> None:
    """From the policy to an installed cluster without scripts; with them the page of a plan comes by itself."""
    late = stage.control.create_cluster(kind="aks", name="late", subscription=SUBSCRIPTION, tags=SELECTED, emit=False)
    with chromium.new_context(java_script_enabled=False) as context:
        visit = Visit(context, stage.stack.host_urls[0], TOKEN)
        visit.go("/policy")
        visit.page.get_by_role("button", name="Plan the fleet").click()
        made = f"/api/plans/{visit.page.url.rpartition('/')[2]}"
        stage.until(lambda: stage.get(made).body["status"] == "ready", "the plan")
        visit.page.reload()
        groups = visit.page.get_by_role("group", name="By action and risk").inner_text()
        visit.page.get_by_role("button", name="Apply").click()
        said = visit.page.get_by_role("status").inner_text()
        stage.installed(late)
    with chromium.new_context() as context:
        visit = Visit(context, stage.stack.host_urls[0], TOKEN)
        visit.go(f"/clusters/{ClusterId.parse(fleet['sound-2']).key}")
        visit.page.get_by_role("button", name="Plan", exact=True).click()
        visit.page.get_by_text("Policy in force").wait_for()
        title = visit.page.get_by_role("heading", level=1).inner_text()

    assert re.search(r"Install\s+safe\s+1", groups), groups
    assert said == "The plan is applied: looks were asked for."
    assert title == "Plan for sound-2"
    assert visit.complaints == []
