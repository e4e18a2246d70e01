"""docs/tour.md is walked: each of its commands runs, on the fleet that `make up` leaves, and its pictures are taken."""

import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.cast import HANDS_OFF, SUBSCRIPTION, UNTAGGED
from demo.muster_api import Muster
from demo.policy import write_policy
from demo.stage import Stage as Theatre
from demo.story import play
from devhost.child import clean_environment
from devhost.stack import Stack
from shared.model.identity import ClusterId
from simulator.control import Control
from tests.scenario.browser import Visit, browser
from tests.scenario.pictures import LARGEST, PICTURES, take
from tests.scenario.stage import REPOSITORY, SETTINGS, Stage

TOUR = REPOSITORY / "docs" / "tour.md"
TOKEN = "t" * 43
# What starts the fleet and what is copied from its output is the fixture's.
_OF_THE_FIXTURE = ("make up", "export ")


@dataclass(frozen=True, slots=True)
class Walk:
    """The fleet of the tour, and a reader's second terminal.

    Attributes:
        exports: the variables of that terminal.
    """

    stage: Stage
    theatre: Theatre
    exports: dict[str, str]

    def run(self, heading: str) -> str:
        """Run the commands of a section, in order; what they printed."""
        section = TOUR.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        commands = "\n".join(block for block in blocks if not block.startswith(_OF_THE_FIXTURE))
        assert commands, heading
        environment = clean_environment() | self.exports
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        # `muster plan` leaves with 2 where there is something to do: 1 alone is a command that failed.
        script = f"fail() {{ [ $? -ne 1 ] || exit 1; }}; trap fail ERR\n{commands}"
        ended = subprocess.run(  # noqa: S603  the commands of our own page
            ["/bin/bash", "-c", script],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ended.returncode in {0, 2, 3}, ended
        return ended.stdout


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The stack after the demo's story."""
    folder = tmp_path_factory.mktemp("stage")
    own = {"MUSTER_POLICY": str(write_policy(folder)), "MUSTER_SCOPE": SUBSCRIPTION, "MUSTER_PAGE_TOKEN": TOKEN}
    with Stack.start(folder, settings=SETTINGS | own) as stack:
        control = Control(stack.simulator_url, str(stack.ca_file))
        muster = Muster(stack.host_urls[0], stack.key, stack.storage_connection_string)
        theatre = Theatre(stack, control, muster, ssl.create_default_context(cafile=stack.ca_file))
        play(theatre)
        stage = Stage(stack, folder)
        try:
            yield Walk(stage, theatre, theatre.exports())
        finally:
            stage.close()


def test_the_tour_is_walked(walk: Walk) -> None:
    """Each section's commands succeed and print what it says; each picture shows what its page speaks of."""
    stage, url = walk.stage, walk.stage.stack.host_urls[0]
    untagged = walk.theatre.id_of(UNTAGGED)
    status = walk.run("How does my fleet stand?")

    walk.run("Something goes wrong")
    stage.until(lambda: (stage.memory(untagged).get("state") or {}).get("hold"), "the quarantine")
    misread = walk.theatre.id_of(HANDS_OFF)
    stage.until(lambda: (stage.memory(misread).get("state") or {}).get("hold"), "the tag that cannot be read")
    stage.sweep()
    stage.quiet()
    with browser() as chromium:
        pictures = take(
            chromium, url, TOKEN, {each.member.name: ClusterId.parse(each.id).key for each in walk.theatre.cast()}
        )
        with chromium.new_context(java_script_enabled=False) as context:
            visit = Visit(context, url, TOKEN)
            needs = visit.page.get_by_role("group", name="quarantine")
            needs.get_by_label("Why").fill("the service account is deleted")
            needs.get_by_role("button", name="Try again").click()
    stage.installed(untagged)
    stage.sweep()

    history = walk.run("Repair")
    plan = walk.run("What would happen if I changed that?")
    paused = walk.run("Stop for a while")

    assert "9 of 11" in status
    assert "foreign-resource" in history
    assert "arc-production-gpu" in plan
    assert "To end it: muster resume " in paused
    assert {name for name, place in pictures.items() if not 5_000 < place.stat().st_size <= LARGEST} == set()
    assert list(pictures) == [picture.name for picture in PICTURES]
