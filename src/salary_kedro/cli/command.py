"""What the commands have in common that work in an environment and answer in text or JSON."""

import os
import shlex
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from kedro.utils import find_kedro_project

from salary_kedro.bundle.places import data_folder
from salary_kedro.cli import console
from salary_kedro.cli.errors import readable_errors
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project, open_project

Command = Callable[..., Any]


def common_options(command: Command) -> Command:
    """Their options: the environment, and JSON for programs."""
    command = click.option("--json", "json_", is_flag=True, help="Print one JSON value.")(command)
    return click.option("--env", "-e", help="Environment under conf/.")(command)


def answer(
    env: str | None, json_: bool, work: Callable[[Project], Any], tell: Callable[[Any], None]
) -> Any:
    """Do the work of a command in the project, and print what comes of it.

    Args:
        env: The environment.
        json_: Print JSON instead of text.
        work: Takes the project; gives plain JSON.
        tell: Takes that result; prints it for people.
    """
    with readable_errors(hint="", env=env):  # these commands write no log
        result = work(open_environment(env))
        if json_:
            console.as_json(result)
        else:
            tell(result)
    return result


def option(env: str | None) -> str:
    """What a command that is suggested must say, to mean the environment that was asked for."""
    return f" --env {shlex.quote(env)}" if env else ""


def open_environment(env: str | None) -> Project:
    """Read the configuration of an environment of the project that the command is called in.

    Args:
        env: The environment; if None, `KEDRO_ENV` names it, or it is the default one.

    Raises:
        UserError: If there is no such project or environment, or its configuration is wrong.
    """
    root = find_root()
    env = env or os.environ.get("KEDRO_ENV")
    check_env(env, root)
    return open_project(root, env)


def find_root() -> Path:
    """The project's folder.

    Raises:
        UserError: If the current folder is not inside the project.
    """
    root: Path | None = find_kedro_project(Path.cwd())
    if root is None:
        raise UserError("this folder is not inside the project: change to the project's folder")
    return root


def check_env(env: str | None, root: Path) -> None:
    """Check that there is such an environment in a project's folder.

    Raises:
        UserError: Names those there are, and says how to make it or to bring it back.
    """
    conf = root / "conf"
    if env and not (conf / env).is_dir():
        if moves := _interrupted(env, root):
            raise UserError(
                f"conf/{env} was being replaced when `kedro contract infer --force` was killed: "
                f"`{moves}` brings it back"
            )
        data_folder(env)  # says what is wrong with a name that can be none
        known = sorted(path.name for path in conf.glob("[!.]*") if path.is_dir())
        if close := get_close_matches(env, known, n=1):
            raise UserError(
                f"there is no environment '{env}': did you mean '{close[0]}'? For a new one, "
                f"`kedro contract infer FILE --env {env}` drafts it from a table"
            )
        raise UserError(
            f"there is no environment '{env}'; known are {', '.join(known)}: choose one. For a new "
            f"one, `kedro contract infer FILE --env {env}` drafts it from a table, and "
            f"`mkdir {shlex.quote(str(conf / env))}` makes one with the settings of conf/base, "
            f"whose table is then {data_folder(env)}/01_raw/salary_data.csv: put one there"
        )


def _interrupted(env: str, root: Path) -> str:
    """Commands that bring back an environment which was being replaced; empty if none was."""
    from salary_kedro.project.exchange import interrupted

    data_folder(env)  # no other name leads into the project
    moves = interrupted(env, root).items()
    return " && ".join(shlex.join(["mv", str(aside), str(place)]) for aside, place in moves)
