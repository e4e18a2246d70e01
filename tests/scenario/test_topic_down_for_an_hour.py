"""An Event Grid topic that is down for an hour: no notice is lost, none is told twice, and the loop does not notice.

Storage, Azure and Muster share one time, which is moved by hand: what the outbox puts back stays out of sight in the
real queue for as long as the outbox said.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import azure.functions as func
import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from azure.storage.queue.aio import QueueClient

from bench.chaos_ground import SUBSCRIPTION, Clock, Ground, Process
from bench.crash_points import Life
from functions.notifications import notifications
from shared import composition
from shared.model import message
from shared.model.message import from_wire, to_wire
from shared.model.notice import FLEET, QUEUE, Kind, Notice, cause_id, decode, encode
from shared.model.request import Reason

deliver = notifications._function.get_user_function()
POLICY = """
version: 1
profiles: {training: {settings: {enableTraining: true}}}
rules: [{name: all, profile: training}]
tagOverrides: {allow: [installVolcano]}
enforcement: {updateSafe: approve, updateDisruptive: approve}
verification: {aks: none}
remediation: {maxAttempts: 2}
"""
ADDRESS, NOBODY = "MUSTER_EVENTS_ENDPOINT", "https://127.0.0.1:9/api/events"
TICK, ROUND, ROUNDS = timedelta(minutes=1), timedelta(minutes=10), 6
# Early on a day, so that it has one digest.
BEGIN = time(1, tzinfo=UTC)
# So long the host keeps a message from others while its function runs; the outbox waits no longer either.
TAKEN = timedelta(minutes=10)
# More than the story tells.
MOST = 32
TIMED_OUT = "Helm installation failed: timed out waiting for the condition"
# What the story tells, whatever the topic does.
TOLD = Counter(
    [
        ("ClusterInstalled", "changed"),
        ("ApprovalNeeded", "changed"),
        ("ClusterInstalled", "broken"),
        ("ClusterFailed", "broken"),
        ("ClusterRepaired", "broken"),
        ("ClusterFailed", "hopeless"),
        ("ClusterQuarantined", "hopeless"),
        ("ClusterInstalled", "late"),
        ("DailyDigest", FLEET),
    ]
)
type Cost = tuple[int, Counter[tuple[str, str]]]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that says how far storage's time runs ahead."""
    file = tmp_path_factory.mktemp("clock") / "ahead"
    file.write_text("0")
    return file


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, moved: Path) -> Iterator[Ground]:
    """Storage and the simulated Azure, with a topic."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOVED_CLOCK", str(moved))
        patch.setenv("NODE_OPTIONS", f"--require {Path(__file__).with_name('moved_clock.cjs')}")
        with Ground.laid(tmp_path_factory.mktemp("topic")) as ground:
            ground.policy.write_text(POLICY)
            os.environ[ADDRESS] = f"{ground.control.url}/topics/fleet/api/events"
            yield ground


class Host:
    """The queue's trigger: it hands each message to the function, and deletes it when that has ended well."""

    def __init__(
        self, ground: Ground, offered: Counter[str], *, dies_at: int | None = None, after: bool = False
    ) -> None:
        self._ground, self._offered, self.life = ground, offered, Life(dies_at, after)

    def serve(self) -> None:
        """Serve all that is in sight."""
        self._ground.runner.run(self.life.live(self._serve()))

    async def _serve(self) -> None:
        topic = (await composition.house()).topic
        # As `Process` does for Azure, and for its reason.
        topic._transport.connection_config.verify = self._ground.ca_file
        async with QueueClient.from_connection_string(self._ground.storage, QUEUE) as queue:
            async for taken in queue.receive_messages(visibility_timeout=TAKEN.seconds, max_messages=MOST):
                self._offered[_notice(taken.content).id] += 1
                await deliver(func.QueueMessage(id=taken.id, body=taken.content.encode()))
                await queue.delete_message(taken)

    def end(self) -> None:
        """End it, whatever it was doing; the next one reads its settings anew."""
        self._ground.runner.run(self.life.bury())
        self._ground.runner.run(composition.close())


class Place:
    """A fleet, the loop that looks after it, the queue of notices, and the topic."""

    def __init__(self, ground: Ground, moved: Path) -> None:
        self.ground, self._moved = ground, moved
        ground.clear()
        _prepare_storage(ground)
        now = datetime.fromtimestamp(ground.control.now(), UTC)
        begin = datetime.combine(now + timedelta(days=1), BEGIN)
        self.clock = Clock(now - datetime.now(UTC))
        self.passes(begin - now)
        ground.control.advance((begin - now).total_seconds())
        self.offered = Counter[str]()
        self.host = Host(ground, self.offered)
        self._before = len(ground.control.published())
        self.clusters: dict[str, str] = {}
        self.put: set[str] = set()
        self.costs: list[Cost] = []

    def passes(self, span: timedelta) -> None:
        """Let time pass for Muster and for storage."""
        self.clock.ahead += span
        new = self._moved.with_suffix(".new")
        new.write_text(str(self.clock.ahead // timedelta(milliseconds=1)))
        new.replace(self._moved)

    def cluster(self, name: str) -> str:
        """A new cluster that is to have the extension."""
        tags = {"aml-onboard": "true"}
        self.clusters[name] = self.ground.control.create_cluster(
            kind="aks", name=name, subscription=SUBSCRIPTION, nodes=3, tags=tags, emit=False
        )
        return self.clusters[name]

    def round(self) -> None:
        """A sweep, and all that waits for a look; with what it cost, and what it told. Then Azure's time passes."""
        # A process of its own: what one keeps for a while, it keeps by a time that nobody moves.
        process, asked, run = Process(self.ground, self.clock), self._asked(), self.ground.runner.run
        run(process.life.live(process.sweep()))
        for cluster in sorted(self.ground.messages(), key=str):
            run(process.life.live(process.look(cluster, Reason.SWEEP)))
        self.costs.append((process.life.requests, self._asked() - asked))
        run(process.end())
        self.put |= {each.id for each in in_sight(self.ground)}
        self.ground.control.advance(ROUND.total_seconds())

    def accepted(self) -> list[dict[str, str]]:
        """What the topic has accepted."""
        return self.ground.control.published()[self._before :]

    def told(self) -> Counter[tuple[str, str]]:
        """The same by type and name."""
        return Counter(
            (each["type"].removeprefix("Muster."), (each.get("subject") or FLEET).rpartition("/")[2])
            for each in self.accepted()
        )

    def serves(self, span: timedelta, tick: timedelta = TICK) -> None:
        """Let the queue be served for some time."""
        for _ in range(span // tick):
            self.host.serve()
            self.passes(tick)

    def another_host(self, address: str) -> None:
        """The host is restarted, with the topic at an address."""
        self.host.end()
        os.environ[ADDRESS] = address
        self.host = Host(self.ground, self.offered)

    def _asked(self) -> Counter[tuple[str, str]]:
        counted = self.ground.control.counts()
        apart = {"event-grid-topic", "identity"}
        return Counter(
            {(name, method): n for name, by in counted.items() if name not in apart for method, n in by.items()}
        )


def in_sight(ground: Ground) -> list[Notice]:
    """The notices that wait in the queue and are not put back."""
    with QueueServiceClient.from_connection_string(ground.storage) as queues:
        return [_notice(each.content) for each in queues.get_queue_client(QUEUE).peek_messages(MOST)]


def _prepare_storage(ground: Ground) -> None:
    """Storage as on the first day, since what is made at first use costs requests; but for the queues, which messages
    that are sent at the same time would make at the same time, now once and now twice.
    """  # noqa: D205  one sentence
    with BlobServiceClient.from_connection_string(ground.storage) as blobs:
        for container in list(blobs.list_containers()):
            blobs.delete_container(container)
    with QueueServiceClient.from_connection_string(ground.storage) as queues:
        there = {each.name for each in queues.list_queues()}
        for name in {QUEUE, message.QUEUE} - there:
            queues.create_queue(name)


def _notice(content: str) -> Notice:
    return decode(from_wire(content.encode()))


def mishap(place: Place, number: int) -> None:
    """What happens to the fleet before a round."""
    control = place.ground.control
    if number == 0:
        for name in ("changed", "broken", "hopeless"):
            place.cluster(name)
        control.outcome(place.clusters["hopeless"], fail=TIMED_OUT, times=99)
    elif number == 2:
        control.change_extension(place.clusters["broken"], "azureml", {"provisioningState": "Failed"})
    elif number == 3:
        tags = {"aml-onboard": "true", "aml-set-installVolcano": "false"}
        control.set_tags(place.clusters["changed"], tags, emit=False)
    elif number == 4:
        place.cluster("late")


def refuse(place: Place, number: int) -> None:
    """The way in which the topic is down in a round: it answers so, or the connection breaks, or there is none."""
    ways = [{"kind": "status", "status": status} for status in (503, 500, 429)] + [{"kind": "reset"}]
    place.ground.control.clear_faults()
    place.ground.control.add_fault(service="event-grid-topic", **ways[number % len(ways)])
    if number == ROUNDS - 1:
        place.another_host(NOBODY)


def test_an_hour_without_the_topic_loses_nothing_and_slows_nothing(ground: Ground, moved: Path) -> None:
    """Every id that was put is accepted once, soon after the hour; and the loop asks for as much as with a topic."""
    there = Place(ground, moved)
    for number in range(ROUNDS):
        mishap(there, number)
        there.round()
        there.serves(ROUND, tick=ROUND)
    there.host.end()
    undisturbed = there.told()
    away, address = Place(ground, moved), os.environ[ADDRESS]
    for number in range(ROUNDS):
        refuse(away, number)
        mishap(away, number)
        away.round()
        away.serves(ROUND)
    ground.control.clear_faults()
    away.another_host(address)
    meanwhile, offered = away.accepted(), max(away.offered.values())
    away.serves(TAKEN)
    ids = Counter(each["id"] for each in away.accepted())
    told = away.told()
    away.host.end()

    assert undisturbed == told == TOLD
    assert meanwhile == []
    assert ids == Counter(away.put)
    assert away.costs == there.costs
    # Soon at first, then every ten minutes.
    assert 8 <= offered <= 25


OFFERED = Notice(
    cause_id(Kind.DAILY_DIGEST, FLEET, "one"), Kind.DAILY_DIGEST, FLEET, datetime(2026, 11, 27, tzinfo=UTC)
)


@pytest.mark.parametrize("after", [False, True], ids=["before-it-is-sent", "after-it-took-effect"])
@pytest.mark.parametrize("refused", [False, True], ids=["accepted", "refused-at-first"])
def test_a_host_that_dies_over_a_delivery_tells_twice_at_most(
    ground: Ground, moved: Path, *, refused: bool, after: bool
) -> None:
    """At whatever request: none is lost; twice, under one id, is only what it died over just before the deletion."""
    place, request, died = Place(ground, moved), 0, True
    with QueueServiceClient.from_connection_string(ground.storage) as queues:
        queue = queues.get_queue_client(QUEUE)
        while died:
            request += 1
            queue.send_message(to_wire(encode(replace(OFFERED, id=str(request)))), time_to_live=-1)
            if refused:
                ground.control.add_fault(service="event-grid-topic", kind="status", status=503, times=1)
            place.host.end()
            place.host = dying = Host(ground, place.offered, dies_at=request, after=after)
            dying.serve()
            died = dying.life.over.is_set()
            ground.control.clear_faults()
            place.another_host(os.environ[ADDRESS])
            place.passes(TAKEN)
            place.serves(2 * TAKEN, tick=TAKEN)
        left = queue.get_queue_properties().approximate_message_count
    ids = Counter(each["id"] for each in place.accepted())
    place.host.end()
    # A host takes a message and a token, publishes, may put it back, and deletes.
    deletion = 5 if refused else 4
    twice = deletion - 1 if after else deletion

    assert left == 0
    assert request > deletion
    assert ids == {str(each): 2 if each == twice else 1 for each in range(1, request + 1)}
