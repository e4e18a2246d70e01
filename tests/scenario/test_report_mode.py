"""Report mode with the reader's role: the whole demo fleet is watched, and nothing that writes is even asked for."""

from typing import Any

from demo.cast import CAST
from devhost.stack import READER
from tests.scenario.stage import SUBSCRIPTION, Stage, sample, shipped_policy

# Looking into clusters takes a credential, which is a part of the role of its own (infra/roles/verification.json).
POLICY = shipped_policy().replace("  aks: user", "  aks: none")
STAGE: dict[str, Any] = {"roles": READER, "settings": {"MUSTER_MODE": "report"}, "policy": POLICY}
# What the second test goes without.
LACKING = ("Microsoft.KubernetesConfiguration/extensions/write", "Microsoft.Relay/namespaces/write")
# Reads that are sent as a POST.
_QUERIES = {"resource-graph"}


def test_the_demo_fleet_is_watched_with_the_readers_role(stage: Stage) -> None:
    """Events and two sweeps: every cluster is decided about, no action lacks, and Azure sees no write of any kind."""
    clusters = {
        member.name: stage.control.create_cluster(
            kind=member.kind,
            name=member.name,
            resource_group=member.resource_group,
            subscription=SUBSCRIPTION,
            tags=dict(member.tags),
            emit=False,
            **member.facts,
        )
        for member in CAST
    }
    for cluster in clusters.values():
        event = sample("eg_aks_write")
        event[0]["subject"] = event[0]["data"]["resourceUri"] = cluster
        assert stage.deliver(event) == 202
    stage.quiet()
    stage.sweep()
    stage.quiet()
    stage.sweep()

    figures = stage.get("/api/compliance").body
    listed = {item["name"]: item["reason"] for item in stage.get("/api/clusters").body["items"]}
    would = [name for name, reason in listed.items() if reason.startswith("Would ")]
    asked = stage.control.requests()

    assert figures["clusters"] == len(CAST)
    assert set(listed) == set(clusters)
    assert len(would) >= 5
    assert stage.control.lacking() == []
    assert [entry for entry in asked if entry["status"] in {401, 403}] == []
    assert [e for e in asked if e["method"] not in {"GET", "HEAD"} and e["service"] not in _QUERIES] == []


def test_enforce_mode_without_the_operators_role_is_told(stage: Stage) -> None:
    """The one setting without the one role: nothing is written, and the reason names the action that lacks."""
    stage.stack.restart_host(0, {"MUSTER_MODE": "enforce"})
    stage.sweep()
    cluster = next(each for each in stage.control.clusters() if each.endswith("/aks-poc"))

    stage.until(lambda: "extensions/write" in str(stage.memory(cluster).get("reason")), "the refusal to be told")

    assert stage.control.lacking() != []
    assert stage.control.extensions(cluster) == []
