"""Facts about the TLS certificate of the inference endpoints; never the certificate's key."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Finding


@dataclass(frozen=True, slots=True)
class CertificateVersion:
    """The version of a Key Vault secret (or of the secret behind a certificate) that is the newest enabled one.

    Attributes:
        source: address of the secret without its version.
        version: Key Vault's name of the version. Versions never change, so that it stands for the content.
        updated_at: when it was written.
        expires_at: as Key Vault has it; None where it has none.
    """

    source: str
    version: str
    updated_at: datetime
    expires_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """What is remembered of a version that was sent."""
        return "v1:" + hashlib.sha256(f"{self.source.lower()}/{self.version}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class CertificateReading:
    """What was found out about the certificate that the policy names.

    Attributes:
        version: None where it could not be read.
        checked: whether its content was read and checked.
        findings: what is wrong with it; `where` is the check's id.
        trouble: why it could not be read.
    """

    version: CertificateVersion | None = None
    checked: bool = False
    findings: tuple[Finding, ...] = ()
    trouble: str = ""
