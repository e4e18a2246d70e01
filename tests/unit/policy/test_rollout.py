"""Which ring a cluster is in, and what the block `rollout` means."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.policy.loading import parse_policy, read_policy
from shared.policy.rings import ring_of
from shared.policy.rollout import (
    Blackout,
    BlastRadius,
    Breaker,
    InFlight,
    Ring,
    Rollout,
    StopOn,
    Window,
)
from tests.unit.policy.builders import cluster, policy

HOUR = timedelta(hours=1)
RINGS = """
rollout:
  rings:
    - {name: canary, match: {tags: {ring: canary}}}
    - {name: gpu, match: {gpu: true}}
    - {name: rest}
"""


def test_every_key_is_read():
    """The block of the reference, value by value; what is left out means no limit."""
    found = parse_policy(read_policy(Path(__file__).parents[2] / "data" / "policy" / "complete.yaml")).rollout
    canary, rest = found.rings
    assert (canary.soak, canary.approval) == (2 * HOUR, True)
    assert canary.windows == (Window("0 22 * * 1-5", 6 * HOUR, "Europe/Vienna"),)
    assert rest == Ring("rest")
    assert found.windows == (Window("0 1 * * *", 4 * HOUR),)
    assert found.blackouts == (Blackout(date(2026, 12, 24), date(2027, 1, 6), "Europe/Vienna", "change freeze"),)
    assert found.in_flight == InFlight(100, 20, 50)
    assert found.stop_on == StopOn(5, 7.5, 12)
    assert (found.new_clusters_per_hour, found.mass_selection) == (50, 200)
    assert found.blast == BlastRadius(1000, 50)
    assert found.breaker == Breaker(10.0, 30)
    assert found.policy_change_clusters == 40
    assert policy("").rollout == Rollout()


@pytest.mark.parametrize(
    ("tags", "facts", "ring"),
    [
        ({"ring": "canary"}, {"gpu": True}, (0, "canary")),
        ({}, {"gpu": True}, (1, "gpu")),
        ({}, {"gpu": False}, (2, "rest")),
        ({}, {"gpu": None}, (2, "rest")),
        ({"ring": "canary", "AML-Ring": "rest"}, {}, (2, "rest")),
        ({"aml-ring": "canary"}, {"gpu": True}, (1, "gpu")),
        ({"ring": "canary", "aml-ring": "nonesuch"}, {}, (2, "rest")),
    ],
    ids=["first", "second", "last", "unknown-fact", "tag-later", "tag-earlier", "tag-unknown"],
)
def test_a_cluster_is_in_the_first_ring_that_takes_it_or_in_a_later_one_that_it_names(tags, facts, ring):
    """A tag moves it later, never earlier; what is not known about it, or misspelt, makes it later."""
    assert ring_of(policy(RINGS), cluster(tags=tags, **facts)) == ring


def test_who_matches_no_ring_comes_last():
    """In a ring of its own, where every ring has a match; without rings there is one."""
    ringed = policy("rollout: {rings: [{name: canary, match: {tags: {ring: canary}}}]}\n")
    assert ring_of(ringed, cluster(tags={})) == (1, "rest")
    assert ring_of(policy(""), cluster(tags={})) == (0, "rest")


def test_management_groups_that_are_not_known_do_not_match():
    """They may be known a minute later: later is the safe side."""
    ringed = policy("rollout: {rings: [{name: dev, match: {managementGroups: dev}}]}\n")
    assert ring_of(ringed, cluster(tags={}), management_groups={"dev"}) == (0, "dev")
    assert ring_of(ringed, cluster(tags={}), management_groups=None) == (1, "rest")
