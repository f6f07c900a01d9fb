"""Every error of a command is one sentence that says what to do, and exit code 1."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click
from kedro.io.core import DatasetError

from salary_kedro.cli.console import error_text, printable
from salary_kedro.errors import UserError
from salary_kedro.registry.failures import LOCK_SECONDS, chain, tell_failure, without_passwords
from salary_kedro.upkeep.findings import in_environment

log = logging.getLogger(__name__)

LOG_HINT = " (see data/logs/kedro.log for details)"


class ReadableError(click.ClickException):
    """An error of a command, which wraps on a terminal."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it, to stderr unless told otherwise."""
        click.echo(error_text(self.message), file=file, err=file is None, color=self.show_color)


@contextmanager
def readable_errors(hint: str = LOG_HINT, env: str | None = None) -> Iterator[None]:
    """Turn an exception into one line and exit code 1; the log keeps the traceback.

    Whoever reads the output may stop, as `head` does: of that click says nothing.

    Args:
        hint: Where to read more, added to what was not meant for people.
        env: The environment that was asked for, which the commands of the line then name.
    """
    try:
        yield
    except (click.ClickException, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        log.info("the command failed", exc_info=True)  # to the file alone
        raise ReadableError(in_environment(explain(error, hint), env)) from error


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
    text = printable(" ".join(whole.split()))
    return text if meant else f"{text or type(error).__name__}{hint}"
