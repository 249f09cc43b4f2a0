"""OpenTelemetry: one trace from the socket to the reply, carried as W3C `traceparent` in events and headers.

Spans are exported where `OTEL_EXPORTER_OTLP_ENDPOINT` says. Without it they have ids, which logs show, and are not
recorded: recording took a fifth of what a message costs a gateway.
"""

from contextlib import AbstractContextManager

from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

_tracer = trace.get_tracer("antiphon")
_ids = RandomIdGenerator()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_recording = True


def setup(service: str, instance: str, otlp_endpoint: str | None) -> TracerProvider:
    """Afterwards spans are recorded, if they have an endpoint to go to. The provider's `shutdown` flushes them."""
    global _recording
    _recording = bool(otlp_endpoint)
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"antiphon-{service}", "service.instance.id": instance})
    )
    if otlp_endpoint:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
    return provider


def span(
    name: str, traceparent: str = "", kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int
) -> AbstractContextManager[Span]:
    """A span that continues the trace in `traceparent`, or the current one."""
    parent = propagate.extract({"traceparent": traceparent}) if traceparent else None
    if not _recording:
        return _Named(parent)
    return _tracer.start_as_current_span(name, parent, kind, attributes=attributes)


class _Named:
    """A span that has ids and is not recorded."""

    __slots__ = ("_parent", "_token")

    def __init__(self, parent: context.Context | None) -> None:
        self._parent = parent

    def __enter__(self) -> Span:
        above = trace.get_current_span(self._parent).get_span_context()
        trace_id = above.trace_id if above.is_valid else _ids.generate_trace_id()
        current = NonRecordingSpan(SpanContext(trace_id, _ids.generate_span_id(), False, _SAMPLED))
        self._token = context.attach(trace.set_span_in_context(current, self._parent))
        return current

    def __exit__(self, *_raised: object) -> None:
        context.detach(self._token)


def is_recording() -> bool:
    """Whether spans go anywhere."""
    return _recording


def new_traceparent() -> str:
    """The beginning of a trace that nothing is recorded of: its ids find what belongs together."""
    return f"00-{_ids.generate_trace_id():032x}-{_ids.generate_span_id():016x}-01"


def traceparent() -> str:
    """The current trace as a `traceparent`; empty outside a span. Source: W3C Trace Context, 3.2 (version 00)."""
    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        return ""
    return f"00-{current.trace_id:032x}-{current.span_id:016x}-{current.trace_flags:02x}"
