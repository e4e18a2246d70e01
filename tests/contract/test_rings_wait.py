"""A rollout that begins while nothing may be written: no ring counts as done that nobody could work on."""

from collections import Counter

import pytest

from shared.model.state import HoldCode
from tests.contract.fleets import RINGS, SELECTED


@pytest.mark.parametrize(
    ("name", "before", "after"), [("MUSTER_STOP", "true", "false"), ("MUSTER_MODE", "report", "enforce")]
)
async def test_rings_wait_while_nothing_may_be_written(fleet, monkeypatch, name, before, after):
    """Stopped, or in report mode: no write; and once it may, only the first ring is written to."""
    canaries = fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    fleet.made(4, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=RINGS)
    await fleet.converge()
    await fleet.house.sweep.run()
    monkeypatch.setenv(name, before)
    await fleet.put_policy(volcano="true", rollout=RINGS)
    since = len(fleet.control.requests())
    await fleet.rounds(3)
    waited = fleet.control.writes(since)
    monkeypatch.setenv(name, after)
    await fleet.rounds(3)
    await fleet.house.sweep.run()

    held = Counter(entry.hold[0] for entry in await fleet.entries() if entry.hold)
    assert waited == []
    assert fleet.written(since) == {str(cluster) for cluster in canaries}
    assert held[HoldCode.RING] == 4


async def test_rings_wait_for_updates_of_an_earlier_policy(fleet):
    """A policy that comes while the first ring still works on the one before: the ring is not done with it."""
    canaries = fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    fleet.made(4, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=RINGS)
    await fleet.converge()
    await fleet.house.sweep.run()
    fleet.control.durations(update=3600)
    since = len(fleet.control.requests())
    await fleet.put_policy(volcano="true", rollout=RINGS)
    await fleet.house.sweep.run()
    assert await fleet.look(await fleet.asked()) == Counter({"Update": 2})
    await fleet.put_policy(volcano="true, installPromOp: false", rollout=RINGS)
    await fleet.rounds(3)
    await fleet.house.sweep.run()

    held = Counter(entry.hold[0] for entry in await fleet.entries() if entry.hold)
    assert fleet.written(since) == {str(cluster) for cluster in canaries}
    assert held[HoldCode.RING] == 4
