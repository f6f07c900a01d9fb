"""A project that was moved or copied: its store is told, and the old place is left alone."""

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import mlflow.db
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from salary_kedro.bundle.model_file import read_model
from salary_kedro.errors import UserError
from salary_kedro.project.loader import artifacts as artifacts_of
from salary_kedro.promotion.by_hand import promote_by_hand
from salary_kedro.registry.mlflow_adapter import SCHEMA, tell_schema
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.relocation import (
    former_places,
    model_folders,
    plain_path,
    refuse_former_places,
    relocate,
)
from salary_kedro.registry.store import prepare_store
from samples import constant, default_contract
from stores import EXPERIMENT, MODEL_NAME, copy_database, downgrade, forget_store, log, register

COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


@dataclass(frozen=True)
class Site:
    """A store and its artifacts, as a project keeps them."""

    data: Path

    @property
    def database(self) -> Path:
        return self.data / "mlflow" / "mlflow.db"

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.database}"

    @property
    def artifacts(self) -> str:
        place = artifacts_of(self.uri)
        assert place is not None
        return place

    def registry(self) -> Registry:
        """The registry, which MLflow uses from now on."""
        mlflow.set_tracking_uri(self.uri)
        return Registry(self.uri, MODEL_NAME)

    def log(self) -> int:
        """Log a model and register it."""
        self.registry()
        return register(log(constant(105), default_contract())).number

    def paths(self) -> set[str]:
        """Every path that the store holds."""
        with closing(sqlite3.connect(self.database)) as connection:
            queries = [f"SELECT {column} FROM {table}" for table, column in COLUMNS]  # noqa: S608 - constants
            return {path for query in queries for (path,) in connection.execute(query)}

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(statement)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with one version; do not touch it."""
    site = Site(tmp_path_factory.mktemp("sites") / "template")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        prepare_store(site.uri, EXPERIMENT, site.artifacts)
        site.log()
        forget_store()
        yield site


@pytest.fixture(params=["data", "cöpied #1 and 50$"])
def copied(
    request: pytest.FixtureRequest, template: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """The same in another place; the original is there."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield copy_site(template, tmp_path / request.param)
    forget_store()


@pytest.fixture
def moved(copied: Site, template: Site, tmp_path: Path) -> Site:
    """The same in a place where it came from a third one, that is gone."""
    gone = copy_site(template, tmp_path / "gone")
    relocate(gone.uri, gone.artifacts)
    shutil.rmtree(copied.data)
    shutil.move(gone.data, copied.data)
    return copied


def copy_site(site: Site, data: Path) -> Site:
    place = Site(data)
    shutil.copytree(site.data / "mlflow" / "artifacts", data / "mlflow" / "artifacts")
    copy_database(site.database, place.database)
    return place


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder, and when and how it was last changed."""
    stats = {str(path): path.stat() for path in [folder, *folder.rglob("*")]}
    return {path: (stat.st_mtime_ns, stat.st_ctime_ns) for path, stat in stats.items()}


@contextmanager
def opened() -> Iterator[list[str]]:
    """Collect what is opened."""
    seen: list[str] = []
    listening = True

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event in {"open", "sqlite3.connect", "os.listdir", "os.scandir"}:
            seen.append(str(arguments[0]))

    sys.addaudithook(listen)  # stays until the process ends
    try:
        yield seen
    finally:
        listening = False


# --- Noticing it ---------------------------------------------------------------------


def test_former_places_when_the_project_is_where_it_was_then_are_none(template: Site) -> None:
    assert former_places(template.uri, template.artifacts) == []


def test_former_places_when_copied_then_name_the_original(template: Site, copied: Site) -> None:
    assert former_places(copied.uri, copied.artifacts) == [template.artifacts]


def test_former_places_when_nothing_was_logged_yet_then_name_the_original(
    template: Site, copied: Site
) -> None:
    for table in ("runs", "logged_models", "model_versions"):
        copied.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant

    assert former_places(copied.uri, copied.artifacts) == [template.artifacts]


@pytest.mark.parametrize("logged", [True, False])
def test_former_places_when_the_stores_own_folder_was_renamed_then_name_the_original(
    logged: bool, template: Site, copied: Site
) -> None:
    if not logged:
        for table in ("runs", "logged_models", "model_versions"):
            copied.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
    copied.database.parent.rename(copied.data / "tracking")
    uri = f"sqlite:///{copied.data}/tracking/mlflow.db"

    assert former_places(uri, artifacts_of(uri)) == [template.artifacts]


@pytest.mark.parametrize(
    "place", ["file:///elsewhere/experiments", "s3://bucket/mlflow/artifacts", "/else/where"]
)
def test_former_places_when_an_experiment_has_a_place_of_its_own_then_leave_it(
    place: str, template: Site, copied: Site
) -> None:
    copied.registry()
    MlflowClient().create_experiment("mine", place)

    assert former_places(copied.uri, copied.artifacts) == [template.artifacts]


def test_former_places_when_models_lie_in_a_place_somebody_chose_then_leave_it(
    copied: Site, tmp_path: Path
) -> None:
    relocate(copied.uri, copied.artifacts)
    copied.registry()
    MlflowClient().create_experiment("mine", (tmp_path / "mine" / "artifacts").as_uri())
    log(constant(1), default_contract(), experiment="mine")

    assert former_places(copied.uri, copied.artifacts) == []


@pytest.mark.parametrize("uri", ["sqlite:////nowhere/mlflow.db", "http://127.0.0.1:9"])
def test_former_places_when_there_is_no_local_store_then_are_none(uri: str) -> None:
    assert former_places(uri, "file:///data/mlflow/artifacts") == []


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_former_places_when_the_store_is_not_set_up_then_are_none(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)

    assert former_places(f"sqlite:///{tmp_path}/mlflow.db", "file:///mlflow/artifacts") == []


def test_former_places_when_the_store_is_locked_then_says_so(
    copied: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salary_kedro.registry.relocation.CONNECT_SECONDS", 0)
    with closing(sqlite3.connect(copied.database, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(UserError) as caught:
            former_places(copied.uri, copied.artifacts)

    assert str(caught.value) == (
        f"the store {copied.database} is locked by another program: wait for it, or end it"
    )


def test_former_places_when_asked_then_write_nothing(copied: Site) -> None:
    before = contents(copied.data / "mlflow" / "artifacts"), copied.database.read_bytes()

    former_places(copied.uri, copied.artifacts)

    assert (contents(copied.data / "mlflow" / "artifacts"), copied.database.read_bytes()) == before
    assert {path.name for path in copied.database.parent.iterdir()} == {"artifacts", "mlflow.db"}


def test_refuse_when_copied_then_names_the_original_and_the_remedy(
    template: Site, copied: Site
) -> None:
    with pytest.raises(UserError) as refused:
        refuse_former_places(copied.uri, copied.artifacts)

    assert str(refused.value) == (
        f"this project was moved or copied, and its store still points to "
        f"{template.data}/mlflow/artifacts: run `kedro models doctor --fix`"
    )


def test_refuse_when_the_project_is_where_it_was_then_does_nothing(template: Site) -> None:
    refuse_former_places(template.uri, template.artifacts)


# --- Telling the store ------------------------------------------------------------------


def test_relocate_when_copied_then_rewrites_every_path(template: Site, copied: Site) -> None:
    relocate(copied.uri, copied.artifacts)

    assert all(path.startswith(f"{copied.artifacts}") for path in copied.paths())
    assert {path.removeprefix(copied.artifacts) for path in copied.paths()} == {
        "/0",
        *(
            path.removeprefix(template.artifacts)
            for path in template.paths()
            if path.startswith(template.artifacts)
        ),
    }


def test_relocate_when_moved_then_versions_load(moved: Site) -> None:
    places = relocate(moved.uri, moved.artifacts)

    folder = moved.registry().model_folder(1)
    assert [Path(plain_path(place)).parts[-3:] for place in places] == [
        ("gone", "mlflow", "artifacts")
    ]
    assert folder.is_relative_to(moved.data)
    assert read_model(folder / "model.skops").predict([[0.0]]).tolist() == [105.0]
    assert model_folders(moved.uri, MODEL_NAME) == {1: folder}


def test_relocate_when_moved_then_new_runs_log_here(moved: Site) -> None:
    relocate(moved.uri, moved.artifacts)

    number = moved.log()

    assert moved.registry().model_folder(number).is_relative_to(moved.data)
    assert former_places(moved.uri, moved.artifacts) == []


def test_relocate_when_moved_back_then_the_store_is_as_it_was(moved: Site, template: Site) -> None:
    relocate(moved.uri, moved.artifacts)
    here = moved.paths()
    other = moved.data.with_name("other")
    shutil.move(moved.data, other)
    relocate(Site(other).uri, Site(other).artifacts)
    shutil.move(other, moved.data)

    relocate(moved.uri, moved.artifacts)

    assert moved.paths() == here


def test_relocate_when_done_already_then_changes_nothing(moved: Site) -> None:
    relocate(moved.uri, moved.artifacts)
    before = moved.database.read_bytes()

    assert relocate(moved.uri, moved.artifacts) == []
    assert moved.database.read_bytes() == before


def test_relocate_when_a_trace_was_logged_then_rewrites_its_place(
    template: Site, copied: Site
) -> None:
    place = f"{template.artifacts}/traces/tr-1/artifacts"
    copied.execute("PRAGMA foreign_keys=OFF")
    copied.execute(f"INSERT INTO trace_tags VALUES ('mlflow.artifactLocation', '{place}', 'tr-1')")  # noqa: S608 - a constant

    relocate(copied.uri, copied.artifacts)

    with closing(sqlite3.connect(copied.database)) as connection:
        values = connection.execute("SELECT value FROM trace_tags").fetchall()
    assert values == [(f"{copied.artifacts}/traces/tr-1/artifacts",)]


def test_relocate_when_a_path_begins_alike_then_leaves_it(template: Site, copied: Site) -> None:
    alike = f"{template.artifacts}-2/mine"
    copied.registry()
    MlflowClient().create_experiment("mine", alike)

    relocate(copied.uri, copied.artifacts)

    assert alike in copied.paths()


def test_relocate_when_the_artifacts_were_left_behind_then_changes_nothing(copied: Site) -> None:
    shutil.rmtree(copied.data / "mlflow" / "artifacts")
    before = copied.paths()

    with pytest.raises(UserError) as caught:
        relocate(copied.uri, copied.artifacts)

    assert str(caught.value) == (
        f"the store was moved without its artifacts: bring them to {copied.data}/mlflow/artifacts "
        f"first"
    )
    assert copied.paths() == before


def test_relocate_when_another_program_writes_to_the_store_then_changes_nothing(
    copied: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salary_kedro.registry.relocation.CONNECT_SECONDS", 0)
    before = copied.paths()
    with closing(sqlite3.connect(copied.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(UserError, match=r"cannot be told its new place \(database is locked\)"):
            relocate(copied.uri, copied.artifacts)

    assert copied.paths() == before


KILLED_AT_THE_END = """
import os, signal, sys
from salary_kedro.registry import relocation

rewrite = relocation._rewrite

def rewrite_and_die(connection, artifacts):
    rewrite(connection, artifacts)
    os.kill(os.getpid(), signal.SIGKILL)

relocation._rewrite = rewrite_and_die
relocation.relocate(*sys.argv[1:])
"""


@pytest.mark.process
def test_relocate_when_killed_before_it_ends_then_has_changed_nothing(copied: Site) -> None:
    before = copied.paths()
    command = [sys.executable, "-c", KILLED_AT_THE_END, copied.uri, copied.artifacts]

    killed = subprocess.run(command, check=False, capture_output=True)

    assert killed.returncode == -9, killed.stderr
    assert copied.paths() == before
    assert len(relocate(copied.uri, copied.artifacts)) == 1  # nor does anything stand in the way


# --- The original -----------------------------------------------------------------------


def test_former_places_when_copied_then_open_nothing_of_the_original(
    template: Site, copied: Site
) -> None:
    with opened() as seen:
        former_places(copied.uri, copied.artifacts)

    assert [path for path in seen if str(template.data) in path] == []
    assert any(copied.data.name in path or "c%C3%B6pied" in path for path in seen)


def test_copied_store_when_told_then_nothing_of_the_original_is_opened(
    template: Site, copied: Site
) -> None:
    before = contents(template.data)

    with opened() as seen:
        relocate(copied.uri, copied.artifacts)
        registry = copied.registry()
        prepare_store(copied.uri, EXPERIMENT, copied.artifacts)
        read_model(registry.model_folder(1) / "model.skops")
        promote_by_hand(registry, copied.log(), "to see")
        mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}/1")

    assert [path for path in seen if str(template.data) in path] == []
    assert any(str(copied.data) in path for path in seen)
    assert contents(template.data) == before


# --- Stores of another MLflow ----------------------------------------------------------


def unknown_schema(site: Site, schema: str) -> str:
    return (
        f"the store {site.database} has the schema {schema}, but only {SCHEMA}, that of MLflow "
        f"3.17, is known here: keep a copy of it; if an earlier MLflow made it, `mlflow db upgrade "
        f"{site.uri}` brings it up to date; if a later one did, work on with the release of this "
        f"project that goes with it, or with a copy from before"
    )


def test_tell_schema_when_a_store_names_none_then_says_so() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        told = tell_schema(connection, Path("some.db"))

    assert told is not None
    assert told.startswith(f"the store some.db names no schema, but only {SCHEMA}, that of MLflow ")


def test_relocate_when_the_schema_is_unknown_then_says_what_to_do_and_writes_nothing(
    copied: Site,
) -> None:
    copied.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    before = copied.database.read_bytes()

    with pytest.raises(UserError) as refusal:
        relocate(copied.uri, copied.artifacts)

    assert str(refusal.value) == unknown_schema(copied, "ffffffffffff")
    assert copied.database.read_bytes() == before


def test_relocate_when_an_earlier_mlflow_made_the_store_then_works_once_it_is_upgraded_as_told(
    copied: Site,
) -> None:
    downgrade(copied.database)
    with pytest.raises(UserError) as refusal:
        relocate(copied.uri, copied.artifacts)
    command = re.findall("`mlflow db upgrade (.*)`", str(refusal.value))

    upgraded = CliRunner().invoke(mlflow.db.commands, ["upgrade", *command])

    assert upgraded.exit_code == 0
    assert len(relocate(copied.uri, copied.artifacts)) == 1
    assert former_places(copied.uri, copied.artifacts) == []


def test_relocate_when_a_run_opens_the_store_of_an_earlier_mlflow_then_finds_it_upgraded(
    copied: Site,
) -> None:
    """MLflow upgrades it then, by itself."""
    downgrade(copied.database, steps=3)

    prepare_store(copied.uri, EXPERIMENT, copied.artifacts)

    assert len(relocate(copied.uri, copied.artifacts)) == 1
    read_model(model_folders(copied.uri, MODEL_NAME)[1] / "model.skops")
