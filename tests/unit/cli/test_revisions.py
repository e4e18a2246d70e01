"""A policy out of a git revision: a file, a directory, and what is not there."""

import subprocess
from pathlib import Path

import pytest

from shared.cli.revisions import files_at
from shared.errors import RequestError


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit with a file and a directory below a folder; the working tree says something else."""
    (tmp_path / "infra" / "policies").mkdir(parents=True)
    files = {"policy.yaml": "one", "policies/a.yaml": "two", "policies/b.yml": "three", "policies/notes.md": "no"}
    for name, text in files.items():
        (tmp_path / "infra" / name).write_text(text)
    for command in (
        ("init", "--quiet"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "first"),
        ("tag", "v1"),
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)  # noqa: S603, S607  in the test's own folder
    (tmp_path / "infra" / "policy.yaml").write_text("changed since")
    return tmp_path / "infra"


def test_a_file_as_it_stood(repository: Path) -> None:
    """By any name of a revision, also where the file is gone from the working tree."""
    assert files_at("HEAD", repository / "policy.yaml") == "one"
    (repository / "policy.yaml").unlink()
    assert files_at("v1", repository / "policy.yaml") == "one"


def test_a_directory_as_it_stood(repository: Path) -> None:
    """Its YAML files by name, and no others."""
    assert files_at("v1", repository / "policies") == {"a.yaml": "two", "b.yml": "three"}


@pytest.mark.parametrize(
    ("revision", "place", "words"),
    [
        ("no-such", "policy.yaml", "neither a file nor a git revision"),
        ("--output=x", "policy.yaml", "neither a file nor a git revision"),
        ("HEAD", "other.yaml", "is not in the revision"),
        ("HEAD", "nowhere/policy.yaml", "is no directory"),
    ],
)
def test_what_is_not_there_is_said(repository: Path, revision: str, place: str, words: str) -> None:
    """With words for people; a revision is never taken for an option of git."""
    with pytest.raises(RequestError, match=words):
        files_at(revision, repository / place)
    assert not (repository / "x").exists()
