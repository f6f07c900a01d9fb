"""Memory, processor time and open files of each worker, as Prometheus' own tools name them.

`prometheus_client` tells them of the process that is asked alone, and of none where several share
their numbers.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from salary_kedro.serving.prometheus_adapter import workers

if TYPE_CHECKING:  # see request_metrics
    from prometheus_client import Metric


class WorkerProcesses:
    """Reads from the system, whenever it is asked, how each of the live workers does."""

    def __init__(self, folder: str) -> None:
        """Tell of the workers that share their numbers in a folder."""
        self._folder = Path(folder)

    def collect(self) -> "Iterable[Metric]":
        """Metrics `process_*`, with the label `pid`; none where the system does not tell."""
        from prometheus_client import Metric, ProcessCollector

        found: dict[str, Metric] = {}
        for number in map(str, workers(self._folder)):
            process = ProcessCollector(pid=lambda number=number: number, registry=None)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            for metric in process.collect():
                named = Metric(metric.name, metric.documentation, metric.type)
                all_workers = found.setdefault(metric.name, named)
                for sample in metric.samples:
                    labels = {**sample.labels, "pid": number}
                    all_workers.add_sample(sample.name, labels, sample.value)
        return found.values()
