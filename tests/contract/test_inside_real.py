"""One look at a real API server: that of the kubeconfig in MUSTER_TEST_KUBECONFIG, else one of our own.

For Kubernetes 1.20 and newer, with or without the extension. It reads and writes nothing.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.azure.inside import InsideReader
from shared.azure.kubeconfig import Connection, read_kubeconfig
from shared.model.inside import NAMESPACE, Inside
from tests.contract.cluster_looks import HANGS
from tests.contract.cluster_objects import furnish
from tests.contract.cluster_server import serving

NOW = datetime(2026, 8, 1, tzinfo=UTC)


@pytest.fixture
def real() -> str | None:
    """The kubeconfig of a real cluster, where there is one."""
    named = os.environ.get("MUSTER_TEST_KUBECONFIG")
    return Path(named).read_text(encoding="utf-8") if named else None


@pytest.fixture
async def connection(real: str | None) -> AsyncIterator[Connection]:
    """The way into the cluster."""
    if real is not None:
        yield read_kubeconfig(real, how="kubeconfig").connection
        return
    async with serving() as server:
        furnish(server)
        yield read_kubeconfig(server.kubeconfig, how="kubeconfig").connection


@pytest.fixture
async def inside(connection: Connection) -> Inside:
    """One look, with the limits of production."""
    return await InsideReader().read(connection, now=NOW, secrets=("muster-has-no-such-secret",))


async def test_a_look_has_no_trouble_and_every_fact(inside):
    """With rights to read, nothing stays unknown."""
    assert dict(inside.trouble) == {}
    assert (inside.at, inside.access) == (NOW, "kubeconfig")
    facts = (inside.workloads, inside.pods, inside.nodes, inside.existing, inside.healthcheck, inside.legacy)
    assert None not in facts
    assert inside.load_balancer is not None
    assert inside.secrets == {"muster-has-no-such-secret": None}


async def test_the_version_is_one_that_muster_reads(inside):
    """1.20 and newer."""
    match = re.match(r"v(\d+)\.(\d+)", inside.version or "")

    assert match is not None
    assert (int(match[1]), int(match[2])) >= (1, 20)


async def test_nodes_have_a_system_and_an_amount_of_everything(inside):
    """At least one is ready, and what they can allocate was read."""
    assert inside.nodes
    assert any(node.ready and node.schedulable for node in inside.nodes)
    for node in inside.nodes:
        assert node.name
        assert node.os in {"linux", "windows"}
        assert node.arch in {"amd64", "arm64", "arm", "ppc64le", "s390x", "riscv64"}
        assert 0 < node.cpu < 10_000
        assert 0 < node.memory_gib < 100_000
        assert node.labels["kubernetes.io/os"] == node.os


async def test_workloads_and_pods_are_those_of_our_namespace(inside):
    """Where the namespace does not exist there are none."""
    assert {load.namespace for load in inside.workloads or ()} <= {NAMESPACE}
    assert all(load.name and load.containers for load in inside.workloads or ())
    assert all(pod.phase for pod in inside.pods or ())
    if inside.namespace == "":
        assert not inside.workloads
        assert not inside.pods


async def test_running_work_is_known(inside):
    """Busy or idle: an API server without the extension's resources runs none of its work."""
    assert inside.work is not None
    assert inside.work.activity.value in {"busy", "idle"}
    assert inside.work.at == NOW


async def test_a_look_keeps_its_time(connection):
    """With the limits of production."""
    async with asyncio.timeout(HANGS):
        inside = await InsideReader().read(connection, now=NOW)

    assert inside.version


async def test_a_wrong_token_is_told(connection):
    """A real server answers 401, or 403 where anonymous requests are taken; nothing is read then."""
    wrong = Connection(
        connection.server, "kubeconfig", ca=connection.ca, server_name=connection.server_name, token="no"
    )
    inside = await InsideReader().read(wrong, now=NOW)

    assert inside.nodes is None
    assert inside.workloads is None
    assert inside.trouble
    assert json.dumps(dict(inside.trouble))
