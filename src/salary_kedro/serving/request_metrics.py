"""What Prometheus can read of the requests to the service, from all its workers.

`prometheus_client` decides at its import whether several processes share their numbers, by a
variable that BentoML sets only for its workers: so it is imported when a worker first counts.
Labels take names of routes, statuses, codes and fields alone, never what a client has sent. Every
series is there, at zero, before the first event, or `rate()` would miss that one.
"""

import os
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salary_kedro.serving.prometheus_adapter import add_to
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
    **dict.fromkeys(("/model", "/model/card", "/model/history"), _ASKED),
    **dict.fromkeys(("/metrics", "/"), _ASKED),
    **dict.fromkeys(("/openapi.json", "/docs.json", "/schema.json"), _ASKED),
    **dict.fromkeys(("/livez", "/readyz", "/healthz"), _ASKED),
    **{f"/assets/{name}": _ASKED for name in ("page.css", "page.js")},
    "other": (*_ASKED, "404"),
}
#: The routes that predict.
PREDICTING = ("/predict", "/predict_batch")
#: The codes of all errors.
CODES = (
    "not_http", "invalid_json", "unauthorized", "not_found", "method_not_allowed", "too_slow",
    "too_large", "unsupported_media_type", "invalid_input", "no_prediction", "busy", "timeout",
    "no_model", "ending", "internal",
)  # fmt: skip
#: What becomes of a value of a request that is out of range.
OUTCOMES = ("warned", "refused")


class Distribution:
    """Values that were not told to a histogram yet."""

    def __init__(self, histogram: Any, bounds: Sequence[float]) -> None:
        self._histogram, self._bounds = histogram, bounds
        self._counts, self._total = [0] * (len(bounds) + 1), 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def add(self, counts: Mapping[int, int], total: float) -> None:
        """Count values by their bucket, and their sum."""
        for place, count in counts.items():
            self._counts[place] += count
        self._total += total

    def flush(self) -> None:
        """Tell the histogram."""
        if self._total or any(self._counts):
            add_to(self._histogram, self._counts, self._total)
            self._total = 0.0


class RequestMetrics:
    """How many requests came, how long they took, and what came of them.

    It counts in plain numbers, in the thread of the event loop alone; `flush` hands them over to
    Prometheus' own, of which each takes a lock and writes to a file that workers share.
    """

    def __init__(self) -> None:
        """Declare the metrics; once in a process."""
        from prometheus_client import Counter, Gauge, Histogram

        self._requests = Counter(
            "salary_requests", "Requests, by route and HTTP status", ["route", "status"]
        )
        seconds = Histogram(
            "salary_request_seconds", "Seconds until the answer", ["route"], buckets=BUCKETS
        )
        self._predictions = Counter("salary_predictions", "Rows that were answered", ["route"])
        values = Histogram(
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
        self._token_kept = Gauge(
            "salary_token_kept",
            "1 while the token file is not valid and a worker keeps the previous tokens",
            multiprocess_mode="liveall",
        )
        self._seconds = {route: Distribution(seconds.labels(route), BUCKETS) for route in STATUSES}
        self._values, self._taken_on = Distribution(values, VALUE_BUCKETS), 0
        #: What was counted since the last flush, by metric and labels.
        self._counted: Tally[tuple[Any, ...]] = Tally()
        self._declare()

    def _declare(self) -> None:
        """Begin all series at zero."""
        for route in PREDICTING:
            self._predictions.labels(route)
        for code in CODES:
            self._errors.labels(code)
        for route, statuses in STATUSES.items():
            for status in statuses:
                self._requests.labels(route, status)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered, well or not."""
        self._counted[self._requests, route, status] += 1
        self._seconds[route].observe(seconds)

    def took_on(self, requests: int) -> None:
        """Count requests that are being answered from now on, or no more if negative."""
        self._taken_on += requests

    def predicted(self, route: str, buckets: Mapping[int, int], total: float) -> None:
        """Count the predictions of an answer, one a row, in the target's unit.

        Args:
            route: One of `PREDICTING`.
            buckets: How many there are by their bucket, see `buckets_of`.
            total: Their sum.
        """
        self._counted[self._predictions, route] += sum(buckets.values())
        self._values.add(buckets, total)

    def refused(self, code: str) -> None:
        """Count an error, by one of `CODES`."""
        self._counted[self._errors, code] += 1

    def out_of_range(self, outcome: str, fields: Mapping[str, int]) -> None:
        """Count values by the names of their fields, which must be the contract's."""
        for field, count in fields.items():
            self._counted[self._beyond, field, outcome] += count

    def flush(self) -> None:
        """Hand over what was counted, in the thread that counts; an error leaves the rest."""
        while self._counted:
            metric, *labels = key = next(iter(self._counted))
            metric.labels(*labels).inc(self._counted[key])
            del self._counted[key]
        for seconds in self._seconds.values():
            seconds.flush()
        self._values.flush()
        self._in_flight.set(self._taken_on)

    def expect(self, fields: Iterable[str], target: str) -> None:
        """Begin to count by the fields of a contract, its inputs and its target."""
        for field in fields:
            for outcome in OUTCOMES:
                self._beyond.labels(field, outcome)
        self._beyond.labels(target, "predicted")

    def token_kept(self, kept: bool) -> None:
        """Tell whether former tokens are kept, for want of good ones."""
        self._token_kept.set(kept)


def bucket_of(value: float) -> int:
    """The bucket of a prediction."""
    return bisect_left(VALUE_BUCKETS, value)


def buckets_of(values: Sequence[float] | NDArray[np.float64]) -> dict[int, int]:
    """How many predictions lie in each bucket of theirs."""
    places, counts = np.unique(np.searchsorted(VALUE_BUCKETS, values), return_counts=True)
    return dict(zip(places.tolist(), counts.tolist(), strict=True))


@cache
def request_metrics() -> RequestMetrics:
    """The metrics of this process."""
    return RequestMetrics()


def exposition() -> tuple[bytes, str]:
    """What all workers have handed over, as Prometheus reads it, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = REGISTRY
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
        registry.register(WorkerProcesses(folder))
    return generate_latest(registry), CONTENT_TYPE_LATEST
