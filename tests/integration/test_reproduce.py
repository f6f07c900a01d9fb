"""Versions that real runs registered, trained once more."""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from salary_kedro.cli.models.reproduce import describe, train_once_more
from salary_kedro.errors import UserError
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from salary_kedro.project.project import open_project
from salary_kedro.registry.registry import Registry
from salary_kedro.upkeep.opening import registry_of
from stores import forget_store
from support import Project, copy_project

QUICK = "data_science: {cross_validation: {folds: 5, repeats: 1}}\n"
SPECIAL = """
data_engineering: {train_size: 0.6, random_state: 5}
data_science:
  model: decision_tree
  random_state: 7
  hyperparameters:
    decision_tree: {max_depth: 2, max_features: null, criterion: absolute_error}
    ridge: {}
"""
SPECIAL_VERSION = len(MODEL_NAMES) + 1


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a version of every model, in order, and then one by special parameters."""
    project = copy_project(tmp_path_factory.mktemp("reproduce") / "project")
    parameters = project.root / "conf" / "local" / "parameters.yml"
    pipelines = "data_engineering,data_science"
    parameters.write_text(QUICK)
    for model in MODEL_NAMES:
        project.kedro_run("--pipelines", pipelines, "--params", f"model={model}")
        pipelines = "data_science"  # the rows are split by now
    parameters.write_text(SPECIAL)
    project.kedro_run("--pipelines", "data_engineering,data_science")
    parameters.unlink()
    return project


@pytest.fixture(autouse=True)
def registry(trained: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Its registry."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield registry_of(open_project(trained.root, None))
    forget_store()


@pytest.fixture
def raw(trained: Project) -> Iterator[Path]:
    """The raw file, which is put back at the end."""
    path = trained.root / "data" / "01_raw" / "salary_data.csv"
    content = path.read_bytes()
    yield path
    path.write_bytes(content)


def once_more(project: Project, number: int) -> Mapping[str, Any]:
    return train_once_more(open_project(project.root, None), number)


def files(project: Project) -> dict[str, bytes]:
    """Every file of the project."""
    return {
        str(path): path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_reproduce_when_nothing_changed_then_is_identical(
    model: ModelName, trained: Project
) -> None:
    found = once_more(trained, MODEL_NAMES.index(model) + 1)

    assert (found["identical"], found["differs"]) == (True, [])
    assert set(found["metrics"]) >= {"rmse", "cv_rmse_mean", "rows_train", "rows_rejected"}
    assert found["predictions"] == {
        kind: {"absolute": 0.0, "relative": 0.0} for kind in ("holdout", "examples")
    }
    assert found["calibration"] == {"absolute": 0.0, "relative": 0.0}


@pytest.mark.parametrize(
    ("model", "rmse"),
    [
        ("linear_regression", 6311.262456108905),
        ("decision_tree", 6302.016142341539),
        ("random_forest", 5181.9071538939115),
    ],
)
def test_reproduce_when_nothing_changed_then_gives_the_known_rmse(
    model: ModelName, rmse: float, trained: Project
) -> None:
    found = once_more(trained, MODEL_NAMES.index(model) + 1)

    assert found["metrics"]["rmse"]["now"] == pytest.approx(rmse, rel=1e-12)


def test_reproduce_when_parameters_were_special_then_retrains_by_the_versions_own(
    trained: Project,
) -> None:
    found = once_more(trained, SPECIAL_VERSION)

    assert (found["identical"], found["differs"]) == (True, [])
    assert found["metrics"]["rows_train"]["now"] == 24  # 0.6 of 40


def test_reproduce_when_done_then_has_written_nothing(trained: Project) -> None:
    once_more(trained, 1)
    before = files(trained)

    once_more(trained, 1)

    assert files(trained) == before


def test_reproduce_when_called_elsewhere_then_finds_the_projects_files(
    trained: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    found = once_more(trained, 1)

    assert found["identical"]
    assert Path.cwd() == tmp_path


def test_reproduce_when_the_raw_file_changed_then_names_the_data_and_compares_all_the_same(
    trained: Project, raw: Path
) -> None:
    raw.write_text(raw.read_text() + "30,250000\n")

    found = once_more(trained, 1)

    assert (found["identical"], found["differs"]) == (False, ["data"])
    assert found["metrics"]["rmse"]["absolute"] > 0
    assert found["predictions"]["examples"]["absolute"] > 0
    assert found["calibration"]["absolute"] > 0
    lines = describe(found)
    compared = "metrics, predictions and intervals"
    assert lines[0] == f"Version 1, trained once more: {compared} are not identical"
    assert lines[1].startswith("  data differs: 45a30eec8df2 then, ")
    assert lines[-1].startswith("  calibration of the intervals: ")


@pytest.fixture
def older(registry: Registry, raw: Path) -> Iterator[None]:
    """Version 1 as an earlier release recorded it: by the bytes of the raw file."""
    path = registry.model_folder(1) / "extra_files" / "lineage.json"
    content = path.read_text()
    lineage = json.loads(content)
    del lineage["data_method"]
    lineage["data_sha256"] = sha256(raw.read_bytes()).hexdigest()
    path.write_text(json.dumps(lineage))
    yield
    path.write_text(content)


def test_reproduce_when_an_earlier_release_recorded_the_file_then_compares_the_file(
    trained: Project, older: None, raw: Path
) -> None:
    assert once_more(trained, 1)["differs"] == []

    raw.write_text(raw.read_text() + "30,250000\n")

    assert once_more(trained, 1)["differs"] == ["data"]


def test_reproduce_when_the_fingerprint_cannot_be_compared_then_says_so_and_claims_nothing(
    trained: Project, older: None, raw: Path
) -> None:
    catalog = trained.root / "conf" / "local" / "catalog.yml"
    entry = {"type": "pandas.CSVDataset", "filepath": "data/01_raw/salary_data.csv"}
    catalog.write_text(json.dumps({"raw_salaries": entry}))
    try:
        found = once_more(trained, 1)
    finally:
        catalog.unlink()

    assert (found["identical"], found["differs"]) == (True, [])
    assert describe(found)[1] == (
        "  data cannot be compared: its fingerprint was taken in another way then"
    )


def test_reproduce_when_the_holdout_is_one_row_then_its_json_holds_no_nan(
    trained: Project, raw: Path
) -> None:
    raw.write_text("".join(raw.read_text().splitlines(keepends=True)[:9]))  # a header, 8 rows

    found = once_more(trained, 1)

    json.dumps(found, allow_nan=False)
    assert found["differs"] == ["data"]


def test_reproduce_when_code_and_lock_changed_then_names_both(trained: Project) -> None:
    lock = trained.root / "requirements.lock"
    content = lock.read_bytes()
    lock.write_bytes(content + b"\n")
    try:
        found = once_more(trained, 1)
    finally:
        lock.write_bytes(content)

    assert (found["identical"], found["differs"]) == (True, ["code", "lock"])


def test_reproduce_when_the_raw_file_lacks_a_column_then_says_so(
    trained: Project, raw: Path
) -> None:
    raw.write_text("Years,Salary\n1,2\n")

    with pytest.raises(UserError, match="Experience Years"):
        once_more(trained, 1)


def test_reproduce_when_there_is_no_such_version_then_says_so(trained: Project) -> None:
    with pytest.raises(UserError, match=r"there is no version 99"):
        once_more(trained, 99)


def test_reproduce_when_the_parameters_were_not_recorded_then_says_so(
    trained: Project, registry: Registry
) -> None:
    path = registry.model_folder(1) / "extra_files" / "lineage.json"
    content = path.read_text()
    path.write_text(json.dumps({"git_commit": "abc"}))
    try:
        with pytest.raises(UserError, match=r"^the lineage of version 1 does not hold"):
            once_more(trained, 1)
    finally:
        path.write_text(content)
