"""The column to predict: the one that is called a salary, or none."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salary_kedro.contract import ContractError, CsvDialect
from salary_kedro.tables.drafting.draft import Draft
from salary_kedro.tables.drafting.infer import draft_contract

ROWS = 100


def draft(columns: dict[str, list[Any]], target: str | None = None) -> Draft:
    """Draft from cells as texts."""
    texts = pd.DataFrame({name: [str(cell) for cell in cells] for name, cells in columns.items()})
    return draft_contract(texts, CsvDialect(), target)


def salaries(*broken: str, header: str = "salary") -> dict[str, list[Any]]:
    """A table of 100 rows whose first salaries are broken, beside a column of numbers."""
    sound = [30_000 + 7 * (row * 13 % 41) for row in range(ROWS - len(broken))]
    return {"experience": [row % 9 for row in range(ROWS)], header: [*broken, *sound]}


def test_target_when_its_cells_are_no_numbers_then_is_refused_by_name() -> None:
    table = {"experience": [1, 2, 3], "salary": ["by contract", "12/34", "77/88"]}

    with pytest.raises(ContractError) as caught:
        draft(table)

    assert str(caught.value) == (
        "'salary' is the column to predict, but 3 of its 3 cells are not numbers: of the shape "
        "'99/99' (2), 'aa aaaaaaaa' (1), lines 2, 3, 4. Correct them, or name another column with "
        "--target COLUMN"
    )


def test_target_when_no_row_has_one_then_is_refused_by_name() -> None:
    with pytest.raises(ContractError, match="'salary' is called a salary, but has no value"):
        draft({"experience": [1, 2], "salary": ["", ""]})


def test_target_when_one_salary_is_far_beyond_the_others_then_names_its_line() -> None:
    found = draft(salaries("450000000"))

    assert (
        "1 value is 15,000 times the median (line 2): if that is a slip, correct it, or set "
        "`maximum` to reject its row."
    ) in found.target.remarks


def test_target_when_salaries_are_far_below_the_others_then_names_their_lines() -> None:
    found = draft(salaries("30.1", "45.5"))

    assert (
        "2 values are below a hundredth of the median (lines 2, 3): if that is a slip, correct "
        "them, or set `minimum` to reject their rows."
    ) in found.target.remarks


def test_target_when_a_logarithm_is_small_then_is_no_slip() -> None:
    found = draft({"x": [1, 2, 3] * 2, "lwage": [1.5, 1.6, 1.7, 1.8, 1.9, 0.001]})

    assert not any("hundredth" in text for text in found.target.remarks)


def test_draft_when_a_feature_is_far_beyond_the_others_then_names_its_line() -> None:
    table = salaries()
    table["experience"][3] = 12_000

    remarks = draft(table).features[0].remarks

    assert any(text.startswith("1 value is 3,000 times the median (line 5)") for text in remarks)


def test_target_when_another_is_named_then_is_that_one() -> None:
    table = {"x": [1, 2], "bonus": [1, 2], "salary": ["word", "words"]}

    assert draft(table, "bonus").target.keys["column"] == "bonus"


@pytest.mark.parametrize(
    ("broken", "shape"),
    [
        ("00", "'99'"),
        ("n/v (x)", "'a/a (a)'"),
        ("1e247", "a number beyond bounds"),
        ("inf", "a number beyond bounds"),
    ],
)
def test_target_when_one_cell_is_odd_then_is_read_and_the_cell_reported(
    broken: str, shape: str
) -> None:
    found = draft(salaries(broken))

    assert found.target.keys["column"] == "salary"
    assert found.target.remarks[-1] == (
        f"1 of 100 cells is not a number, and its row is rejected: "
        f"of the shape {shape} (1), line 2."
    )
    assert found.table.max_rejected_share == 0.05


def test_target_when_it_is_the_only_column_of_numbers_then_says_so_first() -> None:
    found = draft({"town": list("abab"), "y": [1, 2, 4, 8]})

    assert found.remarks[0] == (
        "'y' is the target only because no other column holds numbers: if it is not the salary, "
        "draft again with --target COLUMN."
    )


@pytest.mark.parametrize("header", ["repwage", "bonus pay"])
def test_target_when_its_header_only_sounds_like_a_salary_then_says_so_first(header: str) -> None:
    found = draft({"x": [1, 2, 1, 2], header: [1, 2, 4, 8]})

    assert found.target.keys["column"] == header
    assert found.remarks[0].startswith(f"'{header}' is the target because no other column sounds")


@pytest.mark.parametrize("header", ["lwage", "log_wage", "ln_salary"])
def test_target_when_only_a_logarithm_is_there_then_is_it_and_says_so(header: str) -> None:
    found = draft({"x": [1, 2, 1, 2], header: [1, 2, 4, 8]})

    assert found.target.keys["column"] == header
    assert found.target.keys["unit"] == "logarithm of currency units"
    assert found.remarks[0].startswith(f"'{header}' is the target, and by its name the logarithm")


THOUSANDS = (
    "By its header it is in thousands, and so are predictions: multiply the table by 1,000 to have "
    "them in full, and correct `unit` then."
)


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("Annual Salary (£000s)", "thousand GBP a year"),
        ("Gehalt (T€)", "thousand EUR"),
        ("salary_k", "thousand currency units"),
        ("log salary (thousands)", "logarithm of thousand currency units"),
    ],
)
def test_target_when_its_header_says_thousands_then_unit_and_remark_do(
    header: str, unit: str
) -> None:
    found = draft(salaries(header=header)).target

    assert found.keys["unit"] == unit
    assert THOUSANDS in found.remarks


def test_target_when_its_cells_are_multiplied_then_is_not_in_thousands() -> None:
    cells = [f"{30 + row % 41}k" for row in range(ROWS)]

    found = draft({"experience": list(range(ROWS)), "Salary (k)": cells}).target

    assert found.keys["unit"] == "currency units"
    assert THOUSANDS not in found.remarks


def test_target_when_many_rows_lack_one_then_says_first_that_they_are_rejected() -> None:
    found = draft(salaries(*[""] * 40))

    assert found.table.max_rejected_share == 0.41
    assert found.remarks[0].startswith("40.0% of the rows would be rejected")


_broken = st.sampled_from(
    [
        *("$40000", "41k", "41000 USD", "€ 3.200,50", "00", "inf", "1e247", "nan", "-", "–"),
        *("n/v", "Not Provided", "40-50k", "40000 - 50000", "(500)", "12%", "25+", "<1", ""),
        *("41,000", "41.000,5", "41 000", "12,34,567", "7/hr", "true", "x", "-9"),
    ]
) | st.text(max_size=6)
_called = ["salary", "Salary", "wage", "Annual Salary", "base_pay", "Income (USD)", "Gehalt"]


@settings(max_examples=150)
@given(
    header=st.sampled_from(_called),
    broken=st.lists(_broken, min_size=1, max_size=8),
    share=st.floats(0, 1),
    rows=st.integers(1, 60),
    random=st.randoms(use_true_random=False),
)
def test_target_when_any_share_of_its_cells_is_broken_then_is_never_another(
    header: str, broken: list[str], share: float, rows: int, random: Any
) -> None:
    cells = [
        random.choice(broken) if random.random() < share else 30_000 + random.randrange(90_000)
        for _ in range(rows)
    ]
    table = {
        "experience": [random.randrange(40) for _ in range(rows)],
        "bonus": [random.randrange(9_000) / 4 for _ in range(rows)],
        header: cells,
        "level": [random.choice("abc") for _ in range(rows)],
    }

    try:
        target = draft(table).target.keys["column"]
    except ContractError as error:
        assert f"'{header}'" in str(error)  # noqa: PT017 - a refusal is right, if it says of what
    else:
        assert target == header
