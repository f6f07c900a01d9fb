"""`kedro models rollback` and `promote`: what a person decides."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from salary_kedro.bundle.limits import SIGNATURE
from salary_kedro.bundle.signing import read_signer
from salary_kedro.cli.command import answer, common_options
from salary_kedro.cli.project import Project
from salary_kedro.errors import UserError

if TYPE_CHECKING:  # it is slow to import
    from salary_kedro.registry.registry import Registry

Row = dict[str, Any]


@click.command()
@click.option("--to", type=int, help="The version; the previous production if not given.")
@click.option("--reason", required=True, help="Why, for the history.")
@click.option("--force", is_flag=True, help="Accept a version that was never production.")
@common_options
def rollback(to: int | None, reason: str, force: bool, env: str | None, json_: bool) -> None:
    """Make a former production version production again, and repackage it.

    Without --to, the latest one that was not itself rolled back.

    Example: kedro models rollback --reason "predictions too high"
    """
    answer(env, json_, lambda project: go_back(project, to, reason, force), tell_production)


@click.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why, for the history.")
@common_options
def promote(number: int, reason: str, env: str | None, json_: bool) -> None:
    """Make a version production by hand, and repackage it.

    An imported version is first scored on the holdout rows of the last run, if there are any.

    Example: kedro models promote 2 --reason "agreed with the team"
    """
    answer(env, json_, lambda project: make_production(project, number, reason), tell_production)


def go_back(project: Project, to: int | None, reason: str, force: bool) -> Row:
    """Go back to a former production version, and repackage it."""
    from salary_kedro.promotion.by_hand import roll_back

    return _decide(
        project, lambda registry: roll_back(registry, reason, to, force, project.find_judge)
    )


def make_production(project: Project, number: int, reason: str) -> Row:
    """Make a version production by hand, and repackage it."""
    from salary_kedro.promotion.by_hand import promote_by_hand

    return _decide(
        project, lambda registry: promote_by_hand(registry, number, reason, project.find_judge)
    )


def _decide(project: Project, decide: Callable[["Registry"], int]) -> Row:
    registry = project.registry
    read_signer()  # one that cannot be read is told before anything changes
    try:
        number = decide(registry)
    except UserError as error:
        if told := _catch_up(project):
            error.add_note(told)
        raise
    claimed = registry.state().claims(registry.version(number))
    return {"production": number, "bundle": _package(project, number), "claimed": claimed}


def _catch_up(project: Project) -> str | None:
    """Package what is in production, which an earlier command may not have done, or not signed.

    Returns:
        What was done; None if there was nothing to do.
    """
    from salary_kedro.promotion.packaging import export_production

    before = project.bundles.state()
    try:
        name = export_production(project.registry, project.bundles)
    except (UserError, OSError):
        return None  # the decision was refused for another reason, which is what is told
    if project.bundles.state() == before:
        return None
    how = ", signed" if (project.bundles.folder / name / SIGNATURE).is_file() else ""
    return f"the production version is packaged now, as bundle {name}{how}"


def _package(project: Project, number: int) -> str:
    """Package what a person has just made production; what fails then is told as what it is."""
    from salary_kedro.promotion.packaging import export_production

    try:
        return export_production(project.registry, project.bundles)
    except (UserError, OSError) as error:
        raise UserError(
            f"version {number} is in production now, but not packaged, so services go on with the "
            f"former one: {error}. Mend that, then run `kedro models doctor --fix`"
        ) from error


def tell_production(result: Row) -> None:
    """Print what is in production now, and whether its RMSE was measured here."""
    click.echo(f"Production is version {result['production']}, bundle {result['bundle']}")
    if result["claimed"]:
        click.echo(
            "Its RMSE is claimed by the archive it came from: nothing here has measured it. "
            "`kedro models history` says why"
        )
