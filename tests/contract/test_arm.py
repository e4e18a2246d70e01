"""Clusters from Resource Manager, and every way in which it may say no."""

import asyncio

import pytest
from azure.core.credentials_async import AsyncTokenCredential

from shared.azure.arm import Arm
from shared.azure.credentials import credential
from shared.errors import Absent, InProgress, NotAuthorized, Refused, Retry, Throttled, Unavailable
from shared.model.cluster import Source
from shared.model.identity import ClusterId
from simulator.control import Control

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def aks(control: Control) -> ClusterId:
    """An AKS cluster."""
    made = control.create_cluster(
        kind="aks", name="Aks-1", subscription=SUBSCRIPTION, resource_group="RG-ML", tags={"Env": "prod"}, nodes=3
    )
    return ClusterId.parse(made)


@pytest.fixture
def arc(control: Control) -> ClusterId:
    """An Arc cluster that has not reported its facts yet."""
    return ClusterId.parse(
        control.create_cluster(kind="arc", name="edge", subscription=SUBSCRIPTION, nodes=2, facts_after=300)
    )


# What it says


async def test_an_aks_cluster_is_read_with_its_facts(arm, aks):
    """By one GET; names in ARM's letter case, tags as written."""
    cluster = await arm.cluster(aks)

    assert (cluster.id, cluster.name, cluster.resource_group) == (aks, "Aks-1", "RG-ML")
    assert cluster.source is Source.ARM
    assert dict(cluster.tags) == {"Env": "prod"}
    assert (cluster.provisioning_state, cluster.power_state, cluster.nodes) == ("Succeeded", "Running", 3)
    assert cluster.managed_identity is True
    assert cluster.incarnation


async def test_an_arc_clusters_late_facts_are_unknown_until_they_come(arm, arc, control):
    """Null is None, never zero."""
    early = await arm.cluster(arc)
    control.advance(301)
    late = await arm.cluster(arc)

    assert (early.nodes, early.cores) == (None, None)
    assert late.nodes == 2
    assert late.cores
    assert late.connectivity == "Connected"


async def test_a_read_is_one_request_with_a_token_of_the_identity(arm, aks, control):
    """No retries, no look around: one GET of the cluster, by the app's own identity."""
    await arm.cluster(aks)
    (request,) = control.requests(service="clusters")

    assert request["method"] == "GET"
    assert request["path"].lower() == str(aks)
    assert request["status"] == 200


# How it says no


async def test_a_cluster_that_is_not_there_is_absent(arm, aks, control):
    """Deleted, or never made: 404."""
    control.delete_cluster(str(aks))
    with pytest.raises(Absent) as raised:
        await arm.cluster(aks)

    assert raised.value.status == 404
    assert raised.value.code == "ResourceNotFound"


async def test_a_missing_role_is_told_with_what_to_do(arm, aks, control):
    """403 names the action and the scope; it may be granted any time, so it is tried again later."""
    control.deny(SUBSCRIPTION)
    with pytest.raises(NotAuthorized, match="Grant Muster's identity its role") as raised:
        await arm.cluster(aks)

    assert raised.value.code == "AuthorizationFailed"
    assert "Microsoft.ContainerService/managedClusters/read" in raised.value.message
    assert raised.value.retry is Retry.LATER


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (403, NotAuthorized),
        (404, Absent),
        (405, Refused),
        (408, Unavailable),
        (409, InProgress),
        (412, InProgress),
        (422, Refused),
        (429, Throttled),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
async def test_every_status_has_its_error(arm, aks, control, status, kind):
    """And each is sent once: a second try is a message's business."""
    control.add_fault(service="clusters", kind="status", status=status)
    with pytest.raises(kind) as raised:
        await arm.cluster(aks)

    assert type(raised.value) is kind
    assert raised.value.status == status
    assert raised.value.message.startswith("Azure refused to read the cluster: ")
    assert len(control.requests(service="clusters")) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": "Throttled", "message": "unwrapped"}, "Throttled"),
        ({"error": {"code": "X", "message": "m" * 5000, "details": []}}, "X"),
        ({"error": "text"}, ""),
        ([1], ""),
        ("<html>Bad gateway</html>", ""),
        ("", ""),
    ],
)
async def test_a_body_of_any_shape_is_taken(arm, aks, control, body, code):
    """AKS does not wrap its errors, gateways send pages: the status decides, the words are cut short."""
    control.add_fault(service="clusters", kind="status", status=503, body=body)
    with pytest.raises(Unavailable) as raised:
        await arm.cluster(aks)

    assert raised.value.code == code
    assert len(raised.value.message) < 800


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("17", 17.0), ("0", 0.0), ("00:01:05", 65.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("soon", None)],
)
async def test_how_long_to_wait_is_read(arm, aks, control, header, seconds):
    """In seconds, or as hh:mm:ss; what cannot be read is no wish."""
    control.add_fault(service="clusters", kind="status", status=429, headers={"Retry-After": header})
    with pytest.raises(Throttled) as raised:
        await arm.cluster(aks)

    assert raised.value.retry_after == seconds


async def test_the_aks_providers_own_limit_is_throttling(arm, aks, control):
    """Sixty GETs of one cluster, then 429 in that provider's own shape with its wait."""
    control.limits(aks_gets=True)
    for _ in range(60):
        await arm.cluster(aks)
    with pytest.raises(Throttled) as raised:
        await asyncio.gather(*(arm.cluster(aks) for _ in range(10)))

    assert raised.value.code == "Throttled"
    assert raised.value.retry_after >= 1


async def test_a_silent_service_is_unavailable(impatient, aks, control):
    """It never answers: given up after the time-out."""
    control.add_fault(service="clusters", kind="timeout")
    with pytest.raises(Unavailable, match="did not answer when asked to read the cluster"):
        await impatient.cluster(aks)


async def test_a_lost_connection_is_unavailable(arm, aks, control):
    """Whatever the library makes of it."""
    control.add_fault(service="clusters", kind="reset")
    with pytest.raises(Unavailable):
        await arm.cluster(aks)


async def test_nobody_there_is_unavailable(azure):
    """A closed port."""
    async with credential("") as identity, Arm(identity, endpoint="https://127.0.0.1:9", audience=azure.url) as arm:
        with pytest.raises(Unavailable):
            await arm.cluster(
                ClusterId.parse(
                    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/r/providers/microsoft.kubernetes/connectedclusters/c"
                )
            )


@pytest.mark.parametrize("status", [400, 401])
async def test_an_identity_without_a_token_is_not_authorized(arm, aks, control, status):
    """The identity endpoint refuses: that is a right that is missing, not an outage."""
    control.add_fault(service="identity", kind="status", status=status, body={"statusCode": status, "message": "none"})
    with pytest.raises(NotAuthorized):
        await arm.cluster(aks)


async def test_a_silent_identity_endpoint_is_unavailable(impatient, aks, control):
    """The time-out covers the token, too."""
    control.add_fault(service="identity", kind="timeout")
    with pytest.raises(Unavailable):
        await impatient.cluster(aks)


async def test_an_answer_that_is_no_cluster_is_refused(arm, aks, control):
    """A 200 that holds something else is never read as an empty cluster."""
    for body in ({}, {"id": "/subscriptions/x"}, {"id": 5}):
        control.add_fault(service="clusters", kind="status", status=200, body=body, times=1)
        with pytest.raises(Refused):
            await arm.cluster(aks)


async def test_a_cancelled_read_is_cancelled(arm, aks, control):
    """The host's end is not taken for an outage."""
    control.add_fault(service="clusters", kind="timeout")
    task = asyncio.ensure_future(arm.cluster(aks))
    await asyncio.wait([task], timeout=0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_without_an_identity_endpoint_a_developers_login_is_used(monkeypatch):
    """On a developer's machine there is no managed identity to ask."""
    from azure.identity.aio import DefaultAzureCredential

    monkeypatch.delenv("IDENTITY_ENDPOINT", raising=False)
    async with credential("11111111-0000-0000-0000-000000000000") as found:
        assert isinstance(found, DefaultAzureCredential)
        assert isinstance(found, AsyncTokenCredential)
