"""The forecast: the rollout's limits played forward, against times that can be worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.fleet.forecast import SLOW, SWIFT, forecast
from shared.fleet.ledger import Ledger
from shared.fleet.planning import Item
from shared.model.decision import Action
from shared.model.identity import ClusterId, Kind
from shared.model.state import Hold, HoldCode
from shared.policy.model import Policy
from shared.policy.rollout import Blackout, BlastRadius, InFlight, Ring, Rollout, StopOn, Window

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def items(count: int, ring: int = 0, *, hold: Hold | None = None, subscription: str = SUBSCRIPTION, **facts):
    """Updates that follow the policy, where nothing else is said."""
    given = {"action": Action.UPDATE, "by_policy": True, "region": "westeurope"} | facts
    return [
        Item(ClusterId(subscription, "rg", Kind.AKS, f"c{ring}-{n}"), reason="", ring=(ring, ""), hold=hold, **given)
        for n in range(count)
    ]


def installs(count: int):
    return items(count, action=Action.INSTALL, by_policy=False, first=True)


def told(found, rollout: Rollout = Rollout(), approved: frozenset[str] = frozenset(), **books):  # noqa: B008
    policy = Policy(digest="d" * 64, generation=1, rollout=rollout)
    return forecast(found, policy, Ledger(policy="d" * 64, generation=1, **books), approved, NOW)


def spans(found) -> tuple[timedelta, timedelta]:
    return found.done[0] - NOW, found.done[1] - NOW


def test_without_limits_all_go_at_once():
    """As long as one operation lasts, however many there are."""
    assert spans(told(items(50))) == (SWIFT.lasts, SLOW.lasts)


def test_nothing_to_do_has_no_end():
    """Neither requests nor a time."""
    found = told([])

    assert (found.clusters, found.writes, found.reads, found.done, found.left) == (0, (0, 0), (0, 0), None, 0)


def test_writes_beyond_the_days_allowance_go_on_the_next_days():
    """Ten a day: 25 need today and two midnights more; what was written today counts."""
    limited = Rollout(blast=BlastRadius(writes=10))
    midnight = timedelta(hours=12)

    for count, written, days in ((10, 0, 0), (25, 0, 2), (10, 4, 1)):
        low, high = spans(told(items(count), limited, day="2026-11-26", writes=written))
        begin = midnight + (days - 1) * DAY if days else timedelta(0)
        assert begin <= low <= high <= begin + HOUR


def test_disruptive_writes_have_their_own_allowance():
    """Two a day; what disturbs nobody does not wait for them."""
    limited = Rollout(blast=BlastRadius(disruptive=2))

    assert spans(told(items(5, disruptive=True), limited))[0] >= timedelta(hours=12) + DAY
    assert spans(told(items(5), limited))[1] <= HOUR


def test_new_clusters_come_by_the_hour():
    """Four an hour: ten need two hours more; those of the last hour take places."""
    limited = Rollout(new_clusters_per_hour=4)

    low, high = spans(told(installs(10), limited))
    assert 2 * HOUR <= low <= high <= 3 * HOUR
    low, _ = spans(told(installs(1), limited, fresh=(NOW - timedelta(minutes=15),) * 4))
    assert low >= timedelta(minutes=45)


@pytest.mark.parametrize("limit", [InFlight(fleet=2), InFlight(subscription=2), InFlight(region=2)])
def test_what_may_be_under_way_is_a_range(limit):
    """Two at once, twenty to be done: quick operations leave their places sooner."""
    low, high = spans(told(items(20), Rollout(in_flight=limit)))

    assert SWIFT.sweep <= low < high <= 10 * SLOW.sweep


def test_as_many_as_may_fail_before_a_rollout_stops_are_under_way():
    """StopOn bounds those of the policy, and no others."""
    limited = Rollout(stop_on=StopOn(failures=1), in_flight=InFlight(fleet=1000))

    assert spans(told(items(20), limited))[1] >= 19 * SLOW.sweep
    assert spans(told(items(20, by_policy=False), limited))[1] <= HOUR


def test_rings_follow_one_another_after_their_soak():
    """What the policy does not concern, a first installation, waits for no ring."""
    rings = Rollout(rings=(Ring("canary", soak=6 * HOUR), Ring("early", soak=HOUR), Ring("rest")))

    found = told([*items(2), *items(3, 1), *items(4, 2)], rings)
    fresh = told(items(3, 2, action=Action.INSTALL, by_policy=False, first=True), rings)

    starts = [found.rings[number][0] - NOW for number in range(3)]
    assert starts[0] < HOUR
    assert 6 * HOUR <= starts[1] < 7 * HOUR + HOUR
    assert starts[1] + HOUR <= starts[2]
    assert found.left == 0
    assert spans(fresh)[1] < HOUR


def test_a_ring_that_changes_nothing_keeps_nobody():
    """It needs no proof: neither its soak nor its approval counts."""
    rings = Rollout(rings=(Ring("canary", soak=6 * HOUR, approval=True), Ring("rest")))

    assert spans(told(items(4, 1), rings))[1] < HOUR


def test_an_approval_ends_the_forecast_unless_it_was_given():
    """What lies behind it is left, with the approval's name."""
    rings = Rollout(rings=(Ring("canary", approval=True), Ring("rest")))
    both = [*items(2), *items(3, 1)]

    waiting = told(both, rings)
    approved = told(both, rings, approved=frozenset({"ring-dddddddddddd-canary"}))

    assert (waiting.left, set(waiting.rings)) == (3, {0})
    assert "ring-dddddddddddd-canary" in waiting.waits[0]
    assert (approved.left, approved.waits, set(approved.rings)) == (0, (), {0, 1})


def test_windows_and_blackouts_are_waited_for():
    """Updates of the policy go at ten at night, on the first evening that is no blackout; repairs do not wait."""
    windows = Rollout(windows=(Window("0 22 * * *", 2 * HOUR),), blackouts=(Blackout(NOW.date(), NOW.date()),))

    low, high = spans(told(items(3), windows))
    assert DAY + 10 * HOUR <= low <= high <= DAY + 11 * HOUR
    assert spans(told(items(3, by_policy=False, action=Action.REPAIR), windows))[1] < HOUR


def test_a_pause_is_waited_for_to_its_end():
    """It has one: whoever is paused goes afterwards."""
    hold = Hold(HoldCode.PAUSE, "an audit", until=NOW + 5 * HOUR)

    assert 5 * HOUR <= spans(told(items(2, hold=hold)))[0] < 6 * HOUR


def test_what_a_person_or_the_cluster_holds_is_left():
    """No time is told for it, and it takes nobody's place."""
    held = items(2, hold=Hold(HoldCode.QUARANTINE, "it failed five times"))

    found = told([*held, *items(1, 1)], Rollout(blast=BlastRadius(writes=1)))

    assert (found.clusters, found.left, found.waits) == (3, 2, ("held: quarantine",))
    assert spans(found)[1] < HOUR


def test_a_stopped_rollout_and_a_policy_that_waits_promise_nothing():
    """The first keeps the policy's changes back, the second everything."""
    both = [*items(2), *items(1, by_policy=False, action=Action.REPAIR)]
    policy = Policy(digest="d" * 64, generation=1)

    stopped = told(both, stopped="The rollout is stopped.")
    waiting = forecast(both, policy, Ledger(), frozenset(), NOW, first="policy-dddddddddddd")

    assert (stopped.left, stopped.waits) == (2, ("The rollout is stopped.",))
    assert stopped.done is not None
    assert (waiting.left, waiting.done) == (3, None)
    assert "policy-dddddddddddd" in waiting.waits[0]


def test_more_than_a_quarter_of_a_year_is_no_forecast():
    """One a day, two hundred to be done."""
    found = told(items(200), Rollout(blast=BlastRadius(writes=1)))

    assert found.left > 100
    assert "90 days" in found.waits[0]


def test_requests_are_counted_by_step():
    """An update is one write; what is held costs nothing."""
    held = items(3, hold=Hold(HoldCode.APPROVAL, "", approval="a"))
    found = told([*items(4), *held])

    assert found.writes == (4, 4)
    assert 0 < found.reads[0] < found.reads[1]
    assert told([*installs(2)]).writes == (2, 10)
