"""The Azure Relay objects of an Arc cluster, made as the official CLI makes them.

Namespace and hybrid connection lie in the cluster's own resource group; the rule `azureml_rw` gives
Manage, Send and Listen; its primary connection string goes into the extension's protected settings
(source: azure-cli-extensions, k8s-extension 1.7.0, AzureMLKubernetes).
"""

import contextlib

from shared.azure.arm import Arm, url_path
from shared.errors import Absent
from shared.model.cluster import Cluster
from shared.model.extension import Relay
from shared.model.identity import ClusterId

_VERSION = "2017-04-01"
_RULE = "azureml_rw"
_TAGS = {"created_by": "Azure Arc-enabled ML"}


class Relays:
    """The relay objects of Arc clusters."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    async def exists(self, cluster: ClusterId, relay: Relay) -> bool:
        """Whether the hybrid connection is there.

        Raises:
            AzureError: it could not be told.
        """
        try:
            await self._arm.call(
                "GET",
                _path(cluster, relay, "hybridConnections", relay.hybrid_connection),
                api_version=_VERSION,
                what="read the cluster's relay",
            )
        except Absent:
            return False
        return True

    async def begin(self, cluster: Cluster, relay: Relay) -> bool:
        """Make the namespace, which may be repeated. False while it is still being made.

        Raises:
            AzureError: it was refused, or there was no answer.
        """
        namespace = await self._arm.call(
            "PUT",
            _path(cluster.id, relay),
            api_version=_VERSION,
            what="create the relay namespace",
            body={"location": cluster.location, "tags": _TAGS},
        )
        state = str(namespace.get("properties", {}).get("provisioningState", "Succeeded"))
        return state.lower() in {"succeeded", "unknown"}

    async def complete(self, cluster: ClusterId, relay: Relay) -> None:
        """Make what lies in the namespace: the hybrid connection and its rule. Every part may be repeated.

        Raises:
            Absent: there is no namespace.
            InProgress: the namespace is still being made.
            AzureError: it was refused, or there was no answer.
        """
        await self._arm.call(
            "PUT",
            _path(cluster, relay, "hybridConnections", relay.hybrid_connection),
            api_version=_VERSION,
            what="create the hybrid connection",
            body={"properties": {"requiresClientAuthorization": True}},
        )
        await self._arm.call(
            "PUT",
            _rule(cluster, relay),
            api_version=_VERSION,
            what="create the relay's authorization rule",
            body={"properties": {"rights": ["Manage", "Send", "Listen"]}},
        )

    async def ours_and_unused(self, cluster: ClusterId, relay: Relay) -> bool:
        """Whether the namespace was made for this cluster alone and nobody listens on it.

        Made by the official CLI or by Muster (its tag says so), with no other hybrid connection than the
        cluster's own, and without a listener: somebody who works through it would lose his connection.

        Raises:
            AzureError: it could not be told.
        """
        try:
            namespace = await self._arm.call(
                "GET", _path(cluster, relay), api_version=_VERSION, what="read the relay namespace"
            )
            connections = await self._arm.call(
                "GET",
                _path(cluster, relay, "hybridConnections"),
                api_version=_VERSION,
                what="list the relay's hybrid connections",
            )
        except Absent:
            return False
        listed = connections.get("value") or []
        names = {str(each.get("name", "")).rpartition("/")[2].lower() for each in listed}
        listeners = sum(int((each.get("properties") or {}).get("listenerCount") or 0) for each in listed)
        tagged = (namespace.get("tags") or {}).get("created_by") == _TAGS["created_by"]
        alone = names <= {relay.hybrid_connection.lower()} and not connections.get("nextLink")
        return tagged and alone and listeners == 0

    async def remove(self, cluster: ClusterId, relay: Relay) -> None:
        """Delete the namespace with everything in it; one that is gone already is fine."""
        with contextlib.suppress(Absent):
            await self._arm.call(
                "DELETE", _path(cluster, relay), api_version=_VERSION, what="delete the relay namespace"
            )

    async def connection_string(self, cluster: ClusterId, relay: Relay) -> str:
        """The secret that the extension needs. Ask at send time; never keep, log or store it.

        Raises:
            Absent: the rule, or what it belongs to, does not exist.
        """
        keys = await self._arm.call(
            "POST",
            f"{_rule(cluster, relay)}/listKeys",
            api_version=_VERSION,
            what="read the relay's keys",
        )
        return str(keys["primaryConnectionString"])


def _path(cluster: ClusterId, relay: Relay, *more: str) -> str:
    return url_path(
        "subscriptions",
        cluster.subscription,
        "resourceGroups",
        cluster.resource_group,
        "providers",
        "Microsoft.Relay",
        "namespaces",
        relay.namespace,
        *more,
    )


def _rule(cluster: ClusterId, relay: Relay) -> str:
    return _path(cluster, relay, "hybridConnections", relay.hybrid_connection, "authorizationRules", _RULE)
