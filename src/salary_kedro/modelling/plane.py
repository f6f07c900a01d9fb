"""Counts of rows in the cells of a plane, which tell of no single person."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from salary_kedro.modelling.profile import enough_edges, of_enough, places_of

Numbers = NDArray[np.float64]
#: The square of a larger number is none, nor is what is less told from 0.
MOST = 1e100
Places = NDArray[np.intp]
#: A band has so many rows at least, or a third of all if these are few.
BAND_ROWS = 20
#: The most columns of a band, the fewest rows of one, and the most cells of it.
MAX_COLUMNS, COLUMN_ROWS, MAX_CELLS = 4, 60, 12
#: Into so many steps the spread is parted; ends are multiples of one.
STEPS = 50


@dataclass(frozen=True)
class Cell:
    """Rows in one cell, from above its lower ends up to its upper ones.

    Attributes:
        low: Lower end from left to right.
        high: Upper end.
        bottom: Lower end upwards.
        top: Upper end.
        rows: Number of rows.
    """

    low: float
    high: float
    bottom: float
    top: float
    rows: int


@dataclass(frozen=True)
class Band:
    """Rows in one range from left to right, from above its lower end up to its upper one.

    Attributes:
        low: Lower end.
        high: Upper end.
        places: Which rows, their places from 0.
    """

    low: float
    high: float
    places: Places


@dataclass(frozen=True)
class Plane:
    """Rows by two numbers. Outermost cells and bands hold those rows too that lie beyond them.

    Attributes:
        cells: Cells of enough people each, which together hold all rows; none if all rows are of
            too few. So no subtraction tells of fewer.
        bands: Bands of enough people each, ascending, into which cells are parted.
    """

    cells: tuple[Cell, ...] = ()
    bands: tuple[Band, ...] = ()


def bin_plane(across: Numbers, up: Numbers, whose: Places, min_people: int) -> Plane:
    """Count rows in bands, and within these in cells of about equally many rows.

    Bands end where bins of a `Profile` of the same numbers do, so that the two do not tell of
    the few rows between two ends.

    Args:
        across: Numbers from left to right, shape (rows,).
        up: Numbers upwards, likewise; if any is beyond all use, or none, nothing is shown.
        whose: Whose each row is, numbered from 0.
        min_people: Fewest people that a cell or band may rest on.
    """
    if len(np.unique(whose)) < min_people or not _are_usual(across) or not _are_usual(up):
        return Plane()
    edges = _band_edges(across, whose, min_people)
    bands = tuple(_bands(across, edges, _ends(across, edges)))
    columns = [column for band in bands for column in _columns(band, across, whose, min_people)]
    cells = (cell for column in columns for cell in _cells(column, up, whose, min_people))
    return Plane(tuple(cells), bands)


def _are_usual(values: Numbers) -> bool:
    """Whether spreads of values are numbers too."""
    return bool(np.all(np.abs(values) <= MOST))


def _band_edges(across: Numbers, whose: Places, min_people: int) -> tuple[float, ...]:
    """Where bins of a profile end, of which so many are joined that each band has enough rows."""
    wanted = max(min_people, min(BAND_ROWS, len(across) // 3))
    kept = [-math.inf]
    for edge in enough_edges(across, whose):
        if np.count_nonzero((across > kept[-1]) & (across <= edge)) >= wanted:
            kept.append(edge)
    while len(kept) > 1 and np.count_nonzero(across > kept[-1]) < wanted:
        kept.pop()
    return of_enough(across, tuple(kept[1:]), whose, min_people)


def _bands(values: Numbers, edges: tuple[float, ...], ends: tuple[float, float]) -> Iterator[Band]:
    """Part numbers by edges, without empty bands; an edge belongs to the band below it."""
    found = places_of(values, edges)
    for place, (low, high) in enumerate(pairwise((ends[0], *edges, ends[1]))):
        if len(places := np.flatnonzero(found == place)):
            yield Band(low, high, places)


def _columns(band: Band, across: Numbers, whose: Places, min_people: int) -> Iterator[Band]:
    """Part a band that has many rows."""
    values, owners = across[band.places], whose[band.places]
    edges = _round_edges(values, owners, min(MAX_COLUMNS, len(values) // COLUMN_ROWS), min_people)
    inner = tuple(edge for edge in edges if band.low < edge < band.high)
    for column in _bands(values, inner, (band.low, band.high)):
        yield Band(column.low, column.high, band.places[column.places])


def _cells(column: Band, up: Numbers, whose: Places, min_people: int) -> Iterator[Cell]:
    """Part a column into cells of a little more than enough rows, and of equally many."""
    values, owners = up[column.places], whose[column.places]
    wanted = min(MAX_CELLS, len(values) // (min_people + 1))
    edges = _round_edges(values, owners, wanted, min_people)
    for cell in _bands(values, edges, _ends(values, edges)):
        yield Cell(column.low, column.high, cell.low, cell.high, len(cell.places))


def _round_edges(values: Numbers, whose: Places, parts: int, min_people: int) -> tuple[float, ...]:
    """Up to so many round numbers that part values into equally many, each of enough people."""
    if parts < 2:
        return ()
    step = _step(values)
    quantiles = np.quantile(values, np.arange(1, parts) / parts)
    edges = np.unique(_rounded(np.round(quantiles / step), step))
    inner = edges[(edges >= values.min()) & (edges < values.max())]
    return of_enough(values, tuple(inner.tolist()), whose, min_people)


def _ends(values: Numbers, edges: tuple[float, ...]) -> tuple[float, float]:
    """Round ends for drawing, as far beyond the median of an outer part as its edge is before.

    So what one row is has hardly a part in them, however far it lies from all others.
    """
    if not edges:
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        reach = max(float(high - low), _step(values))
        step = _round_step(reach / 5)
        return _least(_down(middle - reach, step), values, middle), -_down(-middle - reach, step)
    outer = (values[values <= edges[0]], values[values > edges[-1]])
    below, above = (
        max(abs(float(np.median(part)) - edge), _step(values))
        for part, edge in zip(outer, (edges[0], edges[-1]), strict=True)
    )
    low, high = edges[0] - 2 * below, edges[-1] + 2 * above
    start = _least(_down(low, _round_step(below / 5)), values, edges[0])
    return start, -_down(-high, _round_step(above / 5))


def _least(end: float, values: Numbers, inner: float) -> float:
    """A lower end, that is not below 0 where no value is."""
    return max(end, 0.0) if values.min() >= 0 and inner > 0 else end


def _down(value: float, step: float) -> float:
    return float(_rounded(np.floor(value / step), step))


def _step(values: Numbers) -> float:
    """A fiftieth of their spread, rounded."""
    return _round_step(_spread(values) / STEPS)


def _spread(values: Numbers) -> float:
    """Twice what the middle half of values spreads over, in which no outlier has a part; not 0."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return 2 * float(high - low) or abs(float(middle)) or 1.0


def _round_step(wanted: float) -> float:
    """The least of 1, 2 and 5 times a power of 10 that is no less."""
    wanted = max(wanted, 1 / MOST)
    power = math.floor(math.log10(wanted))
    tried = (float(f"{first}e{power + more}") for more in (0, 1) for first in (1, 2, 5))
    return next(step for step in tried if step >= wanted)


def _rounded(multiples: Numbers, step: float) -> Numbers:
    """Multiples of a step, without what products add to their last digits."""
    return np.round(multiples * step, max(0, -math.floor(math.log10(step))))
