"""Watching a model as people do: `kedro run --pipelines monitoring`."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from request_logs import log_rows
from salary_kedro.bundle import BundleStore
from support import Project, copy_trained

RUN = ("--pipelines", "monitoring")


@pytest.fixture
def watched(_trained: Project, tmp_path: Path) -> Project:
    """A project of one's own, with version 1 (linear regression) in production."""
    return copy_trained(_trained, tmp_path / "project")


def runs(project: Project) -> int:
    """Number of MLflow runs."""
    with closing(sqlite3.connect(project.store.removeprefix("sqlite:///"))) as store:
        return int(store.execute("SELECT count(*) FROM runs").fetchone()[0])


def test_monitoring_when_requests_were_logged_then_reports_and_leaves_no_run(
    watched: Project,
) -> None:
    bundles = BundleStore(watched.root / "data/06_models/bundles")
    bundle = bundles.load(bundles.current())
    requests = watched.root / "data/07_model_output/requests"
    log_rows(requests, bundle, [[10 + place % 10] for place in range(200)])
    before = runs(watched)

    done = watched.kedro_run(*RUN, "--params", "challenger=1")

    reporting = watched.root / "data/08_reporting"
    report = json.loads((reporting / "monitoring.json").read_text())
    assert (report["verdict"], report["shadow"]["figures"]["mean"]) == ("drift", 0.0)
    assert "experience_years: higher than in training by" in done.stdout
    assert "Next        kedro run   train again, once the table has such rows\n" in done.stdout
    assert "<!doctype html>" in (reporting / "monitoring.html").read_text()
    assert runs(watched) == before
