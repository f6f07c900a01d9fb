"""A tournament among the professors: by two workers against one, each in a process of its own.

Rounds alternate between both. The wall time of the search is judged, the start of its workers
included; both must end with the same trials.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
ENV = "professors"
#: Least times that two workers must be as fast as one.
LIMIT = 1.7


def search(workers: int, trials: int) -> dict[str, Any]:
    """Hold a tournament whose scores nobody knows; gives its seconds and trials."""
    import pandas as pd

    from salary_kedro.datasets.trial_scores import TrialScores
    from salary_kedro.pipelines.data_engineering import nodes as prepare
    from salary_kedro.pipelines.tournament.nodes import search_models
    from salary_kedro.project.project import open_project

    asked = open_project(ROOT, ENV).parameters
    raw = pd.read_csv(ROOT / "data" / ENV / "01_raw" / "salary_data.csv")
    valid, rejected, keys, prints, _ = prepare.validate_salaries(raw, asked.contract)
    salaries = prepare.clean_salaries(valid, rejected, asked.contract)
    train, _, split = prepare.split_salaries(
        salaries, keys, prints, asked.contract, asked.data_engineering
    )
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        found = search_models(
            train=train,
            split=split,
            contract=asked.contract,
            tournament=asked.tournament.model_copy(update={"workers": workers, "trials": trials}),
            parameters=asked.data_science,
            code_lineage={"code_sha256": "", "lock_sha256": ""},
            trial_scores=TrialScores(Path(folder, "scores")),
        )
        seconds = time.perf_counter() - begun
    scores = [trial["cv_rmse_mean"] for trial in found["trials"]]
    return {"seconds": seconds, "scores": scores}


def measure(workers: int, trials: int) -> dict[str, Any]:
    """Hold one in a process of its own."""
    command = [sys.executable, __file__, "--workers", str(workers), "--trials", str(trials)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def compare(rounds: int, trials: int) -> bool:
    """Measure both in turn, tell both, and judge."""
    found: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers, runs in found.items():
            runs.append(measure(workers, trials))
    same = len({json.dumps(run["scores"]) for runs in found.values() for run in runs}) == 1
    one, two = (median(run["seconds"] for run in found[workers]) for workers in (1, 2))
    sys.stdout.write(
        f"tournament of {trials} trials: {one:.1f} s by one worker, {two:.1f} s by two: "
        f"{one / two:.2f} times as fast (at least {LIMIT}); "
        f"{'the same trials' if same else 'OTHER TRIALS'}\n"
    )
    return same and one / two >= LIMIT


def main() -> None:
    """Compare; exit with 1 if two workers are too slow, or find something else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--workers", type=int, help="hold one by so many, and print JSON")
    asked = parser.parse_args()
    if asked.workers:
        sys.stdout.write(json.dumps(search(asked.workers, asked.trials)))
    else:
        sys.exit(not compare(asked.rounds, asked.trials))


if __name__ == "__main__":
    main()
