"""Where an environment keeps its files; one rule for pipelines, packaging and service."""

import os
import re
from pathlib import Path

from salary_kedro.errors import UserError

#: These environments keep their files in `data/` itself; another, `NAME`, in `data/NAME/`.
DEFAULT_ENVS = ("local", "base", "")
#: Folders of the default environment beside the numbered ones.
OWN_FOLDERS = ("logs", "mlflow", "runs")
#: Where bundles lie under an environment's data folder, and under `data/` in a Bento.
BUNDLES = Path("06_models", "bundles")


def data_folder(env: str | None) -> str:
    """The folder, relative to the project, in which an environment keeps its files.

    Raises:
        UserError: If the name could lead out of the data folder.
    """
    env = env or ""
    if env in DEFAULT_ENVS:
        return "data"
    if re.match(r"\d\d_", env) or env in OWN_FOLDERS:
        raise UserError(
            f"'{env}' is not a name for an environment: data/{env} is a folder of the default one"
        )
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", env):
        raise UserError(
            f"'{env}' is not a name for an environment: use letters, digits, '_' and '-'"
        )
    return f"data/{env}"


def bundles_override() -> str | None:
    """The bundles folder that `SALARY_BUNDLES` names, absolute; None if it is not set."""
    folder = os.environ.get("SALARY_BUNDLES")
    return os.path.abspath(folder) if folder else None  # noqa: PTH100 - resolve() waits for mounts


def bento_home() -> Path:
    """BentoML's folder, which all projects of a user share; `BENTOML_HOME` names another."""
    home = os.environ.get("BENTOML_HOME", "~/bentoml")  # an empty one is the current folder
    return Path(os.path.expandvars(home)).expanduser()  # as BentoML reads it
