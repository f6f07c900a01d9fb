"""Numbers that are far beyond the others of their column."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salary_kedro.tables.far_off import (
    far_off_remark,
    find_far_off,
    find_too_small,
    too_small_remark,
)

SOUND = [32_000.0, 60_000.0, 95_000.0]


def test_find_far_off_when_one_salary_has_slipped_then_tells_how_far() -> None:
    found = find_far_off(pd.Series([*SOUND, 60_000.0, 450_000_000.0]))

    assert found is not None
    assert found.said == "1 value is 7,500 times the median"
    assert list(found.rows) == [4]


def test_find_far_off_when_several_have_slipped_then_tells_the_least_and_the_most() -> None:
    found = find_far_off(pd.Series([*SOUND * 100, 12_000_000.0, -450_000_000.0]))

    assert found is not None
    assert found.said == "2 values are 200 to 7,500 times the median"


@pytest.mark.parametrize(
    "numbers",
    [
        [],
        [None, None],
        [0.0, 0.0, 0.0, 99_999.0],  # most people have no capital gain
        [10.0, 50.0, 200.0, 1_000.0, 10_000.0, 90_000.0],  # people of firms
        [*SOUND * 10, 6_000_000.0],  # a chief, or pay in cents
        [*SOUND * 10, 4_000_000.0, 9_000_000.0, 30_400_000.0],  # pay in Chilean pesos among euros
    ],
)
def test_find_far_off_when_sizes_only_vary_then_finds_none(numbers: list[float]) -> None:
    assert find_far_off(pd.Series(numbers, dtype="float64")) is None


@given(st.lists(st.floats(min_value=20_000, max_value=1_900_000), max_size=300))
def test_find_far_off_when_none_is_100_times_another_then_finds_none(numbers: list[float]) -> None:
    assert find_far_off(pd.Series(numbers, dtype="float64")) is None


def test_far_off_remark_when_many_are_then_shows_the_first_lines_and_what_to_do() -> None:
    found = find_far_off(pd.Series([1.0] * 1_000 + [1_000.0] * 6))
    assert found is not None

    assert far_off_remark(found, pd.Series(range(1002, 1008))) == (
        "6 values are 1,000 times the median (lines 1002, 1003, 1004, 1005, 1006 and others): if "
        "that is a slip, correct them, or set `maximum` to reject their rows."
    )


@pytest.mark.parametrize(
    ("numbers", "rows"),
    [
        ([*SOUND, 45.3], [3]),
        ([*SOUND, 59.0, 0.5, 600.0], [3, 4]),
        ([*SOUND, 600.0], []),
        ([*SOUND, 0.0, None], []),
        ([1.7, 1.9, 0.01, -0.4], []),  # logarithms
        ([], []),
    ],
)
def test_find_too_small_when_pay_is_below_a_hundredth_of_the_median_then_gives_its_rows(
    numbers: list[float], rows: list[int]
) -> None:
    assert list(find_too_small(pd.Series(numbers, dtype="float64"))) == rows


def test_too_small_remark_when_two_are_then_names_their_lines_and_what_to_do() -> None:
    assert too_small_remark(pd.Series([4, 9])) == (
        "2 values are below a hundredth of the median (lines 4, 9): if that is a slip, correct "
        "them, or set `minimum` to reject their rows."
    )
