"""A policy kept in a blob: read by identity over https; an invalid one never replaces the last good one."""

from simulator.control import Control
from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage, shipped_policy

BLOB = "policy/policy.yaml"


def _selected(control: Control, name: str) -> str:
    return control.create_cluster(kind="aks", name=name, subscription=SUBSCRIPTION, tags=SELECTED, emit=False)


def test_a_new_instance_with_an_invalid_blob_works_by_the_last_good_one(stage: Stage, control: Control) -> None:
    """A good blob is put in force; after it turned bad a fresh instance installs by the good one and says so."""
    url = control.put_blob(BLOB, shipped_policy())
    stage.stack.restart_host(0, settings={"MUSTER_POLICY": url})
    first = _selected(control, "blob-good")
    stage.sweep()
    stage.installed(first)
    good = stage.health()["policy"]

    control.put_blob(BLOB, "version: 1\nprofilez: {}\n")
    stage.stack.restart_host(0)
    second = _selected(control, "blob-bad")
    stage.sweep()
    stage.installed(second)

    health = stage.health()
    assert health["policy"]["digest"] == good["digest"]
    assert health["policy"]["generation"] == good["generation"]
    assert [problem["code"] for problem in health["problems"]] == ["PolicyRefused"]
    refused = stage.get("/api/policy").body["refused"]
    assert any("policy.yaml:2" in finding and "profiles" in finding for finding in refused["findings"])


def test_a_blob_that_is_gone_leaves_the_last_good_one_in_force(stage: Stage, control: Control) -> None:
    """With no document on offer at all, clusters are still looked after by the generation in force."""
    stage.stack.restart_host(0, settings={"MUSTER_POLICY": f"{control.url}/devstoreaccount1/policy/none.yaml"})
    third = _selected(control, "blob-gone")
    stage.sweep()
    stage.installed(third)
    assert stage.logs("policy-unreadable")
    assert len(stage.puts(third)) == 1
