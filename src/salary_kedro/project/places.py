"""Where this run's nodes hand on their files, and which file of this machine a text names."""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from salary_kedro.bundle.places import data_folder
from salary_kedro.errors import UserError


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


def local_path(text: str) -> Path | None:
    """The file of this machine that a path or a `file:` URI names; None for another URI."""
    parts = urlsplit(text) if re.match(r"file:|[A-Za-z][A-Za-z0-9+.-]+://", text) else None
    if parts is None:
        return Path(text)
    is_here = parts.scheme == "file" and parts.netloc in ("", "localhost")
    return Path(unquote(parts.path)) if is_here else None
