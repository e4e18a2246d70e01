"""Notices from a look or a sweep, by the outbox and the official client, to an Event Grid topic."""

from collections import Counter
from typing import Any

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage, shipped_policy

TOPIC = "fleet"


@pytest.fixture(scope="module")
def told(stage: Stage) -> Stage:
    """A Muster with a topic, whose address is known only when the simulator runs."""
    stage.control.subscribe(stage.events_url(), "EventGridSchema")
    stage.stack.restart_host(0, {"MUSTER_EVENTS_ENDPOINT": f"{stage.stack.simulator_url}/topics/{TOPIC}/api/events"})
    return stage


def cluster_of(stage: Stage, name: str, **facts: Any) -> str:
    """A new cluster, announced by an event."""
    facts = {"kind": "aks", "tags": SELECTED, "nodes": 3} | facts
    return stage.control.create_cluster(name=name, subscription=SUBSCRIPTION, **facts)


def published(stage: Stage, subject: str | None) -> list[dict[str, Any]]:
    """What the topic accepted about a cluster; None: about the fleet."""
    wanted = subject.lower() if subject else None
    return [each for each in stage.control.published(TOPIC) if each.get("subject") == wanted]


def kinds(stage: Stage, subject: str | None) -> Counter[str]:
    """The same by type."""
    return Counter(each["type"] for each in published(stage, subject))


def test_an_installation_is_told_once(told: Stage) -> None:
    """A CloudEvent 1.0 with the cluster as its subject, Muster as its source, and words for people."""
    cluster = cluster_of(told, "told-once")
    told.until(lambda: kinds(told, cluster), "the notice")
    told.installed(cluster)
    told.sweep()
    told.quiet()
    (event,) = published(told, cluster)

    assert event["type"] == "Muster.ClusterInstalled"
    assert event["specversion"] == "1.0"
    assert event["source"].startswith("muster/")
    assert event["data"]["condition"] == "Current"
    assert event["data"]["reason"] == "All settings are as wanted."


def test_a_failure_and_its_repair_are_told(told: Stage) -> None:
    """With class and remedy; and the end of it as an installation, since it never worked before."""
    cluster = cluster_of(told, "fails-first", emit=False)
    told.control.outcome(cluster, fail="Helm installation failed: timed out waiting for the condition", times=1)

    def mended() -> int:
        told.sweep()  # which brings the next attempt about
        return kinds(told, cluster)["Muster.ClusterInstalled"]

    told.until(mended, "the end of it")
    failed = next(each["data"] for each in published(told, cluster) if each["type"] == "Muster.ClusterFailed")

    assert failed["class"]
    assert failed["remedy"]
    assert kinds(told, cluster) == {"Muster.ClusterFailed": 1, "Muster.ClusterInstalled": 1}


def test_a_topic_that_is_away_loses_nothing_and_holds_up_nobody(told: Stage) -> None:
    """Refused, silent, and accepted without an answer: the installation goes on, the notice comes when it can."""
    for rule in ({"kind": "status", "status": 503}, {"kind": "reset", "when": "before"}):
        told.control.add_fault(service="event-grid-topic", method="POST", times=1, **rule)
    cluster = cluster_of(told, "topic-away")
    told.installed(cluster)
    before = kinds(told, cluster)
    told.until(lambda: kinds(told, cluster), "the notice")
    told.control.clear_faults()

    assert before == {}
    assert kinds(told, cluster) == {"Muster.ClusterInstalled": 1}
    assert told.queue_messages("notifications-poison") == []


def test_what_was_accepted_without_an_answer_comes_twice_under_one_id(told: Stage) -> None:
    """Subscribers tell it by source and id."""
    told.control.add_fault(service="event-grid-topic", method="POST", times=1, kind="status", status=500, when="after")
    cluster = cluster_of(told, "accepted-unanswered")
    told.until(lambda: len(published(told, cluster)) == 2, "both")

    assert len({each["id"] for each in published(told, cluster)}) == 1


def test_a_tag_that_nobody_can_read_is_told(told: Stage) -> None:
    """Whoever set it should hear of it."""
    cluster = cluster_of(told, "what-tag", tags={"aml-onboard": "perhaps"})
    told.until(lambda: kinds(told, cluster), "the notice")

    assert kinds(told, cluster) == {"Muster.ClusterTagInvalid": 1}


def test_the_fleet_is_told_of_once(told: Stage) -> None:
    """The day's figures; a policy that is refused; a sweep that sees too little, and its end: each one time."""
    told.sweep()
    told.until(lambda: kinds(told, None)["Muster.DailyDigest"], "the digest")
    told.policy_file.write_text("version: 1\nrulez: []\n")
    told.stack.restart_host(0)
    told.sweep()
    told.sweep()
    told.policy_file.write_text(shipped_policy())
    told.stack.restart_host(0)
    told.control.deny(SUBSCRIPTION)
    told.sweep()
    told.sweep()
    told.control.allow(SUBSCRIPTION)
    told.sweep()
    told.sweep()
    told.until(lambda: kinds(told, None)["Muster.SweepWhole"], "the end of it")

    assert kinds(told, None) == {
        "Muster.DailyDigest": 1,
        "Muster.PolicyRefused": 1,
        "Muster.SweepPartial": 1,
        "Muster.SweepWhole": 1,
    }
    refused = next(each["data"] for each in published(told, None) if each["type"] == "Muster.PolicyRefused")
    assert "rulez" in str(refused)


def test_no_notice_carries_a_secret_or_a_person(told: Stage) -> None:
    """All that was told in this module, in one text."""
    text = str(told.control.published())

    assert "SharedAccessKey" not in text
    assert "claims" not in text
