"""The benchmark's two peers do the same work."""

import json
import subprocess
import sys
from pathlib import Path

TRAINING = Path(__file__).parents[2] / "benchmarks" / "training.py"
MODEL = "salary_prediction_regression-model"
RMSE = 6311.262456108905


def test_bare_script_when_run_once_then_leaves_what_the_pipelines_leave() -> None:
    command = [sys.executable, str(TRAINING), "--rounds", "0", "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    bare, pipelines = json.loads(done.stdout)["results"].values()
    assert bare == pipelines
    assert bare["metrics"]["rmse"] == RMSE
    assert bare["versions"] == [[MODEL, 1, "None", "READY"]]
    assert bare["tags"] == [[1, "production", str(RMSE)]]
    assert bare["aliases"] == [[MODEL, "production", 1]]
