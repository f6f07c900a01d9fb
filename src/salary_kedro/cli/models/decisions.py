"""`kedro models rollback` and `promote`: what a person decides."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from kedro.io import DataCatalog
from kedro.io.core import DatasetError

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.limits import SIGNATURE
from salary_kedro.bundle.signing import read_signer
from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.upkeep.findings import in_environment

if TYPE_CHECKING:  # they are slow to import
    from salary_kedro.promotion.judge import Judge
    from salary_kedro.registry.registry import Registry

Row = dict[str, Any]


@click.command(short_help="Make a former production version production again.")
@click.option("--to", type=int, help="Version to return to; by default the previous production.")
@click.option("--reason", required=True, help="Why, for the history.")
@click.option("--force", is_flag=True, help="Accept a version that was never production.")
@common_options
def rollback(to: int | None, reason: str, force: bool, env: str | None, json_: bool) -> None:
    """Make a former production version production again, and repackage it.

    Without --to, the latest one that was not itself rolled back.

    Example: kedro models rollback --reason "predictions too high"
    """
    answer(env, json_, lambda project: go_back(project, to, reason, force), _teller(env))


@click.command(short_help="Make a version production by hand.")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why, for the history.")
@common_options
def promote(number: int, reason: str, env: str | None, json_: bool) -> None:
    """Make a version production by hand, and repackage it.

    An imported version is first scored on the holdout rows of the last run, if there are any.

    Example: kedro models promote 2 --reason "agreed with the team"
    """
    answer(env, json_, lambda project: make_production(project, number, reason), _teller(env))


def go_back(project: Project, to: int | None, reason: str, force: bool) -> Row:
    """Go back to a former production version, and repackage it."""
    from salary_kedro.promotion.by_hand import roll_back

    return _decide(
        project,
        lambda registry: roll_back(
            registry, reason, to, force, lambda: find_judge(project, registry)
        ),
    )


def make_production(project: Project, number: int, reason: str) -> Row:
    """Make a version production by hand, and repackage it."""
    from salary_kedro.promotion.by_hand import promote_by_hand

    return _decide(
        project,
        lambda registry: promote_by_hand(
            registry, number, reason, lambda: find_judge(project, registry)
        ),
    )


def find_judge(project: Project, registry: "Registry") -> "Judge | None":
    """A judge with today's holdout rows; None if no run has left any here.

    Raises:
        UnscorableError: If they cannot be read.
    """
    from salary_kedro.modelling.clusters import clusters_of
    from salary_kedro.modelling.evaluation import weights_of
    from salary_kedro.partitions.cluster import ClusterError
    from salary_kedro.partitions.table import PartedTable
    from salary_kedro.promotion.judge import Judge, UnscorableError

    with contextlib.chdir(project.root):
        entry = {"holdout": project.loader["catalog"]["holdout"]}
        catalog = DataCatalog.from_config(entry, project.loader.credentials())
        try:
            holdout = catalog.load("holdout") if catalog.exists("holdout") else None
            if isinstance(holdout, PartedTable):
                holdout = holdout.in_memory()
        except (DatasetError, OSError, ClusterError) as error:
            raise UnscorableError(f"the holdout rows cannot be read: {error}") from error
    if holdout is None or holdout.empty:
        return None
    try:
        weights = weights_of(holdout, project.parameters.contract)
    except UserError as error:
        raise UnscorableError(str(error)) from error
    known = project.parameters
    clusters = clusters_of(holdout, known.contract, known.data_engineering)
    return Judge(registry, holdout, known.promotion, weights, clusters=clusters)


def _decide(project: Project, decide: Callable[["Registry"], int]) -> Row:
    from salary_kedro.upkeep.opening import registry_of

    registry = registry_of(project)
    read_signer()  # one that cannot be read is told before anything changes
    try:
        number = decide(registry)
    except UserError as error:
        if told := _catch_up(registry, project.bundles):
            error.add_note(told)
        raise
    claimed = registry.recent_state().claims(registry.version(number))
    return {
        "production": number,
        "bundle": _package(registry, project.bundles, number),
        "claimed": claimed,
    }


def _catch_up(registry: "Registry", bundles: BundleStore) -> str | None:
    """Package what is in production, which an earlier command may not have done, or not signed.

    Returns:
        What was done; None if there was nothing to do.
    """
    from salary_kedro.promotion.packaging import export_production

    before = bundles.state()
    try:
        name = export_production(registry, bundles)
    except (UserError, OSError):
        return None  # the decision was refused for another reason, which is what is told
    if bundles.state() == before:
        return None
    how = ", signed" if (bundles.folder / name / SIGNATURE).is_file() else ""
    return f"the production version is packaged now, as bundle {name}{how}"


def _package(registry: "Registry", bundles: BundleStore, number: int) -> str:
    """Package what a person has just made production; what fails then is told as what it is."""
    from salary_kedro.promotion.packaging import export_production

    try:
        return export_production(registry, bundles)
    except (UserError, OSError) as error:
        raise UserError(
            f"version {number} is in production now, but not packaged, so services go on with the "
            f"former one: {error}. Put that right, then run `kedro models doctor --fix`"
        ) from error


def _teller(env: str | None) -> Callable[[Row], None]:
    return lambda result: tell_production(result, env)


def tell_production(result: Row, env: str | None = None) -> None:
    """Print what is in production now, and whether its RMSE was measured here."""
    console.say(f"Production is version {result['production']}, bundle {result['bundle']}")
    if result["claimed"]:
        claimed = (
            "Its RMSE is claimed by the archive it came from: nothing here has measured it. "
            "`kedro models history` says why"
        )
        console.say(in_environment(claimed, env))
