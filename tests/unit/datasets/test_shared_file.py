"""A file that several runs share: whole or not at all, and never another run's."""

import json
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io.core import DatasetError

from salary_kedro.datasets import SharedFileDataset


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file goes; its folder does not exist yet."""
    return tmp_path / "reports" / "metrics.json"


def json_file(path: Path) -> SharedFileDataset:
    return SharedFileDataset({"type": "json.JSONDataset", "filepath": path.as_posix()})


def test_save_when_the_folder_is_not_there_then_makes_it(path: Path) -> None:
    json_file(path).save({"rmse": 5.5})

    assert json.loads(path.read_text()) == {"rmse": 5.5}


def test_save_when_done_then_leaves_no_other_file(path: Path) -> None:
    shared = json_file(path)
    shared.save({"rmse": 5.5})
    shared.save({"rmse": 4.5})

    assert list(path.parent.iterdir()) == [path]
    assert json.loads(path.read_text()) == {"rmse": 4.5}


def test_save_when_it_breaks_off_then_the_earlier_file_stays(path: Path) -> None:
    shared = json_file(path)
    shared.save({"rmse": 5.5})

    with pytest.raises(DatasetError):
        shared.save({"rmse": object()})

    assert json.loads(path.read_text()) == {"rmse": 5.5}
    assert list(path.parent.iterdir()) == [path]
    assert shared.load() == {"rmse": 5.5}


def test_save_when_another_reads_meanwhile_then_that_one_reads_a_whole_file(path: Path) -> None:
    contents = [{"values": [number] * 5000} for number in range(2)]
    json_file(path).save(contents[0])
    problems: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                found = json.loads(path.read_text())
            except (OSError, ValueError) as error:
                problems.append(str(error))
            else:
                if found not in contents:
                    problems.append("mixed")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for _ in range(30):
        json_file(path).save(contents[1])
        json_file(path).save(contents[0])
    done.set()
    reader.join()

    assert problems == []


def test_load_when_another_run_wrote_meanwhile_then_gives_what_this_one_saved(path: Path) -> None:
    mine, other = json_file(path), json_file(path)
    mine.save({"rmse": 5.5})
    other.save({"rmse": 1.0})

    assert mine.load() == {"rmse": 5.5}


def test_load_when_this_run_saved_nothing_then_reads_the_file(path: Path) -> None:
    json_file(path).save({"rmse": 5.5})

    assert json_file(path).load() == {"rmse": 5.5}


def test_load_when_released_then_reads_the_file(path: Path) -> None:
    mine = json_file(path)
    mine.save({"rmse": 5.5})
    json_file(path).save({"rmse": 1.0})

    mine.release()

    assert mine.load() == {"rmse": 1.0}


def test_load_when_there_is_no_file_then_is_a_dataset_error(path: Path) -> None:
    with pytest.raises(DatasetError, match=r"metrics\.json"):
        json_file(path).load()


def test_exists_when_the_file_was_saved_or_is_there_then_is_true(path: Path) -> None:
    mine = json_file(path)
    assert mine.exists() is False

    mine.save({})

    assert mine.exists() is True
    assert json_file(path).exists() is True


@pytest.mark.parametrize(
    ("kind", "suffix", "options"),
    [
        ("pandas.ParquetDataset", "parquet", {}),
        ("pandas.CSVDataset", "csv", {"load_args": {"sep": ";"}, "save_args": {"sep": ";"}}),
    ],
)
def test_shared_file_when_it_holds_a_table_then_gives_it_back(
    kind: str, suffix: str, options: dict[str, Any], tmp_path: Path
) -> None:
    config = {"type": kind, "filepath": str(tmp_path / f"table.{suffix}"), **options}
    table = pd.DataFrame({"line": [3, 9], "reasons": ["a", "b"]})

    SharedFileDataset(config).save(table)

    pd.testing.assert_frame_equal(SharedFileDataset(config).load(), table)


def test_shared_file_when_the_path_is_remote_then_is_written_directly() -> None:
    config = {"type": "json.JSONDataset", "filepath": "memory://shared-file/metrics.json"}

    SharedFileDataset(config).save({"rmse": 5.5})

    assert SharedFileDataset(config).load() == {"rmse": 5.5}


def test_shared_file_when_the_wrapped_dataset_has_a_preview_then_has_it_too(path: Path) -> None:
    shared = json_file(path)
    shared.save({"rmse": 5.5})

    assert json.loads(str(shared.preview())) == {"rmse": 5.5}


def test_shared_file_when_metadata_is_given_then_keeps_it(path: Path) -> None:
    config = {"type": "json.JSONDataset", "filepath": str(path)}
    layer = {"kedro-viz": {"layer": "reporting"}}

    assert SharedFileDataset(config, metadata=layer).metadata == layer


def test_shared_file_when_described_then_names_the_wrapped_file(path: Path) -> None:
    shared = json_file(path)

    assert (shared.filepath, shared._describe()) == (
        str(path),
        {"filepath": str(path), "dataset": "JSONDataset"},
    )
