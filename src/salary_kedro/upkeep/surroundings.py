"""What on this machine makes the project work less well than it could."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import salary_kedro
from salary_kedro.upkeep.findings import Finding, advice

LOCK = "requirements.lock"
REBUILD = "`make run` in this folder builds its own environment"


def examine_surroundings(root: Path, raw_data: Path | None) -> list[Finding]:
    """Check what can be checked cheaply; writes nothing.

    Args:
        root: The project's folder.
        raw_data: The raw file; None if it can be fetched.
    """
    code = Path(salary_kedro.__file__ or "")
    checks = [
        _code(root, code),
        _environment(root, Path(sys.prefix)),
        _raw_data(raw_data),
        _lock(root),
        _git(root),
        _omegaconf(importlib.metadata.version("omegaconf")),
        _telemetry(root),
    ]
    return [found for found in checks if found is not None]


def _code(root: Path, code: Path) -> Finding | None:
    if root.resolve() in code.resolve().parents:
        return None
    return advice(
        f"the code that runs is {code.parent}, not this project's",
        "changes to this project's code have no effect, and versions record the wrong lineage",
        REBUILD,
    )


def _environment(root: Path, prefix: Path) -> Finding | None:
    own = root / ".venv"
    if not own.is_dir() or own.resolve() == prefix.resolve():
        return None
    return advice(
        f"the Python that runs is {prefix}, not this project's .venv",
        "other versions of the libraries may load or train models differently",
        REBUILD,
    )


def _raw_data(raw_data: Path | None) -> Finding | None:
    if raw_data is None or raw_data.exists():
        return None
    return advice(
        f"the raw data {raw_data} is missing",
        "`kedro run` has nothing to train on",
        "put your table there, or give raw_salaries a url in catalog.yml",
    )


def _lock(root: Path) -> Finding | None:
    if (root / LOCK).is_file():
        return None
    return advice(
        f"{LOCK} is missing",
        "a run cannot record what it was made with, and stops",
        "`make lock` writes it",
    )


def _git(root: Path) -> Finding | None:
    if shutil.which("git") is None:
        what, remedy = "git is not installed", "install git"
    elif _git_knows(root):
        return None
    else:
        what, remedy = (
            "the project is not in a git repository",
            "`git init`, and commit the project",
        )
    return advice(what, "versions cannot say which commit they were trained from", remedy)


def _git_knows(root: Path) -> bool:
    asked = ["git", "-C", str(root), "rev-parse", "HEAD"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _omegaconf(version: str) -> Finding | None:
    if tuple(map(int, version.split(".")[:2])) < (2, 4):
        return None
    return advice(
        f"omegaconf {version} is installed",
        "every run prints deprecation warnings",
        "`make run` installs the locked version",
    )


def _telemetry(root: Path) -> Finding | None:
    consent = root / ".telemetry"
    refused = consent.is_file() and "consent: false" in consent.read_text(encoding="utf-8")
    silent = {
        "Kedro (DO_NOT_TRACK=true)": refused or _is_true("DO_NOT_TRACK"),
        "MLflow (MLFLOW_DISABLE_TELEMETRY=true)": _is_true("MLFLOW_DISABLE_TELEMETRY")
        or _is_true("DO_NOT_TRACK"),
        "BentoML (BENTOML_DO_NOT_TRACK=true)": _is_true("BENTOML_DO_NOT_TRACK"),
    }
    if all(silent.values()):
        return None
    return advice(
        f"usage reports are on: {', '.join(name for name, off in silent.items() if not off)}",
        "what you do with the project is reported to the makers of these tools",
        "set the variables in brackets, or use the environment that `make run` builds",
    )


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").lower() == "true"
