"""What the contract tests meet: real Azurite for the session, a simulated Azure for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from devhost.azurite import Azurite
from devhost.stack import OPERATOR
from shared.azure.arm import Arm
from shared.azure.credentials import credential
from shared.composition import House, opened
from shared.config import Settings
from shared.state.storage import Storage
from simulator.control import Control
from simulator.roles import Roles
from simulator.server import Simulator, running
from tests.contract.fleets import Fleet, fleet_on


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite."""
    with Azurite(tmp_path_factory.mktemp("azurite")) as started:
        yield started.connection_string


@pytest.fixture
def name() -> str:
    """A name that no other test uses, fit for tables, queues and containers."""
    return f"t{uuid4().hex}"


@pytest.fixture
async def storage(azurite: str, name: str) -> AsyncIterator[Storage]:
    """The storage account, with a queue of the test's own that does not exist yet."""
    async with Storage.by_connection(azurite, queue=name) as opened:
        yield opened


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulated Azure, and an environment whose identity leads there; it must have met no defect of its own."""
    with running(roles=Roles.load(*OPERATOR)) as simulator:
        for key, value in simulator.environment().items():
            monkeypatch.setenv(key, value)
        yield simulator
        control = Control(simulator.url, simulator.ca_file)
        assert (control.defects(), control.lacking()) == ([], [])


@pytest.fixture
def control(azure: Simulator) -> Control:
    """Its control surface."""
    return Control(azure.url, azure.ca_file)


@pytest.fixture
async def arm(azure: Simulator) -> AsyncIterator[Arm]:
    """Resource Manager of that Azure, by managed identity."""
    async with (
        credential("") as identity,
        Arm(identity, endpoint=azure.url, audience=azure.url) as opened,
    ):
        # aiohttp reads SSL_CERT_FILE when it is imported, which was before this simulator's CA was made.
        opened._transport.connection_config.verify = azure.ca_file
        yield opened


@pytest.fixture
def impatient(arm: Arm) -> Arm:
    """The same, giving up after a second."""
    arm.read_timeout = arm.write_timeout = 1.0
    return arm


@pytest.fixture
def subscription(monkeypatch: pytest.MonkeyPatch, azurite: str) -> str:
    """A subscription of the test's own, which is the scope of a Muster that enforces."""
    made = str(uuid4())
    for key, value in {"MUSTER_SCOPE": made, "MUSTER_MODE": "enforce", "AzureWebJobsStorage": azurite}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("MUSTER_STOP", raising=False)
    return made


@pytest.fixture
async def house(subscription: str, azure: Simulator) -> AsyncIterator[House]:
    """Everything that the doors call, on Azurite and the simulator."""
    settings = Settings.read()
    assert settings.subscriptions == {subscription}
    async with opened(settings) as made:
        # aiohttp reads SSL_CERT_FILE when it is imported, which was before this simulator's CA was made.
        made.reconciler.observer.arm._transport.connection_config.verify = azure.ca_file
        yield made


@pytest.fixture
async def fleet(
    subscription: str, azure: Simulator, control: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Fleet]:
    """A fleet with a rollout, on storage of its own."""
    async with fleet_on(subscription, control, azure.ca_file, tmp_path, monkeypatch) as made:
        yield made
