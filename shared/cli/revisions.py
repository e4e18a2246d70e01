"""A policy as it stood, or stands, in a revision of its git repository."""

import subprocess
from pathlib import Path, PurePosixPath

from shared.errors import RequestError

_YAML = frozenset({".yaml", ".yml"})


def files_at(revision: str, place: Path) -> str | dict[str, str]:
    """The policy at a place in a revision: a file's text, or the texts of a directory's files by name.

    Raises:
        RequestError: there is no such file, revision or repository.
    """
    folder = place if place.is_dir() else place.parent
    if not folder.is_dir():
        raise RequestError(f"{folder} is no directory: say with --policy where the policy lies in the repository.")
    commit = _git(
        folder,
        f"'{revision}' is neither a file nor a git revision",
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
    ).strip()
    missing = f"{place} is not in the revision {revision}"
    if not place.is_dir():
        return _git(folder, missing, "show", f"{commit}:./{place.name}")
    listed = _git(folder, missing, "ls-tree", "-z", "--name-only", commit, "./").split("\0")
    names = sorted(name for name in listed if PurePosixPath(name).suffix in _YAML)
    if not names:
        raise RequestError(f"{missing}: there is no *.yaml or *.yml file.")
    return {PurePosixPath(name).name: _git(folder, missing, "show", f"{commit}:./{name}") for name in names}


def _git(folder: Path, trouble: str, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=30)  # noqa: S603  no shell, our words
        return done.stdout.decode()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as error:
        raise RequestError(f"{trouble}.") from error
