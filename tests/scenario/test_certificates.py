"""TLS from Key Vault, end to end: sent checked, rotated by one PATCH, and found nowhere afterwards."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, TIMING, Stage
from tests.unit.azureml.authority import Issued, issue

CNAME = "ml.example.com"
TLS_KEYS = {"scoringFe.sslCert", "scoringFe.sslKey"}
RELAY_KEYS = {"relayServerConnectionString", "relayserver.relayConnectionString"}
POLICY = """
version: 1
profiles:
  https:
    settings: {{enableInference: true, inferenceRouterServiceType: nodePort, sslCname: {cname}}}
    tls: {{keyVaultCertificate: "{vault}/certificates/ml"}}
rules: [{{name: all, profile: https}}]
remediation: {{timing: {{{times}}}}}
"""


def certificate(*, name: str = CNAME, ends: timedelta = timedelta(days=60)) -> tuple[Issued, str]:
    """A certificate with its key, and both as Key Vault keeps them."""
    now = datetime.now(UTC)
    made = issue(name, sans=(name,), start=now - timedelta(days=1), end=now + ends)
    return made, made.key_pem() + made.pem


def traces(stage: Stage) -> str:
    """All that Muster left behind: logs, tables, queues, documents and answers."""
    logs = "".join(path.read_text() for name, path in stage.stack.logs().items() if name.startswith("host"))
    tables = "".join(
        json.dumps(dict(entity), default=str)
        for table in stage.tables.list_tables()
        for entity in stage.tables.get_table_client(table.name).list_entities()
    )
    queues = json.dumps([stage.queue_messages(queue) for queue in ("reconcile", "reconcile-poison")])
    blobs = "".join(
        repr(stage.blobs.get_blob_client(container.name, blob.name).download_blob().readall())
        for container in stage.blobs.list_containers()
        for blob in stage.blobs.get_container_client(container.name).list_blobs()
    )
    answers = [stage.get(path).body for path in ("/api/clusters", "/api/compliance", "/api/policy", "/api/health")]
    answers += [stage.cluster(cluster_id) for cluster_id in stage.control.clusters()]
    return "\n".join((logs, tables, queues, blobs, json.dumps(answers, default=str)))


def secrets_of(stage: Stage, *stored: str) -> list[str]:
    """Every line of PEM, and every connection string, that must not be found anywhere."""
    lines = [line for text in stored for line in text.splitlines() if line and not line.startswith("-----")]
    strings = [text for relay in stage.control.relays() for text in relay["connectionStrings"]]
    keys = [key for text in strings for key in re.findall(r"SharedAccessKey=([^;]+)", text)]
    return [*lines, *strings, *keys]


@pytest.fixture(scope="module")
def first(stage: Stage) -> str:
    """The first version of the certificate, and a policy that takes it from the vault."""
    _, stored = certificate()
    stage.control.put_certificate("ml", stored)
    times = ", ".join(f"{name}: {value}" for name, value in TIMING.items())
    stage.policy_file.write_text(POLICY.format(vault=stage.control.url, cname=CNAME, times=times))
    return stored


@pytest.fixture(scope="module")
def clusters(stage: Stage, first: str) -> tuple[str, str]:
    """An AKS and an Arc cluster with the first version."""
    assert first
    stage.control.subscribe(stage.events_url(), "EventGridSchema")
    made = tuple(
        stage.control.create_cluster(kind=kind, name=f"tls-{kind}", subscription=SUBSCRIPTION, tags=SELECTED)
        for kind in ("aks", "arc")
    )
    stage.installed(*made)
    return made


def protected_of(request) -> set[str]:
    """The names of the protected settings that a request carried."""
    return set((request["body"]["properties"].get("configurationProtectedSettings") or {}).keys())


def test_a_rotation_is_one_patch_with_every_protected_value(stage: Stage, clusters, first: str) -> None:
    """Exactly one PATCH each; both TLS keys and, on Arc, both relay keys in it; nothing of them anywhere else."""
    _, second = certificate()
    for cluster_id, names in zip(clusters, (TLS_KEYS, TLS_KEYS | RELAY_KEYS), strict=True):
        (put,) = stage.puts(cluster_id)
        assert protected_of(put) == names
    mark = stage.mark()
    stage.sweep()
    stage.quiet()
    assert [stage.writes(cluster_id, mark) for cluster_id in clusters] == [[], []]

    stage.control.put_certificate("ml", second)
    for cluster_id in clusters:
        stage.control.change_cluster(cluster_id, _heartbeat(stage, cluster_id), emit=False)
    for _ in range(3):
        stage.sweep()
        stage.quiet()
        stage.settled(*clusters)

    for cluster_id, names in zip(clusters, (TLS_KEYS, TLS_KEYS | RELAY_KEYS), strict=True):
        (patch,) = stage.writes(cluster_id, mark)
        assert patch["method"] == "PATCH"
        assert protected_of(patch) == names
        assert stage.memory(cluster_id)["certificate"].startswith("v1:")
    found = traces(stage)
    assert '"decision"' in found
    assert [secret for secret in secrets_of(stage, first, second) if secret in found] == []


def _heartbeat(stage: Stage, cluster_id: str) -> dict[str, str]:
    """An Arc agent that was heard of just now; nothing on AKS."""
    now = datetime.fromtimestamp(stage.control.now(), UTC).isoformat()
    return {"lastConnectivityTime": now} if "connectedClusters" in cluster_id else {}


@pytest.mark.parametrize(
    ("name", "ends", "told"),
    [("other.example.com", timedelta(days=9), "tls-cname"), (CNAME, timedelta(seconds=-60), "tls-expired")],
)
def test_a_bad_version_is_not_sent(stage: Stage, clusters, name: str, ends: timedelta, told: str) -> None:
    """A certificate for another name, and one that has ended, are held by their check; what serves goes on serving."""
    _, bad = certificate(name=name, ends=ends)
    stage.control.put_certificate("ml", bad)
    mark = stage.mark()
    stage.sweep()
    (aks, _) = clusters
    held = stage.until(
        lambda: (stage.memory(aks).get("state") or {}).get("hold") and told in stage.memory(aks)["reason"],
        f"a hold by {told}",
    )

    assert held
    assert stage.writes(aks, mark) == []
    assert [secret for secret in secrets_of(stage, bad) if secret in traces(stage)] == []
