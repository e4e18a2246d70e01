"""`muster lint`: whether a policy is valid, and what a person should know about it."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from shared.cli.output import Output, OutputOption, told
from shared.errors import PolicyError

OK, UNREADABLE, FINDINGS = 0, 1, 2
# The code of what is told about names of settings when the policy is read.
SETTING = "setting"


def lint(
    path: Annotated[Path, typer.Argument(help="The policy's file, or its directory.")] = Path("policy.yaml"),
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Leave with 2 for warnings, too.")] = False,
    output: OutputOption = Output.TEXT,
) -> int:
    """Check a policy's file or directory; findings and warnings go to stdout, one a line.

    Returns:
        0 for a valid policy (warnings included), 2 for one with findings, 1 where it cannot be read.
    """
    from shared.policy.linting import Remark, remarks
    from shared.policy.loading import parse_policy, policy_digest, read_policy

    try:
        texts = read_policy(path)
    except PolicyError as error:
        _tell(error, sys.stderr)
        return UNREADABLE
    try:
        policy = parse_policy(texts)
    except PolicyError as error:
        if output is Output.JSON:
            findings = [{"where": each.where, "message": each.message} for each in error.findings]
            told({"valid": False, "digest": policy_digest(texts), "findings": findings, "warnings": []})
            return FINDINGS
        _tell(error, sys.stdout)
        count = len(error.findings)
        print(f"{path}: {count} finding{'' if count == 1 else 's'}.", file=sys.stderr)
        return FINDINGS
    hints = remarks(policy, datetime.now(UTC))
    warnings = [*map(str, policy.warnings), *map(str, hints)]
    if output is Output.JSON:
        objects = [asdict(each) for each in (*(Remark(SETTING, f.where, f.message) for f in policy.warnings), *hints)]
        told({"valid": True, "digest": policy.digest, "findings": [], "warnings": objects})
        return FINDINGS if warnings and strict else OK
    for warning in warnings:
        print(f"warning: {warning}")
    what = f"{len(policy.profiles)} profiles, {len(policy.rules)} rules, {len(policy.guardrails)} guardrails"
    print(f"{path}: valid; {what}; digest {policy.digest[:12]}.", file=sys.stderr)
    return FINDINGS if warnings and strict else OK


def _tell(error: PolicyError, stream: TextIO) -> None:
    for finding in error.findings:
        print(finding, file=stream)
