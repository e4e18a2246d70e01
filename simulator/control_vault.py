"""The control surface's verbs about Key Vault: the client's half.

`simulator.control.Control` has them as its own; they stand here to keep its file short. A secret's address
is `<url>/secrets/<name>`, a certificate's `<url>/certificates/<name>`.
"""

from typing import Any, Protocol


class _Asks(Protocol):
    """What `Control` has."""

    def _ask(self, verb: str, *, patience: float = ..., **given: Any) -> Any:
        """Make one control request."""


class VaultControl:
    """Changes what the simulated vault keeps."""

    def put_secret(self: _Asks, name: str, value: str, **facts: Any) -> str:
        """Write a new version of a secret; the version's name.

        Keywords: content_type, enabled=True, and not_before and expires in seconds since the epoch. The
        newest version is at least a second younger than the one before it.
        """
        return str(self._ask("put_secret", name=name, value=value, **facts))

    def put_certificate(self: _Asks, name: str, value: str, **facts: Any) -> str:
        """Import a new version of a certificate with its key; the version's name.

        `value` is what the secret behind it holds: PEM, or PFX in base64 with
        content_type="application/x-pkcs12". Other keywords as of `put_secret`.
        """
        return str(self._ask("put_certificate", name=name, value=value, **facts))

    def change_version(self: _Asks, name: str, version: str, *, enabled: bool) -> None:
        """Enable or disable a version; its time of change moves."""
        self._ask("change_version", name=name, version=version, enabled=enabled)

    def delete_secret(self: _Asks, name: str) -> None:
        """Remove a secret or certificate with all its versions."""
        self._ask("delete_secret", name=name)
