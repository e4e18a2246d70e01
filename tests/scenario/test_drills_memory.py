"""The drill of docs/drills.md that deletes the tables, on a fleet of its own."""

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage
from tests.scenario.test_drills import compliant, policy, settle

STAGE = {"policy": policy("false")}


def test_the_tables_are_deleted(stage: Stage) -> None:
    """Reads, and no write: every extension is known as ours again, and the memory is filled by the next looks."""
    clusters = [
        stage.control.create_cluster(
            kind="aks", name=f"aks-{number}", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
        )
        for number in range(8)
    ]
    stage.control.graph(quota=None)
    settle(stage)
    stage.installed(*clusters)
    settle(stage)
    mark = stage.mark()
    for table in ("mustermemory", "musterhistory"):
        stage.tables.delete_table(table)
    settle(stage)
    settle(stage)

    assert stage.control.writes(mark) == []
    assert compliant(stage) == len(clusters)
    stage.until(lambda: len(stage.memory_rows()) >= len(clusters), "the memory to be filled")
