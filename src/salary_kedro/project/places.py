"""Where an environment keeps its files; one rule for pipelines and service."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

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


def run_name() -> str | None:
    """The name of the run that this process does a part of; None if it has none.

    `SALARY_RUN` gives it; else Airflow's own variables do, in which case letters that do not
    fit into a file name are replaced, and a fingerprint tells apart what that makes equal.

    Raises:
        UserError: If the name could lead out of its folder.
    """
    if name := os.environ.get("SALARY_RUN"):
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,149}", name):
            raise UserError(
                f"SALARY_RUN is '{name}': name a run by up to 150 letters, digits, '.', '_' and '-'"
            )
        return name
    parts = [os.environ.get(f"AIRFLOW_CTX_{key}", "") for key in ("DAG_ID", "DAG_RUN_ID")]
    if not parts[1]:
        return None
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"{re.sub('[^A-Za-z0-9._-]', '-', parts[1])[:100]}-{digest[:8]}"


def run_folder(env: str | None) -> str:
    """The folder, relative to the project, in which the nodes of this run hand on their files."""
    name = run_name()
    return data_folder(env) if name is None else f"{data_folder(env)}/runs/{name}"


def bundles_override() -> str | None:
    """The bundles folder that `SALARY_BUNDLES` names, absolute; None if it is not set."""
    folder = os.environ.get("SALARY_BUNDLES")
    return os.path.abspath(folder) if folder else None  # noqa: PTH100 - resolve() waits for mounts


def bento_home() -> Path:
    """BentoML's folder, which all projects of a user share; `BENTOML_HOME` names another."""
    return Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml")


def local_path(text: str) -> Path | None:
    """The file of this machine that a path or a `file:` URI names; None for another URI."""
    parts = urlsplit(text) if re.match(r"file:|[A-Za-z][A-Za-z0-9+.-]+://", text) else None
    if parts is None:
        return Path(text)
    is_here = parts.scheme == "file" and parts.netloc in ("", "localhost")
    return Path(unquote(parts.path)) if is_here else None
