"""What one look reads from a cluster's own API server, and that no server can hang it, fool it or learn from it."""

import asyncio
import base64
import json
import time
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import trustme

from shared.azure.cluster_access import ClusterAccess
from shared.azure.inside import InsideReader
from shared.azure.kubeconfig import Connection, read_kubeconfig
from shared.azure.kubernetes_api import KubernetesApi, Limits
from shared.errors import Refused
from shared.model.inside import Activity, Existing, Form, Inside, Node, Part, Pod, RunningWork, Workload
from tests.contract import cluster_server as hostile
from tests.contract.cluster_objects import APPS, OURS, daemons, furnish, group, job, load, meta, node, pod, service
from tests.contract.cluster_server import TOKEN, ClusterServer, kubeconfig, serving

NOW = datetime(2026, 8, 1, tzinfo=UTC)
HASTY = Limits(look=3.0, request=0.5)
ML, VOLCANO = "amlarc.azureml.com", "batch.volcano.sh"


@pytest.fixture
async def server() -> AsyncIterator[ClusterServer]:
    """A friendly API server."""
    async with serving() as started:
        furnish(started)
        yield started


def connection(server: ClusterServer) -> Connection:
    """The way in, by its own kubeconfig."""
    return read_kubeconfig(server.kubeconfig, how="kubeconfig").connection


async def look(server: ClusterServer, *secrets: str, limits: Limits = HASTY) -> Inside:
    """One look at it."""
    return await InsideReader(limits).read(connection(server), now=NOW, secrets=secrets)


def unread(inside: Inside) -> set[str]:
    """The facts that it does not have."""
    names = (
        "version", "namespace", "workloads", "pods", "nodes", "existing", "secrets", "healthcheck", "legacy",
        "load_balancer",
    )  # fmt: skip
    return {name for name in names if getattr(inside, name) is None}


# What it reads


async def test_everything_that_was_asked_for_is_read(server):
    """Without any trouble, each fact by its own request and in the model's words."""
    inside = await look(server)

    assert dict(inside.trouble) == {}
    assert unread(inside) == set()
    assert (inside.at, inside.access, inside.version) == (NOW, "kubeconfig", "v1.33.2")
    assert inside.namespace == "Active"
    assert inside.workloads == (
        Workload("azureml", "aml-operator", Form.DEPLOYMENT, 1, 1, "aml", ("main", "fluent_bit")),
        Workload("azureml", "gateway", Form.DEPLOYMENT, 1, 0, "aml", ("main",)),
        Workload("azureml", "prometheus-prom-prometheus", Form.STATEFULSET, 1, 1, None, ("main",)),
    )
    assert inside.pods == (
        Pod("aml-operator-1", "Running", ready=True),
        Pod("gateway-1", "Pending", ready=False, reason="ImagePullBackOff"),
    )
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    assert inside.nodes == (
        Node("a", labels, "linux", "amd64", 3.86, 12.284, 0, ready=True, schedulable=True),
        Node("b", labels, "linux", "amd64", 3.86, 12.284, 2, ready=True, schedulable=False),
    )
    assert (inside.existing, inside.secrets, inside.healthcheck, inside.legacy) == ((), {}, {}, ())
    assert inside.load_balancer is False
    assert inside.work == RunningWork(Activity.IDLE, NOW, "no job and no endpoint")


async def test_only_reads_go_out_and_they_ask_for_nothing_packed(server):
    """GET alone, with the credential; lists in pages."""
    await look(server, "tls")

    assert {headers["Accept-Encoding"] for headers in server.headers} == {"identity"}
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {TOKEN}"}
    assert all(query["limit"] for path, query in server.asked if path in server.lists)
    assert len(server.paths()) == len(set(server.paths()))


async def test_a_list_is_read_page_by_page(server):
    """Until no page is left to continue with."""
    server.lists["/api/v1/nodes"] = [node(f"n{number}") for number in range(7)]
    inside = await look(server, limits=Limits(items=3))

    assert [one.name for one in inside.nodes or ()] == [f"n{number}" for number in range(7)]
    assert server.paths().count("/api/v1/nodes") == 3


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_pieces(server):
    """Objects of 30 KiB are no reason to give up."""
    server.lists["/api/v1/nodes"] = [node(f"n{number}", note="x" * 30_000) for number in range(20)]
    inside = await look(server, limits=Limits(page_bytes=100_000, items=20))

    assert len(inside.nodes or ()) == 20


async def test_a_namespace_that_is_not_there_is_told_from_one_that_goes(server):
    """Empty, or its phase."""
    server.single[OURS] = {"kind": "Namespace", "metadata": meta("azureml"), "status": {"phase": "Terminating"}}
    leaving = await look(server)
    del server.single[OURS]
    gone = await look(server)

    assert (leaving.namespace, gone.namespace) == ("Terminating", "")


async def test_of_secrets_only_the_keys_are_kept(server):
    """The keys of one that exists, None for others; a name that no secret can have is not asked for."""
    secret = base64.b64encode(b"a very private key").decode()
    server.single[f"{OURS}/secrets/tls"] = {
        "kind": "Secret",
        "metadata": meta("tls", "azureml"),
        "data": {"cert.pem": "", "key.pem": secret},
    }
    inside = await look(server, "tls", "other", "../nodes")

    assert inside.secrets == {"tls": ("cert.pem", "key.pem"), "other": None, "../nodes": None}
    assert secret not in repr(inside)
    assert f"{OURS}/secrets/other" in server.paths()
    assert not any("nodes" in path for path in server.paths() if "secrets" in path)


async def test_the_health_checks_reports_are_read(server):
    """The configmap's data as it is."""
    report = {"reports-pre-install": "Status: Failed Name: helmchart\nErrorCode: E40001"}
    server.single[f"{OURS}/configmaps/arcml-healthcheck"] = {
        "kind": "ConfigMap",
        "metadata": meta("arcml-healthcheck", "azureml"),
        "data": report,
    }

    assert (await look(server)).healthcheck == report


async def test_a_load_balancers_address_counts_wherever_it_is(server):
    """An address or a host name, in any namespace."""
    server.lists["/api/v1/services"].append(service("web", "shop", "LoadBalancer", address="10.0.0.9"))

    assert (await look(server)).load_balancer is True


async def test_the_legacy_router_is_found_with_each_of_its_objects(server):
    """Its deployment, service and cluster role, in namespace default alone."""
    server.lists[f"{APPS}/deployments"] += [load(meta("azureml-fe", "default")), load(meta("azureml-fe", "azureml"))]
    server.lists["/api/v1/services"].append(service("azureml-fe", "default"))
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/azureml-fe-role"
    server.single[role] = {"kind": "ClusterRole", "metadata": meta("azureml-fe-role"), "rules": []}

    told = (await look(server)).legacy
    assert told == ("deployment azureml-fe", "service azureml-fe", "clusterrole azureml-fe-role")


async def test_components_are_found_with_the_release_that_owns_them(server):
    """Wherever they stand; an ingress class of the same controller too."""
    server.lists[f"{APPS}/deployments"] += [
        load(meta("kube-prometheus-stack-operator", "monitoring", release="kps")),
        load(meta("volcano-scheduler", "volcano-system", app="volcano-scheduler")),
    ]
    server.lists[f"{APPS}/daemonsets"].append(daemons(meta("nvidia-device-plugin-daemonset", "kube-system")))
    server.lists["/apis/networking.k8s.io/v1/ingressclasses"] = [
        {"metadata": meta("nginx", app_kubernetes_io__instance="web"), "spec": {"controller": "k8s.io/ingress-nginx"}},
        {"metadata": meta("other"), "spec": {"controller": "example.com/other"}},
    ]
    assert (await look(server)).existing == (
        Existing(Part.PROMETHEUS_OPERATOR, "monitoring", "kube-prometheus-stack-operator", "kps"),
        Existing(Part.VOLCANO, "volcano-system", "volcano-scheduler", None),
        Existing(Part.NVIDIA_DEVICE_PLUGIN, "kube-system", "nvidia-device-plugin-daemonset", None),
        Existing(Part.INGRESS_NGINX, "", "nginx", "web"),
    )


# Running work


@pytest.mark.parametrize(
    ("plural", "status", "activity"),
    [
        ("amljobs", {"phase": "Running"}, Activity.BUSY),
        ("amljobs", {}, Activity.BUSY),
        ("amljobs", {"phase": "Succeeded"}, Activity.IDLE),
        ("amljobs", {"state": "Failed"}, Activity.IDLE),
        ("amljobs", {"phase": "Hovering"}, Activity.UNKNOWN),
        ("jobs", {"state": {"phase": "Pending"}}, Activity.BUSY),
        ("jobs", {"state": {"phase": "Completed"}}, Activity.IDLE),
        ("onlinedeployments", {"provisioningState": "Succeeded"}, Activity.BUSY),
        ("onlineendpoints", {"phase": "Failed"}, Activity.BUSY),
    ],
)
async def test_jobs_work_until_they_end_and_endpoints_as_long_as_they_exist(server, plural, status, activity):
    """A job without a state has only begun; a word that nobody knows is no word for idle."""
    owner = VOLCANO if plural == "jobs" else ML
    server.single[f"/apis/{owner}"] = group(owner, "v1", "v1alpha1")
    server.lists[f"/apis/{owner}/v1alpha1/{plural}"] = [job("j-1", **status)]
    work = (await look(server)).work

    assert work is not None
    assert work.activity is activity
    assert (f"{plural}.{owner} training/j-1" in work.detail) == (activity is not Activity.IDLE)


async def test_jobs_that_may_not_be_read_may_run(server):
    """Unknown, which counts as busy, with the reason."""
    server.single[f"/apis/{ML}"] = group(ML, "v1alpha1")
    server.behaviours["amljobs"] = hostile.saying(403)
    inside = await look(server)

    assert inside.work == RunningWork(Activity.UNKNOWN, NOW, inside.trouble["work"])
    assert "may not read amljobs" in inside.trouble["work"]


async def test_an_api_group_that_names_no_version_is_not_taken_for_none(server):
    """Whoever cannot say what it serves does not say that nothing runs."""
    server.behaviours[f"/apis/{ML}$"] = hostile.giving(b'{"kind":"APIGroup","versions":[]}')
    inside = await look(server)

    assert inside.work is not None
    assert inside.work.activity is Activity.UNKNOWN


# What may not be read


async def test_a_missing_right_costs_one_fact(server):
    """The others are read, and the reason stands under the fact's name."""
    server.behaviours["^/api/v1/nodes"] = hostile.saying(403)
    inside = await look(server)

    assert unread(inside) == {"nodes"}
    assert inside.trouble == {"nodes": "Muster's identity may not read nodes in the cluster."}


async def test_rights_in_our_namespace_alone_are_enough_for_our_workloads(server):
    """What stands in the others, and whether the legacy router does, is unknown then."""
    for form in ("deployments", "daemonsets", "statefulsets"):
        everywhere = server.lists.pop(f"{APPS}/{form}")
        ours = [one for one in everywhere if one["metadata"]["namespace"] == "azureml"]
        server.lists[f"{APPS}/namespaces/azureml/{form}"] = ours
        server.behaviours[f"^{APPS}/{form}"] = hostile.saying(403)
    inside = await look(server)

    assert len(inside.workloads or ()) == 3
    assert unread(inside) == {"existing", "legacy"}
    assert set(inside.trouble) == {"existing", "legacy"}
    assert "deployments of all namespaces" in inside.trouble["existing"]


async def test_a_legacy_router_that_was_seen_counts_though_its_role_may_not_be_read(server):
    """Seen is seen; only nothing seen needs every answer."""
    server.behaviours["clusterroles"] = hostile.saying(403)
    unseen = await look(server)
    server.lists["/api/v1/services"].append(service("azureml-fe", "default"))
    seen = await look(server)

    assert (unseen.legacy, seen.legacy) == (None, ("service azureml-fe",))


async def test_a_secret_that_may_not_be_read_is_no_missing_secret(server):
    """None for all: a name without keys would say that it does not exist."""
    server.behaviours["secrets/tls"] = hostile.saying(403)

    assert (await look(server, "tls", "other")).secrets is None


@pytest.mark.parametrize("code", [401, 302, 307])
async def test_who_is_not_let_in_asks_once(server, code):
    """The first answer is believed: thirteen more would say the same."""
    server.behaviours[""] = hostile.saying(code)
    inside = await look(server)

    assert unread(inside) >= {"version", "nodes", "workloads"}
    assert (set(inside.trouble), inside.access, inside.work) == ({"access"}, "", None)
    assert server.paths() == ["/version"]


# Hostile servers

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
    "error": hostile.saying(500),
    "throttling": hostile.saying(429, Retry_After="30"),
    "teapot": hostile.saying(418),
}


@pytest.mark.parametrize("name", HOSTILITIES)
async def test_no_answer_hangs_or_crashes_a_look(server, name):
    """Each list that is answered so is None with a reason, in time; what is answered well is read all the same."""
    server.behaviours["/(nodes|pods|deployments)$"] = HOSTILITIES[name]
    started = time.monotonic()
    inside = await look(server)

    assert time.monotonic() - started < HASTY.look + 2
    assert unread(inside) == {"nodes", "pods", "workloads", "existing", "legacy"}
    assert set(inside.trouble) == unread(inside)
    assert (inside.version, inside.load_balancer, inside.namespace) == ("v1.33.2", False, "Active")
    assert TOKEN not in repr(inside)


@pytest.mark.parametrize("name", HOSTILITIES)
async def test_no_server_hangs_or_crashes_a_look(server, name):
    """Nothing at all is read from a server that answers everything so, and nothing is believed of it."""
    server.behaviours[""] = HOSTILITIES[name]
    started = time.monotonic()
    inside = await look(server, "tls")

    assert time.monotonic() - started < HASTY.look + 3
    assert unread(inside) >= {"version", "workloads", "nodes", "pods", "existing", "legacy", "load_balancer", "secrets"}
    assert inside.work is None or inside.work.activity is Activity.UNKNOWN
    assert inside.trouble
    assert TOKEN not in repr(inside)


async def test_the_whole_look_ends_in_its_time(server):
    """However long each answer would be allowed to take."""
    server.behaviours["^(?!/version)"] = hostile.never
    started = time.monotonic()
    inside = await look(server, limits=Limits(look=0.7, request=5.0))

    assert time.monotonic() - started < 2
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


# TLS


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


async def test_an_address_where_nobody_listens_is_told():
    """At once."""
    inside = await InsideReader(HASTY).read(Connection("https://127.0.0.1:1", "user", token=TOKEN), now=NOW)

    assert "could not be reached" in inside.trouble["access"]


# Ways in, without Azure


def test_a_kubeconfig_that_is_handed_in_is_used_as_it_is():
    """Its server and its token, and nothing of Azure."""
    text = json.dumps(kubeconfig("https://edge.example.com:6443/", "-----BEGIN CERTIFICATE-----"))
    found = ClusterAccess(None, None).from_kubeconfig(text)

    assert (found.server, found.how, found.token) == ("https://edge.example.com:6443", "kubeconfig", TOKEN)
    assert TOKEN not in repr(found)


def test_a_handed_in_kubeconfig_that_runs_a_program_is_refused():
    """Muster's own token goes to AKS alone."""
    document = kubeconfig("https://edge.example.com", "-----BEGIN CERTIFICATE-----")
    document["users"][0]["user"] = {"exec": {"command": "kubelogin"}}
    with pytest.raises(Refused, match="service account"):
        ClusterAccess(None, None).from_kubeconfig(json.dumps(document))
