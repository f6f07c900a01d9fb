"""Loads `conf/`, with the resolvers that tell where an environment keeps its files."""

import os
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

#: These environments keep their files in `data/` itself; another, `NAME`, in `data/NAME/`.
DEFAULT_ENVS = ("local", "base", "")


def data_folder(env: str | None) -> str:
    """The folder, relative to the project, in which an environment keeps its files."""
    return "data" if (env or "") in DEFAULT_ENVS else f"data/{env}"


class ProjectConfigLoader(OmegaConfigLoader):  # type: ignore[misc]
    """Kedro's loader, and two resolvers for YAML files.

    - `${data:06_models/bundles}`: a path under the environment's data folder, relative
      to the project.
    - `${tracking_uri:}`: the environment's MLflow store, or `MLFLOW_TRACKING_URI` if set.
    """

    def __init__(self, conf_source: str, env: str | None = None, **kwargs: Any) -> None:
        """Take what Kedro passes; see `OmegaConfigLoader`."""
        data = data_folder(env)
        project = Path(conf_source).resolve().parent
        resolvers = {
            "data": lambda path: f"{data}/{path}",
            "tracking_uri": lambda: tracking_uri(project / data),
            "artifacts": lambda: artifacts(project / data),
        }
        super().__init__(conf_source, env, custom_resolvers=resolvers, **kwargs)


def tracking_uri(data: Path) -> str:
    """The MLflow store: `MLFLOW_TRACKING_URI`, else a SQLite file under the data folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{data}/mlflow/mlflow.db"


def artifacts(data: Path) -> str | None:
    """Where the local store's artifacts are; another store decides that itself."""
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return None
    return (data / "mlflow" / "artifacts").as_uri()
