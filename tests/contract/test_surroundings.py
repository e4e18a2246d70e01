"""Surroundings of clusters: what is read, what is kept and for how long, on real blobs and a simulated Azure."""

import asyncio
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.azure.lookups import Lookups
from shared.model.cluster import Cluster, Source
from shared.model.identity import ClusterId
from shared.model.surroundings import MachineSize
from shared.reconcile.surroundings import SurroundingsSource
from shared.state.documents import Documents
from shared.state.storage import Storage
from simulator.control import Control

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"
START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
EXTENSIONS = "Microsoft.KubernetesConfiguration"
MINUTES, DAYS = timedelta(minutes=1), timedelta(days=1)
READS = ("providers", "skus", "locations", "service-tags", "kubernetes-versions")


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self):
        self.time = START

    def __call__(self):
        return self.time

    def pass_(self, span):
        """Let time go by."""
        self.time += span


@pytest.fixture
def clock():
    """The clock of all instances."""
    return Clock()


@pytest.fixture
def papers(storage, name):
    """Documents in a container that does not exist yet."""
    return Documents(storage.container(name))


@pytest.fixture
def instance(arm, papers, clock, control: Control):
    """Makes instances that know nothing but what storage has."""
    control.add_subscription(SUBSCRIPTION)
    control.add_subscription(OTHER)
    return lambda: SurroundingsSource(Lookups(arm), papers, clock)


@pytest.fixture
def source(instance):
    """One instance."""
    return instance()


def cluster(kind="aks", name="a", subscription=SUBSCRIPTION, location="eastus", **facts):
    """A cluster as it was read from ARM."""
    resource = {"aks": "Microsoft.ContainerService/managedClusters", "arc": "Microsoft.Kubernetes/connectedClusters"}
    made = ClusterId.parse(f"/subscriptions/{subscription}/resourceGroups/rg/providers/{resource[kind]}/{name}")
    return Cluster(made, name, "rg", location, {}, Source.ARM, **facts)


def guarded(**more):
    """An AKS cluster with authorized ranges, which needs everything."""
    return cluster(authorized_ranges=("192.0.2.0/24",), **more)


def reads(control):
    """How often each service was read; those that were not are left out."""
    counted = control.counts()
    return {service: counted[service]["GET"] for service in READS if service in counted}


async def asked(control, service):
    """Wait until a service was asked, while its answer is held back."""
    async with asyncio.timeout(10):
        while service not in await asyncio.to_thread(control.counts):  # noqa: ASYNC110  polls
            await asyncio.sleep(0.01)


# What is read


async def test_an_aks_cluster_with_authorized_ranges_needs_everything(source):
    """Of its subscription and of both regions."""
    seen = await source.of(guarded())

    assert seen.providers == {EXTENSIONS.lower(): "Registered"}
    assert seen.sizes["standard_d4s_v5"] == MachineSize(4, 16)
    assert seen.sizes_dated is None
    assert seen.control_plane_ranges.keys() == {"eastus", "westus"}
    assert seen.kubernetes_versions == ("1.31", "1.32", "1.33", "1.34")
    assert seen.trouble == {}


@pytest.mark.parametrize("ranges", [None, ()])
async def test_without_authorized_ranges_no_tags_are_read(source, control, ranges):
    """Everybody may reach the API server, or it is not known: nothing to compare."""
    seen = await source.of(cluster(authorized_ranges=ranges))

    assert seen.control_plane_ranges is None
    assert "control_plane_ranges" not in seen.trouble
    assert reads(control).keys() == {"providers", "skus", "kubernetes-versions"}


async def test_an_arc_cluster_needs_the_providers_of_its_relay(source, control):
    """Three of them; the versions of its Azure region; no sizes, which ARM does not tell of its nodes."""
    control.register_provider(SUBSCRIPTION, "Microsoft.Relay", "NotRegistered")
    seen = await source.of(cluster("arc"))

    assert seen.providers == {
        "microsoft.kubernetesconfiguration": "Registered",
        "microsoft.kubernetes": "Registered",
        "microsoft.relay": "NotRegistered",
    }
    assert seen.kubernetes_versions
    assert (seen.sizes, seen.control_plane_ranges, seen.trouble) == (None, None, {})
    assert reads(control).keys() == {"providers", "kubernetes-versions"}


async def test_a_cluster_whose_region_is_not_known_has_its_providers(source):
    """The rest is told as missing."""
    seen = await source.of(guarded(location=""))

    assert seen.providers
    assert (seen.sizes, seen.control_plane_ranges, seen.kubernetes_versions) == (None, None, None)
    assert set(seen.trouble) == {"sizes", "control_plane_ranges", "kubernetes_versions"}


# How often


async def test_a_thousand_clusters_of_a_region_cost_one_read_of_each(source, control):
    """Asked for at the same moment: everybody shares the flight."""
    seen = await asyncio.gather(*(source.of(guarded(name=f"c{number}")) for number in range(1000)))

    assert all(each == seen[0] for each in seen)
    counted = reads(control)
    pages = counted.pop("skus")
    assert counted == {"providers": 1, "locations": 1, "service-tags": 1, "kubernetes-versions": 1}
    await source.of(guarded(name="later"))
    assert reads(control) == {**counted, "skus": pages}


async def test_another_instance_reads_from_storage(instance, control):
    """Azure is asked once by all of them; the answers are the same."""
    first = await instance().of(guarded())
    counted = reads(control)

    assert await instance().of(guarded(name="b")) == first
    assert reads(control) == counted


async def test_regions_are_shared_by_subscriptions_and_registrations_are_not(source, control):
    """A second subscription in the same region costs one look at its provider; a second region all but that."""
    await source.of(guarded())
    before = reads(control)
    await source.of(guarded(subscription=OTHER))
    assert reads(control) == {**before, "providers": 2}
    await source.of(guarded(location="westeurope"))
    assert reads(control) == {name: count * 2 for name, count in before.items()}


async def test_answers_grow_old(instance, control, clock):
    """Sizes in a week, the others in a day; just before, none of them is read."""
    await instance().of(guarded())
    before = reads(control)
    clock.pass_(DAYS - MINUTES)
    await instance().of(guarded())
    assert reads(control) == before
    clock.pass_(2 * MINUTES)
    await instance().of(guarded())
    after = {name: count * 2 for name, count in before.items()} | {"skus": before["skus"]}
    assert reads(control) == after
    clock.pass_(6 * DAYS)
    await instance().of(guarded())
    assert reads(control)["skus"] == before["skus"] * 2


async def test_an_instance_looks_into_storage_within_minutes(instance, control, clock):
    """What another one has read anew is not overlooked for a day."""
    old, new = instance(), instance()
    await old.of(cluster())
    clock.pass_(DAYS - 5 * MINUTES)
    await old.of(cluster())
    control.kubernetes_versions("eastus", ["1.35"])
    clock.pass_(6 * MINUTES)
    assert (await new.of(cluster())).kubernetes_versions == ("1.35",)
    counted = reads(control)
    assert (await old.of(cluster())).kubernetes_versions == ("1.35",)
    assert reads(control) == counted


async def test_what_one_instance_forgets_the_others_ask_anew_within_minutes(instance, control, clock):
    """Not before a day has gone by would be too late."""
    one, other = instance(), instance()
    await other.of(cluster())
    control.register_provider(SUBSCRIPTION, EXTENSIONS, "Unregistered")
    await one.forget(SUBSCRIPTION, EXTENSIONS)
    clock.pass_(9 * MINUTES)
    assert (await other.of(cluster())).providers == {EXTENSIONS.lower(): "Registered"}
    clock.pass_(MINUTES)
    assert (await other.of(cluster())).providers == {EXTENSIONS.lower(): "Unregistered"}


@pytest.mark.parametrize("state", ["NotRegistered", "Registering", "Unregistered"])
async def test_a_provider_that_is_not_registered_is_never_kept(source, control, state):
    """Whoever registers it is seen at the next look."""
    control.register_provider(SUBSCRIPTION, EXTENSIONS, state)
    assert (await source.of(cluster())).providers == {EXTENSIONS.lower(): state}
    control.register_provider(SUBSCRIPTION, EXTENSIONS)
    assert (await source.of(cluster())).providers == {EXTENSIONS.lower(): "Registered"}


async def test_a_forgotten_registration_is_read_anew(instance, source, control):
    """By this instance and by the next, which storage would have misled."""
    await source.of(cluster())
    control.register_provider(SUBSCRIPTION, EXTENSIONS, "Unregistered")
    assert (await source.of(cluster())).providers == {EXTENSIONS.lower(): "Registered"}
    await source.forget(SUBSCRIPTION, EXTENSIONS)

    assert (await source.of(cluster())).providers == {EXTENSIONS.lower(): "Unregistered"}
    assert (await instance().of(cluster())).providers == {EXTENSIONS.lower(): "Unregistered"}


async def test_what_is_forgotten_during_a_look_up_does_not_come_back(instance, source, control):
    """The answer that was under way is old, and is kept nowhere."""
    control.add_fault(service="providers", kind="delay", seconds=60, when="after", times=1)
    under_way = asyncio.create_task(source.of(cluster()))
    await asked(control, "providers")
    control.register_provider(SUBSCRIPTION, EXTENSIONS, "Unregistered")
    await source.forget(SUBSCRIPTION, EXTENSIONS)
    control.advance(61)

    assert (await under_way).providers == {EXTENSIONS.lower(): "Registered"}
    for each in (source, instance()):
        assert (await each.of(cluster())).providers == {EXTENSIONS.lower(): "Unregistered"}


async def test_whoever_gives_up_waiting_takes_nothing_from_the_others(source, control):
    """The flight goes on for those who stay."""
    control.add_fault(service="kubernetes-versions", kind="delay", seconds=60, times=1)
    impatient, patient = (asyncio.create_task(source.of(cluster("arc", name=name))) for name in "ab")
    await asked(control, "kubernetes-versions")
    impatient.cancel()
    control.advance(61)

    assert (await patient).kubernetes_versions
    assert reads(control)["kubernetes-versions"] == 1
    with pytest.raises(asyncio.CancelledError):
        await impatient


# When it cannot be told


@pytest.mark.parametrize(
    ("service", "part"),
    [
        ("providers", "providers"),
        ("skus", "sizes"),
        ("locations", "control_plane_ranges"),
        ("service-tags", "control_plane_ranges"),
        ("kubernetes-versions", "kubernetes_versions"),
    ],
)
async def test_one_look_up_that_fails_leaves_the_others(source, control, service, part):
    """None, and a sentence that says why; nothing is raised."""
    control.add_fault(service=service, kind="status", status=503)
    seen = await source.of(guarded())

    parts = {
        name: getattr(seen, name) for name in ("providers", "sizes", "control_plane_ranges", "kubernetes_versions")
    }
    assert [name for name, value in parts.items() if value is None] == [part]
    assert list(seen.trouble) == [part]
    assert "503" in seen.trouble[part]


async def test_a_subscription_that_may_not_be_read_is_told_as_such(source, control):
    """Each sentence once, with what to do."""
    control.deny(SUBSCRIPTION)
    seen = await source.of(guarded())

    assert (seen.providers, seen.sizes, seen.control_plane_ranges, seen.kubernetes_versions) == (None,) * 4
    assert len(seen.trouble) == 4
    assert all("Grant Muster's identity its role" in why for why in seen.trouble.values())


async def test_one_provider_of_three_that_is_silent_is_left_out(source, control):
    """The others count; the sentence names it."""
    control.add_fault(path="/providers/microsoft.relay$", kind="status", status=500)
    seen = await source.of(cluster("arc"))

    assert seen.providers.keys() == {"microsoft.kubernetesconfiguration", "microsoft.kubernetes"}
    assert "Microsoft.Relay" in seen.trouble["providers"]


async def test_trouble_is_remembered_for_a_minute(source, control, clock):
    """An outage is not asked about by each of a thousand clusters, and its end is soon seen."""
    control.add_fault(service="kubernetes-versions", kind="status", status=503)
    for name in "abc":
        assert "503" in (await source.of(cluster(name=name))).trouble["kubernetes_versions"]
    assert reads(control)["kubernetes-versions"] == 1
    control.clear_faults()
    clock.pass_(MINUTES)
    assert (await source.of(cluster())).kubernetes_versions


async def test_trouble_is_not_kept_for_others(instance, control):
    """Storage holds answers alone."""
    control.add_fault(service="skus", kind="status", status=503)
    assert (await instance().of(cluster())).sizes is None
    control.clear_faults()
    assert (await instance().of(cluster())).sizes


# When storage is in trouble


async def test_storage_that_does_not_answer_costs_look_ups_alone(arm, control, clock):
    """Nobody listens there; everything is known all the same, and in this instance it is remembered."""
    control.add_subscription(SUBSCRIPTION)
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    nowhere = ";".join(
        ["DefaultEndpointsProtocol=http", "AccountName=devstoreaccount1", f"AccountKey={key}"]
        + [f"{kind}Endpoint=http://127.0.0.1:9/devstoreaccount1" for kind in ("Blob", "Queue", "Table")]
    )
    async with Storage.by_connection(nowhere, queue="q") as storage:
        source = SurroundingsSource(Lookups(arm), Documents(storage.container("documents")), clock)
        seen = await source.of(guarded())
        assert (seen.trouble, len(seen.control_plane_ranges)) == ({}, 2)
        counted = reads(control)
        assert await source.of(guarded()) == seen
        assert reads(control) == counted


DAMAGE = [
    b"",
    b"no gzip",
    gzip.compress(b"[]", mtime=0),
    gzip.compress(b"{}", mtime=0),
    *(
        gzip.compress(json.dumps(body).encode(), mtime=0)
        for body in (
            {"at": START.isoformat(), "value": "eastus"},
            {"at": START.isoformat(), "value": 7},
            {"at": START.isoformat(), "value": {"standard_x": {"vcpus": "many"}}},
            {"at": "yesterday", "value": []},
            {"at": START.replace(tzinfo=None).isoformat(), "value": []},
            {"at": None, "value": []},
            {"value": []},
        )
    ),
]


@pytest.mark.parametrize("raw", DAMAGE)
async def test_damaged_documents_are_written_anew(instance, storage, name, control, raw):
    """Of every kind; the next instance finds them whole."""
    whole = await instance().of(guarded())
    container = storage.container(name)
    kept = [blob.name async for blob in container.list_blobs()]
    for each in kept:
        if "/providers/" not in each:
            await container.upload_blob(each, raw, overwrite=True)
    before = reads(control)
    assert await instance().of(guarded()) == whole
    after = reads(control)
    assert {name for name in after if after[name] > before[name]} == set(READS) - {"providers"}
    await instance().of(guarded())
    assert reads(control) == after


async def test_a_document_from_the_future_is_not_kept_longer_than_others(instance, papers, control, clock):
    """A wrong clock wrote it."""
    await instance().of(cluster())
    place = "surroundings/kubernetes-versions/eastus.json"
    body = (await papers.read(place)).body
    await papers.write(place, {**body, "at": (START + 400 * DAYS).isoformat()})
    before = reads(control)
    await instance().of(cluster())
    assert reads(control) == {**before, "kubernetes-versions": 2}
    assert (await papers.read(place)).body["at"] == clock().isoformat()


async def test_documents_are_small_and_named_for_what_they_hold(instance, storage, name):
    """One per region or registration; a region's list of sizes stays within a few kilobytes."""
    await instance().of(guarded())
    await instance().of(replace(cluster("arc"), location="westus"))
    found = {blob.name: blob.size async for blob in storage.container(name).list_blobs()}

    assert found.keys() == {
        "surroundings/sizes/eastus.json",
        "surroundings/control-plane/eastus.json",
        "surroundings/kubernetes-versions/eastus.json",
        "surroundings/kubernetes-versions/westus.json",
        f"surroundings/providers/{SUBSCRIPTION}/microsoft.kubernetesconfiguration.json",
        f"surroundings/providers/{SUBSCRIPTION}/microsoft.kubernetes.json",
        f"surroundings/providers/{SUBSCRIPTION}/microsoft.relay.json",
    }
    assert max(found.values()) < 8192
