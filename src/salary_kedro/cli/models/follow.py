"""`kedro models follow`: looks at alias and newest version again and again; packages, tells."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from salary_kedro.bundle.signing import read_signer, read_verifier
from salary_kedro.cli.command import common_options, open_environment
from salary_kedro.cli.console import printable
from salary_kedro.cli.errors import readable_errors
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.registry.failures import without_passwords
from salary_kedro.upkeep.findings import in_environment

if TYPE_CHECKING:  # they are slow to import
    from salary_kedro.promotion.follow import Change, Follower
    from salary_kedro.registry.registry import Registry

#: MLflow would ask a server that is down for minutes; the next look comes soon enough.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
MAX_TROUBLE = 300

Tell = Callable[["Change"], None]


@click.command(short_help="Package what is in production, whenever it changes.")
@click.option(
    "--every",
    type=click.FloatRange(0.1, 86_400),
    default=2.0,
    show_default=True,
    help="Seconds between checks.",
)
@click.option("--once", "once_", is_flag=True, help="Check once, for cron; exit code 1 on failure.")
@common_options
def follow(every: float, once_: bool, env: str | None, json_: bool) -> None:
    """Package what is in production, whenever that changes, whoever changed it.

    For each clone and each machine that serves from a shared MLflow server: its services
    change over within seconds. Reads the registry and writes nothing to it. While the
    server cannot be reached, says so once and goes on. Ends with exit code 0 on Ctrl-C or
    SIGTERM. With --json, one JSON value per line.

    Example: kedro models follow --every 5
    """
    with readable_errors(hint="", env=env):
        project = open_environment(env)
        read_signer(), read_verifier()  # a key that cannot be read is found before the first look
        say = tell_json if json_ else tell
        once(project, say) if once_ else loop(project, every, say)


def tell(change: "Change") -> None:
    """Print what is in production now, for people."""
    before = "" if change.moved else ", as before"
    click.echo(f"Production is version {change.production}, bundle {change.bundle}{before}")


def tell_json(change: "Change") -> None:
    """Print what is in production now, as one JSON value in a line."""
    click.echo(json.dumps(asdict(change)))


def once(project: Project, told: Tell) -> None:
    """Package what is in production.

    Raises:
        UserError: If nothing is, or it cannot be packaged.
    """
    from salary_kedro.promotion.follow import Follower
    from salary_kedro.upkeep.opening import registry_of

    _be_impatient()
    registry = registry_of(project)
    change = Follower(registry, project.bundles).look()
    if change is not None:
        told(change)
        _retire(project, registry)


def loop(project: Project, every: float, told: Tell) -> None:
    """Package what is in production whenever it changes, until SIGINT or SIGTERM.

    Whatever goes wrong is told in one line, once, and tried again.

    Args:
        project: Where registry and bundles are.
        every: Seconds between checks.
        told: Prints a change.

    Raises:
        UserError: If the store is read through a copy, in which nothing would ever change.
    """
    from salary_kedro.promotion.follow import Follower
    from salary_kedro.registry.store import database_path, is_read_only
    from salary_kedro.upkeep.opening import registry_of

    if is_read_only(project.uri):
        raise UserError(
            f"the store {database_path(project.uri)} is read-only here and read through a copy, in "
            f"which nothing changes: let cron run `kedro models follow --once`, which copies again"
        )
    _be_impatient()
    with _ended_by_signals():
        registry, follower, trouble = None, None, None
        while True:
            try:
                registry = registry or registry_of(project)
                follower = follower or Follower(registry, project.bundles)
                change = _look(project, follower)
                if change is not None:
                    told(change)
                    _retire(project, registry)
            except Exception as error:  # noqa: BLE001 - each kind of store has its own; it may pass
                trouble = _tell_trouble(_explain(project, error), trouble, every)
            else:
                if change is None and trouble is not None:
                    click.echo("followed again: production is the same as before", err=True)
                trouble = None
            time.sleep(every)


def _retire(project: Project, registry: "Registry") -> None:
    """Remove bundles that nothing needs any more, and the Bentos that were built of them."""
    from salary_kedro.upkeep.retention import retire

    packaging = project.parameters.packaging

    def forget(name: str) -> None:
        from salary_kedro.bundle.bento import BentoProject  # BentoML is slow to import

        BentoProject(project.root).remove(name, packaging.bento_name)

    retire(registry, project.bundles, packaging.keep, forget)


def _look(project: Project, follower: "Follower") -> "Change | None":
    from salary_kedro.registry.store import is_local, store_exists

    if is_local(project.uri) and not store_exists(project.uri):
        raise UserError("the store is gone")  # which SQLite would recreate, empty
    return follower.look()


def _tell_trouble(text: str, before: str | None, every: float) -> str:
    """Tell of trouble in one line, unless that was told already; give it."""
    if text != before:
        click.echo(f"not followed: {text}; asking again every {every:g} s", err=True)
    return text


def _explain(project: Project, error: Exception) -> str:
    """Say in one line what went wrong; of a server that is down, that it is."""
    from salary_kedro.registry.store import store_exists

    if not isinstance(error, UserError):
        try:
            store_exists(project.uri)
        except UserError as better:
            error = better
    text = printable(" ".join(without_passwords(str(error)).split()))
    return in_environment(text, project.env)[:MAX_TROUBLE]


def _be_impatient() -> None:
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End on SIGINT and SIGTERM at any moment: what is written appears whole or not at all."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
