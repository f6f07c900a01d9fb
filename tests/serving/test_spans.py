"""Spans of requests, sent to an OpenTelemetry collector as BentoML's own settings say."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support import Project, get, wait_until

pytestmark = pytest.mark.server
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def project(_trained: Project) -> Project:
    """A project in which version 1 is production; do not disturb it."""
    return _trained


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Address of a receiver of OTLP over HTTP, and the spans that it was sent."""
    spans: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = ExportTraceServiceRequest()
            sent.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            for resource in sent.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is to be printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", spans
        server.shutdown()


def options(endpoint: str, rate: str = "1.0", kind: str = "otlp") -> str:
    return (
        f"tracing.exporter_type={kind} tracing.sample_rate={rate} "
        f"tracing.otlp.protocol=http tracing.otlp.endpoint={endpoint}"
    )


def test_requests_when_bentomls_settings_name_a_collector_then_it_gets_a_span_of_each(
    project: Project, collector: tuple[str, list[Any]]
) -> None:
    endpoint, spans = collector
    variables = {"BENTOML_CONFIG_OPTIONS": options(endpoint), "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with project.serve(**variables) as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        traced = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        body = {"experience_years": 5}
        httpx.post(f"{address}/predict", json=body, headers=traced, timeout=30)
        httpx.post(f"{address}/predict_batch", json={"rows": [body]}, timeout=30)
        httpx.get(f"{address}/made/up/by/a/client", timeout=30)
        names = ("POST /predict", "POST /predict_batch", "GET other")
        wait_until(lambda: {*names} <= {span.name for span in spans}, "the spans")

    found = {span.name: span for span in spans}
    span = found["POST /predict"]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, CALLER)
    assert span.end_time_unix_nano > span.start_time_unix_nano
    attributes = {item.key: item.value for item in found["GET other"].attributes}
    assert attributes["http.response.status_code"].int_value == 404


def test_serve_when_spans_are_asked_for_in_a_way_that_is_not_sent_then_ends_with_one_line(
    project: Project,
) -> None:
    result = project.run(
        "bentoml", "serve", BENTOML_CONFIG_OPTIONS=options("http://127.0.0.1:9", kind="zipkin")
    )

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "tracing.exporter_type is 'zipkin': set it to otlp" in result.stderr
