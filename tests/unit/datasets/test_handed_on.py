"""What nodes hand on: a dataset of another process gives what was saved."""

import base64
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.io.core import AbstractDataset, DatasetError

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.contract import Contract
from salary_kedro.datasets import (
    ModelDataset,
    SharedFileDataset,
    TrainingParametersDataset,
)
from salary_kedro.project.parameters import CrossValidation, PlotSettings, WinningParameters
from samples import bundle_files, straight_line


def shared(kind: str, path: Path, **options: Any) -> AbstractDataset[Any, Any]:
    """The dataset as the catalog makes it, anew for each process."""
    return SharedFileDataset(
        {"type": f"salary_kedro.datasets.{kind}", "filepath": str(path), **options}
    )


def test_model_when_another_process_loads_it_then_predicts_the_same(
    contract: Contract, tmp_path: Path
) -> None:
    model = straight_line(contract)

    shared("ModelDataset", tmp_path / "model.skops").save(model)
    loaded = shared("ModelDataset", tmp_path / "model.skops").load()

    rows = np.array([[1.5], [2.5]])
    assert loaded.predict(rows).tolist() == model.predict(rows).tolist()


def test_model_when_the_file_is_a_pickle_then_does_not_read_it(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(pickle.dumps({"a": 1}))

    with pytest.raises(DatasetError, match=r"the model file cannot be loaded"):
        ModelDataset(str(tmp_path / "model.skops")).load()


def test_plot_when_another_process_loads_it_then_is_the_file(tmp_path: Path) -> None:
    shared("PlotDataset", tmp_path / "plot.png").save(b"a plot")

    loaded: Any = shared("PlotDataset", tmp_path / "plot.png")
    assert loaded.load() == (tmp_path / "plot.png").read_bytes() == b"a plot"
    assert base64.b64decode(loaded.preview()) == b"a plot"


def test_bundle_when_another_process_loads_it_then_is_the_one_of_that_name(
    contract: Contract, tmp_path: Path
) -> None:
    store = BundleStore(tmp_path / "bundles")
    name, files = pack("salaries", 1, bundle_files(contract))
    store.write(name, files)
    options = {"bundles": str(store.folder)}

    shared("ChosenBundleDataset", tmp_path / "production", **options).save(store.load(name))

    assert shared("ChosenBundleDataset", tmp_path / "production", **options).load().name == name


def test_training_parameters_when_another_process_loads_them_then_are_the_same(
    tmp_path: Path,
) -> None:
    given = WinningParameters(
        model="ridge",
        random_state=234,
        cross_validation=CrossValidation(folds=5, repeats=2),
        hyperparameters={"ridge": {"alpha": 0.1 + 0.2}},
        plots=PlotSettings(public_data=("0" * 64,)),
        train_sha256="1" * 64,
        run_id="run",
    )
    TrainingParametersDataset(str(tmp_path / "winner.json")).save(given)

    found = TrainingParametersDataset(str(tmp_path / "winner.json")).load()

    assert found == given
    assert found.plots == given.plots
