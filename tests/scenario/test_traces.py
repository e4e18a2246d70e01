"""What an OpenTelemetry collector gets from a host: one trace from the event to the final state, and the figures."""

from collections.abc import Iterator

import pytest

from tests.scenario.collector import Collector, Span, collecting
from tests.scenario.stage import SELECTED, SUBSCRIPTION, Stage, sample

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def collected() -> Iterator[tuple[str, Collector]]:
    """A collector, and its address."""
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def collector(collected: tuple[str, Collector]) -> Collector:
    """What it got."""
    return collected[1]


@pytest.fixture(scope="module")
def stage(collected: tuple[str, Collector], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stack whose host exports to it, often."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collected[0],
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
    }
    with Stage.open(tmp_path_factory.mktemp("stage"), settings=settings) as opened:
        yield opened


def test_one_trace_runs_from_the_event_to_the_final_state(stage: Stage, collector: Collector) -> None:
    """The event's trace id stands in the looks, in the PUT below one of them, and in the look that sees it Current."""
    cluster = stage.control.create_cluster(
        kind="arc", name="arc-traced", subscription=SUBSCRIPTION, tags=SELECTED, emit=False
    )
    event = sample("eg_arc_write")
    event[0]["subject"] = event[0]["data"]["resourceUri"] = cluster
    answer = stage.deliver(event, headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert answer == 202
    stage.installed(cluster)

    def looks() -> list[Span]:
        return [each for each in collector.spans if each.name == "reconcile"]

    stage.until(lambda: looks() and looks()[-1].attributes.get("muster.condition") == "Current", "the last span")
    stage.until(lambda: any("PUT" in each.name for each in collector.spans), "the spans of requests")

    mine = [each for each in looks() if each.attributes["muster.cluster"] == cluster.lower()]
    assert {each.trace for each in mine} == {TRACE}
    assert next(each.attributes["muster.asked"] for each in mine) == "event"
    assert {"Install", "Nothing"} <= {each.attributes["muster.action"] for each in mine}
    puts = [each for each in collector.spans if each.name == "PUT" and "/extensions/" in each.attributes["url.full"]]
    assert [each.trace for each in puts] == [TRACE]


def test_the_figures_are_measured(stage: Stage, collector: Collector) -> None:
    """Decisions, writes, calls of Azure with their status, the queue's age, and the fleet as a sweep sees it."""
    stage.sweep()

    stage.until(lambda: {"condition": "Current"} in collector.points("muster.clusters"), "the sweep's gauges")
    assert {"action": "Install", "condition": "Missing"} in collector.points("muster.decisions")
    assert {"action": "Install", "sent": "accepted"} in collector.points("muster.writes")
    assert {"method": "PUT", "status": 201} in collector.points("muster.azure.calls")
    assert collector.points("muster.queue.age")
    assert {"whole": True} in collector.points("muster.sweep.duration")
    stage.sweep()
    stage.until(lambda: collector.points("muster.sweep.lag"), "the time between two sweeps")


def test_no_secret_is_exported(stage: Stage, collector: Collector) -> None:
    """The relay's key went through the host, and stands in no span and no metric."""
    secrets = [text for relay in stage.control.relays() for text in relay["connectionStrings"]]

    assert secrets
    for secret in secrets:
        key = secret.partition("SharedAccessKey=")[2].partition(";")[0]
        assert key
        assert key.encode() not in collector.raw
