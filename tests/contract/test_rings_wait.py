"""A rollout that begins while nothing may be written: no ring counts as done that nobody could work on."""

from collections import Counter
from datetime import timedelta

import pytest

from shared.model.state import HoldCode
from tests.contract.test_rollout import RINGS, SELECTED, Fleet, azurite, fleet

__all__ = ["azurite", "fleet"]


@pytest.mark.parametrize(
    ("name", "before", "after"), [("MUSTER_STOP", "true", "false"), ("MUSTER_MODE", "report", "enforce")]
)
async def test_rings_wait_while_nothing_may_be_written(fleet: Fleet, monkeypatch, name, before, after):
    """Stopped, or in report mode: no write; and once it may, only the first ring is written to."""
    canaries = fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    fleet.made(4, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=RINGS)
    await fleet.converge()
    await fleet.house.sweep.run()
    monkeypatch.setenv(name, before)
    await fleet.put_policy(volcano="true", rollout=RINGS)
    since = len(fleet.control.requests())
    for _ in range(3):
        await fleet.house.sweep.run()
        await fleet.look(await fleet.asked())
        fleet.pass_time(timedelta(minutes=5))
    waited = fleet.control.writes(since)
    monkeypatch.setenv(name, after)
    for _ in range(3):
        await fleet.house.sweep.run()
        await fleet.look(await fleet.asked())
        fleet.pass_time(timedelta(minutes=5))
    await fleet.house.sweep.run()

    written = {each["path"].lower().partition("/providers/microsoft.kubern")[0] for each in fleet.control.writes(since)}
    held = Counter(entry.hold[0] for entry in await fleet.entries() if entry.hold)
    assert waited == []
    assert written == {str(cluster) for cluster in canaries}
    assert held[HoldCode.RING] == 4
