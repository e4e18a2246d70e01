"""Azure Relay: namespaces, hybrid connections, authorization rules and their keys.

Source: Microsoft.Relay REST reference, API version 2017-04-01, and the calls of azure-cli-extensions
k8s-extension 1.7.0. A namespace's name is 6 to 50 letters, digits and hyphens, begins with a letter and
ends with a letter or digit ("Naming rules and restrictions for Azure resources"); it is a DNS name, so
no two subscriptions can have the same.
"""

import base64
import re
import secrets
from dataclasses import dataclass, field

from simulator import arm_errors
from simulator.arm import GROUP, Call, Json, Reply, Route, route
from simulator.clock import iso
from simulator.extensions import Durations
from simulator.world import World

NAMESPACE = "Microsoft.Relay"
_NAMESPACE = GROUP + r"/providers/Microsoft\.Relay/namespaces/(?P<namespace>[^/]+)"
_HYBRID = _NAMESPACE + r"/hybridConnections/(?P<hybrid>[^/]+)"
_RULE = _HYBRID + r"/authorizationRules/(?P<rule>[^/]+)"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]")
_RIGHTS = {"Manage", "Send", "Listen"}


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

    def connection_string(self, hybrid: Hybrid, rule: Rule, key: str) -> str:
        """As the portal and listKeys give it."""
        return (
            f"Endpoint=sb://{self.name.lower()}.servicebus.windows.net/;SharedAccessKeyName={rule.name};"
            f"SharedAccessKey={key};EntityPath={hybrid.name}"
        )


class RelayRoutes:
    """Serves Microsoft.Relay."""

    def __init__(self, world: World, durations: Durations) -> None:
        self._world = world
        self._durations = durations
        self.namespaces: dict[str, RelayNamespace] = {}

    def routes(self) -> list[Route]:
        """All routes of this service."""
        return [
            route("GET", _NAMESPACE, "relay", self.get_namespace),
            route("PUT", _NAMESPACE, "relay", self.put_namespace),
            route("DELETE", _NAMESPACE, "relay", self.delete_namespace),
            route("GET", _HYBRID, "relay", self.get_hybrid),
            route("PUT", _HYBRID, "relay", self.put_hybrid),
            route("GET", _RULE, "relay", self.get_rule),
            route("PUT", _RULE, "relay", self.put_rule),
            route("POST", _RULE + "/listKeys", "relay", self.list_keys),
        ]

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

    def get_namespace(self, call: Call) -> Reply:
        """GET of a namespace."""
        return Reply(200, _namespace_body(self._namespace(call)))

    def put_namespace(self, call: Call) -> Reply:
        """PUT of a namespace: 201 and Accepted, Succeeded a moment later; 200 for an existing one."""
        group = self._registered(call)
        name, document = call.parts["namespace"], call.document()
        if not _NAME.fullmatch(name):
            raise arm_errors.bad_request(
                f"The specified namespace name '{name}' is invalid: it must be 6 to 50 letters, digits and hyphens, "
                "begin with a letter and end with a letter or digit."
            )
        if not isinstance(document.get("location"), str):
            raise arm_errors.bad_request("The location property is required for this definition.", "LocationRequired")
        subscription = self._world.subscription(call.parts["subscription"]).id
        resource_id = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{NAMESPACE}/namespaces/{name}"
        known = self.namespaces.get(name.lower())
        if known is not None and known.id.lower() != resource_id.lower():
            raise arm_errors.bad_request(f"Namespace name '{name}' is not available: it is in use elsewhere.")
        if known is not None:
            known.tags = dict(document.get("tags") or {})
            return Reply(200, _namespace_body(known))
        fresh = RelayNamespace(
            resource_id, name, document["location"], dict(document.get("tags") or {}), self._world.clock.now()
        )
        self.namespaces[name.lower()] = fresh
        self._world.clock.call_after(self._durations.relay, lambda: _settle(fresh))
        return Reply(201, _namespace_body(fresh))

    def delete_namespace(self, call: Call) -> Reply:
        """DELETE of a namespace with all in it."""
        try:
            namespace = self._namespace(call)
        except arm_errors.ArmError:
            return Reply(204)
        del self.namespaces[namespace.name.lower()]
        return Reply(200)

    def get_hybrid(self, call: Call) -> Reply:
        """GET of a hybrid connection."""
        namespace, hybrid = self._hybrid(call, "read")
        return Reply(200, _hybrid_body(namespace, hybrid))

    def put_hybrid(self, call: Call) -> Reply:
        """PUT of a hybrid connection, in a namespace that is ready."""
        self._registered(call)
        namespace = self._parent(call, "write", "namespaces/hybridConnections")
        if namespace.state != "Succeeded":
            raise arm_errors.ArmError(
                409, "Conflict", f"The namespace '{namespace.name}' is in transition. Please try again later."
            )
        properties = call.document().get("properties") or {}
        name = call.parts["hybrid"]
        hybrid = namespace.hybrids.setdefault(name.lower(), Hybrid(name, requires_authorization=True))
        hybrid.requires_authorization = bool(properties.get("requiresClientAuthorization", True))
        return Reply(200, _hybrid_body(namespace, hybrid))

    def get_rule(self, call: Call) -> Reply:
        """GET of an authorization rule, without keys."""
        namespace, hybrid, rule = self._rule(call)
        return Reply(200, _rule_body(namespace, hybrid, rule))

    def put_rule(self, call: Call) -> Reply:
        """PUT of an authorization rule; its keys stay when it exists."""
        namespace, hybrid = self._hybrid(call, "write")
        rights = (call.document().get("properties") or {}).get("rights")
        if not isinstance(rights, list) or not rights or not set(rights) <= _RIGHTS:
            raise arm_errors.bad_request("The rights must be some of Manage, Send and Listen.")
        if "Manage" in rights and set(rights) != _RIGHTS:
            raise arm_errors.bad_request("Manage permission should also include Send and Listen.")
        name = call.parts["rule"]
        rule = hybrid.rules.setdefault(name.lower(), Rule(name, rights))
        rule.rights = rights
        return Reply(200, _rule_body(namespace, hybrid, rule))

    def list_keys(self, call: Call) -> Reply:
        """POST of listKeys: the secrets."""
        namespace, hybrid, rule = self._rule(call)
        body = {
            "primaryConnectionString": namespace.connection_string(hybrid, rule, rule.primary),
            "secondaryConnectionString": namespace.connection_string(hybrid, rule, rule.secondary),
            "primaryKey": rule.primary,
            "secondaryKey": rule.secondary,
            "keyName": rule.name,
        }
        return Reply(200, body)

    def _registered(self, call: Call) -> str:
        subscription = self._world.subscription(call.parts["subscription"])
        if subscription.providers.get(NAMESPACE.lower()) != "Registered":
            raise arm_errors.missing_registration(NAMESPACE)
        return self._world.group(call.parts["subscription"], call.parts["group"])

    def _namespace(self, call: Call) -> RelayNamespace:
        group = self._world.group(call.parts["subscription"], call.parts["group"])
        name = call.parts["namespace"]
        known = self.namespaces.get(name.lower())
        prefix = f"/subscriptions/{call.parts['subscription']}/resourceGroups/{group}/".lower()
        if known is None or not known.id.lower().startswith(prefix):
            raise arm_errors.resource_not_found(f"{NAMESPACE}/namespaces/{name}", group)
        return known

    def _parent(self, call: Call, verb: str, child: str) -> RelayNamespace:
        """The namespace of a nested resource; where it is missing ARM says so in other words."""
        try:
            return self._namespace(call)
        except arm_errors.ArmError as error:
            if error.reply.body["error"]["code"] != "ResourceNotFound":
                raise
            parent = re.split("/hybridConnections/", call.path, maxsplit=1, flags=re.IGNORECASE)[0]
            raise arm_errors.parent_not_found(verb, child, parent) from None

    def _hybrid(self, call: Call, verb: str) -> tuple[RelayNamespace, Hybrid]:
        namespace = self._parent(call, verb, "namespaces/hybridConnections")
        hybrid = namespace.hybrids.get(call.parts["hybrid"].lower())
        if hybrid is None:
            raise arm_errors.resource_not_found(
                f"{NAMESPACE}/namespaces/{namespace.name}/hybridConnections/{call.parts['hybrid']}",
                call.parts["group"],
            )
        return namespace, hybrid

    def _rule(self, call: Call) -> tuple[RelayNamespace, Hybrid, Rule]:
        namespace, hybrid = self._hybrid(call, "read")
        rule = hybrid.rules.get(call.parts["rule"].lower())
        if rule is None:
            raise arm_errors.resource_not_found(
                f"{NAMESPACE}/namespaces/{namespace.name}/hybridConnections/{hybrid.name}"
                f"/authorizationRules/{call.parts['rule']}",
                call.parts["group"],
            )
        return namespace, hybrid, rule


def _settle(namespace: RelayNamespace) -> None:
    namespace.state = "Succeeded"


def _namespace_body(namespace: RelayNamespace) -> Json:
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


def _hybrid_body(namespace: RelayNamespace, hybrid: Hybrid) -> Json:
    return {
        "id": f"{namespace.id}/hybridConnections/{hybrid.name}",
        "name": hybrid.name,
        "type": "Microsoft.Relay/Namespaces/HybridConnections",
        "properties": {
            "createdAt": iso(namespace.created),
            "updatedAt": iso(namespace.created),
            "listenerCount": 0,
            "requiresClientAuthorization": hybrid.requires_authorization,
        },
    }


def _rule_body(namespace: RelayNamespace, hybrid: Hybrid, rule: Rule) -> Json:
    return {
        "id": f"{namespace.id}/hybridConnections/{hybrid.name}/authorizationRules/{rule.name}",
        "name": rule.name,
        "type": "Microsoft.Relay/Namespaces/HybridConnections/AuthorizationRules",
        "properties": {"rights": rule.rights},
    }
