"""Which subscriptions Muster may look after: those listed, and the members of the listed management groups.

Membership comes from one Resource Graph query and is kept in storage, because every instance of every
function needs it and it changes rarely. Until it is known, nobody may act on a cluster that only a
group could bring into scope.
"""

import time
from collections.abc import Mapping

from shared import logs
from shared.azure.resource_graph import ResourceGraph
from shared.config import Settings
from shared.errors import AzureError, ScopeUnknown
from shared.state.documents import Document, Documents

NAME = "scope.json"
_FRESH_FOR = 300.0
_ASK_AGAIN_AFTER = 10.0


class Scope:
    """The subscriptions within MUSTER_SCOPE."""

    def __init__(self, settings: Settings, documents: Documents, graph: ResourceGraph) -> None:
        self._settings, self._documents, self._graph = settings, documents, graph
        self._known: Document | None = None
        self._read_at = self._asked_at = float("-inf")

    async def contains(self, subscription: str) -> bool:
        """Whether a subscription lies in scope.

        Raises:
            ScopeUnknown: the members of a management group have not been read yet.
        """
        if subscription in self._settings.subscriptions:
            return True
        if not self._settings.management_groups:
            return False
        above = await self._ancestors()
        if above is None:
            raise ScopeUnknown("The members of MUSTER_SCOPE's management groups have not been read yet.")
        return not self._settings.management_groups.isdisjoint(above.get(subscription, ()))

    async def groups_above(self, subscription: str) -> frozenset[str] | None:
        """The management groups above a subscription; None where that is not known."""
        above = await self._ancestors()
        return None if above is None or subscription not in above else frozenset(above[subscription])

    async def subscriptions(self) -> frozenset[str]:
        """Every subscription in scope.

        Raises:
            ScopeUnknown: the members of a management group have not been read yet.
        """
        if not self._settings.management_groups:
            return self._settings.subscriptions
        above = await self._ancestors()
        if above is None:
            raise ScopeUnknown("The members of MUSTER_SCOPE's management groups have not been read yet.")
        members = {name for name, groups in above.items() if self._settings.management_groups & set(groups)}
        return self._settings.subscriptions | members

    async def refresh(self) -> None:
        """Read the membership anew and keep it in storage.

        Raises:
            AzureError: Resource Graph did not tell.
        """
        ancestors = await self._graph.ancestors()
        await self._documents.write(NAME, {"ancestors": {key: list(groups) for key, groups in ancestors.items()}})
        self._known = await self._documents.read(NAME)
        self._read_at = time.monotonic()

    def _kept(self) -> Mapping[str, list[str]] | None:
        return None if self._known is None else self._known.body["ancestors"]

    async def _ancestors(self) -> Mapping[str, list[str]] | None:
        if time.monotonic() - self._read_at > _FRESH_FOR:
            self._known = await self._documents.read(NAME, known=self._known)
            if self._known is None and self._settings.management_groups:
                await self._first_reading()
            # Where no group is in scope nobody waits for the answer: the next sweep writes it.
            known = self._known is not None or not self._settings.management_groups
            self._read_at = time.monotonic() if known else float("-inf")
        return self._kept()

    async def _first_reading(self) -> None:
        # Every message that waits asks again: the query's small quota is not spent on each of them.
        if time.monotonic() - self._asked_at < _ASK_AGAIN_AFTER:
            return
        self._asked_at = time.monotonic()
        try:
            await self.refresh()
        except AzureError as error:
            logs.event("scope-unknown", reason=error.message)
