"""Files of Stata and SPSS: labels, missing codes, dates."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyreadstat
import pytest

from salary_kedro.contract.scoring import scoring_contract
from salary_kedro.errors import UserError
from salary_kedro.tables.described import Described
from salary_kedro.tables.formats.opening import open_table
from salary_kedro.tables.formats.recognise import recognise
from salary_kedro.tables.formats.wanted import FileTable, Wanted
from samples import category, column, contract_of

FRAME = pd.DataFrame(
    {
        "edu": [3.0, 1.0, 2.0, 9.0],
        "wage": [100.5, -9.0, 50.0, 9999999.0],
        "town": ["Rome", "ref", "", "Oslo"],
        "hired": pd.to_datetime(["2020-01-02", None, "1999-12-31", "2000-01-01"]),
    }
)
LABELS = {"edu": {3: "high", 1: "low", 2: "mid", 9: "no answer"}, "wage": {-9: "refused"}}


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    path = tmp_path / "survey.sav"
    pyreadstat.write_sav(
        FRAME,
        str(path),
        column_labels={"wage": "Yearly  wage"},
        variable_value_labels=LABELS,
        missing_ranges={"edu": [9], "town": ["ref"]},
    )
    return path


def columns(table: FileTable, rows: int = 2) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = pa.concat_tables(table.chunks(rows)).to_pydict()
    return found


def test_survey_when_labels_are_wanted_then_gives_them_and_codes_elsewhere(survey: Path) -> None:
    with open_table(survey, recognise(survey), Wanted(labelled=frozenset({"edu"}))) as table:
        found = columns(table)

    assert found["edu"] == ["high", "low", "mid", None]
    assert found["wage"] == [100.5, -9.0, 50.0, 9999999.0]
    assert found["town"] == ["Rome", None, None, "Oslo"]
    assert [day and day.isoformat()[:10] for day in found["hired"]] == [
        "2020-01-02",
        None,
        "1999-12-31",
        "2000-01-01",
    ]


def test_survey_when_labels_are_not_wanted_then_gives_codes(survey: Path) -> None:
    with open_table(survey, recognise(survey), Wanted(labelled=frozenset())) as table:
        assert columns(table)["edu"] == [3.0, 1.0, 2.0, None]


def test_survey_when_it_is_described_then_orders_labels_by_code(survey: Path) -> None:
    with open_table(survey, recognise(survey), Wanted()) as table:
        found = table.described()

    assert found["edu"] == Described(levels=("low", "mid", "high"))
    assert found["wage"] == Described(label="Yearly wage", missing=("-9",))


def test_survey_when_a_code_has_no_label_then_is_its_text(tmp_path: Path) -> None:
    path = tmp_path / "survey.dta"
    pyreadstat.write_dta(FRAME[["edu"]], str(path), variable_value_labels={"edu": {1: "low"}})

    with open_table(path, recognise(path), Wanted(labelled=frozenset({"edu"}))) as table:
        assert columns(table)["edu"] == ["3", "low", "2", "9"]


def test_stata_when_codes_are_extended_missing_then_have_no_value(tmp_path: Path) -> None:
    path = tmp_path / "survey.dta"
    frame = pd.DataFrame({"wage": [1.5, "a", "z"]})
    pyreadstat.write_dta(frame, str(path), missing_user_values={"wage": ["a", "z"]})

    with open_table(path, recognise(path), Wanted()) as table:
        assert columns(table)["wage"] == [1.5, None, None]


def test_survey_when_the_file_is_cut_off_then_says_so(survey: Path) -> None:
    survey.write_bytes(survey.read_bytes()[:300])

    with (
        pytest.raises(UserError, match=r"survey.sav is damaged, or not as its format asks"),
        open_table(survey, recognise(survey), Wanted()) as table,
    ):
        columns(table)


def test_wanted_when_a_category_is_no_input_then_its_labels_are_wanted_in_scoring_too(
    survey: Path,
) -> None:
    edu = category("edu", ["low", "mid", "high"], column="edu", use="audit", required=False)
    contract = contract_of(column("wage", column="wage"), edu)

    with open_table(survey, recognise(survey), Wanted.of(scoring_contract(contract))) as table:
        assert columns(table)["edu"] == ["high", "low", "mid", None]
