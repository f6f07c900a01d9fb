"""A span of each request for an OpenTelemetry collector, where BentoML's settings name one."""

import time
from collections.abc import Mapping

from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from salary_kedro.serving.routes import PROBES

_OUR_FAULT = 500
_REFUSED = 401
_CALLER = TraceContextTextMapPropagator()
#: Asked for by machines, every few seconds.
_QUIET = frozenset({*PROBES, "/metrics"})


class Spans:
    """Hands on spans; one is made when its request has been answered."""

    def __init__(self, provider: TracerProvider) -> None:
        """Take what samples spans, and sends them."""
        self._tracer = provider.get_tracer("salary_kedro")

    def add(
        self, method: str, route: str, headers: Mapping[bytes, bytes], status: int, seconds: float
    ) -> None:
        """Tell of a request that has just ended, as a part of its caller's trace if it is in one.

        Args:
            method: Its method, or `other`.
            route: Its route, or `other`: names are few, whatever paths clients make up.
            headers: Its headers, of which `traceparent` tells of the caller's trace. Who has no
                token decides about no sampling; `tracestate` is free text, and not handed on.
            status: What was answered.
            seconds: How long that took.
        """
        if route in _QUIET:
            return
        now = time.time_ns()
        parent = b"" if status == _REFUSED else headers.get(b"traceparent", b"")
        span = self._tracer.start_span(
            f"{method} {route}",
            context=_CALLER.extract({"traceparent": parent.decode("latin-1")}),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
            },
            start_time=now - round(seconds * 1e9),
        )
        if status >= _OUR_FAULT:
            span.set_status(Status(StatusCode.ERROR))
        span.end(now)
