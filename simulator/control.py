"""A synchronous client of the control surface, for the demo, the benchmarks and the tests.

Needs the standard library alone. Cluster ids are ARM ids in any letter case; times are simulated
seconds unless told otherwise.
"""

import http.client
import json
import ssl
from typing import Any, Literal
from urllib.parse import urlsplit

from simulator.control_kubernetes import KubernetesControl
from simulator.control_lookups import LookupsControl
from simulator.control_vault import VaultControl

type Json = dict[str, Any]

_PATIENCE = 60.0


class ControlError(Exception):
    """The simulator did not do what it was asked to; the message says why."""


class Control(KubernetesControl, VaultControl, LookupsControl):
    """Changes the simulated world and reads what happened in it.

    Args:
        url: the simulator's address, `https://127.0.0.1:<port>`.
        ca_file: path of its CA certificate (PEM).
    """

    def __init__(self, url: str, ca_file: str) -> None:
        parts = urlsplit(url)
        if parts.hostname is None or parts.port is None:
            raise ValueError(f"not an address with a port: {url}")
        self.url = url.rstrip("/")
        self._host, self._port = parts.hostname, parts.port
        self._tls = ssl.create_default_context(cafile=ca_file)

    def _ask(self, verb: str, *, patience: float = _PATIENCE, **given: Any) -> Any:
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=patience, context=self._tls)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", f"/_simulator/{verb}", json.dumps(given), headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise ControlError(f"{verb}: {content.get('error', answer.status)}")
        return content["result"]

    # Clusters

    def create_cluster(self, **facts: Any) -> str:
        """Create one cluster; its ARM id in ARM's letter case.

        Keywords: kind ("aks" or "arc"), name, subscription, resource_group="rg-ml", location="eastus",
        tags, nodes=3, pools (AKS: list of agent pool properties), properties (merged over what Azure
        would fill in), facts_after (Arc: seconds until the agent reports; null facts before), emit=True
        (whether there is an event).
        """
        return str(self.create_clusters([facts])[0])

    def create_clusters(self, clusters: list[Json]) -> list[str]:
        """Create many clusters in one request; their ARM ids."""
        ids: list[str] = self._ask("create_clusters", clusters=clusters)
        return ids

    def cluster(self, cluster_id: str) -> Json:
        """A cluster as ARM shows it now."""
        body: Json = self._ask("cluster", cluster_id=cluster_id)
        return body

    def clusters(self) -> list[str]:
        """The ids of all clusters."""
        ids: list[str] = self._ask("clusters")
        return ids

    def set_tags(
        self,
        cluster_id: str,
        tags: dict[str, str],
        *,
        emit: bool = True,
        via: Literal["tags-api", "resource"] = "tags-api",
    ) -> None:
        """Replace a cluster's tags, through the tags API or by writing the cluster: the events differ."""
        self._ask("set_tags", cluster_id=cluster_id, tags=tags, emit=emit, via=via)

    def change_cluster(self, cluster_id: str, properties: Json, *, emit: bool = True) -> None:
        """Merge properties into a cluster; lists are replaced, None is a value."""
        self._ask("change_cluster", cluster_id=cluster_id, properties=properties, emit=emit)

    def set_nodes(self, cluster_id: str, nodes: int, *, emit: bool = False) -> None:
        """Change the number of nodes; with `emit`, an AKS cluster's pool was written by somebody."""
        self._ask("set_nodes", cluster_id=cluster_id, nodes=nodes, emit=emit)

    def delete_cluster(self, cluster_id: str, *, emit: bool = True) -> None:
        """Remove a cluster and its extensions."""
        self._ask("delete_cluster", cluster_id=cluster_id, emit=emit)

    def put_blob(self, path: str, text: str) -> str:
        """Write a blob `<container>/<name>`; the https URL under which it can be read by identity."""
        place: str = self._ask("put_blob", path=path, text=text)
        return f"{self.url}{place}"

    # Extensions

    def put_extension(
        self,
        cluster_id: str,
        name: str,
        properties: Json,
        *,
        created_by: str | None = None,
        state: str = "Succeeded",
    ) -> None:
        """Plant an extension that somebody else installed, in any state; nothing of it is checked."""
        self._ask(
            "put_extension",
            cluster_id=cluster_id,
            name=name,
            properties=properties,
            created_by=created_by,
            state=state,
        )

    def put_extensions(self, extensions: list[Json]) -> None:
        """Plant many in one request; each with the keywords of `put_extension`, cluster_id among them."""
        self._ask("put_extensions", extensions=extensions)

    def change_extension(self, cluster_id: str, name: str, properties: Json) -> None:
        """Change what ARM shows: configurationSettings are merged (None removes a key), the rest is set."""
        self._ask("change_extension", cluster_id=cluster_id, name=name, properties=properties)

    def delete_extension(self, cluster_id: str, name: str, *, emit: bool = True) -> None:
        """Remove an extension at once, as if somebody had done so long ago."""
        self._ask("delete_extension", cluster_id=cluster_id, name=name, emit=emit)

    def extensions(self, cluster_id: str) -> list[Json]:
        """Bodies as ARM shows them, plus protectedKeys, serving, healthReport and operationRunning."""
        bodies: list[Json] = self._ask("list_extensions", cluster_id=cluster_id)
        return bodies

    def extension(self, cluster_id: str, name: str) -> Json | None:
        """One of `extensions`, or None."""
        body: Json | None = self._ask("extension", cluster_id=cluster_id, name=name)
        return body

    def outcome(self, cluster_id: str, *, fail: str | None = None, times: int = 1, hang: bool = False) -> None:
        """Have the next `times` creates or updates fail with a text, or never end.

        Without `fail` and `hang` what was said before is forgotten, and hanging operations end now.
        """
        self._ask("outcome", cluster_id=cluster_id, fail=fail, times=times, hang=hang)

    def durations(self, **seconds: float) -> dict[str, float]:
        """Set how long things take: create, update, delete, terminate (the namespace after a delete),
        relay, register, request (until a write to an extension is answered). All durations.
        """  # noqa: D205  the list of names belongs to the summary
        all_of_them: dict[str, float] = self._ask("durations", **seconds)
        return all_of_them

    def relays(self) -> list[Json]:
        """Hybrid connections: id, namespace, tags, connectionStrings (secret: for leak tests)."""
        found: list[Json] = self._ask("relays")
        return found

    # Subscriptions and rights

    def add_subscription(self, subscription: str, management_groups: list[str] | None = None) -> None:
        """Make a subscription known, below management groups (nearest first)."""
        self._ask("add_subscription", subscription=subscription, management_groups=management_groups)

    def register_provider(self, subscription: str, namespace: str, state: str = "Registered") -> None:
        """Set a resource provider's state: Registered, Registering, NotRegistered."""
        self._ask("register_provider", subscription=subscription, namespace=namespace, state=state)

    def provider(self, subscription: str, namespace: str) -> str:
        """A resource provider's state."""
        return str(self._ask("provider", subscription=subscription, namespace=namespace))

    def deny(self, subscription: str) -> None:
        """Answer 403 to everything in a subscription, and hide it from Resource Graph."""
        self._ask("deny", subscription=subscription)

    def allow(self, subscription: str) -> None:
        """End `deny`."""
        self._ask("allow", subscription=subscription)

    def token(self, client_id: str | None = None) -> str:
        """A bearer token for ARM, of an application id."""
        given: Json = {"client_id": client_id} if client_id else {}
        return str(self._ask("token", **given))

    # Faults, limits, time

    def add_fault(self, **rule: Any) -> str:
        """Add a fault; its id. Keywords: see `simulator.faults.Fault`.

        For example `method="PUT", service="extensions", kind="status", status=500, when="after", times=1`.
        """
        return str(self._ask("add_fault", **rule))

    def clear_faults(self, fault: str | None = None) -> None:
        """Remove one fault, or all."""
        self._ask("clear_faults", fault=fault)

    def limits(self, *, arm: bool | None = None, aks_gets: bool | None = None, aks_others: bool | None = None) -> None:
        """Switch ARM's token buckets, the AKS provider's for GETs of a cluster, or for all else, on or off."""
        self._ask("limits", arm=arm, aks_gets=aks_gets, aks_others=aks_others)

    def graph(self, **given: Any) -> None:
        """Set Resource Graph's lag (seconds), frozen (bool), quota ("normal", a number, None), page_bytes."""
        self._ask("graph", **given)

    def advance(self, seconds: float) -> float:
        """Push the time forward; the time then."""
        return float(self._ask("advance", seconds=seconds))

    def now(self) -> float:
        """The simulated time, seconds since the epoch."""
        return float(self._ask("now"))

    # What was asked of Azure

    def requests(
        self,
        since: int = 0,
        method: str | None = None,
        contains: str | None = None,
        service: str | None = None,
    ) -> list[Json]:
        """The request log after a sequence number; fields as in `simulator.journal.Entry`."""
        filters: Json = {"since": since, "method": method, "contains": contains, "service": service}
        entries: list[Json] = self._ask("requests", **filters)
        return entries

    def writes(self, since: int = 0) -> list[Json]:
        """PUT, PATCH and DELETE on extensions."""
        entries: list[Json] = self._ask("writes", since=since)
        return entries

    def counts(self, since: int = 0) -> dict[str, dict[str, int]]:
        """Number of requests by service, then by method."""
        counted: dict[str, dict[str, int]] = self._ask("counts", since=since)
        return counted

    def published(self, topic: str = "") -> list[Json]:
        """The CloudEvents that an Event Grid topic (`<url>/topics/<name>/api/events`) accepted, or all did."""
        found: list[Json] = self._ask("published", topic=topic)
        return found

    def violations(self) -> list[Json]:
        """Writes that met another write or operation on the same cluster: at, cluster, method, path, met."""
        found: list[Json] = self._ask("violations")
        return found

    def defects(self) -> list[str]:
        """Mistakes of the simulator itself; tests require none."""
        found: list[str] = self._ask("defects")
        return found

    def lacking(self) -> list[str]:
        """Actions that were refused because no role definition holds them."""
        found: list[str] = self._ask("lacking")
        return found

    # Events

    def subscribe(
        self, endpoint: str, schema: str, *, duplicates: int = 1, shuffle: bool = False, hold: bool = False
    ) -> str:
        """Deliver events to a webhook; the subscription's id."""
        options: Json = {"duplicates": duplicates, "shuffle": shuffle, "hold": hold}
        return str(self._ask("subscribe", endpoint=endpoint, schema=schema, **options))

    def unsubscribe(self, subscription: str) -> None:
        """End a subscription."""
        self._ask("unsubscribe", subscription=subscription)

    def release(self, subscription: str) -> None:
        """Deliver what a subscription with `hold` has kept."""
        self._ask("release", subscription=subscription)

    def publish(self, operation_name: str, resource_id: str, **options: Any) -> None:
        """Publish an event of any operation on any resource (kind, scope_suffix, subject_suffix)."""
        self._ask("publish", operation_name=operation_name, resource_id=resource_id, **options)

    def publish_raw(self, body: Any, endpoint: str | None = None, content_type: str = "application/json") -> list[int]:
        """Send a body as it is (a text unchanged) to an endpoint or to every subscriber; their status."""
        statuses: list[int] = self._ask("publish_raw", body=body, endpoint=endpoint, content_type=content_type)
        return statuses

    def events(self) -> list[Json]:
        """Every delivery so far."""
        found: list[Json] = self._ask("events")
        return found

    def drained(self, timeout: float = 10.0) -> bool:
        """Wait up to `timeout` real seconds until every event was delivered or given up."""
        return bool(self._ask("drained", patience=timeout + 10, timeout=timeout))
