"""What a pass over the fleet reads, as ports: Azure and storage serve them, and so does a recording of them."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Protocol

from shared.fleet.ledger import Ledger
from shared.model.certificate import CertificateReading
from shared.model.gates import FleetGates
from shared.model.identity import ClusterId
from shared.model.intent import FleetWord, Intent
from shared.policy.model import Policy
from shared.state.memory import Stored


class Policies(Protocol):
    """The policy in force."""

    async def current(self, *, at_least: int = 0) -> Policy:
        """As `Generations.current`."""


class Subscriptions(Protocol):
    """Which subscriptions are in scope."""

    async def subscriptions(self) -> frozenset[str]:
        """As `Scope.subscriptions`."""

    async def groups_above(self, subscription: str) -> frozenset[str] | None:
        """As `Scope.groups_above`."""


class Words(Protocol):
    """People's words."""

    async def all(self) -> Mapping[ClusterId, Intent]:
        """As `Intents.all`."""

    async def fleet(self) -> tuple[FleetWord, ...]:
        """As `Intents.fleet`."""


class Books(Protocol):
    """The fleet's books."""

    async def kept(self) -> Ledger:
        """As `Gatekeeper.kept`."""

    async def books(self, policy: Policy) -> Ledger:
        """As `Gatekeeper.books`."""

    async def view(self, policy: Policy, words: tuple[FleetWord, ...]) -> FleetGates:
        """As `Gatekeeper.view`."""


class Rows(Protocol):
    """Resource Graph's rows of the whole fleet."""

    def cluster_rows(self, subscriptions: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        """As `ResourceGraph.cluster_rows`."""

    def extension_rows(self, subscriptions: Iterable[str]) -> AsyncIterator[dict[str, Any]]:
        """As `ResourceGraph.extension_rows`."""


class Memories(Protocol):
    """What is remembered of each cluster."""

    def stored(self, waiting: set[str] | None = None) -> AsyncIterator[tuple[str, Stored]]:
        """As `MemoryTable.stored`."""


class Certificates(Protocol):
    """What Key Vault tells of certificates."""

    async def certificate(self, address: str) -> CertificateReading:
        """As `Beyond.certificate`."""
