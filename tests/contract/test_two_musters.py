"""Two Musters whose scopes overlap by mistake: each has storage and an identity of its own."""

import os
from datetime import UTC, datetime

import pytest

from devhost.azurite import Azurite
from shared.composition import opened
from shared.config import Settings
from shared.model.decision import Action
from shared.model.identity import ClusterId
from shared.model.request import Reason, Request
from shared.model.state import Condition, Management

OTHER = "bbbbbbbb-2222-4222-8222-222222222222"
POLICY = """
version: 1
profiles: {theirs: {settings: {enableTraining: true, installPromOp: false}}}
rules: [{name: all, profile: theirs}]
verification: {aks: none}
enforcement: {updateDisruptive: act, driftDisruptive: act, remove: act}
"""


@pytest.fixture
async def neighbour(house, azure, tmp_path):
    """A second house on the same Azure, with another policy."""
    assert house
    (tmp_path / "policy.yaml").write_text(POLICY)
    with Azurite(tmp_path / "azurite") as started:
        given = {
            "AzureWebJobsStorage": started.connection_string,
            "AZURE_CLIENT_ID": OTHER,
            "MUSTER_POLICY": str(tmp_path / "policy.yaml"),
        }
        async with opened(Settings.read(dict(os.environ) | given)) as made:
            made.reconciler.observer.arm._transport.connection_config.verify = azure.ca_file
            yield made


async def test_the_second_one_leaves_alone_what_the_first_one_installed(house, neighbour, control, subscription):
    """It takes it for somebody else's: told as such, never written, whatever its own policy wants."""
    made = control.create_cluster(
        kind="aks", name="shared", subscription=subscription, tags={"aml-onboard": "true"}, emit=False
    )
    cluster = ClusterId.parse(made)

    def asked() -> Request:
        return Request(cluster, Reason.EVENT, datetime.now(UTC))

    installed = await house.reconciler.step(asked())
    control.advance(3600)
    mark = len(control.requests())
    looks = [await each.reconciler.step(asked()) for each in (neighbour, house, neighbour, house)]
    await neighbour.sweep.run()
    await house.sweep.run()

    assert installed.action is Action.INSTALL
    assert [each.action for each in looks] == [Action.NOTHING] * 4
    assert {each.state.management for each in looks[::2]} <= {Management.MANAGED, Management.ADOPTION_PENDING}
    assert looks[1].state.condition is Condition.CURRENT
    assert control.writes(mark) == []
    assert control.violations() == []
