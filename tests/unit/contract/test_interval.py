"""Intervals: what they contain, which of two ends counts, and the whole values within."""

import math
from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter

from salary_kedro.contract import Feature
from salary_kedro.contract.interval import Interval
from samples import column, day

OPEN = Interval()
CLOSED = Interval(0, 60)
WITHOUT_ENDS = Interval(0, 60, low_inclusive=False, high_inclusive=False)


@pytest.mark.parametrize(
    ("interval", "value", "contained"),
    [
        (CLOSED, 0, True),
        (CLOSED, 60, True),
        (CLOSED, -0.001, False),
        (CLOSED, 60.001, False),
        (WITHOUT_ENDS, 0, False),
        (WITHOUT_ENDS, 0.001, True),
        (WITHOUT_ENDS, 60, False),
        (WITHOUT_ENDS, 59.999, True),
        (OPEN, -math.inf, True),
        (CLOSED, math.nan, False),
        (Interval.above(0), 0, False),
        (Interval.above(0), 1e9, True),
        (Interval.below(0), 0, False),
        (Interval.below(0), -1e9, True),
        (Interval(date(2020, 1, 1), date(2020, 12, 31)), date(2020, 12, 31), True),
        (Interval(date(2020, 1, 1), date(2020, 12, 31)), date(2021, 1, 1), False),
    ],
)
def test_interval_when_a_value_is_at_the_edge_then_says_whether_it_is_inside(
    interval: Interval, value: Any, contained: bool
) -> None:
    assert (value in interval) is contained


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (OPEN, CLOSED, CLOSED),
        (CLOSED, Interval(10, 90), Interval(10, 60)),
        (CLOSED, Interval.above(0), Interval(0, 60, low_inclusive=False)),
        (CLOSED, Interval.below(60), Interval(0, 60, high_inclusive=False)),
        (CLOSED, Interval.above(-1), CLOSED),
        (CLOSED, Interval.above(None), CLOSED),
        (CLOSED, Interval.below(None), CLOSED),
        (CLOSED, Interval(70, 90), Interval(70, 60)),  # the ends cross: nothing is in both
    ],
)
def test_and_when_two_intervals_overlap_then_takes_the_tighter_end_on_each_side(
    one: Interval, other: Interval, both: Interval
) -> None:
    assert one & other == both
    assert other & one == both


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (OPEN, CLOSED, True),
        (CLOSED, OPEN, False),
        (CLOSED, CLOSED, True),
        (CLOSED, WITHOUT_ENDS, True),
        (WITHOUT_ENDS, CLOSED, False),
        (CLOSED, Interval(0, 61), False),
        (CLOSED, Interval(-1, 60), False),
        (Interval.above(0), Interval(0), False),
        (Interval.above(0), Interval(0.5), True),
    ],
)
def test_covers_when_another_interval_is_given_then_says_whether_all_of_it_is_inside(
    one: Interval, other: Interval, covers: bool
) -> None:
    assert one.covers(other) is covers


@pytest.mark.parametrize(
    ("interval", "whole"),
    [
        (Interval(1, 69), Interval(1, 69)),
        (Interval(0.5, 9.5), Interval(1, 9)),
        (Interval(-0.5, -0.5 + 2), Interval(0, 1)),
        (Interval(1, 9, low_inclusive=False, high_inclusive=False), Interval(2, 8)),
        (Interval(0.5, 9.5, low_inclusive=False, high_inclusive=False), Interval(1, 9)),
    ],
)
def test_whole_numbers_when_ends_are_fractions_or_excluded_then_takes_the_next_inside(
    interval: Interval, whole: Interval
) -> None:
    found = interval.whole_numbers()

    assert found == whole
    assert {type(found.low), type(found.high)} == {int}


def test_whole_days_when_ends_are_excluded_then_takes_the_next_inside() -> None:
    first, last = date(2020, 2, 28), date(2021, 1, 1)

    assert Interval(first, last).whole_days() == Interval(first, last)
    assert Interval(first, last, False, False).whole_days() == Interval(
        date(2020, 2, 29), date(2020, 12, 31)
    )


def made(content: dict[str, Any]) -> Any:
    kind: TypeAdapter[Any] = TypeAdapter(Feature)
    return kind.validate_python(content)


@pytest.mark.parametrize(
    ("content", "interval"),
    [
        (column("age"), Interval(-3.4e38, 3.4e38)),
        (column("age", minimum=-1e300), Interval(-3.4e38, 3.4e38)),
        (column("age", kind="integer"), Interval(-(2**53), 2**53)),
        (column("age", minimum=0, exclusive_minimum=1), Interval(1, 3.4e38, low_inclusive=False)),
        (column("age", kind="integer", exclusive_minimum=0, maximum=9.5), Interval(1, 9)),
        (day("hired"), Interval(date.min, date.max)),
        (day("hired", exclusive_minimum=date.min), Interval(date(1, 1, 2), date.max)),
    ],
)
def test_interval_of_a_column_when_bounds_are_given_then_is_the_tightest_within_its_kind(
    content: dict[str, Any], interval: Interval
) -> None:
    assert made(content).interval == interval


def test_column_when_its_bound_leaves_no_day_then_says_that_its_example_is_not_allowed() -> None:
    with pytest.raises(ValueError, match="example 2020-02-29 is not allowed"):
        made(day("hired", exclusive_minimum=date.max, example="2020-02-29"))
