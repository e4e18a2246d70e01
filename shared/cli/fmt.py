"""`muster fmt`: a policy's files in the shape that reviews are easiest in."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.output import Output, OutputOption, told
from shared.errors import PolicyError, RequestError

OK, ERROR, UNSHAPED = 0, 1, 2


def fmt(
    path: Annotated[Path, typer.Argument(help="The policy's file, or its directory.")] = Path("policy.yaml"),
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; leave with 2 where something would.")] = False,
    output: OutputOption = Output.TEXT,
) -> int:
    """Put indentation and spacing of a policy's files in order; its order, words, comments and meaning stay.

    Returns:
        0; with --check 2 where a file is out of shape, each of which is named; 1 for a policy that is not valid.
    """
    from shared.policy.formatting import formatted, unchanged
    from shared.policy.loading import read_policy

    try:
        before = read_policy(path)
        after = tuple(map(formatted, before))
        unchanged(before, after)
    except PolicyError as error:
        for finding in error.findings:
            print(finding, file=sys.stderr)
        return ERROR
    changed = [new for old, new in zip(before, after, strict=True) if old.text != new.text]
    if output is Output.JSON:
        told({"changed": [text.name for text in changed], "written": not check})
    for text in changed:
        if output is Output.TEXT:
            print(text.name)
        if not check:
            _write(path / text.name if path.is_dir() else path, text.text)
    return UNSHAPED if changed and check else OK


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{file} cannot be written: {error.strerror}.") from error
