"""What is wrong is told with what to do about it: in /health, in the log, by the API and on the command line.

One stage goes from trouble to trouble, in the order of this file: it starts without any valid policy,
and loses its storage at the end.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.model.identity import ClusterId
from tests.scenario.stage import POISON, REPOSITORY, SELECTED, SUBSCRIPTION, Answer, Json, Stage, shipped_policy

INVALID = shipped_policy().replace("releaseTrain: stable", "releaseTrane: stable")
LINE = 1 + INVALID[: INVALID.index("releaseTrane")].count("\n")
STAGE = {"policy": INVALID}


def aks(stage: Stage, name: str) -> str:
    """A new AKS cluster that is selected; without an event."""
    return stage.control.create_cluster(kind="aks", name=name, subscription=SUBSCRIPTION, tags=SELECTED, emit=False)


def tell(stage: Stage, cluster: str) -> int:
    """Deliver an event about a cluster; the status that Event Grid gets."""
    return stage.deliver(
        {
            "id": "1",
            "source": f"/subscriptions/{SUBSCRIPTION}",
            "specversion": "1.0",
            "type": "Microsoft.Resources.ResourceWriteSuccess",
            "subject": cluster,
            "time": "2026-08-20T10:20:30.1234567Z",
            "data": {"operationName": "Microsoft.ContainerService/managedClusters/write"},
        }
    )


def problem_of(health: Answer) -> Json:
    """The one problem of /health, which anybody may read: no id, no trace."""
    (problem,) = health.body["problems"]
    assert SUBSCRIPTION not in json.dumps(health.body)
    assert_plain(health)
    return dict(problem)


def assert_plain(answer: Answer) -> None:
    """Nothing of the inside of the program is shown."""
    assert "Traceback" not in str(answer.body)
    assert 'File "' not in str(answer.body)


def test_without_any_valid_policy_it_says_where_the_mistake_is(stage: Stage) -> None:
    """/health is 503 and names file, line and the word that was meant, as do log, API and `muster lint`."""
    health = stage.get("/api/health", key=False)
    assert (health.status, health.body["status"]) == (503, "failing")
    problem = problem_of(health)
    place = f"policy.yaml:{LINE} "
    assert problem["code"] == "PolicyError"
    assert place in problem["message"]
    assert "releaseTrain" in problem["message"]

    (line,) = stage.logs("policy-refused")
    assert line["findings"][0].startswith(place)

    answer = stage.get("/api/policy")
    assert (answer.status, answer.body["code"]) == (503, "PolicyError")
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.body["errors"][0]["field"].startswith(place)

    lint = [Path(sys.executable).with_name("muster"), "lint", stage.policy_file]
    told = subprocess.run(lint, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603  our own command
    assert told.returncode == 2
    assert told.stdout.startswith(place)
    assert "Traceback" not in told.stderr


def test_without_any_valid_policy_nothing_is_written_or_lost(stage: Stage) -> None:
    """An event is kept and a sweep does not fail; once the policy is mended the cluster is installed."""
    cluster = aks(stage, "waits-for-a-policy")
    assert tell(stage, cluster) in {200, 202}
    stage.until(lambda: stage.logs("look-again", cluster=cluster.lower()), "the look to be put off")
    stage.sweep()
    assert "policy.yaml" in stage.logs("sweep")[-1]["trouble"]
    assert stage.control.writes() == []
    assert stage.invocations()["reconcile"]["failed"] == 0
    assert stage.queue_length() == 1

    stage.policy_file.write_text(shipped_policy())
    assert tell(stage, cluster) in {200, 202}
    stage.until(lambda: len(stage.puts(cluster)) == 1, "the install")
    assert stage.health()["status"] == "ok"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MUSTER_SCOPE", "", "MUSTER_SCOPE is not set: list the subscription ids"),
        ("MUSTER_MODE", "enforced", "MUSTER_MODE is 'enforced'; it must be 'report' or 'enforce'"),
        ("MUSTER_STOP", "yes", "MUSTER_STOP is 'yes'; it must be 'true' or 'false'"),
    ],
)
def test_a_wrong_setting_is_named(stage: Stage, name: str, value: str, told: str) -> None:
    """/health, API and log name the setting and what it takes; the event is refused, so that Event Grid keeps it."""
    right = {"MUSTER_SCOPE": SUBSCRIPTION, "MUSTER_MODE": "enforce", "MUSTER_STOP": "false"}
    stage.stack.restart_host(0, settings=right | {name: value})
    try:
        health = stage.get("/api/health", key=False)
        assert (health.status, health.body["status"]) == (503, "failing")
        problem = problem_of(health)
        assert (problem["code"], told in problem["message"]) == ("ConfigurationError", True)

        answer = stage.get("/api/clusters")
        assert (answer.status, answer.body["code"], told in answer.body["detail"]) == (503, "ConfigurationError", True)
        assert_plain(answer)

        assert tell(stage, aks(stage, f"with-wrong-{name.lower().replace('_', '-')}")) >= 500
        lines = [line for line in stage.logs("invocation-failed", function="cluster_events") if told in line["reason"]]
        assert [line["code"] for line in lines] == ["ConfigurationError"]
    finally:
        stage.stack.restart_host(0, settings=right)


def test_a_missing_role_is_named(stage: Stage) -> None:
    """ARM's 403 reaches log, API and /health with the action that lacks and the advice to grant the role."""
    advice = "Grant Muster's identity its role"
    cluster = aks(stage, "no-rights")
    stage.control.deny(SUBSCRIPTION)
    assert tell(stage, cluster) in {200, 202}
    (line, *_) = stage.until(lambda: stage.logs("decision", cluster=cluster.lower()), "the look")
    assert (line["action"], line["condition"]) == ("Wait", "Unknown")
    for word in ("403 AuthorizationFailed", "Microsoft.ContainerService/managedClusters/read", advice):
        assert word in line["reason"]

    health = stage.get("/api/health", key=False)
    assert (health.status, health.body["status"]) == (200, "degraded")
    problem = problem_of(health)
    assert (problem["code"], advice in problem["message"]) == ("NotAuthorized", True)

    answer = stage.post("/api/installs", {"cluster": cluster})
    assert (answer.status, answer.body["code"]) == (503, "NotAuthorized")
    assert advice in answer.body["detail"]
    assert_plain(answer)
    shown = stage.cluster(cluster)
    assert shown["state"]["condition"] == "Unknown"
    assert advice in shown["decision"]["reason"]

    stage.control.allow(SUBSCRIPTION)
    stage.until(lambda: len(stage.puts(cluster)) == 1, "the install once the role is granted")
    assert stage.queue_length(POISON) == 0


def test_lost_storage_is_named(stage: Stage) -> None:
    """Without its storage account /health is 503 and says what to check, as do API and log."""
    advice = "Check AzureWebJobsStorage"
    key = ClusterId.parse(stage.control.clusters()[0]).key
    stage.stack.kill_storage()
    health = stage.until(lambda: _failing(stage), "/health to notice", within=60)
    problem = problem_of(health)
    assert (problem["code"], advice in problem["message"]) == ("StorageError", True)

    answer = stage.post(f"/api/clusters/{key}/reconcile")
    assert (answer.status, answer.body["code"]) == (503, "StorageError")
    assert int(answer.headers["Retry-After"]) > 0
    assert advice in answer.body["detail"]
    assert_plain(answer)
    (line,) = stage.logs("request-refused", route="look", code="StorageError")
    assert advice in line["reason"]
    assert "storage does not answer" in stage.stack.log_tail("host-0", 400)


def _failing(stage: Stage) -> Answer | None:
    health = stage.get("/api/health", key=False)
    return health if health.status == 503 else None
