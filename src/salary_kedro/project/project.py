"""An environment of the project, resolved: what its configuration says, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salary_kedro.bundle import BundleStore
from salary_kedro.project.loader import LOADER_ARGS, ProjectConfigLoader
from salary_kedro.project.parameters import Parameters, check_parameters


@dataclass(frozen=True)
class Project:
    """The project as an environment configures it.

    Attributes:
        root: The project's folder.
        env: The environment; None for the default one.
        parameters: Its parameters.
        uri: Its MLflow store.
        experiment: Name of the MLflow experiment that its trainings are logged in.
        artifacts: URI of the folder of a local store's artifacts; another store decides that
            itself, and then it is None.
        bundles: Its bundles.
        raw_data: Its raw file; None if that can be fetched, or is not a file on this machine.
        loader: Its configuration, for what is not resolved here: the catalog, credentials.
    """

    root: Path
    env: str | None
    parameters: Parameters
    uri: str
    experiment: str
    artifacts: str | None
    bundles: BundleStore
    raw_data: Path | None
    loader: ProjectConfigLoader

    @property
    def model_name(self) -> str:
        """Name of the registered model."""
        return self.parameters.registry.model_name


def open_project(root: Path, env: str | None) -> Project:
    """Read an environment's configuration, without starting a Kedro run.

    Raises:
        UserError: If it is wrong; names the key.
    """
    return read_project(root, ProjectConfigLoader(str(root / "conf"), env, **LOADER_ARGS))


def read_project(root: Path, loader: ProjectConfigLoader) -> Project:
    """Resolve what a loader has read; it may hold parameters that were given for one run.

    Raises:
        UserError: If the configuration is wrong; names the key.
    """
    parameters = check_parameters(loader["parameters"], _contract_file(root, loader.env))
    catalog = loader["catalog"]
    return Project(
        root=root,
        env=loader.env,
        parameters=parameters,
        **loader.tracking()._asdict(),
        bundles=BundleStore(root / catalog["bundles"]["filepath"]),
        raw_data=_raw_data(root, catalog.get("raw_salaries", {})),
        loader=loader,
    )


def _contract_file(root: Path, env: str | None) -> str:
    """The file that holds an environment's contract, relative to the project."""
    own = f"conf/{env or 'local'}/contract.yml"
    return own if (root / own).is_file() else "conf/base/contract.yml"


def _raw_data(root: Path, entry: Mapping[str, Any]) -> Path | None:
    inner = entry.get("dataset")
    path = (inner if isinstance(inner, Mapping) else entry).get("filepath")
    return None if entry.get("url") or not path or "://" in str(path) else root / path
