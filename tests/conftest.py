"""At the end of a run of the whole suite: every test that docs/coverage.md names ran, and passed."""

import os

import pytest

from tests.coverage_page import named_tests

# readline, where pytest loads it, tells every child a width of the terminal, even where there is none.
os.environ.pop("COLUMNS", None)
_PASSED: set[tuple[str, str]] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that passed; under xdist the reports of all workers come here as well."""
    if report.when == "call" and report.passed:
        file, _, name = report.nodeid.partition("::")
        _PASSED.add((file, name.partition("[")[0].rpartition("::")[2]))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run in which a named test did not pass."""
    config = session.config
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    if hasattr(config, "workerinput") or not whole or session.exitstatus != 0:
        return
    missing = sorted(f"{file}::{name}" for file, name in named_tests() - _PASSED)
    if missing:
        config.get_terminal_writer().line(f"\ndocs/coverage.md names tests that did not pass: {', '.join(missing)}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
