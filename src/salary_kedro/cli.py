"""Commands of the project: Kedro's `run`, with errors in one line instead of a traceback."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.io.core import DatasetError
from kedro.utils import find_kedro_project

from salary_kedro.errors import UserError

log = logging.getLogger(__name__)


@click.group(name="salary_kedro")
def cli() -> None:
    """Commands of salary_kedro."""


@cli.command(
    "run",
    params=kedro_run.params,
    help="Run the pipelines: train, track, register, promote and package a model.\n\n"
    "Example: kedro run --params model=random_forest",
)
def run(**options: Any) -> None:
    """Run Kedro's own command."""
    with readable_errors():
        _check_env(options["env"])
        _check_pipelines([*options["pipelines"], *filter(None, [options["pipeline"]])])
        kedro_run.callback(**options)


def _check_env(env: str | None) -> None:
    conf = (find_kedro_project(Path.cwd()) or Path.cwd()) / "conf"
    if env and not (conf / env).is_dir():
        known = ", ".join(sorted(path.name for path in conf.iterdir() if path.is_dir()))
        raise UserError(
            f"there is no environment '{env}'; known are {known}: create the folder {conf / env}"
        )


def _check_pipelines(names: list[str]) -> None:
    from kedro.framework.project import pipelines

    if unknown := sorted(set(names) - set(pipelines)):
        known = ", ".join(sorted(pipelines))
        raise UserError(f"there is no pipeline '{unknown[0]}'; known are {known}")


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn an exception into one line and exit code 1; the log keeps the traceback."""
    try:
        yield
    except (click.ClickException, click.Abort):
        raise
    except Exception as error:
        log.info("the command failed", exc_info=True)  # to the file alone
        raise click.ClickException(explain(error)) from error


def explain(error: BaseException) -> str:
    """Say in one line what went wrong: the cause meant for people, where there is one."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    for kind in (UserError, DatasetError):
        for link in chain:
            if isinstance(link, kind):
                return " ".join(str(link).split())
    message = " ".join(str(error).split()) or type(error).__name__
    return f"{message} (the log, data/logs/kedro.log, has the whole story)"
