"""What `muster explain` says of each cluster of the demo, word for word: somebody new must understand it.

The texts lie in tests/data/explanations. After a change that means to change them:
`MUSTER_WRITE_EXPLANATIONS=1 pytest tests/scenario/test_explanations.py`, and read the difference.
"""

import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cast import CAST, SUBSCRIPTION, Member
from demo.muster_api import Muster
from demo.policy import write_policy
from demo.stage import Stage as Theatre
from demo.story import play
from devhost.stack import Stack
from simulator.control import Control
from tests.scenario.stage import REPOSITORY, SETTINGS, Stage

TEXTS = REPOSITORY / "tests" / "data" / "explanations"
# Of what differs from run to run the text keeps that it is there.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_RANDOM = re.compile(r"\b(retry|change)-[0-9a-f]{16}\b")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stage after the demo's story was played on it."""
    folder = tmp_path_factory.mktemp("stage")
    settings = SETTINGS | {"MUSTER_POLICY": str(write_policy(folder)), "MUSTER_SCOPE": SUBSCRIPTION}
    with Stack.start(folder, settings=settings) as stack:
        assert stack.ca_file is not None
        control = Control(stack.simulator_url, str(stack.ca_file))
        muster = Muster(stack.host_urls[0], stack.key, stack.storage_connection_string)
        play(Theatre(stack, control, muster, ssl.create_default_context(cafile=stack.ca_file)))
        stage = Stage(stack, folder)
        try:
            yield stage
        finally:
            stage.close()


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
