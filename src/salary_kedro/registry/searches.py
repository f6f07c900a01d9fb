"""Logs the search of a tournament to MLflow: a run for each trial, within the run of all."""

import time
from collections.abc import Mapping
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunStatus

from salary_kedro.bundle.figures import amount
from salary_kedro.errors import UserError
from salary_kedro.modelling.search import Search, Trial
from salary_kedro.registry.descriptions import LEADERBOARD
from salary_kedro.registry.tracking import active_run_id
from salary_kedro.tables.spreadsheet import safe_frame

#: File of the run that holds the whole search.
SEARCH = "tournament.json"
#: What of a search the run tells elsewhere.
HELD = {"rows", "train_sha256", "asked_sha256", "run_id"}
#: Tag by which MLflow shows a run within another.
PARENT = "mlflow.parentRunId"
#: More trials than a tournament may have.
MOST = 20_000


def log_search(search: Search, leaderboard: pd.DataFrame, asked: Mapping[str, Any]) -> Search:
    """Log a search, whole, into the active MLflow run: it is what the winner's version rests on.

    Args:
        search: The trials.
        leaderboard: The same as a table.
        asked: The parameters of the tournament, as plain JSON.

    Returns:
        The search, with the run of each trial.

    Raises:
        UserError: If there is no active run.
    """
    parent = active_run_id()
    client = MlflowClient()
    experiment = client.get_run(parent).info.experiment_id
    _delete_trials(client, experiment, parent)
    mlflow.log_text(safe_frame(leaderboard).to_csv(index=False), LEADERBOARD)
    mlflow.log_dict({"asked": asked, **search.model_dump(mode="json", exclude=HELD)}, SEARCH)
    mlflow.log_metrics(_metrics(search))
    logged = [_log_trial(client, experiment, parent, trial) for trial in search.trials]
    return search.model_copy(update={"trials": tuple(logged), "run_id": parent})


def refuse_other_run(run_id: str) -> None:
    """Check that the active MLflow run holds the search: no version is without its evidence.

    Args:
        run_id: The run that the search was logged in.

    Raises:
        UserError: If it is another one, or there is none.
    """
    if active_run_id() != run_id:
        raise UserError(
            f"the search that has chosen the winner is logged in another MLflow run, {run_id}: run "
            f"again from the node log_search, and give tournaments that are held at once a name "
            f"each (SALARY_RUN)"
        )


def _metrics(search: Search) -> dict[str, float]:
    found = {"tournament_trials": len(search.trials), "tournament_rmse": search.winner.cv_rmse_mean}
    if search.best_untuned is not None:
        found["tournament_untuned_rmse"] = search.best_untuned.cv_rmse_mean
    return {name: value for name, value in found.items() if value is not None}


def _delete_trials(client: MlflowClient, experiment: str, parent: str) -> None:
    """Delete the trials that the run has from when this was interrupted."""
    for left in client.search_runs([experiment], f"tags.{PARENT} = '{parent}'", max_results=MOST):
        client.delete_run(left.info.run_id)


def _log_trial(client: MlflowClient, experiment: str, parent: str, trial: Trial) -> Trial:
    failed = trial.cv_rmse_mean is None
    told = "failed" if trial.cv_rmse_mean is None else f"RMSE {amount(trial.cv_rmse_mean)}"
    end = int(time.time() * 1000)
    begun = end - round(trial.seconds * 1000)
    run = client.create_run(
        experiment,
        start_time=begun,
        tags={PARENT: parent, **({"problem": trial.problem} if failed else {})},
        run_name=f"trial {trial.number} · {trial.model} · {told}",
    )
    run_id = str(run.info.run_id)
    settings = {"model": trial.model, "tuned": trial.tuned, **trial.settings}
    metrics = {
        "cv_rmse_mean": trial.cv_rmse_mean,
        "cv_rmse_sd": trial.cv_rmse_sd,
        "seconds": trial.seconds,
    }
    client.log_batch(
        run_id,
        metrics=[
            Metric(name, value, end, 0) for name, value in metrics.items() if value is not None
        ],
        params=[Param(name, str(value)) for name, value in settings.items()],
    )
    status = RunStatus.FAILED if failed else RunStatus.FINISHED
    client.set_terminated(run_id, RunStatus.to_string(status), end)
    return trial.model_copy(update={"run_id": run_id})
