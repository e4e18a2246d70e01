"""Certificates of the endpoints: what can be read, what is wrong with one, what is sent."""

import base64
import copy
import pickle
import random
import traceback
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from shared.azureml.certificates import Material, findings, protected_values, read_material
from shared.errors import SettingsError
from tests.unit.azureml.authority import NOW, issue

CNAME = "ml.example.com"
ROOT = issue("root", authority=True)
UPPER = issue("upper", ROOT, authority=True)
LOWER = issue("lower", UPPER, authority=True)
LEAF = issue("leaf", LOWER, sans=[CNAME])
OTHER = issue("other", LOWER, sans=["other.example.com"])
RSA = issue("rsa", LOWER, sans=[CNAME], key=rsa.generate_private_key(65537, 2048))
CHAIN = LEAF.pem + LOWER.pem + UPPER.pem


def pfx(issued=LEAF, others=(LOWER, UPPER), password=None, *, key=True):
    """A PFX as Key Vault returns it: base64."""
    lock = BestAvailableEncryption(password) if password is not None else NoEncryption()
    data = pkcs12.serialize_key_and_certificates(
        b"name", issued.key if key else None, issued.certificate, [other.certificate for other in others], lock
    )
    return base64.b64encode(data).decode()


def wrong(content, content_type="application/x-pem-file"):
    """The id of the finding with which reading ends; nothing of the content may be in the error."""
    with pytest.raises(SettingsError) as caught:
        read_material(content, content_type)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    (finding,) = error.findings
    assert finding.message == error.message
    told = "".join(traceback.format_exception(error))
    text = content if isinstance(content, str) else content.decode("latin-1")
    secret = [line for line in text.splitlines() if len(line) >= 40 and not line.startswith("-----")]
    assert not any(line in told for line in secret)
    return finding.where


def ids(material, *, cname=CNAME, now=NOW):
    """The ids of what is wrong."""
    return [finding.where for finding in findings(material, cname=cname, now=now)]


def material(leaf, *above, key=None):
    """A certificate with what issued it, and its own or another key."""
    return Material(leaf.pem + "".join(other.pem for other in above), (key or leaf).key_pem())


# Reading


@pytest.mark.parametrize("seed", range(6))
def test_pem_in_any_order_becomes_a_chain_that_starts_at_the_leaf(seed):
    """Key before, between or after; certificates shuffled and doubled; the root kept where it was given."""
    parts = [LEAF.key_pem(), LEAF.pem, LOWER.pem, UPPER.pem, ROOT.pem, UPPER.pem]
    random.Random(seed).shuffle(parts)  # noqa: S311  an order that can be repeated

    read = read_material("".join(parts), None)

    assert read.certificate == CHAIN + ROOT.pem
    assert read.key == LEAF.key_pem()
    assert ids(read) == []


@pytest.mark.parametrize(
    ("issued", "form"),
    [
        (LEAF, PrivateFormat.PKCS8),
        (LEAF, PrivateFormat.TraditionalOpenSSL),
        (RSA, PrivateFormat.PKCS8),
        (RSA, PrivateFormat.TraditionalOpenSSL),
        (issue("ed", LOWER, sans=[CNAME], key=ed25519.Ed25519PrivateKey.generate()), PrivateFormat.PKCS8),
    ],
)
def test_the_key_of_a_pem_stays_as_it_was_given(issued, form):
    """PKCS#8 or the traditional forms; RSA and elliptic curves."""
    key = issued.key_pem(form)
    read = read_material(key + issued.pem + LOWER.pem, "application/x-pem-file")
    assert read.key == key
    assert ids(read) == []


def test_what_stands_between_the_blocks_is_dropped():
    """Bag attributes of OpenSSL, curve parameters, line ends of Windows, bytes instead of text."""
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    text = f"Bag Attributes\n    friendlyName: x\n{parameters}{LEAF.key_pem()}subject=/CN=leaf\n{CHAIN}"

    read = read_material(text.replace("\n", "\r\n").encode(), "text/plain")

    assert read == Material(CHAIN, LEAF.key_pem())


@pytest.mark.parametrize("issued", [LEAF, RSA])
@pytest.mark.parametrize("content_type", ["application/x-pkcs12", None, "text/plain"])
def test_a_pfx_is_read_as_key_vault_returns_it(issued, content_type):
    """Base64 without a pass phrase; the key comes out as PKCS#8, the chain in order."""
    read = read_material(pfx(issued, (UPPER, LOWER)), content_type)

    assert read.certificate == issued.pem + LOWER.pem + UPPER.pem
    assert read.key == issued.key_pem()
    assert read_material(base64.b64decode(pfx(issued)), content_type) == read


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_with_a_pass_phrase_is_refused(form):
    """The extension does not support it, in either of PEM's two ways to write one."""
    assert wrong(LEAF.key_pem(form, b"secret") + CHAIN) == "tls-key-with-pass-phrase"


def test_a_pfx_with_a_pass_phrase_is_refused():
    """Key Vault takes it off at import; a plain secret may still have it."""
    assert wrong(pfx(password=b"secret"), "application/x-pkcs12") == "tls-key-with-pass-phrase"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (CHAIN, "tls-no-key"),
        (pfx(key=False), "tls-no-key"),
        (LEAF.key_pem(), "tls-no-certificate"),
        (LEAF.key_pem() + RSA.key_pem() + CHAIN, "tls-several-keys"),
        (LEAF.key_pem() + LEAF.pem + OTHER.pem + LOWER.pem, "tls-several-leaves"),
        (ROOT.key_pem() + LEAF.pem + OTHER.pem, "tls-several-leaves"),
        (ROOT.key_pem() + UPPER.pem + issue("x", authority=True).pem, "tls-several-leaves"),
        ("", "tls-unreadable"),
        ("a password", "tls-unreadable"),
        (b"\xff\xfe\x00", "tls-unreadable"),
        (base64.b64encode(b"0" + b"x" * 90).decode(), "tls-unreadable"),
        ("A" * 300_000, "tls-unreadable"),
        ("-----BEGIN CERTIFICATE-----\n" * 5000, "tls-no-key"),
        ((LEAF.key_pem() + CHAIN).replace("\n", "\\n"), "tls-unreadable"),
        (LEAF.key_pem() + CHAIN.replace("M", "N"), "tls-unreadable"),
        (LEAF.key_pem().replace("M", "N") + CHAIN, "tls-unreadable"),
        (LEAF.key_pem() + CHAIN.replace("-----END", "-----ENDED"), "tls-no-certificate"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(content, where):
    """Each with an id that documents explain, and not a byte of the content."""
    assert wrong(content) == where


def test_the_certificate_of_the_key_is_the_leaf():
    """An authority beside it is none, even where it was given first or signed itself."""
    own = issue(CNAME, sans=[CNAME], authority=True)
    assert read_material(own.pem + own.key_pem(), None).certificate == own.pem
    beside = read_material(issue("stranger", authority=True).pem + own.pem + own.key_pem(), None)
    assert beside.certificate.startswith(own.pem)
    assert ids(beside) == ["tls-chain"]
    swapped = read_material(UPPER.pem + LEAF.pem + LEAF.key_pem(), None)
    assert swapped.certificate == LEAF.pem + UPPER.pem


def test_cross_signed_authorities_stay_in_the_chain():
    """Two certificates of one authority: both lead upwards, neither is a second leaf."""
    older = issue("older root", authority=True)
    crossed = issue("root", older, key=ROOT.key, authority=True)
    read = read_material(LEAF.key_pem() + LEAF.pem + older.pem + crossed.pem + ROOT.pem + UPPER.pem + LOWER.pem, None)

    assert read.certificate.startswith(CHAIN)
    assert read.certificate.count("BEGIN") == 6
    assert ids(read) == []


def test_material_shows_nothing_and_cannot_be_kept():
    """No repr, no pickle, no copy."""
    read = read_material(LEAF.key_pem() + CHAIN, None)
    assert "BEGIN" not in f"{read} {read!r} {[read]}"
    for keep in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never stored"):
            keep(read)


@given(st.one_of(st.text(), st.binary(), st.text(alphabet="-BEGIND CRTFAKY\n", max_size=200)))
def test_any_content_is_read_or_refused(content):
    """No other exception, whatever Key Vault holds."""
    wrong(content, None)


@given(st.integers(0, len(LEAF.key_pem() + CHAIN) - 1), st.characters())
@example(27, "\ud800")
@example(268, "\ud800")
def test_a_damaged_certificate_is_read_or_refused(place, character):
    """One character changed: it still reads, or it is refused; findings never fail."""
    text = LEAF.key_pem() + CHAIN
    try:
        read = read_material(text[:place] + character + text[place + 1 :], None)
        found = findings(read, cname=CNAME, now=NOW)
    except SettingsError as error:
        found = error.findings
    assert all(finding.where.startswith("tls-") for finding in found)


@pytest.mark.parametrize("name", [b"lower", b"leaf"])
def test_a_certificate_whose_names_are_damaged_is_refused(name):
    """The library reads names late, and so would fail where nobody expects it."""
    whole = LEAF.certificate.public_bytes(Encoding.DER)
    damaged = whole.replace(b"\x0c" + bytes([len(name)]) + name, b"\x00" + bytes([len(name)]) + name)
    text = "-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(damaged).decode() + "-----END CERTIFICATE-----\n"
    assert damaged != whole
    assert wrong(LEAF.key_pem() + text) == "tls-unreadable"


# Judging


def test_a_key_of_another_certificate_is_told():
    """Elliptic curves against each other, and against RSA."""
    assert ids(material(LEAF, LOWER, key=LEAF)) == []
    assert ids(material(LEAF, LOWER, key=OTHER)) == ["tls-key-mismatch"]
    assert ids(material(RSA, LOWER, key=LEAF)) == ["tls-key-mismatch"]
    assert ids(read_material(OTHER.key_pem() + CHAIN, None)) == ["tls-key-mismatch"]
    assert ids(read_material(LOWER.key_pem() + CHAIN, None)) == ["tls-key-mismatch"]


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        (LEAF.certificate.not_valid_before_utc, []),
        (LEAF.certificate.not_valid_before_utc - timedelta(seconds=1), ["tls-not-yet-valid"]),
        (LEAF.certificate.not_valid_after_utc, []),
        (LEAF.certificate.not_valid_after_utc + timedelta(seconds=1), ["tls-expired"]),
    ],
)
def test_dates_count_to_the_second(moment, found):
    """Both ends belong to the validity (RFC 5280 4.1.2.5)."""
    long = timedelta(days=900)
    issuer = issue("long", authority=True, start=NOW - long, end=NOW + long)
    leaf = issue("leaf", issuer, sans=[CNAME])
    assert ids(material(leaf, issuer), now=moment) == found


@pytest.mark.parametrize(
    ("sans", "cname", "found"),
    [
        ([CNAME], CNAME, []),
        ([CNAME], "ML.Example.com.", []),
        (["ML.Example.COM"], CNAME, []),
        (["*.example.com"], CNAME, []),
        (["other.example.com", CNAME], CNAME, []),
        (["*.example.com"], "*.example.com", []),
        (["10.0.0.5"], "10.0.0.5", []),
        (["::1"], "0:0::1", []),
        (["xn--bcher-kva.example.com"], "bücher.example.com", []),
        (["other.example.com"], CNAME, ["tls-cname"]),
        (["*.example.com"], "example.com", ["tls-cname"]),
        (["*.example.com"], "a.ml.example.com", ["tls-cname"]),
        (["*.com"], "example.com", ["tls-cname"]),
        (["m*.example.com"], CNAME, ["tls-cname"]),
        (["ml.*.com"], CNAME, ["tls-cname"]),
        (["*.0.0.5"], "10.0.0.5", ["tls-cname"]),
        (["10.0.0.6"], "10.0.0.5", ["tls-cname"]),
        ([CNAME], "", ["tls-cname"]),
        ([CNAME], "." * 300, ["tls-cname"]),
        ([CNAME], "ü" * 300, ["tls-cname"]),
        ([CNAME], None, []),
    ],
)
def test_the_name_is_covered_as_clients_see_it(sans, cname, found):
    """A wildcard stands for one whole label at the left; addresses are compared as addresses."""
    assert ids(material(issue("leaf", LOWER, sans=sans), LOWER), cname=cname) == found


def test_a_common_name_alone_is_not_enough():
    """Clients have stopped reading it; the finding says so, and what to order."""
    (finding,) = findings(material(issue(CNAME, LOWER), LOWER), cname=CNAME, now=NOW)
    assert finding.where == "tls-cname"
    assert "no subject alternative name" in finding.message
    assert CNAME in finding.message


def test_many_names_are_not_all_told():
    """A message stays short."""
    leaf = issue("leaf", LOWER, sans=[f"n{number}.example.com" for number in range(90)])
    (finding,) = findings(material(leaf, LOWER), cname=CNAME, now=NOW)
    assert len(finding.message) < 400


def test_a_chain_with_a_gap_is_told():
    """An authority that did not issue the certificate, by name or by signature; one alone may be a private one's."""
    forged = issue("lower", authority=True)
    assert ids(material(LEAF, UPPER)) == ["tls-chain"]
    assert ids(material(LEAF, forged)) == ["tls-chain"]
    assert ids(material(LEAF)) == []


def test_an_old_authority_in_the_middle_is_told():
    """An intermediate that expired breaks every client; an old root, or one of two, does no harm."""
    old = {"authority": True, "start": NOW - timedelta(days=90), "end": NOW - timedelta(days=1)}
    middle = issue("lower", UPPER, key=LOWER.key, **old)
    root = issue("root", key=ROOT.key, **old)

    assert ids(material(LEAF, middle, UPPER)) == ["tls-chain"]
    assert ids(material(LEAF, LOWER, UPPER, root)) == []
    assert ids(material(LEAF, middle, LOWER, UPPER)) == []


def test_everything_wrong_is_told_at_once():
    """In an order that does not change."""
    leaf = issue("leaf", LOWER, sans=["x.example.com"], end=NOW - timedelta(days=1))
    assert ids(material(leaf, UPPER, key=OTHER)) == ["tls-expired", "tls-key-mismatch", "tls-cname", "tls-chain"]


def test_names_that_cannot_be_read_cover_nothing():
    """A broken extension is a finding, not a crash."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
    key = ec.generate_private_key(ec.SECP256R1())
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x03\x82\x05a")
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
        .add_extension(broken, critical=False)
        .sign(key, LEAF.certificate.signature_hash_algorithm)
    )
    text = built.public_bytes(Encoding.PEM).decode()
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert "tls-cname" in ids(read_material(text + plain, None))


# Sending


def test_the_protected_values_are_what_the_cli_sends():
    """Base64 of the PEM texts under the two keys that the chart reads, and nothing else."""
    values = protected_values(read_material(LEAF.key_pem() + CHAIN, None))

    assert set(values) == {"scoringFe.sslCert", "scoringFe.sslKey"}
    assert base64.b64decode(values["scoringFe.sslCert"], validate=True).decode() == CHAIN
    sent = load_pem_private_key(base64.b64decode(values["scoringFe.sslKey"], validate=True), None)
    assert sent.public_key() == LEAF.certificate.public_key()
