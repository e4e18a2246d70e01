"""Who collects traces and metrics: an OpenTelemetry collector, Application Insights, or nobody.

`OTEL_EXPORTER_OTLP_ENDPOINT` names a collector (OTLP over HTTP); else `APPLICATIONINSIGHTS_CONNECTION_STRING` names
Application Insights, to which Muster's identity writes (its role is Monitoring Metrics Publisher; local authentication
is off). Logs are not sent from here: the Functions host forwards them (host.json, `telemetryMode`).
"""

from typing import TYPE_CHECKING

from shared import telemetry
from shared.config import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

_SCOPE = "muster"


def begin(settings: Settings) -> None:
    """Begin to trace and measure, if somebody is named who collects."""
    if not settings.otlp_endpoint and not settings.insights_connection:
        return
    from azure.core.settings import settings as sdk
    from opentelemetry import trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    spans, metrics = _exporters(settings)
    resource = Resource.create({"service.name": _SCOPE, "service.instance.id": settings.instance})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    # The SDK clients ask the global provider for their tracer.
    trace.set_tracer_provider(tracers)
    sdk.tracing_enabled = True
    meters = MeterProvider([PeriodicExportingMetricReader(metrics)], resource=resource)
    telemetry.begin(tracers.get_tracer(_SCOPE), meters.get_meter(_SCOPE))


def _exporters(settings: Settings) -> "tuple[SpanExporter, MetricExporter]":
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        base = settings.otlp_endpoint.rstrip("/")
        return OTLPSpanExporter(endpoint=f"{base}/v1/traces"), OTLPMetricExporter(endpoint=f"{base}/v1/metrics")
    from azure.identity import ManagedIdentityCredential
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter

    # The exporter sends from a thread of its own, by a credential that is not bound to an event loop.
    identity = ManagedIdentityCredential(client_id=settings.client_id or None)
    given = {"connection_string": settings.insights_connection, "credential": identity, "disable_offline_storage": True}
    return AzureMonitorTraceExporter(**given), AzureMonitorMetricExporter(**given)
