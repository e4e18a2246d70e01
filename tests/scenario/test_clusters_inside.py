"""What Muster sees inside clusters, end to end, and how people are told of it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.scenario.stage import REPOSITORY, SELECTED, SUBSCRIPTION, Stage, shipped_policy

STAGE = {"policy": shipped_policy(verifyGrace="1s", verifyEvery="3s")}


@pytest.fixture(scope="module", autouse=True)
def events(stage: Stage) -> None:
    """Event Grid delivers to the app."""
    stage.control.subscribe(stage.events_url(), "EventGridSchema")


def aks(stage: Stage, name: str, **facts: object) -> str:
    """A tagged AKS cluster."""
    return stage.control.create_cluster(kind="aks", name=name, subscription=SUBSCRIPTION, tags=SELECTED, **facts)


def muster(stage: Stage, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line, with the application settings of the host."""
    return subprocess.run(  # noqa: S603  our own command
        [str(REPOSITORY / ".venv" / "bin" / "muster"), *arguments],
        env={"PATH": "/usr/bin:/bin", "NO_COLOR": "1", **stage.stack.environment},
        cwd=folder or REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def state_of(stage: Stage, cluster_id: str) -> dict:
    """The state that Muster remembers."""
    return stage.memory(cluster_id).get("state") or {}


def test_an_install_is_verified_by_its_components(stage: Stage) -> None:
    """After Succeeded the components are looked at; the cluster is verified by them, on every surface."""
    cluster_id = aks(stage, "verified")
    stage.until(lambda: state_of(stage, cluster_id).get("verified") == "components", "components")
    answer = stage.cluster(cluster_id)

    assert answer["state"]["verified"] == "components"
    assert answer["verification"]["faults"] == []
    assert answer["verification"]["work"] == "idle"
    assert answer["verification"]["running"] is None
    assert {"name": "gateway", "state": "1 of 1 pods ready", "sound": True} in answer["verification"]["states"]
    assert all(each["sound"] for each in answer["verification"]["states"])


def test_a_job_that_runs_is_seen(stage: Stage) -> None:
    """Busy while it runs, idle once it has completed; on the API with the last look inside."""
    cluster_id = aks(stage, "working")
    stage.installed(cluster_id)

    def seen(activity: str) -> bool:
        stage.sweep()
        stage.quiet()  # two looks at once would meet at the lease, and the later one waits
        return (stage.memory(cluster_id).get("verification") or {}).get("activity", "unknown") == activity

    stage.control.start_work(cluster_id, "training-run")
    stage.until(lambda: seen("busy"), "a busy cluster")
    assert "training-run" in stage.cluster(cluster_id)["verification"]["running"]
    stage.control.start_work(cluster_id, "training-run", phase="Completed")
    stage.until(lambda: seen("idle"), "an idle cluster")


def test_a_component_that_is_gone_degrades_the_cluster_until_it_is_back(stage: Stage) -> None:
    """Named in the reason; nothing is written for it; mended, the cluster is Current again."""
    cluster_id = aks(stage, "degraded")
    stage.installed(cluster_id)
    mark = stage.mark()
    stage.control.change_workload(cluster_id, "gateway", ready=0, reason="ImagePullBackOff")

    def looked(condition: str) -> bool:
        stage.sweep()
        stage.quiet()  # two looks at once would meet at the lease, and the later one waits
        return state_of(stage, cluster_id).get("condition") == condition

    stage.until(lambda: looked("Degraded"), "Degraded")
    assert "gateway" in stage.memory(cluster_id)["reason"]
    assert "ImagePullBackOff" in stage.memory(cluster_id)["reason"]
    states = stage.cluster(cluster_id)["verification"]["states"]
    assert [each for each in states if not each["sound"]] == [
        {"name": "gateway", "state": "0 of 1 pods ready", "sound": False}
    ]
    stage.control.restore_workload(cluster_id, "gateway")
    stage.until(lambda: looked("Current"), "Current")
    assert stage.writes(cluster_id, mark) == []


def test_the_healthchecks_report_says_what_failed(stage: Stage) -> None:
    """ARM says only that the healthcheck failed; the configmap's code and its remedy stand in the reason."""
    cluster_id = stage.control.create_cluster(kind="aks", name="sick", subscription=SUBSCRIPTION, tags={})
    stage.control.outcome(
        cluster_id,
        fail="release azureml failed, and has been uninstalled due to atomic being set: failed pre-install: "
        "pod healthcheck failed",
        times=9,
    )
    report = "Status: Failed Name: service ErrorCode: E40001 ErrorMessage: load balancer is not supported"
    stage.control.set_healthcheck(cluster_id, {"reports-pre-install": report})
    stage.control.set_tags(cluster_id, SELECTED)
    stage.until(lambda: "load balancer" in stage.memory(cluster_id).get("reason", "").lower(), "the remedy of E40001")

    assert state_of(stage, cluster_id)["condition"] == "FailedInstall"


@pytest.mark.parametrize("mode", ["slow", "huge", "garbage", "redirect", "tls", "error"])
def test_a_hostile_api_server_changes_nothing_but_the_verification(stage: Stage, mode: str) -> None:
    """Whatever the cluster's own API server does, the install goes on and the look ends."""
    cluster_id = stage.control.create_cluster(kind="aks", name=f"hostile-{mode}", subscription=SUBSCRIPTION, tags={})
    stage.control.hostile(cluster_id, mode)
    stage.control.set_tags(cluster_id, SELECTED)
    stage.until(lambda: state_of(stage, cluster_id).get("condition") == "Current", "Current", within=90)

    assert state_of(stage, cluster_id)["verified"] in {"arm-only", "ARM_ONLY"}


def test_a_held_cluster_says_so_everywhere_and_goes_on_when_its_facts_change(stage: Stage) -> None:
    """API, figures and command line name the check and its remedy; the changed fact lets the install go."""
    cluster_id = aks(stage, "held", properties={"disableLocalAccounts": True})
    stage.until(lambda: (state_of(stage, cluster_id).get("hold") or {}).get("code") == "preflight", "a hold")
    stage.sweep()
    stage.quiet()
    listed = {item["id"]: item for item in stage.get("/api/clusters?hold=preflight").body["items"]}
    told = muster(stage, "explain", "held")

    assert "local-accounts" in listed[cluster_id.lower()]["reason"]
    assert listed[cluster_id.lower()]["state"]["hold"]["code"] == "preflight"
    assert stage.get("/api/compliance").body["hold"]["preflight"] >= 1
    assert told.returncode == 3, told.stderr
    assert "[block] local-accounts" in told.stdout
    assert "remedy:" in told.stdout

    stage.control.change_cluster(cluster_id, {"disableLocalAccounts": False}, emit=False)
    stage.sweep()
    stage.installed(cluster_id)


def test_every_checks_answer_is_there_for_programs(stage: Stage) -> None:
    """As JSON `explain` carries each check with its verdict: those that fail, and those that pass."""
    cluster_id = aks(stage, "held-too", properties={"disableLocalAccounts": True})
    answer = muster(stage, "explain", cluster_id, "-o", "json")
    checks = {each["id"]: each for each in json.loads(answer.stdout)["preflight"]}

    assert checks["local-accounts"]["verdict"] == "failed"
    assert checks["local-accounts"]["remedy"]
    assert checks["provisioning-state"]["verdict"] == "passed"
    assert len(checks) >= 25


def test_the_command_line_tells_mistakes_in_one_line(stage: Stage) -> None:
    """Unknown names, ids out of scope: one line on stderr, exit 1, no traceback."""
    unknown = muster(stage, "explain", "nonesuch")
    outside = muster(
        stage,
        "explain",
        "/subscriptions/99999999-9999-4999-8999-999999999999/resourceGroups/r/providers/Microsoft.ContainerService/managedClusters/c",
    )

    for answer, words in ((unknown, "nonesuch"), (outside, "outside MUSTER_SCOPE")):
        assert answer.returncode == 1
        assert words in answer.stderr
        assert "Traceback" not in answer.stderr
        assert answer.stdout == ""


def test_a_policy_imported_from_the_fleet_is_valid_and_its_tests_pass(stage: Stage, tmp_path: Path) -> None:
    """`muster import` writes policy and tests; `muster lint` and `muster test` accept them."""
    written = tmp_path / "imported.yaml"
    made = muster(stage, "import", "--out", str(written))
    lint, tests = muster(stage, "lint", str(written)), muster(stage, "test", str(written))

    assert made.returncode == 0, made.stderr
    assert lint.returncode == 0, lint.stdout
    assert tests.returncode == 0, tests.stdout
    assert muster(stage, "import", "--out", str(written)).returncode == 1
