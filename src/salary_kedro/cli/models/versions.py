"""`kedro models list`, `show` and `history`: what the registry holds."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options
from salary_kedro.cli.models import shown
from salary_kedro.project.project import Project
from salary_kedro.registry.history import History, Record
from salary_kedro.registry.stages import Version

if TYPE_CHECKING:  # it is slow to import
    from salary_kedro.registry.registry import Registry, State

Row = dict[str, Any]


@click.command("list")
@common_options
def list_(env: str | None, json_: bool) -> None:
    """List the versions, newest first, with fingerprints of their data and code.

    An RMSE that came with an archive, and that nobody here has measured, is `(claimed)`.

    Example: kedro models list --json
    """
    answer(env, json_, list_versions, tell_versions)


@click.command()
@click.argument("number", type=int)
@common_options
def show(number: int, env: str | None, json_: bool) -> None:
    """Show one version: verdict, figures, pay by group, parameters, history; as JSON, all of it.

    Example: kedro models show 3
    """
    answer(env, json_, lambda project: show_version(project, number), shown.tell)


@click.command()
@common_options
def history(env: str | None, json_: bool) -> None:
    """List every promotion, archiving, rollback, import and repair, in order.

    Example: kedro models history
    """
    answer(env, json_, list_decisions, tell_decisions)


def list_versions(project: Project) -> list[Row]:
    """One row a version, the newest first."""
    from salary_kedro.upkeep.opening import records_of

    registry = records_of(project)
    state = registry.state()
    return [_version_row(registry, state, v) for v in reversed([*state.versions.values()])]


def _version_row(registry: "Registry", state: "State", version: Version) -> Row:
    run = registry.run(version)
    started = None if run.started is None else datetime.fromtimestamp(run.started / 1000, UTC)
    return {
        "version": version.number,
        "stage": " ".join(version.stages) or None,
        "production": version.number == state.alias,
        "rmse": _number(version.recorded),
        "claimed": state.claims(version),
        "model": run.parameters.get("data_science.model"),
        "data_sha256": run.lineage.data_sha256,
        "code_sha256": run.lineage.code_sha256,
        "when": None if started is None else started.isoformat(timespec="seconds"),
    }


def _number(text: str | None) -> float | None:
    """A tag's value; None if it is no finite number."""
    try:
        value = math.nan if text is None else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def tell_versions(rows: Sequence[Row]) -> None:
    """Print the versions as a table; an RMSE that nobody here has measured is marked."""
    columns = {name: name for name in ("version", "stage", "figure", "model")} | {"figure": "rmse"}
    columns |= {"data_sha256": "data", "code_sha256": "code", "when": "when"}
    marks = {True: " (claimed)", False: ""}
    console.as_table(
        [
            {**row, "figure": console.show("rmse", row["rmse"]) + marks[row["claimed"]]}
            for row in rows
        ],
        columns,
    )


def show_version(project: Project, number: int) -> Row:
    """Everything about one version: verdict, evidence, lineage, parameters, metrics, report."""
    from salary_kedro.promotion.logged import find_form, read_calibration, read_report
    from salary_kedro.upkeep.opening import registry_of

    registry = registry_of(project)
    version = registry.version(number)
    state = registry.state()
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
        "metrics": {name: _number(str(value)) for name, value in run.metrics.items()},
        "report": read_report(folder).model_dump(mode="json"),
        "no_intervals": read_calibration(folder).reason,
        "runtime_reason": find_form(folder).reason,
    }


def list_decisions(project: Project) -> list[Row]:
    """Every decision, in order."""
    from salary_kedro.upkeep.opening import records_of

    records = records_of(project).state().history
    return [_record_row(record) for record in _visible(records, records)]


def _visible(records: History, chosen: Sequence[Record]) -> list[Record]:
    """What was done, and the intents of which nothing came: each decision once."""
    return [r for r in chosen if r.state == "done" or r in records.unfinished]


def _record_row(record: Record) -> Row:
    row = record.model_dump(mode="json", by_alias=True, exclude={"key", "intent", "knows"})
    done = "done" if record.state == "done" else "unfinished"
    return {**row, "state": done, "claimed": record.action == "import"}


def tell_decisions(rows: Sequence[Row]) -> None:
    """Print the decisions as a table; one that changed no production has neither from nor to."""
    names = ("when", "who", "action", "version", "from", "to", "state", "why")
    console.as_table(
        [{**row, "from": None, "to": None} if row["from"] == row["to"] else row for row in rows],
        {name: name for name in names},
    )
