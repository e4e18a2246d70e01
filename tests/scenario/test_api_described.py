"""The API against its own description: schemathesis asks it, valid and invalid, by /api/openapi.json alone.

Some hundred cases by default; `make fuzz` (API_CASES) asks for thousands.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from functions.openapi import document
from tests.scenario.stage import REPOSITORY, SELECTED, SUBSCRIPTION, TIMING, Stage

POLICY = f"""
version: 1
profiles:
  training: {{settings: {{enableTraining: true}}}}
rules: [{{name: all, profile: training}}]
verification: {{aks: none}}
rollout: {{newClusters: {{perHour: 1000, massSelection: 3}}}}
remediation: {{timing: {{{", ".join(f"{name}: {value}" for name, value in TIMING.items())}}}}}
"""
STAGE = {"policy": POLICY}
# A seed of one's own: API_SEED. Examples are per route, in each phase that draws any.
EXAMPLES, LEAST = (120, 2_000) if os.environ.get("API_CASES") == "many" else (4, 500)
SEED = os.environ.get("API_SEED", "20261127")


@pytest.fixture(scope="module")
def clusters(stage: Stage) -> list[str]:
    """One that has its extension, one that nobody chose, and more new ones than the policy lets in unasked."""
    made = [
        stage.control.create_cluster(kind=kind, name=name, subscription=SUBSCRIPTION, tags=tags, emit=False)
        for kind, name, tags in (("aks", "aks-current", SELECTED), ("arc", "arc-unchosen", {}))
    ]
    stage.sweep()
    stage.installed(made[0])
    for number in range(5):
        stage.control.create_cluster(
            kind="aks", name=f"aks-waiting-{number}", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
        )
    stage.sweep()
    assert [each["id"] for each in stage.get("/api/approvals").body["items"]] == ["mass-selection"]
    return made


def asked(stage: Stage, clusters: list[str], folder: Path) -> tuple[dict[str, Any], str]:
    """What schemathesis reports, and what it prints."""
    report = folder / "report.json"
    command = [str(Path(sys.executable).with_name("st")), "--no-color"]
    command += ["--config-file", str(REPOSITORY / "tests" / "scenario" / "schemathesis.toml")]
    command += [
        "run",
        f"{stage.stack.host_urls[0]}/api/openapi.json",
        "--header",
        f"x-functions-key: {stage.stack.key}",
    ]
    command += ["--checks", "all", "--seed", SEED, "--max-examples", str(EXAMPLES), "--continue-on-failure"]
    command += ["--report", "json", "--report-json-path", str(report)]
    environment = os.environ | {"API_CLUSTERS": json.dumps(clusters), "PYTHONPATH": str(REPOSITORY)}
    ran = subprocess.run(  # noqa: S603  our own command
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=1500
    )
    told = f"{ran.stdout[-20_000:]}\n{ran.stderr[-2_000:]}"
    assert report.exists(), told
    return json.loads(report.read_text()), told


# These two come before the thousands of requests, which leave nothing at rest.


def test_whoever_has_an_answer_is_not_sent_it_again(stage: Stage, clusters: list[str]) -> None:
    """On every route that describes a 304: ETag, 304 without a body to whoever names it, 200 to whoever does not."""
    key = stage.cluster(clusters[0])["key"]
    paths = [path.format(key=key) for path, methods in document()["paths"].items() if "304" in str(methods.get("get"))]
    paths += [f"/clusters?id={clusters[1]}", "/compliance?format=csv", "/compliance?view=attention"]
    met = {}
    for path in paths:
        first = stage.get(f"/api{path}")
        tag = first.headers["ETag"]
        again = stage.call("GET", f"/api{path}", headers={"If-None-Match": f'"other", {tag}'})
        other = stage.call("GET", f"/api{path}", headers={"If-None-Match": '"other"'})
        met[path] = (first.status, again.status, again.body, again.headers["ETag"] == tag, other.status)

    assert len(paths) == 8
    assert met == dict.fromkeys(paths, (200, 304, "", True, 200))


def test_a_tag_changes_with_what_it_stands_for(stage: Stage, clusters: list[str]) -> None:
    """Somebody's word about a cluster makes another answer of it."""
    path = f"/api/clusters?id={clusters[1]}"
    before = stage.get(path).headers["ETag"]
    wish = {"cluster": clusters[1], "profile": "training", "reason": "a trial"}
    assert stage.post("/api/installs", wish).status == 202

    assert stage.call("GET", path, headers={"If-None-Match": before}).status == 200


@pytest.mark.timeout(1800)
def test_the_api_is_as_it_describes_itself(stage: Stage, clusters: list[str], tmp_path: Path) -> None:
    """No case among hundreds meets a 5xx, a status or an answer that is not described, a door closed to the right key,
    or one open without it; and what is described as valid is taken, what is not is refused.
    """  # noqa: D205  the invariants are one list
    report, told = asked(stage, clusters, tmp_path)
    print(f"{report['test_cases']['generated']} cases in {report['running_time']:.0f} s, seed {SEED}")  # noqa: T201

    assert (report["failures"], report["errors"]) == ([], []), told
    assert report["exit_code"] == 0, told
    assert report["complete"], told
    # All but the document itself, which schemathesis reads and does not test.
    assert report["operations"]["tested"] == len(operations()) - 1, told
    assert report["test_cases"]["generated"] >= LEAST, told
    assert {name: book["lastError"] for name, book in stage.invocations().items() if book["failed"]} == {}


def operations() -> list[tuple[str, str]]:
    """Every route of the document."""
    return [(method, path) for path, methods in document()["paths"].items() for method in methods]


def test_what_is_served_is_what_was_built(stage: Stage) -> None:
    """The document of /api/openapi.json is that of the code."""
    served = stage.get("/api/openapi.json")

    assert (served.status, served.body) == (200, json.loads(json.dumps(document())))
