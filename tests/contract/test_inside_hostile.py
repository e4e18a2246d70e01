"""No API server, however slow, broken or hostile, can hang a look, crash it, fill its memory or learn from it."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator

import pytest

from shared.azure.inside import InsideReader
from shared.azure.kubernetes_api import KubernetesApi, Limits
from shared.model.inside import Activity
from tests.contract import cluster_server as hostile
from tests.contract.cluster_looks import HANGS, HASTY, NOW, connection, look, unread
from tests.contract.cluster_objects import furnish, node, pod
from tests.contract.cluster_server import TOKEN, ClusterServer, serving

HOSTILITIES = {
    "slow": hostile.never,
    "dripping": hostile.dripping,
    "huge": hostile.flooding,
    "resetting": hostile.resetting,
    "breaking off": hostile.breaking_off,
    "gzip": hostile.bomb(),
    "deflate": hostile.giving(b"x\x9c", Content_Encoding="deflate"),
    "no JSON": hostile.giving(b"<html>Sign in</html>"),
    "no text": hostile.giving(b"\xff\xfe\x00\xd8"),
    "nothing": hostile.giving(b""),
    "deep": hostile.giving(b"[" * 1_000_000),
    "deep objects": hostile.giving(b'{"a":' * 500_000),
    "long number": hostile.giving(b'{"items":' + b"9" * 100_000 + b"}"),
    "a list": hostile.giving(b"[]"),
    "another kind": hostile.giving(b'{"kind":"Status","items":{}}'),
    "lists of lists": hostile.giving(b'{"kind":"List","items":[[]],"metadata":[]}'),
    "a strange continuation": hostile.giving(b'{"kind":"List","items":[],"metadata":{"continue":{}}}'),
    "a long continuation": hostile.giving(b'{"items":[],"metadata":{"continue":"' + b"x" * 100_000 + b'"}}'),
    "crowded": hostile.giving(b'{"items":[' + b"{}," * 1_000_000 + b"{}]}"),
    "endless": hostile.endless,
    "redirecting": hostile.redirecting("https://127.0.0.1:1"),
    "long headers": hostile.giving(b"{}", X_Filler="x" * 100_000),
    "a packing that nobody knows": hostile.giving(b"{}", Content_Encoding="br, x"),
    "error": hostile.saying(500),
    "throttling": hostile.saying(429, Retry_After="30"),
    "teapot": hostile.saying(418),
}


@pytest.fixture
async def server() -> AsyncIterator[ClusterServer]:
    """A friendly API server."""
    async with serving() as started:
        furnish(started)
        yield started


@pytest.mark.parametrize("name", HOSTILITIES)
async def test_no_answer_hangs_or_crashes_a_look(server, name):
    """Each list that is answered so is None with a reason, in time; what is answered well is read all the same."""
    server.behaviours["/(nodes|pods|deployments)$"] = HOSTILITIES[name]
    async with asyncio.timeout(HANGS):
        inside = await look(server)

    assert unread(inside) == {"nodes", "pods", "workloads", "existing", "legacy"}
    assert set(inside.trouble) == unread(inside)
    assert (inside.version, inside.load_balancer, inside.namespace) == ("v1.33.2", False, "Active")
    assert TOKEN not in repr(inside)


@pytest.mark.parametrize("name", HOSTILITIES)
async def test_no_server_hangs_or_crashes_a_look(server, name):
    """Nothing at all is read from a server that answers everything so, and nothing is believed of it."""
    server.behaviours[""] = HOSTILITIES[name]
    async with asyncio.timeout(HANGS):
        inside = await look(server, "tls")

    assert unread(inside) >= {"version", "workloads", "nodes", "pods", "existing", "legacy", "load_balancer", "secrets"}
    assert inside.work is None or inside.work.activity is Activity.UNKNOWN
    assert inside.trouble
    assert TOKEN not in repr(inside)


async def test_the_whole_look_ends_in_its_time(server):
    """However long each answer would be allowed to take."""
    server.behaviours["^(?!/version)"] = hostile.never
    async with asyncio.timeout(HANGS):
        inside = await look(server, limits=Limits(look=0.7, request=2 * HANGS))

    assert inside.version == "v1.33.2"
    assert "longer than 0.7 seconds" in inside.trouble["nodes"]


async def test_all_answers_together_are_bounded(server):
    """A server may not fill the memory with pages that are each small enough."""
    server.lists["/api/v1/nodes"] = [node(f"n{number}", note="x" * 20_000) for number in range(30)]
    inside = await look(server, limits=Limits(total_bytes=200_000, items=2))

    assert inside.nodes is None
    assert "too large together" in inside.trouble["nodes"]


async def test_texts_that_cannot_be_stored_are_made_harmless(server):
    """Lone surrogates, control characters and names without an end."""
    odd = pod("x\ud800\x00\x1b[31m" + "y" * 5000)
    server.behaviours["/pods$"] = hostile.giving(json.dumps({"items": [odd], "metadata": {}}).encode())
    (read,) = (await look(server)).pods or ()

    read.name.encode()
    assert read.name.startswith("x\ufffd\ufffd\ufffd[31my")
    assert len(read.name) == 253


async def test_a_redirect_is_not_followed(server):
    """Another server never sees the token."""
    async with serving() as other:
        server.behaviours["/nodes$"] = hostile.redirecting(other.url)
        inside = await look(server)

        assert other.asked == []
    assert "redirects" in inside.trouble["nodes"]


async def test_no_failure_holds_the_token(server):
    """Neither in its text nor in the exceptions that it is chained to: aiohttp's own hold the request's headers."""
    for behaviour in (hostile.saying(403), hostile.resetting, HOSTILITIES["no JSON"], hostile.redirecting("http://x")):
        server.behaviours[""] = behaviour
        async with KubernetesApi(connection(server), HASTY) as api:
            with pytest.raises(Exception) as raised:  # noqa: PT011 - whichever it is
                await api.get("/version", "its version")
        error: BaseException | None = raised.value
        while error is not None:
            assert TOKEN not in "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
            error = error.__cause__ or error.__context__


async def test_looks_at_the_same_time_do_not_disturb_each_other(server):
    """One reader serves them all."""
    reader = InsideReader(Limits())
    found = await asyncio.gather(*(reader.read(connection(server), now=NOW) for _ in range(5)))

    assert all(one == found[0] for one in found)
    assert dict(found[0].trouble) == {}
