"""Whole `kedro run`s: killed with -9 at random moments, and eight at once."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from proofs import forks
from proofs.guarantee import Snapshot, check_at_any_time, check_decided, check_settled, look
from proofs.tally import Tally
from salary_kedro.bundle import BundleError
from salary_kedro.bundle.places import BUNDLES, data_folder
from salary_kedro.bundle.store import BundleStore, version_of
from salary_kedro.modelling.names import MODEL_NAMES
from salary_kedro.registry.history import History
from salary_kedro.registry.registry import Registry
from support import BIN, Project, copy_project, copy_trained

MODEL_NAME = "salary_prediction_regression-model"
RUNNERS = 8
DEADLINE_SECONDS = 600

EMPTY = Snapshot(None, {}, History([]))


def prove_killed_runs(
    folder: Path, count: int, seed: int, tell: Callable[[str], None] = print
) -> Tally:
    """Kill so many whole runs, one after the other; after each a normal run repairs all."""
    chance = random.Random(seed)
    trained = copy_project(folder / "trained")
    begun = time.monotonic()
    trained.kedro_run(f"--params=model={MODEL_NAMES[0]}")
    duration = time.monotonic() - begun
    violations = []
    for position in range(count):
        after = duration * (position + chance.random()) / count  # spread over the whole run
        place, first = folder / f"killed-{position}", position % 4 == 1
        project = copy_project(place) if first else copy_trained(trained, place)
        found = _kill_one(project, after, chance.choice(MODEL_NAMES), first=first)
        name = f"run {position + 1}, killed after {after:.1f} s of {duration:.1f} s"
        violations += [f"{name}: {violation}" for violation in found]
        tell(f"{position + 1} of {count} runs killed, {len(violations)} violations")
    return Tally("whole runs killed, SQLite", count, violations)


def _kill_one(project: Project, seconds: float, model: str, *, first: bool) -> list[str]:
    before = EMPTY if first else _look(project.store)
    process = _start(project, model)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    killed = EMPTY if first else _look(project.store)  # to look would complete half a store
    result = project.run("kedro", "run", f"--params=model={MODEL_NAMES[2]}")
    if result.returncode != 0:
        return [f"the next run failed: {result.stderr.strip()[-300:]}"]
    now = _look(project.store)
    return [
        *check_at_any_time(before, killed, local=True),
        *check_at_any_time(killed, now, local=True),
        *check_settled(now),
        *check_decided(now),
        *check_bundle(project, now.alias),
    ]


def prove_runs_at_once(
    folder: Path, count: int, uri: str | None = None, tell: Callable[[str], None] = print
) -> Tally:
    """Start eight whole runs at once on a fresh copy of the project, so many times.

    Args:
        folder: Where the copies are made.
        count: How many rounds.
        uri: A running server's store, in which nothing was registered yet; None for SQLite.
        tell: Told of the progress.
    """
    violations = []
    for position in range(count):
        found = _run_at_once(copy_project(folder / f"at-once-{position}"), uri)
        violations += [f"round {position + 1}: {violation}" for violation in found]
        tell(f"{position + 1} of {count} rounds of {RUNNERS} runs, {len(violations)} violations")
    where = "MLflow server on PostgreSQL" if uri else "SQLite"
    return Tally(f"rounds of {RUNNERS} whole runs, {where}", count, violations)


def _run_at_once(project: Project, uri: str | None) -> list[str]:
    environment = {} if uri is None else {"MLFLOW_TRACKING_URI": uri}
    runs = [
        _start(project, MODEL_NAMES[i % len(MODEL_NAMES)], **environment) for i in range(RUNNERS)
    ]
    errors = []
    for run in runs:
        try:
            _, error = run.communicate(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            error = f"it did not end within {DEADLINE_SECONDS} s"
        if run.wait() != 0:
            errors.append(f"a run failed: {error.strip()[-300:]}")
    now = _look(uri or project.store)
    if len(now.stages) != RUNNERS:
        errors.append(f"there are {len(now.stages)} versions")
    best = forks.run(_send_best, uri or project.store).value
    if now.alias not in best:
        errors.append(f"version {now.alias} is production; the best are {best}")
    return [
        *errors,
        *check_settled(now),
        *check_decided(now),
        *check_bundle(project, now.alias),
    ]


def _start(project: Project, model: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / "kedro", "run", f"--params=model={model}"],
        cwd=project.root,
        env={**project.environment, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _look(uri: str) -> Snapshot:
    snapshot: Snapshot = forks.run(_send_snapshot, uri).value
    return snapshot


def _send_snapshot(send: forks.Send, uri: str) -> None:
    mlflow.set_tracking_uri(uri)
    send(look(Registry(uri, MODEL_NAME)))


def _send_best(send: forks.Send, uri: str) -> None:
    """The versions of the lowest RMSE, by the metrics of their runs."""
    client = MlflowClient(uri, uri)
    rmses = {
        int(version.version): client.get_run(version.run_id).data.metrics["rmse"]
        for version in client.search_model_versions(f"name = '{MODEL_NAME}'")
    }
    send([number for number, rmse in rmses.items() if rmse == min(rmses.values())])


def check_bundle(project: Project, alias: int | None, env: str | None = None) -> Iterator[str]:
    """The pointer names the bundle of the version that the alias names, and it loads."""
    bundles = BundleStore(project.root / data_folder(env) / BUNDLES)
    try:
        name = bundles.current()
        if name is None or version_of(name) != alias:
            yield f"the bundle pointer names {name}; the alias names {alias}"
        else:
            bundles.load(name)
    except BundleError as error:
        yield f"the bundle cannot be served: {error}"
