"""Loads `conf/`, with the resolvers that tell where an environment keeps its files."""

import os
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf
from pydantic import ValidationError

from salary_kedro.contract import Contract, ContractError, describe_invalid
from salary_kedro.contract.table import csv_arguments
from salary_kedro.locations import BUNDLES, bundles_override, data_folder

SQLITE = "sqlite:///"
#: How Kedro, and the commands that start no run, load the configuration.
LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"mlflow": "soft", "parameters": "soft"},
    "config_patterns": {
        "parameters": ["parameters*", "parameters*/**", "**/parameters*", "contract*"],
        "mlflow": ["mlflow*"],
    },
}


class ProjectConfigLoader(OmegaConfigLoader):  # type: ignore[misc]
    """Kedro's loader, and resolvers for YAML files.

    - `${data:03_primary/salaries.parquet}`: a path under the environment's data folder,
      relative to the project.
    - `${csv_arguments:}`: how `pandas.read_csv` must read the contract's raw table.
    - `${bundles:}`: the folder of bundles, or `SALARY_BUNDLES` if set.
    - `${tracking_uri:}`: the environment's MLflow store, or `MLFLOW_TRACKING_URI` if set.
    - `${artifacts:}`: where a local store keeps its artifacts; none for a server.
    """

    def __init__(self, conf_source: str, env: str | None = None, **kwargs: Any) -> None:
        """Take what Kedro passes; see `OmegaConfigLoader`."""
        data = data_folder(env)
        project = Path(conf_source).resolve().parent
        uri = tracking_uri(project, data)
        self._resolvers = {
            "data": lambda path: f"{data}/{path}",
            "bundles": lambda: bundles_override() or f"{data}/{BUNDLES.as_posix()}",
            "csv_arguments": lambda: _as_yaml(csv_arguments(self.contract())),
            "tracking_uri": lambda: uri,
            "artifacts": lambda: artifacts(uri),
        }
        super().__init__(conf_source, env, **kwargs)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Load one kind of configuration; an environment's contract replaces the base's whole."""
        for name, resolver in self._resolvers.items():  # another loader may have set its own
            OmegaConf.register_new_resolver(name, resolver, replace=True)
        loaded: dict[str, Any] = super().__getitem__(key)
        own = Path(self.conf_source, self.env or self.default_run_env, "contract.yml")
        if key == "parameters" and own.is_file():
            given = {"contract": (self.runtime_params or {}).get("contract", {})}
            contract = OmegaConf.merge(OmegaConf.load(own), given)
            loaded.update(OmegaConf.to_container(contract, resolve=True))
        return loaded

    def contract(self) -> Contract:
        """The environment's contract.

        Raises:
            ContractError: If it is malformed; names the key.
        """
        try:
            return Contract.model_validate(self["parameters"].get("contract"))
        except ValidationError as error:
            raise ContractError(describe_invalid(error, "contract", Contract)) from error


def _as_yaml(value: Any) -> Any:
    """The value as a resolver gives it: no text of it is an interpolation."""
    if isinstance(value, dict):
        return {key: _as_yaml(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_yaml(item) for item in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value


def tracking_uri(project: Path, data: str) -> str:
    """The MLflow store: `MLFLOW_TRACKING_URI`, else a SQLite file under the data folder.

    A relative SQLite path is taken from the project, so that it is one store from any folder.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{data}/mlflow/mlflow.db"
    return f"{SQLITE}{project / uri.removeprefix(SQLITE)}" if uri.startswith(SQLITE) else uri


def artifacts(uri: str) -> str | None:
    """Where a SQLite store's artifacts are: beside it. Another store decides that itself."""
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).parent / "artifacts").as_uri()
