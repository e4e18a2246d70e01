"""What one look reads from a cluster's own API server, and what it makes of missing rights."""

import base64
from collections.abc import AsyncIterator

import pytest

from shared.azure.kubernetes_api import Limits
from shared.model.inside import Activity, Existing, Form, Node, Part, Pod, RunningWork, Workload
from tests.contract import cluster_server as hostile
from tests.contract.cluster_looks import NOW, look, unread
from tests.contract.cluster_objects import APPS, OURS, daemons, furnish, group, job, load, meta, node, service
from tests.contract.cluster_server import TOKEN, ClusterServer, serving

ML, VOLCANO = "amlarc.azureml.com", "batch.volcano.sh"


@pytest.fixture
async def server() -> AsyncIterator[ClusterServer]:
    """A friendly API server."""
    async with serving() as started:
        furnish(started)
        yield started


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


async def test_it_is_told_what_runs_and_how_much_of_it(server):
    """By kind: the first by name, and how many more stand beside it; what has ended does not count."""
    server.single[f"/apis/{ML}"] = group(ML, "v1alpha1")
    phases = ("Succeeded", "Running", "Queued", "Failed", "Running")
    server.lists[f"/apis/{ML}/v1alpha1/amljobs"] = [job(f"j-{n}", phase=each) for n, each in enumerate(phases)]
    server.lists[f"/apis/{ML}/v1alpha1/onlineendpoints"] = [job("scoring")]
    work = (await look(server)).work

    assert work is not None
    assert work.detail == (f"amljobs.{ML} training/j-1 (running) and 2 more, onlineendpoints.{ML} training/scoring")


async def test_jobs_that_may_not_be_read_may_run(server):
    """Unknown, which counts as busy, with the reason."""
    server.single[f"/apis/{ML}"] = group(ML, "v1alpha1")
    server.behaviours["amljobs"] = hostile.saying(403)
    inside = await look(server)

    assert inside.work == RunningWork(Activity.UNKNOWN, NOW, inside.trouble["work"])
    assert "may not read amljobs" in inside.trouble["work"]


@pytest.mark.parametrize("missing", ["the group", "its resources"])
async def test_a_cluster_without_the_extensions_resources_tells_nothing_of_work(server, missing):
    """Not there is not idle: the names may be wrong, and unknown counts as busy."""
    del server.lists[f"/apis/{ML}/v1alpha1/amljobs"]
    if missing == "the group":
        del server.single[f"/apis/{ML}"]
    inside = await look(server)

    assert inside.work is not None
    assert inside.work.activity is Activity.UNKNOWN
    assert ML in inside.work.detail


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
