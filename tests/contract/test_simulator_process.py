"""The simulator as a process of its own, and its events at a webhook."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from simulator.control import Control
from simulator.server import running

ROOT = Path(__file__).parents[2]


class Webhook(ThreadingHTTPServer):
    """Takes events, answers validations, and remembers every event."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Take)
        self.events: list[dict] = []
        self.url = f"http://127.0.0.1:{self.server_port}/hook"


class _Take(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        """One delivery."""
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        events = content if isinstance(content, list) else [content]
        answer = b"{}"
        if self.headers.get("aeg-event-type") == "SubscriptionValidation":
            answer = json.dumps({"validationResponse": events[0]["data"]["validationCode"]}).encode()
        else:
            self.server.events += events
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_OPTIONS(self) -> None:
        """The handshake of CloudEvents."""
        self.send_response(200)
        self.send_header("WebHook-Allowed-Origin", self.headers.get("WebHook-Request-Origin", "*"))
        self.send_header("WebHook-Allowed-Rate", "*")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook on a free port."""
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
def test_every_way_to_write_a_cluster_has_its_event(webhook, schema):
    """Create, tags API, tags by resource, agent pool and delete: the operation that ARM would name."""
    with running() as simulator:
        control = Control(simulator.url, simulator.ca_file)
        control.subscribe(webhook.url, schema)
        cluster = control.create_cluster(kind="aks", name="a")
        control.set_tags(cluster, {"aml-onboard": "true"})
        control.set_tags(cluster, {"aml-onboard": "false"}, via="resource")
        control.set_nodes(cluster, 5, emit=True)
        control.set_nodes(cluster, 6)
        control.create_cluster(kind="arc", name="silent", emit=False)
        control.delete_cluster(cluster)

        assert control.drained(10)
        assert control.defects() == []

    provider = "Microsoft.ContainerService/managedClusters"
    seen = sorted((event["data"]["operationName"], event["subject"].lower()) for event in webhook.events)
    subject = cluster.lower()
    assert seen == sorted(
        [
            (f"{provider}/write", subject),
            ("Microsoft.Resources/tags/write", subject),
            (f"{provider}/write", subject),
            (f"{provider}/agentPools/write", f"{subject}/agentpools/system"),
            (f"{provider}/delete", subject),
        ]
    )


def test_a_raw_body_reaches_every_subscriber(webhook):
    """Whatever it is: what a forger would send."""
    with running() as simulator:
        control = Control(simulator.url, simulator.ca_file)
        control.subscribe(webhook.url, "EventGridSchema")

        assert control.publish_raw([{"subject": "nonsense"}]) == [200]

    assert {"subject": "nonsense"} in webhook.events


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_is_and_leaves_cleanly(tmp_path, number):
    """One line of JSON when it is ready; the fleet file's clusters exist, the role file is in force."""
    fleet = tmp_path / "fleet.json"
    fleet.write_text(
        json.dumps(
            {
                "subscriptions": [{"id": "33333333-3333-3333-3333-333333333333", "management_groups": ["ml"]}],
                "clusters": [{"kind": "arc", "name": "edge", "nodes": 2, "tags": {"a": "b"}}],
            }
        )
    )
    role = tmp_path / "role.json"
    role.write_text(json.dumps({"Actions": ["*/read"], "NotActions": []}))
    command = [sys.executable, "-m", "simulator", "--json", "--fleet", str(fleet), "--role", str(role)]
    with subprocess.Popen(  # noqa: S603  our own interpreter and module
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = json.loads(process.stdout.readline())
        control = Control(ready["url"], ready["ca_file"])
        clusters = control.clusters()
        process.send_signal(number)
        errors = process.stderr.read()

        assert process.wait(timeout=20) == 0

    assert [cluster.rsplit("/", 1)[1] for cluster in clusters] == ["edge"]
    assert set(ready["environment"]) == {
        "MUSTER_ARM_ENDPOINT",
        "MUSTER_ARM_AUDIENCE",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "AZURE_CLIENT_ID",
    }
    assert errors == b""
    assert not Path(ready["ca_file"]).exists()
