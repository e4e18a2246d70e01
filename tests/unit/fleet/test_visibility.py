"""When a sweep's reading is not believed."""

import pytest

from shared.fleet.visibility import doubts
from shared.model.identity import ClusterId
from shared.state.memory import Stored


def stored(subscription: str, number: int) -> Stored:
    """A row of memory."""
    return Stored(f"{subscription}-{number}", "etag", None, waiting=False, entity={"PartitionKey": subscription})


def ids(count: int) -> set[ClusterId]:
    """So many clusters."""
    path = "/subscriptions/{0:08x}-0000-0000-0000-000000000000/resourceGroups/rg/providers/{1}/c{0}"
    return {ClusterId.parse(path.format(n, "Microsoft.ContainerService/managedClusters")) for n in range(count)}


@pytest.mark.parametrize(
    ("known", "missing", "doubtful"),
    [
        ({"a": 100, "b": 900}, {"b": 1}, False),
        ({"a": 100, "b": 900}, {"b": 10}, False),
        ({"a": 100, "b": 900}, {"b": 11}, True),
        ({"a": 50, "b": 50}, {"b": 2}, False),
        ({"a": 50, "b": 50}, {"b": 3}, True),
        ({"a": 1, "b": 999}, {"a": 1}, True),
        ({"a": 5}, {"a": 1}, False),
        ({}, {}, False),
    ],
    ids=["one", "ten", "eleven", "two-percent", "above-two-percent", "silent", "one-of-few", "empty"],
)
def test_a_fleet_that_looks_smaller_is_doubted(known, missing, doubtful):
    """More than ten, more than two in a hundred, or all of a subscription; a single one of many is ordinary."""
    unlisted = [stored(name, number) for name, count in missing.items() for number in range(count)]
    assert bool(doubts(known, unlisted, set(), None)) is doubtful


def test_a_fleet_that_suddenly_wants_more_is_doubted():
    """Above the policy's bound; without one, any number is believed."""
    assert not doubts({}, [], ids(200), None)
    assert not doubts({}, [], ids(200), 200)
    told = doubts({}, [], ids(201), 200)
    assert told.mass
    assert not told.unseen
    assert "201 clusters" in str(told)
