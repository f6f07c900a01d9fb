"""Places that nodes write to through an object of their own."""

from pathlib import Path

import pytest
from kedro.io.core import DatasetError

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bento import BentoProject
from salary_kedro.datasets import BentoProjectDataset, BundleStoreDataset


def test_bundles_when_loaded_then_are_the_store_of_the_folder(tmp_path: Path) -> None:
    assert BundleStoreDataset(str(tmp_path / "bundles")).load() == BundleStore(tmp_path / "bundles")


def test_bundles_when_loaded_then_the_folder_is_not_made(tmp_path: Path) -> None:
    BundleStoreDataset(str(tmp_path / "bundles")).load()

    assert list(tmp_path.iterdir()) == []


def test_bento_project_when_loaded_then_is_that_of_the_bentofiles_folder(tmp_path: Path) -> None:
    assert BentoProjectDataset(str(tmp_path / "bentofile.yaml")).load() == BentoProject(tmp_path)


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
