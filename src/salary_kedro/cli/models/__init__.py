"""`kedro models`: each command is loaded when it is asked for."""

import click
from kedro.framework.cli.utils import LazyGroup

HERE = "salary_kedro.cli.models"


@click.group(
    cls=LazyGroup,
    lazy_subcommands={
        "backup": f"{HERE}.archives.backup",
        "compare": f"{HERE}.compare.compare",
        "doctor": f"{HERE}.doctor.doctor",
        "export": f"{HERE}.archives.export",
        "follow": f"{HERE}.follow.follow",
        "history": f"{HERE}.versions.history",
        "import": f"{HERE}.archives.import_",
        "list": f"{HERE}.versions.list_",
        "promote": f"{HERE}.decisions.promote",
        "replay": f"{HERE}.replay.replay",
        "reproduce": f"{HERE}.reproduce.reproduce",
        "restore": f"{HERE}.archives.restore",
        "rollback": f"{HERE}.decisions.rollback",
        "show": f"{HERE}.versions.show",
        "ui": f"{HERE}.ui.ui",
    },
)
def models() -> None:
    """The versions of the registered model: what they are and what happened to them.

    Stages are `staging`, `production` and `archived`. All times are UTC.

    Example: kedro models list
    """
