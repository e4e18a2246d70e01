"""Completion by the shells' own protocol, and JSON of every command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from shared.cli.main import app

MUSTER = Path(sys.executable).with_name("muster")


def offered(words: str, **settings: str) -> list[str]:
    """What bash is offered after these words."""
    asked = {"_MUSTER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    kept = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    ended = subprocess.run(  # noqa: S603  our own command
        [MUSTER], env=kept | asked | settings, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.stderr == ""
    return ended.stdout.split()


def test_commands_and_options_are_offered():
    """By how they begin."""
    assert offered("muster re") == ["reconcile", "render", "report", "resume"]
    assert offered("muster plan --a") == ["--against"]


@pytest.mark.parametrize("settings", [{}, {"MUSTER_API_URL": "http://127.0.0.1:9"}, {"MUSTER_API_URL": "no address"}])
def test_without_an_api_no_name_is_offered_and_nothing_is_said(settings):
    """A shell has no place for a message."""
    assert offered("muster history a", **settings) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell):
    """Asked as the shells' start-up files do it, `muster` prints the script of that shell."""
    asked = {"_MUSTER_COMPLETE": f"source_{shell}"}
    ended = subprocess.run(  # noqa: S603  our own command
        [MUSTER], env=os.environ | asked, capture_output=True, text=True, check=True, timeout=60
    )

    begins = {"bash": "complete -o default", "zsh": "#compdef muster", "fish": "complete --command muster"}
    assert begins[shell] in ended.stdout


def _commands(group, before: str = ""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


@pytest.mark.parametrize(("name", "command"), _commands(get_command(app)), ids=lambda each: getattr(each, "name", each))
def test_every_command_has_json(name, command):
    """`-o json`, everywhere the same."""
    options = {spelled for each in command.params for spelled in each.opts}

    assert {"-o", "--output"} <= options, name
