"""Whole numbers beyond what floats hold, some of them missing."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salary_kedro.tables.checked import check
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.whole import read_table
from samples import column, contract_of

FIRST = 2**53
CONTRACT = contract_of(
    column("id", kind="category", categories={"min_count": 1}, example="1", required=False),
    column("age", required=False),
    table={"primary_key": ["Number"]},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    numbers = [*range(FIRST, FIRST + 60), None]
    columns = {"Number": numbers, "Id": numbers, "Age": numbers, "Salary": [100.0] * 61}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


def test_check_when_large_keys_lie_close_then_rejects_the_row_without_one_alone(
    path: Path,
) -> None:
    assert check(read_table(path, CONTRACT), CONTRACT).broken.tolist() == [60]


def test_large_integers_when_some_are_missing_then_run_and_score_read_the_same(
    path: Path,
) -> None:
    run = read_columns(read_table(path, CONTRACT), CONTRACT)
    (chunk,) = TableReader(path).chunks(CONTRACT, 100)
    scored = read_columns(chunk.values, CONTRACT)

    assert run["id"].tolist()[:60] == [str(number) for number in range(FIRST, FIRST + 60)]
    assert run["age"].tolist()[:60] == [float(number) for number in range(FIRST, FIRST + 60)]
    assert run.isna().sum().to_dict() == {"id": 1, "age": 1, "salary": 0}
    pd.testing.assert_frame_equal(run, scored)
