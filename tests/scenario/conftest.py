"""One stack for the tests of a module, and the host's log beside every failure."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from simulator.control import Control
from tests.scenario.stage import Stage

_HERE = Path(__file__).parent
_TAIL = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here as a scenario."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.scenario)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the ends of the logs into the report of a scenario that failed."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("stage")
    if report.failed and isinstance(stage, Stage):
        for name in stage.stack.logs():
            if name.startswith("host"):
                report.sections.append((f"log of {name}", stage.stack.log_tail(name, _TAIL)))
    return report


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage for the module; its `STAGE = {...}` holds keywords of `Stage.open`.

    At the end the simulator must have met no write on top of another one, no mistake of its own, and no action that
    the roles lack but those that the module's `LACKING` names.
    """
    options = getattr(request.module, "STAGE", {})
    with Stage.open(tmp_path_factory.mktemp("stage"), **options) as stage:
        yield stage
        assert stage.control.lacking() == sorted(getattr(request.module, "LACKING", ()))
        assert stage.control.defects() == []
        assert stage.control.violations() == []


@pytest.fixture
def control(stage: Stage) -> Control:
    """The simulator's control surface."""
    return stage.control
