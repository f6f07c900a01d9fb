"""Cells of a plane: how many people each holds, and that nothing can be had by subtraction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salary_kedro.modelling.plane import Plane, bin_plane
from salary_kedro.modelling.profile import profile_numbers


def plane_of(across: list[float], up: list[float], people: int | None = None) -> Plane:
    """Rows of so many people in turn, each of somebody else if none are given."""
    whose = np.arange(len(across)) % (people or len(across) or 1)
    return bin_plane(np.array(across, float), np.array(up, float), whose, 5)


def held(
    values: np.ndarray, ends: list[tuple[float, float]], end: tuple[float, float]
) -> np.ndarray:
    """Which values lie between two ends; the outermost ones hold what lies beyond them."""
    low = -np.inf if end[0] == min(low for low, _ in ends) else end[0]
    high = np.inf if end[1] == max(high for _, high in ends) else end[1]
    return (values > low) & (values <= high)


def test_plane_when_there_are_two_clouds_then_counts_each() -> None:
    across = [*range(100, 105), *range(200, 205)]

    found = plane_of(across, [*range(10, 15), *range(20, 25)])

    # the middle of 104 and 200
    assert (found.bands[0].high, found.bands[1].low) == (152.0, 152.0)
    assert [cell.rows for cell in found.cells] == [5, 5]


def test_plane_when_all_are_of_four_people_then_shows_nothing() -> None:
    assert plane_of([*range(40)], [*range(40)], people=4) == Plane()


def test_plane_when_one_earns_far_more_than_all_then_no_end_tells_of_it() -> None:
    years = [*np.linspace(1, 40, 100)]
    usual, unusual = ([1000 * year + 1.0 for year in years] for _ in range(2))
    unusual[-1] = 9_000_000.0

    shown = [max(cell.top for cell in plane_of(years, pay).cells) for pay in (usual, unusual)]

    assert shown[1] < 100_000
    assert shown[0] == pytest.approx(shown[1], rel=0.05)


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan, 1e300])
def test_plane_when_a_number_is_beyond_all_use_then_shows_nothing(odd: float) -> None:
    usual = [*range(20)]

    assert plane_of([*usual, odd], [*usual, 1.0]) == Plane()
    assert plane_of([*usual, 1.0], [*usual, odd]) == Plane()


@pytest.mark.parametrize("size", [1e-320, 1e-9, 1.0, 1e98])
def test_plane_when_numbers_are_of_any_size_then_all_rows_are_shown(size: float) -> None:
    values = [size * number for number in range(1, 41)]

    assert sum(cell.rows for cell in plane_of(values, values).cells) == 40


def test_plane_when_ends_are_given_then_they_are_round() -> None:
    random = np.random.default_rng(3)
    pay = [*(50_000 * np.exp(random.normal(0, 0.3, 200)))]

    found = plane_of(pay, pay)

    ends = {end for cell in found.cells for end in (cell.bottom, cell.top)}
    assert all(end % 10 == 0 for end in ends)
    assert not ends & {*pay}


def test_plane_when_beside_a_profile_then_bands_part_none_of_its_bins() -> None:
    random = np.random.default_rng(4)
    values = random.normal(60_000, 9_000, 130)

    found = bin_plane(values, values, np.arange(130), 5)
    profile = profile_numbers(values)

    assert profile is not None
    assert {band.high for band in found.bands[:-1]} <= {*profile.edges}


@pytest.mark.parametrize("rows", [5, 9, 12, 40, 119, 1_000, 20_000])
def test_plane_when_rows_are_many_or_few_then_every_cell_holds_what_it_says(rows: int) -> None:
    random = np.random.default_rng(rows)
    across = 50_000 * np.exp(random.normal(0, 0.5, rows))
    up, whose = across * np.exp(random.normal(0, 0.2, rows)), random.integers(0, rows, rows)

    found = bin_plane(across, up, whose, 5)

    columns = sorted({(cell.low, cell.high) for cell in found.cells})
    for cell in found.cells:
        within = held(across, columns, (cell.low, cell.high))
        beside = [(one.bottom, one.top) for one in found.cells if one.low == cell.low]
        within &= held(up, beside, (cell.bottom, cell.top))
        assert np.count_nonzero(within) == cell.rows
        assert len(np.unique(whose[within])) >= 5
    assert sum(cell.rows for cell in found.cells) in (0, rows)


numbers = st.one_of(
    st.integers(-5, 5).map(float), st.floats(-1e9, 1e9, allow_nan=False, allow_subnormal=False)
)


@settings(max_examples=200)
@given(st.lists(st.tuples(numbers, numbers, st.integers(0, 30)), max_size=80))
def test_plane_when_rows_are_any_then_each_cell_and_band_is_of_five_people(
    rows: list[tuple[float, float, int]],
) -> None:
    across, up, whose = (np.array([row[at] for row in rows]) for at in range(3))

    found = bin_plane(across.astype(float), up.astype(float), whose.astype(int), 5)

    assert all(cell.low < cell.high and cell.bottom < cell.top for cell in found.cells)
    assert all(len(np.unique(whose[band.places])) >= 5 for band in found.bands)
    assert all(cell.rows >= 5 for cell in found.cells)
    told = len(rows) if len(np.unique(whose)) >= 5 else 0
    assert sum(cell.rows for cell in found.cells) == told
    assert sum(len(band.places) for band in found.bands) == told
