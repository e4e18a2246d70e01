"""Registration of resource providers with a subscription.

Source: Microsoft Learn, "Azure resource providers and types"; registering takes minutes, meanwhile the
state is Registering and writes are answered MissingSubscriptionRegistration.
"""

from simulator.arm import SUBSCRIPTION, Call, Reply, Route, route
from simulator.durations import Durations
from simulator.world import World

_ONE = SUBSCRIPTION + r"/providers/(?P<namespace>[^/]+)"


class ProviderRoutes:
    """Serves GET of a provider and POST of register."""

    def __init__(self, world: World, durations: Durations) -> None:
        self._world = world
        self._durations = durations

    def routes(self) -> list[Route]:
        """All routes of this service."""
        return [
            route("GET", _ONE, "providers", self.get),
            route("POST", _ONE + "/register", "providers", self.register),
        ]

    def get(self, call: Call) -> Reply:
        """GET of a provider's registration."""
        known = self._world.subscription(call.parts["subscription"])
        namespace = call.parts["namespace"]
        body = {
            "id": f"/subscriptions/{known.id}/providers/{namespace}",
            "namespace": namespace,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": known.providers.get(namespace.lower(), "NotRegistered"),
            "resourceTypes": [],
        }
        return Reply(200, body)

    def register(self, call: Call) -> Reply:
        """POST of register: Registering, and Registered a while later."""
        known = self._world.subscription(call.parts["subscription"])
        namespace = call.parts["namespace"].lower()
        if known.providers.get(namespace) != "Registered":
            known.providers[namespace] = "Registering"
            self._world.clock.call_after(self._durations.register, lambda: self._registered(known.id, namespace))
        return self.get(call)

    def _registered(self, subscription: str, namespace: str) -> None:
        known = self._world.subscription(subscription)
        if known.providers.get(namespace) == "Registering":
            known.providers[namespace] = "Registered"
