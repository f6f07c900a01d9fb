"""Codes that stand for no value, and values that were cut off."""

from typing import Any

import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.described import Described
from salary_kedro.tables.drafting.draft import ColumnDraft, Draft
from salary_kedro.tables.drafting.infer import draft_contract

ROWS = 200


def draft(cells: list[Any], header: str = "X", **described: Described) -> Draft:
    """Draft from a column of these cells, and then of 10 to 65, beside a salary."""
    every = [*cells, *(10 + row * 7 % 56 for row in range(ROWS - len(cells)))]
    salaries = [30_000 + row * 13 % 997 for row in range(ROWS)]
    texts = pd.DataFrame({header: every, "salary": salaries}).astype("str")
    return draft_contract(texts, CsvDialect(), described=described)


def column(cells: list[Any], **described: Described) -> ColumnDraft:
    """The draft of that column."""
    return draft(cells, **described).features[0]


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        ([-9, -9], ["-9"]),
        ([-9, -9, -8, -8], ["-8", "-9"]),
        ([-1], []),
        ([98, 98, 99, 99], ["98", "99"]),
        ([999, 999], ["999"]),
        ([9999], ["9999"]),
        ([88, 88], []),
        ([-3.5, -3.5], []),
        ([150, 150], []),
        (["refused", "refused"], ["refused"]),
        (["n/v"], ["n/v"]),
        (["Not Provided", "Not Provided", "unknown"], ["Not Provided", "unknown"]),
        (["by contract", "by contract"], ["by contract"]),
        (["by contract"], []),
        (["by 1/2", "by 1/2"], []),
    ],
)
def test_codes_when_values_stand_apart_as_codes_do_then_mean_no_value(
    cells: list[Any], missing: list[str]
) -> None:
    found = column(cells)

    assert found.keys["kind"] in {"integer", "number"}
    assert found.keys.get("missing_values", []) == missing


def test_codes_when_they_mean_no_value_then_bounds_and_shares_are_without_them() -> None:
    found = column([-9] * 20)

    assert (found.keys["minimum"], found.keys["maximum"]) == (5, 65)
    assert found.missing_share == pytest.approx(0.1)
    assert found.keys["required"] is False
    assert found.remarks == ("'-9' (10.0%) means no value here: see `missing_values`.",)


def scale(codes: list[Any], values: list[Any]) -> ColumnDraft:
    """The draft of a column of 24 codes, and then of few distinct values, beside a salary."""
    return column([*codes * (24 // len(codes)), *(values * ROWS)[: ROWS - 24]])


@pytest.mark.parametrize(
    ("codes", "values", "missing", "lowest", "highest"),
    [
        ([-9], [0, 1, 2, 3], ["-9"], 0, 4),
        ([-7, -8, -9], [0, 1, 2, 3], ["-7", "-8", "-9"], 0, 4),
        ([98, 99], [0, 1, 2, 3], ["98", "99"], 0, 4),
        ([-99], [40, 50], ["-99"], 35, 55),
        ([-1], [0, 1, 2], [], -2, 3),
        ([99], [40, 50], [], 30, 105),
        ([9], [1, 2, 3, 4], [], 0, 10),
    ],
)
def test_codes_when_other_values_are_few_then_only_sure_codes_mean_no_value(
    codes: list[Any], values: list[Any], missing: list[str], lowest: float, highest: float
) -> None:
    found = scale(codes, values)

    assert found.keys.get("missing_values", []) == missing
    assert (found.keys["minimum"], found.keys["maximum"]) == (lowest, highest)


@pytest.mark.parametrize(
    ("codes", "values", "asked"),
    [
        ([9], [1, 2, 3, 4], "'9' (12.0%) stands apart"),
        ([8, 9], [1, 2, 3, 4, 5], "'8' (6.0%), '9' (6.0%) stand apart"),
        ([9], [1, 2, 3, 4, 5, 6, 7, 8], None),
        ([9], [1.5, 2, 3], None),
    ],
)
def test_codes_when_a_digit_stands_apart_from_a_scale_then_asks(
    codes: list[Any], values: list[Any], asked: str | None
) -> None:
    remarks = scale(codes, values).remarks

    assert any(asked in remark for remark in remarks) if asked else not remarks


def test_codes_when_yes_and_no_have_one_then_it_means_no_value() -> None:
    found = scale([-9], [0, 1])

    assert found.keys["kind"] == "boolean"
    assert found.keys["missing_values"] == ["-9"]
    assert "'-9' (12.0%) means no value here: see `missing_values`." in found.remarks


def test_codes_when_groups_have_one_then_it_means_no_value() -> None:
    every = [*[-9] * 24, *([1, 2, 3] * ROWS)[: ROWS - 24]]
    found = draft(every, header="race").features[0]

    assert (found.keys["kind"], found.keys["missing_values"]) == ("category", ["-9"])


def test_codes_when_the_file_labels_a_number_apart_then_it_means_no_value() -> None:
    found = column([500], X=Described(missing=("500",)))

    assert found.keys["missing_values"] == ["500"]


def test_codes_when_the_file_labels_a_number_among_others_then_only_says_so() -> None:
    found = column([], X=Described(missing=("10",)))

    assert "missing_values" not in found.keys
    assert "The file labels '10': if that is no amount" in found.remarks[0]


def salaries(*cells: Any) -> pd.DataFrame:
    """A table of 200 salaries, of which the first are given."""
    others = [30_000 + row * 131 % 9973 for row in range(ROWS - len(cells))]
    return pd.DataFrame(
        {"years": [row % 9 for row in range(ROWS)], "salary": [*cells, *others]}
    ).astype("str")


def test_codes_when_a_salary_is_one_then_its_rows_are_left_out_and_the_share_said() -> None:
    found = draft_contract(salaries(*[-9] * 20, 9_999_999), CsvDialect())

    assert found.target.keys["missing_values"] == ["-9", "9999999"]
    assert found.target.keys["exclusive_minimum"] == 0
    assert found.table.max_rejected_share == 0.12
    assert found.remarks[0].startswith("10.5% of the rows would be rejected")


def test_codes_when_many_rows_are_at_the_maximum_then_it_is_a_top_code() -> None:
    found = draft_contract(salaries(*[50_000] * 10), CsvDialect())

    assert found.target.keys["top_code"] == 50_000
    assert (
        "10 rows (5.0%) are cut off at 50,000, it seems: the model cannot predict above "
        "(top_code)." in found.target.remarks
    )


def test_codes_when_the_maximum_is_as_frequent_as_others_then_it_is_no_top_code() -> None:
    assert "top_code" not in draft_contract(salaries(50_000, 50_000), CsvDialect()).target.keys


def test_codes_when_salaries_are_zero_then_asks() -> None:
    found = draft_contract(salaries(0, 0), CsvDialect())

    assert found.target.keys["minimum"] == 0
    assert "2 rows (1.0%) have 0: if that means no pay" in found.target.remarks[-1]
