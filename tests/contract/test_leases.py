"""One writer per cluster, on real blob leases."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from shared.errors import LeaseBusy, LeaseLost, Retry
from shared.model.identity import ClusterId, Kind
from shared.state.leases import DURATION, NEEDED_FOR_A_WRITE, Leases

CLUSTER = ClusterId("11111111-1111-1111-1111-111111111111", "rg", Kind.AKS, "aks-1")
OTHER = replace(CLUSTER, name="aks-2")


@pytest.fixture
def container(storage, name):
    """A container that does not exist yet."""
    return storage.container(name)


@pytest.fixture
def leases(container):
    """Leases in it."""
    return Leases(container)


async def broken(container):
    """Take the lease from whoever holds it, as an operator would."""
    from azure.storage.blob.aio import BlobLeaseClient

    await BlobLeaseClient(container.get_blob_client(CLUSTER.key)).break_lease(lease_break_period=0)


async def test_a_lease_is_held_by_one(leases):
    """The second is busy, another cluster is free, and afterwards so is this one."""
    async with leases.hold(CLUSTER) as lease:
        assert DURATION - 10 < lease.left <= DURATION
        with pytest.raises(LeaseBusy) as raised:
            async with leases.hold(CLUSTER):
                raise AssertionError("held twice")
        assert raised.value.retry is Retry.SOON
        async with leases.hold(OTHER):
            pass
    async with leases.hold(CLUSTER):
        pass


async def test_a_cluster_that_may_be_new_is_leased_like_any_other(leases):
    """Its blob is made first; one that is there is leased as ever, and one that is held is busy."""
    async with leases.hold(CLUSTER, perhaps_new=True):
        with pytest.raises(LeaseBusy):
            async with leases.hold(CLUSTER, perhaps_new=True):
                raise AssertionError("held twice")
    async with leases.hold(CLUSTER, perhaps_new=True):
        pass


async def test_of_many_at_once_one_gets_it(leases):
    """Also where neither the container nor the blob existed before."""
    held = asyncio.Event()
    outcomes = []

    async def try_it():
        try:
            async with leases.hold(CLUSTER):
                outcomes.append("held")
                await held.wait()
        except LeaseBusy:
            outcomes.append("busy")
            if outcomes.count("busy") == 7:
                held.set()

    await asyncio.gather(*(try_it() for _ in range(8)))
    assert sorted(outcomes) == ["busy"] * 7 + ["held"]


async def test_a_step_that_fails_gives_the_lease_back(leases):
    """An error inside goes through and leaves the cluster free."""
    with pytest.raises(ZeroDivisionError):
        async with leases.hold(CLUSTER):
            raise ZeroDivisionError
    async with leases.hold(CLUSTER):
        pass


async def test_an_abandoned_lease_stays_until_it_expires(leases):
    """After an ambiguous write nobody else may write while the first request may still run."""
    async with leases.hold(CLUSTER) as lease:
        lease.abandon()
    with pytest.raises(LeaseBusy):
        async with leases.hold(CLUSTER):
            raise AssertionError("the write may still be under way")


async def test_enough_is_left_before_a_write(leases):
    """A lease that has run down is renewed; a fresh one is not asked about."""
    async with leases.hold(CLUSTER) as lease:
        before = lease._taken
        await lease.ready_to_write()
        assert lease._taken == before
        lease._taken -= DURATION - NEEDED_FOR_A_WRITE + 5
        assert lease.left < NEEDED_FOR_A_WRITE
        await lease.ready_to_write()
        assert lease.left > NEEDED_FOR_A_WRITE


async def test_a_lost_lease_stops_the_write(leases, container):
    """It was broken and taken by somebody else: nothing more may be written, and theirs stays."""
    async with contextlib.AsyncExitStack() as theirs:
        async with leases.hold(CLUSTER) as lease:
            await broken(container)
            await theirs.enter_async_context(leases.hold(CLUSTER))
            lease._taken -= DURATION
            with pytest.raises(LeaseLost):
                await lease.ready_to_write()
        with pytest.raises(LeaseBusy):
            async with leases.hold(CLUSTER):
                raise AssertionError("the first one's end released what it no longer held")


async def test_a_held_lease_is_renewed(container):
    """Steps that take long keep it."""
    async with Leases(container, renew_after=0.02).hold(CLUSTER) as lease:
        lease._taken -= DURATION
        while lease.left < DURATION - 5:  # noqa: ASYNC110  a lease tells nobody when it is renewed
            await asyncio.sleep(0.01)


async def test_an_abandoned_lease_is_not_renewed(container):
    """Else it would last as long as whoever abandoned it goes on with other work."""
    async with Leases(container, renew_after=0.02).hold(CLUSTER) as lease:
        lease.abandon()
        keepers = [task for task in asyncio.all_tasks() if "_keep" in repr(task.get_coro())]
        await asyncio.wait_for(asyncio.gather(*keepers), 10)
        left = lease.left
        assert left < DURATION
    assert len(keepers) == 1


async def test_a_renewal_that_failed_is_met_before_the_write(container):
    """The keeper gives up silently; whoever means to write hears of it."""
    async with Leases(container, renew_after=0.02).hold(CLUSTER) as lease:
        keepers = [task for task in asyncio.all_tasks() if "_keep" in repr(task.get_coro())]
        await broken(container)
        await asyncio.wait(keepers, timeout=10)
        lease._taken -= DURATION - NEEDED_FOR_A_WRITE
        with pytest.raises(LeaseLost):
            await lease.ready_to_write()
