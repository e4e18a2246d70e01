"""Ways into a cluster's own API server: Azure's credential for AKS, a kubeconfig that a person keeps for Arc.

Azure hands out AKS kubeconfigs by listClusterUserCredential and listClusterAdminCredential (API 2026-08-01):
60 calls at once and one a second after that, for each subscription and region. A cluster with Microsoft Entra ID
answers with a kubeconfig that holds no secret but names a program (kubelogin); Muster's own token does in
its place. What is handed out lives as long as one look.
"""

import asyncio
import base64
import binascii
from dataclasses import replace
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential

from shared.azure.arm import Arm, cluster_path
from shared.azure.failures import typed
from shared.azure.kubeconfig import LONGEST, Connection, read_kubeconfig
from shared.azure.pace import Pace
from shared.errors import Refused, Throttled, Unavailable
from shared.model.cluster import Cluster

# The AKS server application of Microsoft Entra ID: the same in every tenant (Microsoft Learn, "Use kubelogin to
# authenticate in AKS"). A kubeconfig may name another audience; no token is asked for on its word.
AKS_SCOPE = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"
_VERSION = "2026-08-01"
_USER, _ADMIN, _ENTRA, _KUBECONFIG = "user", "admin", "entra", "kubeconfig"
# "Quotas, virtual machine size restrictions, and region availability in Azure Kubernetes Service" (Microsoft Learn).
_AT_ONCE, _A_SECOND = 60.0, 1.0


class ClusterAccess:
    """Finds the way into clusters."""

    def __init__(self, arm: Arm, credential: AsyncTokenCredential, pace: Pace | None = None) -> None:
        self._arm, self._credential = arm, credential
        self._pace = pace or Pace(_AT_ONCE, _A_SECOND)

    async def aks(self, cluster: Cluster, *, admin: bool = False) -> Connection:
        """How to reach an AKS cluster: as its user, or as its admin where the caller asks for that.

        Raises:
            NotAuthorized: the identity may not list the credential, or gets no token.
            Throttled: too many such calls, by our own count or by Azure's; `retry_after` says when to ask again.
            Unavailable: Azure did not answer in time.
            Refused: Azure keeps the credential back (local accounts are disabled), or it is of no use.
        """
        how = _ADMIN if admin else _USER
        wait = self._pace.wait(f"{cluster.id.subscription}/{cluster.location}".lower(), cluster.id.key)
        if wait:
            raise Throttled("Credentials of this subscription and region are asked for one a second.", retry_after=wait)
        text = _first(await self._listed(cluster, how))
        found = read_kubeconfig(text, how=how)
        if not found.signs_in:
            return found.connection
        token = await self._entra_token()
        return replace(found.connection, how=_ENTRA, token=token, certificate="", key="")

    def from_kubeconfig(self, text: str) -> Connection:
        """How to reach a cluster whose kubeconfig a person keeps for Muster.

        Raises:
            Refused: it is no kubeconfig, or asks for what Muster does not do.
        """
        found = read_kubeconfig(text, how=_KUBECONFIG)
        if found.signs_in:
            raise Refused(
                "The kubeconfig signs in by a program or an auth provider; Muster runs none. "
                "Use one with a token of a service account, or a client certificate."
            )
        return found.connection

    async def _listed(self, cluster: Cluster, how: str) -> dict[str, Any]:
        action = "listClusterAdminCredential" if how == _ADMIN else "listClusterUserCredential"
        what = f"hand out the cluster's {how} credential"
        try:
            # A POST that changes nothing: it has no more time than other reads.
            async with asyncio.timeout(self._arm.read_timeout):
                return await self._arm.call(
                    "POST",
                    cluster_path(cluster.id, action),
                    api_version=_VERSION,
                    what=what,
                    params=None if how == _ADMIN else {"format": "exec"},
                )
        except TimeoutError as error:
            raise Unavailable(f"Azure did not answer in time when asked to {what}.") from error

    async def _entra_token(self) -> str:
        async with typed("sign in to the cluster"), asyncio.timeout(self._arm.read_timeout):
            return (await self._credential.get_token(AKS_SCOPE)).token


def _first(answer: dict[str, Any]) -> str:
    """The first kubeconfig of an answer."""
    listed = answer.get("kubeconfigs")
    entry = listed[0] if isinstance(listed, list) and listed else None
    text = _decoded(entry.get("value")) if isinstance(entry, dict) else None
    if text is None:
        raise Refused("Azure handed out no kubeconfig for the cluster.")
    return text


def _decoded(value: object) -> str | None:
    """Base64 as text; None where it is none. Its errors quote the bytes, so that none gets out."""
    if not isinstance(value, str) or len(value) > 2 * LONGEST:
        return None
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
