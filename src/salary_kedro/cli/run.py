"""`kedro run`: Kedro's own command, with errors in one line instead of a traceback."""

from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run

from salary_kedro.cli.errors import readable_errors
from salary_kedro.errors import UserError


@click.command(
    "run",
    params=kedro_run.params,
    help="Run the pipelines: train, track, register, promote and package a model.\n\n"
    "Example: kedro run --params model=random_forest\n\n"
    "kedro run --pipelines tournament searches for the best model and its settings first.",
)
def run(**options: Any) -> None:
    """Run Kedro's own command."""
    with readable_errors(env=options["env"]):
        _check_pipelines([*options["pipelines"], *filter(None, [options["pipeline"]])])
        _check_runner(options["runner"])
        run_pipelines: Any = kedro_run.callback
        try:
            run_pipelines(**options)
        except KeyboardInterrupt:
            _end_interrupted()
            raise


def _end_interrupted() -> None:
    """Leave neither a bar on the terminal nor a run that MLflow calls finished."""
    from salary_kedro.cli.progress import end_bars
    from salary_kedro.registry.tracking import end_interrupted_run

    end_bars()
    end_interrupted_run()


def _check_pipelines(names: list[str]) -> None:
    from kedro.framework.project import pipelines

    if unknown := sorted(set(names) - set(pipelines)):
        known = ", ".join(sorted(pipelines))
        raise UserError(f"there is no pipeline '{unknown[0]}'; known are {known}")


def _check_runner(name: str | None) -> None:
    from kedro.runner import AbstractRunner
    from kedro.utils import load_obj

    try:
        found = load_obj(name or "SequentialRunner", "kedro.runner")
    except (ImportError, AttributeError, ValueError):
        found = None
    if not (isinstance(found, type) and issubclass(found, AbstractRunner)):
        raise UserError(
            f"there is no runner '{name}': choose SequentialRunner, ThreadRunner, or a class of "
            f"your own that derives from one of them, by its full name"
        )
