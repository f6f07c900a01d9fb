"""Time and MLflow calls of decisions and lists, in a registry of 20 versions and in a large one.

Both are made of one `kedro run` in a copy of the project, whose version is then copied within the
SQLite store, with its tag; the later copies have a record of the history each: most were archived,
every hundredth was promoted, and every thousandth rolled back. All copies name the files and the
run of the original.

Each deed takes place in a process of its own, after all is imported; its time is the deed's alone,
but `list` is timed as the command that it is. MLflow's own calls take the longer the more versions
there are. A promotion is compared with a peer, MLflow's plain client making the calls that it
cannot do without: alias, history, version and place of the model read once; two records, the
alias, and the stage tags of two versions written.
"""

import argparse
import functools
import importlib
import itertools
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from training import copy_project, environment, tell

SMALL = (20, 20)
#: Most that a list may take in the large registry, to its time in the small one; and most that a
#: promotion may, to the calls that it cannot do without.
LIST, LIST_LIMIT = "list", 3.0
PROMOTION, PEER, PROMOTION_LIMIT = "promote by hand", "MLflow alone", 1.3
#: Calls to look up four versions that are not among the newest, once in each of three readings:
#: what is and was in production here; so many with 2,000 versions, and with 20,000.
LOOKED_UP = 4 * 3
KEDRO = str(Path(sys.executable).with_name("kedro"))
#: What is not to be measured.
IMPORTED = ("mlflow", "skops.io", "sklearn.linear_model", "salary_kedro.cli.models.decisions")
IMPORTED += ("salary_kedro.promotion.judge", "salary_kedro.promotion.packaging")
Row = dict[str, Any]


def main() -> None:
    """Build both registries, measure, report."""
    options = read_options()
    if options.deed:
        measure(options.deed)
        return
    large = (options.versions, options.records)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        found = {size: measure_all(Path(folder), size, options.rounds) for size in (SMALL, large)}
    deeds = {name: compare(found[SMALL][name], found[large][name]) for name in DEEDS}
    report(found if options.json else deeds, large, as_json=options.json)
    sys.exit(any(broken(deeds)))


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="times of each deed, 3 if not given")
    parser.add_argument("--versions", type=int, default=20_000, help="of the large registry")
    parser.add_argument("--records", type=int, default=10_000, help="of its history")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--deed", help=argparse.SUPPRESS)
    return parser.parse_args()


# --- building ---------------------------------------------------------------------------------


def build(home: Path, versions: int, records: int) -> None:
    """Train one version, then copy it, with tags and records."""
    copy_project(home)
    tell(f"training a model, then copying it to {versions:,} versions: {home.name}")
    run(home, KEDRO, "run")
    with closing(sqlite3.connect(home / "data" / "mlflow" / "mlflow.db")) as store, store:
        query = "SELECT experiment_id, value FROM experiment_tags WHERE value LIKE '{%'"
        place, first = store.execute(query).fetchone()
        told, production = tell_history(json.loads(first), versions, records)
        store.executemany(
            "INSERT INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)",
            [(place, f"mlflow.salary_kedro.{key}", text) for key, text in told.items()],
        )
        for table in ("model_versions", "model_version_tags"):
            copy_rows(store, table, versions)
        retag = "UPDATE model_version_tags SET key = ? WHERE key = 'production' AND version "
        store.execute(f"{retag} != ?", ["archived", production])
        store.execute("UPDATE registered_model_aliases SET version = ?", [production])
    run(home, KEDRO, "models", "doctor", "--fix")  # packages what is in production now
    run(home, KEDRO, "models", "doctor")  # fails if anything is broken


def run(home: Path, *command: str) -> str:
    """Run a command, which must succeed; gives what it prints."""
    done = subprocess.run(
        command, cwd=home, env=environment(home), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def copy_rows(store: sqlite3.Connection, table: str, versions: int) -> None:
    """Copy the rows of version 1 to all others."""
    found = store.execute(f"SELECT * FROM {table} WHERE version = 1")  # noqa: S608 - a constant
    names = [column[0] for column in found.description]
    at, rows = names.index("version"), found.fetchall()
    marks = ", ".join("?" * len(names))
    copies = (
        (*row[:at], number, *row[at + 1 :]) for row in rows for number in range(2, versions + 1)
    )
    store.executemany(f"INSERT INTO {table} VALUES ({marks})", copies)  # noqa: S608 - a constant


def tell_history(first: Row, versions: int, records: int) -> tuple[dict[str, str], int]:
    """Records of what became of the latest versions.

    Args:
        first: A record to take what is not told here from.
        versions: How many versions there are.
        records: On how many of them there is a record, or two.

    Returns:
        Records as JSON by key, and what is in production afterwards.
    """
    told: dict[str, Row] = {}
    production, knows = 1, None
    for version in range(max(2, versions - records + 1), versions + 1):
        action = "archiving" if version % 100 else "promotion" if version % 1000 else "rollback"
        about = version if action != "rollback" else 1
        after = production if action == "archiving" else about
        intent = None
        for state in ("done",) if action == "archiving" else ("intent", "done"):
            key = f"history.{len(told) + 10:09d}-00000000"
            story = {"key": key, "intent": intent, "knows": knows, "action": action, "state": state}
            told[key] = {**first, **story, "version": about, "from": production, "to": after}
            intent = key
            if action == "rollback":
                knows = f"{told[key]['intent'] or key} {state}"
        production = after
    return {key: json.dumps(record) for key, record in told.items()}, production


# --- measuring --------------------------------------------------------------------------------


def measure_all(folder: Path, size: tuple[int, int], rounds: int) -> dict[str, list[Row]]:
    """Measure every deed in a registry of a size."""
    home = folder / "x".join(map(str, size))
    build(home, *size)
    found: dict[str, list[Row]] = {name: [] for name in DEEDS}
    for number, name in itertools.product(range(rounds + 1), DEEDS):
        done = run(home, sys.executable, __file__, "--deed", name)
        row = json.loads(done.splitlines()[-1])
        if name == LIST:
            begun = time.perf_counter()
            run(home, KEDRO, "models", "list")
            row["seconds"] = time.perf_counter() - begun
        found[name].append(row)
        tell(f"{home.name}, round {number}, {name}: {row['seconds']:.2f} s")
    return {name: rows[1:] for name, rows in found.items()}  # the first told services of versions


def measure(deed: str) -> None:
    """Do a deed in the project of the current folder; print what it took as one line of JSON."""
    from salary_kedro.cli.command import open_environment

    for name in IMPORTED:
        importlib.import_module(name)

    project = open_environment(None)
    DEEDS["version"](project)  # opens the store
    calls: list[str] = []
    listen(calls)
    begun = time.perf_counter()
    DEEDS[deed](project)
    seconds = time.perf_counter() - begun
    sys.stdout.write(f"\n{json.dumps({'seconds': seconds, 'calls': len(calls)})}\n")


def listen(calls: list[str]) -> None:
    """Note each call of MLflow's client from now on that is made by no other call."""
    from mlflow import MlflowClient

    inside: list[str] = []

    def wrap(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*arguments: Any, **options: Any) -> Any:
            if not inside:
                calls.append(name)
            inside.append(name)
            try:
                return method(*arguments, **options)
            finally:
                inside.pop()

        return call

    for name in dir(MlflowClient):
        if not name.startswith("_") and callable(getattr(MlflowClient, name)):
            setattr(MlflowClient, name, wrap(name, getattr(MlflowClient, name)))


def _look(project: Any) -> None:
    from salary_kedro.upkeep.opening import registry_of

    registry_of(project).version(1)


def _list(project: Any) -> None:
    from salary_kedro.cli.models.versions import list_page

    list_page(project, 1)


def _promote(project: Any) -> None:
    """Make a version production that is not, and package it; every time another one."""
    from salary_kedro.cli.models.decisions import make_production
    from salary_kedro.upkeep.opening import registry_of

    make_production(project, 3 + (registry_of(project).production() or 0) % 10, "as agreed")


def _roll_back(project: Any) -> None:
    from salary_kedro.cli.models.decisions import go_back

    go_back(project, None, "too high", force=False)


def _call_mlflow(project: Any) -> None:
    """What a promotion asks of MLflow at least, with tags of other names."""
    from mlflow import MlflowClient

    client, name = MlflowClient(project.uri, project.uri), project.model_name
    version = client.get_model_version_by_alias(name, "production").version
    client.search_experiments(filter_string="name LIKE '%history'")
    client.get_model_version(name, version)
    client.get_model_version_download_uri(name, version)
    for tag in ("one", "other"):
        client.set_experiment_tag("0", tag, "a record" * 100)
        client.set_model_version_tag(name, version, tag, "1.0")
    client.set_registered_model_alias(name, "production", version)
    for tag in ("one", "other"):
        client.delete_model_version_tag(name, version, tag)


#: What is measured, in this order.
DEEDS: dict[str, Callable[[Any], None]] = {
    "version": _look,
    LIST: _list,
    PEER: _call_mlflow,
    PROMOTION: _promote,
    "rollback": _roll_back,
}


# --- reporting --------------------------------------------------------------------------------


def compare(few: list[Row], many: list[Row]) -> Row:
    """Medians of a deed in both registries, and their ratio."""
    times, calls = (
        [statistics.median(row[name] for row in rows) for rows in (few, many)]
        for name in ("seconds", "calls")
    )
    return {"times": times, "calls": calls, "ratio": times[1] / times[0]}


def broken(deeds: dict[str, Row]) -> Iterator[str]:
    """The limits that are not kept."""
    if deeds[LIST]["ratio"] > LIST_LIMIT:
        yield f"{LIST} takes more than {LIST_LIMIT} times as long"
    if deeds[PROMOTION]["times"][1] > PROMOTION_LIMIT * deeds[PEER]["times"][1]:
        yield f"{PROMOTION} takes more than {PROMOTION_LIMIT} times what {PEER} takes"
    for name, deed in deeds.items():
        if name != LIST and deed["calls"][1] > deed["calls"][0] + LOOKED_UP:
            yield f"{name} makes more calls"


def report(found: Any, size: tuple[int, int], *, as_json: bool) -> None:
    """Print what each deed took."""
    if as_json:
        content = {"x".join(map(str, registry)): deeds for registry, deeds in found.items()}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    heading = f"{SMALL[0]} versions, against {size[0]:,} and {size[1]:,} records; medians"
    lines = [heading, *table(found), *(f"Broken: {limit}" for limit in broken(found))]
    sys.stdout.write("\n".join(lines) + "\n")


def table(deeds: dict[str, Row]) -> Iterator[str]:
    """Aligned lines: seconds and calls; and the time in the large registry to the peer's."""
    yield f"{'':<16}{'s':>8}{'large, s':>10}{'ratio':>7}{'calls':>7}{'large':>7}{'to peer':>9}"
    peer = deeds[PEER]["times"][1]
    for name, deed in deeds.items():
        (few, many), (asked, asked_more) = deed["times"], deed["calls"]
        to_peer = f"{many / peer:.2f}" if name == PROMOTION else ""
        yield (
            f"{name:<16}{few:>8.3f}{many:>10.3f}{deed['ratio']:>7.2f}{asked:>7.0f}"
            f"{asked_more:>7.0f}{to_peer:>9}"
        )


if __name__ == "__main__":
    main()
