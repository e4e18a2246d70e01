"""Lines of clusters: which of them call for a person."""

import pytest

from shared.fleet.compliance import needs_attention
from shared.fleet.snapshot import Entry
from shared.model.state import Condition, HoldCode, Management

CALLING = {
    *("preflight", "guardrail", "tag-invalid", "approval", "contested", "quarantine", "protected-values", "no-rule"),
}
FAILING = {"Conflict", "FailedInstall", "FailedUpdate", "Degraded"}


@pytest.mark.parametrize("code", HoldCode)
@pytest.mark.parametrize("condition", ["Current", "FailedInstall"])
def test_a_hold_calls_for_somebody_where_only_he_ends_it(code: HoldCode, condition: str) -> None:
    """Or where he has to mend what a check found; who waits for a ring, a window or a place needs nobody."""
    entry = Entry("x", management="Managed", condition=condition, hold=[code.value, "why", None, None, None, None])
    assert needs_attention(entry) is (code.value in CALLING)


@pytest.mark.parametrize("condition", Condition)
@pytest.mark.parametrize("management", Management)
def test_what_fails_and_is_not_held_calls_for_somebody(management: str, condition: str) -> None:
    """A conflict included, and only on a cluster that is Muster's business."""
    entry = Entry("x", management=management, condition=condition)
    assert needs_attention(entry) is (management == "Managed" and condition in FAILING)
