"""Folders of scored rows, here and in an object store: whole or not at all, and never another's."""

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import fsspec
import pyarrow as pa
import pytest

from salary_kedro.errors import UserError
from salary_kedro.partitions.scored import DONE, ScoredParts
from salary_kedro.partitions.storage import read_part, write_part
from salary_kedro.tables.writer import TooManyRejectedError

SOURCE = "memory://source"


@pytest.fixture(params=["here", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder for scored rows, which is not there yet."""
    return str(tmp_path / "scored") if request.param == "here" else f"memory://{uuid4().hex}/scored"


def write(
    place: str, value: int, fail: Callable[[], None] = lambda: None, *, overwrite: bool = False
) -> None:
    """Write a part of scored rows and one of rejected ones; then maybe fail."""
    with ScoredParts(place, overwrite).replace(SOURCE) as drafts:
        for folder in (drafts.scored, drafts.rejected):
            write_part(pa.table({"value": [value]}), f"{folder}/0.parquet")
        fail()


def reject() -> None:
    """What scoring does where too many rows are rejected."""
    raise TooManyRejectedError("too many")


def breaks() -> None:
    """What a dead worker does."""
    raise UserError("a worker is gone")


def exists(path: str) -> bool:
    """Whether there is such a file or folder."""
    system, inside = fsspec.url_to_fs(path)
    return bool(system.exists(inside))


def content(place: str) -> object:
    """The value of the part there."""
    return read_part(f"{place}/0.parquet")["value"].to_pylist()


def test_scored_rows_when_written_then_are_there_whole(place: str) -> None:
    write(place, 1)

    for folder in (place, f"{place}_rejected"):
        assert content(folder) == [1]
        assert exists(f"{folder}/{DONE}")


def test_scored_rows_when_written_again_then_replace_the_earlier_ones(place: str) -> None:
    write(place, 1)

    write(place, 2)

    assert content(place) == content(f"{place}_rejected") == [2]


def test_scored_rows_when_too_many_are_rejected_then_leave_only_these(place: str) -> None:
    with pytest.raises(TooManyRejectedError):
        write(place, 1, reject)

    assert not exists(place)
    assert content(f"{place}_rejected") == [1]
    assert exists(f"{place}_rejected/{DONE}")


@pytest.mark.parametrize("fail", [reject, breaks])
def test_scored_rows_when_a_run_failed_then_the_next_writes_them(
    fail: Callable[[], None], place: str
) -> None:
    with suppress(UserError):
        write(place, 1, fail)

    write(place, 2)

    assert content(place) == content(f"{place}_rejected") == [2]


def test_scored_rows_when_a_run_fails_then_leaves_nothing(place: str) -> None:
    with pytest.raises(UserError, match="a worker is gone"):
        write(place, 1, breaks)

    assert not exists(place)
    assert not exists(f"{place}_rejected")


#: Replaces scored rows, and is killed before a rename of those that put folders into place.
DIES = """
import itertools, os, signal, sys
from pathlib import Path
import pyarrow as pa
from salary_kedro.partitions.scored import ScoredParts
from salary_kedro.partitions.storage import write_part

place, kills_at = sys.argv[1], int(sys.argv[2])
renames, rename = itertools.count(1), Path.rename

def dying(path, target):
    if next(renames) == kills_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(path, target)

Path.rename = dying
with ScoredParts(place).replace("memory://source") as drafts:
    for folder in (drafts.scored, drafts.rejected):
        write_part(pa.table({"value": [2]}), f"{folder}/0.parquet")
"""


@pytest.mark.process
@pytest.mark.parametrize("kills_at", range(1, 5))
def test_scored_rows_when_a_run_is_killed_while_they_are_moved_then_the_next_has_the_earlier_ones(
    kills_at: int, tmp_path: Path
) -> None:
    place = str(tmp_path / "scored")
    write(place, 1)
    killed = subprocess.run([sys.executable, "-c", DIES, place, str(kills_at)], check=False)

    with suppress(UserError):
        write(place, 3, breaks)

    assert killed.returncode == -signal.SIGKILL
    assert content(place) == [1]
    assert not [*tmp_path.glob(".*")]


@pytest.mark.process
def test_scored_rows_when_a_killed_run_replaced_rejected_ones_then_these_are_not_taken_for_them(
    tmp_path: Path,
) -> None:
    place = str(tmp_path / "scored")
    with suppress(UserError):
        write(place, 1, reject)
    subprocess.run([sys.executable, "-c", DIES, place, "3"], check=False)

    with suppress(UserError):
        write(place, 3, breaks)

    assert not exists(place)
    assert content(f"{place}_rejected") == [2]


@pytest.mark.parametrize("done", [b"", b"{}"])
def test_scored_rows_when_somebody_elses_table_is_there_then_are_refused(
    done: bytes, place: str
) -> None:
    """Spark and Hadoop write that file too, without anything in it."""
    system, path = fsspec.url_to_fs(place)
    system.makedirs(path, exist_ok=True)
    system.pipe_file(f"{path}/{DONE}", done)
    system.pipe_file(f"{path}/theirs.parquet", b"theirs")

    with pytest.raises(UserError, match="already exists and is not an earlier result of scoring"):
        write(place, 1)

    assert system.cat_file(f"{path}/theirs.parquet") == b"theirs"
    write(place, 1, overwrite=True)
    assert content(place) == [1]
    assert not exists(f"{place}/theirs.parquet")


@pytest.mark.parametrize("source", ["", "/below"])
def test_scored_rows_when_mixed_up_with_the_table_then_are_refused(source: str, place: str) -> None:
    with (
        pytest.raises(UserError, match="lie within each other: name another folder for scored_r"),
        ScoredParts(place).replace(f"{place}{source}"),
    ):
        pass


def test_scored_rows_when_an_earlier_run_wrote_some_then_tell_whether_they_stay(
    place: str,
) -> None:
    """A store has no folders to be moved: there the earlier ones go first."""
    before = ScoredParts(place).keeps_earlier()

    write(place, 1)

    assert not before
    assert ScoredParts(place).keeps_earlier() == ("://" not in place)
