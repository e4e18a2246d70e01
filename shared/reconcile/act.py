"""Taking one step: send what was decided, once, and say how the sending went. Nothing here waits for an end."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.azure.extensions import Extensions
from shared.azure.relay import Relays
from shared.azureml.body import patch_body, put_body
from shared.azureml.drift import patch_properties
from shared.errors import Absent, MusterError, Unavailable
from shared.model.decision import Action, Decision
from shared.model.extension import DesiredExtension
from shared.model.observation import Observation

# The protected keys that carry the relay's connection string (azure-cli-extensions, k8s-extension 1.7.0).
_RELAY_KEYS = frozenset({"relayServerConnectionString", "relayserver.relayConnectionString"})


class Sent(StrEnum):
    """How the sending of a step went."""

    ACCEPTED = "accepted"
    UNFINISHED = "unfinished"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a step: UNFINISHED wants the same step again, AMBIGUOUS may or may not have taken effect."""

    sent: Sent
    error: MusterError | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """What writes for the loop."""

    extensions: Extensions
    relays: Relays

    async def take(self, decision: Decision, seen: Observation) -> Outcome:
        """Take the decision's one step."""
        try:
            finished = await self._take(decision, seen)
        except Unavailable as error:
            return Outcome(Sent.AMBIGUOUS, error)
        except MusterError as error:
            return Outcome(Sent.REFUSED, error)
        return Outcome(Sent.ACCEPTED if finished else Sent.UNFINISHED)

    async def _take(self, decision: Decision, seen: Observation) -> bool:
        name, desired = decision.extension or "", decision.desired
        match decision.action:
            case Action.PREPARE_RELAY if desired is not None:
                return await self._prepare(desired, seen)
            case Action.INSTALL | Action.REPAIR if desired is not None and not decision.patch:
                return await self._put(name, desired, seen)
            case Action.UPDATE | Action.REPAIR:
                await self.extensions.update(seen.id, name, _change(decision))
            case Action.REMOVE:
                await self.extensions.delete(seen.id, name)
            case _:
                raise AssertionError(f"{decision.action} is no step that is sent")
        return True

    async def _prepare(self, desired: DesiredExtension, seen: Observation) -> bool:
        if desired.relay is None or seen.cluster is None:
            return True
        return await self.relays.prepare(seen.cluster, desired.relay)

    async def _put(self, name: str, desired: DesiredExtension, seen: Observation) -> bool:
        """PUT with the protected settings whole; their values live in this call only."""
        protected: dict[str, str] = {}
        if desired.relay is not None:
            try:
                connection = await self.relays.connection_string(seen.id, desired.relay)
            except Absent:
                # The hybrid connection is there and its rule is not: make it before anything is sent.
                await self._prepare(desired, seen)
                return False
            protected = {key: connection for key in desired.protected if key in _RELAY_KEYS}
        await self.extensions.create(seen.id, name, put_body(desired, protected))
        return True


def _change(decision: Decision) -> dict[str, Any]:
    """The body of a PATCH. Protected settings are left out, and so stay as the service keeps them."""
    return patch_body(decision.patch, **patch_properties(decision.changes))
