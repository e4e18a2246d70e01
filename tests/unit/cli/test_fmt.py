"""`muster fmt`: shape, and nothing but shape; a comment stays in its column."""

from pathlib import Path

import pytest

from shared.cli.main import main
from shared.policy.formatting import formatted
from shared.policy.loading import PolicyText, parse_policy
from tests.scenario.stage import REPOSITORY

SOUND = """\
version: 1
profiles:
  training: {settings: {enableTraining: true}}     # all
rules:
  - name: all
    profile: training
"""
CROOKED = """\
version:   1
profiles:
    training:   {settings: {enableTraining: true}} # all\x20\x20
rules:
- name: all
  profile: training


"""
POLICIES = [REPOSITORY / "policy.yaml", *sorted((REPOSITORY / "tests/data/policy").glob("*.yaml"))]


def run(*arguments: object) -> int:
    return main(["fmt", *map(str, arguments)])


def test_a_crooked_file_is_put_in_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once; the second time nothing is left to do. Its name is printed."""
    file = tmp_path / "policy.yaml"
    file.write_text(CROOKED)

    assert run(file) == 0
    assert (file.read_text(), capsys.readouterr().out) == (SOUND, "policy.yaml\n")
    assert (run(file), capsys.readouterr().out) == (0, "")


def test_check_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """2 and the name of each file of a directory that is out of shape."""
    (tmp_path / "a.yaml").write_text(CROOKED)
    (tmp_path / "b.yaml").write_text("guardrails: []\n")

    assert run(tmp_path, "--check") == 2
    assert capsys.readouterr().out == "a.yaml\n"
    assert (tmp_path / "a.yaml").read_text() == CROOKED


@pytest.mark.parametrize(
    ("text", "told"),
    [("rules: [", "policy.yaml:1"), ("version: 1\nrulez: []\n", "rulez"), ("a: &x 1\n", "anchors")],
)
def test_a_policy_that_is_not_valid_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    """1, with file, line and what is wrong."""
    file = tmp_path / "policy.yaml"
    file.write_text(text)

    assert run(file) == 1
    assert told in capsys.readouterr().err
    assert file.read_text() == text


@pytest.mark.parametrize("file", POLICIES, ids=[file.name for file in POLICIES])
def test_every_policy_here_says_the_same_afterwards(file: Path) -> None:
    """And its shape is stable: what is in shape stays as it is."""
    before = PolicyText(file.name, file.read_text())
    once = formatted(before)
    said = [parse_policy([text]) for text in (before, once)]

    assert said[0].rules == said[1].rules
    assert said[0].profiles == said[1].profiles
    assert said[0].rollout == said[1].rollout
    assert formatted(once) == once


def test_the_policy_that_ships_is_in_shape() -> None:
    """Whoever begins with it has nothing to put in order."""
    assert run(REPOSITORY / "policy.yaml", "--check") == 0
