"""Single steps of the loop on real storage and the simulated Azure, where a write goes wrong."""

import asyncio
from datetime import UTC, datetime

import pytest

from shared.azureml.derivation import derive
from shared.azureml.relay import relay_for
from shared.errors import LeaseBusy, LeaseLost
from shared.model.decision import Action, Decision
from shared.model.gates import Gates, Mode
from shared.model.identity import ClusterId
from shared.model.observation import Observation
from shared.model.request import Reason, Request
from shared.model.state import Condition, Management, State
from shared.reconcile.act import Sent
from simulator.control import Control


@pytest.fixture
def cluster(control: Control, subscription: str) -> ClusterId:
    """A tagged AKS cluster."""
    tags = {"aml-onboard": "true"}
    return ClusterId.parse(control.create_cluster(kind="aks", name="aks-1", subscription=subscription, tags=tags))


def asked(cluster: ClusterId) -> Request:
    """What an event asks for."""
    return Request(cluster, Reason.EVENT, datetime.now(UTC))


async def reached(control: Control, method: str) -> None:
    """Wait until such a request about extensions has reached the service."""
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(control.requests, service="extensions", method=method):  # noqa: ASYNC110  polls
            await asyncio.sleep(0.02)


async def test_a_step_writes_once_and_gives_the_lease_back(house, control, cluster):
    """Install, one PUT, remembered as ours, one follow-up; afterwards the cluster is free for the next step."""
    decision = await house.reconciler.step(asked(cluster))
    again = await house.reconciler.step(asked(cluster))
    memory = (await house.table.read(cluster)).memory

    assert (decision.action, again.action) == (Action.INSTALL, Action.WAIT)
    assert [each["method"] for each in control.writes()] == ["PUT"]
    assert memory.sent is not None
    assert memory.follow_up is not None


async def test_a_step_that_is_cancelled_while_it_writes_leaves_the_lease_to_expire(house, control, cluster):
    """The host ends while the request is on its way: nobody else may write before the lease has run out."""
    control.add_fault(service="extensions", method="PUT", kind="timeout", when="after")
    step = asyncio.ensure_future(house.reconciler.step(asked(cluster)))
    await reached(control, "PUT")
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step

    with pytest.raises(LeaseBusy):
        async with house.reconciler.leases.hold(cluster):
            raise AssertionError("the PUT may still be under way")
    assert (await house.table.read(cluster)).memory.sent is not None


async def test_a_step_that_is_cancelled_before_it_writes_frees_the_cluster(house, control, cluster):
    """Nothing was sent, so there is nothing to wait for."""
    control.add_fault(service="extensions", method="GET", kind="timeout")
    step = asyncio.ensure_future(house.reconciler.step(asked(cluster)))
    await reached(control, "GET")
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step

    async with house.reconciler.leases.hold(cluster):
        pass
    assert control.writes() == []


async def test_an_unanswered_write_leaves_the_lease_to_expire(house, control, cluster):
    """A 500 after the effect is ambiguous: the next step finds the cluster busy and asks again later."""
    control.add_fault(service="extensions", method="PUT", kind="status", status=500, when="after")
    first = await house.reconciler.step(asked(cluster))
    second = await house.reconciler.step(asked(cluster))

    assert first.action is Action.INSTALL
    assert second is None
    assert len(control.writes()) == 1


@pytest.fixture
def arc(control: Control, subscription: str) -> ClusterId:
    """A tagged Arc cluster; the namespace of its relay takes ten simulated seconds."""
    control.durations(relay=10)
    made = control.create_cluster(kind="arc", name="arc-1", subscription=subscription, tags={"aml-onboard": "true"})
    return ClusterId.parse(made)


async def known(house, arc: ClusterId) -> None:
    """Read what all clusters of the subscription share, so that what is counted afterwards is the cluster's own."""
    cluster = await house.reconciler.observer.arm.cluster(arc)
    await house.reconciler.observer.beyond.surroundings.of(cluster)
    await house.reconciler.scope.contains(arc.subscription)


async def test_a_relay_that_is_made_at_once_takes_one_look(house, control, arc):
    """Nine calls: Resource Graph, cluster, extensions, the relay's absence, its three parts, its key, the PUT."""
    control.durations(relay=0)
    await known(house, arc)
    before = len(control.requests())
    decision = await house.reconciler.step(asked(arc))

    assert decision.action is Action.INSTALL
    assert len(control.requests()) - before == 9
    assert control.extension(str(arc), "azureml")["protectedKeys"]


async def test_a_new_relay_takes_two_looks_and_twelve_calls(house, control, arc):
    """A namespace that takes its time is completed by the next look, which asks for nothing that the first one knew."""
    await known(house, arc)
    before = len(control.requests())
    first = await house.reconciler.step(asked(arc))
    begun = (await house.table.read(arc)).memory
    control.advance(11)
    second = await house.reconciler.step(asked(arc))

    assert (first.action, second.action) == (Action.INSTALL, Action.INSTALL)
    assert (begun.relay_begun, begun.sent) == (True, None)
    assert len(control.requests()) - before <= 12
    assert control.extension(str(arc), "azureml")["protectedKeys"]
    assert not (await house.table.read(arc)).memory.relay_begun


async def test_a_relay_that_is_not_answered_is_no_extension_that_may_have_been_sent(house, control, arc):
    """The lease is given back, nothing is remembered as sent, and the next look goes on."""
    control.durations(relay=0)
    fault = control.add_fault(service="relay", method="PUT", kind="status", status=503)
    await house.reconciler.step(asked(arc))
    memory = (await house.table.read(arc)).memory
    control.clear_faults(fault)
    again = await house.reconciler.step(asked(arc))

    assert (memory.sent, memory.attempts) == (None, 0)
    assert again.action is Action.INSTALL
    assert len(control.requests(method="PUT", service="extensions")) == 1


async def test_a_namespace_that_takes_longer_is_waited_for(house, control, arc):
    """Looks that come too early send nothing to the extension and count no failure; every second reads the relay."""
    await house.reconciler.step(asked(arc))
    early = await house.reconciler.step(asked(arc))
    memory = (await house.table.read(arc)).memory
    again = await house.reconciler.step(asked(arc))
    control.advance(11)
    last = await house.reconciler.step(asked(arc))

    assert {early.action, again.action, last.action} == {Action.INSTALL}
    assert (memory.sent, memory.attempts, memory.relay_begun) == (None, 0, False)
    assert memory.follow_up is not None
    events = await house.history.of(arc)
    assert [each["outcome"] for each in events if each.get("sent")] == ["accepted"]
    assert len(control.requests(method="PUT", service="extensions")) == 1


async def test_a_namespace_that_somebody_deleted_meanwhile_is_made_again(house, control, arc):
    """What was remembered as begun is not believed for longer than one look."""
    cluster = await house.reconciler.observer.arm.cluster(arc)
    await house.reconciler.step(asked(arc))
    control.advance(11)
    await house.reconciler.actor.relays.remove(arc, relay_for(cluster))
    lost = await house.reconciler.step(asked(arc))
    again = await house.reconciler.step(asked(arc))
    control.advance(11)
    last = await house.reconciler.step(asked(arc))

    assert {lost.action, again.action, last.action} == {Action.INSTALL}
    assert control.extension(str(arc), "azureml")["protectedKeys"]


async def lost() -> bool:
    raise LeaseLost("somebody else holds it")


async def stopped() -> bool:
    return False


@pytest.mark.parametrize("ready", [lost, stopped])
async def test_what_happens_while_the_relay_is_made_stops_the_install(house, control, arc, ready):
    """The lease is used up, or MUSTER_STOP is set meanwhile: it is asked again, and the extension's PUT is not sent."""
    cluster = await house.reconciler.observer.arm.cluster(arc)
    actor, desired = house.reconciler.actor, derive(cluster, {"enableTraining": "true"})
    await actor.relays.begin(cluster, desired.relay)
    control.advance(11)
    state = State(Management.MANAGED, Condition.MISSING)
    decision = Decision(Action.INSTALL, state, "", extension="azureml", desired=desired)
    seen = Observation(arc, Reason.EVENT, Gates(Mode.ENFORCE), cluster=cluster)

    if ready is lost:
        with pytest.raises(LeaseLost):
            await actor.take(decision, seen, ready)
    else:
        assert (await actor.take(decision, seen, ready)).sent is Sent.UNFINISHED
    assert control.requests(method="PUT", service="extensions") == []


async def test_a_refused_write_is_paused(house, control, cluster):
    """400: counted at once; the look after it waits instead of sending the same again."""
    control.add_fault(service="extensions", method="PUT", kind="status", status=400)
    first = await house.reconciler.step(asked(cluster))
    second = await house.reconciler.step(asked(cluster))
    memory = (await house.table.read(cluster)).memory

    assert (first.action, second.action) == (Action.INSTALL, Action.WAIT)
    assert len(control.writes()) == 1
    assert (memory.attempts, memory.sent) == (1, None)
    assert "400" in memory.refusal
