"""The demo's policy is the shipped one."""

from pathlib import Path

import pytest

from demo.policy import shortened

SHIPPED = (Path(__file__).parents[3] / "policy.yaml").read_text(encoding="utf-8")


def test_nothing_but_three_times_differs_from_the_shipped_policy():
    """Rules, profiles and everything else are shown as they are shipped."""
    before, after = SHIPPED.splitlines(), shortened(SHIPPED).splitlines()

    changed = [new.strip() for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["followUp: 1s", "secondLook: 2s", "backoffFirst: 1s"]


def test_a_policy_without_these_times_is_refused():
    """A renamed key must not leave the demo waiting for minutes."""
    with pytest.raises(ValueError, match="secondLook 0 times"):
        shortened(SHIPPED.replace("secondLook", "thirdLook"))
