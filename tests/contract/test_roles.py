"""Least privilege: the roles in infra/ hold every action that Muster asks for, and not one more.

The simulator derives the action of a request by Azure's general rule and answers 403 where no role holds it. That the
roles are enough is checked at the end of every contract test and every scenario (`lacking`); here, that none of their
actions could be left out.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from devhost.stack import OPERATOR, READER
from shared.azure.arm import Arm
from shared.azure.cluster_access import ClusterAccess
from shared.azure.credentials import credential
from shared.azure.extensions import Extensions
from shared.azure.lookups import Lookups
from shared.azure.relay import Relays
from shared.azure.resource_graph import ResourceGraph
from shared.azureml.body import put_body
from shared.azureml.derivation import derive
from shared.errors import Absent, AzureError, InProgress
from shared.model.extension import Relay
from shared.model.identity import ClusterId
from simulator.control import Control
from simulator.roles import Roles
from simulator.server import running

ROLES = Path(__file__).parents[2] / "infra" / "roles"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
RELAY = Relay("arc1111rgedgerelay", "edge")


def held(*files: Path) -> set[str]:
    """The actions of role definitions, in lower case: Azure compares them so."""
    return {action.lower() for file in files for action in json.loads(file.read_text()).get("actions", ())}


class Errands:
    """What Muster asks of Azure, each by its own adapter; the answer, or the name of the error."""

    def __init__(self, arm: Arm, access: ClusterAccess, control: Control) -> None:
        self.arm, self.access, self.graph = arm, access, ResourceGraph(arm)
        self.lookups, self.relays, self.extensions = Lookups(arm), Relays(arm), Extensions(arm)
        self.control = control
        made = [
            control.create_cluster(kind=kind, name=name, subscription=SUBSCRIPTION, resource_group="RG-Edge")
            for kind, name in (("aks", "edge"), ("arc", "edge"), ("aks", "new"))
        ]
        self.aks, self.arc, self.new = map(ClusterId.parse, made)
        control.attach_compute(made[1])
        control.put_extension(made[0], "azureml", {"extensionType": "Microsoft.AzureML.Kubernetes"})

    async def _install(self) -> None:
        desired = derive(await self.arm.cluster(self.new), {"enableTraining": "true"})
        await self.extensions.create(self.new, "azureml", put_body(desired, {}))

    async def _relay(self) -> object:
        await self.relays.begin(await self.arm.cluster(self.arc), RELAY)
        self.control.advance(60)
        await self.relays.complete(self.arc, RELAY)
        return await self.relays.connection_string(self.arc, RELAY)

    async def _credential(self, *, admin: bool) -> object:
        return await self.access.aks(await self.arm.cluster(self.aks), admin=admin)

    async def _listed(self) -> object:
        return sorted([str(each.id) async for each in self.graph.clusters([SUBSCRIPTION])])

    async def _in_graph(self) -> object:
        return [str(row["name"]) async for row in self.graph.extension_rows([SUBSCRIPTION])]

    def all(self) -> dict[str, Callable[[], Awaitable[object]]]:
        """Every errand by its name."""
        return {
            "clusters of Resource Graph": self._listed,
            "extensions of Resource Graph": self._in_graph,
            "subscriptions of Resource Graph": self.graph.ancestors,
            "computes of Resource Graph": lambda: self.lookups.computes(self.arc, self.graph),
            "an AKS cluster": lambda: self.arm.cluster(self.aks),
            "an Arc cluster": lambda: self.arm.cluster(self.arc),
            "extensions": lambda: self.extensions.list(self.aks),
            "a provider": lambda: self.lookups.provider(SUBSCRIPTION, "Microsoft.KubernetesConfiguration"),
            "sizes": lambda: self.lookups.sizes(SUBSCRIPTION, "eastus"),
            "a paired region": lambda: self.lookups.paired_region(SUBSCRIPTION, "eastus"),
            "service tags": lambda: self.lookups.control_plane_ranges(SUBSCRIPTION, "eastus"),
            "Kubernetes versions": lambda: self.lookups.kubernetes_versions(SUBSCRIPTION, "eastus"),
            "whether a relay is there": lambda: self.relays.exists(self.arc, RELAY),
            "a relay": self._relay,
            "an install": self._install,
            "a deletion": lambda: self.extensions.delete(self.aks, "azureml"),
            "the user's credential": lambda: self._credential(admin=False),
            "the administrator's credential": lambda: self._credential(admin=True),
            "whether a relay is unused": lambda: self.relays.ours_and_unused(self.arc, RELAY),
            "a relay's removal": lambda: self.relays.remove(self.arc, RELAY),
            "registration": lambda: self.lookups.register(SUBSCRIPTION, "Microsoft.KubernetesConfiguration"),
            "registration of Relay": lambda: self.lookups.register(SUBSCRIPTION, "Microsoft.Relay"),
        }


async def run(roles: Roles, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], list[str], set[str]]:
    """Every errand under some roles: what came of it, the actions that lacked, and those that were asked for."""
    with running(roles=roles) as simulator:
        for key, value in simulator.environment().items():
            monkeypatch.setenv(key, value)
        control = Control(simulator.url, simulator.ca_file)
        control.durations(create=1, relay=1)
        async with credential("") as identity, Arm(identity, endpoint=simulator.url, audience=simulator.url) as arm:
            # aiohttp reads SSL_CERT_FILE when it is imported, which was before this simulator's CA was made.
            arm._transport.connection_config.verify = simulator.ca_file
            errands = Errands(arm, ClusterAccess(arm, identity), control)
            told = {name: await outcome(errand) for name, errand in errands.all().items()}
        return told, control.lacking(), {entry["action"].lower() for entry in control.requests() if entry["action"]}


async def outcome(errand: Callable[[], Awaitable[object]]) -> str:
    try:
        answer = await errand()
    except (Absent, InProgress):
        return "nothing there"
    except AzureError as error:
        return type(error).__name__
    return "nothing" if answer in ((), [], {}) else "done"


async def test_the_roles_hold_what_is_asked_for_and_no_more(monkeypatch):
    """Every errand is done, and every action that ARM sees is one of theirs."""
    told, lacking, asked = await run(Roles.load(*OPERATOR), monkeypatch)

    assert {name for name, came in told.items() if came != "done"} == set()
    assert lacking == []
    # Resource Graph shows subscriptions and computes to whoever may read them; ARM is never asked for them.
    shown = {"microsoft.resources/subscriptions/read", "microsoft.machinelearningservices/workspaces/computes/read"}
    assert held(*ROLES.glob("*.json")) == asked | shown


@pytest.mark.parametrize("action", sorted(held(*ROLES.glob("*.json"))))
async def test_no_action_can_be_left_out(action, monkeypatch):
    """Without it an errand is refused by name, or Resource Graph shows nothing of what it is about."""
    definitions = [json.loads(file.read_text()) for file in OPERATOR]
    for definition in definitions:
        definition["actions"] = [each for each in definition.get("actions", ()) if each.lower() != action]
    told, lacking, _ = await run(Roles(definitions), monkeypatch)

    unseen = {name for name, came in told.items() if came == "nothing" and name.endswith("Resource Graph")}
    assert unseen or [each.lower() for each in lacking] == [action]
    assert {name for name, came in told.items() if came != "done"}


async def test_the_reader_can_read_and_nothing_else(monkeypatch):
    """Every look-up is done; every write, and every credential, is refused."""
    told, lacking, _ = await run(Roles.load(*READER), monkeypatch)
    refused = {name for name, came in told.items() if came == "NotAuthorized"}

    assert refused == {
        "a relay",
        "an install",
        "a deletion",
        "the user's credential",
        "the administrator's credential",
        "whether a relay is unused",
        "a relay's removal",
        "registration",
        "registration of Relay",
    }
    assert held(*READER) < held(ROLES / "operator.json")
    assert not [each for each in held(*READER) if not each.endswith("/read")]
    assert {each.lower() for each in lacking} <= held(*OPERATOR)
