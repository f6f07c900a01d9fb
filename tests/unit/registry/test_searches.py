"""The search of a tournament in MLflow."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from salary_kedro.errors import UserError
from salary_kedro.modelling.leaderboard import leaderboard_table
from salary_kedro.modelling.search import Search
from salary_kedro.registry.searches import log_search
from samples import trial
from stores import start_run

SEARCH = Search(
    trials=(
        trial(1, 20.5),
        trial(2, 10.25, alpha=0.1),
        trial(3, None, "decision_tree", max_depth=3),
    ),
    ended_by="trials",
    rows=28,
)


def test_log_search_when_there_is_no_run_then_is_refused(store: str) -> None:
    with pytest.raises(UserError, match="there is no MLflow run to log to: remove"):
        log_search(SEARCH, leaderboard_table(SEARCH), {})


def test_log_search_when_logged_then_each_trial_is_a_run_within_the_run(store: str) -> None:
    with start_run() as run:
        logged = log_search(SEARCH, leaderboard_table(SEARCH), {})

    client = MlflowClient()
    found = [client.get_run(str(trial.run_id)) for trial in logged.trials]
    assert [each.info.run_name for each in found] == [
        "trial 1 · ridge · RMSE 20.5",
        "trial 2 · ridge · RMSE 10.2",
        "trial 3 · decision_tree · failed",
    ]
    assert {each.data.tags["mlflow.parentRunId"] for each in found} == {run.info.run_id}
    assert [each.info.status for each in found] == ["FINISHED", "FINISHED", "FAILED"]
    assert found[1].data.params == {"model": "ridge", "tuned": "True", "alpha": "0.1"}
    assert found[1].data.metrics == {"cv_rmse_mean": 10.25, "cv_rmse_sd": 2, "seconds": 3}
    assert found[2].data.tags["problem"] == "ValueError: no"
    assert {each.info.experiment_id for each in found} == {run.info.experiment_id}


def test_log_search_when_logged_then_the_run_holds_the_whole_search(
    store: str, tmp_path: Path
) -> None:
    with start_run() as run:
        logged = log_search(SEARCH, leaderboard_table(SEARCH), {"trials": 3})

    where = f"runs:/{run.info.run_id}"
    told = json.loads(
        Path(download_artifacts(f"{where}/tournament.json", dst_path=str(tmp_path))).read_text()
    )
    table = Path(download_artifacts(f"{where}/leaderboard.csv", dst_path=str(tmp_path))).read_text()
    assert told["asked"] == {"trials": 3}
    assert told["trials"] == SEARCH.model_dump(mode="json")["trials"]
    assert [line.split(",")[:3] for line in table.splitlines()[1:]] == [
        ["1", "2", "ridge"],
        ["2", "1", "ridge"],
        ["3", "3", "decision_tree"],
    ]
    assert MlflowClient().get_run(run.info.run_id).data.metrics == {
        "tournament_trials": 3,
        "tournament_rmse": 10.25,
        "tournament_untuned_rmse": 20.5,
    }
    assert logged.run_id == run.info.run_id
    assert logged.model_copy(update={"trials": SEARCH.trials, "run_id": None}) == SEARCH


def test_log_search_when_it_was_interrupted_before_then_each_trial_is_logged_once(
    store: str,
) -> None:
    client = MlflowClient()
    with start_run() as run:
        experiment = run.info.experiment_id
        other = client.create_run(experiment, tags={"mlflow.parentRunId": "other"})
        client.create_run(experiment, tags={"mlflow.parentRunId": run.info.run_id})
        log_search(SEARCH, leaderboard_table(SEARCH), {})
        logged = log_search(SEARCH, leaderboard_table(SEARCH), {})

    within = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert {each.info.run_id for each in within} == {trial.run_id for trial in logged.trials}
    assert client.get_run(other.info.run_id).info.lifecycle_stage == "active"
