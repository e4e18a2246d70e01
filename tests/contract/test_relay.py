"""The Azure Relay objects of an Arc cluster, made as the official CLI makes them."""

from dataclasses import replace

import pytest

from shared.azure.relay import Relays
from shared.errors import Absent, InProgress, NotAuthorized, Refused, Unavailable
from shared.model.extension import Relay
from shared.model.identity import ClusterId
from simulator.control import Control

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
RELAY = Relay("arc1111rgedgerelay", "edge")


@pytest.fixture
def relays(arm):
    """The adapter."""
    return Relays(arm)


@pytest.fixture
async def cluster(arm, control: Control):
    """An Arc cluster; a relay namespace takes ten simulated seconds."""
    control.durations(relay=10)
    made = control.create_cluster(kind="arc", name="edge", subscription=SUBSCRIPTION, resource_group="RG-Edge")
    return await arm.cluster(ClusterId.parse(made))


async def ready(relays, cluster, control, relay=RELAY):
    """Make the objects, waiting for the namespace."""
    await relays.begin(cluster, relay)
    control.advance(11)
    await relays.complete(cluster.id, relay)


async def test_the_objects_are_made_in_steps(relays, cluster, control):
    """The namespace first; once it is there the hybrid connection and its rule; then there is a secret."""
    assert not await relays.exists(cluster.id, RELAY)
    with pytest.raises(Absent):
        await relays.complete(cluster.id, RELAY)
    assert not await relays.begin(cluster, RELAY)
    with pytest.raises(InProgress):
        await relays.complete(cluster.id, RELAY)
    assert not await relays.exists(cluster.id, RELAY)
    control.advance(11)
    assert await relays.begin(cluster, RELAY)
    await relays.complete(cluster.id, RELAY)
    assert await relays.exists(cluster.id, RELAY)

    (made,) = control.relays()
    assert made["tags"] == {"created_by": "Azure Arc-enabled ML"}
    assert await relays.connection_string(cluster.id, RELAY) in made["connectionStrings"]


async def test_everything_may_be_repeated(relays, cluster, control):
    """Made twice is made once: the same secret, no second object."""
    await ready(relays, cluster, control)
    secret = await relays.connection_string(cluster.id, RELAY)

    assert await relays.begin(cluster, RELAY)
    await relays.complete(cluster.id, RELAY)
    assert await relays.connection_string(cluster.id, RELAY) == secret
    assert len(control.relays()) == 1


async def test_a_missing_rule_is_absent(relays, cluster):
    """Nothing was made yet: there is no secret to ask for."""
    with pytest.raises(Absent):
        await relays.connection_string(cluster.id, RELAY)


async def test_an_outage_is_not_a_missing_relay(relays, cluster, control):
    """Else it would be made anew."""
    await ready(relays, cluster, control)
    control.add_fault(service="relay", kind="status", status=503)
    with pytest.raises(Unavailable):
        await relays.exists(cluster.id, RELAY)


async def test_refusals_say_what_was_asked(relays, cluster, control):
    """A provider that is not registered, and a role that is missing."""
    control.register_provider(SUBSCRIPTION, "Microsoft.Relay", "NotRegistered")
    with pytest.raises(Refused, match="refused to create the relay namespace: 409 MissingSubscriptionRegistration"):
        await relays.begin(cluster, RELAY)
    control.register_provider(SUBSCRIPTION, "Microsoft.Relay")
    control.deny(SUBSCRIPTION)
    with pytest.raises(NotAuthorized, match="refused to read the relay's keys"):
        await relays.connection_string(cluster.id, RELAY)


async def test_a_name_that_the_service_refuses_is_refused(relays, cluster):
    """400: the same again would be refused again."""
    with pytest.raises(Refused):
        await relays.begin(cluster, replace(RELAY, namespace="a"))


@pytest.mark.parametrize("hostile", [Relay("..", "edge"), Relay("arc1111", ".."), Relay("arc1111", "")])
async def test_a_name_that_would_lead_elsewhere_is_never_sent(relays, cluster, control, hostile):
    """The path of another resource is not asked for, and not written to."""
    calls = (relays.exists, relays.complete, relays.connection_string)
    for call in (each(cluster.id, hostile) for each in calls):
        with pytest.raises(Refused):
            await call
    assert control.requests(contains="Microsoft.Relay") == []


async def test_only_an_unused_namespace_of_ours_is_removed(relays, cluster, control):
    """No such namespace and a second connection keep it; else it goes, and twice is no error."""
    assert not await relays.ours_and_unused(cluster.id, RELAY)
    await ready(relays, cluster, control)
    assert await relays.ours_and_unused(cluster.id, RELAY)

    other = replace(RELAY, hybrid_connection="other")
    await relays.complete(cluster.id, other)
    assert not await relays.ours_and_unused(cluster.id, RELAY)

    await relays.remove(cluster.id, RELAY)
    await relays.remove(cluster.id, RELAY)
    assert not await relays.exists(cluster.id, RELAY)
