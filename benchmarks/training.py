"""Time and memory of training: the Kedro pipelines against one bare script for the same work.

Both peers run in copies of the project of their own, with stores of their own. One run of each
warms up: it compiles the sources, creates the store and makes version 1 production; all that the
script left behind must be the same in what the pipelines left. Then come the rounds, each one run
of both, the order alternating. A round gives one ratio, pipelines to bare script, for each measure.

The pipelines do more than is compared: plots of more, in a style of their own, intervals,
baselines, reports and fingerprints of a model; the interval, the history and the files of a
verdict, and the bundle pointer aligned. What that costs is in their figures; that of promotion is
told by itself too, as the seconds that its nodes take within a run.

A limit *holds* if the median of the ratios keeps to it, and is *broken* if three quarters of the
ratios exceed it; in between, noise decides, and more rounds tell. Only a broken limit, or work
that is not the same, gives exit code 1.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
COMMANDS = {
    "bare script": [sys.executable, "benchmarks/bare_script.py"],
    "pipelines": [
        str(Path(sys.executable).with_name("kedro")),
        "run",
        "--pipelines",
        "data_engineering,data_science,promotion",
    ],
}
BARE, PIPELINES = COMMANDS
RMSE = 6311.262456108905
#: Most that the pipelines may take, as a multiple of the bare script's; None is told, not judged.
LIMITS = {"wall time, s": 1.0, "CPU time, s": None, "peak memory, MB": 1.1}
#: Most seconds that promotion may take of a run of the pipelines.
PROMOTION, PROMOTION_LIMIT = "promotion, s", 1.0
PROMOTION_NODES = ("bring_into_line", "promote_if_better")
#: Variables that would change what a peer does, or where it keeps its files.
FOREIGN = ("PYTHON", "COV", "GIT_", "BENTOML", "KEDRO", "MLFLOW", "SALARY")
UNTRACKED = {
    "DO_NOT_TRACK": "true",
    "BENTOML_DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
GIT = ["git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
GIT += ["-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"]
READ_MARK = "registered_model_meta"  # MLflow puts it beside a registered model that was read
MEGABYTE = 1e6 if sys.platform == "darwin" else 1e3  # in the unit of ru_maxrss

Usage = dict[str, float]
#: What starts a peer, by its name; the pipelines are the second.
Commands = Mapping[str, list[str]]


@dataclass(frozen=True)
class Measure:
    """One measure over all rounds.

    Attributes:
        bare: Values of the bare script, one a round.
        pipelines: Values of the pipelines, one a round.
        limit: Most that the ratio may be; None if it is not judged.
        verdict: `holds`, `broken`, `unclear`, or `-` without a limit.
    """

    bare: list[float]
    pipelines: list[float]
    limit: float | None
    verdict: str

    @property
    def ratios(self) -> list[float]:
        """Pipelines to bare script, one a round."""
        return [ours / bare for ours, bare in zip(self.pipelines, self.bare, strict=True)]


def main() -> None:
    """Prove that the work is the same, measure, report."""
    options = read_options()
    results, usages = compare(COMMANDS, options.rounds)
    measures = judge_all(usages) if usages else {}
    if usages:
        promotion = [usage[PIPELINES][PROMOTION] for usage in usages]
        measures[PROMOTION] = judge([1.0] * len(promotion), promotion, PROMOTION_LIMIT)
    report(results, measures, as_json=options.json)


def compare(commands: Commands, rounds: int) -> tuple[dict[str, Any], list[dict[str, Usage]]]:
    """Run both peers, once to prove that the work is the same, then in rounds.

    Returns:
        What the first run of each has left, and what each run of each round took.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        homes = {name: copy_project(Path(folder) / name.split()[0]) for name in commands}
        for name, home in homes.items():
            tell(f"warming up: {name}")
            run_once(name, commands[name], home)
        results = {name: read_results(home) for name, home in homes.items()}
        check_same(results)
        usages = [run_round(number, commands, homes) for number in range(rounds)]
        check_same({name: read_results(home) for name, home in homes.items()})
    return results, usages


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    help_text = "timed runs of each, 5 if not given; 0 only compares the work"
    parser.add_argument("--rounds", type=int, default=5, help=help_text)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def tell(message: str) -> None:
    """Show progress."""
    sys.stderr.write(f"{message}\n")


# --- running ----------------------------------------------------------------------------------


def copy_project(home: Path) -> Path:
    """Copy what git would commit into a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, home / name)
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "copy"]):
        subprocess.run([*GIT, *arguments], cwd=home, check=True, env=environment(home))
    return home


def environment(home: Path) -> dict[str, str]:
    """The variables of a peer: the caller's, but its own code, stores and no telemetry."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    own = {"PYTHONPATH": str(home / "src"), "BENTOML_HOME": f"{home}-bentoml"}
    return {**kept, **UNTRACKED, **own}


def run_round(number: int, commands: Commands, homes: Mapping[str, Path]) -> dict[str, Usage]:
    """Run both peers, the pipelines last in even rounds."""
    order = list(homes) if number % 2 == 0 else list(homes)[::-1]
    usages = {name: run_once(name, commands[name], homes[name]) for name in order}
    usages[PIPELINES][PROMOTION] = promotion_seconds(homes[PIPELINES])
    times = ", ".join(f"{name} {usages[name]['wall time, s']:.2f} s" for name in homes)
    tell(f"round {number + 1}: {times}")
    return usages


def run_once(name: str, command: list[str], home: Path) -> Usage:
    """Run a peer to its end.

    Returns:
        Seconds of wall time, seconds of CPU time and MB of peak memory, child processes included.

    Raises:
        SystemExit: If it fails; shows the end of its output.
    """
    log = home.with_name(f"{home.name}.log")
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=home, env=environment(home), stdout=output, stderr=output
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{name} failed:\n{log.read_text(errors='replace')[-3000:]}")
    return dict(
        zip(LIMITS, (wall, used.ru_utime + used.ru_stime, used.ru_maxrss / MEGABYTE), strict=True)
    )


def promotion_seconds(home: Path) -> float:
    """Seconds that the promotion nodes of the last run took, by the times in its log."""
    log = (home / "data" / "logs" / "kedro.log").read_text(encoding="utf-8")
    seconds = 0.0
    for name in PROMOTION_NODES:
        begun, ended = (
            datetime.fromisoformat(
                re.findall(rf"^(\S+ \S+) INFO .*{text} node: {name}\b", log, re.MULTILINE)[-1]
            )
            for text in ("Running", "Completed")
        )
        seconds += (ended - begun).total_seconds()
    return seconds


# --- the same work ----------------------------------------------------------------------------


def read_results(home: Path) -> dict[str, Any]:
    """Read what the runs so far have left: the registry, the last run, the files."""
    database = home / "data" / "mlflow" / "mlflow.db"
    with closing(sqlite3.connect(database)) as store:
        run_id = store.execute(
            "SELECT run_id FROM model_versions ORDER BY version DESC LIMIT 1"
        ).fetchone()[0]
        return {
            **read_registry(store),
            **read_run(store, run_id),
            "artifacts": read_artifacts(store, run_id),
            "files": read_files(home / "data"),
        }


def read_registry(store: sqlite3.Connection) -> dict[str, Any]:
    """Versions with their stage tags, the alias, and the number of runs behind them."""
    versions = "SELECT name, version, current_stage, status FROM model_versions ORDER BY version"
    tags = (
        "SELECT version, key, value FROM model_version_tags "
        "WHERE key IN ('staging', 'production', 'archived') ORDER BY version, key"
    )
    aliases = "SELECT name, alias, version FROM registered_model_aliases"
    return {
        "versions": store.execute(versions).fetchall(),
        "tags": store.execute(tags).fetchall(),
        "aliases": store.execute(aliases).fetchall(),
        "runs": store.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall(),
    }


def read_run(store: sqlite3.Connection, run_id: str) -> dict[str, Any]:
    """Metrics, parameters and lineage of one run, but for the data's fingerprint.

    The script takes that from the file's bytes, the pipelines from the table.
    """
    lineage = "('git_dirty', 'lock_sha256')"
    queries = {
        "metrics": "SELECT key, value FROM latest_metrics WHERE run_uuid = ? ORDER BY key",
        "parameters": "SELECT key, value FROM params WHERE run_uuid = ? "
        "AND key NOT LIKE 'promotion.%' ORDER BY key",
        "lineage": f"SELECT key, value FROM tags WHERE run_uuid = ? AND key IN {lineage}",  # noqa: S608 - a constant
    }
    return {name: dict(store.execute(sql, (run_id,)).fetchall()) for name, sql in queries.items()}


def read_artifacts(store: sqlite3.Connection, run_id: str) -> list[str]:
    """Names of the files that one run logged, those of its model included."""
    places = {
        "run": "SELECT artifact_uri FROM runs WHERE run_uuid = ?",
        "model": "SELECT artifact_location FROM logged_models WHERE source_run_id = ?",
    }
    names = []
    for label, sql in places.items():
        folder = Path(store.execute(sql, (run_id,)).fetchone()[0].removeprefix("file://"))
        found = (path for path in folder.rglob("*") if path.is_file() and path.name != READ_MARK)
        names += [f"{label}/{path.relative_to(folder)}" for path in found]
    return sorted(names)


def read_files(data: Path) -> dict[str, str]:
    """The tables and models under `data/`.

    Returns:
        By path, the sha256 of what must not differ by a byte, and nothing for the files whose
        format carries more than its content.
    """
    exact, named = {".csv"}, {".parquet", ".skops"}
    return {
        str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.suffix in exact
        else ""
        for path in sorted(data.glob("0*/**/*"))
        if path.suffix in exact | named and "bundles" not in path.parts
    }


def check_same(results: Mapping[str, dict[str, Any]]) -> None:
    """Check that the pipelines did all the work of the script, and both the expected work.

    Raises:
        SystemExit: If they did not; shows each difference.
    """
    (peer, bare), (_, pipelines) = results.items()
    ours = {key: of_the_script(bare[key], value) for key, value in pipelines.items()}
    differences = [
        f"{key}:\n  {peer}: {bare[key]}\n  {PIPELINES}: {ours[key]}"
        for key in bare
        if bare[key] != ours[key]
    ]
    if bare["metrics"]["rmse"] != RMSE:
        differences.append(f"the RMSE is {bare['metrics']['rmse']}, not {RMSE}")
    if (1, "production", str(RMSE)) not in bare["tags"]:
        differences.append(f"version 1 is not production with that RMSE: {bare['tags']}")
    if differences:
        raise SystemExit("the work is not the same:\n" + "\n".join(differences))


def of_the_script(bare: Any, ours: Any) -> Any:
    """What the script left too, of what the pipelines left."""
    if isinstance(bare, dict):
        return {name: value for name, value in ours.items() if name in bare}
    if bare and isinstance(bare[0], str):  # names of files
        return [name for name in ours if name in bare]
    return ours


# --- judging ----------------------------------------------------------------------------------


def judge_all(
    usages: list[dict[str, Usage]], peer: str = BARE, limits: Mapping[str, float | None] = LIMITS
) -> dict[str, Measure]:
    """Judge every measure that has a limit, or None."""
    return {
        name: judge(
            [usage[peer][name] for usage in usages],
            [usage[PIPELINES][name] for usage in usages],
            limit,
        )
        for name, limit in limits.items()
    }


def judge(bare: list[float], pipelines: list[float], limit: float | None) -> Measure:
    """Judge one measure by the ratios of its rounds."""
    measure = Measure(bare, pipelines, limit, "-")
    if limit is None:
        return measure
    if statistics.median(measure.ratios) <= limit:
        return Measure(bare, pipelines, limit, "holds")
    above = sum(ratio > limit for ratio in measure.ratios) / len(measure.ratios)
    return Measure(bare, pipelines, limit, "broken" if above >= 0.75 else "unclear")


def report(
    results: Mapping[str, dict[str, Any]], measures: Mapping[str, Measure], *, as_json: bool
) -> None:
    """Print what both did and what it cost, and exit: with code 1 if a limit is broken."""
    if as_json:
        content = {
            "results": results,
            "measures": {
                name: {**asdict(measure), "ratios": measure.ratios}
                for name, measure in measures.items()
            },
        }
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        sys.stdout.write(f"Both did the same work; RMSE {RMSE}, version 1 is production.\n")
        if measures:
            sys.stdout.write("\n".join(table(measures, next(iter(results)))) + "\n")
    sys.exit(any(measure.verdict == "broken" for measure in measures.values()))


def table(measures: Mapping[str, Measure], peer: str = BARE) -> list[str]:
    """The aligned table: medians, the median of the ratios with its spread, the limit."""
    rows = [("median", peer, PIPELINES, "ratio", "from - to", "limit", "")]
    for name, measure in measures.items():
        ratios = measure.ratios
        rows.append(
            (
                name,
                f"{statistics.median(measure.bare):.2f}",
                f"{statistics.median(measure.pipelines):.2f}",
                f"{statistics.median(ratios):.3f}",
                f"{min(ratios):.3f} - {max(ratios):.3f}",
                "-" if measure.limit is None else f"{measure.limit:.2f}",
                measure.verdict,
            )
        )
    return [
        f"{row[0]:<16}{row[1]:>13}{row[2]:>11}{row[3]:>8}{row[4]:>16}{row[5]:>7}  {row[6]}"
        for row in rows
    ]


if __name__ == "__main__":
    main()
