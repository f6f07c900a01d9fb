"""Texts that rank something, from the lowest to the highest."""

import pytest

from salary_kedro.tables.drafting.levels import in_order


@pytest.mark.parametrize(
    "levels",
    [
        ("low", "medium", "high"),
        ("Low", "Moderate", "High", "Very high"),
        ("junior", "mid", "senior", "lead"),
        ("Entry-level", "Mid-level", "Senior-level", "Director"),
        ("EN", "MI", "SE", "EX"),
        ("XS", "S", "M", "L", "XL"),
        ("S", "M", "L"),
        ("Strongly disagree", "Disagree", "Neutral", "Agree", "Strongly agree"),
        ("never", "sometimes", "often"),
        ("AsstProf", "AssocProf", "Prof"),
        ("None", "Primary", "High school", "Some college", "Bachelor's", "Master's", "PhD"),
        ("1. < HS Grad", "2. HS Grad", "3. Some College", "4. College Grad", "5. Advanced Degree"),
        ("less than secondary", "secondary", "bachelor", "phd"),
        ("High School", "Bachelor's Degree", "Master's Degree", "PhD"),
        ("1st", "2nd", "3rd", "10th"),
        ("<1", "1-4", "5-9", "10+"),
        ("18 to 24", "25 to 34", "35 and over"),
        ("1-10", "11-50", "51-200", "201-500", "501-1000", "1,001 or more"),
        ("$0-10k", "$10k-50k", "$50k-100k"),
        ("Grade 2", "Grade 7", "Grade 11"),
        ("G2", "G7", "G11"),
    ],
)
def test_order_when_texts_rank_something_then_is_from_low_to_high(levels: tuple[str, ...]) -> None:
    assert in_order(sorted(levels), "X") == levels


@pytest.mark.parametrize(
    "texts",
    [
        ["Engineer", "Manager"],
        ["low", "red"],
        ["S", "M"],
        ["1. Industrial", "2. Information"],
        ["Bachelor of Arts", "Bachelor of Science", "PhD"],
        ["2019-20", "2020-21"],
        ["Room 1", "Room 2"],
        ["one"],
        [f"{number}-{number + 1}" for number in range(50)],
    ],
)
def test_order_when_texts_rank_nothing_that_is_known_then_there_is_none(texts: list[str]) -> None:
    assert in_order(texts, "X") is None


def test_order_when_the_header_is_of_a_rank_then_numbers_behind_any_word_tell_it() -> None:
    assert in_order(["Z10", "Z2"], "pay_grade") == ("Z2", "Z10")
