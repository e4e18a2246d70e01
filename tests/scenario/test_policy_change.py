"""docs/policy-change.md, walked: each of its commands is run on the demo's fleet, and prints what the page says."""

from collections.abc import Iterator

import pytest

from tests.scenario.demo_fleet import demo_fleet
from tests.scenario.stage import REPOSITORY
from tests.scenario.walk import Walker


@pytest.fixture(scope="module")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walker]:
    """At the beginning of the page."""
    with demo_fleet(tmp_path_factory.mktemp("stage")) as stage:
        yield Walker(stage, tmp_path_factory.mktemp("home"))


def test_each_command_prints_what_the_page_says(walker: Walker) -> None:
    """From the first to the last, on one fleet; ids and moments aside."""
    stage = walker.stage

    def landed() -> bool:
        return not any(row.get("flight") for row in stage.memory_rows().values())

    def sweeps() -> None:
        """What some minutes beside `make up` do, sooner: a host that begins anew reads the policy's file at once."""
        stage.stack.restart_host(0)
        for _ in range(3):
            stage.sweep()
            stage.quiet()
            stage.until(landed, "every booked write to end")

    walker.walk(REPOSITORY / "docs" / "policy-change.md", {"sweep": sweeps})

    assert stage.control.violations() == []
