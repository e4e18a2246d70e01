"""Who calls, and what he may do.

Behind App Service authentication the platform says it in `X-MS-CLIENT-PRINCIPAL` (Microsoft Learn, "Work with user
identities in Azure App Service authentication": base64 of JSON with `claims`, `name_typ`, `role_typ`), and the app role
decides: Fleet.Reader may ask, Fleet.Operator may do. Elsewhere anybody could send that header, so that a request which
carries it is refused; there the function key is all there is, and its holder may do everything.
"""

import base64
import binascii
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import azure.functions as func

from functions.answers import Forbidden, Unauthenticated
from shared.config import platform_authenticates
from shared.errors import RequestError

if TYPE_CHECKING:
    from functions.principal import Principal

# Nobody else is known where keys alone open the door.
KEY_HOLDER = "a holder of the function key"
_HEADER = "x-ms-client-principal"
_LARGEST = 64 * 1024
_READS = frozenset({"GET", "HEAD"})
_ROLES = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
# The claims of Entra's tokens by which a caller is known, the first that is there: people, then applications.
_NAMES = (
    "preferred_username",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "name",
    "appid",
    "azp",
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "oid",
)
# The claims that hold the caller's object id, in one tenant the one that never changes.
_IDENTITIES = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")


class Role(StrEnum):
    """The app roles of Muster's application in Entra."""

    READER = "Fleet.Reader"
    OPERATOR = "Fleet.Operator"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever calls.

    Attributes:
        name: what is recorded.
        roles: what he may do.
        identity: tells him from everybody else; names may change, and be given to others.
    """

    name: str
    roles: frozenset[Role]
    identity: str

    def may(self, method: str) -> bool:
        """Whether his roles suffice for a method."""
        return Role.OPERATOR in self.roles or (method in _READS and Role.READER in self.roles)


def caller_of(req: func.HttpRequest) -> Caller:
    """Who calls.

    Raises:
        RequestError: somebody names himself where nobody vouches for it.
        Unauthenticated: the platform does, and has named nobody.
    """
    named = [value for name, value in req.headers.items() if name.lower() == _HEADER]
    if not platform_authenticates():
        if any(name.lower().startswith(_HEADER) for name in req.headers):
            raise RequestError(
                "X-MS-CLIENT-PRINCIPAL headers are set by App Service authentication alone, which is not on here. "
                "Call with a function key and without them."
            )
        return Caller(KEY_HOLDER, frozenset({Role.OPERATOR}), KEY_HOLDER)
    principal = _principal(named[0]) if len(named) == 1 else None
    if principal is None:
        raise Unauthenticated("App Service authentication is on and has named no caller: sign in, and send a token.")
    return _caller(principal)


def admitted(req: func.HttpRequest) -> Caller:
    """Who calls, if he may.

    Raises:
        Forbidden: his roles do not suffice.
        RequestError: as `caller_of`.
    """
    caller = caller_of(req)
    if not caller.may(req.method):
        needed = Role.READER if req.method in _READS else Role.OPERATOR
        raise Forbidden(f"This needs the app role {needed.value}, which {caller.name} does not have.")
    return caller


def _principal(header: str) -> "Principal | None":
    from functions.principal import Principal

    if len(header) > _LARGEST:
        return None
    try:
        return Principal.model_validate_json(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError):  # pydantic's errors are ValueErrors
        return None


def _caller(principal: "Principal") -> Caller:
    claims: dict[str, list[str]] = {}
    for claim in principal.claims:
        claims.setdefault(claim.typ, []).append(claim.val)
    roles = {word for typ in {*_ROLES, principal.role_typ or _ROLES[0]} for word in claims.get(typ, ())}
    name = next((claims[typ][0] for typ in _NAMES if claims.get(typ)), "somebody without a name")
    identity = next((claims[typ][0] for typ in _IDENTITIES if claims.get(typ)), name)
    return Caller(name[:200], frozenset(role for role in Role if role.value in roles), identity)
