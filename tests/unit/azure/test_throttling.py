"""Keeping to Resource Manager's token buckets."""

from dataclasses import dataclass, field

import pytest
from azure.core.pipeline import AsyncPipeline
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import HttpRequest

from shared.azure.throttling import BucketPolicy, Buckets
from shared.errors import Paced

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


@dataclass
class Clock:
    """A clock that sleeping moves."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Answer:
    """What a transport answers."""

    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Wire(AsyncHttpTransport):
    """A transport that answers at once and counts."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.next = Answer()

    async def send(self, request, **kwargs):
        """Answer a request."""
        del kwargs
        self.sent.append(request.url)
        return self.next

    async def open(self):
        """Nothing to open."""

    async def close(self):
        """Nothing to close."""

    async def __aexit__(self, *error):
        """Nothing to close."""


def pipeline(clock: Clock, wire: Wire, share: float = 1.0):
    """A pipeline with the policy alone."""
    return AsyncPipeline(wire, [BucketPolicy(Buckets(lambda: share, clock), clock.sleep)])


def read(number: int, subscription: str = SUBSCRIPTION) -> HttpRequest:
    """A GET of one resource."""
    return HttpRequest("GET", f"https://arm/subscriptions/{subscription}/resourceGroups/rg{number}")


async def test_a_burst_goes_at_once_and_what_follows_keeps_to_the_rate():
    """Just under 250 reads, then just under 25 a second: each waits for its own token, none is refused."""
    clock, wire = Clock(), Wire()
    line = pipeline(clock, wire)
    for number in range(400):
        await line.run(read(number))
    burst = len(wire.sent) - len(clock.slept)
    assert 240 <= burst <= 250
    assert clock.now - 1000.0 == pytest.approx((400 - burst) / 24.5, rel=0.02)


async def test_a_turn_that_comes_too_late_is_refused_and_kept():
    """A look cannot wait for it; whoever comes back at that time goes, and nobody else is made to wait for it."""
    clock, wire = Clock(), Wire()
    line = pipeline(clock, wire, share=0.005)
    refusals = []
    for number in range(8):
        try:
            await line.run(read(number))
        except Paced as error:
            refusals.append((number, error.retry_after))
    sent, slept = len(wire.sent), len(clock.slept)
    number, wait = refusals[0]
    clock.now += wait
    await line.run(read(number))

    assert refusals
    assert len(wire.sent) == sent + 1
    assert len(clock.slept) == slept


async def test_subscriptions_classes_and_the_tenants_calls_do_not_wait_for_each_other():
    """Each has a bucket of its own, and Resource Graph's queries have none here."""
    clock, wire = Clock(), Wire()
    line = pipeline(clock, wire, share=0.01)
    await line.run(read(1))
    await line.run(read(2))
    before = len(clock.slept)
    await line.run(read(3, SUBSCRIPTION.replace("1", "2")))
    await line.run(HttpRequest("PUT", f"https://arm/subscriptions/{SUBSCRIPTION}/resourceGroups/x"))
    for _ in range(50):
        await line.run(HttpRequest("POST", "https://arm/providers/Microsoft.ResourceGraph/resources"))
    assert len(clock.slept) == before


async def test_a_refusal_by_azure_is_believed():
    """A 429 says that somebody else spends, too: the class rests for as long as Azure asked for."""
    clock, wire = Clock(), Wire()
    line = pipeline(clock, wire)
    wire.next = Answer(429, {"Retry-After": "4"})
    await line.run(read(1))
    wire.next = Answer()
    await line.run(read(2))
    await line.run(HttpRequest("PUT", f"https://arm/subscriptions/{SUBSCRIPTION}/resourceGroups/x"))
    assert clock.slept == [4.0]


async def test_an_answer_that_says_little_is_left_slows_the_next():
    """Somebody else of the same identity spends, too: the bucket is given the time to fill up to ten."""
    clock, wire = Clock(), Wire()
    line = pipeline(clock, wire)
    wire.next = Answer(headers={"x-ms-ratelimit-remaining-subscription-reads": "5"})
    await line.run(read(1))
    wire.next = Answer(headers={"x-ms-ratelimit-remaining-subscription-reads": "200"})
    await line.run(read(2))
    await line.run(read(3))
    assert clock.slept == [pytest.approx(5 / 25)]
