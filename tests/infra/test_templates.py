"""The Bicep files say nothing that Azure's published types do not know, and fit together."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.bicep import BEYOND, Template, problems

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
TYPES = json.loads((ROOT / "tests" / "data" / "infra" / "resource-types.json").read_text())
FILES = sorted(INFRA.rglob("*.bicep"))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_a_template_has_no_problem(file):
    """Types, versions, properties, enums, what is required; names, parameters, outputs and scopes of modules."""
    assert problems(Template.read(file), TYPES) == []


def test_every_exemption_is_in_use():
    """A type that nobody deploys any more, or whose tree has come, leaves the list of exemptions."""
    used = {each["type"] for file in FILES for each in Template.read(file).resources.values()}

    assert set(BEYOND) <= used
    assert not set(BEYOND) & {name.partition("@")[0] for name in TYPES}


BREAKS = {
    "a version that does not exist": ("Identities@2024-11-30", "Identities@2029-01-01", "there is no"),
    "a property that does not exist": ("httpsOnly: true", "httpsOnlyy: true", "there is no such property"),
    "a property deep within": (
        "        instanceMemoryMB: instance",
        "        instanceMemory: instance",
        "there is no such property",
    ),
    "an enum": ("type: 'blobContainer'\n          value", "type: 7\n          value", "7 is no string"),
    "a closed enum": ("name: 'standard'", "name: 'cheap'", "'cheap' is none of"),
    "an enum of a variable": ("'StorageQueue'", "'StorageQeue'", "'StorageQeue' is none of"),
    "a number for a truth": ("httpsOnly: true", "httpsOnly: 1", "1 is no boolean"),
    "a text for a number": ("days: 14", "days: '14'", "'14' is no integer"),
    "a value that can only be read": ("reserved: true", "reserved: true\n    status: 'Ready'", "it can only be read"),
    "what is required": ("    displayName: 'Muster'\n", "", "displayName: it is required"),
    "an object for a list": (
        "actionGroups: empty(email) ? [] : [people.id]",
        "actionGroups: 'all'",
        "a list is wanted",
    ),
    "an unknown name": ("serverFarmId: plan.id", "serverFarmId: plann.id", "plann: nothing has this name"),
    "a name in a text": ("'plan-${name}'", "'plan-${nam}'", "nam: nothing has this name"),
    "a parameter that nobody uses": (
        "param instanceId string",
        "param instanceId string\nparam x int",
        "x: it is declared",
    ),
    "a parameter that a module lacks": ("stop: stop", "stopp: stop", "has no parameter stopp"),
    "a parameter that is not given": ("    stop: stop\n", "", "the parameter stop is not given"),
    "an output that a module lacks": ("identity.outputs.clientId", "identity.outputs.appId", "has no such output"),
    "a module that is not there": ("modules/vault.bicep", "modules/safe.bicep", "there is no file safe.bicep"),
    "a scope that does not fit": (
        "  name: 'identity'\n  scope: group\n",
        "  name: 'identity'\n",
        "is for scope resourceGroup",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_template_is_found_out(case):
    """Each sort of slip in the real files is told by its own sentence."""
    before, after, complaint = BREAKS[case]
    file = next(file for file in FILES if before in file.read_text())
    broken = Template(file, file.read_text().replace(before, after, 1))

    assert [text for text in problems(broken, TYPES) if complaint in text]


@pytest.mark.skipif(shutil.which("bicep") is None, reason="the Bicep compiler is not on PATH")
@pytest.mark.parametrize("verb", ["build", "lint"])
@pytest.mark.parametrize("file", [INFRA / "main.bicep", INFRA / "events.bicep"], ids=lambda path: path.name)
def test_the_compiler_agrees(file, verb):
    """Where the compiler is at hand it builds and lints without a word."""
    arguments = ["bicep", verb, str(file), *(["--stdout"] if verb == "build" else [])]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603  fixed words

    assert (ended.returncode, ended.stderr) == (0, "")
