"""The Resource Graph queries that Muster sends. Every value goes through `literal`.

Rows keep `properties` trimmed to the facts that decisions need: whole AKS rows are several kilobytes,
and a page above 16 MiB is refused. `id` is always projected, because the service pages only then.
"""

from collections.abc import Iterable

from shared.model.identity import ClusterId, Kind

# Every path below `properties` that `shared.model.arm.read_cluster` reads, and no other: a fact that a row does not
# tell would make it differ from the body of the same cluster. Paths are case-sensitive in Resource Graph; these are
# ARM's own spellings. Of profiles that can be long (proxy with its certificates, network, identities) single values
# are asked for.
FACTS = (
    "provisioningState",
    "powerState",
    "agentPoolProfiles",
    "servicePrincipalProfile",
    "identityProfile.kubeletidentity.resourceId",
    "kubernetesVersion",
    "currentKubernetesVersion",
    "resourceUID",
    "disableLocalAccounts",
    "aadProfile.managed",
    "aadProfile.tenantID",
    "apiServerAccessProfile.authorizedIPRanges",
    "apiServerAccessProfile.enablePrivateCluster",
    "podIdentityProfile.enabled",
    "networkProfile.outboundType",
    "httpProxyConfig.enabled",
    "httpProxyConfig.httpProxy",
    "httpProxyConfig.httpsProxy",
    "nodeProvisioningProfile.mode",
    "connectivityStatus",
    "lastConnectivityTime",
    "totalNodeCount",
    "totalCoreCount",
    "distribution",
    "arcAgentProfile.agentErrors",
)
_COLUMNS = {fact.replace(".", "_"): fact for fact in FACTS}
_BESIDE = ("id", "name", "type", "location", "tags", "identity")
# The one column that changes though nobody changed anything: an agent's heartbeat.
HEARTBEAT = "lastConnectivityTime"


def literal(text: str) -> str:
    """A KQL string literal. A quote is escaped by a backslash; doubling it would change the value."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    for raw, written in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        escaped = escaped.replace(raw, written)
    return f"'{escaped}'"


def _literals(texts: Iterable[str]) -> str:
    return ", ".join(literal(text) for text in texts)


def _projection() -> str:
    facts = ", ".join(f"{column} = properties.{fact}" for column, fact in _COLUMNS.items())
    return f"project id, name, type, location, tags, identity, {facts}"


# Both readings of a whole fleet come in this order, so that they can be joined by key, one subscription at a time.
# `cluster` is the cluster's id in lower case: Azure spells one id in several ways.
_IN_ORDER = "order by subscription asc, cluster asc"
_EXTENSION = "/providers/microsoft.kubernetesconfiguration/extensions/"


def clusters() -> str:
    """Every AKS and Arc cluster in the query's scope, ordered by subscription and id."""
    types = _literals(kind.type for kind in Kind)
    keys = "subscription = tolower(subscriptionId), cluster = tolower(id)"
    return f"resources | where type in~ ({types}) | {_projection()}, {keys} | {_IN_ORDER}"


def these_clusters(ids: Iterable[ClusterId]) -> str:
    """The clusters with these ids."""
    types = _literals(kind.type for kind in Kind)
    wanted = _literals(str(cluster) for cluster in ids)
    return f"resources | where type in~ ({types}) | where tolower(id) in ({wanted}) | {_projection()}"


def extensions() -> str:
    """Every Azure Machine Learning extension in the query's scope, ordered by subscription and cluster.

    Microsoft's samples read the properties of extension rows in PascalCase; both spellings are taken.
    """
    return (
        "kubernetesconfigurationresources "
        "| where type =~ 'microsoft.kubernetesconfiguration/extensions' "
        "| extend extensionType = tolower(tostring(coalesce(properties.ExtensionType, properties.extensionType))) "
        "| where extensionType == 'microsoft.azureml.kubernetes' "
        "| project id, name, properties, subscription = tolower(subscriptionId), "
        f"cluster = tostring(split(tolower(id), {literal(_EXTENSION)})[0]) | {_IN_ORDER}"
    )


def subscriptions() -> str:
    """Every subscription with the management groups above it."""
    return (
        "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' "
        "| project id, subscriptionId, chain = properties.managementGroupAncestorsChain"
    )


def cluster_body(row: dict[str, object]) -> dict[str, object]:
    """A row of `clusters` in the shape of an ARM body; what the row does not tell is left out."""
    properties: dict[str, object] = {}
    for column, fact in _COLUMNS.items():
        if row.get(column) is not None:
            _put(properties, fact.split("."), row[column])
    return {**{key: row[key] for key in _BESIDE if key in row}, "properties": properties}


def _put(place: dict[str, object], path: list[str], value: object) -> None:
    name, *rest = path
    if not rest:
        place[name] = value
        return
    inner = place.setdefault(name, {})
    if isinstance(inner, dict):
        _put(inner, rest, value)
