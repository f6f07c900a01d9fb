"""`kedro models ui`: MLflow's pages, opened where the project's runs are."""

import os
import signal
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import ProxyHandler, build_opener

import click

from salary_kedro.cli.command import open_environment
from salary_kedro.cli.errors import readable_errors
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.registry.failures import without_passwords
from salary_kedro.serving.ports import HOST, check_port

#: How long the server may take until it answers, and how often it is asked.
START_SECONDS, ANSWER_SECONDS, PAUSE = 120, 2, 0.2
#: Where MLflow's own words go: the address alone is the command's answer.
STDERR = 2


@click.command(short_help="Open MLflow at the project's experiment.")
@click.option("--port", "-p", default="5000", show_default=True, help="Port on 127.0.0.1.")
@click.option("--env", "-e", help="Environment under conf/.")
def ui(port: str, env: str | None) -> None:
    """Open MLflow at the project's experiment: every run, its plots, metrics and versions.

    Starts MLflow's server on the local store, and prints the address when it answers; opens it
    in the browser where there is a screen. Ctrl-C ends it. Of a shared server it only
    tells, or opens, the address.

    Example: kedro models ui --port 5001
    """
    with readable_errors(hint="", env=env):
        project = open_environment(env)
        if project.uri.startswith("http"):
            _open(_page(project, without_passwords(project.uri)))
            return
        if problem := check_port(port, _with_port(port, project.env)):
            raise UserError(problem)
        address = f"http://{HOST}:{port}"
        page = _page(project, address)
        with _server(project, port) as server:
            _wait(server, address)
            _open(page)
            server.wait()


def _with_port(port: str, env: str | None) -> str:
    """The command with the next port, as it was called: by make, or by itself."""
    number = int(port) + 1 if port.isdecimal() else 5000
    if "MAKELEVEL" in os.environ:
        return f"make ui{f' ENV={env}' if env else ''} UI_PORT={number}"
    return f"kedro models ui --port {number}{f' --env {env}' if env else ''}"


def _page(project: Project, address: str) -> str:
    """Address of the page that lists the project's runs."""
    from salary_kedro.registry.tracking import experiment_page
    from salary_kedro.upkeep.opening import records_of

    records_of(project)  # or says what is wrong
    return f"{address.rstrip('/')}/{experiment_page(project.uri, project.experiment)}"


@contextmanager
def _server(project: Project, port: str) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server, which ends with this command, however that ends."""
    command = ["mlflow", "server", "--host", HOST, "--port", port]
    command += ["--workers", "1", "--uvicorn-opts=--log-level warning"]
    if project.artifacts:
        command += ["--default-artifact-root", project.artifacts]
    # Agents' jobs, which nothing here has, and warnings about what MLflow is built of.
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    # A password in an argument could be read by everybody on this machine.
    environment = {**quiet, **os.environ, "MLFLOW_BACKEND_STORE_URI": project.uri}
    whole = [sys.executable, "-m", *command]
    with subprocess.Popen(whole, env=environment, stdout=STDERR) as server:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield server
        except KeyboardInterrupt:
            click.echo("", err=True)
        finally:
            server.terminate()
            signal.signal(signal.SIGTERM, before)


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    """Wait until the server answers.

    Raises:
        UserError: If it ends instead.
    """
    until = time.monotonic() + START_SECONDS
    opener = build_opener(ProxyHandler({}))  # no proxy reaches this machine
    while time.monotonic() < until:
        if server.poll() is not None:
            raise UserError("MLflow's server has ended; what it says is above")
        try:
            with opener.open(f"{address}/health", timeout=ANSWER_SECONDS):
                return
        except OSError:
            time.sleep(PAUSE)
    raise UserError(f"MLflow's server does not answer on {address} within {START_SECONDS} s")


def _open(page: str) -> None:
    click.echo(f"MLflow: {page}")
    has_screen = sys.platform == "darwin" or os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}
    if sys.stdout.isatty() and has_screen:
        webbrowser.open(page)
