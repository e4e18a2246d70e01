"""At least once and in no order: what repeated events lead to, and what a converged fleet costs."""

import copy
import random
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage, sample

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ml/providers/Microsoft.ContainerService/managedClusters"
TIMES = 5


def about(name: str, cluster: str) -> Any:
    """A sample, about another cluster."""
    told = copy.deepcopy(sample(name))
    event = told[0] if isinstance(told, list) else told
    event["subject"] = event["data"]["resourceUri"] = cluster
    return told


class Watch:
    """Counts, again and again, the messages that wait for one cluster while nothing is under way.

    A message under way is as invisible as one that waits, and the host deletes it a moment after its
    function has ended. So the last count of each pause between two invocations is taken, where that
    pause lasted long enough for several.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._pauses: dict[tuple[int, ...], list[int]] = {}

    def sample(self) -> None:
        """Take one count; a moment in which a function ran, or a message was due, is left out."""
        before = self._idle()
        waiting = self._stage.queue_length()
        due = self._stage.queue_messages()
        if before is not None and before == self._idle() and not due:
            self._pauses.setdefault(before, []).append(waiting)

    @property
    def waiting(self) -> list[int]:
        """For each pause: how many messages waited."""
        return [counts[-1] for counts in self._pauses.values() if len(counts) > 2]

    def _idle(self) -> tuple[int, ...] | None:
        books = self._stage.invocations()
        doors = books["cluster_events"], books["reconcile"]
        if any(book["running"] for book in doors):
            return None
        return tuple(book["started"] for book in doors)


def test_events_in_a_queue_install_as_events_at_the_function_do(stage: Stage) -> None:
    """Event Grid may deliver by its own identity to the queue cluster-events: both schemas lead to one PUT each."""
    clusters = [
        stage.control.create_cluster(kind="aks", name=name, subscription=SUBSCRIPTION, tags=SELECTED, emit=False)
        for name in ("aks-queued", "aks-queued-cloud")
    ]
    for event, cluster in zip(("eg_aks_write", "ce_aks_write"), clusters, strict=True):
        told = about(event, cluster)
        stage.send(told[0] if isinstance(told, list) else told, "cluster-events")

    for cluster in clusters:
        stage.installed(cluster)
        assert [each["method"] for each in stage.writes(cluster)] == ["PUT"]
    assert stage.queue_length("cluster-events-poison") == 0


def test_five_deliveries_of_one_event_are_one_install(stage: Stage) -> None:
    """Five times, out of order, in both schemas, at once: one PUT, and never two follow-ups waiting."""
    stage.control.durations(create=5)
    cluster = stage.control.create_cluster(
        kind="aks", name="aks-often", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )
    bodies = [about(name, cluster) for name in ("eg_aks_write", "eg_tags_write", "ce_aks_write", "ce_tags_write")]
    deliveries = bodies * TIMES
    random.Random(2).shuffle(deliveries)  # noqa: S311  an order, the same one every time
    watch, before = Watch(stage), stage.counter("events-accepted")

    with ThreadPoolExecutor(len(deliveries)) as crowd:
        answers: list[Future[int]] = [crowd.submit(stage.deliver, body) for body in deliveries]
        stage.until(lambda: all(answer.done() for answer in answers), "every delivery to be answered")

    def done() -> bool:
        watch.sample()
        return stage.memory(cluster).get("state", {}).get("condition") == "Current" and stage.queue_length() == 0

    stage.until(done, "the extension to be installed and the queue to be empty", within=75)
    assert {answer.result() for answer in answers} == {202}
    assert stage.counter("events-accepted") == before + len(deliveries)
    assert len(stage.puts(cluster)) == 1
    assert len(stage.writes(cluster)) == 1
    assert set(watch.waiting) in ({1}, {0, 1})


def test_an_event_while_the_follow_up_waits_adds_none(stage: Stage) -> None:
    """While an installation runs, events lead to looks and leave the one follow-up as it stands."""
    stage.control.durations(create=6)
    cluster = stage.control.create_cluster(
        kind="aks", name="aks-meanwhile", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )
    watch = Watch(stage)
    assert stage.deliver(about("eg_aks_write", cluster)) == 202
    stage.until(lambda: stage.puts(cluster), "the PUT")

    for name in ("ce_aks_write", "eg_tags_write", "ce_tags_write"):
        assert stage.deliver(about(name, cluster)) == 202
        stage.quiet()
        for _ in range(3):
            watch.sample()

    def done() -> bool:
        watch.sample()
        return stage.memory(cluster).get("state", {}).get("condition") == "Current" and stage.queue_length() == 0

    stage.until(done, "the extension to be installed and the queue to be empty", within=75)
    assert len(stage.writes(cluster)) == 1
    assert set(watch.waiting) in ({1}, {0, 1})


def test_a_converged_fleet_costs_pages_and_nothing_else(stage: Stage) -> None:
    """The second sweep over a converged fleet of every sort writes nothing, asks for nothing, and reads no cluster."""
    stage.control.durations(create=1)
    create = stage.control.create_cluster
    shared: dict[str, Any] = {"subscription": SUBSCRIPTION, "emit": False}
    clusters = [
        create(kind="aks", name="aks-plain", tags=SELECTED, **shared),
        create(kind="arc", name="arc-plain", tags=SELECTED, nodes=2, **shared),
        create(kind="aks", name="aks-untagged", **shared),
        create(kind="arc", name="arc-untagged", **shared),
        create(kind="aks", name="aks-hands-off", tags={"aml-onboard": "false"}, **shared),
        create(kind="aks", name="aks-adopted", tags=SELECTED, **shared),
    ]
    stage.control.put_extension(
        clusters[-1],
        "somebodys",
        {"extensionType": "Microsoft.AzureML.Kubernetes", "configurationSettings": {"enableTraining": "true"}},
        created_by="test.user@contoso.com",
    )
    stage.sweep()
    stage.installed(*clusters[:2])
    stage.until(lambda: stage.queue_length() == 0, "the queue to be empty")
    stage.sweep()
    stage.until(lambda: stage.queue_length() == 0, "the queue to be empty")
    before, told = stage.mark(), len(stage.logs("sweep"))

    stage.sweep()

    [line] = stage.logs("sweep")[told:]
    asked = stage.control.requests(before)
    assert stage.queue_length() == 0
    assert line["asked"] == {}
    assert line["whole"] is True
    assert line["clusters"] >= len(clusters)
    assert {(entry["method"], entry["service"]) for entry in asked} == {("POST", "resource-graph")}
    assert not any(cluster.lower() in str(entry["body"]).lower() for entry in asked for cluster in clusters)
    assert len(asked) <= 3  # clusters, extensions, the chain of management groups: one page each
    assert [len(stage.puts(cluster)) for cluster in clusters] == [1, 1, 0, 0, 0, 0]
