"""Recognises columns of numbers, and leaves head room around them."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salary_kedro.contract.columns import MAX_INTEGER, MAX_NUMBER, Integer, Number
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.facts import Facts

#: Years that tables tell of, and how far beyond the last one their bounds reach at least.
YEARS, DECADE = (1900, 2100), 10
#: How columns are called of shares or percentages of full work, and of anything.
SHARES = headers.word_set(
    """
    fte pensum workload parttime employmentrate workingtime beschaftigungsgrad
    beschaeftigungsgrad arbeitszeitanteil arbeitszeit teilzeit teilzeitgrad stellenanteil
    tempspartiel tempsdetravail share anteil pct percent percentage prozent
    """
)
#: Shares are no more than 1, percentages within these bounds; each in so many of the rows.
PERCENTAGES, MIN_SHARE = (1.5, 110), 0.05


def as_number(fact: Facts) -> Number | Integer | None:
    """A column of numbers, whole ones if all are; None if it holds something else."""
    if not fact.is_numeric:
        return None
    numbers = fact.sizes
    low, high = float(numbers.min()), float(numbers.max())
    is_whole = bool((numbers == np.floor(numbers)).all())
    whole = is_whole and max(abs(low), abs(high)) <= MAX_INTEGER
    lower, upper, example = with_head_room(low, high, whole=whole)
    if (least := fact.spelling.least) is not None:
        lower = max(lower, math.ceil(least) if whole else least)
    if whole and headers.is_year(fact.header) and YEARS[0] <= low and high <= YEARS[1]:
        upper = max(upper, math.ceil((high + DECADE) / DECADE) * DECADE)  # today's, too
    keys = {**fact.measured, "unit": headers.unit_of(fact.header), "example": example}
    keys |= fact.written
    if whole:
        return Integer(**keys, kind="integer", minimum=lower, maximum=upper)
    return Number(**keys, kind="number", minimum=lower, maximum=upper)


def with_head_room(low: float, high: float, *, whole: bool) -> tuple[float, float, float]:
    """Round bounds about a tenth of the range away, and a round value between them.

    The lower one is not below 0 where no value is.
    """
    limit = MAX_INTEGER if whole else MAX_NUMBER
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span)) / 2
    step = max(1.0, math.floor(step)) if whole else step
    if step < 1e-300 or not math.isfinite((abs(low) + abs(high)) / step):
        return low, high, low
    lower = _round_to(low - span / 10, step, math.floor)
    lower = max(lower, 0.0 if low >= 0 else -limit)
    upper = min(_round_to(high + span / 10, step, math.ceil), limit)
    middle = _round_to((low + high) / 2, step, round)
    lower, upper = min(lower, low), max(upper, high)
    return lower, upper, middle if lower <= middle <= upper else low


def _round_to(value: float, step: float, rounded: Any) -> float:
    return float(f"{rounded(value / step) * step:.12g}")


def shares_remark(fact: Facts) -> Iterator[str]:
    """Ask about a column that has 1 for the whole in some rows, and 100 in others."""
    found = headers.words(fact.header)
    pairs = {*found, *map("".join, itertools.pairwise(found)), "".join(found)}
    if not SHARES & pairs and "%" not in fact.header:
        return
    sizes = fact.sizes
    shares = sizes[(sizes > 0) & (sizes <= 1)]
    percentages = sizes[(sizes > PERCENTAGES[0]) & (sizes <= PERCENTAGES[1])]
    if min(len(shares), len(percentages)) < MIN_SHARE * fact.rows:
        return
    if (_commonest(shares), _commonest(percentages)) == (1, 100):
        yield (
            f"It seems to mix shares up to 1 ({len(shares):,} rows) and percentages "
            f"({len(percentages):,} rows): if it does, write all of them in one way."
        )


def _commonest(sizes: NDArray[np.float64]) -> float:
    values, counts = np.unique(sizes, return_counts=True)
    return float(values[counts.argmax()])
