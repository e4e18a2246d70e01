"""The API servers of all clusters: `https://<host>:<port>/_kubernetes/<base64url of the ARM id>/...`.

Tokens that a server takes are the ones in its kubeconfigs and, with Microsoft Entra ID, those for the AKS
server application. It reads only: nobody is meant to write. Whom RBAC refuses is said by the control
surface, since role assignments inside clusters are not simulated.
"""

import base64
import binascii
import re
import traceback

from aiohttp import web

from simulator.arm import Json
from simulator.arm_errors import ArmError
from simulator.clusters import Cluster
from simulator.data_plane import journaled
from simulator.gateway import Gateway, NoAnswer, response
from simulator.journal import Entry
from simulator.kubernetes_catalogue import Refused, Wanted, answer, group_answer
from simulator.kubernetes_config import AKS_SERVER, PREFIX
from simulator.kubernetes_contents import Contents
from simulator.kubernetes_hostile import ELSEWHERE, hostile_answer
from simulator.kubernetes_objects import MADE, status
from simulator.kubernetes_state import Inside, Insides, entra, local_accounts

SERVICE = "kubernetes"
_GROUP = re.compile(r"/apis/(?P<name>[^/]+)/?")


class KubernetesRoutes:
    """Serves what `simulator.kubernetes_contents` puts together."""

    def __init__(self, gateway: Gateway, insides: Insides) -> None:
        self._gateway, self._insides = gateway, insides

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request, with its line in the journal; answers are not journaled, so secrets are not."""
        return await journaled(self._gateway, request, SERVICE, self._answered)

    async def _answered(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        key, _, rest = request.path.removeprefix(f"{PREFIX}/").partition("/")
        rest = f"/{rest}"
        if key == ELSEWHERE:
            entry.caller = "somebody" if "Authorization" in request.headers else ""
            return web.json_response({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []})
        replaced = await self._fault(request, entry)
        if replaced is not None:
            return replaced
        cluster = self._cluster(key)
        if cluster is None:
            return _failed(Refused(404, "NotFound", "there is no such cluster"))
        inside = self._insides.of(cluster)
        if (cluster.properties.get("powerState") or {}).get("code") == "Stopped":
            raise NoAnswer
        mode = inside.hostility.mode_for(rest) if inside.hostility else ""
        broken = await hostile_answer(request, mode, self._gateway.base_url, rest, self._gateway.closing)
        if broken is not None:
            return broken
        try:
            return web.json_response(self._served(request, entry, inside, rest, endless=mode == "endless"))
        except Refused as refusal:
            return _failed(refusal)
        except Exception:  # noqa: BLE001  a mistake of ours: told to the tests
            self._gateway.defects.append(f"{request.method} {request.path}: {traceback.format_exc()}")
            return _failed(Refused(500, "InternalError", "an error on the server has prevented the request"))

    async def _fault(self, request: web.Request, entry: Entry) -> web.StreamResponse | None:
        """What a rule of `simulator.faults` does to the request. To a reading, before and after are the same."""
        fault = self._gateway.faults.hit(request.method, request.path, SERVICE)
        if fault is None:
            return None
        entry.fault = fault.id
        reply = await self._gateway.apply(fault)
        if reply is None:
            return None
        if fault.body is None:
            body = status(fault.status, "Failure", "the request failed")
            return web.json_response(body, status=fault.status, headers=fault.headers)
        return response(reply)

    def _cluster(self, key: str) -> Cluster | None:
        try:
            name = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self._gateway.world.clusters.get(name)

    def _served(self, request: web.Request, entry: Entry, inside: Inside, rest: str, *, endless: bool) -> Json:
        entry.caller = self._caller(request.headers.get("Authorization", ""), inside)
        contents = Contents(inside.cluster, inside, self._gateway.clock.now())
        if rest.rstrip("/") == "/version":
            entry.action = "get version"
            _permit(inside, "version", entry.caller, None)
            return _version(contents.version)
        group = _GROUP.fullmatch(rest)
        if group is not None and request.method == "GET":
            entry.action = f"get group {group['name']}"
            return group_answer(contents, group["name"])
        wanted = Wanted.of(rest)
        entry.action = f"{wanted.verb} {wanted.plural}"
        if request.method != "GET":
            raise Refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        _permit(inside, wanted.plural, entry.caller, wanted)
        return answer(contents, wanted, request.query, endless=endless)

    def _caller(self, authorization: str, inside: Inside) -> str:
        """Who carries the token; 401 where the server does not know it."""
        cluster, token = inside.cluster, authorization.removeprefix("Bearer ")
        if local_accounts(cluster):
            if cluster.kind == "aks" and token == inside.admin:
                return "clusterAdmin"
            if not entra(cluster) and token == inside.user:
                return "clusterUser"
        if entra(cluster):
            try:
                return self._gateway.identity.caller(authorization, audience=AKS_SERVER).app_id
            except ArmError:
                pass
        raise Refused(401, "Unauthorized", "Unauthorized")


def _permit(inside: Inside, plural: str, caller: str, wanted: Wanted | None) -> None:
    if not inside.forbidden & {"*", plural}:
        return
    if wanted is None:
        raise Refused(403, "Forbidden", f'forbidden: User "{caller}" cannot get path "/version"')
    place = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    name = f' "{wanted.name}"' if wanted.name else ""
    message = (
        f'{plural}{name} is forbidden: User "{caller}" cannot {wanted.verb} resource "{plural}" in API group '
        f'"{wanted.group}" {place}'
    )
    if entra(inside.cluster):
        message += ": User does not have access to the resource in Azure. Update role assignment to allow access."
    raise Refused(403, "Forbidden", message)


def _failed(refusal: Refused) -> web.Response:
    return web.json_response(refusal.body, status=refusal.code)


def _version(version: str) -> Json:
    major, minor, *_ = [*version.split("."), "0"]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{version}",
        "gitCommit": "8adc0f041b8e7ad1d30e29cc59c6ae7a15e19828",
        "gitTreeState": "clean",
        "buildDate": MADE,
        "goVersion": "go1.24.4",
        "compiler": "gc",
        "platform": "linux/amd64",
    }
