"""A process that dies over the look that finds an installation done, wherever it dies: it is told all the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue import QueueServiceClient

from bench.chaos_ground import SUBSCRIPTION, Clock, Ground, Process
from shared.model.identity import ClusterId
from shared.model.message import from_wire
from shared.model.notice import QUEUE, Kind, Notice, decode
from shared.model.request import Reason

POLICY = """
version: 1
profiles: {training: {settings: {enableTraining: true}}}
rules: [{name: all, profile: training}]
verification: {aks: none}
"""
# Of a look that finds an installation done.
_FEWEST_REQUESTS, _MOST_REQUESTS = 8, 40


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Storage and the simulated Azure, with a topic that nobody reaches: what is told stays in the outbox."""
    with pytest.MonkeyPatch.context() as patch, Ground.laid(tmp_path_factory.mktemp("notices")) as ground:
        patch.setenv("MUSTER_EVENTS_ENDPOINT", "https://127.0.0.1:9/api/events")
        ground.policy.write_text(POLICY)
        yield ground


def told(ground: Ground) -> list[Notice]:
    """Take all that waits in the outbox."""
    found = []
    with QueueServiceClient.from_connection_string(ground.storage) as queues:
        queue = queues.get_queue_client(QUEUE)
        for message in queue.receive_messages():
            found.append(decode(from_wire(message.content.encode())))
            queue.delete_message(message)
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before-it-is-sent", "after-it-took-effect"])
def test_an_installation_is_told_whatever_request_a_look_dies_at(ground: Ground, after: bool) -> None:
    """At least once, and under one id; without a crash once."""
    ground.clear()
    clock = Clock(timedelta(seconds=ground.control.now() - datetime.now(UTC).timestamp()))
    living, processes, times = Process(ground, clock), [], []

    def look(process: Process, cluster: ClusterId) -> None:
        ground.runner.run(process.life.live(process.look(cluster, Reason.SWEEP)))

    def wait() -> None:
        clock.ahead += timedelta(minutes=5)
        ground.control.advance(300)
        ground.free_leases()

    for request in range(1, _MOST_REQUESTS):
        made = ground.control.create_cluster(
            kind="aks",
            name=f"c{request}",
            subscription=SUBSCRIPTION,
            nodes=3,
            tags={"aml-onboard": "true"},
            emit=False,
        )
        cluster = ClusterId.parse(made)
        look(living, cluster)
        wait()
        dying = Process(ground, clock)
        processes.append(dying)
        dying.life.dies_at, dying.life.after = request, after
        look(dying, cluster)
        wait()
        look(living, cluster)
        news = told(ground)

        assert (request, {(each.kind, each.subject) for each in news}) == (
            request,
            {(Kind.INSTALLED, str(cluster))},
        )
        assert (request, len({each.id for each in news})) == (request, 1)
        times.append(len(news))
        died = dying.life.over.is_set()
        if not died:
            break
    for process in (living, *processes):
        ground.runner.run(process.end())

    assert not died
    assert request > _FEWEST_REQUESTS
    assert times[-1] == 1
    assert max(times) <= 2
