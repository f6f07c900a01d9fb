"""`kedro models compare`: two versions on the same rows, side by side; writes nothing."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from kedro.io import DataCatalog
from kedro.io.core import DatasetError

from salary_kedro.bundle.figures import figure
from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options
from salary_kedro.cli.console import Column
from salary_kedro.cli.contract import tell_change
from salary_kedro.cli.models.policy import changed, policy_option
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.promotion.verdict import Policy
from salary_kedro.upkeep.findings import in_environment

if TYPE_CHECKING:  # they are slow to import
    from salary_kedro.promotion.judge import Judge
    from salary_kedro.registry.registry import Registry
    from salary_kedro.registry.stages import Version

Row = dict[str, Any]
#: What a judge's holdout rows consist of, in the catalog.
HOLDOUT = ("holdout", "row_keys", "row_secret", "split")
NAMES = {"rmse": "RMSE", "mae": "MAE", "median_absolute_error": "median absolute error"}
NAMES |= {"bias": "mean error", "r2": "R²", "recorded": "RMSE at training"}


@click.command(short_help="Compare two versions on the same rows.")
@click.argument("first", type=int, metavar="A")
@click.argument("second", type=int, metavar="B")
@policy_option
@common_options
def compare(first: int, second: int, params: tuple[str, ...], env: str | None, json_: bool) -> None:
    """Compare two versions: scores on the same rows, verdict, parameters, contract.

    Both are scored now, on the holdout rows of the last run, as a run would score them. The
    verdict is the one that B would get if A were in production, by the policy of conf/ with
    what --params changes. Nothing is written.

    Example: kedro models compare 2 3
    """
    answer(env, json_, lambda project: compare_versions(project, first, second, params), tell)


def compare_versions(
    project: Project, first: int, second: int, params: tuple[str, ...] = ()
) -> Row:
    """Compare two versions.

    Args:
        project: Where they are.
        first: The one that would be in production.
        second: The one that would challenge it.
        params: What to change in the policy of conf/.

    Raises:
        UserError: If both are the same, one does not exist, its contract cannot be read, or the
            policy cannot be.
    """
    from salary_kedro.upkeep.opening import registry_of

    if first == second:
        raise UserError(
            f"version {first} would be compared with itself: name two versions; `kedro models "
            f"list` lists them"
        )
    policy = changed(project.parameters.promotion, params)
    registry = registry_of(project)
    versions = [registry.version(number) for number in (first, second)]
    runs = [registry.run(version) for version in versions]
    lineages = [registry.lineage(number).texts() for number in (first, second)]
    return {
        "versions": [_about(*pair) for pair in zip(versions, runs, strict=True)],
        **_scored(project, registry, versions, policy),
        "parameters": _differing(*(run.parameters for run in runs)),
        "lineage": _differing(*lineages),
        **_contracts(registry, first, second),
    }


def _about(version: "Version", run: Any) -> Row:
    from salary_kedro.cli.models.versions import as_number

    return {
        "version": version.number,
        "stage": " ".join(version.stages) or None,
        "model": run.model,
        "rmse": as_number(version.recorded),
    }


def _scored(
    project: Project, registry: "Registry", versions: list["Version"], policy: Policy
) -> Row:
    """Scores of both on the same rows, and the verdict; or why there are none."""
    from salary_kedro.promotion.judge import UnscorableError
    from salary_kedro.promotion.verdict import plain_verdict

    found: Row = {"holdout_rows": None, "scores": [None, None], "verdict": None, "problem": None}
    try:
        judge = find_judge(project, registry, policy)
        for place, version in enumerate(versions):
            found["scores"][place] = judge.scores(version.number)
        found["holdout_rows"] = judge.rows
        champion, challenger = versions
        found["verdict"] = plain_verdict(judge.judge(challenger, champion))
    except (UnscorableError, UserError) as error:
        found["problem"] = in_environment(str(error), project.env)
    return found


def find_judge(project: Project, registry: "Registry", policy: Policy) -> "Judge":
    """A judge with the holdout rows of the last run, who knows who was trained on them.

    Raises:
        UserError: If no run has left any here, or they cannot be read.
    """
    from salary_kedro.pipelines.promotion.nodes import judge_on

    with contextlib.chdir(project.root):
        entries = {name: project.loader["catalog"][name] for name in HOLDOUT}
        catalog = DataCatalog.from_config(entries, project.loader.credentials())
        if not catalog.exists("holdout"):
            raise UserError(
                "no run has left holdout rows here to score them on: `kedro run --pipelines "
                "data_engineering` makes them"
            )
        try:
            tables: Row = {name: catalog.load(name) for name in HOLDOUT}
        except DatasetError as error:
            raise UserError(f"the holdout rows cannot be read: {error}") from error
    contract = project.parameters.contract
    return judge_on(**tables, registry=registry, policy=policy, contract=contract)


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What is not the same in both, by key: the value of each, None where there is none."""
    pairs = {key: [first.get(key), second.get(key)] for key in {**first, **second}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _contracts(registry: "Registry", first: int, second: int) -> Row:
    from salary_kedro.contract import compatibility
    from salary_kedro.promotion.logged import read_contract

    before, after = (read_contract(registry.model_folder(number)) for number in (first, second))
    changes = compatibility.compare_contracts(before, after)
    return {
        "compatible": compatibility.compatible(changes),
        "changes": [asdict(change) for change in changes],
    }


def tell(found: Row) -> None:
    """Print both versions side by side."""
    heads = [f"version {one['version']}" for one in found["versions"]]
    about = [
        f"{one['model'] or 'model unknown'}, {one['stage'] or 'of no stage'}"
        for one in found["versions"]
    ]
    for line in console.labelled([*zip((h.capitalize() for h in heads), about, strict=True)]):
        console.echo(line)
    rows = (
        ""
        if found["holdout_rows"] is None
        else f" on {console.count(found['holdout_rows'], 'holdout row')}, scored now"
    )
    console.section(f"Scores{rows}", _side_by_side("metric", heads, _scores(found)))
    console.section("Verdict", _verdict(found))
    _section("Parameters that differ", "parameter", heads, found["parameters"])
    _section("Made from", "", heads, _fingerprints(found["lineage"]))
    console.echo(f"\n{console.styled('Contract', 'heading')}")
    for change in found["changes"]:
        tell_change(change)
    if not found["changes"]:
        console.echo("  the same")


def _section(title: str, key: str, heads: list[str], pairs: Mapping[str, list[Any]]) -> None:
    lines = _side_by_side(key, heads, pairs.items()) if pairs else ["the same"]
    console.section(title, lines)


def _scores(found: Row) -> Iterator[tuple[str, list[Any]]]:
    first, second = found["scores"]
    for key in first or second or {}:
        values = [None if one is None else one[key] for one in (first, second)]
        yield NAMES[key], [None if value is None else figure(value) for value in values]
    recorded = [one["rmse"] for one in found["versions"]]
    yield NAMES["recorded"], [None if value is None else figure(value) for value in recorded]


def _verdict(found: Row) -> list[str]:
    if found["verdict"] is None:
        return console.wrapped(console.printable(f"none: {found['problem']}"))
    number, reason = found["versions"][0]["version"], found["verdict"]["reason"]
    text = f"if version {number} were in production: {reason}"
    return console.wrapped(console.printable(text), outer=len(console.GAP))


def _fingerprints(lineage: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """What both were made from that differs; hashes by their beginning."""
    names = {"data_sha256": "data", "code_sha256": "code", "lock_sha256": "lock"}
    names |= {"git_commit": "commit"}
    return {
        name: [None if value is None else str(value)[:12] for value in lineage[key]]
        for key, name in names.items()
        if key in lineage
    }


def _side_by_side(key: str, heads: list[str], pairs: Iterable[tuple[str, list[Any]]]) -> list[str]:
    rows = [{"name": name, "first": pair[0], "second": pair[1]} for name, pair in pairs]
    columns = (
        Column("name", key or " "),
        Column("first", heads[0], right=True),
        Column("second", heads[1], right=True),
    )
    return console.table(rows, columns, indent=len(console.GAP))
