"""What people are told of the demo's fleet: each cluster's explanation, word for word, and then docs/tour.md.

The explanations lie in tests/data/explanations. After a change that means to change them:
`MUSTER_WRITE_EXPLANATIONS=1 pytest` this file, and read the difference.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cast import CAST, Member
from shared.model.identity import ClusterId
from tests.scenario.browser import Visit, browser
from tests.scenario.demo_fleet import demo_fleet
from tests.scenario.pictures import LARGEST, PICTURES, take
from tests.scenario.stage import REPOSITORY, Stage
from tests.scenario.walk import Walker

TOKEN = "t" * 43
TEXTS = REPOSITORY / "tests" / "data" / "explanations"
# Of what differs from run to run the text keeps that it is there.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_RANDOM = re.compile(r"\b(retry|change)-[0-9a-f]{16}\b")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage after the demo's story was played on it."""
    with demo_fleet(tmp_path_factory.mktemp("stage"), MUSTER_PAGE_TOKEN=TOKEN) as stage:
        yield stage


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    return _RANDOM.sub(r"\1-<id>", _MOMENT.sub("<moment>", text))


@pytest.mark.parametrize("member", CAST, ids=[member.name for member in CAST])
def test_the_explanation_is_the_one_that_was_agreed_on(told: Stage, member: Member) -> None:
    """Its words are those of the file, and it leaves with the code that goes with the state."""
    ended = told.muster("explain", member.name)
    place: Path = TEXTS / f"{member.name}.txt"
    text = f"{steady(ended.stdout).rstrip()}\n\nleaves with {ended.returncode}\n"
    if os.environ.get("MUSTER_WRITE_EXPLANATIONS"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    assert ended.stderr == ""
    assert text == place.read_text()


def test_the_tour_is_walked(told: Stage, tmp_path: Path) -> None:
    """Each command of docs/tour.md prints what stands there, its button works; the pictures are taken on the way."""
    url = told.stack.host_urls[0]
    ids = {cluster.rpartition("/")[2]: cluster for cluster in told.control.clusters()}
    untagged = ids["aks-untagged"]
    taken: dict[str, Path] = {}

    def looked_at() -> None:
        for cluster in (untagged, ids["aks-hands-off"]):
            told.until(lambda each=cluster: (told.memory(each).get("state") or {}).get("hold"), "what holds it")
        told.sweep()
        told.quiet()

    def pictures() -> None:
        with browser() as chromium:
            taken.update(take(chromium, url, TOKEN, {name: ClusterId.parse(each).key for name, each in ids.items()}))

    def try_again() -> None:
        with browser() as chromium, chromium.new_context(java_script_enabled=False) as context:
            needs = Visit(context, url, TOKEN).page.get_by_role("group", name="quarantine")
            needs.get_by_label("Why").fill("the service account is deleted")
            needs.get_by_role("button", name="Try again").click()
        told.installed(untagged)
        told.sweep()
        told.quiet()

    steps = {"looked at": looked_at, "pictures": pictures, "try again": try_again}
    Walker(told, tmp_path).walk(REPOSITORY / "docs" / "tour.md", steps)

    assert list(taken) == [picture.name for picture in PICTURES]
    assert {name: place.stat().st_size for name, place in taken.items() if place.stat().st_size > LARGEST} == {}
    assert told.control.violations() == []
