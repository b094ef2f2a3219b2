"""Tracing with OpenTelemetry: the only module that knows it. Imported when it is switched on, and never
else, so that it costs nothing.

Where spans go, and how many, the standard's own variables say (OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME and others). No span has a text, a room's or an author's name.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from messenger import __version__

__all__ = ["Span", "SpanKind", "exporting", "failed", "span", "traceparent"]

_W3C = TraceContextTextMapPropagator()
# What is left is handed over at the end, but a collector that is away does not hold up a stop.
_FAREWELL_S = 2.0

Attributes = Mapping[str, str | int]


class _Tracing:
    """Whom spans are made by: nobody, until something is exported."""

    tracer: trace.Tracer = trace.NoOpTracer()


_tracing = _Tracing()


@contextlib.contextmanager
def exporting(process: str, exporter: SpanExporter | None = None) -> Iterator[None]:
    """Sends what is traced to the collector, from now on and until the end; `process` is the name that
    it goes by, unless the environment gives another."""
    # The environment's OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before it.
    resource = Resource.create({SERVICE_NAME: process, "service.version": __version__}).merge(
        OTELResourceDetector().detect()
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
    _tracing.tracer = provider.get_tracer("messenger", __version__)
    try:
        yield
    finally:
        _tracing.tracer = trace.NoOpTracer()
        farewell = threading.Thread(target=provider.shutdown, daemon=True)
        farewell.start()
        farewell.join(_FAREWELL_S)


@contextlib.contextmanager
def span(
    name: str,
    kind: SpanKind,
    attributes: Attributes,
    *,
    parent: str | None = None,
    links: Sequence[str] = (),
) -> Iterator[Span]:
    """A span round a block, inside of the one that is current or of the `parent`, with links to others,
    all as traceparent headers have it. What is no traceparent is passed over."""
    # Not record_exception: an error's words may hold what somebody sent.
    with _tracing.tracer.start_as_current_span(
        name,
        context=_W3C.extract({"traceparent": parent}) if parent else None,
        kind=kind,
        attributes=attributes,
        links=[Link(each) for each in map(_context, links) if each.is_valid],
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            failed(current, type(error).__name__)
            raise


def failed(current: Span, kind: str) -> None:
    """Marks a span as failed; `kind` is a class's or a code's name."""
    current.set_attribute("error.type", kind)
    current.set_status(Status(StatusCode.ERROR))


def traceparent() -> str | None:
    """The current span as a traceparent; None where there is none, or where it is not sampled."""
    if not trace.get_current_span().get_span_context().trace_flags.sampled:
        return None
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


def _context(parent: str) -> trace.SpanContext:
    return trace.get_current_span(_W3C.extract({"traceparent": parent})).get_span_context()
