"""The data plane of Key Vault, as far as one reads secrets: `https://<host>:<port>/secrets/...`.

Sources: azure-keyvault-secrets 4.12.0 (API 2026-04-01; Get Secret, Get Secret Versions) and Microsoft Learn,
"Authentication, requests and responses" (the challenge) and "Azure Key Vault REST API error codes".

The challenge names a resource, and clients demand that the vault's host ends with "." and that resource's
host: <name>.vault.azure.net and vault.azure.net. The host here is 127.0.0.1:<port>, so the resource is
https://0.0.1:<port>: no host that anybody could reach, but an end of ours that passes the check as it is.
The identity endpoint gives out tokens for any resource, this one included; other audiences are refused.
"""

from aiohttp import web

from simulator.arm import TENANT, Json
from simulator.arm_errors import ArmError
from simulator.data_plane import journaled
from simulator.gateway import Gateway, response
from simulator.journal import Entry
from simulator.key_vault import KeyVault, Version

SERVICE = "key-vault"
_GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
_LIST = "Microsoft.KeyVault/vaults/secrets/readMetadata/action"
_PAGE = 25


class _VaultError(Exception):
    """An answer that is not a success, in Key Vault's shape."""

    def __init__(self, status: int, code: str, message: str, inner: str = "") -> None:
        super().__init__(message)
        self.status = status
        error: Json = {"code": code, "message": message}
        if inner:
            error["innererror"] = {"code": inner}
        self.body: Json = {"error": error}


class KeyVaultRoutes:
    """Serves reads of one vault."""

    def __init__(self, gateway: Gateway, vault: KeyVault) -> None:
        self._gateway, self._vault = gateway, vault

    @property
    def resource(self) -> str:
        """The audience of the vault's tokens."""
        return f"https://{self._gateway.base_url.partition('.')[2]}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request, with its line in the journal; answers are not journaled, so values are not."""
        return await journaled(self._gateway, request, SERVICE, self._answered)

    async def _answered(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        fault = self._gateway.faults.hit(request.method, request.path, SERVICE)
        if fault is not None:
            entry.fault = fault.id
            # To a reading, before and after are the same.
            reply = await self._gateway.apply(fault)
            if reply is not None:
                return response(reply)
        try:
            return web.json_response(self._served(request, entry))
        except _VaultError as error:
            headers = {"WWW-Authenticate": self._challenge()} if error.status == 401 else {}
            return web.json_response(error.body, status=error.status, headers=headers)

    def _served(self, request: web.Request, entry: Entry) -> Json:
        if request.method != "GET":
            raise _VaultError(405, "MethodNotAllowed", "The simulated vault is read only.")
        _, _, name, *rest = request.path.rstrip("/").split("/")
        listing = rest == ["versions"]
        entry.action = _LIST if listing else _GET
        self._authorize(request, entry)
        entry.api_version = request.query.get("api-version", "")
        if not entry.api_version:
            raise _VaultError(400, "BadParameter", "AKV10012: The api-version query parameter is missing.")
        if listing:
            return self._listed(request, name)
        return self._bundle(request, name, *rest[:1])

    def _authorize(self, request: web.Request, entry: Entry) -> None:
        authorization = request.headers.get("Authorization", "")
        if not authorization:
            raise _VaultError(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        try:
            caller = self._gateway.identity.caller(authorization, audience=self.resource)
        except ArmError as error:
            raise _VaultError(401, "Unauthorized", f"AKV10022: {error.reply.body['error']['message']}") from error
        entry.caller = caller.app_id
        if not self._gateway.roles.allow_data(entry.action):
            raise _VaultError(
                403,
                "Forbidden",
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or "
                "role definitions were changed recently, please observe propagation time.\r\n"
                f"Caller: appid={caller.app_id};oid={caller.object_id}\r\nAction: '{entry.action}'\r\n"
                f"Resource: '{request.path}'\r\nAssignment: (not found)\r\n",
                "ForbiddenByRbac",
            )

    def _challenge(self) -> str:
        return f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{self.resource}"'

    def _bundle(self, request: web.Request, name: str, version: str = "") -> Json:
        found = self._vault.version(name, version)
        if found is None:
            raise _VaultError(
                404,
                "SecretNotFound",
                f"A secret with (name/id) {name}{'/' if version else ''}{version} was not found in this key vault. "
                "If you recently deleted this secret you may be able to recover it using the correct recovery command.",
            )
        if not found.enabled:
            message = "Operation get is not allowed on a disabled secret."
            raise _VaultError(403, "Forbidden", message, "SecretDisabled")
        return {"value": found.value, **_item(request, name, found)}

    def _listed(self, request: web.Request, name: str) -> Json:
        """A page of versions; of a secret that is not there, an empty one."""
        versions = self._vault.versions(name)
        first, size = int(request.query.get("$skiptoken", 0)), int(request.query.get("maxresults", _PAGE))
        more = f"$skiptoken={first + size}&maxresults={size}&api-version={request.query['api-version']}"
        link = f"https://{request.host}/secrets/{name}/versions?{more}"
        return {
            "value": [_item(request, name, version) for version in versions[first : first + size]],
            "nextLink": link if len(versions) > first + size else None,
        }


def _item(request: web.Request, name: str, version: Version) -> Json:
    """What is told of a version without its value."""
    vault = f"https://{request.host}"
    item: Json = {
        "id": f"{vault}/secrets/{name}/{version.id}",
        "attributes": version.attributes(),
        "tags": {},
    }
    if version.content_type is not None:
        item["contentType"] = version.content_type
    if version.managed:
        item |= {"managed": True, "kid": f"{vault}/keys/{name}/{version.id}"}
    return item
