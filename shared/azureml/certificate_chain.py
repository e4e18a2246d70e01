"""How certificates belong together: which of them is the server's, who issued whom, and which names one covers.

Pure functions over certificates in memory; certificates.py reads and judges with them.
"""

from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate


def ordered(found: "list[Certificate]", key: "PrivateKeyTypes") -> "list[Certificate] | None":
    """Each certificate once: the leaf, those that lead from it upwards, and any authority that does not.

    None where more than one could be the server's.
    """
    certificates = list(dict.fromkeys(found))
    leaf = _leaf(certificates, key)
    if leaf is None:
        return None
    chain = linked(leaf, certificates)
    left = [certificate for certificate in certificates if certificate not in chain]
    return None if any(not _is_authority(certificate) for certificate in left) else chain + left


def linked(leaf: "Certificate", certificates: "list[Certificate]") -> "list[Certificate]":
    """The leaf and all that lead from it upwards, nearest first; cross-signed issuers stand side by side."""
    chain = [leaf]
    for certificate in chain:  # grows while it is walked
        chain.extend(other for other in issuers_of(certificate, certificates) if other not in chain)
    return chain


def issuers_of(certificate: "Certificate", certificates: "list[Certificate]") -> "list[Certificate]":
    """Those that issued a certificate, itself left out: several where an authority was cross-signed."""
    return [other for other in certificates if other != certificate and _issued(certificate, other)]


def named(certificate: "Certificate") -> bool:
    """Whether subject and issuer can be read; the library reads them late. Every other function here builds on it."""
    with suppress(ValueError):
        _ = certificate.subject, certificate.issuer
        return True
    return False


def is_root(certificate: "Certificate") -> bool:
    """Whether it names itself as its issuer: clients look for it among those they trust, not in a chain."""
    return certificate.issuer == certificate.subject


def belongs(certificate: "Certificate", key: "PrivateKeyTypes") -> bool:
    """Whether a key is the certificate's."""
    from cryptography.exceptions import UnsupportedAlgorithm

    with suppress(ValueError, UnsupportedAlgorithm):
        return certificate.public_key() == key.public_key()
    return False


def names_of(certificate: "Certificate") -> tuple[str, ...] | None:
    """DNS names and addresses of the subject alternative name; None without one, () where it cannot be read."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    except ValueError:
        return ()
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def covered(name: str, names: tuple[str, ...]) -> bool:
    """Whether a host name or address is one of a certificate's names.

    A wildcard stands for exactly one whole label, the leftmost (RFC 6125 6.4.3, RFC 9525 6.3), and for no address.
    """
    wanted = _canonical(name)
    if _is_address(wanted):
        return any(_is_address(given) and ip_address(given) == ip_address(wanted) for given in names)
    first, _, rest = wanted.partition(".")
    # *.com would cover every name below a top-level domain: no client takes it.
    patterns = {wanted} | ({f"*.{rest}"} if first and "." in rest else set())
    return any(_canonical(given) in patterns for given in names)


def _canonical(name: str) -> str:
    lowered = name.strip().lower().removesuffix(".")
    if lowered.isascii():
        return lowered
    try:
        return lowered.encode("idna").decode()
    except UnicodeError:
        return lowered


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _leaf(certificates: "list[Certificate]", key: "PrivateKeyTypes") -> "Certificate | None":
    """The one the key belongs to; where there is none (findings tell), the one that issued no other."""
    issuers = [issuer for certificate in certificates for issuer in issuers_of(certificate, certificates)]
    last = [certificate for certificate in certificates if certificate not in issuers]
    matching = [certificate for certificate in last if belongs(certificate, key)]
    ends = [certificate for certificate in last if not _is_authority(certificate)]
    candidates = matching or ends or last
    return candidates[0] if len(candidates) == 1 else None


def _issued(certificate: "Certificate", issuer: "Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, InvalidSignature):
        return False
    except (TypeError, UnsupportedAlgorithm):
        # An algorithm that only clients need to know: the names have to do.
        return certificate.issuer == issuer.subject
    return True


def _is_authority(certificate: "Certificate") -> bool:
    from cryptography import x509

    with suppress(ValueError, x509.ExtensionNotFound):
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return False
