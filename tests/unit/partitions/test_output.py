"""Where the rows of a run in parts go, and what is removed there."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from parted import CONTRACT, OwnProcess, make_part, split_here
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.partitions.cluster import ClusterError
from salary_kedro.partitions.table import RawTable

KEPT = Contract.of(yaml.safe_load(CONTRACT)["contract"])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of two files."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in range(2):
        pq.write_table(make_part(200, number), folder / f"{number}.parquet")
    return folder


def runs(output: Path) -> set[str]:
    """What lies in the folder of the output."""
    return {path.name for path in output.iterdir()}


def test_output_when_none_is_named_then_is_asked_for(table: Path) -> None:
    with pytest.raises(UserError, match=r"nothing says where the valid rows of .* go: name a"):
        split_here(RawTable(str(table), OwnProcess()), KEPT)


@pytest.mark.parametrize("output", ["", "raw", "raw/parts", "link"])
def test_output_when_mixed_up_with_the_table_then_is_refused(
    output: str, table: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(table)

    with pytest.raises(UserError, match="lie within each other: name a folder of its own as out"):
        split_here(RawTable(str(table), OwnProcess(), str(tmp_path / output), "mine"), KEPT)

    assert runs(table) == {"0.parquet", "1.parquet"}


def test_output_when_shared_then_loses_the_earlier_run_of_its_owner_alone(
    table: Path, tmp_path: Path
) -> None:
    output = tmp_path / "shared"
    (output / "theirs").mkdir(parents=True)
    (output / ("0" * 32)).mkdir()
    (output / "notes.txt").write_text("mine")
    mine, other = (RawTable(str(table), OwnProcess(), str(output), who) for who in ("me", "you"))
    others = split_here(other, KEPT)
    first = split_here(mine, KEPT)

    second = split_here(mine, KEPT)

    folders = [Path(found.folder).parent.name for found in (others, first, second)]
    assert runs(output) == {"theirs", "0" * 32, "notes.txt", folders[0], folders[2]}


def test_output_when_nobody_owns_it_then_keeps_every_run(table: Path, tmp_path: Path) -> None:
    raw = RawTable(str(table), OwnProcess(), str(tmp_path / "out"))

    split_here(raw, KEPT)
    split_here(raw, KEPT)

    assert len(runs(tmp_path / "out")) == 2


def test_output_when_the_next_table_is_refused_then_still_has_the_rows_of_the_last(
    table: Path, tmp_path: Path
) -> None:
    raw = RawTable(str(table), OwnProcess(), str(tmp_path / "out"), "me")
    holdout = split_here(raw, KEPT)
    broken = make_part(200, 3).drop_columns("Salary").append_column("Salary", [[-1.0] * 200])
    pq.write_table(broken, table / "2.parquet")

    with pytest.raises(UserError, match="break the contract, more than the allowed share"):
        split_here(RawTable(str(table), OwnProcess(), str(tmp_path / "out"), "me"), KEPT)

    assert not holdout.in_memory().empty
    assert sum(len(part.frame()) for part in holdout.parts) == len(holdout)


def test_output_when_in_a_store_then_is_no_folder_of_the_same_name_here(table: Path) -> None:
    raw = RawTable(str(table), OwnProcess(), f"memory://{table}/parts", "me")

    first, second = split_here(raw, KEPT), split_here(raw, KEPT)

    assert len(second.in_memory()) == len(second) > 0
    with pytest.raises(ClusterError, match=r"sample.parquet cannot be read .* each worker must s"):
        first.in_memory()
