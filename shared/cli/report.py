"""`muster report`: the overview in one file that refers to nothing, for a mail or an archive."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.api import path, text
from shared.cli.output import Output, OutputOption, told
from shared.errors import RequestError


def report(
    html: Annotated[Path, typer.Option("--html", help="The file to write; one that is there is replaced.")],
    *,
    output: OutputOption = Output.TEXT,
) -> int:
    """Write how the fleet stands into one HTML file, as the page's overview shows it.

    Returns:
        0; 1 where the API cannot be asked or the file cannot be written.
    """
    content = text(path("compliance", format="html"))
    try:
        html.write_text(content, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{html} cannot be written: {error.strerror}.") from error
    if output is Output.JSON:
        told({"written": str(html), "bytes": len(content.encode())})
    return 0
