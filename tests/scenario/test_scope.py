"""MUSTER_SCOPE with a management group: members are looked after, others are not; until it is known, nobody is."""

from simulator.control import Control
from tests.scenario.stage import SELECTED, Stage

MEMBER = "21111111-1111-1111-1111-111111111111"
STRANGER = "31111111-1111-1111-1111-111111111111"
STAGE = {"settings": {"MUSTER_SCOPE": "managementGroups/mg-edge"}}


def _cluster(control: Control, subscription: str, name: str) -> str:
    return control.create_cluster(kind="aks", name=name, subscription=subscription, tags=SELECTED, emit=False)


def _event(stage: Stage, cluster_id: str) -> None:
    assert stage.deliver(
        {
            "id": "1",
            "source": cluster_id.partition("/resourceGroups")[0],
            "specversion": "1.0",
            "type": "Microsoft.Resources.ResourceWriteSuccess",
            "subject": cluster_id,
            "time": "2026-08-20T10:20:30.1234567Z",
            "data": {"operationName": "Microsoft.ContainerService/managedClusters/write"},
        }
    ) in {200, 202}


def test_until_the_members_are_known_a_message_waits(stage: Stage, control: Control) -> None:
    """With the membership unreadable no request names the cluster and the message waits; then there is one PUT."""
    control.add_subscription(MEMBER, ["mg-edge"])
    control.add_subscription(STRANGER, ["mg-other"])
    cluster = _cluster(control, MEMBER, "member-early")
    fault = control.add_fault(service="resource-graph", kind="status", status=503, when="before", body={})
    _event(stage, cluster)
    stage.until(lambda: stage.logs("scope-unknown"), "the scope to be found unknown")
    stage.until(lambda: stage.queue_length() == 1 and not stage.queue_messages(), "the message to wait")
    stage.until(lambda: stage.logs("look-again", cluster=cluster.lower()), "the look to be put off")
    assert stage.requests(cluster) == []
    control.clear_faults(fault)
    stage.sweep()
    stage.installed(cluster)
    assert len(stage.puts(cluster)) == 1


def test_members_are_looked_after_and_strangers_are_not(stage: Stage, control: Control) -> None:
    """A tagged cluster of the group is installed; one of another group is not even read."""
    inside, outside = _cluster(control, MEMBER, "member-late"), _cluster(control, STRANGER, "stranger")
    _event(stage, outside)
    _event(stage, inside)
    stage.installed(inside)
    stage.quiet()
    stage.sweep()
    stage.quiet()
    assert stage.requests(outside) == []
    assert stage.logs("out-of-scope", cluster=outside.lower())
