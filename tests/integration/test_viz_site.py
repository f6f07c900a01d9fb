"""Kedro-Viz, saved as a static site, in a real browser."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from pages import browser
from support import Project, copy_trained

__all__ = ["browser"]

PATIENCE = 90_000.0  # milliseconds
LAYERS = (
    *("raw", "intermediate", "primary", "model_input"),
    *("models", "reporting", "registry", "serving"),
)


@pytest.fixture(scope="module")
def site(_trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A trained project with its saved site."""
    project = copy_trained(_trained, tmp_path_factory.mktemp("viz") / "project")
    built = project.run("kedro", "viz", "build")
    assert built.returncode == 0, built.stderr
    return project


@pytest.fixture
def address(site: Project) -> Iterator[str]:
    """Where the saved site is served."""
    files = partial(SimpleHTTPRequestHandler, directory=site.root / "build")
    with ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def dataset(build: Path, name: str) -> Any:
    """What the site tells of a dataset."""
    nodes = json.loads((build / "api" / "main").read_bytes())["nodes"]
    (found,) = (node["id"] for node in nodes if node["name"] == name and node["type"] == "data")
    return json.loads((build / "api" / "nodes" / found).read_bytes())


def test_site_when_opened_then_shows_the_pipelines_by_layer(address: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(address)

    expect(page.locator(".pipeline-node").first).to_be_visible(timeout=PATIENCE)
    names = page.locator(".pipeline-layer-name")
    expect(names).to_have_count(len(LAYERS), timeout=PATIENCE)
    assert {text.strip().lower().replace(" ", "_") for text in names.all_inner_texts()} == {*LAYERS}
    page.close()


def test_site_when_saved_then_tells_of_files_and_of_no_row(site: Project) -> None:
    found = dataset(site.root / "build", "train")

    assert found["filepath"].endswith("data/05_model_input/train.parquet")
    assert (found["stats"]["rows"], found["preview"]) == (28, None)
    assert found["stats"]["file_size"] > 0


def test_site_when_it_is_of_another_environment_then_has_no_statistics_of_this_one(
    site: Project,
) -> None:
    built = site.run("kedro", "viz", "build", KEDRO_ENV="professors")

    assert built.returncode == 0, built.stderr
    found = dataset(site.root / "build", "train")
    assert "professors" in found["filepath"]
    assert not found.get("stats")
