"""Kedro sessions within the test's own process, in a copy of the project."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession

from stores import StoreTemplate, copy_database, forget_store
from support import Project

LOGGERS = ("", "kedro", "mlflow")


@contextmanager
def loggers_restored() -> Iterator[None]:
    """Give the loggers back their handlers at the end, and close those that were added."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, handlers, propagate in before:
        for added in set(logger.handlers) - set(handlers):
            added.close()
        logger.handlers[:], logger.propagate = handlers, propagate


@pytest.fixture
def logs() -> Iterator[None]:
    """Loggers that are after the test as they were before it."""
    with loggers_restored():
        yield


@pytest.fixture
def kedro_project(
    project: Project, store_template: StoreTemplate, logs: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A copy of the project, as the working directory, whose sessions run in this process."""
    (project.root / "data" / "mlflow").mkdir()
    copy_database(store_template.beginning, project.root / "data" / "mlflow" / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(project.root)
    configure_project("salary_kedro")
    yield project
    forget_store()


@contextmanager
def session(project: Project, env: str | None = None, **parameters: Any) -> Iterator[KedroSession]:
    """A new session, as `kedro run --params` makes one."""
    with KedroSession.create(project.root, env=env, runtime_params=parameters) as created:
        yield created
