"""The registry: the alias is the truth, and the tags follow it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from salary_kedro.bundle.model_file import read_model
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.lifecycle.stages import Stage, Version
from samples import constant
from stores import (
    MODEL_NAME,
    Models,
    WatchedClient,
    alias,
    forget_store,
    log,
    register,
    tags,
)
from support import BIN, free_port, get, running, wait_until


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return Registry(MODEL_NAME)


@pytest.fixture
def two(registry: Registry, models: Models) -> list[Version]:
    """Version 1 in production with RMSE 5, and version 2 in staging with RMSE 3."""
    first, second = (register(models[5], rmse) for rmse in (5.0, 3.0))
    registry.promote(first)
    return [first, second]


# --- Registering ----------------------------------------------------------------


def test_register_when_the_model_is_new_then_is_version_1_in_staging(
    registry: Registry, models: Models
) -> None:
    logged = models[5]

    created = registry.register(logged.model_uri, logged.run_id, 6311.262456108905)

    assert created == Version(
        number=1, stages={Stage.STAGING: "6311.262456108905"}, run_id=logged.run_id
    )
    assert tags() == {1: {"staging": "6311.262456108905"}}
    assert alias() is None


def test_register_when_there_are_versions_then_is_the_next(
    registry: Registry, two: list[Version]
) -> None:
    source = str(MlflowClient().get_model_version(MODEL_NAME, "1").source)

    assert registry.register(source, two[0].run_id, 4.0).number == 3


def test_register_when_the_rmse_is_nan_then_the_tag_says_so(
    registry: Registry, models: Models
) -> None:
    register(models[5], float("nan"))

    assert tags() == {1: {"staging": "NaN"}}


# --- Reading -----------------------------------------------------------------------


def test_version_when_there_is_none_of_that_number_then_says_so(
    registry: Registry, two: list[Version]
) -> None:
    with pytest.raises(UserError) as caught:
        registry.version(9)

    assert str(caught.value) == (
        "model 'salaries' has no version 9 in this store; `make ui` shows those it has"
    )


def test_version_when_the_model_is_unknown_then_says_so(store: str) -> None:
    with pytest.raises(UserError, match=r"^model 'unknown' has no version 1 in this store"):
        Registry("unknown").version(1)


def test_versions_when_there_are_more_than_nine_then_are_in_order_of_number(
    registry: Registry, models: Models
) -> None:
    for _ in range(11):
        register(models[5])

    assert [version.number for version in registry.versions()] == list(range(1, 12))


def test_versions_when_the_model_is_unknown_then_are_none(registry: Registry) -> None:
    assert registry.versions() == []


def test_versions_when_other_tags_are_there_then_hold_the_stages_alone(
    registry: Registry, two: list[Version]
) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "note", "mine")

    assert registry.version(2).stages == {Stage.STAGING: "3.0"}


def test_champion_when_no_model_was_registered_then_is_none(registry: Registry) -> None:
    assert registry.champion() is None


def test_champion_when_no_version_was_promoted_then_is_none(
    registry: Registry, models: Models
) -> None:
    register(models[5])

    assert registry.champion() is None


def test_champion_when_tags_say_something_else_then_is_what_the_alias_names(
    registry: Registry, two: list[Version]
) -> None:
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "production")
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "production", "3.0")

    champion = registry.champion()

    assert champion is not None
    assert champion.number == 1


def test_model_folder_when_the_store_is_local_then_is_the_stores_own(
    registry: Registry, contract: Contract, tmp_path: Path
) -> None:
    register(log(constant(105), contract))

    folder = registry.model_folder(1)

    assert folder.is_relative_to(tmp_path / "artifacts")
    assert read_model(folder / "model.skops").predict([[0.0]]).tolist() == [105.0]
    assert Contract.parse((folder / "extra_files" / "contract.json").read_bytes()) == contract


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder, and when and how it was last changed."""
    found = [folder, *folder.rglob("*")]
    stats = {str(path.relative_to(folder)): path.stat() for path in found}
    return {name: (stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats.items()}


def test_model_folder_when_the_store_is_local_then_writes_nothing(
    registry: Registry, contract: Contract, tmp_path: Path
) -> None:
    register(log(constant(105), contract))
    before = contents(tmp_path / "artifacts")

    folder = registry.model_folder(1)

    assert contents(tmp_path / "artifacts") == before
    assert {path.name for path in folder.iterdir()} == {
        "MLmodel",
        "conda.yaml",
        "extra_files",
        "model.skops",
        "python_env.yaml",
        "requirements.txt",
    }


def test_model_folder_when_the_path_has_odd_marks_then_is_found(
    store: str, contract: Contract, tmp_path: Path
) -> None:
    place = tmp_path / "ä #1 & 50%"
    MlflowClient().create_experiment("odd", place.as_uri())
    register(log(constant(105), contract, experiment="odd"))

    assert Registry(MODEL_NAME).model_folder(1).is_relative_to(place)


def test_model_folder_when_the_files_are_gone_then_says_so(
    registry: Registry, contract: Contract
) -> None:
    register(log(constant(105), contract))
    folder = registry.model_folder(1)
    shutil.rmtree(folder)

    with pytest.raises(UserError) as caught:
        registry.model_folder(1)

    assert str(caught.value) == (
        f"the model of version 1 cannot be fetched: its folder {folder} is missing"
    )


def test_model_folder_when_no_model_was_registered_then_says_so(registry: Registry) -> None:
    with pytest.raises(UserError) as caught:
        registry.model_folder(9)

    assert str(caught.value) == (
        "the model of version 9 cannot be fetched: Registered Model with name=salaries not found"
    )


# --- A shared server -------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address of an MLflow server, and the folder in which it keeps the artifacts."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(BIN / "mlflow"), "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    faster = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # it would start more processes
    with running(command, folder, {**os.environ, **faster}):
        wait_until(lambda: get(f"{address}/health").status == 200, "the server to be ready", 120)
        yield address, folder / "artifacts"


@pytest.fixture
def shared(
    server: tuple[str, Path], contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Registry, Path]]:
    """The registry at the server, with one version, and the folder of the server's artifacts."""
    address, folder = server
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mlflow.set_tracking_uri(address)
    name = f"experiment {time.monotonic_ns()}"
    MlflowClient().create_experiment(name)
    register(log(constant(105), contract, experiment=name), name=name)
    yield Registry(name), folder
    forget_store()


def test_model_folder_when_the_store_is_a_server_then_is_a_copy(
    shared: tuple[Registry, Path], contract: Contract
) -> None:
    registry, artifacts = shared
    before = contents(artifacts)

    folder = registry.model_folder(1)

    assert not folder.is_relative_to(artifacts)
    assert contents(artifacts) == before
    assert read_model(folder / "model.skops").predict([[0.0]]).tolist() == [105.0]
    assert Contract.parse((folder / "extra_files" / "contract.json").read_bytes()) == contract


def test_model_folder_when_the_server_lost_the_files_then_says_so_at_once(
    shared: tuple[Registry, Path],
) -> None:
    registry, artifacts = shared
    for path in artifacts.rglob("models"):
        shutil.rmtree(path)
    start = time.monotonic()

    with pytest.raises(UserError, match=r"^the model of version 1 cannot be fetched: ") as caught:
        registry.model_folder(1)

    assert time.monotonic() - start < 5
    assert "\n" not in str(caught.value)


DOWNLOAD = """
import sys, mlflow
from salary_kedro.lifecycle.registry import Registry
mlflow.set_tracking_uri(sys.argv[1])
print(Registry(sys.argv[2]).model_folder(1))
"""


def test_model_folder_when_the_process_ends_then_the_copy_is_gone(
    shared: tuple[Registry, Path], tmp_path: Path
) -> None:
    registry, _ = shared

    result = subprocess.run(
        [sys.executable, "-c", DOWNLOAD, registry.uri, registry.model_name],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert Path(result.stdout.strip()).is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- Promoting and archiving ----------------------------------------------------------


def test_promote_when_nothing_was_in_production_then_sets_alias_and_tag(
    registry: Registry, models: Models
) -> None:
    registry.promote(register(models[5], 5.25))

    assert (alias(), tags()) == (1, {1: {"production": "5.25"}})


def test_promote_when_another_was_in_production_then_archives_that(
    registry: Registry, two: list[Version]
) -> None:
    registry.promote(two[1])

    assert (alias(), tags()) == (2, {1: {"archived": "5.0"}, 2: {"production": "3.0"}})


def test_promote_when_it_writes_then_moves_the_alias_first(
    two: list[Version], watched: type[WatchedClient]
) -> None:
    Registry(MODEL_NAME).promote(two[1])

    assert watched.states[0] == (2, {1: {"production": "5.0"}, 2: {"staging": "3.0"}})


@pytest.mark.parametrize("winner", [2, 1], ids=["the newer", "the older"])
def test_promote_when_it_writes_then_at_no_instant_are_two_in_production(
    winner: int, two: list[Version], watched: type[WatchedClient]
) -> None:
    registry = Registry(MODEL_NAME)
    registry.promote(two[2 - winner])  # the other one
    watched.states.clear()

    registry.promote(registry.version(winner))

    in_production = [
        [number for number, held in versions.items() if "production" in held]
        for _, versions in watched.states
    ]
    assert all(len(numbers) < 2 for numbers in in_production)
    assert in_production[0] == [3 - winner]
    assert in_production[-1] == [winner]


def test_promote_when_done_twice_then_changes_nothing(
    registry: Registry, two: list[Version]
) -> None:
    registry.promote(two[1])
    before = (alias(), tags())

    registry.promote(registry.version(2))

    assert (alias(), tags()) == before


def test_promote_when_two_were_in_production_then_leaves_one(
    registry: Registry, two: list[Version], models: Models
) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "production", "3.0")
    third = register(models[1])

    registry.promote(third)

    assert (alias(), tags()) == (
        3,
        {1: {"archived": "5.0"}, 2: {"archived": "3.0"}, 3: {"production": "1.0"}},
    )


@pytest.mark.parametrize("number", ["1", "2"])
def test_align_tags_when_a_version_lost_its_stage_then_gives_it_one_with_its_runs_rmse(
    number: str, registry: Registry, two: list[Version]
) -> None:
    stage = next(iter(registry.version(int(number)).stages))
    MlflowClient().delete_model_version_tag(MODEL_NAME, number, stage)

    registry.align_tags()

    assert alias() == 1
    assert {key: list(held) for key, held in tags().items()} == {
        1: ["production"],
        2: ["staging" if number == "1" else "archived"],
    }
    assert list(tags()[int(number)].values()) == ["5.0"]  # both were logged by one run


def test_align_tags_when_all_is_in_line_then_changes_nothing(
    two: list[Version], watched: type[WatchedClient]
) -> None:
    Registry(MODEL_NAME).align_tags()

    assert watched.states == []


def test_align_tags_when_the_alias_is_lost_then_says_so(
    registry: Registry, two: list[Version]
) -> None:
    MlflowClient().delete_registered_model_alias(MODEL_NAME, "production")

    with pytest.raises(UserError) as caught:
        registry.align_tags()

    assert str(caught.value) == (
        "version 1 is tagged production, but the alias 'production' that says so is missing: "
        "give it to the version that is to be production, with `make ui`"
    )


def test_align_tags_when_nothing_was_registered_then_does_nothing(registry: Registry) -> None:
    registry.align_tags()

    assert registry.versions() == []


def test_archive_when_done_then_leaves_production_as_it_was(
    registry: Registry, two: list[Version]
) -> None:
    registry.archive(two[1])

    assert (alias(), tags()) == (1, {1: {"production": "5.0"}, 2: {"archived": "3.0"}})


def test_archive_when_done_twice_then_changes_nothing(
    registry: Registry, two: list[Version]
) -> None:
    registry.archive(two[1])
    before = (alias(), tags())

    registry.archive(registry.version(2))

    assert (alias(), tags()) == before
