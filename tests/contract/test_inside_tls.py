"""Who an API server must be, and who we are, before a word is exchanged."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator

import pytest
import trustme

from shared.azure.inside import InsideReader
from shared.azure.kubeconfig import Connection, read_kubeconfig
from tests.contract import cluster_server as hostile
from tests.contract.cluster_looks import HANGS, HASTY, NOW, look
from tests.contract.cluster_objects import furnish
from tests.contract.cluster_server import TOKEN, ClusterServer, kubeconfig, serving


@pytest.fixture
async def server() -> AsyncIterator[ClusterServer]:
    """A friendly API server."""
    async with serving() as started:
        furnish(started)
        yield started


async def test_a_certificate_of_another_authority_is_refused():
    """Before the token goes out."""
    async with serving() as server, serving() as other:
        server.ca = other.ca
        inside = await look(server)

        assert server.asked == []
    assert "certificate does not hold" in inside.trouble["access"]


async def test_a_certificate_for_another_name_is_refused_unless_the_kubeconfig_names_it():
    """tls-server-name is what the certificate must bear then."""
    async with serving(names=("kubernetes.default",)) as server:
        furnish(server)
        refused = await look(server)
        document = kubeconfig(server.url, server.ca)
        document["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.default"
        named = read_kubeconfig(json.dumps(document), how="kubeconfig").connection
        accepted = await InsideReader(HASTY).read(named, now=NOW)

    assert "certificate does not hold" in refused.trouble["access"]
    assert accepted.version == "v1.33.2"


async def test_the_certificates_of_old_clusters_are_accepted():
    """Without key identifiers: chain and name are what counts."""
    async with serving(old=True) as server:
        furnish(server)

        assert (await look(server)).version == "v1.33.2"


async def test_a_client_certificate_opens_the_door():
    """Where the kubeconfig has one and no token; the server takes the person from it."""
    clients = trustme.CA()
    own = clients.issue_cert("muster@example.com")
    async with serving(client_ca=clients) as server:
        server.behaviours["^/version$"] = hostile.giving(b'{"gitVersion":"v1.20.0"}')
        user = {
            "client-certificate-data": base64.b64encode(own.cert_chain_pems[0].bytes()).decode(),
            "client-key-data": base64.b64encode(own.private_key_pem.bytes()).decode(),
        }
        text = json.dumps(kubeconfig(server.url, server.ca, **user))
        found = await InsideReader(HASTY).read(read_kubeconfig(text, how="admin").connection, now=NOW)
        without = await look(server)

    assert (found.access, found.version) == ("admin", "v1.20.0")
    assert set(without.trouble) == {"access"}


async def test_a_key_that_does_not_belong_to_its_certificate_is_told(server):
    """As trouble, not as a crash."""
    clients = trustme.CA()
    one, other = clients.issue_cert("a@example.com"), clients.issue_cert("b@example.com")
    user = {
        "client-certificate-data": base64.b64encode(one.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(other.private_key_pem.bytes()).decode(),
    }
    text = json.dumps(kubeconfig(server.url, server.ca, **user))
    inside = await InsideReader(HASTY).read(read_kubeconfig(text, how="admin").connection, now=NOW)

    assert "do not belong together" in inside.trouble["access"]


async def test_a_server_that_speaks_no_tls_is_told():
    """Plain HTTP behind an https address."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        inside = await InsideReader(HASTY).read(Connection(f"https://127.0.0.1:{port}", "user", token=TOKEN), now=NOW)

    assert "could not be reached" in inside.trouble["access"]


async def test_a_server_that_takes_the_connection_and_says_nothing_is_left():
    """Its handshake has no more time than an answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:  # the kernel takes connections; nobody reads them
        port = listening.getsockname()[1]
        mute = Connection(f"https://127.0.0.1:{port}", "user", token=TOKEN)
        async with asyncio.timeout(HANGS):
            inside = await InsideReader(HASTY).read(mute, now=NOW)

    assert "within 0.5 seconds" in inside.trouble["access"]


async def test_an_address_where_nobody_listens_is_told():
    """At once."""
    inside = await InsideReader(HASTY).read(Connection("https://127.0.0.1:1", "user", token=TOKEN), now=NOW)

    assert "could not be reached" in inside.trouble["access"]
