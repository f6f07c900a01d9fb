"""A contract drafted from a table: what is proposed, and that the table keeps to it."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from salary_kedro.contract import Contract, ContractError, CsvDialect
from salary_kedro.errors import UserError
from salary_kedro.project.loader import LOADER_ARGS, ProjectConfigLoader
from salary_kedro.project.new_environment import write_environment
from salary_kedro.tables.drafting.draft import Draft
from salary_kedro.tables.drafting.from_file import draft_table
from salary_kedro.tables.drafting.infer import draft_contract
from salary_kedro.tables.drafting.text import contract_yaml
from salary_kedro.tables.tally import tally
from salary_kedro.tables.whole import read_table
from support import ROOT

ROWS = 40


def draft(columns: dict[str, list[Any]], target: str | None = None, **dialect: Any) -> Draft:
    """Draft from cells as texts; a salary is put beside them if there is none."""
    rows = len(next(iter(columns.values())))
    if target is None and "Salary" not in columns:
        columns = {**columns, "Salary": [30_000 + 7 * (row * 13 % 41) for row in range(rows)]}
    texts = pd.DataFrame({name: [str(cell) for cell in cells] for name, cells in columns.items()})
    return draft_contract(texts, CsvDialect(**dialect), target)


def proposed(cells: list[Any], header: str = "X", **dialect: Any) -> dict[str, Any]:
    """The keys of a column of these cells, repeated to 40 rows, beside a salary."""
    cells = (cells * ROWS)[:ROWS]
    steady = [row % 7 for row in range(ROWS)]
    found = draft({header: cells, "Steady": steady}, **dialect)
    return next(column.keys for column in found.features if column.keys["column"] == header)


# --- Kinds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([1, 2, 3], "integer"),
        (["1.0", "2.0"], "integer"),
        ([1.5, 2, 3], "number"),
        (["1e3", "2.5"], "number"),
        ([2**60, 1], "number"),
        (["a", "b"], "category"),
        (["007", "012"], "category"),
        (["1", "many"], "category"),
        (["inf", "1"], "category"),
        (["yes", "no"], "boolean"),
        (["Y", "n"], "boolean"),
        ([0, 1], "boolean"),
        (["True", "FALSE"], "boolean"),
        (["2020-01-31", "2021-12-01"], "date"),
        (["31.1.2020", "1.2.2021"], "date"),
        (["2020-01-31 12:30:00", "2021-12-01 08:00:00"], "date"),
        ([20200131, 20211201], "date"),
    ],
)
def test_infer_when_cells_look_alike_then_proposes_their_kind(cells: list[Any], kind: str) -> None:
    assert proposed(cells)["kind"] == kind


@pytest.mark.parametrize(
    ("strange", "shape"),
    [("?x", "'?a'"), ("08:15", "'99:99'"), ("1e999", "a number beyond bounds")],
)
def test_infer_when_one_cell_in_forty_is_odd_then_keeps_the_kind_and_tells(
    strange: str, shape: str
) -> None:
    found = draft({"X": [*range(20), strange, *range(19)], "Y": list("ab") * 20})

    assert found.features[0].keys["kind"] == "integer"
    assert found.features[0].remarks == (
        (
            f"1 of 40 cells is not a number, and its row is rejected: "
            f"of the shape {shape} (1), line 22."
        ),
    )


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["08", *range(1, 13), *range(1, 13)], "integer"),
        ([f"{month:02}" for month in range(1, 13)], "category"),
        (["02139", *range(10_001, 10_020)], "category"),
        (["08", *range(10, 200)], "integer"),
    ],
)
def test_infer_when_zeros_stand_before_digits_then_only_codes_are_texts(
    cells: list[Any], kind: str
) -> None:
    found = draft({"X": cells, "Y": [row % 3 for row in range(len(cells))]})

    assert found.features[0].keys["kind"] == kind


def test_infer_when_cells_are_yes_and_no_then_keeps_their_spellings() -> None:
    found = proposed(["Yes", "no", "yes", "yes"])

    assert (found["true_values"], found["false_values"]) == (["Yes", "yes"], ["no"])
    assert found["example"] is True


@pytest.mark.parametrize(
    ("cells", "way"),
    [
        (["2020-01-31", "2021-12-01"], "%Y-%m-%d"),
        (["31/01/2020", "01/12/2021"], "%d/%m/%Y"),
        (["01/31/2020", "12/01/2021"], "%m/%d/%Y"),
        (["20200131", "20211201"], "%Y%m%d"),
    ],
)
def test_infer_when_cells_are_dates_then_names_their_format(cells: list[str], way: str) -> None:
    assert proposed(cells)["format"] == way


def test_infer_when_day_and_month_could_change_places_then_says_so() -> None:
    found = draft({"Hired": ["01/02/2020", "03/04/2021"] * 10, "Y": list(range(5)) * 4})

    assert found.features[0].keys["format"] == "%d/%m/%Y"
    assert found.features[0].remarks == (
        "Day and month are ambiguous: '%m/%d/%Y' would fit as well; check format.",
    )


# --- Bounds and categories ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "minimum", "maximum"),
    [
        ([18, 70], 10, 80),  # steps of 5, about 5.2 away
        ([1.1, 10.5], 0, 11.5),  # steps of 0.5, about 0.94 away
        ([0, 10], 0, 15),  # nothing is below 0, so no bound is
        ([-4, 6], -5, 10),
        ([0.25, 0.5], 0.2, 0.55),
    ],
)
def test_infer_when_there_is_a_range_then_gives_it_head_room(
    cells: list[float], minimum: float, maximum: float
) -> None:
    found = proposed(cells)

    assert (found["minimum"], found["maximum"]) == (minimum, maximum)


@pytest.mark.parametrize(
    ("header", "cells", "maximum"),
    [
        ("year", [1976, 1987], 2000),
        ("work_year", [2020, 2024], 2040),
        ("hire_year", [1990, 2021], 2040),
        ("years", [0, 10], 15),
        ("year", [1, 4], 5),
    ],
)
def test_infer_when_a_column_holds_years_then_its_bounds_reach_into_the_next_decade(
    header: str, cells: list[int], maximum: int
) -> None:
    assert proposed(cells, header)["maximum"] == maximum


def test_infer_when_texts_are_few_and_frequent_then_lists_them() -> None:
    assert proposed(["b", "a", "b"])["categories"] == ["a", "b"]
    assert proposed(["b", "a", "b"])["example"] == "b"


def test_infer_when_a_text_is_rare_then_lets_them_be_learned_and_shows_a_frequent_one() -> None:
    cells = ["Ann's job"] + ["clerk"] * (ROWS - 1)

    found = proposed(cells)

    assert found["categories"] == {"min_count": 5}
    assert found["example"] == "clerk"


def test_infer_when_a_table_is_large_then_categories_are_learned_from_more_rows() -> None:
    jobs = [f"job {row % 300}" for row in range(1_001)]

    found = draft({"X": jobs, "Y": [row % 7 for row in range(1_001)]})

    assert found.features[0].keys["categories"] == {"min_count": 10}


def test_infer_when_all_texts_are_rare_then_shows_none_of_them() -> None:
    found = proposed([f"job {row % 20}" for row in range(ROWS)])

    assert (found["categories"], found["example"]) == ({"min_count": 5}, "text")


@pytest.mark.parametrize(("empty", "missing"), [(1, "impute"), (10, "indicate")])
def test_infer_when_cells_are_missing_then_the_column_is_optional(empty: int, missing: str) -> None:
    found = proposed([""] * empty + [1, 2, 3] * 13)

    assert (found["required"], found["missing"]) == (False, missing)


def test_infer_when_a_mark_stands_for_missing_numbers_then_the_column_says_so() -> None:
    found = draft({"X": ["?", "1", "2", "NA"] * 10, "Y": list("abab") * 10})

    assert found.features[0].keys["kind"] == "integer"
    assert found.features[0].keys["missing_values"] == ["?"]
    assert found.features[0].missing_share == 0.5


@pytest.mark.parametrize(
    ("cells", "decimal", "thousands"),
    [
        (["1.5", "2"], ".", None),
        (["1,5", "2"], ",", None),
        (["1.234,5", "2"], ",", "."),
        (["1,234.5", "2"], ".", ","),
        (["1,234", "12,500"], ".", ","),
        (["1 234,5", "2"], ",", " "),
    ],
)
def test_infer_when_numbers_bear_marks_then_finds_them(
    cells: list[str], decimal: str, thousands: str | None
) -> None:
    found = draft({"X": cells * 10, "Y": list("ab") * 10}, delimiter=";")

    assert found.features[0].keys["kind"] in {"integer", "number"}
    assert (found.table.csv.decimal, found.table.csv.thousands) == (decimal, thousands)


@pytest.mark.parametrize(
    ("header", "kind"), [("race", "category"), ("religion", "category"), ("Age", "integer")]
)
def test_infer_when_a_sensitive_column_holds_codes_then_they_are_groups(
    header: str, kind: str
) -> None:
    found = proposed([1, 2, 5], header)

    assert (found["kind"], found["use"]) == (kind, "audit")


@pytest.mark.parametrize(
    ("cells", "marks"),
    [
        (["3.200,50", "41.000,00", "900,25"], (",", ".")),
        (["41,5", "42,25", "43"], (",", None)),
        (["41,000", "42,500", "900"], (".", ",")),
    ],
)
def test_infer_when_quoted_cells_hold_the_delimiter_then_it_may_be_the_decimal_mark(
    cells: list[str], marks: tuple[str, str | None]
) -> None:
    found = draft({"X": cells * 10, "Y": list("ab") * 15}, delimiter=",")

    assert (found.table.csv.decimal, found.table.csv.thousands) == marks


# --- Use -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "cells", "use"),
    [
        ("X", [5, 7, 9], "feature"),
        ("X", ["same"], "ignore"),
        ("X", [""], "ignore"),
        ("X", ["word " * 50, "short"], "ignore"),
        ("X", ["word " * 50, "short", ""], "ignore"),
        ("X", [f"text {row}" for row in range(ROWS)], "ignore"),
        ("X", list(range(1, ROWS + 1)), "ignore"),
        ("Employee ID", [row * row for row in range(ROWS)], "ignore"),
        ("E-Mail", ["a@b", "c@d"], "ignore"),
        ("First Name", ["Ann", "Bob"], "ignore"),
        ("Company Name", ["Shell", "Ford"], "feature"),
        ("Sex", ["f", "m"], "audit"),
        ("applicant_race", [1, 2, 3], "audit"),
        ("Sussex", ["a", "b"], "feature"),
        ("Age", [20, 30, 25], "audit"),
    ],
)
def test_infer_when_a_column_is_of_a_sort_then_proposes_its_use(
    header: str, cells: list[Any], use: str
) -> None:
    assert proposed(cells, header)["use"] == use


def test_infer_when_a_column_is_made_from_the_target_then_leaves_it_out() -> None:
    salaries = [1000 + row * row * 7 for row in range(ROWS)]
    logs = [f"{salary**0.5:.6f}" for salary in salaries]

    found = draft({"Half": logs, "Years": [row % 9 for row in range(ROWS)], "Salary": salaries})

    assert [column.keys["use"] for column in found.features] == ["ignore", "feature"]


def test_infer_when_only_a_sensitive_column_is_there_then_uses_it_and_says_so() -> None:
    found = draft({"Sex": ["f", "m"] * 10})

    assert found.features[0].keys["use"] == "feature"
    assert "Used anyway" in found.features[0].remarks[-1]


# --- Target --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["years", "Salary"], "Salary"),
        (["base_salary", "years", "salary"], "salary"),
        (["logwage", "wage"], "wage"),
        (["Jahre", "Gehalt"], "Gehalt"),
        (["Salaire (€)", "ans"], "Salaire (€)"),
        (["年収", "年"], "年収"),
        (["payGrade", "MonthlyIncome"], "MonthlyIncome"),
        (["H_MEDIAN", "A_MEDIAN"], "A_MEDIAN"),
        (["hourly_wage", "annual_salary"], "annual_salary"),
        (["hourly_wage", "weekly_wage", "monthly_wage"], "monthly_wage"),
        (["Bonus pay", "Base Salary"], "Base Salary"),
        (["lwage", "wage"], "wage"),
        (["ln_salary", "annual_salary"], "annual_salary"),
        (["wage_type", "hourly_wage"], "hourly_wage"),
        (["household_income", "wages"], "wages"),
    ],
)
def test_infer_when_a_header_sounds_like_a_salary_then_predicts_it(
    headers: list[str], expected: str
) -> None:
    cells = {header: [row * 3 % 11 + 1.5 for row in range(20)] for header in headers}
    cells["Level"] = list("abcd" * 5)
    texts = pd.DataFrame(cells).astype("str")

    assert draft_contract(texts, CsvDialect()).target.keys["column"] == expected


@pytest.mark.parametrize(
    ("columns", "target", "message"),
    [
        (
            {"a": [1, 2], "b": [3, 4]},
            None,
            (
                "no column sounds like the salary to predict; the columns of numbers are 'a', 'b': "
                "name one with --target COLUMN"
            ),
        ),
        (
            {"base pay": [1, 2], "total pay": [3, 4]},
            None,
            (
                "more than one column sounds like the salary to predict: 'base pay', 'total pay'; "
                "name one with --target COLUMN"
            ),
        ),
        (
            {"a": [1, 2], "pay": [3, 4]},
            "b",
            "--target 'b' is not a column of the table; it has 'a', 'pay'",
        ),
        (
            {"a": [1, 2], "pay": ["x", "y"]},
            "pay",
            (
                "'pay' is the column to predict, but 2 of its 2 cells are not numbers: of the "
                "shape 'a' (2), lines 2, 3. Correct them, or name another column with --target "
                "COLUMN"
            ),
        ),
        (
            {"pay": [1, 2]},
            None,
            (
                "the table has no column to predict the target from: bring at least one more, with "
                "values that differ from row to row"
            ),
        ),
        (
            {"pay": []},
            None,
            "the table has a header but no rows: bring at least one row of data",
        ),
    ],
)
def test_infer_when_nothing_can_be_predicted_then_says_what_to_do(
    columns: dict[str, list[Any]], target: str | None, message: str
) -> None:
    texts = pd.DataFrame(columns).astype("str")

    with pytest.raises(ContractError) as caught:
        draft_contract(texts, CsvDialect(), target)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("header", "remarks"),
    [
        ("Salary", ["Say which currency (three letters) and period it is in."]),
        ("Salary (EUR)", ["Say which period it is in."]),
        ("Annual salary", ["Say which currency (three letters) it is in."]),
        ("Annual salary (EUR)", []),
    ],
)
def test_infer_when_the_header_lacks_currency_or_period_then_asks_for_that_alone(
    header: str, remarks: list[str]
) -> None:
    found = draft({header: [row % 7 + 1.5 for row in range(ROWS)], "X": list(range(ROWS))}, header)

    assert list(found.target.remarks) == ["What the model predicts.", *remarks]


def test_infer_when_targets_are_missing_then_allows_those_rows_to_be_rejected() -> None:
    found = draft({"X": list(range(5)) * 4, "Salary": [""] * 5 + [10.5, 11, 12] * 5})

    assert found.table.max_rejected_share == 0.26  # a quarter, and a hundredth


def test_infer_when_a_last_line_sums_up_then_is_left_out() -> None:
    years, salaries = [*(row % 9 for row in range(20)), ""], [*range(300, 320), 6190]
    columns = {"Town": [*["x", "y"] * 10, "Total"], "Years": years, "Salary": salaries}

    found = draft(columns, footer=("Total",))

    assert found.features[1].keys["required"] is True
    assert found.target.keys["example"] == 310


@pytest.mark.parametrize("place", [0, 25, 29])
def test_infer_when_another_row_begins_as_a_last_line_then_asks_and_leaves_none_out(
    place: int,
) -> None:
    towns = [*["x", "y"] * 15, "x", "Total", "Source: x"]
    towns[place] = "Total"
    columns = {"Job": towns, "Years": [row % 9 for row in range(33)]}

    found = draft(columns, footer=("Total", "Source"))

    assert found.table.csv.footer == ("Source",)
    assert "One of the last lines begins with 'Total', as other rows do" in found.remarks[-1]


def test_infer_when_subtotals_stand_among_the_rows_then_all_are_left_out() -> None:
    depts = [*["IT"] * 25, "Subtotal IT", *["HR"] * 25, "Subtotal HR", "Grand Total"]
    empty = {25, 51, 52}
    years = ["" if row in empty else row % 9 for row in range(53)]
    pay = [900_000 if row in empty else 30_000 + 10 * row for row in range(53)]

    found = draft({"Dept": depts, "Years": years, "Salary": pay}, footer=("Grand Total",))

    assert found.table.csv.footer == ("Subtotal IT", "Subtotal HR", "Grand Total")
    assert found.features[1].column.required
    assert (
        "Lines that begin with 'Subtotal IT', 'Subtotal HR', 'Grand Total' are not people's rows: "
        "left out (csv.footer)."
    ) in found.remarks


def test_infer_when_a_department_is_called_as_a_sum_then_its_rows_are_kept() -> None:
    depts = [*["IT"] * 25, "Total Rewards", "Count", *["HR"] * 25]

    found = draft({"Dept": depts, "Years": [row % 9 for row in range(52)]})

    assert found.table.csv.footer == ()


def test_infer_when_a_job_begins_as_a_last_line_then_only_that_line_is_left_out() -> None:
    towns = [*["x", "y"] * 15, "Total Rewards Analyst", "Total"]
    columns = {"Job": towns, "Years": [row % 9 for row in range(32)]}

    found = draft(columns, footer=("Total",))

    assert found.table.csv.footer == ("Total",)
    assert found.features[0].picture is not None
    assert found.features[0].picture.others == 1  # the analyst


def test_infer_when_a_last_value_is_the_sum_of_the_others_then_names_the_line() -> None:
    columns = {"Years": [row % 9 for row in range(10)], "Salary": [*range(300, 309), 2736]}

    with pytest.raises(ContractError, match="line 11 holds the sum of 'Salary'"):
        draft(columns)


def test_infer_when_rows_repeat_earlier_ones_then_says_how_many() -> None:
    columns = {"Years": [1, 2, 3, 4] * 5, "Salary": [300, 310, 320, 330] * 5}

    found = draft(columns)

    assert found.table.duplicates == "keep"
    assert found.remarks[0].startswith("16 of 20 rows (80.0%) repeat an earlier one")


# --- The file ------------------------------------------------------------------------------


def environment(folder: Path, table: Path, target: str | None = None) -> Contract:
    """Draft and write an environment in a bare project; the contract as a run would load it."""
    shutil.copytree(ROOT / "conf" / "base", folder / "conf" / "base", dirs_exist_ok=True)
    drafted = draft_table(table, target)
    write_environment(drafted, table, "mine", folder, force=True)
    contract = ProjectConfigLoader(str(folder / "conf"), "mine", **LOADER_ARGS).contract()
    assert contract == drafted.draft.contract
    return contract


_AWKWARD = [
    "No", "1e3", "${x}", "\\${x}", "None", 'say "hi"', "it's", "two\nlines", "a\r\nb", "a\rb",
    " lead", "trail ", "ünï", "年収", "a,b", "a;b", "a\tb", "true", "0", "007", "-", "?", "#", "é",
    "\u2028", "\x85", "\ufeff", "😀", "x" * 201, "y" * 5000, "%Y", "{a}", "[b]", "&c", "*d", "~",
    "1_000", "1,000", "+5", "2020-01-01", "01/02/2020", "nan", "inf", "1e999", "\\", "$", "!",
]  # fmt: skip
_letters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufeff")
_texts = st.sampled_from(_AWKWARD) | st.text(_letters, max_size=8)
_cells: dict[str, st.SearchStrategy[str]] = {
    "number": st.floats(-1e9, 1e9).map(repr),
    "wide": st.floats(allow_nan=False).map(repr),
    "integer": st.integers(-100, 10**6).map(str),
    "huge": st.integers(-(10**20), 10**20).map(str),
    "boolean": st.sampled_from(["yes", "no"]),
    "date": st.dates().map(str),
    "texts": _texts,
    "few": st.sampled_from(["a", "No", "1e3", "${x}"]),
    "numbered": st.sampled_from(["1", "01", "1.0", "TRUE"]),
    "mixed": st.integers(0, 9).map(str) | st.sampled_from(["?", "NA", "unknown", "-"]),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table: at least one column beside a salary."""
    names = st.lists(_texts.filter(lambda name: name.strip()), min_size=1, max_size=39, unique=True)
    header = [name for name in draw(names) if name != "Salary"] or ["x"]
    count = draw(st.integers(1, 30))
    kinds = [draw(st.sampled_from(sorted(_cells))) for _ in header]
    empties = [draw(st.sampled_from([0, 0, 0.3])) for _ in header]
    random = draw(st.randoms(use_true_random=False))
    columns = []
    for kind, share in zip(kinds, empties, strict=True):
        pool = draw(st.lists(_cells[kind], min_size=1, max_size=count))
        cells = [pool[position % len(pool)] for position in range(count)]
        columns.append(["" if random.random() < share else cell for cell in cells])
    salaries = [f"{20_000 + random.random() * 90_000:.2f}" for _ in range(count)]
    place = draw(st.integers(0, len(header)))
    header.insert(place, "Salary")
    columns.insert(place, salaries)
    return header, [list(row) for row in zip(*columns, strict=True)]


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(tables())
@example((["x", "Salary"], [["\ufeff", "1"], ["\u200b", "2.5"], ["a", "3"], ["b", "4"]]))
@example((["No", "Salary", "\u200b"], [["yes", "20000.00", "yes"]]))
@pytest.mark.slow
def test_infer_when_a_table_is_awkward_then_the_table_keeps_to_the_draft(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], list[list[str]]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    file = folder / "table.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([table[0], *table[1]])

    try:
        contract = environment(folder, file, "Salary")
    except UserError as error:
        assert "no column to predict the target from" in str(error)  # noqa: PT017 - rare and right
        return

    raw = read_table(folder / "data/mine/01_raw/salary_data.csv", contract)
    report = tally(raw, contract)
    assert report["accepted"], [row for row in report["columns"] if row["rejected"]]
    assert report["unnamed"] == []
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8", ";"), ("utf-16", "\t"), ("cp1252", "|")]
)
def test_infer_when_a_file_is_written_otherwise_then_the_contract_says_how(
    encoding: str, delimiter: str, tmp_path: Path
) -> None:
    rows = [["Größe", "Gehalt"], *([f"{row % 9},5", f"{row % 7 + 1},25"] for row in range(30))]
    text = "\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "t.csv").write_text(text, encoding=encoding)

    contract = environment(tmp_path, tmp_path / "t.csv")

    found = contract.table.csv
    known = "utf-8-sig" if encoding == "utf-8" else encoding
    assert (found.encoding, found.delimiter, found.decimal) == (known, delimiter, ",")
    assert contract.inputs[0].kind == "number"


def test_infer_when_the_table_is_parquet_then_its_environment_reads_it(tmp_path: Path) -> None:
    days = pd.to_datetime(["2020-01-31", "2021-12-01"] * 10)
    table = pd.DataFrame(
        {
            "years": list(range(20)),
            "remote": [True, False] * 10,
            "hired": days,
            "level": pd.Categorical(["a", "b"] * 10),
            "score": [1.5, None] * 10,
            "tags": [["x"], []] * 10,
            "salary": [row * 3 % 11 + 1.5 for row in range(20)],
        }
    )
    table.to_parquet(tmp_path / "t.parquet")

    contract = environment(tmp_path, tmp_path / "t.parquet")

    kinds = {column.name: column.kind for column in contract.columns}
    assert kinds["remote"] == "boolean"
    assert kinds["hired"] == "date"
    assert kinds["level"] == "category"
    assert kinds["score"] == "number"
    raw = pd.read_parquet(tmp_path / "data/mine/01_raw/salary_data.parquet")
    assert tally(raw, contract)["rejected"] == 0
    assert "salary_data.parquet" in (tmp_path / "conf/mine/catalog.yml").read_text()


def test_infer_when_nobody_edits_the_text_then_has_no_row_of_the_table() -> None:
    names = [f"Person {row}" for row in range(ROWS)]
    found = draft({"Who": names, "X": [row % 5 for row in range(ROWS)]})

    assert "Person" not in contract_yaml(found, ["Drafted."])
