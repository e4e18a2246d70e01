"""What `muster explain` says of each cluster of the demo, word for word: somebody new must understand it.

The texts lie in tests/data/explanations. After a change that means to change them:
`MUSTER_WRITE_EXPLANATIONS=1 pytest tests/scenario/test_explanations.py`, and read the difference.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cast import CAST, Member
from tests.scenario.demo_fleet import demo_fleet
from tests.scenario.stage import REPOSITORY, Stage

TEXTS = REPOSITORY / "tests" / "data" / "explanations"
# Of what differs from run to run the text keeps that it is there.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_RANDOM = re.compile(r"\b(retry|change)-[0-9a-f]{16}\b")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage after the demo's story was played on it."""
    with demo_fleet(tmp_path_factory.mktemp("stage")) as stage:
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
