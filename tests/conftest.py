"""Fixtures that several rooms share."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from costs import pytest_collection_modifyitems, pytest_runtest_protocol
from salary_kedro.contract import Contract
from salary_kedro.project.defaults import import_kedro_mlflow_quietly
from support import Project, copy_project, forget_settings, get, pauses_noted, wait_until

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_protocol"]

#: Modules of fixtures that import MLflow.
SLOW_TO_IMPORT = ("stores", "sites", "sessions")
# How long an example takes says more of the machine than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
forget_settings(os.environ)
# A shell starts what is to run in the background with Ctrl-C ignored, and so whatever that starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Import what is slow to import where tests run, not where they are handed out.

    Not earlier: in the processes of pytest-xdist, coverage is measured from the session's start.
    """
    if session.config.getoption("numprocesses", None):
        return
    import_kedro_mlflow_quietly()  # before any test turns warnings into errors
    for name in SLOW_TO_IMPORT:
        session.config.pluginmanager.import_plugin(name)


@pytest.fixture
def contract() -> Contract:
    """The default environment's contract, spelt out."""
    return Contract.model_validate(
        {
            "features": [
                {
                    "column": "Experience Years",
                    "name": "experience_years",
                    "kind": "number",
                    "unit": "years",
                    "minimum": 0,
                    "maximum": 60,
                    "example": 5,
                    "label": "Professional experience",
                }
            ],
            "target": {
                "column": "Salary",
                "name": "salary",
                "kind": "number",
                "unit": "a year, gross",
                "exclusive_minimum": 0,
                "example": 72861.25,
                "label": "Salary",
            },
        }
    )


@pytest.fixture
def pauses() -> Iterator[list[float]]:
    """Seconds of each pause that the test makes, as between attempts."""
    with pauses_noted() as noted:
        yield noted


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the project in which nothing has run yet."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    trained = copy_project(tmp_path_factory.mktemp("trained") / "project")
    trained.kedro_run()
    return trained


@pytest.fixture
def bundles(_trained: Project, tmp_path: Path) -> Path:
    """A bundles folder of one's own, with version 1 (linear regression) in production."""
    return Path(shutil.copytree(_trained.bundles, tmp_path / "bundles"))


@pytest.fixture(scope="session")
def service_url(_trained: Project) -> Iterator[str]:
    """Address of a running service with version 1 (linear regression); do not disturb it."""
    with _trained.serve() as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        yield address
