"""All that a pass over the fleet reads, gathered: a sweep's, a plan's, a recording's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared import logs
from shared.errors import IntentsUnreadable
from shared.fleet.footing import Footing
from shared.fleet.ports import Books, Certificates, Memories, Policies, Rows, Subscriptions, Words
from shared.fleet.survey import Surveyor
from shared.model.gates import Gates
from shared.model.identity import ClusterId
from shared.model.intent import FleetWord, Intent
from shared.policy.model import Policy


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a pass reads. Nothing is written through it.

    Attributes:
        gates: what the settings of the instance allow.
        own_names: names under which Azure records this Muster's writes.
    """

    policies: Policies
    scope: Subscriptions
    words: Words
    books: Books
    rows: Rows
    memories: Memories
    certificates: Certificates
    gates: Callable[[], Gates]
    own_names: frozenset[str]

    @property
    def surveyor(self) -> Surveyor:
        """What passes over the fleet."""
        return Surveyor(self.rows, self.memories, self.certificates)

    async def footing(self, policy: Policy, now: datetime) -> tuple[Footing, tuple[FleetWord, ...]]:
        """What a pass under a policy stands on, and people's words about the fleet.

        Raises:
            ScopeUnknown: the members of a management group have not been read yet.
            StorageError: the books cannot be read.
        """
        subscriptions = {name: await self.scope.groups_above(name) for name in await self.scope.subscriptions()}
        words, fleet_words, readable = await self._words()
        # Gates are read once: a pass writes nothing to clusters, and whoever does reads them again.
        gates = replace(self.gates(), fleet=await self.books.view(policy, fleet_words))
        return Footing(policy, gates, now, subscriptions, words, readable, self.own_names), fleet_words

    async def _words(self) -> tuple[Mapping[ClusterId, Intent], tuple[FleetWord, ...], bool]:
        try:
            return await self.words.all(), await self.words.fleet(), True
        except IntentsUnreadable as error:
            logs.event("intents-unreadable", reason=error.message)
            return {}, (), False
