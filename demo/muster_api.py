"""Muster as its user meets it: the HTTP API, the timer's admin route, the queues."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

type Json = dict[str, Any]

_TIMEOUT = 30.0
# Everything is on this machine: a proxy of the environment must stay out of it.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: Json
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Muster:
    """A running Muster.

    Attributes:
        url: the address of its host, without /api.
        key: a function key.
        storage: connection string of its storage account.
    """

    url: str
    key: str
    storage: str

    @property
    def event_endpoint(self) -> str:
        """Where an Event Grid subscription delivers to; holds the key."""
        return f"{self.url}/runtime/webhooks/EventGrid?functionName=cluster_events&code={self.key}"

    def call(self, method: str, path: str, body: Json | None = None) -> Answer:
        """One request with the key; an answer of any status."""
        request = urllib.request.Request(  # noqa: S310  the address is the stack's own
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"x-functions-key": self.key, "Content-Type": "application/json"},
            method=method,
        )
        try:
            with _OPENER.open(request, timeout=_TIMEOUT) as answer:
                return Answer(answer.status, json.loads(answer.read() or b"{}"), answer.headers.get("Location"))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, json.loads(error.read() or b"{}"))

    def get(self, path: str) -> Json:
        """The body of a GET that must succeed.

        Raises:
            RuntimeError: it did not.
        """
        answer = self.call("GET", path)
        if answer.status != 200:
            raise RuntimeError(f"GET {path} answered {answer.status}: {answer.body}")
        return answer.body

    def clusters(self) -> dict[str, Json]:
        """What Muster reports of each cluster, by name; asks nothing of Azure."""
        return {item["name"]: item for item in self.get("/api/clusters")["items"]}

    def sweep(self) -> None:
        """Have the timer run the sweep now, and wait for its end.

        Raises:
            RuntimeError: it failed.
        """
        answer = self.call("POST", "/admin/functions/sweep?wait=true", {"input": ""})
        if answer.status != 200:
            raise RuntimeError(f"the sweep failed: {answer.body.get('error')}")

    def functions(self) -> dict[str, Json]:
        """How often each function ran, failed, runs."""
        found: dict[str, Json] = self.get("/admin/devhost/invocations")["functions"]
        return found

    def idle(self) -> bool:
        """Whether no message is due and no function runs."""
        return not self.waiting("reconcile") and not any(each["running"] for each in self.functions().values())

    def waiting(self, queue: str) -> int:
        """Messages of a queue that are due, 32 at most; delayed ones are not counted."""
        with QueueClient.from_connection_string(self.storage, queue) as client:
            try:
                return len(client.peek_messages(max_messages=32))
            except ResourceNotFoundError:
                return 0


def now() -> float:
    """Real time, seconds since the epoch: Muster's, while the simulator's may run ahead."""
    return time.time()
