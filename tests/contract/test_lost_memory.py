"""The memory of the fleet is lost while its policy changes: the rollout keeps to its rings all the same."""

from collections import Counter
from datetime import timedelta

import pytest

from shared.azureml.drift import LOST
from shared.model.state import HoldCode
from tests.contract.test_rollout import RINGS, SELECTED, Fleet, azurite, fleet

__all__ = ["azurite", "fleet"]

ROLLOUT = RINGS + "  stopOn: {failures: 2}"


async def forget(fleet: Fleet) -> None:
    """Drop every row."""
    for row in [row async for row in fleet.house.table.all()]:
        await fleet.house.table.forget(row.cluster)


@pytest.mark.parametrize("looked", [True, False], ids=["looked at in between", "at the same moment"])
async def test_rings_hold_after_the_memory_was_lost(fleet: Fleet, looked: bool):
    """Only canaries are updated, whether the loss was found before the policy changed or not; the rest waits."""
    canaries = fleet.made(4, SELECTED | {"ring": "canary"}, "canary")
    fleet.made(8, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=ROLLOUT)
    await fleet.converge()
    await fleet.house.sweep.run()
    await forget(fleet)
    if looked:
        await fleet.house.sweep.run()
        assert await fleet.look(await fleet.asked()) == Counter({"Nothing": 12})
        assert {row.memory.sent async for row in fleet.house.table.all()} == {LOST}
    await fleet.put_policy(volcano="true", rollout=ROLLOUT)
    since = len(fleet.control.requests())
    for _ in range(4):
        await fleet.house.sweep.run()
        await fleet.look(await fleet.asked())
        fleet.pass_time(timedelta(minutes=5))
    await fleet.house.sweep.run()

    written = {each["path"].lower().partition("/providers/microsoft.kubern")[0] for each in fleet.control.writes(since)}
    held = Counter(entry.hold[0] for entry in await fleet.entries() if entry.hold)
    assert written == {str(cluster) for cluster in canaries}
    assert held[HoldCode.RING] == 8


async def test_a_loss_alone_leads_to_no_write(fleet: Fleet):
    """Every extension is known as ours again, and all is as wanted."""
    fleet.made(6, SELECTED)
    await fleet.converge()
    await fleet.house.sweep.run()
    await forget(fleet)
    since = len(fleet.control.requests())
    for _ in range(3):
        await fleet.house.sweep.run()
        await fleet.look(await fleet.asked())
        fleet.pass_time(timedelta(hours=5))

    assert fleet.control.writes(since) == []
    assert {entry.condition for entry in await fleet.entries()} == {"Current"}
