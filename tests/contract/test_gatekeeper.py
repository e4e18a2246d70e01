"""The books of the fleet in real storage: several instances keep them together."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from shared.errors import StorageError
from shared.fleet import gatekeeper as module
from shared.fleet.gatekeeper import Gatekeeper
from shared.model.state import HoldCode
from shared.policy.model import Policy
from shared.policy.rollout import InFlight, Rollout
from shared.reconcile.admission import Wish
from shared.state.documents import Documents
from shared.state.storage import Storage

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
POLICY = Policy("digest", 1, rollout=Rollout(in_flight=InFlight(fleet=20)))


@pytest.fixture
async def storages(azurite: str, name: str) -> AsyncIterator[list[Documents]]:
    """Two instances' own ways to the same container."""
    async with (
        Storage.by_connection(azurite, queue=name) as first,
        Storage.by_connection(azurite, queue=name) as second,
    ):
        yield [Documents(each.container(name)) for each in (first, second)]


def wish(number: int) -> Wish:
    """A wish of one cluster."""
    return Wish(f"key-{number}", "sub", "region", 1, 0)


async def test_two_instances_together_keep_to_one_limit(storages):
    """A hundred wishes at once, half of them in each: exactly twenty are granted, each remembered once."""
    keepers = [Gatekeeper(documents, lambda: NOW) for documents in storages]
    asked = [keepers[number % 2].book(wish(number), POLICY) for number in range(100)]
    refusals = await asyncio.gather(*asked)
    granted = [number for number, refusal in enumerate(refusals) if refusal is None]
    document = await storages[0].read(module.NAME)

    assert len(granted) == 20
    assert {refusal.code for refusal in refusals if refusal} == {HoldCode.BUDGET}
    assert set(document.body["flights"]) == {f"key-{number}" for number in granted}


async def test_a_landing_makes_room_for_another_instance(storages):
    """What one books as ended, the other may use at once, and no more than that."""
    first, second = (Gatekeeper(documents, lambda: NOW) for documents in storages)
    assert [await first.book(wish(number), POLICY) for number in range(20)] == [None] * 20
    assert await second.book(wish(20), POLICY) is not None
    await first.land("key-3", POLICY, failed=False)
    assert await Gatekeeper(storages[1], lambda: NOW).book(wish(21), POLICY) is None
    assert await first.book(wish(22), POLICY) is not None


async def test_a_policy_without_limits_costs_no_request(storages):
    """Nothing is counted that nobody asked to be counted."""
    keeper = Gatekeeper(storages[0], lambda: NOW)
    assert await keeper.book(wish(1), Policy("digest")) is None
    await keeper.land("key-1", Policy("digest"), failed=True)
    assert (await keeper.view(Policy("digest"), ())).open_ring is None
    assert await storages[0].read(module.NAME) is None


async def test_damaged_books_stop_writes(storages):
    """Nobody may write while nobody can tell how much is under way; the error says what to do."""
    await storages[0].write_raw(module.NAME, b"rubbish")
    keeper = Gatekeeper(storages[0], lambda: NOW)
    with pytest.raises(StorageError, match=r"ledger\.json"):
        await keeper.book(wish(1), POLICY)
