"""Tables against the contract: every broken row, its line and all of its reasons."""

import csv
import io
import math
import re
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pandera.config
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from salary_kedro.contract import Boolean, Category, Contract, ContractError, Date, TableRules
from salary_kedro.tables.checked import check
from salary_kedro.tables.csv_arguments import KNOWN_MISSING, csv_arguments
from salary_kedro.tables.frames import encode_frame
from salary_kedro.tables.table import (
    check_header,
    line_numbers,
    read_columns,
)
from samples import (
    AWKWARD_TEXTS,
    boolean,
    category,
    clean_column,
    column,
    columns_of_every_kind,
    contract_of,
    contracts_and_rows,
    day,
)

YEARS = "Experience Years: must be a number from 0 to 60 (years)"
SALARY = "Salary: must be a number above 0 (a year, gross)"


def read(text: str, contract: Contract) -> pd.DataFrame:
    """Read a raw file's content, as the catalog does."""
    content = io.BytesIO(text.encode(contract.table.csv.encoding))
    return pd.read_csv(content, **csv_arguments(contract))


def clean(text: str, contract: Contract) -> pd.DataFrame:
    return read_columns(read(text, contract), contract)


def problems(text: str, contract: Contract) -> dict[int, str]:
    found: dict[int, str] = check(read(text, contract), contract).reasons.to_dict()
    return found


# --- The header -----------------------------------------------------------------


def test_check_header_when_columns_are_extra_and_in_another_order_then_says_nothing(
    contract: Contract,
) -> None:
    check_header(["Salary", "Name", "Experience Years"], contract)


def header_error(header: list[str], contract: Contract) -> str:
    with pytest.raises(ContractError) as caught:
        check_header(header, contract)
    return str(caught.value)


def test_check_header_when_a_column_is_missing_then_names_it_and_those_found(
    contract: Contract,
) -> None:
    assert header_error(["experience years", "Salary"], contract) == (
        "the table has no column 'Experience Years'; it has 'experience years', 'Salary': "
        "correct the file's header, or `column` in contract.yml"
    )


def test_check_header_when_all_columns_are_missing_then_names_each(contract: Contract) -> None:
    assert header_error(["Age"], contract) == (
        "the table has no column 'Experience Years', 'Salary'; it has 'Age': "
        "correct the file's header, or `column` in contract.yml"
    )


@pytest.mark.parametrize("delimiter", [";", "|"])
def test_check_header_when_the_delimiter_is_another_then_names_the_setting(
    delimiter: str, contract: Contract
) -> None:
    assert header_error([f"Experience Years{delimiter}Salary"], contract) == (
        f"the table has no column 'Experience Years', 'Salary'; "
        f"it has 'Experience Years{delimiter}Salary': its delimiter seems to be '{delimiter}': "
        f'set `csv: {{delimiter: "{delimiter}"}}` under table in contract.yml'
    )


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_check_header_when_its_advice_on_the_delimiter_is_followed_then_the_table_is_read(
    delimiter: str, contract: Contract
) -> None:
    text = f"Experience Years{delimiter}Salary\n1.5{delimiter}40000\n"
    message = header_error(list(read(text, contract).columns), contract)
    advice = re.search(r"`(csv: .*)`", message)
    assert advice is not None
    rules = TableRules(**yaml.safe_load(advice[1]))

    table = read(text, contract.model_copy(update={"table": rules}))

    expected = pd.DataFrame({"Experience Years": [1.5], "Salary": [40000]})
    pd.testing.assert_frame_equal(table, expected)


def test_check_header_when_a_column_is_there_twice_then_says_so(contract: Contract) -> None:
    header = list(read("Experience Years,Salary,Salary\n1,2,3\n", contract).columns)

    assert header_error(header, contract) == (
        "the table has more than one column 'Salary': give each a name of its own"
    )


# --- Reading the columns -----------------------------------------------------------


def test_read_columns_when_the_table_holds_more_then_takes_the_contracts_as_floats(
    contract: Contract,
) -> None:
    raw = read("Salary,Name,Experience Years\n40000,Ada,1.5\n50000,Bo, 2\n", contract)

    expected = pd.DataFrame({"experience_years": [1.5, 2.0], "salary": [40000.0, 50000.0]})
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


def test_read_columns_when_a_cell_is_no_number_then_is_nan_there(contract: Contract) -> None:
    raw = read("Experience Years,Salary\nfive,40000\n2,\n1e1,1_000\n", contract)

    expected = pd.DataFrame(
        {"experience_years": [math.nan, 2.0, 10.0], "salary": [40000.0, math.nan, math.nan]}
    )
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([True, False]),
        pd.Series([True, None]),
        pd.Series([True, math.nan], dtype="object"),
        pd.Series([True, None], dtype="boolean"),
    ],
    ids=["bool", "object", "object with nan", "nullable"],
)
def test_read_columns_when_cells_are_booleans_then_they_are_no_numbers(
    values: pd.Series, contract: Contract
) -> None:
    raw = pd.DataFrame({"Experience Years": values, "Salary": [40000, 50000]})

    expected = pd.DataFrame({"experience_years": [math.nan] * 2, "salary": [40000.0, 50000.0]})
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


def test_read_columns_when_cells_are_dates_then_they_are_no_numbers(contract: Contract) -> None:
    dates = pd.to_datetime(["2020-01-01", "2021-01-01"])
    raw = pd.DataFrame({"Experience Years": dates, "Salary": [40000, 50000]})

    expected = pd.DataFrame({"experience_years": [math.nan] * 2, "salary": [40000.0, 50000.0]})
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


def test_read_columns_when_called_then_leaves_the_raw_table_as_it_was(contract: Contract) -> None:
    raw = read("Experience Years,Salary\nfive,40000\n", contract)
    before = raw.copy(deep=True)

    read_columns(raw, contract)

    pd.testing.assert_frame_equal(raw, before)


# --- Broken rows ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ("1.5,", "Salary: missing"),
        (",40000", "Experience Years: missing"),
        (",", "Experience Years: missing; Salary: missing"),
        ("", "Experience Years: missing; Salary: missing"),
        ("five,40000", "Experience Years: not a number"),
        ("five,", "Experience Years: not a number; Salary: missing"),
        ("5 years,40000", "Experience Years: not a number"),
        ("60.001,40000", YEARS),
        ("-0.001,40000", YEARS),
        ("inf,40000", YEARS),
        ("-inf,40000", YEARS),
        ("1.5,inf", SALARY),
        ("1.5,1e999", SALARY),
        ("1.5,0", SALARY),
        ("61,-1", f"{YEARS}; {SALARY}"),
        ("61,many", f"{YEARS}; Salary: not a number"),
        ("True,40000", "Experience Years: not a number"),
    ],
)
def test_check_when_a_row_is_broken_then_gives_all_of_its_reasons(
    row: str, reasons: str, contract: Contract
) -> None:
    text = f"Experience Years,Salary\n1,40000\n{row}\n2,50000\n"

    assert problems(text, contract) == {1: reasons}


@pytest.mark.parametrize("row", ["0,0.001", "60,40000", "1e1,4e4", " 5 , 40000 ", "-0,1"])
def test_check_when_a_row_is_at_the_edge_of_what_is_allowed_then_passes_it(
    row: str, contract: Contract
) -> None:
    assert problems(f"Experience Years,Salary\n{row}\n", contract) == {}


def test_check_when_a_whole_column_is_boolean_then_refuses_every_row(
    contract: Contract,
) -> None:
    assert problems("Experience Years,Salary\nTrue,40000\nFalse,50000\n", contract) == {
        0: "Experience Years: not a number",
        1: "Experience Years: not a number",
    }


def test_check_when_booleans_have_gaps_then_refuses_every_row(contract: Contract) -> None:
    assert problems("Experience Years,Salary\nTrue,40000\n,50000\nFalse,60000\n", contract) == {
        0: "Experience Years: not a number",
        1: "Experience Years: missing",
        2: "Experience Years: not a number",
    }


def test_check_when_a_column_wants_whole_numbers_then_refuses_fractions() -> None:
    contract = contract_of(column("age", kind="integer"))

    assert problems("Age,Salary\n4,40000\n4.5,40000\n5.0,40000\n", contract) == {
        1: "Age: must be a whole number (units)"
    }


def test_check_when_an_optional_value_is_missing_then_passes_the_row() -> None:
    contract = contract_of(column("age", required=False))

    assert problems("Age,Salary\n,40000\n4,50000\n", contract) == {}


def test_check_when_an_optional_value_is_text_then_refuses_the_row() -> None:
    contract = contract_of(column("age", required=False))

    assert problems("Age,Salary\nold,40000\n4,50000\n", contract) == {0: "Age: not a number"}


def test_check_when_there_is_a_header_only_then_gives_an_empty_series(
    contract: Contract,
) -> None:
    raw = read("Experience Years,Salary\n", contract)

    found = check(raw, contract).reasons

    assert (found.tolist(), found.index.tolist()) == ([], [])


def test_check_when_labels_of_the_rows_repeat_then_numbers_the_rows_from_0(
    contract: Contract,
) -> None:
    raw = read("Experience Years,Salary\n1,40000\n99,40000\n", contract)
    raw = raw.set_index(pd.Index([7, 7]))

    assert check(raw, contract).reasons.to_dict() == {1: YEARS}


def test_check_when_the_environment_switches_checks_off_then_checks_all_the_same(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pandera.config.CONFIG, "validation_enabled", False)

    assert problems("Experience Years,Salary\n99,40000\n", contract) == {0: YEARS}


def test_check_when_values_are_broken_then_never_tells_them(contract: Contract) -> None:
    text = "Experience Years,Salary\n98765,-12345\nsecret,secret\n"

    assert not re.search("98765|12345|secret", str(problems(text, contract)))


numbers = st.floats() | st.sampled_from([0.0, 60.0, -0.0, 5e-324, math.inf, math.nan])
tables = st.lists(st.tuples(numbers, numbers), max_size=5).map(
    lambda rows: pd.DataFrame(rows, columns=["Age", "Salary"], dtype="float64")
)
bounded = contract_of(column("age", minimum=0, exclusive_maximum=60, required=False))


@settings(deadline=None, max_examples=30)
@given(tables)
def test_check_when_cells_are_any_floats_then_refuses_what_the_column_does_not_allow(
    raw: pd.DataFrame,
) -> None:
    age, salary = bounded.columns
    expected = [
        index
        for index, row in raw.iterrows()
        if not ((np.isnan(row["Age"]) or age.allows(row["Age"])) and salary.allows(row["Salary"]))
    ]

    found = check(raw, bounded).reasons

    assert found.index.tolist() == expected


@settings(deadline=None, max_examples=10)
@given(tables)
def test_check_when_a_table_comes_row_by_row_then_finds_the_same(raw: pd.DataFrame) -> None:
    whole = check(raw, bounded).reasons
    parts = {index: check(raw.loc[[index]], bounded).reasons for index in raw.index}

    assert {index: part[0] for index, part in parts.items() if len(part)} == whole.to_dict()


# --- Categories, truth values, dates ---------------------------------------------------

EVERY = contract_of(*columns_of_every_kind())
EVERY_REASON = (
    "Age: must be a number from 0 to 100 (units); Children: must be a whole number (units); "
    "Level: must be one of 'junior', 'senior'; Remote: must be one of 'yes', 'y', 'no'; "
    "Hired: not a date written as %d/%m/%Y (`format` in contract.yml); "
    "Salary: must be a number above 0 (a year)"
)
HEADER = "Age,Children,Level,Title,Remote,Hired,Salary"


def test_read_columns_when_there_is_every_kind_then_gives_each_its_own_type() -> None:
    text = f"{HEADER}\n30,2,junior,Clerk,y,29/02/2020,1\n,,,,,,2\n"

    expected = pd.DataFrame(
        {
            "age": [30.0, math.nan],
            "children": [2.0, math.nan],
            "level": pd.Categorical(["junior", None]),
            "title": pd.Categorical(["Clerk", None]),
            "remote": pd.array([True, None], dtype="boolean"),
            "hired": pd.Series([pd.Timestamp("2020-02-29"), None], dtype="datetime64[ms]"),
            "salary": [1.0, 2.0],
        }
    )
    pd.testing.assert_frame_equal(clean(text, EVERY), expected)


def test_read_columns_when_there_are_no_rows_then_types_are_the_same() -> None:
    full = clean(f"{HEADER}\n30,2,junior,Clerk,y,29/02/2020,1\n", EVERY)
    empty = clean(f"{HEADER}\n", EVERY)

    assert [str(kind) for kind in empty.dtypes] == [str(kind) for kind in full.dtypes]


def test_read_columns_when_no_cell_has_a_value_then_all_are_missing() -> None:
    found = clean(f"{HEADER}\n,,,,,,1\n,,,,,,2\n", EVERY)

    assert found.drop(columns="salary").isna().all(axis=None)


def test_read_columns_when_a_column_is_ignored_then_it_is_left_out() -> None:
    contract = contract_of(column("age"), column("shoe", use="ignore"), column("sex", use="audit"))

    assert list(clean("Sex,Age,Salary\n1,2,3\n", contract).columns) == ["age", "sex", "salary"]


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ("30,2,senior,Clerk,yes,29/02/2020,1", None),
        (",,,,,,1", None),
        ("30,2,boss,Clerk,no,29/02/2020,1", "Level: must be one of 'junior', 'senior'"),
        ("30,2,Junior,Clerk,no,29/02/2020,1", "Level: must be one of 'junior', 'senior'"),
        ("30,2, junior,Clerk,no,29/02/2020,1", "Level: must be one of 'junior', 'senior'"),
        (f"30,2,,{'x' * 201},no,29/02/2020,1", "Title: must be a text of 1 to 200 characters"),
        ("30,2,,,maybe,29/02/2020,1", "Remote: must be one of 'yes', 'y', 'no'"),
        ("30,2,,,true,29/02/2020,1", "Remote: must be one of 'yes', 'y', 'no'"),
        (
            "30,2,,,no,2020-02-29,1",
            "Hired: not a date written as %d/%m/%Y (`format` in contract.yml)",
        ),
        (
            "30,2,,,no,30/02/2020,1",
            "Hired: not a date written as %d/%m/%Y (`format` in contract.yml)",
        ),
        ("30,2,,,no,31/12/1999,1", "Hired: must be a date, YYYY-MM-DD, from 2000-01-01"),
        ("-1,2.5,x,,x,x,0", EVERY_REASON),
    ],
)
def test_check_when_a_row_has_every_kind_then_gives_all_of_its_reasons(
    row: str, reasons: str | None
) -> None:
    good = "30,2,junior,Clerk,y,29/02/2020,1"

    found = problems(f"{HEADER}\n{good}\n{row}\n{good}\n", EVERY)

    assert found == ({} if reasons is None else {1: reasons})


def test_check_when_required_values_are_missing_then_names_each_column() -> None:
    contract = contract_of(category("level", ["a"]), boolean("remote"), day("hired"))

    assert problems("Level,Remote,Hired,Salary\n,,,1\na,true,2020-01-02,1\n", contract) == {
        0: "Level: missing; Remote: missing; Hired: missing"
    }


# --- Texts that YAML, CSV or pandas have their own ways with ----------------------------


def in_csv(texts: list[str]) -> str:
    return pd.DataFrame({"Level": texts, "Salary": 1}).to_csv(index=False, lineterminator="\n")


def test_read_columns_when_listed_categories_are_awkward_then_keeps_each_as_it_is() -> None:
    contract = contract_of(category("level", list(AWKWARD_TEXTS)))
    text = in_csv(list(AWKWARD_TEXTS))

    assert problems(text, contract) == {}
    assert clean(text, contract)["level"].tolist() == list(AWKWARD_TEXTS)


@pytest.mark.parametrize(
    ("missing", "left"),
    [(None, ["-"]), (["NA", "-"], ["None"]), ([], ["NA", "None", "-"])],
    ids=["what pandas knows", "of its own", "none"],
)
def test_read_columns_when_texts_stand_for_missing_then_they_are_so_unless_they_are_listed(
    missing: list[str] | None, left: list[str]
) -> None:
    rules = {"csv": {"missing": missing}}
    listed = contract_of(category("level", ["NA", "None", "-"]), table=rules)
    learned = contract_of(category("level", {}, required=False), table=rules)
    text = in_csv(["NA", "None", "-", ""])

    assert clean(text, learned)["level"].dropna().tolist() == left
    assert problems(text, learned) == {}
    assert problems(text, listed) == {3: "Level: missing"}


def test_read_columns_when_a_listed_text_is_missing_elsewhere_then_it_is_missing_there() -> None:
    contract = contract_of(category("level", ["NA"]), column("age", required=False))

    found = clean("Level,Age,Salary\nNA,NA,1\nNA,,2\nNA,3,3\n", contract)

    assert found["level"].tolist() == ["NA"] * 3
    assert problems("Level,Age,Salary\nNA,NA,1\nNA,,2\nNA,3,3\n", contract) == {}
    np.testing.assert_equal(found["age"].to_numpy(), [math.nan, math.nan, 3.0])


def test_check_when_numbers_have_texts_of_their_own_for_missing_then_says_missing() -> None:
    contract = contract_of(column("age"), table={"csv": {"missing": ["?"]}})

    assert problems("Age,Salary\n?,1\n,2\nNA,3\n4,4\n", contract) == {
        0: "Age: missing",
        1: "Age: missing",
        2: "Age: not a number",
    }


@settings(deadline=None, max_examples=50)
@given(contracts_and_rows())
@pytest.mark.slow
def test_check_when_rows_are_written_by_the_contract_then_reads_them_back(
    pair: tuple[Contract, list[list[object]]],
) -> None:
    contract, rows = pair
    learned = [isinstance(x, Category) and x.listed is None for x in contract.inputs]
    texts = {row[place] for row in rows for place, taken in enumerate(learned) if taken}
    texts |= {item.example for item in contract.columns if item not in contract.inputs}
    assume(not texts & set(KNOWN_MISSING))  # what stands for a missing value cannot be learned
    inputs = {
        item.name: clean_column([row[place] for row in rows], item)
        for place, item in enumerate(contract.inputs)
    }
    others = [item for item in contract.columns if item not in contract.inputs]
    inputs |= {item.name: clean_column([item.example] * len(rows), item) for item in others}
    expected = pd.DataFrame({item.name: inputs[item.name] for item in contract.columns})
    raw_rows = _raw_of(expected, contract)
    text = raw_rows.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_ALL)

    found = check(read(text, contract), contract)

    assert all(reasons.empty for reasons in found.by_column.values())
    for name in expected:
        assert found.columns[name].astype(object).equals(expected[name].astype(object)), name


def _raw_of(clean: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """A clean table as a raw file holds it."""
    found = {}
    for item in contract.columns:
        values = clean[item.name]
        if isinstance(item, Boolean):
            values = values.map({True: item.true_values[0], False: item.false_values[0]})
        if isinstance(item, Date):
            values = values.map(
                lambda value, item=item: value.strftime(item.format), na_action="ignore"
            )
        found[item.column] = values
    return pd.DataFrame(found)


@settings(deadline=None, max_examples=30)
@given(contracts_and_rows())
def test_read_columns_when_the_clean_table_goes_through_parquet_then_it_comes_back_the_same(
    pair: tuple[Contract, list[list[object]]],
) -> None:
    contract, rows = pair
    found = pd.DataFrame(
        {
            item.name: clean_column([row[place] for row in rows], item)
            for place, item in enumerate(contract.inputs)
        }
    )

    again = pd.read_parquet(io.BytesIO(found.to_parquet()))

    # A category of no texts at all comes back as one of no objects.
    pd.testing.assert_frame_equal(again, found, check_categorical=False)
    pd.testing.assert_frame_equal(encode_frame(again, contract), encode_frame(found, contract))


@pytest.mark.parametrize("texts", [["007", "1e3"], ["true", "FALSE"], ["1", "1.0"], ["5", "x"]])
@pytest.mark.parametrize("listed", [True, False])
def test_read_columns_when_all_categories_look_like_numbers_then_they_stay_texts(
    texts: list[str], listed: bool
) -> None:
    contract = contract_of(category("level", texts if listed else {}))

    assert clean(in_csv(texts), contract)["level"].tolist() == texts
    assert clean(in_csv(texts[:1]), contract)["level"].tolist() == texts[:1]


def test_read_columns_when_dates_are_digits_then_keeps_their_zeros() -> None:
    contract = contract_of(day("hired", format="%d%m%Y"))

    assert clean("Hired,Salary\n01022020,1\n", contract)["hired"].tolist() == [
        pd.Timestamp("2020-02-01")
    ]


def test_csv_arguments_when_good_texts_are_no_numbers_then_reads_the_column_in_the_quick_way() -> (
    None
):
    contract = contract_of(
        category("a", ["x", "y"]),
        category("b", ["x", "1"]),
        category("c", {}),
        boolean("d"),
        boolean("e", true_values=["yes"], false_values=["no"]),
        day("f"),
        day("g", format="%Y%m%d"),
    )

    assert csv_arguments(contract)["dtype"] == {
        "A": "category",
        "B": "str",
        "C": "str",
        "D": "str",
        "E": "category",
        "F": "category",
        "G": "str",
    }


# --- Dialects --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("csv", "text"),
    [
        ({"delimiter": ";"}, "Age;Salary\n1.5;40000\n2;1\n"),
        ({"delimiter": "\t"}, "Age\tSalary\n1.5\t40000\n2\t1\n"),
        ({"delimiter": ";", "decimal": ","}, "Age;Salary\n1,5;40000\n2;1\n"),
        ({"thousands": ","}, 'Age,Salary\n1.5,"40,000"\n2,1\n'),
        ({"delimiter": ";", "decimal": ",", "thousands": "."}, "Age;Salary\n1,5;40.000\n2;1,0\n"),
        ({"encoding": "utf-16"}, "Age,Salary\n1.5,40000\n2,1\n"),
    ],
)
def test_read_columns_when_the_dialect_is_another_then_reads_the_same_numbers(
    csv: dict[str, str], text: str
) -> None:
    contract = contract_of(column("age"), table={"csv": csv})

    expected = pd.DataFrame({"age": [1.5, 2.0], "salary": [40000.0, 1.0]})
    pd.testing.assert_frame_equal(clean(text, contract), expected)
    assert problems(text, contract) == {}


def test_check_when_one_cell_is_no_number_then_the_dialect_holds_for_the_others() -> None:
    dialect = {"delimiter": ";", "decimal": ",", "thousands": "."}
    contract = contract_of(column("age"), table={"csv": dialect})
    text = "Age;Salary\n1,5;40.000\nold;1\n2;many\n"

    assert problems(text, contract) == {1: "Age: not a number", 2: "Salary: not a number"}
    np.testing.assert_equal(clean(text, contract)["salary"].to_numpy(), [40000.0, 1.0, math.nan])


def test_check_when_the_decimal_mark_is_a_comma_then_a_point_is_no_number() -> None:
    contract = contract_of(column("age"), table={"csv": {"delimiter": ";", "decimal": ","}})

    assert problems("Age;Salary\n1.5;1\n1,5;1\n", contract) == {0: "Age: not a number"}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8"])
def test_read_columns_when_the_encoding_is_another_then_reads_the_same_texts(encoding: str) -> None:
    contract = contract_of(
        category("größe", ["weiß"], name="size"), table={"csv": {"encoding": encoding}}
    )

    assert clean("Größe,Salary\nweiß,1\n", contract)["size"].tolist() == ["weiß"]


# --- Typed raw tables, as Parquet holds them --------------------------------------------


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.Series([1, 2]), ["1", "2"]),
        (pd.Series([1.0, None]), ["1", None]),
        (pd.Series([1.5, 2.0]), ["1.5", "2"]),
        (pd.Series([1, None], dtype="Int64"), ["1", None]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series([True, None], dtype="boolean"), ["True", None]),
        (pd.Series(["a", ""], dtype="category"), ["a", None]),
        (pd.Series(["a", None], dtype="str"), ["a", None]),
        (pd.Series([1, "a"], dtype="object"), ["1", "a"]),
        (pd.Series([Decimal("1.5"), None], dtype="object"), ["1.5", None]),
        (pd.Series([[1], None], dtype="object"), ["[1]", None]),
        (pd.Series([date(2020, 1, 2), None], dtype="object"), ["2020-01-02", None]),
    ],
    ids=str,
)
def test_read_columns_when_typed_cells_are_categories_then_they_are_texts(
    values: pd.Series, texts: list[str | None]
) -> None:
    contract = contract_of(category("level", {}, required=False))

    found = read_columns(pd.DataFrame({"Level": values, "Salary": 1}), contract)["level"]

    assert [None if pd.isna(value) else value for value in found] == texts


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["yes", "no", None], dtype="str"),
        pd.Series(["yes", "no", ""], dtype="category"),
        pd.Series(["yes", "no", None], dtype="object"),
        pd.Series([1, 0, None], dtype="Int64"),
        pd.Series([1.0, 0.0, None]),
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series([True, False, None], dtype="object"),
    ],
    ids=lambda values: str(values.dtype),
)
def test_read_columns_when_typed_cells_are_truth_values_then_they_are_read(
    values: pd.Series,
) -> None:
    remote = boolean(
        "remote",
        required=False,
        true_values=["yes", "1", "True"],
        false_values=["no", "0", "False"],
    )
    contract = contract_of(remote)
    raw = pd.DataFrame({"Remote": values, "Salary": 1})

    found = read_columns(raw, contract)

    expected = pd.Series([True, False, None], dtype="boolean", name="remote")
    pd.testing.assert_series_equal(found["remote"], expected)
    assert check(raw, contract).reasons.empty


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["02/01/2020", None], dtype="str"),
        pd.Series(["02/01/2020", ""], dtype="category"),
        pd.Series([date(2020, 1, 2), None], dtype="object"),
        pd.Series([pd.Timestamp("2020-01-02 13:45"), None]),
        pd.Series([pd.Timestamp("2020-01-02 23:45", tz="America/New_York"), None]),
    ],
    ids=["text", "category", "date", "timestamp", "zoned"],
)
def test_read_columns_when_typed_cells_are_dates_then_they_are_days(values: pd.Series) -> None:
    contract = contract_of(day("hired", required=False, format="%d/%m/%Y"))
    raw = pd.DataFrame({"Hired": values, "Salary": 1})

    found = read_columns(raw, contract)

    days = pd.to_datetime(pd.Series(["2020-01-02", None])).astype("datetime64[ms]")
    pd.testing.assert_series_equal(found["hired"], days.rename("hired"))
    assert check(raw, contract).reasons.empty


def test_read_columns_when_a_date_has_a_time_then_the_day_is_taken() -> None:
    contract = contract_of(day("hired", format="%d.%m.%Y %H:%M"))

    found = clean("Hired,Salary\n02.01.2020 13:45,1\n", contract)

    assert found["hired"].tolist() == [pd.Timestamp("2020-01-02")]


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (pd.Series([1, None], dtype="Int64"), [1.0, math.nan]),
        (pd.Series([1.5, None], dtype="float32"), [1.5, math.nan]),
        (pd.Series(["1.5", "x"], dtype="str"), [1.5, math.nan]),
        (pd.Series(["1.5", "x"], dtype="category"), [1.5, math.nan]),
        (pd.Series([1, 2], dtype="category"), [1.0, 2.0]),
        (pd.Series([Decimal("1.5"), None], dtype="object"), [1.5, math.nan]),
        (pd.Series([1, True], dtype="object"), [1.0, math.nan]),
        (pd.Series([date(2020, 1, 2), None], dtype="object"), [math.nan, math.nan]),
    ],
    ids=str,
)
def test_read_columns_when_typed_cells_are_numbers_then_they_are_floats(
    values: pd.Series, numbers: list[float]
) -> None:
    raw = pd.DataFrame({"Age": values, "Salary": 1})

    found = read_columns(raw, contract_of(column("age")))["age"]

    assert found.dtype == "float64"
    np.testing.assert_equal(found.to_numpy(), numbers)


# --- Repeats ---------------------------------------------------------------------------


def repeats(text: str, contract: Contract) -> dict[int, str]:
    found: dict[int, str] = check(read(text, contract), contract).repeats.to_dict()
    return found


def test_repeats_when_there_are_no_rules_then_finds_none() -> None:
    assert repeats("Age,Salary\n1,2\n1,2\n", contract_of(column("age"))) == {}


def test_repeats_when_rows_repeat_in_the_contracts_columns_then_names_the_later_ones() -> None:
    contract = contract_of(column("age"), table={"duplicates": "reject"})

    assert repeats("Age,Note,Salary\n1,a,2\n1,b,2\n1,c,3\n1,d,2\n", contract) == {
        1: "repeats an earlier row",
        3: "repeats an earlier row",
    }


def test_repeats_when_there_is_a_key_then_names_rows_that_repeat_or_lack_it() -> None:
    contract = contract_of(column("age"), table={"primary_key": ["Firm", "Id"]})

    assert repeats("Firm,Id,Age,Salary\na,1,1,1\na,2,1,1\na,1,1,1\n,1,1,1\na,,1,1\n", contract) == {
        2: "Firm, Id: the key of an earlier row",
        3: "Firm, Id: a part of the key is missing",
        4: "Firm, Id: a part of the key is missing",
    }


def test_repeats_when_both_rules_are_broken_then_gives_both_reasons() -> None:
    contract = contract_of(column("age"), table={"primary_key": ["Id"], "duplicates": "reject"})

    assert repeats("Id,Age,Salary\n1,1,1\n1,1,1\n", contract) == {
        1: "Id: the key of an earlier row; repeats an earlier row"
    }


def test_check_header_when_a_key_column_is_missing_then_names_the_setting() -> None:
    contract = contract_of(column("age"), table={"primary_key": ["Id"]})

    assert header_error(["Age", "Salary"], contract) == (
        "the table has no column 'Id'; it has 'Age', 'Salary': correct the file's header, or "
        "`primary_key` in contract.yml"
    )


def test_check_header_when_a_numbered_column_is_in_the_contract_then_it_is_no_repeat() -> None:
    contract = contract_of(column("age"), column("age_1", column="Age.1", use="ignore"))

    check_header(["Age", "Age.1", "Salary"], contract)


# --- Line numbers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Age,Note\n1,a\n2,b\n3,c\n", [2, 3, 4]),
        ("Age,Note\n", []),
        ('Age,Note\n1,"two\nlines"\n2,b\n3,c\n', [2, 4, 5]),
        ('Age,Note\n1,"three\n\nlines"\n2,"and\ntwo"\n3,c\n', [2, 5, 7]),
        ('Age,Note\n1,"two\r\nlines"\n2,b\n', [2, 4]),
        ('Age,"A\nnote"\n1,a\n2,b\n', [3, 4]),
        ("Age,Note\n1,a\n\n3,c\n", [2, 3, 4]),
        ('Age,Note,More\n1,"a\nb","c\nd"\n2,,\n', [2, 5]),
    ],
    ids=["plain", "header only", "one", "several", "crlf", "header", "blank line", "two cells"],
)
def test_line_numbers_when_cells_hold_line_breaks_then_count_them(
    text: str, lines: list[int]
) -> None:
    notes = contract_of(column("age"), category("note", {}))

    for contract in (contract_of(column("age")), notes):
        raw = read(text, contract)
        assert line_numbers(raw, raw.index).tolist() == lines


def test_repeats_when_keys_differ_by_their_zeros_only_then_keeps_the_rows() -> None:
    contract = contract_of(column("age"), table={"primary_key": ["Id"]})
    raw = read(
        "Id,Age,Salary\n007,1,1\n7,1,1\n9007199254740993,1,1\n9007199254740992,1,1\n", contract
    )

    assert check(raw, contract).repeats.empty
