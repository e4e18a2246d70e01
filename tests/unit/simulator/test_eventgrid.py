"""The simulated Event Grid delivers as the service is documented to."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from simulator.eventgrid import RETRY_AFTER, TIME_TO_LIVE, EventGrid

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups"
AKS = f"{GROUP}/rg-ml/providers/Microsoft.ContainerService/managedClusters/aks-ml-01"
ARC = f"{GROUP}/rg-edge/providers/Microsoft.Kubernetes/connectedClusters/arc-edge-01"
AKS_WRITE = "Microsoft.ContainerService/managedClusters/write"
TAGS = "/providers/Microsoft.Resources/tags/default"


class Clock:
    def __init__(self):
        self.now = 1_787_221_230.125

    def __call__(self):
        return self.now


@dataclass
class Endpoint:
    """A webhook whose answers a test decides."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)  # answers to the next notifications; then 202
    seen: list[tuple[dict, object]] = field(default_factory=list)  # headers, body
    handshakes: list[str] = field(default_factory=list)
    validates: bool = True
    options_header: str | None = None
    options_status: int = 200

    async def post(self, request):
        body = await request.json()
        if request.headers["aeg-event-type"] == "SubscriptionValidation":
            self.handshakes.append("event")
            code = body[0]["data"]["validationCode"] if self.validates else "wrong"
            return web.json_response({"validationResponse": code})
        self.seen.append((dict(request.headers), body))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 202)

    async def options(self, request):
        assert request.headers["WebHook-Request-Origin"] == "eventgrid.azure.net"
        self.handshakes.append("options")
        headers = {"WebHook-Allowed-Origin": self.options_header} if self.options_header else {}
        return web.Response(status=self.options_status, headers=headers)

    @property
    def bodies(self):
        return [body for _, body in self.seen]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def endpoint():
    made = Endpoint()
    app = web.Application()
    app.router.add_post("/hook", made.post)
    app.router.add_route("OPTIONS", "/hook", made.options)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@pytest.fixture
async def grid(clock):
    made = EventGrid(clock)
    await made.start()
    yield made
    await made.stop()


async def until(condition):
    """Wait until a condition holds, at most five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  the condition is a plain function
            await asyncio.sleep(0.005)


def shape(value):
    """The keys of a JSON value and the types of its leaves."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


def sample(name):
    return json.loads((SAMPLES / name).read_text())


PUBLISHED = {
    "eg_aks_write.json": ((AKS_WRITE, AKS), {}),
    "eg_aks_delete.json": (("Microsoft.ContainerService/managedClusters/delete", AKS), {"kind": "Delete"}),
    "eg_arc_write.json": (("Microsoft.Kubernetes/connectedClusters/Write", ARC), {}),
    "eg_aks_agentpool_write.json": (
        ("Microsoft.ContainerService/managedClusters/agentPools/write", f"{AKS}/agentPools/gpu"),
        {},
    ),
    "eg_extension_write.json": (
        (
            "Microsoft.KubernetesConfiguration/extensions/write",
            f"{AKS}/providers/Microsoft.KubernetesConfiguration/extensions/azureml",
        ),
        {},
    ),
    "eg_listcredential_action.json": (
        ("Microsoft.ContainerService/managedClusters/listClusterUserCredential/action", AKS),
        {"kind": "Action"},
    ),
    "eg_tags_write.json": (("Microsoft.Resources/tags/write", AKS), {"scope_suffix": TAGS}),
    "eg_tags_write_suffix_subject.json": (("Microsoft.Resources/tags/write", AKS), {"subject_suffix": TAGS}),
}


@pytest.mark.parametrize("name", PUBLISHED)
async def test_events_look_like_the_documented_ones(grid, endpoint, name):
    """Each operation's event has the sample's keys, types, subject, operation, status and scope."""
    arguments, keywords = PUBLISHED[name]
    grid.subscribe(endpoint.url, "EventGridSchema")
    grid.publish(*arguments, **keywords)

    assert await grid.drained(5)

    (delivered,), (expected,) = endpoint.bodies[0], sample(name)
    assert shape(delivered) == shape(expected)
    for key in ("subject", "eventType", "topic", "dataVersion", "metadataVersion"):
        assert delivered[key] == expected[key]
    for key in ("operationName", "resourceUri", "resourceProvider", "status", "subscriptionId", "claims"):
        assert delivered["data"][key] == expected["data"][key]
    assert delivered["data"]["authorization"]["scope"] == expected["data"]["authorization"]["scope"]
    assert delivered["data"].get("httpRequest", {}).get("method") == expected["data"].get("httpRequest", {}).get(
        "method"
    )


async def test_cloud_events_are_single_objects_of_their_media_type(grid, endpoint):
    """The CloudEvents body has the sample's attributes, topic and eventType under their other names."""
    grid.subscribe(endpoint.url, "CloudEventSchemaV1_0")
    grid.publish("Microsoft.Resources/tags/write", AKS, scope_suffix=TAGS)

    assert await grid.drained(5)

    ((headers, body),), expected = endpoint.seen, sample("ce_tags_write.json")
    assert list(body) == list(expected)
    for key in ("source", "specversion", "type", "subject"):
        assert body[key] == expected[key]
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert headers["aeg-event-type"] == "Notification"


async def test_times_have_seven_digits_and_groups_two_spellings(grid, endpoint):
    """Consumers meet seven fractional digits, and resourceGroups as well as resourcegroups."""
    grid.subscribe(endpoint.url, "EventGridSchema")
    for _ in range(2):
        grid.publish(AKS_WRITE, AKS)

    assert await grid.drained(5)

    events = [body[0] for body in endpoint.bodies]
    assert all(re.fullmatch(r"2026-08-20T\d\d:20:30\.125000\dZ", one["eventTime"]) for one in events)
    assert {one["subject"].split("/")[3] for one in events} == {"resourceGroups", "resourcegroups"}


async def test_the_handshake_comes_before_the_first_event(grid, endpoint):
    """An endpoint that returns another code gets no event, until it returns the right one."""
    endpoint.validates = False
    grid.subscribe(endpoint.url, "EventGridSchema")
    grid.publish(AKS_WRITE, AKS)
    await until(lambda: len(endpoint.handshakes) >= 2)

    assert endpoint.seen == []
    assert grid.deliveries()[0]["outcome"] == "refused"

    endpoint.validates = True
    assert await grid.drained(5)
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(
    ("status", "header", "accepted"), [(200, "*", True), (404, None, True), (200, "other.example", False)]
)
async def test_cloud_events_endpoints_are_asked_by_options(grid, endpoint, status, header, accepted):
    """OPTIONS asks; an endpoint without such an answer is taken, one that allows somebody else is not."""
    endpoint.options_status, endpoint.options_header = status, header
    grid.subscribe(endpoint.url, "CloudEventSchemaV1_0")
    grid.publish(AKS_WRITE, AKS)
    await until(grid.deliveries)

    assert endpoint.handshakes[0] == "options"
    assert grid.deliveries()[0]["outcome"] == ("validated" if accepted else "refused")


async def test_every_copy_is_sent_with_the_same_id(grid, endpoint):
    """`duplicates` sends one event several times: same id, same body."""
    grid.subscribe(endpoint.url, "EventGridSchema", duplicates=5)
    grid.publish(AKS_WRITE, AKS)

    assert await grid.drained(5)

    assert len(endpoint.bodies) == 5
    assert all(body == endpoint.bodies[0] for body in endpoint.bodies)


async def test_shuffled_events_come_in_another_order(grid, endpoint):
    """`shuffle` delivers everything, but not in the order of publication."""
    grid.subscribe(endpoint.url, "EventGridSchema", shuffle=True)
    published = [f"{AKS}-{number}" for number in range(6)]
    for resource in published:
        grid.publish(AKS_WRITE, resource)

    assert await grid.drained(5)

    seen = [body[0]["subject"].rpartition("/")[2] for body in endpoint.bodies]
    expected = [one.rpartition("/")[2] for one in published]
    assert sorted(seen) == expected
    assert seen != expected


async def test_held_events_wait_for_release(grid, endpoint):
    """`hold` keeps events without counting them as pending; `release` delivers those kept so far."""
    held = grid.subscribe(endpoint.url, "EventGridSchema", hold=True)
    grid.publish(AKS_WRITE, AKS)

    assert await grid.drained(5)
    assert endpoint.seen == []

    grid.release(held)
    grid.publish(AKS_WRITE, ARC)
    assert await grid.drained(5)
    assert [body[0]["subject"] for body in endpoint.bodies] == [AKS]


async def test_a_failed_delivery_is_tried_again_on_schedule(grid, endpoint, clock):
    """After 500 the next attempts come 10 s and 30 s later on the clock, the same event each time."""
    endpoint.statuses = [500, 503]
    grid.subscribe(endpoint.url, "EventGridSchema")
    grid.publish(AKS_WRITE, AKS)
    # The answer has to be known before the clock moves: the next attempt is counted from it.
    await until(lambda: len(grid.deliveries()) == 2)
    clock.now += 9
    assert not await grid.drained(0.2)
    assert len(endpoint.seen) == 1

    clock.now += 1
    await until(lambda: len(grid.deliveries()) == 3)
    assert len(endpoint.seen) == 2
    clock.now += 30
    assert await grid.drained(5)

    assert [headers["aeg-delivery-count"] for headers, _ in endpoint.seen] == ["0", "1", "2"]
    assert len({body[0]["id"] for body in endpoint.bodies}) == 1
    outcomes = [entry["outcome"] for entry in grid.deliveries()]
    assert outcomes == ["validated", "retry", "retry", "delivered"]


@pytest.mark.parametrize("status", [400, 413])
async def test_refused_events_are_not_tried_again(grid, endpoint, status):
    """400 and 413 go to the dead letters at once."""
    endpoint.statuses = [status]
    grid.subscribe(endpoint.url, "EventGridSchema")
    grid.publish(AKS_WRITE, AKS)

    assert await grid.drained(5)

    assert len(endpoint.seen) == 1
    (dead,) = grid.dead_letters()
    assert (dead["status"], dead["subject"], dead["attempt"]) == (status, AKS, 1)


async def test_an_event_that_nobody_takes_is_given_up_after_a_day(grid, endpoint, clock):
    """Attempts follow the whole schedule and end before the time to live is over."""
    endpoint.statuses = [500] * 40
    grid.subscribe(endpoint.url, "EventGridSchema")
    grid.publish(AKS_WRITE, AKS)
    started = clock.now
    for attempt, wait in enumerate(RETRY_AFTER, start=1):
        await until(lambda reached=attempt: len(grid.deliveries()) == reached + 1)
        if grid.dead_letters():
            break
        clock.now += wait

    assert await grid.drained(5)
    assert len(grid.dead_letters()) == 1
    assert len(endpoint.seen) == len(RETRY_AFTER) + 1
    assert clock.now - started <= TIME_TO_LIVE


async def test_an_endpoint_that_is_down_is_asked_again(grid, endpoint, unused_tcp_port):
    """No connection is no answer: the subscription stays and its events wait."""
    grid.subscribe(f"http://127.0.0.1:{unused_tcp_port}/hook", "EventGridSchema")
    grid.publish(AKS_WRITE, AKS)
    await until(grid.deliveries)

    assert not await grid.drained(0.05)
    assert "Connect" in grid.deliveries()[0]["error"]
    assert endpoint.seen == []


async def test_unsubscribed_endpoints_hear_nothing_more(grid, endpoint):
    """What was not delivered is dropped and no longer pending."""
    endpoint.statuses = [500]
    made = grid.subscribe(endpoint.url, "EventGridSchema")
    grid.publish(AKS_WRITE, AKS)
    await until(lambda: len(endpoint.seen) == 1)
    grid.unsubscribe(made)
    grid.publish(AKS_WRITE, AKS)

    assert await grid.drained(5)
    assert len(endpoint.seen) == 1
    with pytest.raises(KeyError):
        grid.unsubscribe(made)


async def test_events_published_before_start_are_delivered(clock, endpoint):
    """Publishing needs no running delivery; start catches up."""
    grid = EventGrid(clock)
    grid.subscribe(endpoint.url, "EventGridSchema")
    grid.publish(AKS_WRITE, AKS)
    await grid.start()

    assert await grid.drained(5)
    await grid.stop()
    assert len(endpoint.seen) == 1


def test_an_unknown_schema_is_refused(clock):
    """A subscription in a schema that Event Grid does not have is a mistake."""
    with pytest.raises(ValueError, match="schema"):
        EventGrid(clock).subscribe("http://127.0.0.1:1/", "CustomInputSchema")
