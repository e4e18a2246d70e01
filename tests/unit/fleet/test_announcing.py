"""What stands open in the fleet, as it is told."""

from datetime import UTC, datetime

from shared.fleet.announcing import of_certificates, of_day, of_gates, of_policy, of_sweep
from shared.fleet.figures import Figures
from shared.model.gates import FleetGates
from shared.model.notice import Kind
from shared.reconcile.candidates import Candidate, Verdict
from shared.reconcile.generations import Standing

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
    assert of_policy(Standing("a", 1, "", None, "", None)) == {}


def test_sweeps_certificates_and_days():
    """A partial sweep, a certificate by its end, the figures of a day by its date."""
    assert of_sweep(whole=True, trouble="") == {}
    assert of_sweep(whole=False, trouble="a role")["sweep"].closing is Kind.SWEEP_WHOLE
    assert list(of_certificates({"https://v/secrets/c": NOW})) == ["certificate/https://v/secrets/c/" + NOW.isoformat()]
    assert of_day(Figures(NOW), NOW)["digest/2026-11-27"].data["managed"] == 0
