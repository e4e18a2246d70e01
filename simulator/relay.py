"""Azure Relay: namespaces, hybrid connections, authorization rules and their keys.

Source: Microsoft.Relay REST reference, API version 2017-04-01, and the calls of azure-cli-extensions
k8s-extension 1.7.0. A namespace's name is a DNS name, so no two subscriptions can have the same.
"""

import base64
import secrets
from dataclasses import dataclass, field

from simulator.arm import Json
from simulator.clock import iso

NAMESPACE = "Microsoft.Relay"


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(slots=True)
class Rule:
    """An authorization rule with its two keys."""

    name: str
    rights: list[str]
    primary: str = field(default_factory=_key)
    secondary: str = field(default_factory=_key)


@dataclass(slots=True)
class Hybrid:
    """A hybrid connection."""

    name: str
    requires_authorization: bool
    listeners: int = 0
    rules: dict[str, Rule] = field(default_factory=dict)


@dataclass(slots=True)
class RelayNamespace:
    """A namespace."""

    id: str
    name: str
    location: str
    tags: dict[str, str]
    created: float
    state: str = "Accepted"
    hybrids: dict[str, Hybrid] = field(default_factory=dict)

    def settle(self) -> None:
        """The namespace is ready."""
        self.state = "Succeeded"

    def connection_string(self, hybrid: Hybrid, rule: Rule, key: str) -> str:
        """As the portal and listKeys give it."""
        return (
            f"Endpoint=sb://{self.name.lower()}.servicebus.windows.net/;SharedAccessKeyName={rule.name};"
            f"SharedAccessKey={key};EntityPath={hybrid.name}"
        )


class Relays:
    """All namespaces, by name in lower case."""

    def __init__(self) -> None:
        self.namespaces: dict[str, RelayNamespace] = {}

    def connection_strings(self, hybrid_id: str) -> set[str]:
        """All connection strings that a hybrid connection accepts; those of all where the id is empty."""
        return {
            namespace.connection_string(hybrid, rule, key)
            for namespace in self.namespaces.values()
            for hybrid in namespace.hybrids.values()
            for rule in hybrid.rules.values()
            for key in (rule.primary, rule.secondary)
            if hybrid_id.lower() in {"", f"{namespace.id}/hybridConnections/{hybrid.name}".lower()}
        }


def namespace_body(namespace: RelayNamespace) -> Json:
    """The resource as ARM returns it."""
    return {
        "id": namespace.id,
        "name": namespace.name,
        "type": "Microsoft.Relay/Namespaces",
        "location": namespace.location,
        "tags": dict(namespace.tags),
        "sku": {"name": "Standard", "tier": "Standard"},
        "properties": {
            "provisioningState": namespace.state,
            "createdAt": iso(namespace.created),
            "updatedAt": iso(namespace.created),
            "serviceBusEndpoint": f"https://{namespace.name.lower()}.servicebus.windows.net:443/",
            "metricId": namespace.id.split("/")[2] + ":" + namespace.name.lower(),
        },
    }


def hybrid_body(namespace: RelayNamespace, hybrid: Hybrid) -> Json:
    """The resource as ARM returns it."""
    return {
        "id": f"{namespace.id}/hybridConnections/{hybrid.name}",
        "name": hybrid.name,
        "type": "Microsoft.Relay/Namespaces/HybridConnections",
        "properties": {
            "createdAt": iso(namespace.created),
            "updatedAt": iso(namespace.created),
            "listenerCount": hybrid.listeners,
            "requiresClientAuthorization": hybrid.requires_authorization,
        },
    }


def rule_body(namespace: RelayNamespace, hybrid: Hybrid, rule: Rule) -> Json:
    """The resource as ARM returns it."""
    return {
        "id": f"{namespace.id}/hybridConnections/{hybrid.name}/authorizationRules/{rule.name}",
        "name": rule.name,
        "type": "Microsoft.Relay/Namespaces/HybridConnections/AuthorizationRules",
        "properties": {"rights": rule.rights},
    }
