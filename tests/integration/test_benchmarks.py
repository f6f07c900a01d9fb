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
