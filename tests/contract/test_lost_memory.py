"""The memory of the fleet is lost while its policy changes: the rollout keeps to its rings all the same."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from shared.azureml.drift import LOST
from shared.model.identity import ClusterId
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


@asynccontextmanager
async def all_busy(fleet: Fleet, clusters: list[ClusterId]) -> AsyncIterator[None]:
    """Somebody else is at work on every cluster."""
    async with AsyncExitStack() as held:
        for cluster in clusters:
            await held.enter_async_context(fleet.house.reconciler.leases.hold(cluster))
        yield


def all_answered(status: int) -> Callable[[Fleet, list[ClusterId]], AbstractAsyncContextManager[None]]:
    """Azure says this where it is asked what is on a cluster."""

    @asynccontextmanager
    async def answered(fleet: Fleet, clusters: list[ClusterId]) -> AsyncIterator[None]:
        fault = fleet.control.add_fault(
            service="extensions", method="GET", kind="status", status=status, times=10 * len(clusters)
        )
        yield
        fleet.control.clear_faults(fault)

    return answered


@pytest.mark.parametrize("spoilt", [all_answered(403), all_answered(503), all_busy], ids=["403", "503", "busy"])
async def test_a_look_that_comes_to_nothing_remembers_nothing(fleet, spoilt):
    """A look after a loss that did not read the cluster leaves it as unremembered as before: no ring opens over it.

    Nor does the sweep ask for it while that look's own follow-up is on its way.
    """
    canaries = fleet.made(4, SELECTED | {"ring": "canary"}, "canary")
    rest = fleet.made(8, SELECTED, "rest")
    await fleet.put_policy(volcano="false", rollout=ROLLOUT)
    await fleet.converge()
    await fleet.house.sweep.run()
    await forget(fleet)
    async with spoilt(fleet, [*canaries, *rest]):
        in_vain = await fleet.rounds(1, timedelta(0))
    await fleet.put_policy(volcano="true", rollout=ROLLOUT)
    since = len(fleet.control.requests())
    await fleet.house.sweep.run()
    policy = await fleet.house.reconciler.generations.current()
    unsure = await fleet.house.gatekeeper.view(policy, ())
    asked = await fleet.asked()
    await fleet.look([*canaries, *rest])
    await fleet.house.sweep.run()

    held = Counter(entry.hold[0] for entry in await fleet.entries() if entry.hold)
    assert in_vain.total() == 12
    assert in_vain.keys() <= {"Wait", "-"}
    assert (asked, unsure.open_ring) == ([], 0)
    assert fleet.written(since) <= {str(cluster) for cluster in canaries}
    assert held[HoldCode.RING] == 8
