"""The page of Streamlit as a process, and a real browser to look at it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from support import ROOT, free_port

DEADLINE_SECONDS = 30
expect.set_options(timeout=1000 * DEADLINE_SECONDS)  # where a test does not say how soon
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP stranger.example 127.0.0.1",  # for a site that rebinds its name
]


def wait_until_healthy(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Return once the page's server is ready; fail with its output if it ends or takes too long."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/_stcore/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        try:
            process.wait(timeout=0.05)
            break
        except subprocess.TimeoutExpired:
            continue
    pytest.fail(f"streamlit did not become ready:\n{log.read_text()}")


@contextmanager
def running_page(
    folder: Path, *options: str, cwd: Path = ROOT, **environment: str
) -> Iterator[str]:
    """Address of the page, served by `streamlit run` with an empty home while the context lasts."""
    port, home, log = free_port(), folder / "home", folder / "streamlit.log"
    home.mkdir(exist_ok=True)
    script = str(ROOT / "app" / "streamlit_app.py")
    command = ["streamlit", "run", script, "--server.port", str(port), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=cwd,
            env={**os.environ, "HOME": str(home), **environment},
            stdin=subprocess.PIPE,  # open and silent, like a terminal where nobody types
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_healthy(process, f"http://127.0.0.1:{port}", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()


def chromium_path() -> str:
    """Path of a Chromium; without one the test is skipped, but fails where CI is set."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    reason = "no Chromium on this machine (Debian, Ubuntu: apt install chromium)"
    return pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    path = chromium_path()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    """Opens the page in the browser, for a service at an address."""
    with ExitStack() as stack:

        def open_it(service: str) -> Page:
            address = stack.enter_context(
                running_page(tmp_path, SALARY_SERVICE_URL=service, STREAMLIT_SERVER_HEADLESS="true")
            )
            page = browser.new_page()
            stack.callback(page.close)
            page.set_default_timeout(1000 * DEADLINE_SECONDS)
            page.goto(address)
            return page

        yield open_it


def predict(page: Page, years: str) -> None:
    """Type the years of experience and click Predict."""
    page.get_by_role("spinbutton", name="Professional experience").fill(years)
    page.get_by_role("button", name="Predict").click()
