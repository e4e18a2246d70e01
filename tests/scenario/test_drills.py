"""The drills of docs/drills.md, as an operator runs them on a fleet at work, each with its expected result."""

from collections import Counter

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, TIMING, Stage

POLICY = """
version: 1
profiles:
  training: {{settings: {{enableTraining: true, installVolcano: {volcano}}}}}
rules: [{{name: all, profile: training}}]
enforcement: {{updateDisruptive: act}}
verification: {{aks: none}}
rollout:
  rings:
    - {{name: canary, match: {{tags: {{ring: canary}}}}, soak: 1h}}
    - {{name: rest}}
  stopOn: {{failures: 2}}
  newClusters: {{perHour: 1000, massSelection: 20}}
remediation: {{timing: {{{times}}}}}
"""


def policy(volcano: str) -> str:
    """The policy of the drills; Volcano is what it changes on running clusters."""
    times = ", ".join(f"{name}: {value}" for name, value in TIMING.items())
    return POLICY.format(volcano=volcano, times=times)


# A host that is restarted while it looks at a cluster leaves its message invisible for as long as this, ten minutes
# in Azure.
STAGE = {"policy": policy("false"), "queue_lease": 2}


@pytest.fixture(scope="module")
def fleet(stage: Stage) -> dict[str, list[str]]:
    """Four canaries and eight others, all Current."""
    made = {
        ring: [
            stage.control.create_cluster(
                kind="aks",
                name=f"{ring}-{number}",
                subscription=SUBSCRIPTION,
                tags=SELECTED | {"ring": ring},
                emit=False,
            )
            for number in range(count)
        ]
        for ring, count in (("canary", 4), ("rest", 8))
    }
    stage.control.graph(quota=None)
    settle(stage)
    stage.installed(*made["canary"], *made["rest"])
    settle(stage)
    return made


def settle(stage: Stage) -> None:
    """A sweep, and whatever it asked for."""
    stage.sweep()
    stage.quiet()


def everybody(fleet: dict[str, list[str]]) -> list[str]:
    return [*fleet["canary"], *fleet["rest"]]


def held(stage: Stage) -> Counter[str]:
    """Clusters by the code of their hold, as the last sweep left them."""
    items = stage.get("/api/clusters?limit=500").body["items"]
    return Counter(item["state"]["hold"]["code"] for item in items if item["state"].get("hold"))


def looked_at(stage: Stage) -> int:
    """Clusters that a look has left something about."""
    return sum(row.get("state") is not None for row in stage.memory_rows().values())


def compliant(stage: Stage) -> int:
    return int(stage.get("/api/compliance").body["compliant"])


def test_tags_are_dropped(stage: Stage, fleet: dict[str, list[str]]) -> None:
    """Nothing is removed and nothing is written; with the tags back everything is as before."""
    mark = stage.mark()
    for cluster in everybody(fleet):
        stage.control.set_tags(cluster, {}, emit=False)
    settle(stage)
    dropped = stage.get("/api/compliance").body
    for ring, clusters in fleet.items():
        for cluster in clusters:
            stage.control.set_tags(cluster, SELECTED | {"ring": ring}, emit=False)
    settle(stage)

    assert dropped["managed"] == 0
    assert stage.control.writes(mark) == []
    assert all(stage.control.extension(cluster, "azureml") for cluster in everybody(fleet))
    assert compliant(stage) == len(everybody(fleet))


def test_tags_are_set_on_too_many_at_once(stage: Stage, fleet: dict[str, list[str]]) -> None:
    """More new clusters than the policy expects get nothing, with the reason, until a person approves."""
    slip = [
        stage.control.create_cluster(
            kind="aks", name=f"slip-{number}", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
        )
        for number in range(25)
    ]
    mark = stage.mark()
    settle(stage)
    waiting = [each["id"] for each in stage.get("/api/approvals").body["items"]]
    for cluster in slip:
        stage.control.delete_cluster(cluster, emit=False)
    settle(stage)
    settle(stage)

    assert stage.control.writes(mark) == []
    assert "mass-selection" in waiting
    assert compliant(stage) == len(everybody(fleet))


def test_reader_is_removed(stage: Stage, fleet: dict[str, list[str]]) -> None:
    """The sweep is partial, says so, writes nothing and keeps the figures; with the role back it is whole again."""
    before, mark = stage.get("/api/compliance").body, stage.mark()
    stage.control.deny(SUBSCRIPTION)
    settle(stage)
    told = stage.logs("sweep")[-1]
    during = stage.get("/api/compliance").body
    stage.control.allow(SUBSCRIPTION)
    settle(stage)
    settle(stage)

    assert told["whole"] is False
    assert (during["clusters"], during["asOf"]) == (before["clusters"], before["asOf"])
    assert stage.control.writes(mark) == []
    assert stage.logs("sweep")[-1]["whole"] is True
    assert compliant(stage) == len(everybody(fleet))


def test_the_tables_are_deleted(stage: Stage, fleet: dict[str, list[str]]) -> None:
    """Reads, and no write: every extension is known as ours again, and the memory is filled by the next looks."""
    mark = stage.mark()
    for table in ("mustermemory", "musterhistory"):
        stage.tables.delete_table(table)
    settle(stage)
    settle(stage)

    assert stage.control.writes(mark) == []
    assert compliant(stage) == len(everybody(fleet))
    # A look that met another one at the same cluster comes back within a minute.
    stage.until(lambda: looked_at(stage) >= len(everybody(fleet)), "the memory to be filled")


@pytest.mark.usefixtures("fleet")
def test_a_document_that_does_not_validate(stage: Stage) -> None:
    """It is refused with file, line and key; the policy in force stays in force and nothing is written."""
    mark, before = stage.mark(), stage.get("/api/policy").body
    stage.policy_file.write_text(policy("false").replace("rules:", "rulez:"))
    stage.stack.restart_host(0)
    settle(stage)
    told = stage.get("/api/policy").body
    stage.policy_file.write_text(policy("false"))
    stage.stack.restart_host(0)
    settle(stage)

    assert (told["digest"], told["generation"]) == (before["digest"], before["generation"])
    assert "rulez" in str(told["refused"])
    assert stage.control.writes(mark) == []


def test_a_rollout_is_stopped_and_goes_on(stage: Stage, fleet: dict[str, list[str]]) -> None:
    """With MUSTER_STOP no update goes out, and the sweep goes on reporting; without it the rollout goes on."""
    mark = stage.mark()
    stage.policy_file.write_text(policy("true"))
    stage.stack.restart_host(0, {"MUSTER_STOP": "true"})
    settle(stage)
    settle(stage)
    stopped, swept = stage.control.writes(mark), stage.logs("sweep")[-1]["whole"]
    stage.stack.restart_host(0, {"MUSTER_STOP": "false"})

    def first_canaries_are_updated() -> bool:
        settle(stage)
        return len(written(stage, mark)) >= 2

    # As many at once as may fail; the others wait minutes for their turn.
    stage.until(first_canaries_are_updated, "the first canaries to be updated")
    updated = written(stage, mark)
    stage.policy_file.write_text(policy("false") + "# back again\n")
    stage.stack.restart_host(0)

    def back_again() -> bool:
        settle(stage)
        return compliant(stage) == len(everybody(fleet))

    stage.until(back_again, "the fleet to be as before")
    assert (stopped, swept) == ([], True)
    assert updated <= {cluster.lower() for cluster in fleet["canary"]}


def written(stage: Stage, since: int) -> set[str]:
    """The clusters to which something was sent."""
    paths = [each["path"].lower() for each in stage.control.writes(since)]
    return {path.partition("/providers/microsoft.kubernetesc")[0] for path in paths}


def test_a_bad_policy_stops_in_the_first_ring(stage: Stage, fleet: dict[str, list[str]]) -> None:
    """It fails on two canaries and goes no further; the others are held and keep what they have."""
    mark = stage.mark()
    for cluster in fleet["canary"]:
        stage.control.outcome(cluster, fail="Helm upgrade failed: timed out waiting for the condition", times=9)
    stage.policy_file.write_text(policy("true") + "# once more\n")
    stage.stack.restart_host(0)
    settle(stage)
    stage.until(lambda: len(stage.control.writes(mark)) >= 2, "the first updates")
    settle(stage)
    settle(stage)
    sent = written(stage, mark)
    rings = held(stage)["ring"]

    assert sent <= {cluster.lower() for cluster in fleet["canary"]}
    assert len(sent) == 2
    assert rings >= len(fleet["rest"])
    assert all(
        stage.control.extension(cluster, "azureml")["properties"]["provisioningState"] == "Succeeded"
        for cluster in fleet["rest"]
    )
