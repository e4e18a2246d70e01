"""Taking one step: send what was decided, once, and say how the sending went. Nothing here waits for an end."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.azure.extensions import Extensions
from shared.azure.key_vault import KeyVault
from shared.azure.lookups import Lookups
from shared.azure.relay import Relays
from shared.azureml.body import patch_body, protected_values, put_body
from shared.azureml.drift import patch_properties
from shared.errors import Absent, InProgress, LeaseLost, MusterError, SettingsError, Unavailable
from shared.model.decision import Action, Decision
from shared.model.extension import DesiredExtension, Relay
from shared.model.observation import Observation

# The protected keys that carry the relay's connection string (azure-cli-extensions, k8s-extension 1.7.0).
_RELAY_KEYS = frozenset({"relayServerConnectionString", "relayserver.relayConnectionString"})


class Sent(StrEnum):
    """How the sending of a step went."""

    ACCEPTED = "accepted"
    UNFINISHED = "unfinished"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"


class _NotYet(Exception):
    """There was no answer to what precedes the write: the write itself never went out."""

    def __init__(self, error: Unavailable) -> None:
        super().__init__(error.message)
        self.error = error


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
    lookups: Lookups
    vault: KeyVault
    clock: Callable[[], datetime]

    async def take(self, decision: Decision, seen: Observation, ready: Callable[[], Awaitable[bool]]) -> Outcome:
        """Take the decision's one step.

        `ready` is awaited before a write that others preceded: it makes sure that the cluster's lease outlasts the
        request, and says whether it may still be sent.

        Raises:
            LeaseLost: the lease does not; nothing more is sent.
        """
        try:
            finished = await self._take(decision, seen, ready)
        except LeaseLost:
            raise
        except _NotYet as early:
            return Outcome(Sent.REFUSED, early.error)
        except Unavailable as error:
            return Outcome(Sent.AMBIGUOUS, error)
        except MusterError as error:
            return Outcome(Sent.REFUSED, error)
        return Outcome(Sent.ACCEPTED if finished else Sent.UNFINISHED)

    async def _take(self, decision: Decision, seen: Observation, ready: Callable[[], Awaitable[bool]]) -> bool:
        name, desired = decision.extension or "", decision.desired
        match decision.action:
            case Action.INSTALL | Action.REPAIR if desired is not None and not decision.patch:
                return await self._put(name, desired, seen, ready)
            case Action.UPDATE | Action.REPAIR if decision.protected and desired is not None:
                return await self._patch_protected(decision, desired, seen, ready)
            case Action.UPDATE | Action.REPAIR:
                await self.extensions.update(seen.id, name, _change(decision))
            case Action.REGISTER_PROVIDER:
                await self.lookups.register(seen.id.subscription, decision.provider or "")
            case Action.REMOVE_RELAY:
                return await self._remove_relay(decision, seen)
            case Action.REMOVE | Action.REINSTALL:
                # Of a reinstall this is the first half; a later look finds the extension gone and installs it.
                await self.extensions.delete(seen.id, name)
            case _:
                raise AssertionError(f"{decision.action} is no step that is sent")
        return True

    async def _put(
        self, name: str, desired: DesiredExtension, seen: Observation, ready: Callable[[], Awaitable[bool]]
    ) -> bool:
        """PUT with the protected settings whole; their values live in this call only."""
        protected = await self._secrets(desired, seen)
        if protected is None:
            return False
        if not await ready():
            return False
        await self.extensions.create(seen.id, name, put_body(desired, protected))
        return True

    async def _patch_protected(
        self, decision: Decision, desired: DesiredExtension, seen: Observation, ready: Callable[[], Awaitable[bool]]
    ) -> bool:
        """PATCH with the whole protected map: the service replaces it, so that nothing in use may be left out."""
        secrets = await self._secrets(desired, seen)
        if secrets is None:
            return False
        body = patch_body(decision.patch, protected_values(desired, secrets), **patch_properties(decision.changes))
        if not await ready():
            return False
        await self.extensions.update(seen.id, decision.extension or "", body)
        return True

    async def _secrets(self, desired: DesiredExtension, seen: Observation) -> dict[str, str] | None:
        """Every protected value, fetched now and kept by nobody; None where the relay cannot give its own yet."""
        secrets: dict[str, str] = {}
        try:
            if desired.relay is not None:
                connection = await self._connection(desired.relay, seen)
                if connection is None:
                    return None
                secrets |= {key: connection for key in desired.protected if key in _RELAY_KEYS}
            if desired.certificate is not None:
                secrets |= await self._certificate(desired, seen)
        except Unavailable as error:
            raise _NotYet(error) from error
        return secrets

    async def _connection(self, relay: Relay, seen: Observation) -> str | None:
        """The relay's connection string; what is not there of the relay is made. Every part may be repeated.

        None while the namespace is still being made, or where somebody took it away since it was begun: a later look
        goes on from there.
        """
        begun = seen.memory.relay_begun
        if seen.relay_ready is not False and not begun:
            with contextlib.suppress(Absent):
                return await self.relays.connection_string(seen.id, relay)
        try:
            if seen.cluster is not None and not begun:
                await self.relays.begin(seen.cluster, relay)
            await self.relays.complete(seen.id, relay)
            return await self.relays.connection_string(seen.id, relay)
        except (Absent, InProgress):
            return None

    async def _certificate(self, desired: DesiredExtension, seen: Observation) -> dict[str, str]:
        """The version that was decided on, checked once more: what is remembered as sent is what is sent."""
        from shared.azureml.certificates import findings, read_material
        from shared.azureml.certificates import protected_values as certificate_values

        version = seen.certificate.version if seen.certificate else None
        address = desired.certificate or ""
        secret = await self.vault.secret(f"{version.source}/{version.version}" if version else address)
        material = read_material(secret.value, secret.content_type)
        wrong = findings(material, cname=desired.settings.get("sslCname"), now=self.clock())
        if wrong:
            raise SettingsError(" ".join(str(finding) for finding in wrong), wrong)
        return certificate_values(material)

    async def _remove_relay(self, decision: Decision, seen: Observation) -> bool:
        relay = decision.desired.relay if decision.desired else None
        if relay is not None:
            await self.relays.remove(seen.id, relay)
        return True


def _change(decision: Decision) -> dict[str, Any]:
    """The body of a PATCH. Protected settings are left out, and so stay as the service keeps them."""
    return patch_body(decision.patch, **patch_properties(decision.changes))
