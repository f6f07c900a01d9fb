"""What Prometheus can read of the service, from all its workers.

`prometheus_client` decides at its import whether several processes share their numbers, by a
variable that BentoML sets only for its workers: so it is imported when a worker first counts.
"""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from salary_kedro.bundle import Bundle
from salary_kedro.serving.prometheus_adapter import workers

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: What a look at another bundle may come to.
RESULTS = ("swapped", "reserve", "refused")


class ModelMetrics:
    """Which model this worker serves, and how often it moved to another or refused to."""

    def __init__(self) -> None:
        """Declare the metrics; once in a process."""
        from prometheus_client import Counter, Gauge

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, multiprocess_mode="liveall")

        self._served = gauge(
            "salary_model_served",
            "1 for the bundle that a worker serves, 0 for those it served before",
            *("name", "version", "bundle"),
        )
        self._swaps = Counter(
            "salary_model_swaps",
            "Moves of a worker to another bundle (swapped), to a reserve, and bundles refused",
            ["result"],
        )
        for result in RESULTS:
            self._swaps.labels(result)
        self._failures = Counter(
            "salary_model_load_failures", "Failed attempts of a worker to load a bundle"
        )
        self._packaged = gauge(
            "salary_model_packaged_timestamp_seconds",
            "When the bundle that a worker serves was written; 0 if its files have no times",
        )
        self._ready = gauge("salary_model_ready", "1 while a worker has a model")
        self._ready.set(0)
        self._current = gauge(
            "salary_model_current",
            "1 while a worker serves what the pointer names; 0 while that is refused or missing",
        )
        self._stalled = gauge(
            "salary_model_stalled", "1 while a worker is stuck inspecting the bundles"
        )
        self._labels: tuple[str, str, str] | None = None

    def serve(self, bundle: Bundle, packaged: float) -> None:
        """Tell which bundle this worker answers with from now on.

        Args:
            bundle: The bundle.
            packaged: When it was written, in seconds since 1970.
        """
        if self._labels is not None:
            self._served.labels(*self._labels).set(0)
        self._labels = (bundle.model_name, str(bundle.version), bundle.name)
        self._served.labels(*self._labels).set(1)
        self._packaged.set(packaged)
        self._ready.set(1)

    def follows(self, current: bool) -> None:
        """Tell whether this worker serves what the pointer names."""
        self._current.set(current)

    def stalled(self, stalled: bool) -> None:
        """Tell whether this worker's look at the bundles does not end."""
        self._stalled.set(stalled)

    def count(self, result: str) -> None:
        """Count a bundle, by one of `RESULTS`."""
        self._swaps.labels(result).inc()

    def failed(self) -> None:
        """Count a try to load a bundle that failed."""
        self._failures.inc()


@cache
def model_metrics() -> ModelMetrics:
    """The metrics of this process."""
    return ModelMetrics()


def forget_dead_workers() -> None:
    """Remove what workers told of themselves that were killed and could not do so."""
    if not (folder := os.environ.get(SHARED_FOLDER)):
        return
    from prometheus_client.multiprocess import mark_process_dead

    for number in workers(Path(folder)):
        if not is_alive(number):
            with suppress(FileNotFoundError):  # another worker has just done so
                mark_process_dead(number, folder)  # type: ignore[no-untyped-call]  # has no types


def is_alive(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
