"""How a command answers: text for people, JSON for programs."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer


class Output(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for programs.")]


def told(body: Any) -> None:
    """Print an answer as JSON."""
    print(json.dumps(body, indent=2, ensure_ascii=False))
