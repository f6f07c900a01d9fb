"""From the raw table to training and holdout rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog

from salary_kedro.contract import Contract, ContractError, TableRules
from salary_kedro.errors import UserError
from salary_kedro.pipelines.data_engineering.nodes import (
    clean_salaries,
    split_salaries,
    validate_salaries,
)
from salary_kedro.project.loader import LOADER_ARGS, ProjectConfigLoader
from salary_kedro.project.parameters import DataEngineering
from salary_kedro.tables.fingerprint import METHOD, fingerprint
from samples import TARGET, column, contract_of, raw_salaries
from support import Project

YEARS = "Experience Years: must be a number from 0 to 60 (years)"
DEFAULT = DataEngineering(train_size=0.7, random_state=234)


def raw_table(**columns: list[object]) -> pd.DataFrame:
    """A raw table as the catalog gives it."""
    return pd.DataFrame(columns)


def default_salaries(contract: Contract) -> pd.DataFrame:
    """The clean rows of the project's own data."""
    valid, rejected, _, _, _ = validate_salaries(raw_salaries(), contract)
    return clean_salaries(valid, rejected, contract)


def halves(
    salaries: pd.DataFrame, parameters: DataEngineering = DEFAULT
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and holdout rows of clean rows."""
    contract = contract_of(column("experience_years"))
    keys, prints = keys_of(len(salaries)), prints_of(salaries)
    train, holdout, _ = split_salaries(salaries, keys, prints, contract, parameters)
    return train, holdout


def keys_of(total: int) -> pd.DataFrame:
    """What names so many rows."""
    return pd.DataFrame({"key": np.arange(total, dtype=np.uint64)})


def prints_of(salaries: pd.DataFrame) -> dict[str, str]:
    """What validation would say of clean rows."""
    rows = fingerprint(salaries)
    return {"data_sha256": "abc", "data_method": METHOD, "rows_sha256": rows}


def counted(total: int) -> pd.DataFrame:
    return pd.DataFrame({"experience_years": range(total), "salary": range(total)}, dtype=float)


# --- The project's own data ------------------------------------------------------


def test_default_data_when_read_then_is_what_the_project_ships(contract: Contract) -> None:
    salaries = default_salaries(contract)

    assert list(salaries.columns) == ["experience_years", "salary"]
    assert list(salaries.dtypes) == ["float64", "float64"]
    assert salaries.index.tolist() == list(range(40))
    assert salaries.min().tolist() == [1.1, 37731]
    assert salaries.max().tolist() == [10.5, 122391]
    assert salaries.mean().tolist() == pytest.approx([5.1525, 74743.625], rel=1e-12)
    assert not salaries.duplicated().any()
    repeated = salaries.loc[salaries["experience_years"].duplicated(), "experience_years"]
    assert repeated.tolist() == [3.2, 4.0]


def test_default_data_when_validated_then_has_no_rejected_rows(contract: Contract) -> None:
    _, rejected, _, _, _ = validate_salaries(raw_salaries(), contract)

    assert rejected.empty
    assert list(rejected.columns) == ["line", "reasons", "Experience Years", "Salary"]


def test_default_data_when_split_then_has_28_and_12_rows(contract: Contract) -> None:
    train, holdout = halves(default_salaries(contract))

    assert (len(train), len(holdout)) == (28, 12)
    assert sorted([*train.index, *holdout.index]) == list(range(40))


def test_default_data_when_validated_then_has_the_fingerprint_it_always_had(
    contract: Contract,
) -> None:
    valid, _, _, prints, _ = validate_salaries(raw_salaries(), contract)

    assert prints == {
        "data_sha256": "45a30eec8df287ed560fba40733f786de7ad0895e516e4735ac379e2b338e280",
        "data_method": "table-1",
        "rows_sha256": fingerprint(valid),
    }


# --- Validating ---------------------------------------------------------------------


def test_validate_when_some_rows_are_broken_then_separates_them_with_lines_and_reasons(
    contract: Contract,
) -> None:
    raw = raw_table(
        **{
            "Name": ["Ada", "Bo", "Cy", "Di"],
            "Experience Years": ["1.5", "99", "3", None],
            "Salary": ["40000", "50000", "60000", "many"],
        }
    )

    good, rejected, _, _, _ = validate_salaries(raw, contract)

    pd.testing.assert_frame_equal(
        good,
        pd.DataFrame({"experience_years": [1.5, 3.0], "salary": [40000.0, 60000.0]}, index=[0, 2]),
    )
    pd.testing.assert_frame_equal(
        rejected,
        pd.DataFrame(
            {
                "line": [3, 5],
                "reasons": [YEARS, "Experience Years: missing; Salary: not a number"],
                "Name": ["Bo", "Di"],
                "Experience Years": ["99", None],
                "Salary": ["50000", "many"],
            },
            index=[1, 3],
        ),
    )


def test_split_when_rows_come_from_the_raw_table_then_says_from_which_and_how(
    contract: Contract,
) -> None:
    valid, rejected, keys, prints, _ = validate_salaries(raw_salaries(), contract)
    salaries = clean_salaries(valid, rejected, contract)

    train, holdout, split = split_salaries(salaries, keys, prints, contract, DEFAULT)

    assert split == {
        "data_sha256": prints["data_sha256"],
        "data_method": "table-1",
        "parameters": {
            "train_size": 0.7,
            "random_state": 234,
            "repeats": "apart",
            "split": "random",
            "strata": None,
        },
        "train_sha256": fingerprint(train),
        "holdout_sha256": fingerprint(holdout),
        "keys_sha256": fingerprint(keys),
        "astride": None,
    }
    assert [part.attrs for part in (valid, salaries, train, holdout)] == [{}] * 4


def test_split_when_the_rows_are_of_another_table_than_the_fingerprint_then_is_refused() -> None:
    contract = contract_of(column("experience_years"))
    with pytest.raises(UserError) as caught:
        split_salaries(counted(10), keys_of(10), prints_of(counted(11)), contract, DEFAULT)

    assert str(caught.value) == (
        "the clean rows are not those of data_fingerprint.json: an earlier run was interrupted; "
        "run the pipeline data_engineering again"
    )


def test_validate_when_raw_salaries_is_no_table_then_says_what_to_correct(
    contract: Contract,
) -> None:
    sheets: Any = {"2025": raw_salaries(), "2026": raw_salaries()}

    with pytest.raises(
        ContractError, match=r"gives a dict, not one pandas table: .* name one sheet"
    ):
        validate_salaries(sheets, contract)


def test_validate_when_the_raw_table_has_columns_of_those_names_then_keeps_both(
    contract: Contract,
) -> None:
    raw = raw_table(
        **{"line": ["x"], "reasons": ["y"], "Experience Years": [99], "Salary": [50000]}
    )

    _, rejected, _, _, _ = validate_salaries(raw, contract)

    assert rejected.to_dict("records") == [
        {
            "line": 2,
            "reasons": YEARS,
            "line (raw)": "x",
            "reasons (raw)": "y",
            "Experience Years": 99,
            "Salary": 50000,
        }
    ]


def test_validate_when_called_then_leaves_the_raw_table_as_it_was(contract: Contract) -> None:
    raw = raw_table(**{"Experience Years": ["1.5", "99"], "Salary": ["40000", ""]})
    before = raw.copy(deep=True)

    validate_salaries(raw, contract)

    pd.testing.assert_frame_equal(raw, before)


def test_validate_when_a_column_is_missing_then_names_it(contract: Contract) -> None:
    with pytest.raises(ContractError, match="the table has no column 'Experience Years'"):
        validate_salaries(raw_table(Salary=[40000]), contract)


def test_validate_when_the_file_has_a_header_only_then_both_parts_are_empty(
    contract: Contract,
) -> None:
    good, rejected, _, _, _ = validate_salaries(
        raw_table(**{"Experience Years": [], "Salary": []}), contract
    )

    assert (len(good), len(rejected)) == (0, 0)
    assert list(good.columns) == ["experience_years", "salary"]


def test_validate_when_the_last_line_is_the_sum_of_the_others_then_names_it() -> None:
    salaries = [40000.0, 50000.0, 60000.0, 45000.0, 70000.0]
    raw = pd.DataFrame({"Age": [1.0, 2, 3, 4, 5, 6], "Salary": [*salaries, sum(salaries)]})

    with pytest.raises(ContractError, match="line 7 holds the sum of 'Salary'"):
        validate_salaries(raw, contract_of(column("age")))


# --- Cleaning ------------------------------------------------------------------------


def rejected_rows(*lines: int) -> pd.DataFrame:
    return pd.DataFrame({"line": lines, "reasons": ["Salary: missing"] * len(lines)})


def test_clean_when_no_row_was_rejected_then_numbers_the_rows_from_0(contract: Contract) -> None:
    valid = counted(2).set_index(pd.Index([4, 7]))

    pd.testing.assert_frame_equal(clean_salaries(valid, rejected_rows(), contract), counted(2))


def test_clean_when_the_rejected_share_is_just_allowed_then_accepts_the_others(
    contract: Contract,
) -> None:
    assert len(clean_salaries(counted(19), rejected_rows(9), contract)) == 19


def test_clean_when_the_rejected_share_is_too_large_then_says_where_to_look(
    contract: Contract,
) -> None:
    with pytest.raises(UserError) as caught:
        clean_salaries(counted(18), rejected_rows(9, 12), contract)

    assert str(caught.value) == (
        "2 of 20 rows break the contract, more than the allowed share of 5%: rejected_rows.csv in "
        "02_intermediate lists each line with its reasons (first: line 9, Salary: missing); "
        "correct the data, or contract.yml"
    )


@pytest.mark.parametrize(("share", "text"), [(0.0, "0%"), (0.001, "0.1%"), (0.125, "12.5%")])
def test_clean_when_the_allowed_share_has_decimals_then_shows_them(
    share: float, text: str, contract: Contract
) -> None:
    strict = contract.model_copy(update={"table": TableRules(max_rejected_share=share)})

    with pytest.raises(UserError, match=f" share of {text}: "):
        clean_salaries(counted(1), rejected_rows(3), strict)


def test_clean_when_all_rows_may_be_rejected_then_gives_none(contract: Contract) -> None:
    lax = contract.model_copy(update={"table": TableRules(max_rejected_share=1)})

    assert len(clean_salaries(counted(0), rejected_rows(2, 3), lax)) == 0


def test_clean_when_there_are_no_rows_at_all_then_says_so(contract: Contract) -> None:
    with pytest.raises(UserError) as caught:
        clean_salaries(counted(0), rejected_rows(), contract)

    assert str(caught.value) == (
        "the raw table has a header but no rows: bring at least one row of data"
    )


def test_clean_when_called_then_leaves_its_inputs_as_they_were(contract: Contract) -> None:
    valid, rejected = counted(30).set_index(pd.RangeIndex(5, 35)), rejected_rows(3)
    before = valid.copy(deep=True), rejected.copy(deep=True)

    clean_salaries(valid, rejected, contract)

    pd.testing.assert_frame_equal(valid, before[0])
    pd.testing.assert_frame_equal(rejected, before[1])


# --- Splitting ------------------------------------------------------------------------


def test_split_when_done_then_every_row_is_in_one_part_as_it_was() -> None:
    salaries = counted(10)

    train, holdout = halves(salaries)

    assert (len(train), len(holdout)) == (7, 3)
    pd.testing.assert_frame_equal(pd.concat([train, holdout]).sort_index(), salaries)


def test_split_when_the_seed_is_the_same_then_splits_the_same() -> None:
    first, second = (halves(counted(50))[1] for _ in range(2))
    other = halves(counted(50), DataEngineering(train_size=0.7, random_state=1))[1]

    pd.testing.assert_frame_equal(first, second)
    assert other.index.tolist() != first.index.tolist()


@pytest.mark.parametrize("rows", [0, 1])
def test_split_when_there_are_too_few_rows_then_says_so(rows: int) -> None:
    with pytest.raises(UserError) as caught:
        halves(counted(rows))

    assert str(caught.value) == (
        f"data_engineering.train_size: {rows} rows cannot be split into 70% training rows and a "
        f"holdout: bring more rows"
    )


def test_split_when_there_are_two_rows_then_gives_one_to_each_part() -> None:
    train, holdout = halves(counted(2))

    assert (len(train), len(holdout)) == (1, 1)


TOGETHER = DEFAULT.model_copy(update={"repeats": "together"})


def test_split_when_no_row_repeats_then_is_the_same_whether_equal_ones_stay_together() -> None:
    apart, together = halves(counted(50)), halves(counted(50), TOGETHER)

    for first, second in zip(apart, together, strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_split_when_rows_repeat_then_equal_ones_are_on_one_side_and_none_is_lost() -> None:
    salaries = pd.concat([counted(20)] * 3, ignore_index=True)

    train, holdout = halves(salaries, TOGETHER)

    assert (len(train), len(holdout)) == (42, 18)
    assert not {*train["salary"]} & {*holdout["salary"]}
    pd.testing.assert_frame_equal(pd.concat([train, holdout]).sort_index(), salaries)
    assert {*halves(salaries)[0]["salary"]} & {*halves(salaries)[1]["salary"]}


def test_split_when_missing_values_repeat_then_they_are_equal_too() -> None:
    salaries = pd.DataFrame({"age": [1.0, None, None, 2.0], "salary": [1.0, 2.0, 2.0, 3.0]})

    sides = [{*part.index} for part in halves(salaries, TOGETHER)]

    assert any({1, 2} <= side for side in sides)


@pytest.mark.parametrize("strata", [None, 3])
def test_split_when_all_training_rows_have_one_salary_then_refuses_to_learn(
    strata: int | None,
) -> None:
    salaries = counted(10).assign(salary=4.0)

    with pytest.raises(UserError) as caught:
        halves(salaries, DEFAULT.model_copy(update={"strata": strata}))

    assert str(caught.value) == (
        "all 7 training rows have the same 'Salary', so there is nothing to learn: bring rows "
        "that differ in it, or name another target in contract.yml"
    )


def test_split_when_too_few_rows_differ_then_says_so() -> None:
    with pytest.raises(UserError, match="1 different rows cannot be split into 70%"):
        halves(pd.concat([counted(1)] * 9, ignore_index=True), TOGETHER)


def test_validate_when_rows_are_left_out_or_repeat_then_counts_them() -> None:
    contract = contract_of(
        column("age"),
        target={**TARGET, "top_code": 9},
        table={"csv": {"footer": ["Total"]}, "filter": {"Site": ["A"]}},
    )
    raw = pd.DataFrame(
        {
            "Age": ["1", "1", "2", "3", "Total"],
            "Salary": ["5", "5", "9", "9", "28"],
            "Site": ["A", "A", "A", "B", None],
        }
    )

    *_, counts = validate_salaries(raw, contract)

    assert counts == {"no_rows": 1, "filtered": 1, "repeats": 1, "top_coded": 1}


# --- A raw table that is no CSV ------------------------------------------------------

PARQUET = """
raw_salaries:
  type: salary_kedro.datasets.CachedDownloadDataset
  dataset:
    type: pandas.ParquetDataset
    filepath: ${data:01_raw/salary_data.parquet}
"""


def test_raw_table_when_an_environment_reads_parquet_then_its_rows_are_those_of_the_csv(
    project: Project, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    file = project.root / "data" / "columns" / "01_raw" / "salary_data.parquet"
    file.parent.mkdir(parents=True)
    raw_salaries().to_parquet(file)
    (project.root / "conf" / "columns").mkdir()
    (project.root / "conf" / "columns" / "catalog.yml").write_text(PARQUET)
    loader = ProjectConfigLoader(str(project.root / "conf"), env="columns", **LOADER_ARGS)

    raw = DataCatalog.from_config(loader["catalog"]).load("raw_salaries")

    valid, rejected, _, prints, _ = validate_salaries(raw, contract)
    assert prints == validate_salaries(raw_salaries(), contract)[3]
    pd.testing.assert_frame_equal(valid, validate_salaries(raw_salaries(), contract)[0])
    assert rejected.empty


def test_validate_when_rows_share_labels_then_rejects_the_broken_ones_alone(
    contract: Contract,
) -> None:
    table = {"Experience Years": [1.0, 99, 3, 4], "Salary": [10.0, 20, 30, 40]}
    raw = pd.DataFrame(table, index=[0, 1, 0, 1])  # two tables put one below the other

    valid, rejected, _, _, _ = validate_salaries(raw, contract)

    assert valid["salary"].tolist() == [10, 30, 40]
    assert rejected["Salary"].tolist() == [20]
