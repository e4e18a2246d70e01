"""Whether the endpoints' certificate has to be sent (again).

The service never returns protected values, so that what was sent is told by a fingerprint in memory. A PATCH
that carries one protected value must carry them all: the service replaces the map as a whole.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.model.certificate import CertificateVersion
from shared.model.extension import DesiredExtension, Extension
from shared.model.identity import Kind
from shared.reconcile.case import Case

# On Arc protected values are kept for 48 hours only until an agent fetches them: it must be there now.
HEARTBEAT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What is to be done about the certificate.

    Attributes:
        unread: Key Vault has not been asked yet.
        send: the protected map has to be sent.
        why: the reason, for people.
        standing: fingerprint that stands for sent although nothing is sent now.
        trouble: why nothing can be told.
    """

    unread: bool = False
    send: bool = False
    why: str = ""
    standing: str | None = None
    trouble: str = ""


def rotation_of(case: Case, extension: Extension, wanted: DesiredExtension) -> Rotation | None:
    """None where the extension takes no certificate from Key Vault."""
    if wanted.certificate is None:
        return None
    reading = case.seen.certificate
    if not serves_certificate(extension):
        return Rotation(unread=reading is None, send=True, why="the certificate has not been sent yet")
    if reading is None:
        return Rotation(unread=True, standing=case.memory.certificate)
    version = reading.version
    if version is None:
        return Rotation(trouble=f"The certificate in Key Vault cannot be read: {reading.trouble}")
    return _compared(case.memory.certificate, version, extension)


def _compared(known: str | None, version: CertificateVersion, extension: Extension) -> Rotation:
    if known == version.fingerprint:
        return Rotation(standing=known)
    if known is None and extension.modified_at is not None and version.updated_at <= extension.modified_at:
        # Memory was lost: what was there before the last write is what that write sent.
        return Rotation(standing=version.fingerprint)
    return Rotation(send=True, why="Key Vault has a newer version of the certificate")


def serves_certificate(extension: Extension) -> bool:
    """Whether the installed settings say that the endpoints serve a certificate from the protected settings."""
    settings = extension.settings
    on = {key: settings.get(key, "").lower() == "true" for key in ("enableInference", "allowInsecureConnections")}
    return (
        on["enableInference"]
        and not on["allowInsecureConnections"]
        and bool(settings.get("sslCname"))
        and not settings.get("scoringFe.sslSecret")
    )


def heartbeat_missing(case: Case) -> bool:
    """Whether an Arc cluster's agent has not been heard of lately; AKS needs none."""
    if case.cluster.kind is Kind.AKS:
        return False
    last = case.cluster.last_connectivity
    return last is None or case.now - last > HEARTBEAT
