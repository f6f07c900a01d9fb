"""Loads `conf/`, with the resolvers that tell where an environment keeps its files."""

import os
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from salary_kedro.bundle.places import BUNDLES, bundles_override, data_folder
from salary_kedro.contract import Contract, ContractError
from salary_kedro.errors import UserError
from salary_kedro.project.places import run_folder
from salary_kedro.project.yaml_bounds import BoundsError, check_bounds
from salary_kedro.registry.failures import chain, without_passwords
from salary_kedro.tables.csv_arguments import csv_arguments

SQLITE = "sqlite:///"
#: The variable that names the folder of logged requests, and where it is by default.
REQUEST_LOG, REQUESTS = "SALARY_REQUEST_LOG", "07_model_output/requests"
SHIPPED = "conf/base/contract.yml for an example"
#: How Kedro, and the commands that start no run, load the configuration.
LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"mlflow": "soft", "parameters": "soft"},
    "config_patterns": {
        "parameters": ["parameters*", "parameters*/**", "**/parameters*"],
        "mlflow": ["mlflow*"],
    },
}


class Tracking(NamedTuple):
    """What `mlflow.yml` says, resolved.

    Attributes:
        uri: The MLflow store.
        experiment: Name of the experiment.
        artifacts: URI of the folder of a local store's artifacts; None for another store.
    """

    uri: str
    experiment: str
    artifacts: str | None


def _keep_statistics_apart(env: str | None) -> None:
    """Let Kedro-Viz, where it is loaded, keep an environment's row counts in a folder of its own.

    It has one file for all of them, and shows those of whichever ran last.
    """
    if viz := sys.modules.get("kedro_viz.constants"):
        apart = "" if data_folder(env) == data_folder(None) else f"/{env}"
        viz.VIZ_METADATA_ARGS["path"] = f".viz{apart}"


class ProjectConfigLoader(OmegaConfigLoader):
    """Kedro's loader, and resolvers for YAML files.

    - `${data:03_primary/salaries.parquet}`: a path under the environment's data folder,
      relative to the project.
    - `${run:03_primary/salaries.parquet}`: the same, or of a run with a name, a path under the
      run's own folder there.
    - `${contract:}`: the contract, for datasets that read the raw table by it.
    - `${csv_arguments:}`: how `pandas.read_csv` must read the contract's raw table.
    - `${bundles:}`: the folder of bundles, or `SALARY_BUNDLES` if set.
    - `${request_log:}`: the folder of logged requests, or `SALARY_REQUEST_LOG` if set.
    - `${tracking_uri:}`: the environment's MLflow store, or `MLFLOW_TRACKING_URI` if set.
    - `${tracking_server:}`: the MLflow server that `MLFLOW_TRACKING_URI` must name.
    - `${parameter:registry.model_name}`: a parameter, as every pipeline gets it.
    - `${env_option:}`: ` --env NAME` for commands; nothing in the default environment.
    - `${artifacts:}`: where a local store keeps its artifacts; none for a server.
    """

    def __init__(self, conf_source: str, env: str | None = None, **kwargs: Any) -> None:
        """Take what Kedro passes; see `OmegaConfigLoader`."""
        data, run = data_folder(env), run_folder(env)
        conf = os.path.abspath(conf_source)  # noqa: PTH100 - it may be a link to elsewhere
        project = Path(conf).parent.resolve()
        uri = tracking_uri(project, data)
        self._resolvers: dict[str, Callable[..., Any]] = {
            "data": lambda path: f"{data}/{path}",
            "run": lambda path: f"{run}/{path}",
            "bundles": lambda: bundles_override() or f"{data}/{BUNDLES.as_posix()}",
            "request_log": lambda: os.environ.get(REQUEST_LOG) or f"{data}/{REQUESTS}",
            "csv_arguments": lambda: _as_yaml(csv_arguments(self.contract())),
            "contract": lambda: _as_yaml(self.contract().model_dump(mode="json")),
            "tracking_uri": lambda: uri,
            "tracking_server": lambda: tracking_server(env),
            "artifacts": lambda: artifacts(uri),
            "parameter": self._parameter,
            "env_option": lambda: "" if data_folder(env) == data_folder(None) else f" --env {env}",
        }
        self._is_bounded = False
        self._found: dict[str, dict[str, Any]] = {}
        _keep_statistics_apart(env)
        super().__init__(conf_source, env, **kwargs)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Load one kind of configuration; the parameters hold the contract too.

        Kedro would merge the contracts of two environments; here one replaces the other whole.

        Raises:
            ContractError: If a contract file cannot be read, or holds no contract.
            UserError: The environment names no store, or one that it cannot use.
        """
        self._check_bounds()
        for name, resolver in self._resolvers.items():  # another loader may have set its own
            OmegaConf.register_new_resolver(name, resolver, replace=True)
        try:
            found = self._load(key)
        except OmegaConfBaseException as error:  # OmegaConf wraps what a resolver raises
            for link in chain(error):
                if isinstance(link, UserError):
                    raise link from error
            raise
        return {**found, **self._read_contract()} if key == "parameters" else found

    def __setitem__(self, key: str, value: Any) -> None:
        """Replace one kind of configuration; others may refer to it."""
        self._found.clear()
        super().__setitem__(key, value)

    def _load(self, key: str) -> dict[str, Any]:
        """One kind of configuration as Kedro loads it; the files are read once."""
        if key not in self._found:
            self._found[key] = super().__getitem__(key)
        return deepcopy(self._found[key])

    def _parameter(self, path: str) -> Any:
        """The parameter that a path of keys leads to, `registry.model_name` for example."""
        found: Any = self._load("parameters")
        for key in path.split("."):
            found = found[key]
        return found

    def _check_bounds(self) -> None:
        """Refuse files that a few lines make immense, before Kedro reads any.

        Raises:
            UserError: Names the file.
        """
        if self._is_bounded:
            return
        for env in {self.base_env, self.env or self.default_run_env}:
            for path in Path(self.conf_source, env).rglob("*.y*ml"):
                try:
                    check_bounds(path.read_text(encoding="utf-8"))
                except BoundsError as error:
                    where = path.relative_to(Path(self.conf_source).parent)
                    raise UserError(f"{where}: {error}; write it out, or list less") from error
                except (OSError, UnicodeDecodeError):
                    continue  # whoever reads it says so
        self._is_bounded = True

    def _read_contract(self) -> dict[str, Any]:
        """What the contract file of the environment holds; that of `base` if it has none."""
        given = {"contract": (self.runtime_params or {}).get("contract", {})}
        for env in (self.env or self.default_run_env, self.base_env):
            path = Path(self.conf_source, env, "contract.yml")
            if path.is_file():
                return read_contract_file(path, given)
        return {}

    def contract(self) -> Contract:
        """The environment's contract.

        Raises:
            ContractError: If it is malformed; names the key.
        """
        return Contract.of(self._read_contract().get("contract"))

    def without_contract(self) -> "ProjectConfigLoader":
        """The same loader, for who asks about places alone: no contract, nor a server's name."""
        self._resolvers |= {"csv_arguments": dict, "contract": dict}
        self._resolvers["tracking_server"] = self._resolvers["tracking_uri"]
        self._found.clear()
        return self

    def tracking(self) -> Tracking:
        """Where the environment's trainings are logged.

        Raises:
            UserError: There is no store, or versions would be registered in another.
        """
        mlflow = self["mlflow"]
        _check_mlflow(mlflow)
        experiment = mlflow["tracking"]["experiment"]
        return Tracking(
            uri=str(mlflow["server"]["mlflow_tracking_uri"]),
            experiment=str(experiment["name"]),
            artifacts=experiment["create_experiment_kwargs"]["artifact_location"],
        )

    def credentials(self) -> dict[str, Any]:
        """The environment's credentials; none if it has no such file."""
        try:
            found: dict[str, Any] = self["credentials"]
        except MissingConfigException:
            return {}
        return found


def read_contract_file(
    path: Path, given: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Read a contract file: its top-level key is `contract`; it is not checked further.

    Args:
        path: The YAML file.
        given: What replaces parts of it.

    Raises:
        ContractError: If it is not such a file; says where.
    """
    where = "/".join(path.parts[-3:])
    try:
        check_bounds(path.read_text(encoding="utf-8"))
        content: Any = OmegaConf.load(path)
        if not OmegaConf.is_dict(content) or not OmegaConf.is_dict(content.get("contract")):
            raise ContractError(f"{where} has no key `contract` that holds keys: see {SHIPPED}")
        merged: Any = OmegaConf.to_container(OmegaConf.merge(content, dict(given)), resolve=True)
    except BoundsError as error:
        raise ContractError(f"{where}: {error}; write it out, or list less") from error
    except YAMLError as error:
        raise ContractError(f"{where} is not YAML: {_locate(error)}") from error
    except OmegaConfBaseException as error:
        key = f"`{error.full_key}`" if error.full_key else "a text"
        raise ContractError(
            f"{where}: {key} holds '${{', which begins an interpolation: where it is meant as it "
            f"stands, write the text in single quotes with \\ before it, '\\${{'"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ContractError(f"{where} cannot be read: {reason}") from error
    return dict(merged)


def _locate(error: YAMLError) -> str:
    """Where in a YAML file reading stopped, and why."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return "it holds a character that YAML forbids"
    problem = str(getattr(error, "problem", None) or "it cannot be read")
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}; see {SHIPPED}"


def _check_mlflow(found: Mapping[str, Any]) -> None:
    """Check that there is one store, which holds runs and registered versions alike.

    Raises:
        UserError: There is none, or the versions would be in another.
    """
    server = found.get("server") or {}
    uri = server.get("mlflow_tracking_uri")
    if not isinstance(uri, str) or not uri:
        raise UserError(
            f"server.mlflow_tracking_uri of mlflow.yml is {uri!r}, not the address of a store: "
            f"remove it there, or the whole file if `kedro mlflow init` wrote it; conf/base/"
            f"mlflow.yml has what is needed, and MLFLOW_TRACKING_URI names another store"
        )
    registries = {
        "server.mlflow_registry_uri of mlflow.yml": server.get("mlflow_registry_uri"),
        "MLFLOW_REGISTRY_URI": os.environ.get("MLFLOW_REGISTRY_URI"),
    }
    for name, registry in registries.items():
        if registry and registry.rstrip("/") != uri.rstrip("/"):
            raise UserError(
                f"{name} is set, to another store than the one of the runs; there is one for "
                f"both, so that one version is in production: remove it, and name the store by "
                f"MLFLOW_TRACKING_URI"
            )


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


def tracking_server(env: str | None) -> str:
    """The MLflow server that `MLFLOW_TRACKING_URI` names, for an environment of a team.

    Raises:
        UserError: It names none; a file of this machine would be nobody else's store.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or ""
    if uri.startswith(("http://", "https://")):
        return uri
    told = f"is '{without_passwords(uri)}'" if uri else "is not set"
    raise UserError(
        f"MLFLOW_TRACKING_URI {told}, but the environment '{env}' keeps its models on an MLflow "
        f"server: set it to the server's address, http://mlflow.example:5000 for example"
    )


def artifacts(uri: str) -> str | None:
    """Where a SQLite store's artifacts are: beside it. Another store decides that itself."""
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).parent / "artifacts").as_uri()
