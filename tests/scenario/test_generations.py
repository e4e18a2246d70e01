"""The policy changes while clusters are being onboarded by two hosts."""

import pytest

from tests.scenario.stage import SELECTED, SUBSCRIPTION, TIMING, Json, Stage

SETTING = "installNvidiaDevicePlugin"
FIRST = f"""\
version: 1
profiles:
  training:
    settings:
      enableTraining: true
rules:
  - name: all
    profile: training
remediation:
  timing: {{{", ".join(f"{name}: {value}" for name, value in TIMING.items())}}}
"""
# Switching a component on interrupts nothing, so the shipped enforcement sends it at once.
SECOND = FIRST.replace("enableTraining: true", f"enableTraining: true\n      {SETTING}: true")
STAGE = {"policy": FIRST, "hosts": 2}
# An instance looks for a changed policy every 15 seconds.
POLICY_IS_READ_WITHIN = 25.0


def onboard(stage: Stage, prefix: str, count: int) -> list[str]:
    """Clusters of both kinds, tagged, announced by events."""
    return [
        stage.control.create_cluster(
            kind="arc" if number % 4 == 0 else "aks",
            name=f"{prefix}-{number}",
            subscription=SUBSCRIPTION,
            tags=SELECTED,
        )
        for number in range(count)
    ]


def sent_settings(write: Json) -> Json:
    """The settings in the body of a write."""
    settings: Json = write["body"]["properties"]["configurationSettings"]
    return settings


@pytest.fixture(scope="module", autouse=True)
def events(stage: Stage) -> None:
    """Event Grid delivers to both hosts, every event twice."""
    for host in (0, 1):
        stage.control.subscribe(stage.events_url(host), "CloudEventSchemaV1_0")
    stage.control.durations(create=3, update=1)


def test_each_cluster_is_updated_once_for_a_generation(stage: Stage) -> None:
    """Whichever host works by which document meanwhile: one PUT, at most one PATCH, none goes back, all end alike."""
    clusters = onboard(stage, "early", 10)
    stage.until(lambda: len(stage.control.writes()) >= 5, "the first installs")
    stage.policy_file.write_text(SECOND)
    # A new instance works by the new document at once; the old one still knows the first.
    stage.stack.restart_host(1)
    clusters += onboard(stage, "late", 10)
    for host in (0, 1):
        stage.until(
            lambda one=host: stage.health(one)["policy"]["generation"] == 2,
            f"generation 2 on host {host}",
            POLICY_IS_READ_WITHIN,
        )
    stage.installed(*clusters)
    for _ in range(2):
        stage.sweep()
        stage.quiet()
        stage.installed(*clusters)

    for cluster in clusters:
        writes = stage.writes(cluster)
        assert [write["method"] for write in writes] in (["PUT"], ["PUT", "PATCH"])
        wanted = [sent_settings(write).get(SETTING, "").lower() == "true" for write in writes]
        assert wanted == sorted(wanted)
        assert stage.control.extensions(cluster)[0]["properties"]["configurationSettings"][SETTING].lower() == "true"
    assert {write["method"] for write in stage.control.writes()} == {"PUT", "PATCH"}
    assert all(stage.invocations(host)["reconcile"]["succeeded"] for host in (0, 1))
    mark = stage.mark()
    stage.sweep()
    stage.quiet()
    assert stage.control.writes(mark) == []
