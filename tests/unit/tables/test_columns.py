"""Raw columns as typed ones: every kind, from CSV in any dialect and from typed tables."""

import io
import math
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from salary_kedro.contract import Contract
from salary_kedro.tables.checked import check
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.frames import encode_frame
from samples import (
    AWKWARD_TEXTS,
    TARGET,
    boolean,
    category,
    clean_column,
    column,
    columns_of_every_kind,
    contract_of,
    contracts_and_rows,
    day,
    read_raw,
)


def clean(text: str, contract: Contract) -> pd.DataFrame:
    return read_columns(read_raw(text, contract), contract)


def problems(text: str, contract: Contract) -> dict[int, str]:
    found: dict[int, str] = check(read_raw(text, contract), contract).reasons.to_dict()
    return found


def test_read_columns_when_the_table_holds_more_then_takes_the_contracts_as_floats(
    contract: Contract,
) -> None:
    raw = read_raw("Salary,Name,Experience Years\n40000,Ada,1.5\n50000,Bo, 2\n", contract)

    expected = pd.DataFrame({"experience_years": [1.5, 2.0], "salary": [40000.0, 50000.0]})
    pd.testing.assert_frame_equal(read_columns(raw, contract), expected)


def test_read_columns_when_a_cell_is_no_number_then_is_nan_there(contract: Contract) -> None:
    raw = read_raw("Experience Years,Salary\nfive,40000\n2,\n1e1,1_000\n", contract)

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
    raw = read_raw("Experience Years,Salary\nfive,40000\n", contract)
    before = raw.copy(deep=True)

    read_columns(raw, contract)

    pd.testing.assert_frame_equal(raw, before)


EVERY = contract_of(*columns_of_every_kind())
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


@settings(max_examples=30)
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


@pytest.mark.parametrize(
    ("csv", "text"),
    [
        ({"delimiter": ";"}, "Age;Salary\n1.5;40000\n2;1\n"),
        ({"delimiter": "\t"}, "Age\tSalary\n1.5\t40000\n2\t1\n"),
        ({"delimiter": ";", "decimal": ","}, "Age;Salary\n1,5;40000\n2;1\n"),
        ({"thousands": ","}, 'Age,Salary\n1.5,"40,000"\n2,1\n'),
        ({"delimiter": ";", "decimal": ",", "thousands": "."}, "Age;Salary\n1,5;40.000\n2;1,0\n"),
        ({"decimal": ",", "thousands": "."}, 'Age,Salary\n"1,5","40.000,0"\n2,1\n'),
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


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8"])
def test_read_columns_when_the_encoding_is_another_then_reads_the_same_texts(encoding: str) -> None:
    contract = contract_of(
        category("größe", ["weiß"], name="size"), table={"csv": {"encoding": encoding}}
    )

    assert clean("Größe,Salary\nweiß,1\n", contract)["size"].tolist() == ["weiß"]


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


YEARS = column("experience_years", column="Experience Years", minimum=0)


def test_read_columns_when_numbers_are_written_as_people_do_then_reads_them() -> None:
    written = {"affixes": ["$", "USD"], "factors": {"k": 1000}, "parentheses": "negative"}
    contract = contract_of(
        column("bonus", required=False, written={"values": {"<1": 0.5}, "ranges": "midpoint"}),
        target=TARGET | {"written": written, "exclusive_minimum": None},
        table={"csv": {"thousands": ","}},
    )
    text = 'Bonus,Salary\n<1,"$40,000"\n2 - 4,41k\n,"(500)"\n5,41000 USD\nsome,"1,2"\n'

    expected = pd.DataFrame(
        {
            "bonus": [0.5, 3.0, math.nan, 5.0, math.nan],
            "salary": [40000.0, 41000.0, -500.0, 41000.0, math.nan],
        }
    )
    pd.testing.assert_frame_equal(clean(text, contract), expected)
    assert problems(text, contract) == {4: "Bonus: not a number; Salary: not a number"}


@pytest.mark.parametrize("mark", ["\u00a0", "\u202f", "\u2019", "'", " ", "."])
def test_read_columns_when_thousands_are_grouped_by_any_mark_then_reads_whole_groups_alone(
    mark: str,
) -> None:
    contract = contract_of(
        YEARS, table={"csv": {"thousands": mark, "decimal": ",", "delimiter": ";"}}
    )
    text = f"Experience Years;Salary\n1,5;41{mark}000\n2;1{mark}234{mark}567,5\n3;41{mark}00\n"

    assert clean(text, contract)["salary"].tolist()[:2] == [41000, 1234567.5]
    assert problems(text, contract) == {2: "Salary: not a number"}


@pytest.mark.parametrize(
    ("thousands", "salaries", "found"),
    [(".", [40_000.0, 1.5], {}), (None, [math.nan, 1.5], {0: "Salary: not a number"})],
)
def test_read_columns_when_the_decimal_mark_delimits_too_then_quotes_tell_them_apart(
    thousands: str | None, salaries: list[float], found: dict[int, str]
) -> None:
    csv = {"delimiter": ",", "decimal": ",", "thousands": thousands}
    contract = contract_of(YEARS, table={"csv": csv, "max_rejected_share": 1.0})
    text = 'Experience Years,Salary\n1,40.000\n2,"1,5"\n'

    np.testing.assert_array_equal(clean(text, contract)["salary"], salaries)
    assert problems(text, contract) == found


def test_read_columns_when_texts_mean_no_value_then_are_missing_and_no_broken_cells() -> None:
    contract = contract_of(
        column("age", required=False, missing_values=["-9", "refused"]),
        category("level", ["a", "b"], required=False, missing_values=["?"]),
        boolean("remote", required=False, missing_values=["9"]),
        day("hired", required=False, missing_values=["unknown"]),
    )
    text = "Age,Level,Remote,Hired,Salary\n-9.0,?,9,unknown,1\n Refused,a,true,2020-01-02,2\n"

    assert problems(text, contract) == {1: "Age: not a number"}  # case matters
    assert problems(text.replace("Refused", "refused"), contract) == {}
    assert clean(text, contract).iloc[0].isna().tolist() == [True, True, True, True, False]


def test_read_columns_when_numbers_of_a_typed_table_mean_no_value_then_are_missing() -> None:
    contract = contract_of(column("age", required=False, missing_values=["-9"]))
    raw = pd.DataFrame({"Age": [-9, 5], "Salary": [1.0, 2.0]})

    assert read_columns(raw, contract)["age"].isna().tolist() == [True, False]
    assert check(raw, contract).reasons.empty


def test_read_columns_when_another_column_tells_the_unit_then_converts_by_the_contract() -> None:
    conversions = [
        {"column": "Basis", "factors": {"Hourly": 2000, "Yearly": 1}},
        {"column": "Currency", "factors": {"USD": 1, "EUR": 1.25}},
    ]
    contract = contract_of(YEARS, target=TARGET | {"conversions": conversions})
    text = (
        "Experience Years,Salary,Basis,Currency\n"
        "1,20,Hourly,USD\n2,40000, Yearly ,EUR\n3,9,Weekly,USD\n4,5,Yearly,\n"
    )

    assert clean(text, contract)["salary"].tolist()[:2] == [40000, 50000]
    assert problems(text, contract) == {
        2: "Basis: must be one of 'Hourly', 'Yearly', by which Salary is converted",
        3: "Currency: must be one of 'USD', 'EUR', by which Salary is converted",
    }


@pytest.mark.parametrize("text", ["Production", "Production      ", "\u00a0Production\u200b"])
def test_read_columns_when_a_text_is_padded_then_is_the_same(text: str) -> None:
    contract = contract_of(category("team", {}, example="x"), category("site", ["Production"]))
    raw = pd.DataFrame({"Team": [text], "Site": [text], "Salary": [1.0]})

    found = read_columns(raw, contract)

    assert found[["team", "site"]].astype(object).iloc[0].tolist() == ["Production"] * 2


def test_read_columns_when_categories_are_folded_then_case_dashes_and_spaces_do_not_matter() -> (
    None
):
    contract = contract_of(
        category("hours", ["Full-Time", "Part-Time"], fold=True),
        category("job", {}, example="x", fold=True),
    )
    raw = pd.DataFrame(
        {"Hours": ["full time", "PART_TIME"], "Job": ["Data-Analyst", "data analyst"]}
    )

    found = read_columns(raw.assign(Salary=1.0), contract)

    assert found["hours"].tolist() == ["Full-Time", "Part-Time"]
    assert found["job"].tolist() == ["data analyst", "data analyst"]


@pytest.mark.parametrize(
    ("text", "year", "pivot"),
    [
        ("03/15/65", 1965, 2026),
        ("03/15/26", 2026, 2026),
        ("03/15/27", 1927, 2026),
        ("03/15/99", 1999, 2026),
        ("03/15/70", 2070, 2080),
        ("03/15/81", 1981, 2080),
    ],
)
def test_read_columns_when_years_have_two_digits_then_they_lie_before_the_pivot(
    text: str, year: int, pivot: int
) -> None:
    contract = contract_of(day("born", format="%m/%d/%y", pivot_year=pivot, example="1990-01-01"))
    raw = pd.DataFrame({"Born": [text], "Salary": [1.0]})

    assert read_columns(raw, contract)["born"].tolist() == [pd.Timestamp(year, 3, 15)]


def test_read_columns_when_cells_are_of_several_types_then_each_is_read_as_what_it_is() -> None:
    contract = contract_of(
        column("age", required=False), category("grade", {}, example="x", required=False)
    )
    cells = [1, "2", 3.5, True, Decimal(4), "x", None]
    raw = pd.DataFrame(
        {"Age": cells, "Grade": ["0042", 42.0, 42, "42", None, "", " "]}, dtype=object
    )

    found = read_columns(raw.assign(Salary=1.0), contract)

    assert found["age"].tolist()[:3] == [1, 2, 3.5]
    assert found["age"][4] == 4
    assert found["age"].isna().tolist() == [False, False, False, True, False, True, True]
    assert found["grade"].tolist()[:4] == ["0042", "42", "42", "42"]
    assert found["grade"].isna().tolist()[4:] == [True, True, True]
