"""What is deployed, as it is deployed: the package alone, in an environment made of requirements.txt alone."""

import importlib.metadata
import json
import re
import shutil
import subprocess
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devhost.child import REPOSITORY, clean_environment
from devhost.stack import Origin
from scripts import package
from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage, sample
from tests.scenario.test_functions import FUNCTIONS

# The worker library and its one dependency: the platform has them, and no package names them.
WORKER = ("azure-functions-runtime", "azurefunctions-extensions-base")


@dataclass(frozen=True)
class Deployed:
    """An unpacked package, and what runs it."""

    app: Path
    origin: Origin


def run(*command: str) -> str:
    """The output of a command that must succeed."""
    ended = subprocess.run(  # noqa: S603  fixed words
        command, capture_output=True, text=True, check=False, timeout=280, env=clean_environment()
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """The package, unpacked into a folder of its own; beside it an environment, and the devhost by itself."""
    folder = tmp_path_factory.mktemp("deployed")
    with zipfile.ZipFile(package.build(folder / "muster.zip")) as archive:
        archive.extractall(folder / "app")
    venv.create(folder / "venv", with_pip=True)
    interpreter = folder / "venv" / "bin" / "python"
    pip = (str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", str(folder / "app" / "requirements.txt"))
    run(*pip, "--no-deps", *(f"{name}=={importlib.metadata.version(name)}" for name in WORKER))
    shutil.copytree(REPOSITORY / "devhost", folder / "host" / "devhost")
    return Deployed(folder / "app", Origin(interpreter, folder / "host"))


@pytest.fixture(scope="module")
def stage(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stack whose host runs the package."""
    with Stage.open(tmp_path_factory.mktemp("stage"), app=deployed.app, origin=deployed.origin) as opened:
        yield opened
        assert opened.control.lacking() == []


def test_the_package_holds_the_product_and_nothing_else() -> None:
    """No simulator, devhost, test, demo, bench, command line or infrastructure; no dot file; little of it."""
    names = package.contents()

    assert {name.partition("/")[0] for name in names} == {
        *("function_app.py", "functions", "shared", "host.json", "requirements.txt", "policy.yaml", "LICENSE"),
    }
    assert not [name for name in names if name.startswith("shared/cli/") or "/." in name]


def test_the_package_speaks_of_nothing_that_stays_behind(deployed: Deployed) -> None:
    """No import of what is not deployed, anywhere in it."""
    left = re.compile(r"^\s*(?:from|import) (simulator|devhost|tests|demo|bench|scripts|shared\.cli)\b", re.MULTILINE)

    assert [path for path in deployed.app.rglob("*.py") if left.search(path.read_text())] == []


def test_the_environment_is_requirements_alone(deployed: Deployed) -> None:
    """What is installed is what requirements.txt names, the worker library and pip itself."""
    told = run(str(deployed.origin.interpreter), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
    installed = {re.sub(r"[-_.]+", "-", each["name"]).lower() for each in json.loads(told)}
    named = set(re.findall(r"^([A-Za-z0-9._-]+)==", (deployed.app / "requirements.txt").read_text(), re.MULTILINE))
    wanted = {re.sub(r"[-_.]+", "-", name).lower() for name in named}

    assert installed - wanted - {"pip", *WORKER} == set()


def test_the_worker_library_indexes_every_function(stage: Stage, deployed: Deployed) -> None:
    """The same functions as in the repository; and the code that runs is the package's: nothing else there has any."""
    elsewhere = subprocess.run(  # noqa: S603  fixed words
        [str(deployed.origin.interpreter), "-c", "import shared"],
        cwd=deployed.origin.folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert set(stage.invocations()) == FUNCTIONS
    assert "ModuleNotFoundError" in elsewhere.stderr


def test_the_main_path_works(stage: Stage) -> None:
    """An AKS cluster and an Arc cluster: event, installation, Current, seen by a sweep."""
    clusters = [
        stage.control.create_cluster(kind=kind, name=f"{kind}-1", subscription=SUBSCRIPTION, tags=SELECTED, emit=False)
        for kind in ("aks", "arc")
    ]
    for cluster in clusters:
        event = sample("eg_aks_write")
        event[0]["subject"] = event[0]["data"]["resourceUri"] = cluster
        assert stage.deliver(event) == 202
    for cluster in clusters:
        stage.installed(cluster)
    stage.sweep()

    figures = stage.get("/api/compliance").body
    assert (figures["clusters"], figures["compliant"]) == (2, 2)
