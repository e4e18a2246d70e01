"""The TLS certificate of the inference endpoints: read from what Key Vault keeps, checked, and put into settings.

Everything works on texts in memory. Nothing is kept, nothing is written to disk, and no error holds a
part of what was read: errors are made outside of `except`, so that they drag no cause along that might.

Sources: "About Azure Key Vault certificates" (a certificate's secret is PEM or, base64, PFX without a
pass phrase; the key first, then the certificates), "Deploy Azure Machine Learning extension" ("PEM file
with pass phrase protected isn't supported"), RFC 6125 6.4 and RFC 9525 6 for names.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from shared.azureml.certificate_chain import belongs, covered, is_root, issuers_of, linked, named, names_of, ordered
from shared.errors import Finding, SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

__all__ = ["Material", "findings", "protected_values", "read_material"]

# Key Vault keeps 25 KB in a secret; what is far larger is not a certificate.
_LARGEST = 256 * 1024
_MARK = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]+)-----")
_PKCS12_VERSION = b"\x02\x01\x03"
_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_NAMES_TOLD = 5
_UPLOAD = "Import it as a certificate, or set the secret from a file: az keyvault secret set --file."


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """A certificate and its key. It shows neither, and cannot be pickled or copied.

    Attributes:
        certificate: PEM, the leaf first, then what issued it.
        key: PEM, without a pass phrase.
    """

    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Material(...)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A certificate's key is never stored.")


def read_material(content: bytes | str, content_type: str | None) -> Material:
    """Read a PEM text (key and certificates in any order) or a PFX (bytes, or base64 as Key Vault returns it).

    The content decides which of them it is: the content type of a secret is whatever its author wrote.
    The key stays as it was given in PEM; out of a PFX it becomes PKCS#8.

    Raises:
        SettingsError: it cannot be used. `findings[0].where` is tls-key-with-pass-phrase, tls-no-key,
            tls-several-keys, tls-no-certificate, tls-several-leaves or tls-unreadable.
    """
    if len(content) > _LARGEST:
        _refuse("tls-unreadable", f"The content is larger than {_LARGEST // 1024} KiB and cannot be a certificate.")
    text = content if isinstance(content, str) else content.decode("latin-1")
    if "-----BEGIN " in text:
        given, key, found = _from_pem(text)
    else:
        given, key, found = _from_pfx(_binary(content, content_type))
    if not found:
        _refuse("tls-no-certificate", f"There is a key, but no certificate beside it. {_UPLOAD}")
    if not all(map(named, found)):
        _refuse("tls-unreadable", f"A certificate is damaged: its names cannot be read. {_UPLOAD}")
    chain = ordered(found, key)
    if chain is None:
        _refuse(
            "tls-several-leaves",
            "There are several server certificates. Keep one, followed by the certificates of those that issued it.",
        )
    return Material(_pem_of(chain), given)


def protected_values(material: Material) -> dict[str, str]:
    """The protected settings, as the CLI makes them: base64 of the PEM texts (`__set_up_inference_ssl`, 1.7.0)."""
    return {
        "scoringFe.sslCert": base64.b64encode(material.certificate.encode()).decode(),
        "scoringFe.sslKey": base64.b64encode(material.key.encode()).decode(),
    }


def findings(material: Material, *, cname: str | None, now: datetime) -> tuple[Finding, ...]:
    """What is wrong with a certificate; `where` is the check's id, the message says what to do.

    Ids: tls-key-mismatch, tls-expired, tls-not-yet-valid, tls-cname, tls-chain. `cname` is the setting
    sslCname; without it no name is checked. `now` carries a time zone. Whether clients trust the issuer
    is not told here: a private one is as good as any.
    """
    from cryptography import x509

    chain = x509.load_pem_x509_certificates(material.certificate.encode())
    leaf = chain[0]
    found = list(_dates(leaf, now))
    key = _loaded_key(material.key)
    if key is None or not belongs(leaf, key):
        found.append(
            Finding("tls-key-mismatch", "The key does not belong to the certificate. Import both from one order.")
        )
    if cname is not None:
        found.extend(_name(leaf, cname))
    found.extend(_chain(chain, now))
    return tuple(found)


# Reading


def _refuse(where: str, message: str) -> NoReturn:
    raise SettingsError(message, (Finding(where, message),))


def _from_pem(text: str) -> tuple[str, "PrivateKeyTypes", "list[Certificate]"]:
    """The key as it stands, the key, and all certificates in the order of the text."""
    from cryptography import x509

    blocks = list(_blocks(text))
    if not all(block.isascii() for _, block in blocks):
        # An error of encoding it would hold the whole text, a lone surrogate from JSON suffices for one.
        _refuse("tls-unreadable", f"The PEM text is damaged: it holds letters that no PEM text has. {_UPLOAD}")
    keys = sorted({block for label, block in blocks if label.endswith("PRIVATE KEY")})
    if any("BEGIN ENCRYPTED" in block or ",ENCRYPTED" in block for block in keys):
        _refuse(
            "tls-key-with-pass-phrase",
            "The key is protected with a pass phrase, which the extension does not support. "
            "Take it off (openssl pkey -in key.pem -out plain.pem) and store the plain key in Key Vault.",
        )
    if not keys:
        _refuse("tls-no-key", "There is no private key. In Key Vault the key of the certificate must be exportable.")
    if len(keys) > 1:
        _refuse("tls-several-keys", "There are several private keys. Keep the one that belongs to the certificate.")
    key = _loaded_key(keys[0])
    if key is None:
        _refuse("tls-unreadable", f"The private key cannot be read; its line breaks may be lost. {_UPLOAD}")
    read = [
        _tried(x509.load_pem_x509_certificate, block.replace("X509 CERT", "CERT").encode())
        for label, block in blocks
        if label in _CERTIFICATES
    ]
    found = [certificate for certificate in read if certificate is not None]
    if len(found) < len(read):
        _refuse("tls-unreadable", f"A certificate cannot be read; its line breaks may be lost. {_UPLOAD}")
    return keys[0], key, found


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Label and text of each PEM block, with plain line ends; what stands between blocks is dropped."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    begin: re.Match[str] | None = None
    for mark in _MARK.finditer(text):
        if mark[1] == "BEGIN":
            begin = mark
        elif begin is not None and begin[2] == mark[2]:
            yield mark[2], text[begin.start() : mark.end()] + "\n"
            begin = None


def _binary(content: bytes | str, content_type: str | None) -> bytes:
    if isinstance(content, bytes) and content[:1] == b"\x30":
        return content
    with suppress(ValueError, binascii.Error):
        text = content if isinstance(content, str) else content.decode("ascii")
        decoded = base64.b64decode("".join(text.split()), validate=True)
        if decoded[:1] == b"\x30":
            return decoded
    told = f" (its content type is {content_type[:60]})" if content_type else ""
    _refuse("tls-unreadable", f"The content is neither PEM nor a PFX in base64{told}. {_UPLOAD}")


def _from_pfx(data: bytes) -> tuple[str, "PrivateKeyTypes", "list[Certificate]"]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    # Without a pass phrase is written in two ways: none at all, and an empty one.
    opened = _tried(lambda given: pkcs12.load_key_and_certificates(given, None), data) or _tried(
        lambda given: pkcs12.load_key_and_certificates(given, b""), data
    )
    if opened is None:
        if _PKCS12_VERSION in data[:16]:
            _refuse(
                "tls-key-with-pass-phrase",
                "The PFX opens only with a pass phrase, or is damaged. Import it into Key Vault as a certificate "
                "(az keyvault certificate import --password ...), which takes the pass phrase off.",
            )
        _refuse("tls-unreadable", f"The content is neither PEM nor a PFX. {_UPLOAD}")
    key, leaf, others = opened
    if key is None:
        _refuse("tls-no-key", "There is no private key. In Key Vault the key of the certificate must be exportable.")
    given = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return given.decode(), key, [*([leaf] if leaf is not None else []), *others]


def _loaded_key(pem: str) -> "PrivateKeyTypes | None":
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return _tried(lambda given: load_pem_private_key(given, None), pem.encode())


def _tried[T](read: Callable[[bytes], T], data: bytes) -> T | None:
    """What was read; None where it cannot be, whatever the library has to say about it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import InvalidVersion

    with suppress(ValueError, TypeError, UnsupportedAlgorithm, InvalidVersion):
        return read(data)
    return None


def _pem_of(certificates: "list[Certificate]") -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


# Judging


def _dates(leaf: "Certificate", now: datetime) -> Iterator[Finding]:
    if now > leaf.not_valid_after_utc:
        ended = leaf.not_valid_after_utc.isoformat()
        yield Finding("tls-expired", f"The certificate expired at {ended}. Put a new version into Key Vault.")
    if now < leaf.not_valid_before_utc:
        begins = leaf.not_valid_before_utc.isoformat()
        yield Finding(
            "tls-not-yet-valid",
            f"The certificate is valid from {begins} only. Disable this version in Key Vault until then.",
        )


def _name(leaf: "Certificate", cname: str) -> Iterator[Finding]:
    names = names_of(leaf)
    if names is None:
        yield Finding(
            "tls-cname",
            "The certificate has no subject alternative name, and clients do not read the common name any more "
            f"(RFC 9525). Order one with the DNS name {cname}.",
        )
    elif not covered(cname, names):
        told = ", ".join(names[:_NAMES_TOLD]) + (", ..." if len(names) > _NAMES_TOLD else "")
        yield Finding(
            "tls-cname",
            f"sslCname is {cname}, which the certificate does not cover; it covers {told or 'no name'}. "
            "Correct the setting, or order a certificate with that name.",
        )


def _chain(chain: "list[Certificate]", now: datetime) -> Iterator[Finding]:
    if len(linked(chain[0], chain)) < len(chain):
        yield Finding(
            "tls-chain",
            "A certificate beside the server's does not lead to it: the one that issued it is missing or another's. "
            "Put the full chain into Key Vault, each certificate followed by its issuer's.",
        )
    for certificate in chain:
        issuers = issuers_of(certificate, chain)
        # An old root, or an old one of two cross-signed, does no harm.
        if issuers and not any(is_root(issuer) or _in_time(issuer, now) for issuer in issuers):
            yield Finding(
                "tls-chain",
                "A certificate of the chain, above the server's, has expired or is not valid yet. "
                "Put the chain that the authority gives out now into Key Vault.",
            )
            return


def _in_time(certificate: "Certificate", now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
