"""The package that is deployed: `python -m scripts.package` writes build/muster.zip and says what is in it.

It holds what .funcignore leaves in, as Core Tools and azd read that file (patterns of gitignore), and nothing that is
not under version control. Dependencies are installed by the platform's remote build from requirements.txt.
"""

import subprocess
import sys
import zipfile
from pathlib import Path

import pathspec

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "build" / "muster.zip"
# A fixed time, so that the same files make the same package.
_WHEN = (2026, 1, 1, 0, 0, 0)


def contents() -> list[str]:
    """Paths of the files that are deployed, in order."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  git is found on PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text().splitlines())
    files = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return sorted(name for name in files if not ignored.match_file(name))


def build(place: Path = PACKAGE) -> Path:
    """Write the package."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in contents():
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (ROOT / name).read_bytes())
    return place


def main() -> int:
    """Build it and say so."""
    made = build()
    print(f"{made.relative_to(ROOT)}: {len(contents())} files, {made.stat().st_size / 1024:,.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
