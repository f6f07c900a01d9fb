"""A backup while runs go on, restored in another clone: one moment of it all, and it serves."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support import BIN, Project, copy_project, copy_trained, get, post, wait_until

MODELS = ("decision_tree", "random_forest", "ridge")
#: What never changes about a version, whatever becomes of it.
LASTING = ("version", "rmse", "claimed", "model", "data_sha256", "code_sha256", "when")


def ask(project: Project, command: str) -> Any:
    """What a models command answers; it must end well."""
    result = project.run("kedro", "models", command, "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def own(_trained: Project, tmp_path: Path) -> Project:
    """A project that has trained one version."""
    return copy_trained(_trained, tmp_path / "own")


def decided(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The decisions, without what restoring has added."""
    added = "left over from an interrupted run"
    return [row for row in history if row["action"] != "repair" and added not in row["why"]]


def test_backup_when_three_runs_go_on_then_restores_one_moment_in_another_clone_that_serves(
    own: Project, tmp_path: Path
) -> None:
    other = copy_project(tmp_path / "other")
    file = str(tmp_path / "all.zip")
    runs = [
        subprocess.Popen(
            [BIN / "kedro", "run", "--params", f"model={model}"],
            cwd=own.root,
            env=own.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for model in MODELS
    ]
    backup = own.run("kedro", "models", "backup", file)
    going_on = [run.poll() for run in runs]
    ended = [run.wait(timeout=280) for run in runs]
    restored = other.run("kedro", "models", "restore", file)

    assert (backup.returncode, backup.stderr) == (0, "")
    assert None in going_on
    assert ended == [0, 0, 0]
    assert (restored.returncode, restored.stderr) == (0, "")
    assert ask(other, "doctor")["healthy"] is True
    now, then = ask(own, "history"), ask(other, "history")
    assert decided(then) == decided(now)[: len(decided(then))]
    rows = {row["version"]: [row[name] for name in LASTING] for row in ask(own, "list")}
    listed = ask(other, "list")
    assert [[row[name] for name in LASTING] for row in listed] == [
        rows[row["version"]] for row in listed
    ]
    production = then[-1]["to"]
    assert [row["version"] for row in listed if row["production"]] == [production]
    assert all((row["stage"] == "production") == row["production"] for row in listed)
    with other.serve() as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        answer = post(f"{address}/predict", {"experience_years": 5})
    assert (answer.status, answer.body["model_version"]) == (200, production)
