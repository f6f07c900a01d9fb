"""The project's commands: Kedro finds the group `cli` here, and loads what is asked for."""

import click
from kedro.framework.cli.utils import LazyGroup


@click.group(
    name="salary_kedro",
    cls=LazyGroup,
    lazy_subcommands={
        "contract": "salary_kedro.cli.contract.contract",
        "models": "salary_kedro.cli.models.models",
        "package": "salary_kedro.cli.package.package",
        "run": "salary_kedro.cli.run.run",
    },
)
def cli() -> None:
    """Commands of salary_kedro."""
