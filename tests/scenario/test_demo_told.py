"""What people are told of the demo's fleet: each cluster's explanation, word for word, and pictures of the page.

The explanations lie in tests/data/explanations, the pictures that the documents show in docs/pictures. After a change
that means to change them: `MUSTER_WRITE_EXPLANATIONS=1 MUSTER_WRITE_PICTURES=1 pytest` this file, and look at the
difference.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from demo.cast import CAST, SUBSCRIPTION, Member
from shared.model.identity import ClusterId
from tests.scenario.browser import Visit, browser
from tests.scenario.demo_fleet import demo_fleet
from tests.scenario.stage import REPOSITORY, Stage

TOKEN = "t" * 43
PICTURES = REPOSITORY / "docs" / "pictures"
DOCUMENTS = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
FAILURE = "Error: role conflict cannot be imported into the current release"
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


@pytest.fixture(scope="module")
def broken(told: Stage) -> str:
    """One more cluster, whose installation fails for good: what needs a person."""
    cluster = told.control.create_cluster(
        kind="aks",
        name="aks-foreign-role",
        subscription=SUBSCRIPTION,
        resource_group="rg-ml",
        tags={"aml-onboard": "true", "aml-owner": "vision@example.com"},
        emit=False,
    )
    told.control.outcome(cluster, fail=FAILURE, times=1)
    told.sweep()
    told.until(lambda: (told.memory(cluster).get("state") or {}).get("hold"), "the quarantine")
    told.sweep()
    told.quiet()
    return cluster


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_documents_show_the_page_as_it_is(told: Stage, broken: str, scheme: Literal["light", "dark"]) -> None:
    """Each picture of README and tour is taken here, each page stands without error, and no other picture is there."""
    places = {"overview": "", "cluster": f"/clusters/{ClusterId.parse(broken).key}"}
    window = {"color_scheme": scheme, "viewport": {"width": 1180, "height": 700}}
    with browser() as chromium, chromium.new_context(**window) as context:
        visit = Visit(context, told.stack.host_urls[0], TOKEN)
        for name, place in places.items():
            visit.go(place)
            picture = visit.shoot(f"demo-{name}-{scheme}", whole=False)
            if os.environ.get("MUSTER_WRITE_PICTURES"):
                PICTURES.mkdir(parents=True, exist_ok=True)
                (PICTURES / f"{name}-{scheme}.png").write_bytes(picture.read_bytes())

    assert visit.complaints == []
    kept = {picture.stem for picture in PICTURES.glob(f"*-{scheme}.png")}
    shown = {name for page in DOCUMENTS for name in re.findall(r"pictures/([\w-]+)\.png", page.read_text())}
    assert kept == {f"{name}-{scheme}" for name in places}
    assert {name for name in shown if name.endswith(scheme)} == kept
