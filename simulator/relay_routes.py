"""HTTP of Microsoft.Relay, API version 2017-04-01: what azure-cli-extensions k8s-extension 1.7.0 calls.

A namespace's name is 6 to 50 letters, digits and hyphens, begins with a letter and ends with a letter or
digit ("Naming rules and restrictions for Azure resources").
"""

import re

from simulator import arm_errors, relay
from simulator.arm import GROUP, Call, Reply, Route, route
from simulator.durations import Durations
from simulator.relay import NAMESPACE, Hybrid, RelayNamespace, Relays, Rule
from simulator.world import World

_NAMESPACE = GROUP + r"/providers/Microsoft\.Relay/namespaces/(?P<namespace>[^/]+)"
_HYBRID = _NAMESPACE + r"/hybridConnections/(?P<hybrid>[^/]+)"
_RULE = _HYBRID + r"/authorizationRules/(?P<rule>[^/]+)"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9]")
_RIGHTS = {"Manage", "Send", "Listen"}


class RelayRoutes:
    """Serves Microsoft.Relay."""

    def __init__(self, world: World, relays: Relays, durations: Durations) -> None:
        self._world = world
        self._namespaces = relays.namespaces
        self._durations = durations

    def routes(self) -> list[Route]:
        """All routes of this service."""
        return [
            route("GET", _NAMESPACE, "relay", self.get_namespace),
            route("PUT", _NAMESPACE, "relay", self.put_namespace),
            route("DELETE", _NAMESPACE, "relay", self.delete_namespace),
            route("GET", _NAMESPACE + "/hybridConnections", "relay", self.list_hybrids),
            route("GET", _HYBRID, "relay", self.get_hybrid),
            route("PUT", _HYBRID, "relay", self.put_hybrid),
            route("GET", _RULE, "relay", self.get_rule),
            route("PUT", _RULE, "relay", self.put_rule),
            route("POST", _RULE + "/listKeys", "relay", self.list_keys),
        ]

    def get_namespace(self, call: Call) -> Reply:
        """GET of a namespace."""
        return Reply(200, relay.namespace_body(self._namespace(call)))

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
        known = self._namespaces.get(name.lower())
        if known is not None and known.id.lower() != resource_id.lower():
            raise arm_errors.bad_request(f"Namespace name '{name}' is not available: it is in use elsewhere.")
        if known is not None:
            known.tags = dict(document.get("tags") or {})
            return Reply(200, relay.namespace_body(known))
        fresh = RelayNamespace(
            resource_id, name, document["location"], dict(document.get("tags") or {}), self._world.clock.now()
        )
        self._namespaces[name.lower()] = fresh
        self._world.clock.call_after(self._durations.relay, fresh.settle)
        return Reply(201, relay.namespace_body(fresh))

    def delete_namespace(self, call: Call) -> Reply:
        """DELETE of a namespace with all in it."""
        try:
            namespace = self._namespace(call)
        except arm_errors.ArmError:
            return Reply(204)
        del self._namespaces[namespace.name.lower()]
        return Reply(200)

    def list_hybrids(self, call: Call) -> Reply:
        """All hybrid connections of a namespace."""
        namespace = self._namespace(call)
        return Reply(200, {"value": [relay.hybrid_body(namespace, each) for each in namespace.hybrids.values()]})

    def get_hybrid(self, call: Call) -> Reply:
        """GET of a hybrid connection."""
        namespace, hybrid = self._hybrid(call, "read")
        return Reply(200, relay.hybrid_body(namespace, hybrid))

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
        return Reply(200, relay.hybrid_body(namespace, hybrid))

    def get_rule(self, call: Call) -> Reply:
        """GET of an authorization rule, without keys."""
        namespace, hybrid, rule = self._rule(call)
        return Reply(200, relay.rule_body(namespace, hybrid, rule))

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
        return Reply(200, relay.rule_body(namespace, hybrid, rule))

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
        known = self._namespaces.get(name.lower())
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
