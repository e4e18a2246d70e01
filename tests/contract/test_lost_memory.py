"""The memory of the fleet is lost while its policy changes: the rollout keeps to its rings all the same."""

from collections import Counter
from datetime import timedelta

import pytest

from shared.azureml.drift import LOST
from shared.model.state import HoldCode
from tests.contract.fleets import RINGS, SELECTED, Fleet

ROLLOUT = RINGS + "  stopOn: {failures: 2}"


async def forget(fleet: Fleet) -> None:
    """Drop every row."""
    for row in [row async for row in fleet.house.table.all()]:
        await fleet.house.table.forget(row.cluster)


@pytest.mark.parametrize("looked", [True, False], ids=["looked at in between", "at the same moment"])
async def test_rings_hold_after_the_memory_was_lost(fleet, looked):
    """Only canaries are updated, whether the loss was found before the policy changed or not; the rest waits."""
    canaries = fleet.made(4, SELECTED | {"ring": "canary"}, "canary")
    fleet.made(8, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=ROLLOUT)
    await fleet.converge()
    await fleet.house.sweep.run()
    await forget(fleet)
    if looked:
        assert await fleet.rounds(1) == Counter({"Nothing": 12})
        assert {row.memory.sent async for row in fleet.house.table.all()} == {LOST}
    await fleet.put_policy(volcano="true", rollout=ROLLOUT)
    since = len(fleet.control.requests())
    await fleet.rounds(4)
    await fleet.house.sweep.run()

    held = Counter(entry.hold[0] for entry in await fleet.entries() if entry.hold)
    assert fleet.written(since) == {str(cluster) for cluster in canaries}
    assert held[HoldCode.RING] == 8


async def test_a_loss_alone_leads_to_no_write(fleet):
    """Every extension is known as ours again, and all is as wanted."""
    fleet.made(6, SELECTED)
    await fleet.converge()
    await fleet.house.sweep.run()
    await forget(fleet)
    since = len(fleet.control.requests())
    await fleet.rounds(3, timedelta(hours=5))

    assert fleet.control.writes(since) == []
    assert {entry.condition for entry in await fleet.entries()} == {"Current"}


async def test_a_large_loss_is_found_out_at_once(fleet):
    """Every cluster is asked for by the first sweep, rollout or not: a look costs reads, and memory is what guards."""
    fleet.made(150, SELECTED)
    await fleet.put_policy(volcano="false", rollout=ROLLOUT)
    await fleet.converge()
    await fleet.house.sweep.run()
    await forget(fleet)
    await fleet.put_policy(volcano="true", rollout=ROLLOUT)
    await fleet.house.sweep.run()

    assert len(await fleet.asked()) == 150
