"""Events that nobody should act on: clusters out of scope, forged subjects, bodies that are no events."""

import copy
import json
from typing import Any

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage, sample

OTHER = "22222222-2222-2222-2222-222222222222"
CLUSTERS = "providers/Microsoft.ContainerService/managedClusters"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ml"


def forged(subject: Any, operation: str | None = None) -> Any:
    """The sample of a write with another subject, and another operation where one is given."""
    [event] = copy.deepcopy(sample("eg_aks_write"))
    event["subject"] = event["data"]["resourceUri"] = subject
    if operation:
        event["data"]["operationName"] = operation
    return [event]


def counted(stage: Stage) -> tuple[int, int]:
    """What says that an event asked for nothing: nothing accepted, no invocation failed."""
    return stage.counter("events-accepted"), stage.invocations()["cluster_events"]["failed"]


@pytest.mark.parametrize("name", ["eg_aks_write", "ce_aks_write", "eg_tags_write", "eg_aks_delete"])
def test_a_cluster_out_of_scope_is_never_asked_about(stage: Stage, name: str) -> None:
    """A tagged cluster outside MUSTER_SCOPE: one line, one count, and no request that names its subscription."""
    stage.control.create_cluster(kind="aks", name=f"aks-foreign-{name}", subscription=OTHER, tags=SELECTED, emit=False)
    body = json.loads(json.dumps(sample(name)).replace(SUBSCRIPTION, OTHER).replace("aks-ml-01", f"aks-foreign-{name}"))
    before = counted(stage), stage.counter("events-out-of-scope"), len(stage.logs("event-out-of-scope"))

    assert stage.deliver(body) == 202
    stage.sweep()
    stage.quiet()

    assert counted(stage) == before[0]
    assert stage.counter("events-out-of-scope") == before[1] + 1
    assert stage.logs("event-out-of-scope")[before[2] :] == [{"event": "event-out-of-scope", "subscription": OTHER}]
    assert stage.requests(OTHER) == []
    assert stage.queue_length() == 0


@pytest.mark.parametrize(
    "subject",
    [
        f"{GROUP}/{CLUSTERS}/x/agentPools/gpu",
        f"{GROUP}/{CLUSTERS}/../../{CLUSTERS}/x",
        f"{GROUP}/{CLUSTERS}/x?api-version=1",
        f"{GROUP}/{CLUSTERS}/x' or 1==1 | project id",
        f"{GROUP}/{CLUSTERS}/x\nGET /y",
        f"{GROUP}/{CLUSTERS}/x%2f..%2fy",
        f"{GROUP}/{CLUSTERS}/{'x' * 70_000}",
        f"{GROUP}/{CLUSTERS}/",
        f"/subscriptions/{SUBSCRIPTION}",
        f"https://example.com{GROUP}/{CLUSTERS}/x",
        f"{GROUP}/{CLUSTERS}/cl\u00fcster",
        "",
        7,
        None,
        ["a", "list"],
    ],
    ids=lambda subject: str(subject)[-24:].encode("unicode_escape").decode(),
)
def test_a_forged_subject_leads_nowhere(stage: Stage, subject: Any) -> None:
    """A cluster's write whose subject is no cluster: one line that repeats none of it, one count, no request."""
    before = counted(stage), stage.counter("events-malformed"), len(stage.logs()), stage.mark()

    assert stage.deliver(forged(subject)) == 202

    assert counted(stage) == before[0]
    assert stage.counter("events-malformed") == before[1] + 1
    [line] = stage.logs()[before[2] :]
    assert line == {
        "event": "event-malformed",
        "what": "its subject is not the id of a cluster",
        "operation": "Microsoft.ContainerService/managedClusters/write",
    }
    assert stage.mark() == before[3]
    assert stage.queue_length() == 0


@pytest.mark.parametrize(
    ("subject", "counter"),
    [
        (f"{GROUP}/providers/Microsoft.Storage/storageAccounts/somebodys", "events-ignored"),
        (f"{GROUP}", "events-ignored"),
        (f"{GROUP}/{CLUSTERS}/x/agentPools/gpu", "events-ignored"),
        (f"{GROUP}/{CLUSTERS}/x or y", "events-malformed"),
    ],
)
def test_tags_of_other_resources_are_everyday(stage: Stage, subject: str, counter: str) -> None:
    """Tag writes of the subscription's other resources are counted without a line; forged clusters are told."""
    before = counted(stage), stage.counter(counter), len(stage.logs()), stage.mark()

    assert stage.deliver(forged(subject, "Microsoft.Resources/tags/write")) == 202

    assert counted(stage) == before[0]
    assert stage.counter(counter) == before[1] + 1
    assert len(stage.logs()) == before[2] + (counter == "events-malformed")
    assert stage.mark() == before[3]
    assert stage.queue_length() == 0


WRITE = {"eventType": "Microsoft.Resources.ResourceWriteSuccess", "subject": f"{GROUP}/{CLUSTERS}/x", "id": "1"}
CLOUD = {"specversion": "1.0", "type": "Microsoft.Resources.ResourceWriteSuccess", "subject": WRITE["subject"]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [{}],
        [{"eventType": None}],
        [{"eventType": 7, "data": {}}],
        [WRITE],
        [WRITE | {"data": None}],
        [WRITE | {"data": "words"}],
        [WRITE | {"data": [1, 2]}],
        [WRITE | {"data": {}}],
        [WRITE | {"data": {"operationName": {"deep": 1}}}],
        CLOUD,
        CLOUD | {"data": "words"},
        CLOUD | {"data": {"operationName": 5}},
    ],
    ids=lambda body: json.dumps(body)[-32:],
)
def test_a_body_that_is_no_event_fails_nothing(stage: Stage, body: Any) -> None:
    """What no retry can mend is answered 202, with one line and one count, so that it is not delivered again."""
    before = counted(stage), stage.counter("events-malformed"), len(stage.logs()), stage.mark()

    assert stage.deliver(body) == 202

    assert counted(stage) == before[0]
    assert stage.counter("events-malformed") == before[1] + 1
    assert [line["event"] for line in stage.logs()[before[2] :]] == ["event-malformed"]
    assert stage.mark() == before[3]
    assert stage.queue_length() == 0


@pytest.mark.parametrize("body", [b"", b"{", b"words", b"[1]", b'"words"', b"null"])
def test_what_is_not_json_is_refused_before_any_function(stage: Stage, body: bytes) -> None:
    """The host answers 400, which Event Grid does not retry, and no function runs."""
    before = stage.invocations()["cluster_events"]["started"], stage.mark()

    assert stage.deliver(body) == 400

    assert (stage.invocations()["cluster_events"]["started"], stage.mark()) == before


def test_a_bad_event_does_not_hold_up_its_neighbours(stage: Stage) -> None:
    """Of an array with forged and genuine events, the genuine ones are served and the answer is 202."""
    cluster = stage.control.create_cluster(
        kind="aks", name="aks-ml-01", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )

    assert stage.deliver([{}, *forged("nonsense"), *sample("eg_aks_write"), *forged(f"{GROUP}/{CLUSTERS}/..")]) == 202

    stage.installed(cluster)
    assert len(stage.puts(cluster)) == 1


def test_nobody_posts_events_without_the_key(stage: Stage) -> None:
    """An event without the key is answered 401 and runs nothing."""
    before = stage.invocations()["cluster_events"]["started"]

    path = "/runtime/webhooks/EventGrid?functionName=cluster_events"
    assert stage.call("POST", path, sample("eg_aks_write"), key=False).status == 401

    assert stage.invocations()["cluster_events"]["started"] == before
