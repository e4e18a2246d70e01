"""The managed-identity endpoint of App Service, and the check of the tokens it gives.

Source: Microsoft Learn, "How to use managed identities for App Service and Azure Functions", REST
endpoint reference (api-version 2019-08-01): header X-IDENTITY-HEADER, `resource`, optional `client_id`;
`expires_on` is a text of seconds since the epoch. Tokens live 24 hours of real time, since a client
compares them with its own clock. They look like the JWTs of Microsoft Entra ID and are signed with a key
of this process, so that a forged or a stale one is refused.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any

from simulator import arm_errors
from simulator.arm import TENANT, Caller, Reply

DEFAULT_CLIENT_ID = "aaaaaaaa-1111-4111-8111-111111111111"
_LIFE = 86400


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class IdentityEndpoint:
    """Gives tokens to whoever knows the header, and reads them back."""

    def __init__(self) -> None:
        self.header = secrets.token_hex(16)
        self.audience = ""
        self._key = secrets.token_bytes(32)

    def answer(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Reply:
        """Answer GET of a token."""
        if headers.get("X-IDENTITY-HEADER") != self.header:
            return Reply(401, {"statusCode": 401, "message": "The X-IDENTITY-HEADER is missing or wrong."})
        resource, client = query.get("resource"), query.get("client_id", DEFAULT_CLIENT_ID)
        if not resource:
            return Reply(400, {"statusCode": 400, "message": "The parameter resource is required."})
        try:
            uuid.UUID(client)
        except ValueError:
            return Reply(400, {"statusCode": 400, "message": f"No User Assigned identity found for {client}."})
        token, expires = self.token(client, resource)
        body = {
            "access_token": token,
            "expires_on": str(expires),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client,
        }
        return Reply(200, body)

    def token(self, client_id: str, resource: str) -> tuple[str, int]:
        """A token for an application, and when it expires (seconds since the epoch)."""
        now = int(time.time())
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": now,
            "exp": now + _LIFE,
            "appid": client_id,
            "oid": str(uuid.uuid5(uuid.NAMESPACE_OID, client_id)),
            "tid": TENANT,
        }
        head = _encode(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
        signed = f"{head}.{_encode(json.dumps(claims).encode())}"
        return f"{signed}.{self._signature(signed)}", now + _LIFE

    def caller(self, authorization: str, *, audience: str = "") -> Caller:
        """Who carries a token; 401 where it is missing, forged, stale or meant for somebody else.

        `audience` is the one that is asked for; empty stands for Resource Manager's.
        """
        wanted = audience or self.audience
        scheme, _, token = authorization.partition(" ")
        if not authorization:
            raise arm_errors.unauthenticated(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        claims = self._claims(token) if scheme.lower() == "bearer" else None
        if claims is None:
            raise arm_errors.unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")
        if claims["exp"] < time.time():
            raise arm_errors.unauthenticated("ExpiredAuthenticationToken", "The access token expiry is in the past.")
        if claims["aud"].rstrip("/") != wanted:
            raise arm_errors.unauthenticated(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. "
                f"It should exactly match with one of the allowed audiences '{wanted}/','{wanted}'.",
            )
        return Caller(claims["appid"], claims["oid"])

    def _signature(self, signed: str) -> str:
        return _encode(hmac.digest(self._key, signed.encode(), hashlib.sha256))

    def _claims(self, token: str) -> dict[str, Any] | None:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        try:
            claims = json.loads(_decode(signed.partition(".")[2]))
        except (binascii.Error, ValueError):
            return None
        return claims if isinstance(claims, dict) else None
