"""A project that was moved or copied must not write into the place it came from."""

import shutil
from pathlib import Path

import pytest

from salary_kedro.config import artifacts
from salary_kedro.errors import UserError
from salary_kedro.lifecycle.store import prepare_store


def prepare(data: Path) -> None:
    uri = f"sqlite:///{data}/mlflow/mlflow.db"
    prepare_store(uri, "salary_kedro", artifacts(uri))


def test_prepare_store_when_the_project_was_moved_then_refuses_and_names_both_places(
    tmp_path: Path,
) -> None:
    prepare(tmp_path / "old")
    shutil.move(tmp_path / "old", tmp_path / "new")

    with pytest.raises(UserError) as caught:
        prepare(tmp_path / "new")

    assert str(caught.value) == (
        f"the store keeps its artifacts in file://{tmp_path}/old/mlflow/artifacts, but this "
        f"project's are in file://{tmp_path}/new/mlflow/artifacts: it was moved or copied. Move "
        f"it back, or move data/mlflow away to begin a new store"
    )
    assert not (tmp_path / "old").exists()


def test_prepare_store_when_the_project_stayed_then_opens_it_again(tmp_path: Path) -> None:
    prepare(tmp_path / "here")
    prepare(tmp_path / "here")

    assert (tmp_path / "here" / "mlflow" / "mlflow.db").is_file()
