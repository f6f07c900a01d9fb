"""Real wage tables that packages ship, untouched: infer, check, run, score."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from proofs.tally import Tally
from proofs.wage_sources import TABLES, WageTable, download, read, write
from support import Project, copy_project

#: By words of a draft's remarks, what a person then has to edit.
EDITS = {
    "Say which": "currency or period of the target",
    "rows would be rejected": "whether rows without pay may be left out",
    "stands in several rows": "that the rows of one person stay together",
    "keeps all rows of each": "nothing for that: it splits by group",
    "repeat": "what becomes of equal rows",
    "cut off": "whether the highest pay was cut off there",
    "rank so": "whether levels rank as listed",
    "order of the file": "whether levels rank",
    "nearly with the target": "whether a column is made from the target",
}


class CommandError(Exception):
    """A command that did not end as it should."""


@dataclass(frozen=True)
class Kedro:
    """The project's commands, in one process that imports Kedro once."""

    process: subprocess.Popen[str]

    def __call__(self, *arguments: str) -> str:
        """Run a command; what it printed.

        Raises:
            CommandError: If its exit code is not 0.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(arguments), file=self.process.stdin, flush=True)
        code, out, err = json.loads(self.process.stdout.readline())
        if code:
            raise CommandError(f"kedro {' '.join(arguments)}: {out[-1000:]}{err[-2000:]}")
        return str(out)


@contextmanager
def commands(project: Project) -> Iterator[Kedro]:
    """A process that runs the project's commands."""
    program = [sys.executable, str(Path(__file__).with_name("kedro_commands.py"))]
    with subprocess.Popen(
        program,
        cwd=project.root,
        env=project.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Kedro(process)
        assert process.stdin is not None
        process.stdin.close()


def prove_wage_tables(
    folder: Path, share: float = 1, tell: Callable[[str], None] = print
) -> Iterator[Tally]:
    """Take a share of the tables through the loop; three at least."""
    download(folder / "wheels")
    project = copy_project(folder / "wages")
    tables = TABLES[: max(3, round(len(TABLES) * share))]
    violations: list[str] = []
    lines: list[str] = []
    with commands(project) as kedro:
        for table in tables:
            rows = read(table, folder / "wheels")
            try:
                violations += [
                    f"{table.source}: {found}" for found in _try(kedro, table, rows, project)
                ]
                lines.append(_line(table, rows, project))
            except CommandError as error:
                violations.append(f"{table.source}: {error}")
            tell(f"{len(lines)} of {len(tables)} wage tables, {len(violations)} violations")
    (project.root / "wage_tables.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tell("\n" + "\n".join(lines))
    yield Tally(
        "real wage tables, untouched, from the file to scored rows", len(tables), violations
    )


def _try(kedro: Kedro, table: WageTable, rows: pd.DataFrame, project: Project) -> Iterator[str]:
    """Take one table through the loop; what went wrong."""
    file, scored = write(rows, table, project.root), project.root / f"{table.name}_scored.csv"
    drafted = json.loads(kedro("contract", "infer", str(file), "--env", table.name, "--json"))
    (project.root / f"{table.name}.json").write_text(json.dumps(drafted), encoding="utf-8")
    yield from _compare(table, drafted["columns"])
    kedro("contract", "check", "--env", table.name)
    kedro("run", "--env", table.name)
    paths = f"rows_to_score={file},scored_rows={scored}"
    kedro("run", "--env", table.name, "--pipelines", "batch_scoring", f"--params={paths}")
    found = pd.read_csv(scored)
    name = f"predicted_{table.target.lower().replace('.', '_')}"
    predicted = found.get(name, pd.Series(dtype="float64"))
    if len(found) != len(rows) or predicted.isna().any():
        yield f"{len(rows)} rows, {int(predicted.notna().sum())} scored"


def _compare(table: WageTable, columns: list[dict[str, Any]]) -> Iterator[str]:
    """What was drafted beside what must be."""
    used = {row["column"]: row["use"] for row in columns}
    targets = [name for name, use in used.items() if use == "target"]
    if targets != [table.target]:
        yield f"{targets} is predicted, not {table.target}"
    learned = [name for name in table.forbidden.split() if used[name] == "feature"]
    if learned:
        yield f"learned from {', '.join(learned)}"


def _line(table: WageTable, rows: pd.DataFrame, project: Project) -> str:
    """A line of the table of results."""
    drafted = json.loads((project.root / f"{table.name}.json").read_text(encoding="utf-8"))
    path = project.root / "data" / table.name / "08_reporting" / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))
    uses = [row["use"] for row in drafted["columns"]]
    left_out = sum(uses.count(use) for use in ("ignore", "weight", "split"))
    counts = f"{uses.count('feature')} + {uses.count('audit')} + {left_out}"
    size = f"{len(rows):,} × {len(rows.columns)}"
    figures = f"{metrics['rmse']:.4g} | {metrics['r2']:.2f}"
    kept = f"{table.source} | {table.suffix} | {size} | {table.target} | {counts} | {figures}"
    return f"| {kept} | {'; '.join(_edits(table, drafted))} |"


def _edits(table: WageTable, drafted: dict[str, Any]) -> Iterator[str]:
    """What a person still has to edit, by what the draft asks for, and by hand."""
    remarks = [
        *drafted["remarks"],
        *(each for row in drafted["columns"] for each in row["remarks"]),
    ]
    for asked, edit in EDITS.items():
        if any(asked in remark for remark in remarks):
            yield edit
    if table.edit:
        yield table.edit
