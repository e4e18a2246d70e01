"""What a rollout waits for beside its own changes: leave to write, updates and failures of an earlier policy."""

from collections import Counter
from datetime import timedelta

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


async def test_a_newer_policy_does_not_cut_a_soak_short(fleet):
    """Canaries have soaked for minutes when the policy's text is touched: the others still wait for an hour."""
    canaries = fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    rest = fleet.made(4, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=RINGS)
    await fleet.converge()
    await fleet.house.sweep.run()
    since = len(fleet.control.requests())
    await fleet.put_policy(volcano="true", rollout=RINGS)
    await fleet.rounds(3)
    await fleet.put_policy(volcano="true", rollout=f"{RINGS}  # nothing but a comment\n")
    await fleet.rounds(3)
    early = fleet.written(since)
    await fleet.rounds(2, timedelta(minutes=40))
    await fleet.rounds(3)

    assert early == {str(cluster) for cluster in canaries}
    assert fleet.written(since) == {str(cluster) for cluster in [*canaries, *rest]}


async def test_a_ring_that_failed_holds_up_a_newer_policy(fleet):
    """Every canary fails, and the policy is touched: its rollout is not stopped, and yet nobody else is written to."""
    canaries = fleet.made(2, SELECTED | {"ring": "canary"}, "canary")
    rest = fleet.made(4, SELECTED, "rest")
    rollout = RINGS + "  stopOn: {failures: 2}\n"
    await fleet.put_policy(volcano="false", rollout=rollout)
    await fleet.converge()
    await fleet.house.sweep.run()
    for cluster in canaries:
        fleet.control.outcome(str(cluster), fail="Helm upgrade failed: timed out waiting for the condition", times=99)
    since = len(fleet.control.requests())
    await fleet.put_policy(volcano="true", rollout=rollout)
    await fleet.rounds(3)
    await fleet.put_policy(volcano="true", rollout=f"{rollout}  # nothing but a comment\n")
    await fleet.rounds(4, timedelta(minutes=40))
    await fleet.house.sweep.run()
    early, held = fleet.written(since), [e.hold[1] for e in await fleet.entries() if e.hold and "rest" in e.id]
    for cluster in canaries:
        fleet.control.outcome(str(cluster))
    await fleet.rounds(12, timedelta(minutes=40))

    assert early == {str(cluster) for cluster in canaries}
    assert len(held) == len(rest)
    assert all("2 of its clusters failed under an earlier policy" in why for why in held)
    assert fleet.written(since) == {str(cluster) for cluster in [*canaries, *rest]}
