"""Columns of categories: their spellings, their codes, their order."""

from typing import Any

import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.described import Described
from salary_kedro.tables.drafting.categories import as_category, as_code
from salary_kedro.tables.drafting.facts import Facts, look


def fact(cells: list[Any], header: str = "X") -> Facts:
    """What a column of these cells shows."""
    texts = pd.DataFrame({header: [str(cell) for cell in cells]})
    return look(texts, CsvDialect())[0]


def test_category_when_texts_differ_by_case_dashes_or_spaces_then_names_and_folds_them() -> None:
    cells = ["Full-time"] * 20 + ["full time"] * 6 + ["FULL  TIME "] * 5 + ["Part-time"] * 9

    column, remarks = as_category(fact(cells))

    assert (column.categories, column.fold) == (("Full-time", "Part-time"), True)
    assert remarks == (
        (
            "Texts that differ by case, dashes or spaces only are taken for one: 'full time' for "
            "'Full-time', 'FULL  TIME' for 'Full-time' (fold)."
        ),
    )


def test_category_when_texts_differ_by_spaces_around_them_then_are_one_without_a_key() -> None:
    column, remarks = as_category(
        fact(["Production"] * 9 + ["Production      ", "\u00a0Sales"] * 9)
    )

    assert (column.categories, column.fold, remarks) == (("Production", "Sales"), False, ())


@pytest.mark.parametrize(
    ("cells", "asked"),
    [
        (["Meets", "Below", "Exceeds", "-"], ("If '-' means no value, say so: `missing_values`.",)),
        (["a", "b", "c", "d", "?", "-"],
         ("If '-' or '?' means no value, say so: `missing_values`.",)),
        (["+", "-", "o"], ()),
        (["A", "A-", "B"], ()),
    ],
)  # fmt: skip
def test_category_when_a_text_is_a_sign_alone_then_asks_whether_it_means_no_value(
    cells: list[str], asked: tuple[str, ...]
) -> None:
    assert as_category(fact(cells * 9))[1] == asked


def test_category_when_a_rare_spelling_is_folded_then_is_not_shown() -> None:
    column, remarks = as_category(fact(["Clerk"] * 9 + ["clerk"] + ["Boss"] * 9))

    assert column.categories == ("Boss", "Clerk")
    assert remarks == (
        "Texts that differ by case, dashes or spaces only are taken for one (fold).",
    )


def test_category_when_a_dash_at_an_end_tells_grades_apart_then_folds_nothing() -> None:
    column, remarks = as_category(fact(["A", "A-", "A+", "B", "B-"] * 9))

    assert (column.categories, column.fold) == (("A", "A+", "A-", "B", "B-"), False)
    assert remarks == ()


def test_category_when_texts_rank_something_then_are_listed_in_order() -> None:
    column, remarks = as_category(fact(["senior", "junior", "mid", "junior"] * 9))

    assert (column.categories, column.ordered) == (("junior", "mid", "senior"), True)
    assert remarks == (
        "Listed from the lowest to the highest, and learned by place: see whether they rank so.",
    )


def test_category_when_a_level_is_rare_then_the_scale_is_listed_all_the_same() -> None:
    column, _ = as_category(fact(["low", "high"] * 9 + ["medium"]))

    assert column.categories == ("low", "medium", "high")


@pytest.mark.parametrize(("ordered", "rank"), [(True, True), (False, False)])
def test_category_when_the_file_lists_its_levels_then_keeps_their_order(
    ordered: bool, rank: bool
) -> None:
    texts = pd.DataFrame({"X": ["b", "a", "c"] * 9})
    described = {"X": Described(levels=("c", "a", "b", "d"), ordered=ordered)}

    column, remarks = as_category(look(texts, CsvDialect(), described)[0])

    assert (column.categories, column.ordered) == (("c", "a", "b", "d"), rank)
    assert len(remarks) == 1


CODES = "zip ZipCode OCC1990 occ_code ind_code state statefip county_fips NAICS isco08 DeptID"


@pytest.mark.parametrize("header", CODES.split())
def test_code_when_the_header_says_so_then_whole_numbers_are_categories(header: str) -> None:
    found = as_code(fact([1010, 2020, 3030] * 9, header))

    assert found is not None
    assert found[0].categories == ("1010", "2020", "3030")


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("state_tax", [1, 2, 3]),
        ("industry_experience", [1, 2, 3]),
        ("JobLevel", [1, 2, 3]),
        ("state", [0.5, 1.5]),
        ("state", ["Ohio", "Iowa"]),
    ],
)
def test_code_when_numbers_measure_something_then_there_is_none(
    header: str, cells: list[Any]
) -> None:
    assert as_code(fact(cells * 9, header)) is None
