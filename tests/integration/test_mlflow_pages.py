"""MLflow's own pages in a real browser, as `kedro models ui` opens them."""

import os
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Browser, Page, expect

from pages import browser
from salary_kedro.registry.history import Record
from salary_kedro.registry.ledger import HIDDEN, HISTORY_OF
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Stage
from salary_kedro.registry.store import used_by_process
from support import BIN, Project, copy_trained, free_port

__all__ = ["browser"]

MODEL = "salary_prediction_regression-model"
PROMOTIONS, VERSIONS = 200, 25
PATIENCE = 60_000.0  # milliseconds; MLflow's pages are large, and the machine may be busy
Visit = Callable[[str], Page]


@pytest.fixture(scope="module")
def site(_trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A trained project, after so many more promotions."""
    project = copy_trained(_trained, tmp_path_factory.mktemp("pages") / "project")
    client = MlflowClient(project.store, project.store)
    source = str(client.get_model_version(MODEL, "1").source)
    with used_by_process(project.store):  # MLflow looks for the model there
        for _ in range(VERSIONS):
            client.create_model_version(MODEL, source, tags={Stage.ARCHIVED: "6000"})
    evidence = {"reason": "better", "rows": "x" * 2000}  # as long as a verdict's
    first = Registry(project.store, MODEL).state().history[-1]
    first = first.model_copy(update={"intent": None, "evidence": evidence})
    records = [
        first.model_copy(update={"key": f"history.{i:09d}-{i:08x}"})
        for i in range(100, 100 + 2 * PROMOTIONS)  # the intent and the outcome of each
    ]
    _insert(project, records)
    assert len(Registry(project.store, MODEL).state().history) > PROMOTIONS
    return project


def _insert(project: Project, records: Sequence[Record]) -> None:
    """Add records past MLflow, which would read all before each."""
    database = project.store.removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as connection, connection:
        home = connection.execute(
            "SELECT experiment_id FROM experiment_tags WHERE key = ?", [HISTORY_OF]
        ).fetchone()[0]
        connection.executemany(
            "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?)",
            [(f"{HIDDEN}{r.key}", r.model_dump_json(by_alias=True), home) for r in records],
        )


@pytest.fixture(scope="module")
def address(site: Project) -> Iterator[str]:
    """Where `kedro models ui` says that MLflow is, until it is ended."""
    port = free_port()
    process = subprocess.Popen(
        [BIN / "kedro", "models", "ui", "--port", str(port)],
        cwd=site.root,
        env={k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as answer:
        yield answer.readline().removeprefix("MLflow: ").strip()
        process.terminate()
        assert process.wait(timeout=60) == 0
    with socket.socket() as probe:  # MLflow's server has ended with it
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    """Opens a page of MLflow in a window of an ordinary laptop."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)

    def open_it(path: str) -> Page:
        page.goto(f"{address.partition('#')[0]}{path}" if path else address)
        return page

    yield open_it
    page.close()


def test_ui_when_opened_then_lists_the_projects_runs_as_model_training(
    visit: Visit, address: str
) -> None:
    page = visit("")

    assert address.endswith("#/experiments/1/runs?workflowType=machine_learning")
    run = page.get_by_role("link", name="linear_regression · RMSE 6,311 · version 1")
    expect(run).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("raw_salaries").first).to_be_visible(timeout=PATIENCE)


def test_model_page_when_there_were_200_promotions_then_versions_are_seen_without_scrolling(
    visit: Visit,
) -> None:
    page = visit(f"#/models/{MODEL}")

    newest = page.get_by_role("link", name=f"Version {VERSIONS + 1}", exact=True)
    expect(newest).to_be_in_viewport(timeout=PATIENCE)
    expect(page.get_by_text("names the version that is served")).to_be_in_viewport()
    assert "history.0" not in page.content()


def test_experiments_page_when_there_were_200_promotions_then_shows_none_of_their_records(
    visit: Visit,
) -> None:
    page = visit("#/experiments")

    expect(page.get_by_role("link", name=f"{MODEL} history")).to_be_visible(timeout=PATIENCE)
    assert "history.0" not in page.content()


def test_run_page_when_the_version_was_decided_then_shows_verdict_and_plots(
    visit: Visit, site: Project
) -> None:
    run = Registry(site.store, MODEL).version(1).run_id
    page = visit(f"#/experiments/1/runs/{run}")

    expect(page.get_by_text("Version 1 is promoted: RMSE 6,311.3")).to_be_visible(timeout=PATIENCE)
    page.wait_for_function(  # MLflow drops what Markdown gives for those who do not see a picture
        "name => [...document.images].some(i => i.src.includes(name) && i.naturalWidth > 0)",
        arg="predicted_vs_actual.png",
        timeout=PATIENCE,
    )


def test_version_page_when_it_was_decided_then_says_why_and_links_to_its_run(
    visit: Visit, site: Project
) -> None:
    run = Registry(site.store, MODEL).version(1).run_id
    page = visit(f"#/models/{MODEL}/versions/1")

    expect(page.get_by_text("Version 1 is promoted: RMSE 6,311.3")).to_be_visible(timeout=PATIENCE)
    link = page.get_by_role("link", name=run[:8], exact=True)
    assert str(link.get_attribute("href")).endswith(f"#/experiments/1/runs/{run}")
