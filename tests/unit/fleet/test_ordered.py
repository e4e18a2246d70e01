"""Long readings side by side, one group at a time."""

from collections.abc import AsyncIterator

import pytest

from shared.errors import Unavailable
from shared.fleet.ordered import ByGroup


async def rows(*items: tuple[str, int]) -> AsyncIterator[tuple[str, int]]:
    """Items as a reading gives them."""
    for item in items:
        yield item


async def test_groups_come_whole_and_those_not_asked_for_are_passed_over():
    """Each group's own items, none of a neighbour's; a group that is not there is empty."""
    reading = ByGroup(rows(("a", 1), ("a", 2), ("b", 3), ("d", 4)), "rows")
    assert await reading.take("a") == [1, 2]
    assert await reading.take("c") == []
    assert await reading.take("d") == [4]
    assert await reading.take("e") == []


async def test_a_reading_out_of_order_is_an_error():
    """What came too early would be missed without a word."""
    reading = ByGroup(rows(("b", 1), ("a", 2)), "rows")
    with pytest.raises(Unavailable, match="rows"):
        await reading.take("c")
