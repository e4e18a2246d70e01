"""The Azure Relay objects of a cluster: their names, and the settings that point at them.

The extension reaches Azure through a hybrid connection on Arc clusters. The official CLI creates it
in the cluster's own resource group under names that follow from the cluster's id, so that a later
update finds them again (azure-cli-extensions k8s-extension 1.7.0, `_get_relay_connection_str`).
"""

import hashlib
import re
from collections.abc import Mapping

from shared.model.cluster import Cluster
from shared.model.extension import Relay

CONNECTION_STRING = "relayServerConnectionString"
CONNECTION_STRING_ALIAS = "relayserver.relayConnectionString"
RESOURCE_ID = "relayserver.hybridConnectionResourceID"
NAME = "relayserver.hybridConnectionName"

_LONGEST_NAME = 50  # Azure Relay namespaces: 6 to 50 characters
_HASHED_LETTERS = 6

_HYBRID_CONNECTION = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Relay"
    r"/namespaces/(?P<namespace>[^/]+)/hybridConnections/(?P<name>[^/]+)",
    re.IGNORECASE,
)


def relay_for(cluster: Cluster) -> Relay:
    """The relay objects that the official CLI would create, or find again, for this cluster."""
    full = f"{cluster.name}-{cluster.id.subscription}-{cluster.resource_group}-relay"
    return Relay(namespace=azure_name(full), hybrid_connection=cluster.name)


def hybrid_connection_id(cluster: Cluster, relay: Relay) -> str:
    """The ARM id of the hybrid connection in the cluster's resource group."""
    return (
        f"/subscriptions/{cluster.id.subscription}/resourceGroups/{cluster.resource_group}"
        f"/providers/Microsoft.Relay/namespaces/{relay.namespace}"
        f"/hybridConnections/{relay.hybrid_connection}"
    )


def stored_relay(cluster: Cluster, settings: Mapping[str, str]) -> Relay | None:
    """The relay that an installed extension's settings point at.

    None where they point at none, or at one outside the cluster's own resource group, whose
    connection string we have no business to fetch or create.
    """
    match = _HYBRID_CONNECTION.fullmatch(settings.get(RESOURCE_ID, ""))
    if match is None:
        return None
    relay = Relay(namespace=match["namespace"], hybrid_connection=match["name"])
    same_group = hybrid_connection_id(cluster, relay).casefold() == match[0].casefold()
    return relay if same_group else None


def azure_name(full: str) -> str:
    """Letters and digits only; too long a name ends in a hash of the full one, so that it stays unique."""
    letters = "".join(filter(str.isalnum, full))
    if len(letters) <= _LONGEST_NAME:
        return letters
    # MD5 names the namespace and protects nothing; the CLI's choice must be met to find its objects.
    digest = hashlib.md5(full.encode(), usedforsecurity=False).hexdigest()
    return letters[: _LONGEST_NAME - _HASHED_LETTERS] + digest[:_HASHED_LETTERS]
