"""Two clones and a service each, on one MLflow server: what one promotes, both serve."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from salary_kedro.promotion.by_hand import promote_by_hand
from salary_kedro.registry.registry import open_registry
from samples import constant, default_contract
from servers import mlflow_server
from stores import forget_store, log
from support import BIN, Project, copy_project, copy_trained, free_port, get, wait_until

MODEL = "salary_prediction_regression-model"
EXPERIMENT = "salary_kedro"


@dataclass(frozen=True)
class Following:
    """A `kedro models follow` that runs."""

    process: subprocess.Popen[str]
    folder: Path

    def told(self) -> list[str]:
        """What it has printed."""
        return (self.folder / "told").read_text().splitlines()

    def troubles(self) -> list[str]:
        """What it has printed to standard error."""
        return (self.folder / "troubles").read_text().splitlines()

    def end(self, sign: signal.Signals) -> int:
        """Send it a signal; its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(timeout=30)


@contextmanager
def following(project: Project, folder: Path, **environment: str) -> Iterator[Following]:
    """Follow in a project."""
    folder.mkdir()
    with (folder / "told").open("w") as told, (folder / "troubles").open("w") as troubles:
        process = subprocess.Popen(
            [BIN / "kedro", "models", "follow", "--every", "0.5"],
            cwd=project.root,
            env={**project.environment, **environment},
            stdout=told,
            stderr=troubles,
            text=True,
        )
        try:
            yield Following(process, folder)
        finally:
            process.kill()
            process.wait()


def fill(uri: str) -> None:
    """Register two versions on a server; the first is production."""
    mlflow.set_tracking_uri(uri)
    MlflowClient().create_experiment(EXPERIMENT)
    registry = open_registry(uri, MODEL)
    for salary in (100.0, 200.0):
        logged = log(constant(salary), default_contract(), 1.0, EXPERIMENT)
        registry.register(logged.model_uri, logged.run_id, logged.rmse)
    promote_by_hand(registry, 1, "the first")
    forget_store()


def served(addresses: list[str]) -> list[int]:
    """The version that each service answers from."""
    return [(get(f"{address}/model").body or {}).get("model_version", 0) for address in addresses]


@pytest.fixture
def own(_trained: Project, tmp_path: Path) -> Project:
    """A project that has trained one version."""
    return copy_trained(_trained, tmp_path / "own")


def test_follow_when_another_clone_promotes_then_every_service_changes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    port, database = free_port(), f"sqlite:///{tmp_path}/server.db"
    clones = [copy_project(tmp_path / name) for name in ("one", "two")]
    environment = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}"}
    with ExitStack() as stack:
        with mlflow_server(database, tmp_path, port) as uri:
            fill(uri)
            followers = [
                stack.enter_context(following(clone, tmp_path / f"f{number}", **environment))
                for number, clone in enumerate(clones)
            ]
            addresses = [stack.enter_context(clone.serve()) for clone in clones]
            wait_until(lambda: served(addresses) == [1, 1], "both to serve version 1")
            promote = ("models", "promote", "2", "--reason", "agreed")
            assert clones[0].run("kedro", *promote, **environment).returncode == 0
            wait_until(lambda: served(addresses) == [2, 2], "both to serve version 2")
        wait_until(lambda: all(f.troubles() for f in followers), "both to miss the server")
        with mlflow_server(database, tmp_path, port) as uri:
            registry = open_registry(uri, MODEL)
            promote_by_hand(registry, 1, "no")
            wait_until(lambda: served(addresses) == [1, 1], "both to serve version 1 again")
            forget_store()
        ends = [
            f.end(sign) for f, sign in zip(followers, (signal.SIGTERM, signal.SIGINT), strict=True)
        ]

    assert ends == [0, 0]
    assert [len(follower.told()) for follower in followers] == [3, 3]
    for follower in followers:
        first = follower.troubles()[0]
        assert first.startswith(f"not followed: the tracking store http://127.0.0.1:{port} cannot ")
        assert first.endswith("; asking again every 0.5 s")
        assert not any("Traceback" in line for line in follower.troubles())


def test_follow_when_the_store_is_a_file_then_follows_that_once_and_again(
    own: Project, tmp_path: Path
) -> None:
    (own.bundles / "current").unlink()

    result = own.run("kedro", "models", "follow", "--once", "--json")

    name = (own.bundles / "current").read_text().strip()
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"production": 1, "bundle": name, "moved": True}
    with following(own, tmp_path / "f") as follower:
        wait_until(follower.told, "the first look")
        (own.bundles / "current").unlink()
        wait_until((own.bundles / "current").exists, "the pointer to be back")
        assert follower.end(signal.SIGTERM) == 0
    assert follower.told()[0] == f"Production is version 1, bundle {name}, as before"
    assert follower.troubles() == []


def test_follow_when_there_is_no_store_then_once_fails_and_the_loop_waits(
    project: Project, tmp_path: Path
) -> None:
    result = project.run("kedro", "models", "follow", "--once")

    words = "no model was ever trained in this environment: `make run` trains one"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"Error: {words}\n")
    with following(project, tmp_path / "f") as follower:
        wait_until(follower.troubles, "the first look")
        assert follower.end(signal.SIGINT) == 0
    assert follower.troubles() == [f"not followed: {words}; asking again every 0.5 s"]
    assert not os.path.lexists(project.root / "data" / "mlflow")
