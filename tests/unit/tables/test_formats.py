"""Every format of tables, written and read back."""

from pathlib import Path

import pyarrow as pa
import pytest

from salary_kedro.contract.scoring import scoring_contract
from salary_kedro.errors import UserError
from salary_kedro.tables.own_tables import SCORED, is_rejected, is_scored
from salary_kedro.tables.reader import TableReader
from salary_kedro.tables.writer import ScoredTables
from salary_kedro.tables.written import SUFFIXES
from samples import column, contract_of

CONTRACT = scoring_contract(contract_of(column("age")))
ROWS = pa.table({"Age": [5.5, 7.0], **{name: ["a", "b"] for name in SCORED}})
REJECTED = pa.table({"line": [3], "reasons": ["Age: missing"], "Age": [""]})


def written(folder: Path, suffix: str) -> ScoredTables:
    tables = ScoredTables(folder / f"scored{suffix}")
    with tables.replace(CONTRACT.table.csv, folder / "source.csv") as (scored, rejected):
        scored.write(ROWS)
        rejected.write(REJECTED)
    return tables


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_format_when_it_is_written_then_is_read_back(suffix: str, tmp_path: Path) -> None:
    reader = TableReader(written(tmp_path, suffix).path)

    (chunk,) = reader.chunks(CONTRACT, 10)

    assert reader.header(CONTRACT) == ["Age", *SCORED]
    assert chunk.values["Age"].tolist() == [5.5, 7]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_format_when_it_is_written_then_is_known_as_our_own(suffix: str, tmp_path: Path) -> None:
    tables = written(tmp_path, suffix)

    assert is_scored(tables.path)
    assert is_rejected(tables.rejected)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_format_when_the_file_holds_something_else_then_says_so_in_words(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(b"\x00\xff\xfe damaged")

    with pytest.raises(UserError, match=path.name):
        TableReader(path).header(CONTRACT)
