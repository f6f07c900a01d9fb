"""Kedro sessions within the test's own process, in a copy of the project."""

import logging
from collections.abc import Iterator

import pytest
from kedro.framework.project import configure_project

from stores import forget_store
from support import Project

LOGGERS = ("", "kedro", "mlflow")


@pytest.fixture
def logs() -> Iterator[None]:
    """Give the loggers back their handlers, and close those that were added."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, handlers, propagate in before:
        for added in set(logger.handlers) - set(handlers):
            added.close()
        logger.handlers[:], logger.propagate = handlers, propagate


@pytest.fixture
def kedro_project(
    project: Project, logs: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A copy of the project, as the working directory, whose sessions run in this process."""
    for name in ("MLFLOW_TRACKING_URI", "KEDRO_ENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(project.root)
    configure_project("salary_kedro")
    yield project
    forget_store()
