"""Large tables: validation and batch scoring, each against a bare script for the same work.

The table is generated: ten columns of all kinds, the same for the same number of rows.

- `validation`: drafting the contract, checking it and `data_engineering`, three commands in one
  process, against one script that reads the file with pandas, validates it with the same pandera
  schema and writes Parquet.
- `scoring`: the pipeline `batch_scoring` against a loop that reads, predicts with the same
  Pipeline and writes, in chunks of as many rows. Its peak memory over all rows is compared with
  its own peak over a fifth of them.

Rounds alternate between the peers, and limits are judged as in `training.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from training import BARE, MEGABYTE, PIPELINES, Measure, copy_project, environment, judge, tell
from training import table as as_lines

ENV = "bench"
#: The environment that the validation drafts.
DRAFTED = "drafted"
TRAINING_ROWS = 20_000
SEED = 234
CHUNK_ROWS = 50_000
KEDRO = str(Path(sys.executable).with_name("kedro"))
WALL, CPU, PEAK = "wall time, s", "CPU time, s", "peak memory, MB"
GROWTH = "peak over a fifth"
#: Most that ours may take, as a multiple of the bare script's; None is told, not judged.
LIMITS = {
    "validation": {WALL: 1.5, CPU: None, PEAK: 1.5},
    "scoring": {WALL: 1 / 0.7, CPU: None, PEAK: None, GROWTH: 1.1},
}
LEVELS = ("junior", "mid", "senior", "lead")
CONTRACT = {
    "features": [
        {"column": "Id", "name": "id", "kind": "integer", "example": 1, "use": "ignore"},
        {
            "column": "Job Title",
            "name": "job_title",
            "kind": "category",
            "categories": {"min_count": 10},
            "example": "Job 1",
        },
        {
            "column": "Level",
            "name": "level",
            "kind": "category",
            "categories": LEVELS,
            "ordered": True,
            "required": False,
            "example": "mid",
        },
        {
            "column": "Country",
            "name": "country",
            "kind": "category",
            "categories": {"min_count": 10},
            "example": "C1",
        },
        {
            "column": "Years",
            "name": "years",
            "kind": "number",
            "minimum": 0,
            "maximum": 60,
            "example": 5,
        },
        {
            "column": "Age",
            "name": "age",
            "kind": "integer",
            "minimum": 14,
            "maximum": 99,
            "example": 40,
        },
        {
            "column": "Remote",
            "name": "remote",
            "kind": "boolean",
            "true_values": ["yes"],
            "false_values": ["no"],
            "example": True,
        },
        {"column": "Hired", "name": "hired", "kind": "date", "example": "2020-01-01"},
        {"column": "Score", "name": "score", "kind": "number", "required": False, "example": 0},
    ],
    "target": {
        "column": "Salary",
        "name": "salary",
        "kind": "number",
        "exclusive_minimum": 0,
        "example": 60000,
        "unit": "a year",
    },
}
for _column in (*CONTRACT["features"], CONTRACT["target"]):
    _column["label"] = _column["column"]

Usage = dict[str, float]
Part = Callable[[Path, int, int], list[dict[str, Usage]]]


def main() -> None:
    """Measure, report."""
    options = read_options()
    parts: dict[str, Part] = {"validation": measure_validation, "scoring": measure_scoring}
    chosen = [options.part] if options.part else list(parts)
    measures: dict[str, dict[str, Measure]] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=options.folder) as folder:
        home = prepare_project(Path(folder) / "project")
        for name in chosen:
            usages = parts[name](home, options.rows, options.rounds)
            measures[name] = judge_part(name, usages)
    report(options.rows, measures, as_json=options.json)
    broken = (found.verdict == "broken" for part in measures.values() for found in part.values())
    sys.exit(any(broken))


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the table, 5 million")
    help_text = "timed runs of each, 3 if not given; 0 only compares the work"
    parser.add_argument("--rounds", type=int, default=3, help=help_text)
    parser.add_argument("--part", choices=list(LIMITS), help="one part alone")
    parser.add_argument("--folder", help="where the tables go for the time being")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


# --- the project and its tables ---------------------------------------------------------------


def prepare_project(home: Path) -> Path:
    """Copy the project, with an environment for the generated table."""
    copy_project(home)
    conf = home / "conf" / ENV
    conf.mkdir()
    files = {
        "contract.yml": {"contract": CONTRACT},
        "parameters.yml": {"registry": {"model_name": ENV}, "packaging": {"bento_name": ENV}},
        "mlflow.yml": {"tracking": {"experiment": {"name": ENV}}},
    }
    for name, content in files.items():  # JSON is YAML
        (conf / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
    return home


def write_table(path: Path, rows: int, seed: int = SEED) -> Path:
    """Write a table of all kinds of columns as CSV; some optional values are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    plain = pa.csv.WriteOptions(quoting_style="none", include_header=False)
    with path.open("wb") as file:
        for start in range(0, rows, CHUNK_ROWS):
            part = make_rows(draw, start, min(CHUNK_ROWS, rows - start))
            if start == 0:
                file.write((",".join(part.columns) + "\n").encode())
            pa.csv.write_csv(pa.Table.from_pandas(part, preserve_index=False), file, plain)
    return path


def make_rows(draw: np.random.Generator, start: int, count: int) -> pd.DataFrame:
    """Make some rows."""
    years = np.round(draw.uniform(0, 40, count), 1)
    level = draw.integers(0, len(LEVELS), count)
    noise = draw.lognormal(0, 0.2, count)
    score = np.round(draw.normal(size=count), 6)
    day = np.datetime64("2000-01-01") + draw.integers(0, 9000, count)
    lacking = draw.random((2, count)) < 0.02
    return pd.DataFrame(
        {
            "Id": np.arange(start, start + count),
            "Job Title": numbered("Job ", draw.integers(0, 200, count)),
            "Level": np.where(lacking[0], "", np.array(LEVELS, dtype=object)[level]),
            "Country": numbered("C", draw.integers(0, 15, count)),
            "Years": years,
            "Age": draw.integers(18, 70, count),
            "Remote": np.where(draw.random(count) < 0.5, "yes", "no"),
            "Hired": day.astype(str),
            "Score": np.where(lacking[1], np.nan, score),
            "Salary": np.round(20_000 * (1 + level + years / 10) * noise, 2),
        }
    )


def numbered(prefix: str, numbers: np.ndarray) -> np.ndarray:
    """Texts that end in numbers."""
    texts = np.array([f"{prefix}{number}" for number in range(numbers.max() + 1)], dtype=object)
    return texts[numbers]


# --- running ----------------------------------------------------------------------------------


def run(home: Path, command: list[str]) -> Usage:
    """Run a command.

    Returns:
        Seconds of wall time, of CPU time and MB of peak memory.

    Raises:
        SystemExit: If it fails; shows the end of its output.
    """
    log = home.with_name("output.log")
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=home, env=environment(home), stdout=output, stderr=output
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        text = log.read_text(errors="replace")[-3000:]
        raise SystemExit(f"{' '.join(command)} failed:\n{text}")
    cpu = used.ru_utime + used.ru_stime
    return {WALL: wall, CPU: cpu, PEAK: used.ru_maxrss / MEGABYTE}


def bare(task: str, *paths: Path) -> list[str]:
    """The command of a peer."""
    return [sys.executable, "benchmarks/bare_tables.py", task, *map(str, paths)]


def kedro(*arguments: str) -> list[str]:
    """A command of ours, in the table's environment."""
    return [KEDRO, *arguments, "--env", ENV]


def run_rounds(peers: Mapping[str, Callable[[], Usage]], rounds: int) -> list[dict[str, Usage]]:
    """Run the peers in turn, the bare script first in even rounds; without rounds, once untimed."""
    usages = []
    for number in range(max(rounds, 1)):
        order = list(peers) if number % 2 == 0 else list(peers)[::-1]
        found = {name: peers[name]() for name in order}
        times = ", ".join(f"{name} {found[name][WALL]:.1f} s" for name in peers)
        tell(f"round {number + 1}: {times}")
        usages.append(found)
    return usages[:rounds]


# --- validation -------------------------------------------------------------------------------


def measure_validation(home: Path, rows: int, rounds: int) -> list[dict[str, Usage]]:
    """Draft, check and validate a table, against reading, validating and writing it."""
    tell(f"validation: writing {rows:,} rows")
    raw = write_table(home.with_name("raw.csv"), rows)
    contract = home.with_name("contract.json")
    contract.write_text(json.dumps(CONTRACT), encoding="utf-8")
    parquet = home.with_name("bare.parquet")
    commands = [
        ["contract", "infer", str(raw), "--force", "--env", DRAFTED],
        ["contract", "check", "--env", DRAFTED],
        ["run", "--pipelines", "data_engineering", "--env", DRAFTED],
    ]
    ours = [sys.executable, "benchmarks/in_one_process.py", json.dumps(commands)]
    usages = run_rounds(
        {
            BARE: lambda: run(home, bare("validate", contract, raw, parquet)),
            PIPELINES: lambda: run(home, ours),
        },
        rounds,
    )
    check_rows(parquet, home / "data" / DRAFTED / "03_primary" / "salaries.parquet")
    return usages


def check_rows(bare_table: Path, our_table: Path) -> None:
    """Check that both wrote the same salaries.

    Raises:
        SystemExit: If they did not.
    """
    tables = [pd.read_parquet(path, columns=["salary"]) for path in (bare_table, our_table)]
    if not tables[0].equals(tables[1]):
        raise SystemExit("the work is not the same: the salaries differ")


# --- scoring ----------------------------------------------------------------------------------


def measure_scoring(home: Path, rows: int, rounds: int) -> list[dict[str, Usage]]:
    """Score rows with a pipeline, against a loop."""
    prepare_model(home)
    tell(f"scoring: writing {rows:,} rows")
    many = write_table(home.with_name("rows.csv"), rows, SEED + 1)
    few = write_table(home.with_name("fewer_rows.csv"), max(1, rows // 5), SEED + 1)
    scored, ours = home.with_name("bare.csv"), home.with_name("ours.csv")
    bundles = home / "data" / ENV / "06_models" / "bundles"
    bundle = bundles / (bundles / "current").read_text(encoding="utf-8").strip()
    usages = run_rounds(
        {
            BARE: lambda: run(home, bare("score", bundle, many, scored)),
            PIPELINES: lambda: score(home, many, few, ours),
        },
        rounds,
    )
    check_predictions(scored, ours)
    return usages


def prepare_model(home: Path) -> None:
    """Train the model, and package it."""
    tell("scoring: training the model")
    write_table(home / "data" / ENV / "01_raw" / "salary_data.csv", TRAINING_ROWS)
    run(home, kedro("run"))


def score(home: Path, many: Path, few: Path, scored: Path) -> Usage:
    """Score both files; the fewer rows only for their peak."""
    small = run(home, scoring(few, scored))
    found = run(home, scoring(many, scored))
    return {**found, GROWTH: small[PEAK]}


def scoring(rows: Path, scored: Path) -> list[str]:
    """The command that scores a file."""
    params = f"rows_to_score={rows},scored_rows={scored}"
    return kedro("run", "--pipelines", "batch_scoring", "--params", params)


def check_predictions(bare_file: Path, our_file: Path) -> None:
    """Check that both predicted the same, row by row, but for rounding.

    Raises:
        SystemExit: If they did not.
    """
    tables = [pd.read_csv(path, usecols=["Id", "salary"]) for path in (bare_file, our_file)]
    same_rows = tables[0]["Id"].equals(tables[1]["Id"])
    if not same_rows or not np.allclose(tables[0]["salary"], tables[1]["salary"], rtol=1e-9):
        raise SystemExit("the work is not the same: the predictions differ")


# --- judging ----------------------------------------------------------------------------------


def judge_part(part: str, usages: list[dict[str, Usage]]) -> dict[str, Measure]:
    """Judge every measure of a part; growth against our own peak over fewer rows."""
    found = {}
    for name, limit in LIMITS[part].items():
        ours = [usage[PIPELINES][PEAK if name == GROWTH else name] for usage in usages]
        theirs = [
            usage[PIPELINES][name] if name == GROWTH else usage[BARE][name] for usage in usages
        ]
        if usages:
            found[name] = judge(theirs, ours, limit)
    return found


def report(rows: int, measures: Mapping[str, dict[str, Measure]], *, as_json: bool) -> None:
    """Print what it cost."""
    if as_json:
        content: dict[str, Any] = {
            part: {name: {**asdict(found), "ratios": found.ratios} for name, found in all_.items()}
            for part, all_ in measures.items()
        }
        sys.stdout.write(json.dumps({"rows": rows, "measures": content}, indent=2) + "\n")
        return
    for part, all_ in measures.items():
        sys.stdout.write(f"{part}, {rows:,} rows\n" + "\n".join(as_lines(all_)) + "\n")


if __name__ == "__main__":
    main()
