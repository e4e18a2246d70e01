"""Single steps of the loop on real storage and the simulated Azure, where a write goes wrong."""

import asyncio
from datetime import UTC, datetime

import pytest

from shared.errors import LeaseBusy
from shared.model.decision import Action
from shared.model.identity import ClusterId
from shared.model.request import Reason, Request
from simulator.control import Control


@pytest.fixture
def cluster(control: Control, subscription: str) -> ClusterId:
    """A tagged AKS cluster."""
    tags = {"aml-onboard": "true"}
    return ClusterId.parse(control.create_cluster(kind="aks", name="aks-1", subscription=subscription, tags=tags))


def asked(cluster: ClusterId) -> Request:
    """What an event asks for."""
    return Request(cluster, Reason.EVENT, datetime.now(UTC))


async def reached(control: Control, method: str) -> None:
    """Wait until such a request about extensions has reached the service."""
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(control.requests, service="extensions", method=method):  # noqa: ASYNC110  polls
            await asyncio.sleep(0.02)


async def test_a_step_writes_once_and_gives_the_lease_back(house, control, cluster):
    """Install, one PUT, remembered as ours, one follow-up; afterwards the cluster is free for the next step."""
    decision = await house.reconciler.step(asked(cluster))
    again = await house.reconciler.step(asked(cluster))
    memory = (await house.table.read(cluster)).memory

    assert (decision.action, again.action) == (Action.INSTALL, Action.WAIT)
    assert [each["method"] for each in control.writes()] == ["PUT"]
    assert memory.sent is not None
    assert memory.follow_up is not None


async def test_a_step_that_is_cancelled_while_it_writes_leaves_the_lease_to_expire(house, control, cluster):
    """The host ends while the request is on its way: nobody else may write before the lease has run out."""
    control.add_fault(service="extensions", method="PUT", kind="timeout", when="after")
    step = asyncio.ensure_future(house.reconciler.step(asked(cluster)))
    await reached(control, "PUT")
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step

    with pytest.raises(LeaseBusy):
        async with house.reconciler.leases.hold(cluster):
            raise AssertionError("the PUT may still be under way")
    assert (await house.table.read(cluster)).memory.sent is not None


async def test_a_step_that_is_cancelled_before_it_writes_frees_the_cluster(house, control, cluster):
    """Nothing was sent, so there is nothing to wait for."""
    control.add_fault(service="extensions", method="GET", kind="timeout")
    step = asyncio.ensure_future(house.reconciler.step(asked(cluster)))
    await reached(control, "GET")
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step

    async with house.reconciler.leases.hold(cluster):
        pass
    assert control.writes() == []


async def test_an_unanswered_write_leaves_the_lease_to_expire(house, control, cluster):
    """A 500 after the effect is ambiguous: the next step finds the cluster busy and asks again later."""
    control.add_fault(service="extensions", method="PUT", kind="status", status=500, when="after")
    first = await house.reconciler.step(asked(cluster))
    second = await house.reconciler.step(asked(cluster))

    assert first.action is Action.INSTALL
    assert second is None
    assert len(control.writes()) == 1


async def test_a_refused_write_is_paused(house, control, cluster):
    """400: counted at once; the look after it waits instead of sending the same again."""
    control.add_fault(service="extensions", method="PUT", kind="status", status=400)
    first = await house.reconciler.step(asked(cluster))
    second = await house.reconciler.step(asked(cluster))
    memory = (await house.table.read(cluster)).memory

    assert (first.action, second.action) == (Action.INSTALL, Action.WAIT)
    assert len(control.writes()) == 1
    assert (memory.attempts, memory.sent) == (1, None)
    assert "400" in memory.refusal
