"""Undelivered events on real storage: shown with their reason, and asked for again by `muster letters`."""

import base64
import json
from datetime import UTC, datetime

import pytest
from azure.storage.queue import QueueServiceClient

from shared.cli.letters import _replayed, _shown
from shared.cli.output import Output
from shared.model.identity import ClusterId
from shared.model.message import decode, from_wire
from shared.model.request import Reason, Request
from shared.state.letters import CONTAINER, POISONED_EVENTS
from simulator.control import Control

WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"


@pytest.fixture
def cluster(control: Control, subscription: str) -> ClusterId:
    """A tagged AKS cluster."""
    tags = {"aml-onboard": "true"}
    return ClusterId.parse(control.create_cluster(kind="aks", name="aks-1", subscription=subscription, tags=tags))


@pytest.fixture
async def box(storage, azurite):
    """The container of dead letters and the queue of poisoned events, empty."""
    container = storage.container(CONTAINER)
    with QueueServiceClient.from_connection_string(azurite) as queues:
        queue, requests = queues.get_queue_client(POISONED_EVENTS), queues.get_queue_client("reconcile")
        for each in (queue, requests):
            if each.queue_name not in {known.name for known in queues.list_queues()}:
                each.create_queue()
            each.clear_messages()
        if not await container.exists():
            await container.create_container()
        async for blob in container.list_blobs():
            await container.delete_blob(blob.name)
        yield container, queue, requests
        for each in (queue, requests):
            each.clear_messages()


def event(subject: str, **fields) -> dict:
    """One event in Event Grid's schema."""
    data = {"operationName": "Microsoft.ContainerService/managedClusters/write"}
    return {"id": "1", "subject": subject, "eventType": WRITTEN, "data": data} | fields


def asked(requests) -> list[str]:
    """The clusters in the queue of requests."""
    return [str(decode(from_wire(each.content.encode())).cluster) for each in requests.peek_messages(max_messages=32)]


@pytest.mark.usefixtures("box")
async def test_nothing_undelivered_is_said(house, capsys):
    """Exit code 0."""
    assert await _shown(house) == 0
    assert capsys.readouterr().out == "Nothing is undelivered.\n"


async def test_letters_are_shown_with_their_reason_and_left_alone(house, box, cluster, capsys):
    """Both schemas, from the blob and from the queue, as text and as JSON; of a forged one nothing is repeated."""
    container, queue, requests = box
    cloud = {"specversion": "1.0", "type": WRITTEN, "subject": str(cluster), "data": event("")["data"]}
    letters = [
        event(str(cluster), deadLetterReason="MaxDeliveryAttemptsExceeded", lastDeliveryOutcome="Timeout"),
        cloud | {"deadletterreason": "TimeToLiveExceeded"},
        event("/evil\x1b[31m", deadLetterReason="x"),
    ]
    await container.upload_blob("2026/11/26/1.json", json.dumps(letters))
    queue.send_message(base64.b64encode(json.dumps(event(str(cluster))).encode()).decode())

    assert await _shown(house) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if str(cluster) in line] == [lines[0], lines[1], lines[3]]
    assert "MaxDeliveryAttemptsExceeded, Timeout" in lines[0]
    assert "TimeToLiveExceeded" in lines[1]
    assert "its subject is not the id of a cluster" in lines[2]
    assert "evil" not in lines[2]
    assert await _shown(house, Output.JSON) == 2
    rows = json.loads(capsys.readouterr().out)["letters"]
    assert [(row["code"], row["cluster"]) for row in rows] == [
        ("dead-letter", str(cluster)),
        ("dead-letter", str(cluster)),
        ("dead-letter", None),
        ("poisoned-event", str(cluster)),
    ]
    assert (rows[0]["where"], rows[0]["message"]) == ("blob 2026/11/26/1.json", "MaxDeliveryAttemptsExceeded, Timeout")
    assert "evil" not in json.dumps(rows[2])
    assert asked(requests) == []


async def test_a_replay_asks_for_each_and_clears_what_was_asked(house, box, cluster, capsys):
    """Blobs and messages whose clusters were asked for go; a letter that names none stays, exit code 3."""
    container, queue, requests = box
    await container.upload_blob("good.json", json.dumps([event(str(cluster))]))
    await container.upload_blob("bad.json", b"\xff{")
    queue.send_message(base64.b64encode(json.dumps(event(str(cluster))).encode()).decode())
    queue.send_message("no event")

    assert await _replayed(house) == 3
    assert asked(requests) == [str(cluster)] * 2
    assert [blob.name async for blob in container.list_blobs()] == ["bad.json"]
    assert queue.get_queue_properties().approximate_message_count == 1
    assert "Asked for again: 2. Letters that name no cluster, and stay: 2." in capsys.readouterr().out


async def test_a_cluster_whose_request_failed_every_time_is_shown_and_asked_for(house, box, cluster, capsys):
    """Without waiting for the sweep."""
    await house.reconciler.poisoned(Request(cluster, Reason.EVENT, datetime.now(UTC)))

    assert await _shown(house) == 2
    assert f"{cluster}  Unknown (poison)" in capsys.readouterr().out
    assert await _shown(house, Output.JSON) == 2
    [row] = json.loads(capsys.readouterr().out)["letters"]
    assert (row["code"], row["where"], row["cluster"]) == ("failed-cluster", "", str(cluster))
    assert await _replayed(house) == 0
    assert asked(box[2])[-1] == str(cluster)
