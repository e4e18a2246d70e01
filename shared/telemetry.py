"""Traces and metrics, where somebody collects them; a dozen comparisons with None where nobody does.

A look's span is the child of what asked for it: the invocation that took the event, or the sweep. The message carries
that parent (`traceparent`, W3C Trace Context), and a follow-up carries it on, so that one trace tells of a cluster from
the event to the end of its installation. `shared.azure.telemetry` decides who collects.

Attributes are what a decision says in the log: ids of clusters, actions, codes. No names of people, no secret.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The event function imports this module at every cold start, and OpenTelemetry would be half of it.
    from opentelemetry.metrics import Counter, Histogram, Meter
    from opentelemetry.metrics import _Gauge as Gauge
    from opentelemetry.trace import Span, Tracer

type Attribute = str | int | float | bool


class _Collected:
    """What measures and traces; None until `begin`."""

    tracer: "Tracer | None" = None
    meter: "Meter | None" = None
    counters: "dict[str, Counter]"
    histograms: "dict[str, Histogram]"
    gauges: "dict[str, tuple[Gauge, set[str]]]"


_COLLECTED = _Collected()


def begin(tracer: "Tracer | None", meter: "Meter | None") -> None:
    """Trace and measure from now on; None stops it."""
    _COLLECTED.tracer, _COLLECTED.meter = tracer, meter
    _COLLECTED.counters, _COLLECTED.histograms, _COLLECTED.gauges = {}, {}, {}


class Told:
    """A span to which more may be said; of none, where nobody collects."""

    def __init__(self, span: "Span | None") -> None:
        self._span = span

    def say(self, **attributes: Attribute | None) -> None:
        """Add attributes; None is left out."""
        if self._span is not None:
            for name, value in attributes.items():
                if value is not None:
                    self._span.set_attribute(f"muster.{name}", value)


@contextmanager
def span(name: str, parent: str | None = None, **attributes: Attribute | None) -> Iterator[Told]:
    """A span for the length of the block, below `parent` (a traceparent), or below the span that is open."""
    tracer = _COLLECTED.tracer
    if tracer is None:
        yield Told(None)
        return
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    above = TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None
    # An exception's message may hold what nobody should read elsewhere; its type stands in the log.
    with tracer.start_as_current_span(name, context=above, record_exception=False) as opened:
        told = Told(opened)
        told.say(**attributes)
        yield told


def traceparent() -> str | None:
    """The open span, as a message carries it; None where there is none."""
    if _COLLECTED.tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def add(name: str, by: int = 1, **attributes: Attribute) -> None:
    """Raise a counter."""
    if _COLLECTED.meter is not None:
        if name not in _COLLECTED.counters:
            _COLLECTED.counters[name] = _COLLECTED.meter.create_counter(name)
        _COLLECTED.counters[name].add(by, attributes)


def record(name: str, value: float, unit: str, **attributes: Attribute) -> None:
    """Add a value to a distribution."""
    if _COLLECTED.meter is not None:
        if name not in _COLLECTED.histograms:
            _COLLECTED.histograms[name] = _COLLECTED.meter.create_histogram(name, unit)
        _COLLECTED.histograms[name].record(value, attributes)


def stand(name: str, by: str, counts: Mapping[str, int]) -> None:
    """Say how high something stands now, by one attribute; what is no longer counted stands at zero."""
    if _COLLECTED.meter is None:
        return
    if name not in _COLLECTED.gauges:
        _COLLECTED.gauges[name] = _COLLECTED.meter.create_gauge(name), set()
    gauge, known = _COLLECTED.gauges[name]
    known.update(counts)
    for value in known:
        gauge.set(counts.get(value, 0), {by: value})
