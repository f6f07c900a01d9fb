"""Time until the page's first prediction can be read, against the first paint of `streamlit hello`.

A round opens both in a new, empty browser one after the other, so that a ratio compares what was
measured side by side. Then the page's *What if* is asked for another feature, whose curve comes
from one request of a random forest. Both servers have been opened once before.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from training import PROJECT, copy_project, environment, tell

ENV, MODEL = "professors", "random_forest"
BIN = Path(sys.executable).parent
LIMIT, WHAT_IF_LIMIT = 1.1, 0.5
START_SECONDS = 120.0
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-sync"]
#: What a person waits for: hello's heading, and the page's predicted salary.
HELLO, NUMBER = "Welcome to Streamlit", "About"


def main() -> None:
    """Measure, and print the medians and the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="pairs of visits, 5 if not given")
    parser.add_argument("--service", help="address of a service that runs, else one is started")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        service = options.service or stack.enter_context(trained_service(folder / "project"))
        hello = stack.enter_context(streamlit(folder, {}, "hello"))
        script = str(PROJECT / "app" / "streamlit_app.py")
        page = stack.enter_context(
            streamlit(folder, {"SALARY_SERVICE_URL": service}, "run", script)
        )
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.callback(browser.close)
        rounds = [one_round(number, browser, hello, page) for number in range(options.rounds + 1)]
    print_table(rounds[1:])  # the first one warmed the servers


@contextmanager
def trained_service(home: Path) -> Iterator[str]:
    """Train a forest in a copy of the project, and serve it."""
    copy_project(home)
    tell(f"training a model: kedro run --env {ENV} --params model={MODEL}")
    command = [str(BIN / "kedro"), "run", "--env", ENV, "--params", f"model={MODEL}"]
    subprocess.run(command, cwd=home, env=environment(home), check=True, capture_output=True)
    port = free_port()
    serve = [str(BIN / "bentoml"), "serve", "--port", str(port)]
    with started(serve, home, {**environment(home), "KEDRO_ENV": ENV}, f"{port}/readyz"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def streamlit(home: Path, more: Mapping[str, str], *arguments: str) -> Iterator[str]:
    """Run Streamlit with an empty home; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", *arguments, "--server.port", str(port)]
    variables = {"HOME": str(home), "STREAMLIT_SERVER_HEADLESS": "true"}
    variables |= {"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    with started(command, home, {**os.environ, **variables, **more}, f"{port}/_stcore/health"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def started(
    command: list[str], home: Path, variables: Mapping[str, str], ready: str
) -> Iterator[None]:
    """Run a server until the context ends; enters when it is ready."""
    process = subprocess.Popen(
        command, cwd=home, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(process, f"http://127.0.0.1:{ready}")
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_for(process: subprocess.Popen[bytes], address: str) -> None:
    """Return once an address answers.

    Raises:
        SystemExit: if the server ends before, or takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own, on loopback
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{process.args!r} does not answer at {address}")


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def one_round(number: int, browser: Browser, hello: str, page: str) -> dict[str, float]:
    """Seconds of each, in one round; the first one in even rounds is hello."""
    visits = {"hello": (hello, HELLO), "page": (page, NUMBER)}
    found: dict[str, float] = {}
    for name in list(visits) if number % 2 == 0 else [*visits][::-1]:
        with browser.new_context() as context:
            opened = context.new_page()
            found[name] = first_paint(opened, *visits[name])
            if name == "page":
                found["what if"] = what_if(opened)
    tell(f"round {number}: " + ", ".join(f"{name} {found[name]:.2f} s" for name in found))
    return found


def first_paint(page: Page, address: str, heading: str) -> float:
    """Seconds from the address to a heading that can be read."""
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.get_by_role("heading", name=heading).first.wait_for(timeout=60_000)
    return time.perf_counter() - start


def what_if(page: Page) -> float:
    """Seconds from choosing another feature to its curve."""
    page.get_by_role("img", name="Prediction along Years since PhD").wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    start = time.perf_counter()
    page.get_by_role("radio", name="Years of service").click()
    page.get_by_role("img", name="Prediction along Years of service").wait_for(timeout=60_000)
    return time.perf_counter() - start


def print_table(rounds: list[dict[str, float]]) -> None:
    """Print the median seconds, and the median of each round's ratio."""
    medians = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    ratio = statistics.median(each["page"] / each["hello"] for each in rounds)
    slow = "" if ratio <= LIMIT else f", over {LIMIT}"
    late = "" if medians["what if"] <= WHAT_IF_LIMIT else f", over {WHAT_IF_LIMIT} s"
    sys.stdout.write(
        f"streamlit hello, first paint     {medians['hello']:.2f} s\n"
        f"the page, its first prediction   {medians['page']:.2f} s, ratio {ratio:.2f}{slow}\n"
        f"what if, another feature         {medians['what if']:.2f} s{late}\n"
    )


if __name__ == "__main__":
    main()
