"""A store and its bundles in which all is well, for tests that damage or move them."""

import functools
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.project.parameters import RegistryNames
from salary_kedro.project.project import Project, open_project
from salary_kedro.promotion.by_hand import promote_by_hand
from salary_kedro.promotion.packaging import export_production
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.store import prepare_store
from salary_kedro.registry.tracking import LoggedModel
from salary_kedro.upkeep.doctor import examine
from salary_kedro.upkeep.opening import registry_of
from samples import TARGET, column, constant, contract_of
from stores import EXPERIMENT, MODEL_NAME, copy_database, forget_store, log
from support import ROOT
from support import Project as Copy

DATABASE = "mlflow.db"


@dataclass(frozen=True)
class SiteTemplate:
    """A site that tests use one after the other: MLflow takes long to open another store.

    Attributes:
        folder: Its folder.
        beginning: A copy of it, as each test finds it.
        spare: A model that is logged in it, and not registered.
    """

    folder: Path
    beginning: Path
    spare: LoggedModel


@pytest.fixture(scope="session")
def site_template(tmp_path_factory: pytest.TempPathFactory) -> SiteTemplate:
    """The site from which `healthy` makes each test's own: version 2 is production, 1 was."""
    folder = tmp_path_factory.mktemp("site")
    site = site_of(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        prepare_store(site.uri, EXPERIMENT, site.artifacts)
        mlflow.set_tracking_uri(site.uri)
        registry = registry_of(site)
        for number in (1, 2):
            register(registry, log_constant(number))
            promote_by_hand(registry, number, "first" if number == 1 else "better")
        export_production(registry, site.bundles)
        spare = log_constant(3)
        forget_store()
    beginning = tmp_path_factory.mktemp("beginning") / "site"
    shutil.copytree(folder, beginning, ignore=shutil.ignore_patterns(f"{DATABASE}*"))
    copy_database(folder / "mlflow" / DATABASE, beginning / "mlflow" / DATABASE)
    return SiteTemplate(folder, beginning, spare)


@pytest.fixture
def healthy(site_template: SiteTemplate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Version 2 is production and packaged, version 1 was; MLflow uses it until the test ends."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder, beginning = site_template.folder, site_template.beginning
    for name in ("mlflow/artifacts", "bundles"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(beginning / name, folder / name)
    copy_database(beginning / "mlflow" / DATABASE, folder / "mlflow" / DATABASE)
    site = site_of(folder)
    mlflow.set_tracking_uri(site.uri)
    file = database_of(site).stat().st_ino
    yield site
    forget_store()
    assert database_of(site).stat().st_ino == file, "MLflow still uses the file that was replaced"


@pytest.fixture
def spare(site_template: SiteTemplate) -> LoggedModel:
    """A model that is logged in the site, and not registered."""
    return site_template.spare


@pytest.fixture
def shell(healthy: Project, project: Copy, logs: None, monkeypatch: pytest.MonkeyPatch) -> Copy:
    """A copy of the project, as the working directory, that uses the healthy store and bundles."""
    local = project.root / "conf" / "local" / "parameters.yml"
    local.write_text(f"registry: {{model_name: {MODEL_NAME}}}\n")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", healthy.uri)
    monkeypatch.setenv("SALARY_BUNDLES", str(healthy.bundles.folder))
    monkeypatch.chdir(project.root)
    return project


def site_of(folder: Path) -> Project:
    """The site in a folder."""
    placed = replace(
        _checkout(),
        uri=f"sqlite:///{folder}/mlflow/{DATABASE}",
        artifacts=(folder / "mlflow" / "artifacts").as_uri(),
        bundles=BundleStore(folder / "bundles"),
        raw_data=None,
    )
    return with_parameters(placed, registry=RegistryNames(model_name=MODEL_NAME))


@functools.cache
def _checkout() -> Project:
    return open_project(ROOT, None)


def with_parameters(project: Project, **changed: Any) -> Project:
    """The project with other groups of parameters."""
    return replace(project, parameters=project.parameters.model_copy(update=changed))


def log_constant(number: int) -> LoggedModel:
    """Log a model that predicts 100 times a number, which is its RMSE too."""
    contract: Contract = contract_of(column("years", minimum=0, maximum=60), target=TARGET)
    return log(constant(100.0 * number), contract, float(number))


def register(registry: Registry, logged: LoggedModel) -> int:
    """Make a version of a logged model."""
    return registry.register(logged.model_uri, logged.run_id, logged.rmse).number


def broken(site: Project) -> list[str]:
    """What is broken in a site."""
    return [found.what for found in examine(site) if found.severity == "broken"]


def database_of(site: Project) -> Path:
    """The file of a site's store."""
    return Path(site.uri.removeprefix("sqlite:///"))


def model_file(site: Project, number: int) -> Path:
    """The file of a version's model, in the store's own folder."""
    client = MlflowClient(site.uri, site.uri)
    place = client.get_model_version_download_uri(site.model_name, str(number))
    return Path(place.removeprefix("file://")) / "model.skops"


def contents(site: Project) -> tuple[list[str], dict[str, tuple[bytes, int]]]:
    """Every row of the store; every file beside it and among the bundles, and when written."""
    database = database_of(site)
    with closing(sqlite3.connect(database)) as connection:
        rows = list(connection.iterdump())
    folders = (database.parent, site.bundles.folder)
    paths = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    own = (path for path in paths if not path.name.startswith(database.name))
    return rows, {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in own}


def copy_site(site: Project, folder: Path) -> Project:
    """Copy a site's store and bundles; the copy's store still names the original's place."""
    database = database_of(site)
    (folder / "mlflow").mkdir(parents=True)
    copy_database(database, folder / "mlflow" / DATABASE)
    shutil.copytree(database.parent / "artifacts", folder / "mlflow" / "artifacts")
    shutil.copytree(site.bundles.folder, folder / "bundles")
    return site_of(folder)
