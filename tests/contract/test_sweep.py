"""Sweeps over a simulated fleet on real storage: what they read, whom they ask for, when they are not believed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from shared.fleet import snapshot
from shared.model.audit import Kind, recorded
from shared.model.identity import ClusterId
from shared.model.message import QUEUE, decode
from shared.model.observation import Memory
from shared.model.request import Reason, Request
from tests.contract.audits import trail_of

SELECTED = {"aml-onboard": "true"}


@pytest.fixture
def fleet(control, subscription):
    """Makes clusters without a word to anybody; their ids."""

    def make(*names, tags=SELECTED, **facts):
        facts = {"kind": "aks", "subscription": subscription, "tags": tags, "emit": False, "nodes": 3} | facts
        made = control.create_clusters([{**facts, "name": name} for name in names])
        return [ClusterId.parse(each) for each in made]

    return make


@pytest.fixture
async def queue(azurite, house):
    """The queue of requests, empty at first: other tests use it, too."""
    async with QueueClient.from_connection_string(
        azurite, QUEUE, message_decode_policy=TextBase64DecodePolicy()
    ) as client:
        await house.messages.send(Request(ClusterId.parse(SOMEBODY), Reason.SWEEP, datetime.now(UTC)))
        await client.clear_messages()
        yield client


SOMEBODY = (
    "/subscriptions/99999999-9999-9999-9999-999999999999/resourceGroups/rg/providers/"
    "Microsoft.ContainerService/managedClusters/somebody"
)


async def converged(house, control, clusters):
    """Take every cluster through its looks until its extension stands; a look more leaves its memory at rest."""
    for cluster in clusters:
        for _ in range(3):
            await house.reconciler.step(Request(cluster, Reason.MANUAL, datetime.now(UTC)))
            control.advance(120)
        row = await house.table.read(cluster)
        await house.table.write_next_look(row, replace(row.memory, next_look=None, follow_up=None))


def queries(control, since):
    """Answers of Resource Graph since a moment."""
    return [each for each in control.requests(since) if each["service"] == "resource-graph"]


async def figures(house):
    """The figures that the last whole sweep left."""
    return (await house.sweep.documents.read(snapshot.FIGURES)).body


async def partial(house):
    """What the last sweep left that was not whole."""
    return (await house.sweep.documents.read(snapshot.PARTIAL)).body


async def test_names_that_begin_alike_are_joined_with_their_own_extension(house, control, fleet):
    """aks, aks-1, aks.1 and mixed case, in any order of their letters: each gets its own, none somebody else's."""
    names = ["AKS", "aks-1", "Aks.1", "aks1", "aks-10"]
    clusters = fleet(*names, kind="arc", resource_group="Rg-Mixed")
    for cluster in clusters[::2]:
        control.put_extension(str(cluster), "azureml", {"extensionType": "Microsoft.AzureML.Kubernetes"})
    report = await house.sweep.run()
    raw = await house.sweep.documents.read_raw(snapshot.NAME)
    entries = {entry.id.rpartition("/")[2]: entry for entry in snapshot.Snapshot(raw).all()}

    assert (report.whole, report.clusters, report.extensions) == (True, 5, 3)
    with_one = {name for name, entry in entries.items() if entry.condition != "Missing"}
    assert with_one == {"aks", "aks.1", "aks-10"}


async def test_a_second_sweep_decides_for_nobody_and_asks_for_nobody(house, control, fleet):
    """Nothing changed: the same figures from the kept entries, two pages and the scope, no other call."""
    clusters = fleet("a", "b", "c")
    fleet("plain", tags={})
    await converged(house, control, clusters)
    first = await house.sweep.run()
    before = await figures(house)
    since = len(control.requests())
    second = await house.sweep.run()

    assert (first.whole, first.decided, dict(first.asked)) == (True, 4, {})
    assert (second.whole, second.decided, dict(second.asked)) == (True, 0, {})
    assert len(queries(control, since)) == 3
    assert {each["service"] for each in control.requests(since)} <= {"resource-graph", "identity"}
    assert (await figures(house))["figures"] == before["figures"]
    assert before["figures"]["compliant"] == 3


async def test_a_subscription_that_answers_nothing_is_in_scope_and_not_read(house, control, fleet, subscription):
    """One without a cluster is read all the same; one that shows nothing of itself is not."""
    fleet("a")
    hidden, empty = "99999999-0000-0000-0000-000000000001", "99999999-0000-0000-0000-000000000002"
    control.create_clusters([{"kind": "aks", "subscription": empty, "name": "gone", "emit": False}])
    house.sweep.scope._settings = replace(
        house.sweep.scope._settings, subscriptions=frozenset({subscription, hidden, empty})
    )
    await house.sweep.run()

    assert (await figures(house))["subscriptions"] == {"read": 2, "inScope": 3}


async def test_what_changed_since_is_decided_anew(house, control, fleet, queue):
    """A tag, a lost extension, a person's word, a memory row: one decision for each, none for the others."""
    clusters = fleet("a", "b", "c", "d")
    await converged(house, control, clusters)
    await house.sweep.run()
    control.set_tags(str(clusters[0]), SELECTED | {"team": "search"}, emit=False)
    control.delete_extension(str(clusters[1]), "azureml", emit=False)
    await house.reconciler.step(Request(clusters[2], Reason.MANUAL, datetime.now(UTC)))
    report = await house.sweep.run()

    assert report.decided == 3
    asked = {decode(each.content).cluster async for each in queue.receive_messages()}
    assert clusters[1] in asked
    assert clusters[3] not in asked


async def test_an_overdue_look_is_asked_for_although_nothing_changed(house, control, fleet):
    """A message that was lost is brought back by the sweep, by the memory's own clock."""
    (cluster,) = fleet("a")
    await converged(house, control, [cluster])
    await house.sweep.run()
    row = await house.table.read(cluster)
    await house.table.write_next_look(row, _due(row.memory))
    first, second = await house.sweep.run(), await house.sweep.run()

    assert dict(first.asked) == {"overdue": 1}
    assert dict(second.asked) == {"overdue": 1}, "nobody has looked yet"


def _due(memory):
    """The memory with a look that should have been a minute ago, and no message for it."""
    return replace(memory, next_look=datetime.now(UTC) - timedelta(minutes=1), follow_up=None)


async def test_a_subscription_that_falls_silent_is_not_believed(house, control, fleet, subscription):
    """Reader was taken away: partial, figures as they were, some looks that ask ARM, no memory lost."""
    clusters = fleet(*(f"c{number}" for number in range(15)))
    for cluster in clusters:
        await house.reconciler.step(Request(cluster, Reason.MANUAL, datetime.now(UTC)))
    await house.sweep.run()
    before = await figures(house)
    control.deny(subscription)
    report = await house.sweep.run()

    assert not report.whole
    assert "show none of the clusters" in report.trouble
    assert await figures(house) == before
    assert sum(1 for cause in report.asked.elements() if cause == "unlisted") <= 10
    rows = {row.cluster async for row in house.table.all()}
    assert rows >= set(clusters)
    assert (await partial(house))["subscriptions"] == {"read": 0, "inScope": 1}


async def test_a_damaged_snapshot_is_written_anew(house, control, fleet):
    """A sweep that cannot read what its predecessor left decides for all, and is whole."""
    clusters = fleet("a", "b")
    await converged(house, control, clusters)
    await house.sweep.run()
    raw = await house.sweep.documents.read_raw(snapshot.NAME)
    await house.sweep.documents.write_raw(snapshot.NAME, raw[: len(raw) // 2])
    damaged, healed = await house.sweep.run(), await house.sweep.run()

    assert (damaged.whole, damaged.decided) == (True, 2)
    assert (healed.whole, healed.decided) == (True, 0)


async def test_a_sweep_that_cannot_read_all_pages_leaves_the_last_snapshot(house, control, fleet):
    """Resource Graph fails on the way: no snapshot, overdue ones are still asked for, and the next sweep is whole."""
    fleet("a", "b")
    first = await house.sweep.run()
    before = await figures(house)
    control.add_fault(service="resource-graph", kind="status", status=500, times=1, skip=1)
    broken, whole = await house.sweep.run(), await house.sweep.run()

    assert not broken.whole
    assert broken.trouble
    assert whole.whole
    assert json.dumps(before) != json.dumps(await figures(house))
    assert (await figures(house))["subscriptions"] == {"read": 1, "inScope": 1}
    assert (await partial(house))["subscriptions"]["inScope"] == 1
    gap = (whole.started - first.started).total_seconds()
    assert (await house.inventory.fleet()).gaps[-1] == gap, "the broken one is no sweep"


async def test_a_failed_installation_of_ours_is_found_again_after_its_memory_was_lost(house, control, fleet):
    """Resource Graph does not tell who installed it: one look is asked for, and ARM says that it was Muster."""
    (cluster,) = fleet("a")
    control.outcome(str(cluster), fail="Helm installation failed: timed out waiting for the condition")
    await house.reconciler.step(Request(cluster, Reason.MANUAL, datetime.now(UTC)))
    control.advance(300)
    await house.table.forget(cluster)
    lost = await house.sweep.run()
    await house.reconciler.step(Request(cluster, Reason.SWEEP, datetime.now(UTC)))
    state = (await house.table.read(cluster)).memory.state

    assert dict(lost.asked) == {"unremembered": 1}
    assert (state.management.value, state.condition.value) == ("Managed", "FailedInstall")
    assert (await house.table.read(cluster)).memory.next_look is not None, "its repair is to come"


@pytest.mark.parametrize("readable", [True, False])
async def test_a_sweep_audits_what_waits_whatever_it_can_read(house, control, azurite, fleet, readable):
    """Of a subscription that is no longer in scope as well, and where Resource Graph refuses; then nothing waits."""
    fleet("a")
    last = ClusterId.parse(SOMEBODY.replace("99999999-", "ffffffff-"))
    word = recorded(datetime.now(UTC), Kind.WORD, str(last), "Withdraw", by="ada", who="ada")
    before_it = ClusterId.parse(SOMEBODY.replace("99999999-", "fffffffe-"))
    await house.table.write(await house.table.read(before_it), Memory())
    await house.audit.put(word, last)
    if not readable:
        control.add_fault(service="resource-graph", kind="status", status=403)
    report, after = await house.sweep.run(), await house.sweep.run()
    await house.table.forget(before_it)

    assert report.whole is readable
    assert report.unaudited >= {last.subscription}
    assert after.unaudited == set()
    assert [each["id"] for each in trail_of(azurite)].count(word.id) == 1
