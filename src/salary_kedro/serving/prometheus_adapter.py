"""The one place that knows the inside of prometheus_client."""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # see request_metrics
    from prometheus_client import Histogram


def observe_all(histogram: "Histogram", values: Iterable[float]) -> None:
    """Count many values in a histogram without labels, as if each was given to `observe`.

    That takes a lock and walks the buckets for each: 27 ms for ten thousand rows, against 1.
    """
    bounds, buckets = histogram._upper_bounds, histogram._buckets
    tally = Tally(bisect_left(bounds, value) for value in values)
    for place, count in tally.items():
        buckets[place].inc(count)
    histogram._sum.inc(sum(values))


def workers(folder: Path) -> list[int]:
    """Process ids of the workers that share their numbers in a folder, by the files they keep.

    They are those of live workers, and of some that were killed and could not tidy up.
    """
    files = folder.glob("gauge_live*_*.db")
    numbers = {file.stem.rpartition("_")[2] for file in files}
    return sorted(int(number) for number in numbers if number.isdigit())
