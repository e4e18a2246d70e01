"""Key Vault: which version of a certificate is the newest, and what a secret holds, by identity.

A certificate's key is readable only through the secret behind it, which has the certificate's name and
versions ("About Azure Key Vault certificates"). So both kinds of address are read as secrets, and the
identity needs Key Vault Secrets User alone (data actions getSecret and readMetadata).

Values stay out of everything but `SecretValue.value`. azure-core puts an answer's text into the text of its
exceptions, and a broken answer may be a cut-off secret; so every error that leaves here is made anew,
without a cause. The SDK's check that a challenge comes from the vault's own domain stays on.
"""

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.request import getproxies

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AioHttpTransport

from shared.azure.failures import typed
from shared.errors import Absent, AzureError, NotAuthorized, Refused, Unavailable
from shared.model.certificate import CertificateVersion

if TYPE_CHECKING:
    from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
    from azure.keyvault.secrets.aio import SecretClient

__all__ = ["TIMEOUT", "KeyVault", "SecretAddress", "SecretValue"]

TIMEOUT = 15.0
# A page holds 25; nobody rotates this often, and a vault that never ends its list does not hold us.
_MOST_VERSIONS = 1000
_ADDRESS = re.compile(
    r"(?P<vault>https://[\w.-]+(?::\d{1,5})?)/(?:certificates|secrets)/(?P<name>[\w-]{1,127})(?:/(?P<version>\w{1,64}))?/?",
    re.ASCII | re.IGNORECASE,
)
_ADVICE = (
    "That role is Key Vault Secrets User, on the vault (in a vault with access policies: Get and List of secrets). "
    "The vault's network rules must admit Muster too."
)


@dataclass(frozen=True, slots=True)
class SecretAddress:
    """Where a secret is kept.

    Attributes:
        vault: https://<host>[:port], in lower case.
        version: "" for the newest enabled one.
    """

    vault: str
    name: str
    version: str = ""

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read https://<vault>/certificates|secrets/<name>[/<version>].

        Raises:
            Refused: it is anything else.
        """
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise Refused(
                f"'{address[:200]}' is not the address of a certificate or secret: "
                "https://<vault>/certificates/<name> or https://<vault>/secrets/<name>, with or without /<version>."
            )
        return cls(found["vault"].lower(), found["name"], found["version"] or "")

    @property
    def source(self) -> str:
        """The address of the secret without its version."""
        return f"{self.vault}/secrets/{self.name}"


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A version of a secret with its value, which it neither shows nor lets be pickled or copied."""

    version: CertificateVersion
    value: str = field(repr=False)
    content_type: str | None = None

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A secret is never stored.")


class KeyVault:
    """Reads vaults by identity, with one set of connections for all of them. Use it as a context manager.

    Attributes:
        timeout: seconds that one call may take, connection, token and every page included.
    """

    def __init__(self, credential: AsyncTokenCredential, *, timeout: float = TIMEOUT) -> None:
        self._credential = credential
        self.timeout = timeout
        # As in arm.py: told to mind the environment, aiohttp reads proxies and ~/.netrc anew for every request.
        self._transport = AioHttpTransport(use_env_settings=bool(getproxies()))
        self._clients: dict[str, SecretClient] = {}

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def latest(self, address: str) -> CertificateVersion:
        """The newest enabled version, or the one the address names; metadata alone, never the value.

        Raises:
            Refused: no address of a secret, or the named version is disabled.
            Absent: there is no such secret, or no enabled version of it.
            NotAuthorized: the role is missing, or the vault's network rules keep us out.
            AzureError: Key Vault did not answer, or not in a way that can be read.
        """
        place = SecretAddress.parse(address)
        return await self._asked(f"list the versions of {place.source}", self._latest(place))

    async def secret(self, address: str) -> SecretValue:
        """The value of the newest enabled version, or of the one the address names. Read anew at each call.

        Raises as `latest` does.
        """
        place = SecretAddress.parse(address)
        version = place.version or (await self.latest(address)).version
        return await self._asked(f"read {place.source}", self._secret(place, version))

    async def _latest(self, place: SecretAddress) -> CertificateVersion:
        versions: list[SecretProperties] = []
        async for version in self._client(place.vault).list_properties_of_secret_versions(place.name):
            versions.append(version)
            if len(versions) > _MOST_VERSIONS:
                raise Refused(f"{place.source} has more than {_MOST_VERSIONS} versions.")
        if place.version:
            versions = [version for version in versions if version.version == place.version]
            if any(not version.enabled for version in versions):
                raise Refused(f"Version {place.version} of {place.source} is disabled.")
        enabled = [version for version in versions if version.enabled]
        if not enabled:
            raise Absent(f"Key Vault has no enabled version of {place.source}.", status=404)
        # By when it was made: `updated` moves when somebody tags an old version. Key Vault counts whole seconds.
        newest = max(enabled, key=lambda version: (version.created_on, version.updated_on, version.version))
        return _version(place, newest)

    async def _secret(self, place: SecretAddress, version: str) -> SecretValue:
        found: KeyVaultSecret = await self._client(place.vault).get_secret(place.name, version)
        if not isinstance(found.value, str) or found.properties.version != version:
            raise Unavailable(f"Key Vault answered with something else than version {version} of {place.source}.")
        return SecretValue(_version(place, found.properties), found.value, found.properties.content_type)

    def _client(self, vault: str) -> "SecretClient":
        """The official client of one vault; cheap, and nothing of its own to close."""
        client = self._clients.get(vault)
        if client is None:
            from azure.keyvault.secrets.aio import SecretClient

            client = self._clients[vault] = SecretClient(
                vault,
                self._credential,
                transport=self._transport,
                retry_total=0,  # azure-core would sleep as long as Retry-After says, inside a function
                permit_redirects=False,
                connection_timeout=self.timeout,
                read_timeout=self.timeout,
            )
        return client

    async def _asked[T](self, what: str, work: Awaitable[T]) -> T:
        """What Key Vault answered; any failure as one of ours, with nothing of the answer attached to it."""
        try:
            async with typed(what), asyncio.timeout(self.timeout):
                return await work
        except AzureError as error:
            failure = _told(error, what)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            # The SDK's own: a challenge from another domain, or an answer that is not of Key Vault's shape.
            failure = Unavailable(f"What answered when asked to {what} does not speak as a Key Vault does.")
        raise failure


def _version(place: SecretAddress, properties: "SecretProperties") -> CertificateVersion:
    # Enabling a version counts as writing it: before, it cannot have been sent.
    written, expires = properties.updated_on or properties.created_on, properties.expires_on
    if not isinstance(written, datetime) or not isinstance(expires, datetime | None) or not properties.version:
        raise TypeError("a version without a name or a time")
    return CertificateVersion(place.source, properties.version, written, expires)


def _told(error: AzureError, what: str) -> AzureError:
    """The same failure without its cause, and with advice that fits Key Vault."""
    message, kind = error.message, type(error)
    if isinstance(error, NotAuthorized) and error.status == 403:
        message = f"{message} {_ADVICE}"
    if 200 <= error.status < 300:
        message, kind = f"Key Vault's answer to a request to {what} cannot be read.", Unavailable
    return kind(message, code=error.code, status=error.status, retry_after=error.retry_after)
