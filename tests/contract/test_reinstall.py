"""A reinstall on real storage and the simulated Azure: what never worked is deleted once and installed afresh."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.model.decision import Action
from shared.model.identity import ClusterId
from shared.model.request import Reason, Request
from shared.model.state import Condition, HoldCode
from simulator.control import Control

BROKEN = 'Helm upgrade failed : "azureml" has no deployed releases'
POLICY = """
version: 1
profiles: {training: {settings: {enableTraining: true}}}
rules: [{name: all, profile: training}]
remediation:
  timing: {followUp: 1s, backoffFirst: 1s, backoffMax: 1h, reinstallPause: 1s}
"""


@pytest.fixture
def subscription(subscription: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same under a policy of the test's own."""
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    monkeypatch.setenv("MUSTER_POLICY", str(file))
    return subscription


@pytest.fixture
def cluster(control: Control, subscription: str) -> ClusterId:
    """A tagged AKS cluster on which things end at once."""
    control.durations(create=0.1, update=0.1, delete=0.1)
    tags = {"aml-onboard": "true"}
    return ClusterId.parse(control.create_cluster(kind="aks", name="aks-1", subscription=subscription, tags=tags))


async def until(house, cluster, ended):
    """Look at the cluster again and again, as follow-ups and sweeps would; the actions taken on the way."""
    actions: list[Action] = []
    async with asyncio.timeout(60):
        while True:
            decision = await house.reconciler.step(Request(cluster, Reason.SWEEP, datetime.now(UTC)))
            if decision is not None:
                if decision.action.writes:
                    actions.append(decision.action)
                if ended(decision):
                    return actions
            await asyncio.sleep(0.2)


async def test_what_never_worked_is_reinstalled_once(house, control, cluster):
    """Install, the same again, the deletion, a fresh installation that stands: four writes and no force."""
    control.outcome(str(cluster), fail=BROKEN, times=2)

    actions = await until(house, cluster, lambda decision: decision.state.condition is Condition.CURRENT)

    assert actions == [Action.INSTALL, Action.REPAIR, Action.REINSTALL, Action.INSTALL]
    assert [each["method"] for each in control.writes()] == ["PUT", "PUT", "DELETE", "PUT"]
    assert "force" not in str(control.writes()).lower()


async def test_what_fails_again_after_a_reinstall_is_left_alone(house, control, cluster):
    """The fresh installation fails in the same way: quarantine, and no second deletion."""
    control.outcome(str(cluster), fail=BROKEN, times=20)

    def quarantined(decision):
        return decision.state.hold is not None and decision.state.hold.code is HoldCode.QUARANTINE

    await until(house, cluster, quarantined)

    assert [each["method"] for each in control.writes()].count("DELETE") == 1
