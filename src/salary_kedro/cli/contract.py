"""`kedro contract`: draft the contract of your own table, check it, compare it."""

import contextlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import click
from kedro.io import DataCatalog

from salary_kedro.bundle.figures import percent
from salary_kedro.cli import console
from salary_kedro.cli.command import answer, common_options, find_root
from salary_kedro.cli.errors import readable_errors
from salary_kedro.contract import (
    Boolean,
    Category,
    Column,
    Contract,
    ContractError,
    Date,
    Integer,
    Number,
)
from salary_kedro.errors import UserError
from salary_kedro.project.loader import read_contract_file
from salary_kedro.project.project import Project
from salary_kedro.tables.left_out import WORDS
from salary_kedro.upkeep.findings import in_environment

if TYPE_CHECKING:  # it is slow to import
    from salary_kedro.tables.checked import CheckedTable
    from salary_kedro.tables.drafting.draft import ColumnDraft
    from salary_kedro.tables.drafting.from_file import Drafted

Row = dict[str, Any]
SHOWN = 6
DRAFT_COLUMNS = (
    console.Column("column"),
    console.Column("kind"),
    console.Column("use"),
    console.Column("values"),
    console.Column("missing", right=True),
)
CHECK_COLUMNS = (
    console.Column("column"),
    console.Column("kind"),
    console.Column("use"),
    console.Column("missing", right=True),
    console.Column("bad", "rejected", right=True),
)
#: From here on thousands are set apart: years are smaller.
SEPARATED = 10_000


@click.group()
def contract() -> None:
    """The contract of your own table: draft it, check it, compare it.

    Example: kedro contract infer salaries.csv --env mine
    """


@contract.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--env", "-e", required=True, help="New environment under conf/.")
@click.option("--target", help="Header of the column to predict, if it is not found automatically.")
@click.option("--sheet", default="", help="Sheet of a spreadsheet, if not the first visible one.")
@click.option("--table", "named_table", default="", help="A table in a spreadsheet or database.")
@click.option("--sql", help="Address of a database, without a password; instead of FILE.")
@click.option("--encoding", default="", help="Encoding of a CSV file, if it is found wrongly.")
@click.option("--skip-rows", type=click.IntRange(0, 1000), help="Lines above the header.")
@click.option(
    "--force", is_flag=True, help="Replace what an earlier infer drafted, its table, and any page."
)
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the draft as a page, too.",
)
@click.option("--json", "json_", is_flag=True, help="Print one JSON value.")
def infer(env: str, force: bool, html: Path | None, json_: bool, **said: Any) -> None:
    """Draft an environment from a table, for you to edit.

    FILE is CSV, a spreadsheet, a file of Stata, SPSS or SAS, Parquet (also a folder of it),
    Arrow, ORC or JSON Lines; CSV and others may be packed. docs/formats.md tells how each is
    read. Writes conf/ENV with the contract, and a copy of the table under data/ENV: everything
    `kedro run --env ENV` needs. Large tables are drafted from their first 100,000 rows.
    A table of a database is not copied: name --sql and --table, and put the password into
    SALARY_SQL_PASSWORD, or into a file that SALARY_SQL_PASSWORD_FILE names.

    Example: kedro contract infer salaries.xlsx --env mine
    """
    with readable_errors(hint=""):
        result = draft_environment(find_root(), env, force, html, **said)
        console.as_json(result) if json_ else tell_drafted(result)


@contract.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common_options
def check(file: Path | None, env: str | None, json_: bool) -> None:
    """Count, for each column, the rows that a run would reject; shows no values.

    Reads all of the environment's raw table, or of FILE.
    The exit code is 1 if more rows would be rejected than the contract allows, or the others
    could not be split into training and holdout rows, or folds.

    Example: kedro contract check --env mine
    """
    report = answer(env, json_, lambda project: check_table(project, file), tell_report)
    if not report["accepted"]:
        sys.exit(1)


@contract.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@common_options
def diff(before: str, after: str, env: str | None, json_: bool) -> None:
    """Say whether going from contract A to B breaks existing clients.

    A and B are contract files (.yml or .json) or numbers of model versions.
    The exit code is 1 if something breaks clients, and 0 otherwise.

    Example: kedro contract diff 3 conf/base/contract.yml
    """
    result = answer(
        env, json_, lambda project: compare_contracts(project, before, after), tell_changes
    )
    if not result["compatible"]:
        sys.exit(1)


def draft_environment(root: Path, env: str, force: bool, html: Path | None, **said: Any) -> Row:
    """Draft an environment from a table.

    Args:
        root: The project.
        env: The new environment.
        force: Whether an earlier draft is replaced.
        html: Where the draft is written as a page, too; None for nowhere.
        said: The other options of `infer`.
    """
    from salary_kedro.project.new_environment import check_name, write_environment
    from salary_kedro.tables.drafting.report import open_report, report_html

    check_name(env, root, force=force)
    with open_report(html, force=force) if html else contextlib.nullcontext() as page:
        table, drafted = _drafted(**said)
        places = write_environment(drafted, table, env, root, force=force)
        draft = drafted.draft
        if page:
            page.write(report_html(draft, table.name, drafted.rows).encode())
    return {
        "env": env,
        **places,
        "rows": drafted.rows,
        "whole": drafted.whole,
        "columns": [
            *(_column_row(column) for column in draft.features),
            _column_row(draft.target, "target"),
        ],
        "remarks": list(draft.remarks),
        "next": [
            f"edit {places['contract']}",
            f"kedro contract check --env {env}",
            f"kedro run --env {env}",
        ],
    }


def _drafted(
    file: Path | None, sql: str | None, target: str | None, **asked: Any
) -> tuple[Any, "Drafted"]:
    """The table, in a file or a database, and what was drafted from it.

    Raises:
        UserError: If it cannot be read, or it is not said which it is.
    """
    from salary_kedro.datasets.table import open_database
    from salary_kedro.tables.drafting.from_file import draft_database, draft_table
    from salary_kedro.tables.drafting.raw_file import Asked

    if (file is None) == (sql is None) or (sql and not asked["named_table"]):
        raise UserError(
            "name one table: the FILE that holds it, or --sql with the address of its database and "
            "--table with its name"
        )
    if file:
        return file, draft_table(file, target, asked=Asked(**asked))
    table = open_database(str(sql), asked["named_table"])
    return table, draft_database(table, target)


def _column_row(draft: "ColumnDraft", use: str | None = None) -> Row:
    column = draft.column
    return {
        "column": column.column,
        "name": column.name,
        "kind": column.kind,
        "use": use or column.use,
        "values": _values(column),
        "missing_share": draft.missing_share,
        "why": draft.picture.why if draft.picture else "",
        "remarks": list(draft.remarks),
        "proposals": list(draft.proposals),
    }


def _values(column: Column) -> str:
    """The values that a drafted column allows, in a few words."""
    if column.use in ("ignore", "split"):
        return ""
    match column:
        case Boolean():
            return "/".join([*column.true_values, *column.false_values])
        case Category():
            return _categories(column)
        case Number() | Integer() | Date():
            return _bounds(column)
    assert_never(column)


def _bounds(column: Number | Integer | Date) -> str:
    bounds = column.bounds
    above = "" if bounds.low_inclusive else "above "
    to = "" if bounds.high is None else f" to {_say(bounds.high)}"
    return f"{above}{_say(bounds.low)}{to}"


def _categories(column: Category) -> str:
    categories = column.listed
    if categories is None:
        return f"learned, from {column.min_count} rows each"
    more = f" and {len(categories) - SHOWN} more" if len(categories) > SHOWN else ""
    return ", ".join(_plain(text) for text in categories[:SHOWN]) + more


def _say(value: Any) -> str:
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.15g}" if abs(value) >= SEPARATED else f"{value:.15g}"


def tell_drafted(result: Row) -> None:
    """Print what was decided, and what to do next."""
    rows = console.count(result["rows"], "row")
    click.echo(f"Drafted from {'' if result['whole'] else 'the first '}{rows}:\n")
    for remark in result["remarks"]:
        console.say(remark)
        console.echo()
    shown = [
        {
            **row,
            "missing": percent(row["missing_share"]),
            "remark": " ".join(row["remarks"]),
        }
        for row in result["columns"]
    ]
    console.as_table(shown, DRAFT_COLUMNS, note="remark")
    if not result["whole"]:
        console.echo()
        check = in_environment("`kedro contract check`", result["env"])
        console.say(f"Later rows may contain more: {check} reads all of them.")
    console.section("Next", (f"{number}. {step}" for number, step in enumerate(result["next"], 1)))


def check_table(project: Project, file: Path | None) -> Row:
    """Check the contract against the raw table, or another one, through the catalog."""
    from salary_kedro.partitions.table import refuse_parts
    from salary_kedro.tables.checked import check
    from salary_kedro.tables.tally import count_checked

    contract = project.parameters.contract
    own = project.loader["catalog"]["raw_salaries"]
    entry = own if file is None else _entry(file.absolute(), contract)
    with contextlib.chdir(project.root):
        catalog = DataCatalog.from_config({"raw_salaries": entry}, project.loader.credentials())
        raw = catalog.load("raw_salaries")
    refuse_parts(raw)
    checked = check(raw, contract)
    report = count_checked(checked, contract)
    stops = _find_obstacle(checked, project) if report["accepted"] else None
    return {**report, "accepted": report["accepted"] and stops is None, "stops": stops}


def _find_obstacle(checked: "CheckedTable", project: Project) -> str | None:
    """Why a run could not split the rows, or fold them; None if it could."""
    from salary_kedro.modelling.folding import fold_rows, split_rows
    from salary_kedro.pipelines.data_engineering.nodes import refuse_constant
    from salary_kedro.tables.row_keys import row_keys

    known, rows = project.parameters, checked.valid.reset_index(drop=True)
    contract, splitting, learned = known.contract, known.data_engineering, known.data_science
    named = checked.valid if splitting.split == "stable" else checked.valid[:0]
    keys = row_keys(checked.raw, named, contract)  # nothing else asks for them
    folds = learned.cross_validation.folds
    try:
        places, _ = split_rows(rows, keys, contract.target.name, splitting)
        train = rows.iloc[places]
        refuse_constant(train, contract)
        next(fold_rows(train, splitting, folds=folds, repeats=1, random_state=0))
    except UserError as error:
        return str(error)
    return None


def _entry(file: Path, contract: Contract) -> Row:
    """The catalog's entry of a raw table that is not the environment's own."""
    reader = {
        "type": "salary_kedro.datasets.TableDataset",
        "filepath": str(file),
        "contract": contract.model_dump(mode="json"),
    }
    return {"type": "salary_kedro.datasets.CachedDownloadDataset", "dataset": reader}


def tell_report(report: Row) -> None:
    """Print what each column would be rejected for, and a summary."""
    rows = [
        {**row, "missing": percent(row["missing_share"]), "bad": f"{row['rejected']:,}"}
        for row in report["columns"]
    ]
    console.as_table(rows, CHECK_COLUMNS)
    reasons = [*(reason for row in report["columns"] for reason in row["reasons"])]
    for found in [*reasons, *report["table"]]:
        lines = ", ".join(map(str, found["first_lines"]))
        more = ", ..." if found["rows"] > len(found["first_lines"]) else ""
        rows_found = console.count(found["rows"], "row")
        word = "line" if found["rows"] == 1 else "lines"
        _say_apart(f"{rows_found}: {found['reason']} ({word} {lines}{more})")
    for why, rows in report["left_out"].items():
        _say_apart(f"{console.count(rows, 'row')} {WORDS[why]}")
    if report["top_coded"]:
        _say_apart(f"{console.count(report['top_coded'], 'row')} cut off at the top code")
    for remark in report["far_off"]:
        _say_apart(remark, "warn")
    for key, what in (("ignored", "Ignored"), ("unnamed", "Not in the contract")):
        if report[key]:
            _say_apart(f"{what}: {', '.join(report[key])}")
    because = f", because {report['stops']}" if report["stops"] else ""
    _say_apart(
        f"{report['rejected']:,} of {report['rows']:,} rows would be rejected "
        f"({percent(report['rejected_share'], 2)}; {report['allowed_share'] * 100:.15g} % "
        f"is allowed): {'the table may be used' if report['accepted'] else 'a run would stop'}"
        f"{because}",
        "good" if report["accepted"] else "bad",
    )


def _say_apart(text: str, style: console.Style = "plain") -> None:
    """Print a sentence below an empty line."""
    console.echo()
    console.say(text, style)


def _plain(text: str) -> str:
    """A text in one line, whatever characters it contains."""
    return "".join(char if char.isprintable() else " " for char in text)


def compare_contracts(project: Project, before: str, after: str) -> Row:
    """Compare two contracts.

    Args:
        project: Where versions are looked up.
        before: Path of a contract file, or number of a version.
        after: The same, of the contract to come.
    """
    first, second = (_find_contract(which, project) for which in (before, after))
    from salary_kedro.contract import compatibility

    changes = compatibility.compare_contracts(first, second)
    return {
        "before": before,
        "after": after,
        "compatible": compatibility.compatible(changes),
        "changes": [asdict(change) for change in changes],
    }


def _find_contract(which: str, project: Project) -> Contract:
    """Read a contract from YAML, as in `conf/`, from JSON, as in a bundle, or from a version.

    Raises:
        ContractError: If there is none, or it is malformed; says what to do.
    """
    if which.isdecimal():
        from salary_kedro.promotion.logged import read_contract
        from salary_kedro.upkeep.opening import registry_of

        return read_contract(registry_of(project).model_folder(int(which)))
    path = Path(which)
    if not path.is_file():
        raise ContractError(
            f"there is no file {path}: name a contract file, .yml or .json, or the number of a "
            f"model version"
        )
    is_json = path.suffix == ".json"
    content = path.read_bytes() if is_json else read_contract_file(path)["contract"]
    try:
        return Contract.parse(content) if is_json else Contract.of(content)
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from error


def tell_change(change: Row) -> None:
    """Print a difference between two contracts, and what it does."""
    mark = "BREAKS  " if change["breaks"] else "harmless"
    style: console.Style = "bad" if change["breaks"] else "faint"
    text = f"{change['field']}: {change['what']} ({change['effect']})"
    first, *more = console.wrapped(console.printable(text), len(mark) + len(console.GAP))
    console.echo(console.styled(mark, style) + first[len(mark) :])
    for line in more:
        console.echo(line)


def tell_changes(result: Row) -> None:
    """Print each difference, what breaks clients first."""
    for change in result["changes"]:
        tell_change(change)
    if not result["changes"]:
        click.echo("The contracts are the same")
    elif result["compatible"]:
        click.echo("\nClients can stay as they are")
    else:
        click.echo("\nClients must change before this contract is served")
