"""`kedro run`: Kedro's own command, with errors in one line instead of a traceback."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import combinations
from types import FrameType
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.pipeline import Node

from salary_kedro.cli.errors import readable_errors
from salary_kedro.errors import UserError

#: Kedro's options that name nodes.
NODES = ("node_names", "from_nodes", "to_nodes")


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
        names = [*options["pipelines"], *filter(None, [options["pipeline"]])]
        _check_pipelines(names)
        asked = [name for option in NODES for name in options[option]]
        _check_nodes(asked, names or ["__default__"])
        _check_runner(options["runner"])
        run_pipelines: Any = kedro_run.callback
        with _ended_by_sigterm():
            try:
                run_pipelines(**options)
            except KeyboardInterrupt:
                _end_interrupted()
                raise


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM, by which schedulers end what takes too long, do what Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is being ended takes a moment
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end_interrupted() -> None:
    """Leave neither a bar on the terminal nor a run that MLflow calls finished."""
    from salary_kedro.cli.progress import end_bars
    from salary_kedro.registry.tracking import end_interrupted_run

    end_bars()
    end_interrupted_run()
    click.echo(
        "Interrupted. A version that is registered already stays staging, and the next run "
        "decides on it; a tournament goes on where it was.",
        err=True,
    )


def _check_pipelines(names: list[str]) -> None:
    from kedro.framework.project import pipelines

    if unknown := sorted(set(names) - set(pipelines)):
        known = ", ".join(sorted(pipelines))
        raise UserError(f"there is no pipeline '{unknown[0]}'; known are {known}")
    for one, other in combinations(names, 2):
        theirs = {node.name: node for node in pipelines[other].nodes}
        if any(_differ(node, theirs.get(node.name, node)) for node in pipelines[one].nodes):
            raise UserError(
                f"the pipelines '{one}' and '{other}' hold nodes of the same names that do not do "
                f"the same: run one after the other"
            )


def _differ(one: Node, other: Node) -> bool:
    return one != other or one.func != other.func


def _check_nodes(names: Sequence[str], of: Sequence[str]) -> None:
    from kedro.framework.project import pipelines

    known = {node.name for name in of for node in pipelines[name].nodes}
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            guess = f"did you mean '{close[0]}'?" if close else "`kedro viz` shows them"
            raise UserError(f"there is no node '{name}' in {' and '.join(of)}: {guess}")


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
