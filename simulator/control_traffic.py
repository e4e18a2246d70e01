"""The control surface's verbs about requests, time and events.

What each verb does is told in `simulator.control`, its client; here stands only the server's half.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp

from simulator.arm import Json
from simulator.clock import Clock
from simulator.eventgrid import EventGrid
from simulator.eventgrid_schema import Schema
from simulator.extension_routes import ExtensionRoutes
from simulator.faults import Faults
from simulator.graph import ResourceGraph
from simulator.journal import Journal
from simulator.roles import Roles
from simulator.throttling import Throttling

_WRITES = {"PUT", "PATCH", "DELETE"}


@dataclass(slots=True)
class TrafficControl:
    """Verbs as methods that take and give JSON."""

    clock: Clock
    extension_routes: ExtensionRoutes
    throttling: Throttling
    faults: Faults
    journal: Journal
    resource_graph: ResourceGraph
    event_grid: EventGrid
    defect_list: list[str]
    roles: Roles
    _endpoints: dict[str, str] = field(default_factory=dict)

    def verbs(self) -> list[Callable[..., Any]]:
        """All of them; their names are the verbs'."""
        return [
            *(self.limits, self.add_fault, self.clear_faults, self.graph, self.advance, self.now),
            *(self.requests, self.writes, self.counts, self.violations, self.defects, self.lacking),
            *(self.subscribe, self.unsubscribe, self.release, self.publish_raw, self.publish),
            *(self.events, self.drained),
        ]

    # Faults, limits, time

    def add_fault(self, **rule: Any) -> str:
        """Add a fault; its id."""
        return self.faults.add(rule)

    def clear_faults(self, fault: str | None = None) -> None:
        """Remove one fault, or all."""
        self.faults.clear(fault)

    def limits(self, *, arm: bool | None = None, aks_gets: bool | None = None, aks_others: bool | None = None) -> None:
        """Switch the documented rate limits on or off."""
        self.throttling.arm = self.throttling.arm if arm is None else arm
        self.throttling.aks_gets = self.throttling.aks_gets if aks_gets is None else aks_gets
        self.throttling.aks_others = self.throttling.aks_others if aks_others is None else aks_others

    def graph(self, **given: Any) -> None:
        """Lag, frozen, quota and page_bytes of Resource Graph; what is not given stays."""
        unknown = set(given) - {"lag", "frozen", "quota", "page_bytes"}
        if unknown:
            raise ValueError(f"Resource Graph has no {', '.join(sorted(unknown))}")
        if "lag" in given:
            self.resource_graph.lag = float(given["lag"])
        if "frozen" in given:
            self.resource_graph.freeze() if given["frozen"] else self.resource_graph.thaw()
        if "quota" in given:
            self.resource_graph.quota = given["quota"]
        if "page_bytes" in given:
            self.resource_graph.page_bytes = given["page_bytes"]

    def advance(self, seconds: float) -> float:
        """Push the time forward; the time then."""
        self.clock.advance(seconds)
        return self.clock.now()

    def now(self) -> float:
        """The simulated time."""
        return self.clock.now()

    # What was asked

    def requests(self, **filters: Any) -> list[Json]:
        """The request log."""
        return [entry.shown() for entry in self.journal.entries(**filters)]

    def writes(self, since: int = 0) -> list[Json]:
        """Writes to extensions."""
        entries = self.journal.entries(since, service="extensions")
        return [entry.shown() for entry in entries if entry.method in _WRITES]

    def counts(self, since: int = 0) -> Json:
        """Number of requests by service and method, and the last sequence number."""
        return self.journal.counts(since)

    def violations(self) -> list[Json]:
        """Writes that met another one."""
        return [asdict(violation) for violation in self.extension_routes.violations]

    def lacking(self) -> list[str]:
        """Actions that were refused because no role definition holds them."""
        refused = {entry.action for entry in self.journal.entries() if entry.status == 403 and not entry.fault}
        return sorted(each for each in refused if not self.roles.allow(each) and not self.roles.allow_data(each))

    def defects(self) -> list[str]:
        """Mistakes of the simulator itself."""
        return list(self.defect_list)

    # Events

    def subscribe(self, endpoint: str, schema: Schema, **options: Any) -> str:
        """Subscribe a webhook; the subscription's id."""
        made = self.event_grid.subscribe(endpoint, schema, **options)
        self._endpoints[made] = endpoint
        return made

    def unsubscribe(self, subscription: str) -> None:
        """End a subscription."""
        self.event_grid.unsubscribe(subscription)
        self._endpoints.pop(subscription, None)

    def release(self, subscription: str) -> None:
        """Deliver what a subscription has held."""
        self.event_grid.release(subscription)

    def publish(self, operation_name: str, resource_id: str, **options: Any) -> None:
        """Publish an event of any kind."""
        self.event_grid.publish(operation_name, resource_id, **options)

    async def publish_raw(
        self, body: Any, endpoint: str | None = None, content_type: str = "application/json"
    ) -> list[int]:
        """Send a body as it is, a text included, to one endpoint or to every subscriber; the answers' status."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        headers = {"aeg-event-type": "Notification", "Content-Type": content_type}
        targets = [endpoint] if endpoint else sorted(set(self._endpoints.values()))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            statuses = []
            for target in targets:
                async with session.post(target, data=data, headers=headers) as answer:
                    statuses.append(answer.status)
        return statuses

    def events(self) -> list[Json]:
        """Every delivery so far."""
        return self.event_grid.deliveries()

    async def drained(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109  real seconds, given by the client
        """Wait until nothing is left to deliver."""
        return await self.event_grid.drained(timeout)
