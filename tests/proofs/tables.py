"""Tables never seen before, through the whole loop: infer, check, run, serve, predict, score."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, Phase, given, seed, settings

from proofs.arrays import compare_arrays
from proofs.tally import Tally
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Boolean, Column, Contract, Date, Integer
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.csv_arguments import csv_arguments
from salary_kedro.tables.spreadsheet import plain_frame
from support import Project, copy_project, get, post, wait_until
from tables import RawTable, raw_tables

TOLERANCE = 1e-9
ASKED = 5


def prove_tables(
    folder: Path, count: int, chosen: int, tell: Callable[[str], None] = print
) -> Tally:
    """Take so many tables through the whole loop, each as an environment of its own."""
    project = copy_project(folder / "tables")
    violations: list[str] = []
    done = 0

    @seed(chosen)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # one table takes half a minute: none is made smaller
        suppress_health_check=list(HealthCheck),
    )
    @given(raw_tables())
    def go(table: RawTable) -> None:
        nonlocal done
        done += 1
        violations.extend(f"table {done}: {found}" for found in _try(project, table, done))
        tell(f"{done} of {count} tables, {len(violations)} violations")

    go()
    return Tally("tables never seen before, from the raw file to scored rows", done, violations)


def _try(project: Project, table: RawTable, number: int) -> list[str]:
    """Take one table through the loop; what went wrong."""
    env, file = f"table{number}", project.root / f"table{number}.csv"
    table.write(file)
    for arguments in (
        ("contract", "infer", str(file), "--env", env, "--target", table.target),
        ("contract", "check", "--env", env),
        ("run", "--env", env),
        ("run", "--env", env, "--pipelines", "batch_scoring", f"--params={_paths(file)}"),
    ):
        result = project.run("kedro", *arguments)
        if result.returncode != 0:
            return [f"kedro {' '.join(arguments)}: {result.stdout}{result.stderr}"]
    scored = _read(file.with_name(f"{file.stem}_scored.csv"), table.delimiter)
    return [
        *_compare(table, scored),
        *_ask(project, env, file, scored),
        *_compare_arrays(project, env),
    ]


def _compare_arrays(project: Project, env: str) -> list[str]:
    """Every estimator, trained on the table's rows, must predict the same by its arrays."""
    data = project.root / "data" / env
    bundles = BundleStore(data / "06_models" / "bundles")
    bundle = bundles.load(bundles.current() or "")
    found = [*compare_arrays(bundle.contract, data / "05_model_input")]
    return found if bundle.form == "arrays" else [*found, bundle.form_reason]


def _paths(file: Path) -> str:
    return f"rows_to_score={file},scored_rows={file.with_name(f'{file.stem}_scored.csv')}"


def _read(file: Path, delimiter: str) -> pd.DataFrame:
    """Scored rows, written as the raw table separates its cells, without the quotes of formulas."""
    return plain_frame(pd.read_csv(file, sep=delimiter, dtype="str", keep_default_na=False))


def _compare(table: RawTable, scored: pd.DataFrame) -> list[str]:
    """Every row must be scored, and its cells must be what they were, in the first columns."""
    if len(scored) != table.rows:
        return [f"{table.rows} rows, {len(scored)} scored"]
    changed = [
        name
        for place, (name, cells) in enumerate(table.columns.items())
        if scored.iloc[:, place].tolist() != cells
        or scored.columns[place] not in (name, f"{name} (raw)")
    ]
    return [f"the cells of {changed} were changed"] if changed else []


def _ask(project: Project, env: str, file: Path, scored: pd.DataFrame) -> list[str]:
    """Ask the real service for the bundle's examples and for rows of the table."""
    bundles = BundleStore(project.root / "data" / env / "06_models" / "bundles")
    name = bundles.current() or ""
    bundle = bundles.load(name)
    contract, target = bundle.contract, bundle.contract.target.name
    examples = json.loads((bundles.folder / name / "examples.json").read_bytes())
    rows = [dict(zip(contract.feature_names, row, strict=True)) for row in examples["rows"]]
    rows += _rows_of(file, contract)
    predicted = [*examples["predictions"], *scored[f"predicted_{target}"].astype(float)[:ASKED]]
    with project.serve(KEDRO_ENV=env) as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        answers = [post(f"{address}/predict", row) for row in rows]
        described = get(f"{address}/openapi.json").status
    wrong = [
        f"{row}: {answer.status} {answer.body}, not {value}"
        for row, answer, value in zip(rows, answers, predicted, strict=True)
        if answer.status != 200 or not math.isclose(answer.body[target], value, rel_tol=TOLERANCE)
    ]
    return wrong if described == 200 else [*wrong, f"/openapi.json: {described}"]


def _rows_of(file: Path, contract: Contract) -> list[dict[str, Any]]:
    """The first rows of a raw table as a client would send them."""
    clean = read_columns(pd.read_csv(file, **csv_arguments(contract)), contract)
    kinds = {column.name: column for column in contract.inputs}
    return [
        {name: _json(row[name], column) for name, column in kinds.items() if pd.notna(row[name])}
        for row in clean.head(ASKED).to_dict("records")
    ]


def _json(value: Any, column: Column) -> Any:
    match column:
        case Integer():
            return int(value)
        case Date():
            return value.date().isoformat()
        case Boolean():
            return bool(value)
    return value
