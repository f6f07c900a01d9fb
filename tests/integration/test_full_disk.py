"""Whole runs on a disk that fills up under them."""

import shlex

import pytest
from mlflow import MlflowClient

from disks import resize, small_disk
from support import Project


@pytest.mark.parametrize("kilobytes", [1200, 1450, 1700])
def test_run_when_the_disk_fills_then_ends_with_one_line_and_goes_on_when_there_is_room(
    kilobytes: int, project: Project
) -> None:
    raw = (project.root / "data/01_raw/salary_data.csv").read_bytes()
    with small_disk(project.root / "data", kilobytes) as disk:
        (disk / "01_raw").mkdir()
        (disk / "01_raw/salary_data.csv").write_bytes(raw)

        failed = project.run("kedro", "run")
        *progress, error = failed.stderr.splitlines()
        resize(disk, 50_000)
        command = error.partition("then run `kedro ")[2].removesuffix("`") or "run"
        done = project.run("kedro", *shlex.split(command))
        versions = MlflowClient(project.store).search_model_versions()

    assert failed.returncode == 1
    assert error.startswith("Error: the disk is full: make room and run it again")
    assert all(line.startswith("[") for line in progress)
    assert done.returncode == 0, done.stderr
    assert [version.version for version in versions] == [1]
