"""Places that nodes write to through an object of their own."""

from pathlib import Path

import pytest
from kedro.io.core import DatasetError

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bento import BentoProject
from salary_kedro.datasets import BentoProjectDataset, BundleStoreDataset, RegistryDataset


def test_bundles_when_loaded_then_are_the_store_of_the_folder(tmp_path: Path) -> None:
    assert BundleStoreDataset(str(tmp_path / "bundles")).load() == BundleStore(tmp_path / "bundles")


def test_bundles_when_loaded_then_the_folder_is_not_made(tmp_path: Path) -> None:
    BundleStoreDataset(str(tmp_path / "bundles")).load()

    assert list(tmp_path.iterdir()) == []


def test_bento_project_when_loaded_then_is_that_of_the_bentofiles_folder(tmp_path: Path) -> None:
    assert BentoProjectDataset(str(tmp_path / "bentofile.yaml")).load() == BentoProject(tmp_path)


def test_registry_when_loaded_then_is_that_of_the_store_and_the_model(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    registry = RegistryDataset(uri, "salaries").load()

    assert (registry.uri, registry.model_name) == (uri, "salaries")


def test_registry_when_loaded_twice_then_each_tells_of_its_own_moves(tmp_path: Path) -> None:
    dataset = RegistryDataset(f"sqlite:///{tmp_path}/mlflow.db", "salaries")

    assert dataset.load() is not dataset.load()


def test_registry_when_saved_to_then_is_refused(tmp_path: Path) -> None:
    dataset = RegistryDataset(f"sqlite:///{tmp_path}/mlflow.db", "salaries")

    with pytest.raises(DatasetError, match="is written through the object that load"):
        dataset.save("anything")  # type: ignore[arg-type]


def test_registry_when_there_is_no_store_then_does_not_exist_and_none_is_made(
    tmp_path: Path,
) -> None:
    assert RegistryDataset(f"sqlite:///{tmp_path}/mlflow.db", "salaries").exists() is False
    assert list(tmp_path.iterdir()) == []


def test_registry_when_its_address_holds_a_password_then_does_not_show_it() -> None:
    dataset = RegistryDataset("postgresql://anna:secret@db.example/mlflow", "salaries")

    assert "secret" not in str(dataset)
    assert "db.example" in str(dataset)


@pytest.mark.parametrize("kind", [BundleStoreDataset, BentoProjectDataset])
def test_place_when_saved_to_then_is_refused(
    kind: type[BundleStoreDataset | BentoProjectDataset], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError) as caught:
        kind(str(tmp_path / "place")).save("anything")  # type: ignore[arg-type]

    assert str(caught.value) == (
        f"{tmp_path}/place is written through the object that load() gives"
    )


@pytest.mark.parametrize("kind", [BundleStoreDataset, BentoProjectDataset])
def test_place_when_it_appears_then_exists(
    kind: type[BundleStoreDataset | BentoProjectDataset], tmp_path: Path
) -> None:
    dataset = kind(str(tmp_path / "place"), metadata={"layer": "models"})
    assert dataset.exists() is False

    (tmp_path / "place").mkdir()

    assert dataset.exists() is True
    assert dataset.metadata == {"layer": "models"}
    assert f"{tmp_path}/place" in str(dataset)
