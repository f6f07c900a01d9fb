"""What Prometheus can read of the requests to the service, from all its workers.

`prometheus_client` decides at its import whether several processes share their numbers, by a
variable that BentoML sets only for its workers: so it is imported when a worker first counts.
Labels take names of routes, statuses, codes and fields alone, never what a client has sent.
"""

import os
from collections import Counter as Tally
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


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
        self._predictions = Counter("salary_predictions", "Rows that were answered", ["route"])
        self._errors = Counter("salary_errors", "Requests refused, by the error's code", ["code"])
        self._beyond = Counter(
            "salary_out_of_range",
            "Values beyond what the training covered (warned) or what is allowed (refused)",
            ["field", "outcome"],
        )
        self._in_flight = Gauge(
            "salary_requests_in_flight", "Requests being answered", multiprocess_mode="livesum"
        )
        self._of_route = lru_cache(200)(self._find)

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

    def predicted(self, route: str, rows: int) -> None:
        """Count the rows of an answer."""
        self._predictions.labels(route).inc(rows)

    def refused(self, code: str) -> None:
        """Count an error."""
        self._errors.labels(code).inc()

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
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    return generate_latest(registry), CONTENT_TYPE_LATEST
