"""What `make sbom` writes: every package that is deployed, with its version and hashes."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_bill_names_what_is_deployed(tmp_path):
    """As many components as requirements.txt pins, each by name, version and at least one hash."""
    command = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "cyclonedx-py" in line)
    assert "requirements.txt" in command
    made = tmp_path / "sbom.json"
    subprocess.run(  # noqa: S603  a tool of ours
        [str(Path(sys.executable).with_name("cyclonedx-py")), "requirements", "requirements.txt", "-o", str(made)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    components = json.loads(made.read_text())["components"]
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\\\]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)

    assert {(each["name"], each["version"]) for each in components} == set(pinned)
    assert all(any(reference.get("hashes") for reference in each.get("externalReferences", ())) for each in components)
