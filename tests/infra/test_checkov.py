"""checkov finds nothing in infra/ but what infra/checkov.yaml names with a reason."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "infra" / "checkov.yaml"
CHECKOV = ROOT / ".checkov" / "bin" / "checkov"
SKIPPED = set(re.findall(r"CKV\w+", CONFIG.read_text()))


def failed(folder: Path, *arguments: str) -> set[str]:
    """Ids of the checks that fail for the Bicep files of a folder."""
    ended = subprocess.run(  # noqa: S603  an environment of our own
        [str(CHECKOV), "-d", str(folder), "--framework", "bicep", "-o", "json", "--skip-download", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    told = json.loads(ended.stdout)
    assert not isinstance(told, list)
    assert told["summary"]["parsing_errors"] == 0
    return {each["check_id"] for each in told["results"]["failed_checks"]}


def test_nothing_is_found_that_is_not_named():
    """With the list of exceptions no check fails, and every exception is one that would: none is left from earlier."""
    assert failed(ROOT / "infra") == SKIPPED


@pytest.mark.parametrize(
    ("file", "before", "after", "check"),
    [
        ("storage.bicep", "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS1_0'", "CKV_AZURE_44"),
        ("storage.bicep", "supportsHttpsTrafficOnly: true", "supportsHttpsTrafficOnly: false", "CKV_AZURE_3"),
        ("app.bicep", "httpsOnly: true", "httpsOnly: false", "CKV_AZURE_14"),
        ("vault.bicep", "enablePurgeProtection: true", "enablePurgeProtection: false", "CKV_AZURE_110"),
    ],
)
def test_a_weaker_template_is_found(tmp_path, file, before, after, check):
    """Old TLS, plain HTTP, a vault that can be purged: each fails a check that is not excepted."""
    text = (ROOT / "infra" / "modules" / file).read_text()
    assert before in text
    shutil.copytree(ROOT / "infra" / "modules", tmp_path / "modules")
    (tmp_path / "modules" / file).write_text(text.replace(before, after))

    assert check in failed(tmp_path) - SKIPPED


def test_every_exception_has_its_reason():
    """A sentence behind each."""
    lines = [line for line in CONFIG.read_text().splitlines() if "CKV" in line]

    assert [line for line in lines if not re.search(r"#.{15,}", line)] == []
