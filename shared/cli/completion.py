"""What a shell offers after Tab beyond options: names of clusters, as the API knows them."""

import os
from typing import Annotated

import typer

from shared.cli.api import ask, path
from shared.errors import MusterError

# Whoever presses Tab waits: a slow answer is none.
_PATIENCE = 1.0
_MOST = 50


def clusters(incomplete: str) -> list[str]:
    """Names that begin so; none where no API is named, or none answers in time."""
    if not os.environ.get("MUSTER_API_URL"):
        return []
    try:
        found = ask("GET", path("clusters", q=incomplete.lower() or None, limit=str(_MOST)), within=_PATIENCE)
    except MusterError:
        return []  # a shell has no place for a message
    return sorted({each["name"] for each in found["items"] if each["name"].lower().startswith(incomplete.lower())})


ClusterArgument = Annotated[
    str, typer.Argument(help="The cluster's ARM id, or its name where only one has it.", autocompletion=clusters)
]
