"""Which values *What if* tries, and where it says that training rows lie."""

from dataclasses import replace

import pytest

from service_client import Feature
from what_if import bins_of, counts_of, day_of, day_ticks, place_of, variants_of

YEARS = Feature(
    name="years",
    kind="number",
    label="Years",
    help="",
    unit="years",
    minimum=0,
    maximum=60,
    exclusive_minimum=None,
    exclusive_maximum=None,
    required=True,
    example=5.0,
    covered=(1.0, 9.0),
)
GRADE = replace(YEARS, kind="category", unit="", covered=None, categories=("Low", "High"))


def test_variants_when_it_is_a_number_then_run_over_what_training_covered() -> None:
    found = [variant.value for variant in variants_of(YEARS, 5.0)]
    assert (len(found), found[0], found[-1]) == (41, 1.0, 9.0)
    assert found == sorted(found)


def test_variants_when_the_entry_lies_outside_then_reach_to_it() -> None:
    found = [variant.value for variant in variants_of(YEARS, 20.0)]
    assert (found[0], found[-1]) == (1.0, 20.0)


def test_variants_when_the_entry_lies_between_two_places_then_hold_it_too() -> None:
    assert 5.05 in [variant.value for variant in variants_of(YEARS, 5.05)]


def test_variants_when_it_is_an_integer_then_are_whole_numbers_once_each() -> None:
    found = [variant.value for variant in variants_of(replace(YEARS, kind="integer"), 3)]
    assert found == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert {type(value) for value in found} == {int}


def test_variants_when_it_is_a_date_then_are_days_as_they_are_sent() -> None:
    hired = replace(YEARS, kind="date", covered=("2010-01-01", "2010-01-03"))
    found = [variant.value for variant in variants_of(hired, "2010-01-02")]
    assert found == ["2010-01-01", "2010-01-02", "2010-01-03"]


def test_variants_when_it_is_a_category_then_are_those_allowed() -> None:
    assert [variant.value for variant in variants_of(GRADE, "Low")] == ["Low", "High"]


def test_variants_when_the_feature_is_optional_then_leaving_it_out_is_one() -> None:
    found = variants_of(replace(GRADE, required=False), None)
    assert [(x.value, x.text) for x in found][-1] == (None, "not stated")


@pytest.mark.parametrize("entered", [None, "Other"])
def test_variants_when_an_open_category_is_typed_then_it_is_tried_too(entered: str | None) -> None:
    job = replace(GRADE, categories=None, met=("Clerk", "Driver"))
    found = [variant.value for variant in variants_of(job, entered)]
    assert found == ["Clerk", "Driver", *([entered] if entered else [])]


def test_variants_when_nothing_is_known_of_a_number_then_there_are_none() -> None:
    unknown = replace(YEARS, covered=None, minimum=None, maximum=None)
    assert variants_of(unknown, None) == []


def test_bins_when_training_was_profiled_then_are_as_high_as_they_are_dense() -> None:
    found = bins_of(YEARS, {"edges": [3.0, 5.0], "counts": [10, 20, 10]})
    assert [(x.low, x.high, x.density) for x in found] == [
        (1.0, 3.0, 0.5),
        (3.0, 5.0, 1.0),
        (5.0, 9.0, 0.25),
    ]


def test_bins_when_it_is_a_date_then_lie_at_its_days() -> None:
    hired = replace(YEARS, kind="date", covered=("1970-01-02", "1970-01-10"))
    found = bins_of(hired, {"edges": [3.0], "counts": [2, 3]})  # the third day after the first
    assert [(x.low, x.high, x.density) for x in found] == [(1.0, 3.0, 1.0), (3.0, 9.0, 0.5)]


@pytest.mark.parametrize("told", [{}, {"edges": [], "counts": [5]}, {"edges": [50.0]}])
def test_bins_when_the_profile_does_not_fit_then_there_are_none(told: dict) -> None:
    assert bins_of(YEARS, told) == []


def test_counts_when_it_is_yes_or_no_then_are_by_those_words() -> None:
    told = {"categories": {"true": 7, "false": 9}}
    assert counts_of(replace(GRADE, kind="boolean"), told) == {"yes": 7, "no": 9}


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        ("1997-05-19", "2021-02-03", ["2000-01-01", "2005-01-01", "2010-01-01", "2015-01-01",
                                      "2020-01-01"]),
        ("2014-03-02", "2018-04-15", ["2015-01-01", "2016-01-01", "2017-01-01", "2018-01-01"]),
        ("2018-01-15", "2018-07-01", [f"2018-0{month}-01" for month in range(2, 8)]),
    ],
)  # fmt: skip
def test_ticks_when_they_are_days_then_are_firsts_of_years_or_months(
    low: str, high: str, ticks: list[str]
) -> None:
    hired = replace(YEARS, kind="date")
    found = day_ticks(place_of(hired, low), place_of(hired, high))
    assert [day_of(each) for each in found or ()] == ticks


def test_ticks_when_the_days_are_of_one_month_then_are_left_to_the_axis() -> None:
    assert day_ticks(0, 20) is None
