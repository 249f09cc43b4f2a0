"""OpenTelemetry: one trace from the socket to the reply, carried as W3C `traceparent` in events and headers.

Spans are exported where `OTEL_EXPORTER_OTLP_ENDPOINT` says; without it they still have ids, which logs show.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind

_tracer = trace.get_tracer("antiphon")


def setup(service: str, instance: str, otlp_endpoint: str | None) -> TracerProvider:
    """Afterwards spans are recorded. The provider's `shutdown` flushes them."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"antiphon-{service}", "service.instance.id": instance})
    )
    if otlp_endpoint:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
    return provider


@contextmanager
def span(
    name: str, traceparent: str = "", kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int
) -> Iterator[Span]:
    """A span that continues the trace in `traceparent`, or the current one."""
    parent = propagate.extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, parent, kind, attributes=attributes) as current:
        yield current


def traceparent() -> str:
    """The current trace as a `traceparent`; empty outside a span."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent", "")
