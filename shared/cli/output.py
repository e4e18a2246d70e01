"""How a command answers: text for people, JSON for programs."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.errors import RequestError


class Output(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for programs.")]


def told(body: Any) -> None:
    """Print an answer as JSON."""
    print(json.dumps(body, indent=2, ensure_ascii=False))


def write(place: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        RequestError: it cannot be written.
    """
    try:
        place.write_bytes(content)
    except OSError as error:
        raise RequestError(f"{place} cannot be written: {error.strerror}.") from error
