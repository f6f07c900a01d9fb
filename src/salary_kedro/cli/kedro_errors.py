"""What goes wrong in Kedro's own commands, such as `kedro catalog`, is told in one line too."""

import sys
from pathlib import Path
from types import TracebackType

import click
from kedro.framework.cli.hooks import cli_hook_impl
from kedro.framework.cli.utils import KedroCliError
from kedro.framework.startup import ProjectMetadata

from salary_kedro.errors import UserError


class ErrorHooks:
    """Kedro calls this before every command (entry point `kedro.cli_hooks`)."""

    @cli_hook_impl
    def before_command_run(self, project_metadata: ProjectMetadata | None) -> None:
        """Tell errors readably, if it is this project that the command is for."""
        if project_metadata and project_metadata.package_name == Path(__file__).parents[1].name:
            # with click 8.5, Kedro's own prints `NoneType: None` for whatever went wrong
            KedroCliError.show = click.ClickException.show  # type: ignore[method-assign]
            sys.excepthook = tell_in_one_line


def tell_in_one_line(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print an error that is meant for people without its traceback."""
    from salary_kedro.cli.console import error_text
    from salary_kedro.cli.errors import explain
    from salary_kedro.registry.failures import chain

    if any(isinstance(link, UserError) for link in chain(error)):
        click.echo(error_text(explain(error)), err=True)
    else:
        sys.__excepthook__(kind, error, trace)


error_hooks = ErrorHooks()
