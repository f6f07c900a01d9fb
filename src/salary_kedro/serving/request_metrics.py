"""What Prometheus can read of the requests to the service, from all its workers.

`prometheus_client` decides at its import whether several processes share their numbers, by a
variable that BentoML sets only for its workers: so it is imported when a worker first counts.
Labels take names of routes, statuses, codes and fields alone, never what a client has sent. Every
series is there, at zero, before the first event, or `rate()` would miss that one.
"""

import os
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any

from salary_kedro.serving.prometheus_adapter import observe_all
from salary_kedro.serving.worker_processes import WorkerProcesses

#: Seconds of requests.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_STEPS = (100, 125, 160, 200, 250, 315, 400, 500, 630, 800)
#: Predictions: ten buckets a decade (ISO 3, R10) up to a thousand million. The same for every model
#: and currency, for what was counted by other bounds cannot be compared.
VALUE_BUCKETS = (0, *(step * 10**power / 100 for power in range(9) for step in _STEPS), 10**9)
_ASKED = ("200", "204", "401", "405", "499", "500", "503")
_POSTED = (*_ASKED, "400", "408", "413", "415", "422")
#: What each route may answer; `other` are the paths that are none.
STATUSES = {
    "/predict": _POSTED,
    "/predict_batch": _POSTED,
    "/explain": _POSTED,
    **dict.fromkeys(("/model", "/metrics", "/"), _ASKED),
    **dict.fromkeys(("/openapi.json", "/docs.json", "/schema.json"), _ASKED),
    **dict.fromkeys(("/livez", "/readyz", "/healthz"), _ASKED),
    **{f"/assets/{name}": _ASKED for name in ("page.js", "swagger-ui.css", "swagger-ui-bundle.js")},
    "other": (*_ASKED, "404"),
}
#: The routes that predict.
PREDICTING = ("/predict", "/predict_batch")
#: The codes of all errors.
CODES = (
    "invalid_json", "unauthorized", "not_found", "method_not_allowed", "too_slow", "too_large",
    "unsupported_media_type", "invalid_input", "no_prediction", "busy", "timeout", "no_model",
    "ending", "internal",
)  # fmt: skip
#: What becomes of a value of a request that is out of range.
OUTCOMES = ("warned", "refused")


class RequestMetrics:
    """How many requests came, how long they took, and what came of them."""

    def __init__(self) -> None:
        """Declare the metrics; once in a process."""
        from prometheus_client import Counter, Gauge, Histogram

        self._requests = Counter(
            "salary_requests", "Requests, by route and HTTP status", ["route", "status"]
        )
        self._seconds = Histogram(
            "salary_request_seconds", "Seconds until the answer", ["route"], buckets=BUCKETS
        )
        predictions = Counter("salary_predictions", "Rows that were answered", ["route"])
        self._values = Histogram(
            "salary_predicted_value", "Predictions, in the target's unit", buckets=VALUE_BUCKETS
        )
        self._errors = Counter("salary_errors", "Requests refused, by the error's code", ["code"])
        self._beyond = Counter(
            "salary_out_of_range",
            "Values outside the training range (warned) or outside what is allowed (refused), and "
            "predictions that the target itself may not be (predicted)",
            ["field", "outcome"],
        )
        self._in_flight = Gauge(
            "salary_requests_in_flight", "Requests being answered", multiprocess_mode="livesum"
        )
        self._predictions = {route: predictions.labels(route) for route in PREDICTING}
        for code in CODES:
            self._errors.labels(code)
        self._token_kept = Gauge(
            "salary_token_kept",
            "1 while the token file is not valid and a worker keeps the previous tokens",
            multiprocess_mode="liveall",
        )
        self._of_route = lru_cache(200)(self._find)
        for route, statuses in STATUSES.items():
            for status in statuses:
                self._of_route(route, int(status))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered, well or not."""
        count, time = self._of_route(route, status)
        count.inc()
        time.observe(seconds)

    def _find(self, route: str, status: int) -> tuple[Any, Any]:
        return self._requests.labels(route, str(status)), self._seconds.labels(route)

    def took_on(self, requests: int) -> None:
        """Count requests that are being answered from now on, or no more if negative."""
        self._in_flight.inc(requests)

    def predicted(self, route: str, values: Sequence[float]) -> None:
        """Count the predictions of an answer, one a row, in the target's unit."""
        self._predictions[route].inc(len(values))
        observe_all(self._values, values)

    def refused(self, code: str) -> None:
        """Count an error, by one of `CODES`."""
        self._errors.labels(code).inc()

    def expect(self, fields: Iterable[str], target: str) -> None:
        """Begin to count by the fields of a contract, its inputs and its target."""
        for field in fields:
            for outcome in OUTCOMES:
                self._beyond.labels(field, outcome)
        self._beyond.labels(target, "predicted")

    def token_kept(self, kept: bool) -> None:
        """Tell whether former tokens are kept, for want of good ones."""
        self._token_kept.set(kept)

    def out_of_range(self, outcome: str, fields: Iterable[str]) -> None:
        """Count values by the names of their fields, which must be the contract's."""
        for field, count in Tally(fields).items():
            self._beyond.labels(field, outcome).inc(count)


@cache
def request_metrics() -> RequestMetrics:
    """The metrics of this process."""
    return RequestMetrics()


def exposition() -> tuple[bytes, str]:
    """What all workers have counted, as Prometheus reads it, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = REGISTRY
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
        registry.register(WorkerProcesses(folder))
    return generate_latest(registry), CONTENT_TYPE_LATEST
