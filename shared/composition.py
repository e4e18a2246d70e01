"""The one place where clients are built and handed to those who use them.

A `House` belongs to one event loop; `house()` opens it on first use and keeps it for the life of the
process, since connections and tokens are worth keeping between invocations. Nothing is opened at
import.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from shared.azure import telemetry as collectors
from shared.azure.arm import Arm
from shared.azure.blob_text import BlobTexts
from shared.azure.cluster_access import ClusterAccess
from shared.azure.credentials import credential
from shared.azure.event_grid import Topic
from shared.azure.extensions import Extensions
from shared.azure.inside import InsideReader
from shared.azure.key_vault import KeyVault
from shared.azure.lookups import Lookups
from shared.azure.relay import Relays
from shared.azure.resource_graph import Lookup, ResourceGraph
from shared.config import PUBLIC_ARM, Settings
from shared.fleet.announcing import Announcer
from shared.fleet.auditing import Auditor
from shared.fleet.gatekeeper import Gatekeeper
from shared.fleet.inventory import Inventory
from shared.fleet.planner import Planner
from shared.fleet.sweep import Sweep
from shared.model import notice, plan_message
from shared.model.gates import Gates
from shared.model.message import QUEUE
from shared.reconcile.act import Actor
from shared.reconcile.beyond import Beyond
from shared.reconcile.generations import Generations
from shared.reconcile.loop import Reconciler
from shared.reconcile.observe import Observer
from shared.reconcile.policy_source import PolicySource
from shared.reconcile.record import Recorder
from shared.reconcile.rights import Rights
from shared.reconcile.scope import Scope
from shared.reconcile.surroundings import SurroundingsSource
from shared.state import audit, documents, history, intents, kept, leases, letters, memory
from shared.state.audit import AuditTrail
from shared.state.audit_outbox import AuditOutbox
from shared.state.letters import Letters
from shared.state.messages import Messages
from shared.state.outbox import Outbox
from shared.state.plans import Plans
from shared.state.shares import Shares
from shared.state.storage import Storage

# Storage suffixes of the clouds, by their Resource Manager (Azure documentation, "Azure environments").
_STORAGE_SUFFIX = {
    PUBLIC_ARM: "core.windows.net",
    "https://management.usgovcloudapi.net": "core.usgovcloudapi.net",
    "https://management.chinacloudapi.cn": "core.chinacloudapi.cn",
}


@dataclass(frozen=True, slots=True)
class House:
    """Everything that the doors call."""

    settings: Settings
    reconciler: Reconciler
    sweep: Sweep
    gatekeeper: Gatekeeper
    inventory: Inventory
    planner: Planner
    intents: intents.Intents
    history: history.History
    audit: AuditOutbox
    trail: AuditTrail
    letters: Letters
    outbox: Outbox
    topic: Topic
    messages: Messages
    table: memory.MemoryTable
    answers: kept.KeptAnswers
    clock: Callable[[], datetime]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def gates() -> Gates:
    """What the settings allow at this moment; read anew each time, so that MUSTER_STOP acts at once."""
    settings = Settings.read()
    return Gates(settings.mode, stopped=settings.stop)


@asynccontextmanager
async def opened(settings: Settings, *, clock: Callable[[], datetime] = now) -> AsyncIterator[House]:
    """A house for the length of the block."""
    collectors.begin(settings)
    async with AsyncExitStack() as stack:
        identity = await stack.enter_async_context(credential(settings.client_id))
        storage = await stack.enter_async_context(await _storage(settings, stack))
        papers = documents.Documents(storage.container(documents.CONTAINER))
        shares = Shares(papers, clock)
        arm = await stack.enter_async_context(
            Arm(identity, endpoint=settings.arm_endpoint, audience=settings.arm_audience, share=shares.of_all)
        )
        graph = ResourceGraph(arm)
        scope = Scope(settings, papers, graph)
        generations = Generations(PolicySource(settings.policy, BlobTexts(identity)), papers, clock)
        words = intents.Intents(storage.table(intents.TABLE), storage.container(intents.CONTAINER))
        table = memory.MemoryTable(storage.table(memory.TABLE))
        untold, trail = AuditOutbox(storage.table(memory.TABLE)), AuditTrail(storage.container(audit.CONTAINER))
        past = history.History(storage.table(history.TABLE))
        messages, rights = Messages(storage.queue), Rights(papers, clock)
        own_names = frozenset(filter(None, (settings.client_id.lower(),)))
        extensions, relays, lookups = Extensions(arm), Relays(arm), Lookups(arm)
        vault = await stack.enter_async_context(KeyVault(identity))
        beyond = Beyond(
            SurroundingsSource(lookups, papers, clock),
            ClusterAccess(arm, identity),
            InsideReader(),
            vault,
            lookups,
            graph,
            clock,
        )
        gatekeeper = Gatekeeper(papers, clock)
        outbox = Outbox(storage.queue_named(notice.QUEUE), open_=bool(settings.events_endpoint))
        topic = await stack.enter_async_context(
            Topic(identity, settings.events_endpoint, f"muster/{settings.instance}")
        )
        observer = Observer(arm, extensions, relays, Lookup(graph), beyond, words, scope, gates, gatekeeper, own_names)
        reconciler = Reconciler(
            scope,
            generations,
            leases.Leases(storage.container(leases.CONTAINER)),
            table,
            observer,
            Actor(extensions, relays, lookups, vault, clock),
            Recorder(table, messages, past, rights, settings.instance),
            gates,
            gatekeeper,
            shares,
            outbox,
            clock,
        )
        sweep = Sweep(
            scope,
            generations,
            graph,
            table,
            words,
            messages,
            papers,
            beyond,
            rights,
            gates,
            gatekeeper,
            Announcer(outbox, papers, clock),
            Auditor(untold, trail, clock),
            own_names,
            clock,
        )
        inventory = Inventory(papers, table, clock)
        planner = Planner(sweep, Plans(papers, storage.queue_named(plan_message.QUEUE)), clock)
        undelivered = Letters(storage.container(letters.CONTAINER), storage.queue_named(letters.POISONED_EVENTS))
        yield House(
            settings,
            reconciler,
            sweep,
            gatekeeper,
            inventory,
            planner,
            words,
            past,
            untold,
            trail,
            undelivered,
            outbox,
            topic,
            messages,
            table,
            kept.KeptAnswers(storage.table(kept.TABLE)),
            clock,
        )


async def _storage(settings: Settings, stack: AsyncExitStack) -> Storage:
    if settings.storage_connection:
        return Storage.by_connection(settings.storage_connection, queue=QUEUE)
    identity = await stack.enter_async_context(credential(settings.storage_client_id or settings.client_id))
    arm = f"https://{urlsplit(settings.arm_endpoint).hostname}"
    suffix = _STORAGE_SUFFIX.get(arm, _STORAGE_SUFFIX[PUBLIC_ARM])
    return Storage.by_identity(settings.storage_account, identity, queue=QUEUE, suffix=suffix)


@dataclass(slots=True)
class _Opening:
    """A house that is open, or being opened, on one event loop."""

    house: asyncio.Future[House]
    stack: AsyncExitStack


_OPEN: WeakKeyDictionary[asyncio.AbstractEventLoop, _Opening] = WeakKeyDictionary()


async def house() -> House:
    """The house of the running event loop; opened by whoever asks first.

    Raises:
        ConfigurationError: an application setting is missing or wrong. The next call tries again.
    """
    loop = asyncio.get_running_loop()
    opening = _OPEN.get(loop)
    if opening is None:
        opening = _OPEN[loop] = _Opening(loop.create_future(), AsyncExitStack())
        try:
            opening.house.set_result(await opening.stack.enter_async_context(opened(Settings.read())))
        except BaseException as error:
            del _OPEN[loop]
            opening.house.set_exception(error)
            opening.house.exception()  # looked at: whoever waits gets it, and nobody waiting is no defect
            raise
    return await asyncio.shield(opening.house)


async def close() -> None:
    """Close the house of the running event loop, if it is open."""
    opening = _OPEN.pop(asyncio.get_running_loop(), None)
    if opening is not None:
        await opening.stack.aclose()
