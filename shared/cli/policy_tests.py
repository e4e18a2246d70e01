"""`muster test`: whether the clusters of a policy's tests get the profiles that they should."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.output import Output, OutputOption, told
from shared.errors import PolicyError

OK, WRONG, FAILED = 0, 1, 2


def run_tests(
    path: Annotated[Path, typer.Argument(help="The policy's file, or its directory.")] = Path("policy.yaml"),
    tests: Annotated[Path | None, typer.Option(help="The file of tests; <policy>.tests.yaml by default.")] = None,
    *,
    output: OutputOption = Output.TEXT,
) -> int:
    """Run a policy's tests; each that fails is one line on stdout."""
    from shared.policy.loading import parse_policy, read_policy
    from shared.policy.testing import outcome, read_tests, tests_beside

    try:
        policy = parse_policy(read_policy(path))
        listed = read_tests(tests or tests_beside(path))
    except PolicyError as error:
        for finding in error.findings:
            print(finding, file=sys.stderr)
        return WRONG
    now = datetime.now(UTC)
    failed = [said for each in listed if (said := outcome(policy, each, now))]
    if output is Output.JSON:
        told({"tests": len(listed), "failed": failed})
        return FAILED if failed else OK
    for said in failed:
        print(said)
    print(f"{len(listed) - len(failed)} of {len(listed)} tests passed.", file=sys.stderr)
    return FAILED if failed else OK
