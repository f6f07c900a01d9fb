"""Commands of the project: Kedro's `run`, with errors in one line instead of a traceback."""

import logging
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.io.core import DatasetError
from kedro.utils import find_kedro_project

from salary_kedro.bundle.places import data_folder
from salary_kedro.cli import console
from salary_kedro.errors import UserError
from salary_kedro.registry.failures import LOCK_SECONDS, chain, tell_failure, without_passwords

log = logging.getLogger(__name__)

Command = Callable[..., Any]
LOG_HINT = " (the log, data/logs/kedro.log, has the whole story)"


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
        run_pipelines: Any = kedro_run.callback
        run_pipelines(**options)


@cli.group()
def models() -> None:
    """The versions of the registered model: what they are, and what became of them.

    Stages are `staging`, `production` and `archived`. All times are UTC.

    Example: kedro models list
    """


def _common(command: Command) -> Command:
    """Options of every `models` command: the environment, and JSON for programs."""
    command = click.option("--json", "json_", is_flag=True, help="Print one JSON value.")(command)
    return click.option("--env", "-e", help="Environment under conf/.")(command)


def _answer(env: str | None, json_: bool, work: Command, tell: Command) -> Any:
    """Do the work of a command in the project, and print what comes of it.

    Args:
        env: The environment.
        json_: Print JSON instead of text.
        work: Takes the module of commands and the project; gives plain JSON.
        tell: Takes the module and that result; prints it for people.
    """
    with readable_errors(hint=""):  # these commands write no log
        root = _find_root()
        from salary_kedro.cli import commands

        env = env or os.environ.get("KEDRO_ENV")
        _check_env(env)
        result = work(commands, commands.open_project(root, env))
        if json_:
            console.as_json(result)
        else:
            tell(commands, result)
    return result


@models.command("list")
@_common
def list_(env: str | None, json_: bool) -> None:
    """List the versions, the newest first; of data and code, their fingerprints.

    An RMSE that came with an archive, and that nobody here has measured, is `(claimed)`.

    Example: kedro models list --json
    """
    _answer(
        env,
        json_,
        lambda do, project: do.list_versions(project),
        lambda do, rows: do.as_versions(rows),
    )


@models.command()
@click.argument("number", type=int)
@_common
def show(number: int, env: str | None, json_: bool) -> None:
    """Show one version: verdict, evidence, history, lineage, parameters, metrics.

    Example: kedro models show 3
    """
    _answer(
        env,
        json_,
        lambda do, project: do.show_version(project, number),
        lambda do, shown: do.as_version(shown),
    )


@models.command()
@_common
def history(env: str | None, json_: bool) -> None:
    """Tell every promotion, archiving, rollback, import and repair, in order.

    Example: kedro models history
    """
    names = ("when", "who", "action", "version", "from", "to", "state", "why")
    _answer(
        env,
        json_,
        lambda do, project: do.history(project),
        lambda _, rows: console.as_table(
            [
                {**row, "from": None, "to": None} if row["from"] == row["to"] else row
                for row in rows
            ],
            {name: name for name in names},
        ),
    )


@models.command()
@click.option("--to", type=int, help="The version; the previous production if not given.")
@click.option("--reason", required=True, help="Why, for the history.")
@click.option("--force", is_flag=True, help="Accept a version that was never production.")
@_common
def rollback(to: int | None, reason: str, force: bool, env: str | None, json_: bool) -> None:
    """Make a former production version production again, and repackage it.

    Without --to, the latest one that was not itself rolled back.

    Example: kedro models rollback --reason "predictions too high"
    """
    _answer(
        env, json_, lambda do, project: do.rollback(project, to, reason, force), _tell_production
    )


@models.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why, for the history.")
@_common
def promote(number: int, reason: str, env: str | None, json_: bool) -> None:
    """Make a version production by hand, and repackage it.

    An imported version is first scored on the holdout rows of the last run, if there are any.

    Example: kedro models promote 2 --reason "agreed with the team"
    """
    _answer(env, json_, lambda do, project: do.promote(project, number, reason), _tell_production)


def _tell_production(_: Any, result: dict[str, Any]) -> None:
    click.echo(f"Production is version {result['production']}, bundle {result['bundle']}")
    if result["claimed"]:
        click.echo(
            "Its RMSE is claimed by the archive it came from: nothing here has measured it. "
            "`kedro models history` says why"
        )


@models.command()
@click.option(
    "--every",
    type=click.FloatRange(0.1, 86_400),
    default=2.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Look once, for cron; exit code 1 if it fails.")
@_common
def follow(every: float, once: bool, env: str | None, json_: bool) -> None:
    """Package what is in production, whenever that changes, whoever changed it.

    For each clone and each machine that serves from a shared MLflow server: its services
    change over within seconds. Reads the registry and writes nothing to it. While the
    server cannot be reached, says so once and goes on. Ends with exit code 0 on Ctrl-C or
    SIGTERM. With --json, one JSON value a line.

    Example: kedro models follow --every 5
    """
    with readable_errors(hint=""):
        root = _find_root()
        from salary_kedro.cli import following
        from salary_kedro.cli.commands import open_project

        env = env or os.environ.get("KEDRO_ENV")
        _check_env(env)
        project = open_project(root, env)
        tell = following.tell_json if json_ else following.tell
        following.once(project, tell) if once else following.loop(project, every, tell)


@models.command()
@click.argument("number", type=int)
@click.argument("file", type=click.Path(path_type=Path))
@_common
def export(number: int, file: Path, env: str | None, json_: bool) -> None:
    """Write a version to one checksummed archive; an existing FILE is never replaced.

    FILE cannot lie where the project keeps its own: configuration, code, data, store, bundles.

    Example: kedro models export 3 version-3.zip
    """
    _answer(
        env,
        json_,
        lambda do, project: do.export(project, number, file),
        lambda _, __: click.echo(f"Version {number} is in {file}"),
    )


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_common
def import_(file: Path, env: str | None, json_: bool) -> None:
    """Create a version from an archive of `kedro models export`, after checking all of it.

    The version is archived, and its RMSE marked as claimed: production changes only by
    `kedro models promote N`, which measures it. Each import creates a version of its own,
    even of the same archive.

    Example: kedro models import version-3.zip
    """
    _answer(
        env,
        json_,
        lambda do, project: do.import_(project, file),
        lambda _, result: click.echo(
            f"{file} is version {result['version']}, archived, its RMSE claimed; "
            f"`kedro models promote {result['version']} --reason TEXT` makes it production"
        ),
    )


@models.command()
@click.argument("file", type=click.Path(path_type=Path))
@_common
def backup(file: Path, env: str | None, json_: bool) -> None:
    """Write store, artifacts and bundles to one checksummed archive, while runs go on.

    It holds one moment of the store, and appears whole or not at all; an existing FILE is
    never replaced, and cannot lie where the project keeps its own. Raw data and conf/ are not
    in it. A server's store is backed up by its own means.

    Example: kedro models backup ../salary-monday.zip
    """
    _answer(
        env,
        json_,
        lambda do, project: do.backup(project, file),
        lambda do, made: do.as_backup(made),
    )


@models.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Set aside what is there.")
@_common
def restore(file: Path, force: bool, env: str | None, json_: bool) -> None:
    """Put back what an archive of `kedro models backup` holds, after checking all of it.

    Into a new project, or a new environment: `mkdir conf/NAME`, then --env NAME. With --force
    into one that has models, which are set aside, not deleted: let runs end first. The store
    is told its new place.

    Example: kedro models restore ../salary-monday.zip
    """
    _answer(
        env,
        json_,
        lambda do, project: do.restore(project, file, force),
        lambda do, result: do.as_restored(result),
    )


@models.command()
@click.argument("number", type=int)
@_common
def reproduce(number: int, env: str | None, json_: bool) -> None:
    """Train a version once more, and compare.

    Its metrics and predictions are compared; nothing is written.
    The exit code is 0 if they are identical, and code, data, lock and parameters are
    what the version was made from; else it is 1, and the report says what differs.

    Example: kedro models reproduce 3
    """
    found = _answer(
        env,
        json_,
        lambda do, project: do.reproduce(project, number),
        lambda do, result: do.as_reproduction(result),
    )
    if found["differs"] or not found["identical"]:
        sys.exit(1)


@models.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended, and record it.")
@_common
def doctor(fix: bool, env: str | None, json_: bool) -> None:
    """Examine everything, and say what to do.

    Each finding says what is wrong, why it matters and what to do. Without --fix nothing
    is written.
    The exit code is 1 if something is broken, and 0 if there is nothing but advice.
    --fix archives versions that are still tagged staging: let runs end first.

    Example: kedro models doctor --fix
    """
    result = _answer(
        env,
        json_,
        lambda do, project: do.doctor(project, fix),
        lambda do, found: do.as_diagnosis(found),
    )
    if not result["healthy"]:
        sys.exit(1)


@cli.group()
def contract() -> None:
    """The contract of your own table: draft it, check it, compare it.

    Example: kedro contract infer salaries.csv --env mine
    """


@contract.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--env", "-e", required=True, help="New environment under conf/.")
@click.option("--target", help="Header of the column to predict, if it is not found.")
@click.option("--force", is_flag=True, help="Replace what an earlier infer drafted, and its table.")
@click.option("--json", "json_", is_flag=True, help="Print one JSON value.")
def infer(file: Path, env: str, target: str | None, force: bool, json_: bool) -> None:
    """Draft an environment from a table, CSV or Parquet, for you to edit.

    Writes conf/ENV with the contract, and a copy of the table under data/ENV: all that
    `kedro run --env ENV` needs. Large tables are drafted from their first 100,000 rows.

    Example: kedro contract infer salaries.csv --env mine
    """
    with readable_errors(hint=""):
        root = _find_root()
        from salary_kedro.cli import contract_commands

        result = contract_commands.infer(root, file, env, target, force)
        console.as_json(result) if json_ else contract_commands.tell_infer(result)


@contract.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_common
def check(file: Path | None, env: str | None, json_: bool) -> None:
    """Show, per column, what a run would reject; never a value.

    Reads the environment's raw table, or FILE, whole.
    The exit code is 1 if more rows would be rejected than the contract allows.

    Example: kedro contract check --env mine
    """
    from salary_kedro.cli import contract_commands

    report = _answer(
        env,
        json_,
        lambda _, project: contract_commands.check(project, file),
        lambda _, found: contract_commands.tell_check(found),
    )
    if not report["accepted"]:
        sys.exit(1)


@contract.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@_common
def diff(before: str, after: str, env: str | None, json_: bool) -> None:
    """Say whether going from contract A to B breaks existing clients.

    A and B are contract files (.yml or .json) or numbers of model versions.
    The exit code is 1 if something breaks clients, and 0 otherwise.

    Example: kedro contract diff 3 conf/base/contract.yml
    """
    from salary_kedro.cli import contract_commands

    result = _answer(
        env,
        json_,
        lambda _, project: contract_commands.diff(project, before, after),
        lambda _, found: contract_commands.tell_diff(found),
    )
    if not result["compatible"]:
        sys.exit(1)


def _find_root() -> Path:
    root: Path | None = find_kedro_project(Path.cwd())
    if root is None:
        raise UserError("this folder is not inside the project: change to the project's folder")
    return root


def _check_env(env: str | None) -> None:
    conf = (find_kedro_project(Path.cwd()) or Path.cwd()) / "conf"
    if env and not (conf / env).is_dir():
        if moves := _interrupted(env, conf.parent):
            raise UserError(
                f"conf/{env} was being replaced when `kedro contract infer --force` was killed: "
                f"`{moves}` brings it back"
            )
        data_folder(env)  # says what is wrong with a name that can be none
        folders = [path.name for path in conf.glob("[!.]*") if path.is_dir()]
        known = ", ".join(sorted(folders))
        raise UserError(
            f"there is no environment '{env}'; known are {known}: choose one of these. For a new "
            f"one, `kedro contract infer FILE --env {env}` drafts it from a table, and "
            f"`mkdir {shlex.quote(str(conf / env))}` makes one with the settings of conf/base"
        )


def _interrupted(env: str, root: Path) -> str:
    """Commands that bring back an environment which was being replaced; empty if none was."""
    from salary_kedro.bundle.places import data_folder
    from salary_kedro.project.new_environment import interrupted

    data_folder(env)  # no other name leads into the project
    moves = interrupted(env, root).items()
    return " && ".join(shlex.join(["mv", str(aside), str(place)]) for aside, place in moves)


def _check_pipelines(names: list[str]) -> None:
    from kedro.framework.project import pipelines

    if unknown := sorted(set(names) - set(pipelines)):
        known = ", ".join(sorted(pipelines))
        raise UserError(f"there is no pipeline '{unknown[0]}'; known are {known}")


@contextmanager
def readable_errors(hint: str = LOG_HINT) -> Iterator[None]:
    """Turn an exception into one line and exit code 1; the log keeps the traceback."""
    try:
        yield
    except (click.ClickException, click.Abort):
        raise
    except Exception as error:
        log.info("the command failed", exc_info=True)  # to the file alone
        raise click.ClickException(explain(error, hint)) from error


def explain(error: BaseException, hint: str = LOG_HINT) -> str:
    """Say in one line what went wrong: the cause meant for people, where there is one.

    Args:
        error: What went wrong.
        hint: Where to read more, added to what was not meant for people.
    """
    notes = [note for link in chain(error) for note in getattr(link, "__notes__", ())]
    return "; ".join([_message(error, hint), *notes])


def _message(error: BaseException, hint: str) -> str:
    causes = list(chain(error, contexts=False))
    meant = [
        link for kind in (UserError, DatasetError) for link in causes if isinstance(link, kind)
    ]
    failure = tell_failure(error, LOCK_SECONDS)
    if failure and not (meant and isinstance(meant[0], UserError)):
        return failure
    whole = without_passwords(str(meant[0] if meant else error))
    text = console.printable(" ".join(whole.split()))
    return text if meant else f"{text or type(error).__name__}{hint}"
