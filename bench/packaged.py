"""What is deployed: how large it is, and how long its index takes to import."""

import importlib.metadata
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from statistics import median

from bench.table import Table
from devhost.child import REPOSITORY, clean_environment
from scripts import package

_TIMED = """
import time
before = time.process_time()
import azure.functions
between = time.process_time()
import function_app
print(between - before, time.process_time() - between)
"""


def measure(folder: Path, *, quick: bool) -> Table:
    """Build the package, unpack it, and import it in fresh processes, compiled."""
    folder.mkdir(parents=True, exist_ok=True)
    made = package.build(folder / "muster.zip")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(folder / "app")
        unpacked = sum(entry.file_size for entry in archive.infolist())
    # The first one writes the bytecode and is thrown away.
    times = [_imported(folder / "app") for _ in range(3 if quick else 8)][1:]
    library, own = (median(each) * 1000 for each in zip(*times, strict=True))
    return Table(
        "package",
        "The package that is deployed",
        ("what", "value", "unit"),
        (
            ("files", len(package.contents()), ""),
            ("package", made.stat().st_size / 1024, "KiB"),
            ("unpacked", unpacked / 1024, "KiB"),
            ("dependencies of requirements.txt, installed", _installed() / 1024**2, "MiB"),
            ("import of azure.functions", library, "ms CPU"),
            ("import of function_app on top", own, "ms CPU"),
        ),
        ("Dependencies are those of requirements.txt as they are installed here, without bytecode.",),
    )


def _imported(app: Path) -> tuple[float, float]:
    ended = subprocess.run(  # noqa: S603  this interpreter, our own words
        [sys.executable, "-c", _TIMED],
        cwd=app,
        env=clean_environment() | {"PYTHONPATH": str(app)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"the package cannot be imported\n{ended.stderr[-2000:]}")
    library, own = map(float, ended.stdout.split())
    return library, own


def _installed() -> int:
    named = re.findall(r"^([A-Za-z0-9._-]+)==", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE)
    total = 0
    for name in named:
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform
        total += sum(file.size or 0 for file in files if file.suffix != ".pyc")
    return total
