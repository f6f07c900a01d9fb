"""The one place that knows the inside of prometheus_client."""

from collections.abc import MutableSequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # see request_metrics
    from prometheus_client import Histogram


def add_to(histogram: "Histogram", counts: MutableSequence[int], total: float) -> None:
    """Count many values in a histogram at once, as if each was given to `observe`.

    That takes a lock, writes to a file in memory, and walks the buckets, for each.

    Args:
        histogram: One without labels, or with the values of all.
        counts: How many values there are in each bucket and no smaller one; what was told is set to
            zero, so that after an error the rest can be told.
        total: Their sum.
    """
    for place, (bucket, count) in enumerate(zip(histogram._buckets, counts, strict=True)):
        if count:
            bucket.inc(count)
            counts[place] = 0
    histogram._sum.inc(total)


def workers(folder: Path) -> list[int]:
    """Process ids of the workers that share their numbers in a folder, by the files they keep.

    They are those of live workers, and of some that were killed and could not tidy up.
    """
    files = folder.glob("gauge_live*_*.db")
    numbers = {file.stem.rpartition("_")[2] for file in files}
    return sorted(int(number) for number in numbers if number.isdigit())
