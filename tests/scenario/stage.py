"""The stage of the scenario tests: storage, the simulated Azure and the app in its host, and what a test asks of them.

Nothing here knows how Muster decides. A scenario changes the simulated world, posts events, calls the
API, waits on conditions, and reads what was asked of Azure, what is queued, remembered and logged.
"""

import base64
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from devhost.child import clean_environment
from devhost.stack import OPERATOR, Origin, Stack
from simulator.control import Control

type Json = dict[str, Any]

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "tests" / "data" / "samples"
QUEUE, POISON, MEMORY = "reconcile", "reconcile-poison", "mustermemory"
SELECTED = {"aml-onboard": "true"}

# Longer than the pause after which a cluster is looked at again that somebody else was looking at, up to a minute.
PATIENCE = 90.0
_PAUSE = 0.05
_EVENT_GRID = "/runtime/webhooks/EventGrid?functionName=cluster_events"
_EXTENSION = re.compile(r"/providers/microsoft\.kubernetesconfiguration/extensions/[^/]+$", re.IGNORECASE)

# Short times come from the policy alone: the product has no switch for tests.
TIMING = {"followUp": "1s", "secondLook": "2s", "backoffFirst": "1s", "backoffMax": "5s"}
SETTINGS = {
    "MUSTER_MODE": "enforce",
    "MUSTER_SCOPE": SUBSCRIPTION,
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.200",
    # The sweep runs when a test says so.
    "MUSTER_SWEEP_SCHEDULE": "0 0 0 1 1 *",
}


def shipped_policy(**timing: str) -> str:
    """The policy that this repository ships, with the short times of the tests and those given here."""
    text = (REPOSITORY / "policy.yaml").read_text()
    times = ", ".join(f"{name}: {value}" for name, value in (TIMING | timing).items())
    return f"{text[: text.index('remediation:')]}remediation:\n  timing: {{{times}}}\n"


def sample(name: str) -> Any:
    """A file of tests/data/samples, parsed."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


@dataclass(frozen=True)
class Answer:
    """Status, headers and body (parsed where it is JSON) of one response."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Stage:
    """A running stack with everything that a scenario reads and writes."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.policy_file = folder / "policy.yaml"
        self.control = Control(stack.simulator_url, str(stack.ca_file))
        connection = stack.storage_connection_string
        self.queues = QueueServiceClient.from_connection_string(connection)
        self.tables = TableServiceClient.from_connection_string(connection)
        self.blobs = BlobServiceClient.from_connection_string(connection)
        self._session = requests.Session()

    @classmethod
    @contextmanager
    def open(
        cls,
        folder: Path,
        *,
        policy: str | None = None,
        timing: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        hosts: int = 1,
        queue_lease: float | None = None,
        roles: Sequence[Path] = OPERATOR,
        simulator_arguments: Sequence[str] = (),
        app: Path | None = None,
        origin: Origin | None = None,
    ) -> Iterator[Self]:
        """Start everything; operations on extensions take one simulated second.

        Args:
            folder: where policy and logs go.
            policy: text of the policy; the shipped one with short times by default.
            timing: more of the policy's times, for the shipped policy.
            settings: more application settings of the hosts.
            hosts: number of hosts.
            queue_lease: as in `Stack.start`.
            roles: role definition files; the simulator refuses the rest.
            simulator_arguments: more for the simulator's command line.
            app: folder of the function app; this repository by default.
            origin: as in `Stack.start`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        policy_file = folder / "policy.yaml"
        policy_file.write_text(policy if policy is not None else shipped_policy(**(timing or {})))
        wanted = SETTINGS | {"MUSTER_POLICY": str(policy_file)} | dict(settings or {})
        with Stack.start(
            folder,
            settings=wanted,
            hosts=hosts,
            queue_lease=queue_lease,
            roles=roles,
            simulator_arguments=simulator_arguments,
            app=app,
            origin=origin,
        ) as stack:
            stage = cls(stack, folder)
            try:
                stage.control.durations(create=1, update=1, delete=1, terminate=1)
                yield stage
            finally:
                stage.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        for client in (self.queues, self.tables, self.blobs):
            client.close()

    # HTTP

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: bool = True,
        host: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call a host; `body` is sent as JSON, unless it is bytes."""
        own = {"Content-Type": "application/json"} | ({"x-functions-key": self.stack.key} if key else {})
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        url = self.stack.host_urls[host] + path
        answer = self._session.request(method, url, data=data, headers=own | dict(headers or {}), timeout=60)
        parsed: Any = answer.text
        if answer.content and "json" in answer.headers.get("Content-Type", ""):
            parsed = answer.json()
        return Answer(answer.status_code, answer.headers, parsed)

    def get(self, path: str, *, key: bool = True, host: int = 0) -> Answer:
        """GET."""
        return self.call("GET", path, key=key, host=host)

    def post(self, path: str, body: Any = None, *, key: bool = True, host: int = 0) -> Answer:
        """POST."""
        return self.call("POST", path, {} if body is None else body, key=key, host=host)

    def delete(self, path: str, *, key: bool = True, host: int = 0) -> Answer:
        """DELETE."""
        return self.call("DELETE", path, key=key, host=host)

    def events_url(self, host: int = 0) -> str:
        """Where Event Grid delivers, key included."""
        return f"{self.stack.host_urls[host]}{_EVENT_GRID}&code={self.stack.key}"

    def deliver(self, body: Any, *, host: int = 0, headers: Mapping[str, str] | None = None) -> int:
        """Post a delivery as it is (an event, a list of events, or bytes); the status."""
        return self.call("POST", _EVENT_GRID, body, host=host, headers=headers).status

    def sweep(self, host: int = 0) -> None:
        """Run the sweep to its end."""
        answer = self.post("/admin/functions/sweep?wait=true", {"input": ""}, host=host)
        assert answer.status == 200, answer.body

    def invocations(self, host: int = 0) -> dict[str, Json]:
        """Per function: started, succeeded, failed, running, poisoned, lastError."""
        functions: dict[str, Json] = self.get("/admin/devhost/invocations", host=host).body["functions"]
        return functions

    def health(self, host: int = 0) -> Json:
        """What /api/health says."""
        body: Json = self.get("/api/health", key=False, host=host).body
        return body

    def counter(self, name: str, host: int = 0) -> int:
        """A counter of /api/health; 0 where it has never been raised."""
        return int(self.health(host)["counters"].get(name, 0))

    def cluster(self, cluster_id: str) -> Json:
        """GET /api/clusters?id=..."""
        answer = self.get(f"/api/clusters?id={cluster_id}")
        assert answer.status == 200, answer.body
        body: Json = answer.body
        return body

    def muster(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run the command line with the application settings of the hosts and those given here."""
        command = [str(Path(sys.executable).with_name("muster")), *arguments]
        environment = clean_environment() | self.stack.environment | settings
        return subprocess.run(  # noqa: S603  our own command
            command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120
        )

    # Storage

    def queue(self, name: str = QUEUE) -> QueueClient:
        """A client of one queue."""
        return self.queues.get_queue_client(
            name, message_encode_policy=TextBase64EncodePolicy(), message_decode_policy=TextBase64DecodePolicy()
        )

    def queue_length(self, name: str = QUEUE) -> int:
        """How many messages a queue holds, those not visible yet and those under way included."""
        with self.queue(name) as queue:
            try:
                return int(queue.get_queue_properties().approximate_message_count or 0)
            except ResourceNotFoundError:
                return 0

    def queue_messages(self, name: str = QUEUE) -> list[Json]:
        """The visible messages (up to 32), decoded; a follow-up that waits is only in `queue_length`."""
        with self.queue(name) as queue:
            try:
                return [json.loads(message.content) for message in queue.peek_messages(max_messages=32)]
            except ResourceNotFoundError:
                return []

    def send(self, message: Json | str, name: str = QUEUE) -> None:
        """Put a message into a queue, once the host has made it."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.until(lambda: name in {each.name for each in self.queues.list_queues()}, f"the queue {name}")
        with self.queue(name) as queue:
            queue.send_message(text)

    def memory_rows(self) -> dict[str, Json]:
        """Muster's memory by cluster id (lower case): the columns, and the JSON column `body` merged in."""
        try:
            entities = list(self.tables.get_table_client(MEMORY).list_entities())
        except ResourceNotFoundError:
            return {}
        rows = [dict(entity) | json.loads(entity.get("body") or "{}") for entity in entities]
        # Rows with this sign hold records that wait for the audit.
        return {_id_of(row["RowKey"]): row for row in rows if not row["RowKey"].startswith("!")}

    def memory(self, cluster_id: str) -> Json:
        """One of `memory_rows`; empty where there is none."""
        return self.memory_rows().get(cluster_id.lower(), {})

    # Logs

    def logs(self, event: str | None = None, *, host: int = 0, **fields: Any) -> list[Json]:
        """The app's JSON log lines, of one event and with these fields where given."""
        wanted = fields | ({"event": event} if event else {})
        lines = self.stack.logs()[f"host-{host}"].read_text(errors="replace").splitlines()
        parsed = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [line for line in parsed if all(line.get(name) == value for name, value in wanted.items())]

    # What was asked of Azure

    def mark(self) -> int:
        """The sequence number of the latest request; for `since`."""
        return len(self.control.requests())

    def requests(self, cluster_id: str, since: int = 0) -> list[Json]:
        """The requests whose path or body names the cluster."""
        wanted = cluster_id.lower()
        return [
            entry
            for entry in self.control.requests(since)
            if wanted in entry["path"].lower() or wanted in json.dumps(entry["body"]).lower()
        ]

    def writes(self, cluster_id: str, since: int = 0) -> list[Json]:
        """PUT, PATCH and DELETE on the cluster's extensions."""
        place = f"{cluster_id.lower()}/"
        return [entry for entry in self.control.writes(since) if place in entry["path"].lower()]

    def puts(self, cluster_id: str, since: int = 0) -> list[Json]:
        """PUTs of an extension on the cluster."""
        return [
            entry
            for entry in self.writes(cluster_id, since)
            if entry["method"] == "PUT" and _EXTENSION.search(entry["path"])
        ]

    # Waiting

    def until[T](self, condition: Callable[[], T], what: str, within: float = PATIENCE) -> T:
        """Poll until the condition gives something; fail with what was waited for."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if result := condition():
                return result
            time.sleep(_PAUSE)
        raise AssertionError(f"waited {within:.0f} s for {what}")

    def installed(self, *cluster_ids: str, within: float = PATIENCE) -> None:
        """Wait until each cluster's extension has succeeded and Muster knows."""
        self.in_condition("Current", *cluster_ids, within=within)

    def in_condition(self, condition: str, *cluster_ids: str, within: float = PATIENCE) -> None:
        """Wait until Muster remembers the condition of each cluster and has no follow-up for it in the queue."""
        for cluster_id in cluster_ids:
            what = f"{cluster_id} to be {condition}"
            self.until(partial(self._rests, cluster_id, condition), what, within)

    def settled(self, *cluster_ids: str, within: float = PATIENCE) -> None:
        """Wait until each cluster was looked at and nothing more is scheduled or under way for it."""
        for cluster_id in cluster_ids:
            self.until(partial(self._rests, cluster_id), f"{cluster_id} to settle", within)
        self.quiet(within=within)

    def quiet(self, within: float = PATIENCE) -> None:
        """Wait until no message is due or under way; follow-ups that wait may stay in the queue."""
        self.until(lambda: not self._busy(), "the queue to be worked off", within)

    def _rests(self, cluster_id: str, condition: str | None = None) -> bool:
        row = self.memory(cluster_id)
        state = row.get("state") or {}
        reached = bool(state) and condition in {None, state.get("condition")}
        return reached and not row.get("messageId")

    def _busy(self) -> bool:
        if self.queue_messages() or self.queue_messages(POISON):
            return True
        hosts = range(len(self.stack.host_urls))
        books = [self.invocations(host) for host in hosts]
        return any(book["running"] for functions in books for book in functions.values())


def _id_of(key: str) -> str:
    return base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)).decode()
