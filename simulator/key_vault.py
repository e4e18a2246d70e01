"""What one vault of Azure Key Vault keeps: secrets, and the secrets behind certificates, in versions.

Source: Microsoft Learn, "About Azure Key Vault secrets" and "About Azure Key Vault certificates": a version
never changes its value; times are whole seconds; a certificate has a managed secret of its name, with the
certificate's dates. What `value` holds is shown by a read of that version alone.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.arm import Json
from simulator.clock import Clock

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_LARGEST = 25 * 1024


@dataclass(slots=True)
class Version:
    """One version of a secret; times in seconds since the epoch."""

    id: str
    value: str = field(repr=False)
    content_type: str | None
    managed: bool
    created: int
    updated: int
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None

    def attributes(self) -> Json:
        """As the service shows them; what was not given is left out."""
        dates = {"nbf": self.not_before, "exp": self.expires}
        return {
            "enabled": self.enabled,
            **{name: value for name, value in dates.items() if value is not None},
            "created": self.created,
            "updated": self.updated,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
        }


class KeyVault:
    """The secrets of one vault. The public methods are verbs of the control surface, told in its client."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._secrets: dict[str, list[Version]] = {}

    def verbs(self) -> list[Callable[..., Any]]:
        """All of them; their names are the verbs'."""
        return [self.put_secret, self.put_certificate, self.change_version, self.delete_secret]

    def put_secret(
        self, name: str, value: str, *, content_type: str | None = None, enabled: bool = True, **dates: int | None
    ) -> str:
        """Write a new version of a secret; its name."""
        return self._put(name, value, content_type=content_type, enabled=enabled, managed=False, **dates)

    def put_certificate(
        self,
        name: str,
        value: str,
        *,
        content_type: str = "application/x-pem-file",
        enabled: bool = True,
        **dates: int | None,
    ) -> str:
        """Import a new version of a certificate, as the secret behind it; the version's name."""
        return self._put(name, value, content_type=content_type, enabled=enabled, managed=True, **dates)

    def change_version(self, name: str, version: str, *, enabled: bool) -> None:
        """Enable or disable a version."""
        found = next(each for each in self._secrets[name.lower()] if each.id == version)
        found.enabled, found.updated = enabled, int(self._clock.now())

    def delete_secret(self, name: str) -> None:
        """Remove a secret with all its versions."""
        del self._secrets[name.lower()]

    def versions(self, name: str) -> list[Version]:
        """All versions in the order of their names, which tells nothing about their age; none of an unknown secret."""
        return sorted(self._secrets.get(name.lower(), []), key=lambda version: version.id)

    def version(self, name: str, version: str = "") -> Version | None:
        """One version; the one made last, enabled or not, where none is named."""
        found = self._secrets.get(name.lower(), [])
        if not version:
            return found[-1] if found else None
        return next((each for each in found if each.id == version), None)

    def _put(
        self,
        name: str,
        value: str,
        *,
        content_type: str | None,
        enabled: bool,
        managed: bool,
        not_before: int | None = None,
        expires: int | None = None,
    ) -> str:
        if not _NAME.fullmatch(name) or len(value.encode()) > _LARGEST:
            raise ValueError("a name of letters, digits and hyphens, and a value of at most 25 KB")
        known = self._secrets.setdefault(name.lower(), [])
        if known and known[-1].managed != managed:
            raise ValueError(f"{name} is a {'secret' if managed else 'certificate'}")
        # Two versions of one second could not be told apart by age; the service hardly ever makes them.
        created = max(int(self._clock.now()), known[-1].created + 1 if known else 0)
        made = Version(uuid.uuid4().hex, value, content_type, managed, created, created, enabled, not_before, expires)
        known.append(made)
        return made.id
