"""The registry: each reading and each write by itself."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from salary_kedro.bundle.card import parse_card
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.model_file import read_model
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.registry.history import History, Record
from salary_kedro.registry.registry import MAX_RECORD, Registry, State, TrainingRun
from salary_kedro.registry.stages import Stage, Version
from salary_kedro.registry.tracking import LoggedModel
from samples import constant
from stores import (
    MODEL_NAME,
    Models,
    WatchedClient,
    alias,
    forget_store,
    log,
    own_registry,
    register,
    tags,
)
from support import BIN, free_port, get, running, wait_until


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return own_registry()


@pytest.fixture
def two(registry: Registry, models: Models) -> list[Version]:
    """Version 1 with RMSE 5, which the alias names, and version 2 with RMSE 3."""
    versions = [register(models[5], rmse) for rmse in (5.0, 3.0)]
    registry.move_alias(1)
    return versions


def record(key: str = "history.000000001-aaaa", **changes: Any) -> Record:
    """A record of version 1's promotion."""
    plain = {"action": "promotion", "state": "done", "version": 1, "from": None, "to": 1}
    return Record.model_validate({"key": key, "why": "it is good", **plain, **changes})


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


def test_register_when_another_stage_is_given_then_has_that_one(
    registry: Registry, models: Models
) -> None:
    registry.register(models[5].model_uri, models[5].run_id, 5.0, Stage.ARCHIVED)

    assert tags() == {1: {"archived": "5.0"}}


def test_register_when_the_rmse_is_nan_then_the_tag_says_so(
    registry: Registry, models: Models
) -> None:
    register(models[5], float("nan"))

    assert tags() == {1: {"staging": "NaN"}}


def test_register_when_the_run_has_a_card_then_the_card_names_the_version(
    registry: Registry, contract: Contract, tmp_path: Path
) -> None:
    register(log(constant(105), contract))

    (told,) = (parse_card(path.read_bytes()) for path in tmp_path.rglob("model_card.json"))
    (page,) = (path.read_text() for path in tmp_path.rglob("model_card.html"))
    assert (told.model_name, told.model_version) == (MODEL_NAME, 1)
    assert "<title>Salary model, version 1</title>" in page


def test_register_when_there_is_no_verdict_yet_then_the_version_says_so_and_links_its_card(
    registry: Registry, contract: Contract
) -> None:
    version = register(log(constant(105), contract))

    told = str(MlflowClient().get_model_version(MODEL_NAME, "1").description)
    assert told.startswith("No verdict yet: this version was registered, and has not met")
    assert f"/runs/{version.run_id}/artifacts/model_card.html)" in told


def test_register_when_the_card_cannot_be_read_then_there_is_a_version_all_the_same(
    registry: Registry, contract: Contract, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logged = log(constant(105), contract)
    (card,) = tmp_path.rglob("model_card.json")
    card.write_text("{}")

    assert register(logged).number == 1
    assert caplog.messages == ["version 1: its run or model card does not name it"]


class StoreError(Exception):
    """What a kind of artifact store has of its own, such as boto's."""


def refuse_files(*_: object) -> None:
    raise StoreError("the bucket does not answer")


def test_register_when_the_artifact_store_fails_in_its_own_way_then_there_is_a_version(
    registry: Registry,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    logged = log(constant(105), contract)
    monkeypatch.setattr(MlflowClient, "list_artifacts", refuse_files)

    version = register(logged)
    registry.annotate(version, "archive", "so", {})

    assert caplog.messages == [
        "version 1: its run or model card does not name it",
        "version 1: its verdict is not among its run's files",
    ]
    assert MlflowClient().get_model_version(MODEL_NAME, "1").description == "so"


# --- Reading -----------------------------------------------------------------------


def test_state_when_nothing_was_registered_then_is_empty(registry: Registry) -> None:
    state = registry.state()

    assert (state.alias, list(state.history), state.versions) == (None, [], {})


def test_state_when_there_is_an_alias_and_a_record_then_holds_both_and_all_versions(
    registry: Registry, two: list[Version]
) -> None:
    written = registry.record(record())

    state = registry.state()

    assert (state.alias, list(state.history)) == (1, [written])
    assert state.versions == {1: two[0], 2: two[1]}


def test_state_when_there_are_more_than_nine_versions_then_are_in_order_of_number(
    registry: Registry, models: Models
) -> None:
    for _ in range(11):
        register(models[5])

    assert list(registry.state().versions) == list(range(1, 12))


def test_state_when_the_model_has_other_tags_then_they_are_no_records(
    registry: Registry, two: list[Version]
) -> None:
    MlflowClient().set_registered_model_tag(MODEL_NAME, "owner", "us")

    assert list(registry.state().history) == []


@pytest.mark.parametrize("kind", ["local", "shared"])
def test_state_when_another_process_promotes_meanwhile_then_is_read_until_it_is_of_one_moment(
    kind: str, registry: Registry, two: list[Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "shared":
        registry.uri = "http://shared"
    original, moved = Registry.production, list[Record]()

    def late(reader: Registry) -> int | None:
        found = original(reader)
        if not moved:  # just after the alias was read for the first time
            moved.append(registry.record(record(version=2, **{"from": 1, "to": 2})))
            registry.move_alias(2)
        return found

    monkeypatch.setattr(Registry, "production", late)

    state = registry.state()

    assert (state.alias, list(state.history)) == (2, moved)


def test_version_when_there_is_none_of_that_number_then_says_so(
    registry: Registry, two: list[Version]
) -> None:
    with pytest.raises(UserError) as caught:
        registry.version(9)

    assert str(caught.value) == (
        "there is no version 9 of 'salaries' in this store; `kedro models list` shows those "
        "there are"
    )


def test_version_when_the_model_is_unknown_then_says_so(store: str) -> None:
    with pytest.raises(UserError, match=r"^there is no version 1 of 'unknown' in this store"):
        own_registry("unknown").version(1)


def test_version_when_other_tags_are_there_then_holds_the_stages_alone(
    registry: Registry, two: list[Version]
) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "note", "mine")

    assert registry.version(2).stages == {Stage.STAGING: "3.0"}


def test_champion_when_no_model_was_registered_then_is_none(registry: Registry) -> None:
    assert registry.champion() is None
    assert registry.state().champion is None


def test_champion_when_no_version_was_promoted_then_is_none(
    registry: Registry, models: Models
) -> None:
    register(models[5])

    assert registry.champion() is None
    assert registry.state().champion is None


def test_champion_when_tags_say_something_else_then_is_what_the_alias_names(
    registry: Registry, two: list[Version]
) -> None:
    MlflowClient().set_model_version_tag(MODEL_NAME, "2", "production", "3.0")

    champions = registry.champion(), registry.state().champion

    assert [champion and champion.number for champion in champions] == [1, 1]


def test_champion_when_the_alias_names_no_version_then_there_is_none(
    registry: Registry, two: list[Version], store: str
) -> None:
    with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as database, database:
        database.execute("update registered_model_aliases set version = 99")

    assert (registry.state().alias, registry.state().champion) == (99, None)
    with pytest.raises(UserError, match="there is no version 99"):
        registry.champion()


def test_run_when_a_run_trained_the_version_then_tells_about_it(
    registry: Registry, models: Models
) -> None:
    run = registry.run(register(models[5]))

    assert (run.metrics, run.lineage.git_commit) == ({"rmse": 5.0}, "abc")
    assert run.started is not None


def test_run_when_it_is_gone_then_is_empty(registry: Registry) -> None:
    gone = Version(number=1, stages={}, run_id="0" * 32)

    assert registry.run(gone) == TrainingRun({}, {}, Lineage(), None)


def test_run_file_when_it_is_there_then_is_read_and_else_there_is_none(
    registry: Registry, models: Models
) -> None:
    version = register(models[5])
    MlflowClient().log_text(version.run_id, "rows", "rows.bin")

    assert registry.run_file(version, "rows.bin", 4) == b"rows"
    assert registry.run_file(version, "other.bin", 4) is None
    gone = Version(number=1, stages={}, run_id="0" * 32)
    assert registry.run_file(gone, "rows.bin", 4) is None


@pytest.mark.parametrize("trouble", ["too large", "out of reach"])
def test_run_file_when_it_is_there_but_cannot_be_read_then_says_so(
    trouble: str, registry: Registry, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = register(models[5])
    MlflowClient().log_text(version.run_id, "rows", "rows.bin")
    if trouble == "out of reach":
        monkeypatch.setattr(MlflowClient, "list_artifacts", refuse)

    with pytest.raises(UserError, match=r"^rows.bin of version 1 cannot be read: "):
        registry.run_file(version, "rows.bin", 3)


def refuse(*arguments: Any) -> None:
    raise ConnectionError("no answer")


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
        "code",
        "conda.yaml",
        "extra_files",
        "input_example.json",
        "model.skops",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    }


def test_model_folder_when_the_path_has_odd_marks_then_is_found(
    store: str, contract: Contract, tmp_path: Path
) -> None:
    place = tmp_path / "ä #1 & 50%"
    MlflowClient().create_experiment("odd", place.as_uri())
    register(log(constant(105), contract, experiment="odd"))

    assert own_registry().model_folder(1).is_relative_to(place)


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
def server_of_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
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
    server_of_mlflow: tuple[str, Path], contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Registry, Path]]:
    """The registry at the server, with one version, and the folder of the server's artifacts."""
    address, folder = server_of_mlflow
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mlflow.set_tracking_uri(address)
    name = f"experiment {time.monotonic_ns()}"
    MlflowClient().create_experiment(name)
    register(log(constant(105), contract, experiment=name), name=name)
    yield Registry(address, name), folder
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
    shared: tuple[Registry, Path], pauses: list[float]
) -> None:
    registry, artifacts = shared
    for path in artifacts.rglob("models"):
        shutil.rmtree(path)

    with pytest.raises(UserError, match=r"^the model of version 1 cannot be fetched: ") as caught:
        registry.model_folder(1)

    assert sum(pauses) < 5
    assert "\n" not in str(caught.value)


def use_all(registry: Registry, logged: LoggedModel) -> None:
    """Register, tag, promote and annotate a version, and read all about it."""
    version = registry.register(logged.model_uri, logged.run_id, logged.rmse)
    registry.tag(version.number, Stage.PRODUCTION, "5")
    registry.move_alias(version.number)
    registry.record(record())
    registry.annotate(version, "promote", "it is good", {"verdict.json": "{}"})
    assert registry.version_of_run(logged.run_id, logged.model_uri) is not None
    assert registry.run(version).metrics == {"rmse": logged.rmse}
    assert (registry.model_folder(version.number) / "model.skops").is_file()
    assert registry.state().alias == version.number


def test_registry_when_the_process_uses_another_store_then_works_with_its_own(
    store: str, models: Models, tmp_path: Path
) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/other.db")

    use_all(Registry(store, MODEL_NAME), models[5])

    assert mlflow.get_tracking_uri() == f"sqlite:///{tmp_path}/other.db"
    assert not (tmp_path / "other.db").exists()


def test_registry_when_the_process_uses_no_server_then_works_with_its_own(
    shared: tuple[Registry, Path], contract: Contract, tmp_path: Path
) -> None:
    registry, _ = shared
    experiment = f"another {time.monotonic_ns()}"
    MlflowClient().create_experiment(experiment)
    logged = log(constant(105), contract, 5.0, experiment)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/other.db")

    use_all(registry, logged)

    assert not (tmp_path / "other.db").exists()


DOWNLOAD = """
import sys
from salary_kedro.registry.registry import Registry
print(Registry(sys.argv[1], sys.argv[2]).model_folder(1))
"""


@pytest.mark.process
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


def test_model_folder_when_there_is_no_such_version_then_says_so(
    registry: Registry, two: list[Version]
) -> None:
    with pytest.raises(UserError, match=r"^the model of version 9 cannot be fetched: "):
        registry.model_folder(9)


def test_lineage_when_a_model_was_logged_then_is_what_it_was_made_from(
    registry: Registry, two: list[Version]
) -> None:
    assert registry.lineage(1) == Lineage(git_commit="abc")


@pytest.mark.parametrize("content", [None, "{"])
def test_lineage_when_its_file_is_gone_or_damaged_then_says_so(
    content: str | None, registry: Registry, contract: Contract
) -> None:
    register(log(constant(105), contract))
    path = registry.model_folder(1) / "extra_files" / "lineage.json"
    path.unlink()
    if content is not None:
        path.write_text(content)

    with pytest.raises(UserError, match=r"^the lineage of version 1 cannot be read: "):
        registry.lineage(1)


# --- Writing ---------------------------------------------------------------------------


def test_move_alias_when_done_then_changes_nothing_else(
    registry: Registry, two: list[Version]
) -> None:
    registry.move_alias(2)

    assert (alias(), tags()) == (2, {1: {"staging": "5.0"}, 2: {"staging": "3.0"}})


def test_tag_and_untag_when_done_then_change_that_one_tag(
    registry: Registry, two: list[Version]
) -> None:
    registry.tag(1, Stage.PRODUCTION, "5.0")
    registry.untag(1, Stage.STAGING)

    assert tags() == {1: {"production": "5.0"}, 2: {"staging": "3.0"}}


@pytest.mark.parametrize("write", ["move_alias", "tag", "untag", "record"])
def test_registry_when_it_writes_then_makes_one_write(
    write: str, two: list[Version], watched: type[WatchedClient]
) -> None:
    registry = own_registry()
    registry.record(record())  # the first one also leads from the model to its history
    before = len(watched.states)
    calls: dict[str, Any] = {
        "move_alias": lambda: registry.move_alias(2),
        "tag": lambda: registry.tag(1, Stage.PRODUCTION, "5.0"),
        "untag": lambda: registry.untag(1, Stage.STAGING),
        "record": lambda: registry.record(record()),
    }

    calls[write]()

    assert len(watched.states) == before + 1


def test_record_when_as_long_as_a_store_holds_then_is_written_and_read_back(
    registry: Registry, two: list[Version]
) -> None:
    empty = record(why="", who="me")
    room = MAX_RECORD - len(empty.model_dump_json(by_alias=True))
    longest = empty.model_copy(update={"why": "ä" * room})

    registry.record(longest)

    assert list(registry.state().history) == [longest]


def test_record_when_it_is_too_long_then_says_so_and_writes_nothing(
    registry: Registry, two: list[Version]
) -> None:
    with pytest.raises(
        UserError,
        match=r"^the record of this decision is 5\d+ characters long; a store holds 5000: "
        r"give a shorter reason$",
    ):
        registry.record(record(why="x" * 5000))

    assert list(registry.state().history) == []


def test_annotate_when_done_then_version_and_run_tell_the_verdict(
    registry: Registry, contract: Contract, tmp_path: Path
) -> None:
    version = register(log(constant(105), contract))

    registry.annotate(version, "archive", "version 1 is not promoted: so", {"note.txt": "text"})

    found = MlflowClient().get_model_version(MODEL_NAME, "1")
    assert found.tags["verdict"] == "archive"
    assert str(found.description).startswith("Version 1 is not promoted: so.\n\n| Metric |")
    run = MlflowClient().get_run(version.run_id)
    assert run.data.tags["mlflow.note.content"].startswith("Version 1 is not promoted: so.")
    assert [path.read_text() for path in tmp_path.rglob("note.txt")] == ["text"]


def test_annotate_when_the_run_is_gone_then_the_version_tells_it_all_the_same(
    registry: Registry, contract: Contract, caplog: pytest.LogCaptureFixture
) -> None:
    version = register(log(constant(105), contract))
    gone = Version(number=1, stages=version.stages, run_id="0" * 32)

    registry.annotate(gone, "archive", "so", {"note.txt": "text"})

    assert MlflowClient().get_model_version(MODEL_NAME, "1").description == "so"
    assert caplog.messages == ["version 1: its verdict is not among its run's files"]


def test_contested_when_two_versions_stand_then_is_the_one_that_the_alias_does_not_name() -> None:
    history = History(
        [record(), record("history.000000002-a", version=2, **{"from": None, "to": 2})]
    )

    assert State(2, history, {}).contested == {1}


@pytest.mark.parametrize("key", ["history.000000009-copied", "history.000000009-0000000a"])
def test_state_when_a_record_lies_under_another_key_then_names_it(
    key: str, settled: Registry
) -> None:
    content = settled.state().history[0].model_dump_json(by_alias=True)
    settled.ledger.write(key, content)

    with pytest.raises(UserError, match=rf"^the record {key} of the history was altered"):
        settled.state()


def test_tag_when_another_process_writes_the_same_one_at_once_then_is_written_once_more(
    settled: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter(["(psycopg2.errors.UniqueViolation) duplicate key value"])
    original = MlflowClient.set_model_version_tag

    def late(client: MlflowClient, *arguments: Any) -> None:
        if text := next(refusals, None):
            raise MlflowException(text)
        original(client, *arguments)

    monkeypatch.setattr(MlflowClient, "set_model_version_tag", late)

    settled.tag(1, Stage.STAGING, "1.0")

    assert tags()[1]["staging"] == "1.0"


def test_tag_when_the_store_refuses_for_another_reason_then_is_not_repeated(
    settled: Registry,
) -> None:
    with pytest.raises(MlflowException, match="not found"):
        settled.tag(99, Stage.STAGING, "1.0")


def test_run_when_the_store_fails_then_is_not_taken_for_deleted(
    settled: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(client: MlflowClient, run_id: str) -> None:
        raise MlflowException("the server is overloaded")

    monkeypatch.setattr(MlflowClient, "get_run", fail)

    with pytest.raises(MlflowException, match="overloaded"):
        settled.run(settled.version(1))
