"""Event Grid's events as they are handed to the function: what asks for a look, and what does not."""

import asyncio
import base64
import json
from pathlib import Path

import azure.functions as func
import pytest
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.cluster_events import cluster_events, cluster_events_queued
from shared import logs
from shared.model.identity import Kind
from shared.model.message import decode, from_wire
from shared.model.request import Reason

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
AKS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ml/providers/Microsoft.ContainerService/managedClusters/aks-1"
WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"
handle = cluster_events._function.get_user_function()
handle_queued = cluster_events_queued._function.get_user_function()


class Output(func.Out[str]):
    """The queue that the function writes to."""

    def __init__(self) -> None:
        self.text: str | None = None

    def set(self, val: str) -> None:
        """Take the message."""
        self.text = val

    def get(self) -> str | None:
        """The message."""
        return self.text


class Context:
    """An invocation's context, as the worker gives it."""

    class trace_context:  # noqa: N801  the library's own name
        """Of the host's span."""

        trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """A Muster whose scope is the samples' subscription."""
    monkeypatch.setenv("MUSTER_SCOPE", SUBSCRIPTION)
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")


def asked(event):
    """The request that an event leads to, or None; the event goes through the worker's own converter."""
    datum = Datum(json.dumps(event), "json")
    out = Output()
    asyncio.run(handle(EventGridEventInConverter.decode(datum, trigger_metadata=None), out, Context()))
    return None if out.text is None else decode(from_wire(out.text.encode()))


def asked_by_queue(body):
    """The same for a message that Event Grid put into the queue of events."""
    out = Output()
    asyncio.run(handle_queued(func.QueueMessage(id="1", body=body), out, Context()))
    return None if out.text is None else decode(from_wire(out.text.encode()))


def eventgrid(subject=AKS, operation="Microsoft.ContainerService/managedClusters/write", **fields):
    """An event in Event Grid's schema."""
    data = {"operationName": operation, "resourceUri": subject}
    return {"id": "1", "subject": subject, "eventType": WRITTEN, "data": data, "dataVersion": "2"} | fields


def cloud(subject=AKS, operation="Microsoft.ContainerService/managedClusters/write", **fields):
    """The same as a CloudEvent."""
    data = {"operationName": operation, "resourceUri": subject}
    return {"id": "1", "specversion": "1.0", "source": "/x", "type": WRITTEN, "subject": subject, "data": data} | fields


def counted(name):
    """One of the process's counters."""
    return logs.counts().get(name, 0)


@pytest.mark.parametrize(
    ("sample", "kind", "name"),
    [
        ("eg_aks_write.json", Kind.AKS, "aks-ml-01"),
        ("eg_aks_delete.json", Kind.AKS, "aks-ml-01"),
        ("eg_tags_write.json", Kind.AKS, "aks-ml-01"),
        ("eg_tags_write_suffix_subject.json", Kind.AKS, "aks-ml-01"),
        ("ce_aks_write.json", Kind.AKS, "aks-ml-01"),
        ("ce_tags_write.json", Kind.AKS, "aks-ml-01"),
        ("eg_arc_write.json", Kind.ARC, None),
    ],
)
def test_samples_about_clusters_ask_for_a_look(sample, kind, name):
    """In both schemas, by every operation that may change what is wanted."""
    found = json.loads((SAMPLES / sample).read_text(encoding="utf-8"))
    request = asked(found[0] if isinstance(found, list) else found)

    assert request.reason is Reason.EVENT
    assert request.cluster.kind is kind
    assert request.cluster.subscription == SUBSCRIPTION
    assert name is None or request.cluster.name == name


@pytest.mark.parametrize(
    "sample", ["eg_aks_agentpool_write.json", "eg_extension_write.json", "eg_listcredential_action.json"]
)
def test_samples_about_other_things_do_not(sample):
    """Node pools, extensions (our own among them) and actions are counted and passed over."""
    before = counted("events-ignored")
    found = json.loads((SAMPLES / sample).read_text(encoding="utf-8"))

    assert asked(found[0] if isinstance(found, list) else found) is None
    assert counted("events-ignored") == before + 1


@pytest.mark.parametrize("made", [eventgrid, cloud])
def test_letters_may_have_any_case(made):
    """Type, operation and subject; the cluster comes out in its one form."""
    event = made(AKS.upper(), "MICROSOFT.CONTAINERSERVICE/MANAGEDCLUSTERS/WRITE")
    for key in ("eventType", "type"):
        if key in event:
            event[key] = event[key].upper()

    assert str(asked(event).cluster) == AKS.lower()


@pytest.mark.parametrize("made", [eventgrid, cloud])
@pytest.mark.parametrize("operation", ["Microsoft.Resources/tags/write", "Microsoft.Resources/tags/delete"])
@pytest.mark.parametrize("tail", ["", "/providers/Microsoft.Resources/tags/default"])
def test_a_tag_written_through_the_tags_api_names_the_cluster(made, operation, tail):
    """With or without the tail that the API's scope has."""
    assert str(asked(made(AKS + tail, operation)).cluster) == AKS.lower()


def test_without_a_subject_the_resources_uri_counts():
    """CloudEvents may leave the subject out."""
    event = cloud(AKS)
    del event["subject"]

    assert str(asked(event).cluster) == AKS.lower()


def test_tags_of_other_resources_are_passed_over():
    """Every tag write of the subscription arrives; only clusters concern us."""
    disk = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/disks/d"

    assert asked(eventgrid(disk, "Microsoft.Resources/tags/write")) is None


def test_an_event_outside_the_scope_asks_for_nothing():
    """Counted; with management groups in scope the step tells, since membership is not known here."""
    before = counted("events-out-of-scope")
    elsewhere = AKS.replace(SUBSCRIPTION, "99999999-9999-9999-9999-999999999999")

    assert asked(eventgrid(elsewhere)) is None
    assert counted("events-out-of-scope") == before + 1


def test_a_management_group_in_scope_lets_every_subscription_through(monkeypatch):
    """The step asks who belongs to it."""
    monkeypatch.setenv("MUSTER_SCOPE", "managementGroups/ml")

    assert asked(eventgrid(AKS.replace(SUBSCRIPTION, "99999999-9999-9999-9999-999999999999"))) is not None


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from([AKS, WRITTEN]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the environment stays as it is
)
@given(
    st.sampled_from([eventgrid, cloud]),
    st.dictionaries(st.sampled_from(["subject", "eventType", "type", "data", "id", "topic", "source"]), hostile),
    st.dictionaries(st.sampled_from(["operationName", "resourceUri", "x"]), hostile),
)
def test_forged_events_never_fail_and_never_name_anything_but_a_cluster(made, fields, data):
    """No retry can mend them: they are counted, and whatever comes out is a cluster's id in scope."""
    event = made() | fields
    if isinstance(event["data"], dict):
        event["data"] = event["data"] | data
    request = asked(event)

    assert request is None or request.cluster.subscription == SUBSCRIPTION


@pytest.mark.parametrize("wrapped", [lambda raw: raw, base64.b64encode], ids=["plain", "base64"])
@pytest.mark.parametrize(
    "event",
    [eventgrid(), cloud(), cloud(operation="Microsoft.Resources/tags/write"), eventgrid(operation="x/y"), {"id": "1"}],
    ids=["eventgrid", "cloud", "tags", "of-no-interest", "no-event"],
)
def test_an_event_out_of_a_queue_asks_for_what_it_asks_for_at_the_function(event, wrapped):
    """Both schemas, plain and in base64: Event Grid has put both into queues."""
    at_function, by_queue = asked(event), asked_by_queue(wrapped(json.dumps(event).encode()))

    assert (at_function is None) == (by_queue is None)
    if at_function is not None:
        assert (by_queue.cluster, by_queue.reason) == (at_function.cluster, at_function.reason)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"data": 1, "type": []}'])
def test_a_message_that_is_no_event_is_counted_and_never_fails(body):
    """Whoever may write to the queue can put anything into it; no retry would mend it."""
    before = counted("events-malformed")

    assert asked_by_queue(body) is None
    assert counted("events-malformed") == before + 1
