"""Takes the pictures of the documentation from the running thing: `make screenshots`.

In a copy of the project, trained twice, so that the pictures do not depend on what is here.
"""

import io
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pages import CHROMIUM_OPTIONS, chromium_path, running_page
from support import (
    BIN,
    HIGHEST_PORT_OF_VIZ,
    ROOT,
    Project,
    copy_project,
    free_port,
    get,
    running,
    wait_until,
)

expect.set_options(timeout=90_000)
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 880}
#: A picture that takes longer to load than it is looked at helps nobody.
MOST_BYTES = 150_000
COLOURS = 128


def main() -> None:
    """Train, serve, and take each picture."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        project = copy_project(Path(folder) / "project")
        for model in ("linear_regression", "random_forest"):
            click.echo(f"training {model} ...", err=True)
            project.kedro_run("--params", f"model={model}")
        chromium = playwright.chromium.launch(
            executable_path=chromium_path(), args=CHROMIUM_OPTIONS
        )
        for name, take in {"page": the_page, "mlflow": mlflow, "kedro-viz": kedro_viz}.items():
            take(project, chromium, PICTURES / f"{name}.png")
        chromium.close()


def the_page(project: Project, browser: Browser, file: Path) -> None:
    """The page, which has answered."""
    with project.serve() as service:
        wait_until(lambda: get(f"{service}/readyz").status == 200, "the service to be ready")
        folder = project.root / "page"
        folder.mkdir()
        headless = {"SALARY_SERVICE_URL": service, "STREAMLIT_SERVER_HEADLESS": "true"}
        with running_page(folder, cwd=project.root, **headless) as address:
            picture(browser, address, file, answered)


def answered(page: Page) -> None:
    """Wait until a salary is shown, and all that comes after it."""
    page.get_by_role("heading", name=re.compile(r"\d,\d{3}")).first.wait_for()
    page.get_by_role("img", name="Prediction along").wait_for()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def mlflow(project: Project, browser: Browser, file: Path) -> None:
    """The registered model in MLflow, with its versions."""
    port = free_port()
    command = [str(BIN / "kedro"), "models", "ui", "--port", str(port)]
    model = "salary_prediction_regression-model"
    with server(project, command, f"http://127.0.0.1:{port}") as address:
        picture(
            browser,
            f"{address}/#/models/{model}?workflowType=machine_learning",
            file,
            listed,
        )


def listed(page: Page) -> None:
    """Wait until the versions are there, and close what opens beside them on a first visit."""
    page.get_by_text("Version 2").first.wait_for()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Ask a question")).to_have_count(0)


def kedro_viz(project: Project, browser: Browser, file: Path) -> None:
    """The first pipeline in Kedro-Viz, by layers; all of them at once are too small to read."""
    port = free_port(HIGHEST_PORT_OF_VIZ)
    command = [str(BIN / "kedro"), "viz", "run", "--no-browser", "--port", str(port)]
    with server(project, command, f"http://127.0.0.1:{port}") as address:
        picture(browser, f"{address}/?pid=data_engineering", file, drawn)


def drawn(page: Page) -> None:
    """Wait until the pipeline is there, and close news and hints about Kedro-Viz."""
    page.locator(".pipeline-node").first.wait_for()
    page.get_by_text("Dismiss").click()
    page.locator(".feature-hints__close").click()
    expect(page.locator(".feature-hints__reopen-message")).to_have_count(0)
    page.wait_for_timeout(2_000)  # it moves into place


@contextmanager
def server(project: Project, command: list[str], address: str) -> Iterator[str]:
    """A server that answers at an address."""
    with running(command, project.root, {**project.environment, "BROWSER": "true"}):
        wait_until(lambda: get(address).status == 200, f"{address} to answer", 180)
        yield address


def picture(browser: Browser, address: str, file: Path, ready: Callable[[Page], None]) -> None:
    """Write what a page shows once it is ready.

    Raises:
        SystemExit: If the picture is too large.
    """
    page = browser.new_page(viewport=SIZE)
    page.set_default_timeout(90_000)
    page.goto(address)
    ready(page)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shown = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    shown.quantize(COLOURS).save(file, optimize=True)
    page.close()
    size = file.stat().st_size
    click.echo(f"{file.relative_to(ROOT)}: {size // 1000} kB", err=True)
    if size > MOST_BYTES:
        raise SystemExit(f"{file} has {size} bytes, more than {MOST_BYTES}")


if __name__ == "__main__":
    main()
