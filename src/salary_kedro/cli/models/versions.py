"""`kedro models list`, `show` and `history`: what the registry holds."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options, option
from salary_kedro.cli.console import Column
from salary_kedro.cli.models import shown
from salary_kedro.project.project import Project
from salary_kedro.registry.history import History, Record
from salary_kedro.registry.stages import Version

if TYPE_CHECKING:  # it is slow to import
    from salary_kedro.registry.registry import Registry, State

Row = dict[str, Any]
#: Version numbers on a page: each version takes a look at its run.
PAGE = 50
VERSION_COLUMNS = (
    Column("version", right=True),
    Column("stage", style=console.stage_style),
    Column("figure", "RMSE", right=True),
    Column("model"),
    Column("when", "trained (UTC)", least=16),
    Column("data_sha256", "data", least=6),
    Column("code_sha256", "code", least=6, optional=True),
)
DECISION_COLUMNS = (
    Column("when", "when (UTC)", least=16),
    Column("action"),
    Column("version", right=True),
    Column("moved", "production"),
    Column("who"),
)


@click.command("list", short_help="List the versions, the newest 50 first.")
@click.option("--page", type=click.IntRange(1), help="Page of 50 numbers; 1 is the newest.")
@click.option("--all", "all_", is_flag=True, help="All versions, not 50 of them.")
@common_options
def list_(page: int | None, all_: bool, env: str | None, json_: bool) -> None:
    """List the versions, the newest 50 first, with fingerprints of their data and code.

    An RMSE that came with an archive, and that nobody here has measured, is marked with *.
    With --json all versions are listed, unless --page is given.

    Example: kedro models list --page 2
    """
    chosen = None if all_ or (json_ and page is None) else page or 1

    def work(project: Project) -> Any:
        listed = list_page(project, chosen)
        return listed["rows"] if json_ else listed

    answer(env, json_, work, lambda listed: tell_versions(listed, env))


@click.command(short_help="Show one version, and why it is what it is.")
@click.argument("number", type=int)
@common_options
def show(number: int, env: str | None, json_: bool) -> None:
    """Show one version: verdict, figures, pay by group, parameters, history; as JSON, all of it.

    Example: kedro models show 3
    """
    answer(
        env,
        json_,
        lambda project: show_version(project, number),
        lambda row: shown.tell(row, env),
    )


@click.command(short_help="List every decision, with its reason.")
@common_options
def history(env: str | None, json_: bool) -> None:
    """List every promotion, archiving, rollback, import and repair, in order.

    Example: kedro models history
    """
    answer(env, json_, list_decisions, lambda rows: tell_decisions(rows, env))


def list_page(project: Project, page: int | None) -> Row:
    """Versions, the newest first.

    Args:
        project: Where they are.
        page: Which 50 numbers, from 1, the newest; None for all versions. Of numbers whose version
            was deleted, there is no row.

    Returns:
        `rows`, one a version; the `newest` number, 0 for none; and the `page`.
    """
    from salary_kedro.upkeep.opening import records_of

    registry = records_of(project)
    state = registry.state() if page is None else registry.recent_state()
    newest = max(state.versions, default=0)
    chosen = [*state.versions.values()]
    if page is not None:
        chosen = registry.numbered(*_ends(newest, page))
    rows = [_version_row(registry, state, version) for version in reversed(chosen)]
    return {"rows": rows, "newest": newest, "page": page}


def _ends(newest: int, page: int) -> tuple[int, int]:
    """The first and the last version number of a page."""
    high = newest - (page - 1) * PAGE
    return max(1, high - PAGE + 1), high


def _version_row(registry: "Registry", state: "State", version: Version) -> Row:
    run = registry.run(version)
    started = None if run.started is None else datetime.fromtimestamp(run.started / 1000, UTC)
    return {
        "version": version.number,
        "stage": " ".join(version.stages) or None,
        "production": version.number == state.alias,
        "rmse": as_number(version.recorded),
        "claimed": state.claims(version),
        "model": run.model,
        "data_sha256": run.lineage.data_sha256,
        "code_sha256": run.lineage.code_sha256,
        "when": None if started is None else started.isoformat(timespec="seconds"),
    }


def as_number(text: str | None) -> float | None:
    """A tag's value; None if it is no finite number."""
    try:
        value = math.nan if text is None else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def tell_versions(listed: Row, env: str | None = None) -> None:
    """Print the versions as a table; an RMSE that nobody here has measured is marked.

    Args:
        listed: What `list_page` gives.
        env: The environment that was asked for.
    """
    rows, newest, page = listed["rows"], listed["newest"], listed["page"]
    pages = math.ceil(newest / PAGE)
    if page is not None and page > max(1, pages):
        console.say(f"there is no page {page}: the last one is {max(1, pages)}")
        return
    marked = [{**row, "figure": _marked(row)} for row in rows]
    console.as_table(marked, VERSION_COLUMNS, env=env)
    if any(row["claimed"] for row in rows):
        console.echo()
        console.say("* claimed by the archive it came from; nothing here has measured it")
    if page is not None and pages > 1:
        low, high = _ends(newest, page)
        console.echo(f"\nPage {page} of {pages}: versions {low} to {high}")
        if page < pages:
            console.echo(f"Older ones: kedro models list --page {page + 1}{option(env)}")


def _marked(row: Row) -> str:
    return console.show("rmse", row["rmse"]) + ("*" if row["claimed"] else "")


def show_version(project: Project, number: int) -> Row:
    """Everything about one version: verdict, evidence, lineage, parameters, metrics, report."""
    from salary_kedro.promotion.logged import find_form, read_calibration, read_report
    from salary_kedro.upkeep.opening import registry_of

    registry = registry_of(project)
    version = registry.version(number)
    state = registry.recent_state()
    run, folder = registry.run(version), registry.model_folder(number)
    about = [record for record in state.history if record.version == number]
    judged = [record for record in about if record.evidence is not None]
    return {
        **_version_row(registry, state, version),
        "run_id": version.run_id,
        "imported": number in state.history.imported,
        "verdict": judged[-1].evidence if judged else None,
        "verdict_claimed": bool(judged) and judged[-1].action == "import",
        "history": [_record_row(record) for record in _visible(state.history, about)],
        "lineage": registry.lineage(number).texts(),
        "parameters": dict(run.parameters),
        "metrics": {name: as_number(str(value)) for name, value in run.metrics.items()},
        "report": read_report(folder).model_dump(mode="json"),
        "no_intervals": read_calibration(folder).reason,
        "runtime_reason": find_form(folder).reason,
    }


def list_decisions(project: Project) -> list[Row]:
    """Every decision, in order."""
    from salary_kedro.upkeep.opening import records_of

    records = records_of(project).history()
    return [_record_row(record) for record in _visible(records, records)]


def _visible(records: History, chosen: Sequence[Record]) -> list[Record]:
    """What was done, and the intents of which nothing came: each decision once."""
    return [r for r in chosen if r.state == "done" or r in records.unfinished]


def _record_row(record: Record) -> Row:
    row = record.model_dump(mode="json", by_alias=True, exclude={"key", "intent", "knows"})
    done = "done" if record.state == "done" else "unfinished"
    return {**row, "state": done, "claimed": record.action == "import"}


def tell_decisions(rows: Sequence[Row], env: str | None = None) -> None:
    """Print the decisions as a table, each with its reason below."""
    console.as_table(
        [{**row, **_decided(row)} for row in rows], DECISION_COLUMNS, note="why", env=env
    )


def _decided(row: Row) -> Row:
    """What was done, and how production changed; nothing where it did not."""
    unfinished = " (unfinished)" if row["state"] == "unfinished" else ""
    moved = None if row["from"] == row["to"] else f"{_named(row['from'])} → {_named(row['to'])}"
    return {"action": f"{row['action']}{unfinished}", "moved": moved}


def _named(number: int | None) -> str:
    return "none" if number is None else str(number)
