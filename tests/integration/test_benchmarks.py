"""The peers of the benchmarks do the same work."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODEL = "salary_prediction_regression-model"
RMSE = 6311.262456108905


def test_bare_script_when_run_once_then_leaves_what_the_pipelines_leave() -> None:
    command = [sys.executable, str(BENCHMARKS / "training.py"), "--rounds", "0", "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    bare, pipelines = json.loads(done.stdout)["results"].values()
    assert bare["metrics"].items() < pipelines["metrics"].items()  # which find out more
    assert set(bare["artifacts"]) < set(pipelines["artifacts"])
    assert bare["metrics"]["rmse"] == RMSE
    assert bare["versions"] == [[MODEL, 1, "None", "READY"]]
    assert bare["tags"] == [[1, "production", str(RMSE)]]
    assert bare["aliases"] == [[MODEL, "production", 1]]


@pytest.mark.parametrize("part", ["validation", "scoring"])
def test_tables_when_both_peers_have_run_then_they_did_the_same_work(part: str) -> None:
    command = [sys.executable, str(BENCHMARKS / "tables.py"), "--part", part]

    done = subprocess.run(
        [*command, "--rows", "2000", "--rounds", "0", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"rows": 2000, "measures": {part: {}}}


def test_registry_when_it_has_more_versions_then_decisions_ask_hardly_more_of_mlflow() -> None:
    command = [sys.executable, str(BENCHMARKS / "registry.py"), "--rounds", "1", "--json"]

    done = subprocess.run(
        [*command, "--versions", "70", "--records", "60"],
        capture_output=True,
        text=True,
        check=False,
    )

    small, large = json.loads(done.stdout).values()
    for deed in ("promote by hand", "rollback"):
        asked, asked_of_more = small[deed][0]["calls"], large[deed][0]["calls"]
        assert 0 < asked <= asked_of_more <= asked + 6, deed  # two older versions, read thrice
    assert small["list"][0]["calls"] < large["list"][0]["calls"] < 70  # one for each of 50 rows


def test_tournament_when_one_or_two_workers_hold_it_then_they_find_the_same() -> None:
    found = []
    for workers in ("1", "2"):
        command = [sys.executable, str(BENCHMARKS / "tournament.py"), "--trials", "6"]
        done = subprocess.run(
            [*command, "--workers", workers], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))

    assert len(found[0]["scores"]) == 6
    assert found[0]["scores"] == found[1]["scores"]
