"""What stands open in the fleet, as it is told."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.fleet.announcing import of_certificates, of_day, of_gates, of_policy, of_sweep
from shared.fleet.figures import Figures
from shared.model.gates import FleetGates
from shared.model.notice import Kind
from shared.reconcile.candidates import Candidate, Verdict
from shared.reconcile.generations import Standing
from tests.unit.announced import Ground

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def test_what_the_books_keep_from_going_on():
    """A breaker that closes is news as well; a rollout that goes on again is told by what it does."""
    gates = FleetGates("d", 0, "Ring 'canary' waits.", "ring-d-canary", "3 failed", {"timeout": "too many"}, "slip")
    found = of_gates(gates, 7)

    assert {key: one.kind for key, one in found.items()} == {
        "breaker/timeout": Kind.BREAKER_OPENED,
        "rollout/7": Kind.ROLLOUT_STOPPED,
        "approval/ring-d-canary": Kind.APPROVAL_NEEDED,
        "approval/mass-selection": Kind.APPROVAL_NEEDED,
    }
    assert found["breaker/timeout"].closing is Kind.BREAKER_CLOSED
    assert found["rollout/7"].closing is None
    assert of_gates(FleetGates(), 7) == {}


def test_a_policy_that_is_refused_or_waits():
    """By digest, so that the next one is told of anew."""
    refused = Standing("a", 1, "", {"digest": "b", "findings": ["rulez"]}, "", None)
    pending = Standing("a", 1, "", None, "", Candidate("c", Verdict.LARGE, "It would change 90 clusters."))

    assert of_policy(refused)["policy/refused/b"].kind is Kind.POLICY_REFUSED
    assert of_policy(pending)["policy/pending/c"].data["reason"] == "It would change 90 clusters."
    for verdict in (Verdict.UNSEEN, Verdict.SMALL, Verdict.APPROVED):
        assert of_policy(replace(pending, pending=Candidate("c", verdict, "It needs nobody."))) == {}
    assert of_policy(Standing("a", 1, "", None, "", None)) == {}


def test_sweeps_certificates_and_days():
    """A partial sweep, a certificate by its end, the figures of a day by its date."""
    assert of_sweep(whole=True, trouble="") == {}
    assert of_sweep(whole=False, trouble="a role")["sweep"].closing is Kind.SWEEP_WHOLE
    assert list(of_certificates({"https://v/secrets/c": NOW})) == ["certificate/https://v/secrets/c/" + NOW.isoformat()]
    assert of_day(Figures(NOW), NOW)["digest/2026-11-27"].data["managed"] == 0


# What has begun and what has ended

PARTIAL = of_sweep(whole=False, trouble="a role")
BREAKER = of_gates(FleetGates(broken={"timeout": "too many"}), 7)


@pytest.fixture
def ground():
    """An announcer that has told nothing yet."""
    return Ground(NOW)


def kinds(notices):
    """What is told, in order."""
    return [each.kind for each in notices]


@pytest.mark.parametrize(
    ("found", "begin", "end"),
    [(PARTIAL, Kind.SWEEP_PARTIAL, Kind.SWEEP_WHOLE), (BREAKER, Kind.BREAKER_OPENED, Kind.BREAKER_CLOSED)],
)
async def test_a_thing_is_told_when_it_begins_and_when_it_ends(ground, found, begin, end):
    """Once each, however many sweeps find it; and when it begins again, under another id."""
    first = await ground.sweeps(found, found, found)
    writes = ground.papers.written
    over = await ground.sweeps({}, {}, {})
    again = await ground.sweeps(found, {})

    assert (kinds(first), kinds(over), kinds(again)) == ([begin], [end], [begin, end])
    assert len({each.id for each in ground.told}) == 4
    assert writes == 2, "a sweep without news writes nothing"


async def test_an_end_that_is_no_news_is_not_told(ground):
    """A rollout that goes on is seen by what it does; that it stops again is news."""
    stopped = of_gates(FleetGates(stopped="3 failed"), 7)

    assert kinds(await ground.sweeps(stopped, {}, {}, stopped)) == [Kind.ROLLOUT_STOPPED] * 2
    assert len({each.id for each in ground.told}) == 2


async def test_what_is_out_of_sight_has_not_ended(ground):
    """A sweep that saw the fleet in part ends nothing but its own kind, and the policy's where it read that."""
    refused = of_policy(Standing("a", 1, "", {"digest": "b", "findings": []}, "", None))
    await ground.sweeps(BREAKER | refused)
    blind = await ground.sweeps(PARTIAL, whole=False, read=False)
    read = await ground.sweeps(PARTIAL, PARTIAL | BREAKER | refused, whole=False)
    whole = await ground.sweeps({})

    assert kinds(blind) == [Kind.SWEEP_PARTIAL]
    assert kinds(read) == [Kind.POLICY_REFUSED], "it had ended, and began again"
    assert sorted(kinds(whole)) == [Kind.BREAKER_CLOSED, Kind.SWEEP_WHOLE]


async def test_a_certificate_that_a_sweep_did_not_ask_for_is_not_told_again(ground):
    """It is over at its own end, and not before."""
    expiring = of_certificates({"https://v/secrets/c": NOW + timedelta(days=9)})
    first = await ground.sweeps(expiring, {}, expiring)
    ground.now += timedelta(days=10)
    await ground.sweeps({})

    assert kinds(first) == [Kind.CERTIFICATE_EXPIRING]
    assert ground.papers.told == {}


@pytest.mark.parametrize("end", [False, True], ids=["begin", "end"])
async def test_what_could_not_be_written_down_is_told_again_under_the_same_id(ground, caplog, end):
    """Later, and whatever else has begun by then: subscribers drop the second."""
    caplog.set_level(logging.WARNING)
    await ground.sweeps(PARTIAL)
    found = {} if end else PARTIAL | BREAKER
    ground.papers.fails = True
    (lost,) = await ground.sweeps(found)
    ground.papers.fails, ground.now = False, NOW + timedelta(minutes=15)
    again = await ground.sweeps(found | of_gates(FleetGates(stopped="3 failed"), 7))

    assert "notices-unkept" in caplog.text
    assert lost.id in {each.id for each in again}
    assert Kind.ROLLOUT_STOPPED in kinds(again)


async def test_a_document_that_is_lost_brings_no_id_back(ground):
    """What stands open then is told again, as another notice: subscribers would drop one whose id they know."""
    (first,) = await ground.sweeps(PARTIAL)
    ground.papers.lose()
    ground.now += timedelta(minutes=15)
    (again,) = await ground.sweeps(PARTIAL)

    assert (again.kind, again.id == first.id) == (first.kind, False)


async def test_without_a_topic_nothing_is_told_or_written(ground):
    """And once there is one, what stands open is told."""
    ground.outbox.open = False
    nothing = await ground.sweeps(PARTIAL)
    ground.outbox.open = True

    assert (nothing, ground.papers.told) == ([], None)
    assert kinds(await ground.sweeps(PARTIAL)) == [Kind.SWEEP_PARTIAL]
