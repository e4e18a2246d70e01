"""Reading a kubeconfig that somebody else wrote, without doing what it says.

A kubeconfig may name programs to run, files to read, proxies to go through and checks to leave out. None of
that happens here: what cannot be done with the text alone is refused, and no error ever quotes the text,
which holds credentials.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from shared.errors import Refused

LONGEST = 64 * 1024

# Pure Python reads some texts of this length in 12 seconds. Nor has a kubeconfig any use for anchors.
_DEEPEST = 20
_MOST_EVENTS = 5000
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_HOST = re.compile(r"[0-9A-Za-z.:\-]{1,253}")
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[0-9A-Za-z._~\-]{1,300}){0,10}")
_FILES = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}
_PEM = "-----BEGIN "


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a cluster's API server is and how to be let in. Never log or store one.

    Attributes:
        server: its address, https, without a slash at the end.
        how: which way the credential came: `user`, `admin`, `entra` or `kubeconfig`.
        ca: PEM of the authority that vouches for it; "" where the machine's own authorities do.
        server_name: the name that its certificate must bear, where that is not the address's.
        token: a bearer token; "" where there is a client certificate.
        certificate: PEM of a client certificate, `key` that of its key.
    """

    server: str
    how: str
    ca: str = field(default="", repr=False)
    server_name: str = ""
    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The current context of a kubeconfig.

    Attributes:
        connection: what it says itself.
        signs_in: whether a program, or an auth provider, is to fetch the token: this is how clusters with
            Microsoft Entra ID are written.
    """

    connection: Connection
    signs_in: bool


def read_kubeconfig(text: str, *, how: str) -> Kubeconfig:
    """The current context of a kubeconfig.

    Raises:
        Refused: it is no kubeconfig, or asks for what is not done: plain http, an unchecked certificate, a
            proxy, a file, another person's rights.
    """
    document = _parsed(text)
    context = _named(document, "contexts", "context", _text(document, "current-context", "current context"))
    cluster = _named(document, "clusters", "cluster", _text(context, "cluster", "context"))
    user = _named(document, "users", "user", _text(context, "user", "context"))
    _refuse_detours(cluster, user)
    signs_in = bool(user.get("exec") or user.get("auth-provider"))
    certificate, key = _pem(user, "client-certificate-data"), _pem(user, "client-key-data")
    if "ENCRYPTED" in key:
        raise Refused("The kubeconfig's client key has a pass phrase; Muster cannot open it.")
    token = str(user.get("token") or "")
    if token and not _TOKEN.fullmatch(token):
        raise Refused("The kubeconfig's token holds characters that no token has.")
    if not signs_in and not token and not (certificate and key):
        raise Refused("The kubeconfig holds neither a token nor a client certificate with its key.")
    connection = Connection(
        server=_server(_text(cluster, "server", "cluster")),
        how=how,
        ca=_pem(cluster, "certificate-authority-data"),
        server_name=_server_name(cluster),
        token=token,
        certificate="" if token else certificate,
        key="" if token else key,
    )
    return Kubeconfig(connection, signs_in)


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise Refused(f"The kubeconfig is longer than {LONGEST // 1024} KiB.")
    document = _loaded(text)
    if not isinstance(document, dict):
        raise Refused("The kubeconfig is not a YAML document with one mapping.")
    return document


def _loaded(text: str) -> object:
    """What the YAML says; None where it says nothing. The parser's errors quote the text, so that none gets out."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent

    depth = 0
    try:
        for number, event in enumerate(YAML(typ="safe", pure=True).parse(text)):
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth > _DEEPEST or number > _MOST_EVENTS or getattr(event, "anchor", None) is not None:
                return None
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, TypeError, RecursionError):
        return None


def _named(document: dict[str, Any], plural: str, kind: str, name: str) -> dict[str, Any]:
    """The entry of a list of `{name: ..., <kind>: {...}}`."""
    entries = document.get(plural)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(kind)
            return found if isinstance(found, dict) else {}
    raise Refused(f"The kubeconfig names a {kind} that is not in it.")


def _text(mapping: dict[str, Any], key: str, where: str) -> str:
    value = mapping.get(key)
    if not isinstance(value, str) or not value:
        raise Refused(f"The kubeconfig's {where} has no {key}.")
    return value


def _refuse_detours(cluster: dict[str, Any], user: dict[str, Any]) -> None:
    for kind, mapping in (("cluster", cluster), ("user", user)):
        for key in _FILES[kind]:
            if mapping.get(key):
                raise Refused(f"The kubeconfig's {kind} names a file ({key}); Muster reads none. Put its content in.")
    if cluster.get("insecure-skip-tls-verify"):
        raise Refused("The kubeconfig leaves the server's certificate unchecked (insecure-skip-tls-verify).")
    if cluster.get("proxy-url"):
        raise Refused("The kubeconfig goes through a proxy (proxy-url); Muster uses none but its own.")
    if any(user.get(key) for key in ("as", "as-uid", "as-groups", "as-user-extra")):
        raise Refused("The kubeconfig takes another person's rights (as).")
    if user.get("username") or user.get("password"):
        raise Refused("The kubeconfig signs in with a password, which API servers no longer take.")


def _pem(mapping: dict[str, Any], key: str) -> str:
    value = mapping.get(key)
    if value is None or value == "":
        return ""
    text = _decoded(value)
    if _PEM not in text:
        raise Refused(f"The kubeconfig's {key} is not PEM in base64.")
    return text


def _decoded(value: object) -> str:
    """Base64 as text; "" where it is none. Its errors quote the bytes, so that none gets out."""
    try:
        return base64.b64decode("".join(str(value).split()), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def _server(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
        parts = urlsplit("")
    if parts.scheme != "https":
        raise Refused("The kubeconfig's server is not an https address.")
    path = parts.path.rstrip("/")
    odd = parts.username is not None or parts.query or parts.fragment or port == 0
    if odd or not _HOST.fullmatch(host) or not _PATH.fullmatch(path):
        raise Refused("The kubeconfig's server is not a plain address: https, a host, a port and a path.")
    return f"https://{parts.netloc}{path}"


def _server_name(cluster: dict[str, Any]) -> str:
    value = cluster.get("tls-server-name")
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _HOST.fullmatch(value):
        raise Refused("The kubeconfig's tls-server-name is no host name.")
    return value
