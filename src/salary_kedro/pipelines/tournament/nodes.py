"""From training rows to the parameters that the winner is trained by."""

from typing import Any

import pandas as pd

from salary_kedro.contract import Contract
from salary_kedro.datasets.trial_scores import TrialScores
from salary_kedro.modelling import leaderboard as boards
from salary_kedro.modelling import style
from salary_kedro.modelling.search import Search, run_search
from salary_kedro.partitions.cluster import Cluster
from salary_kedro.pipelines.tournament.examining import examiner, fingerprint_of, plan_search
from salary_kedro.project.parameters import DataScience, Halves, Tournament, WinningParameters
from salary_kedro.registry import searches


def search_models(
    train: pd.DataFrame,
    split: dict[str, Any],
    contract: Contract,
    tournament: Tournament,
    parameters: DataScience,
    code_lineage: dict[str, str],
    trial_scores: TrialScores,
    trial_cluster: Cluster | None = None,
) -> dict[str, Any]:
    """Try models and settings by cross-validation on the training rows; the holdout has no part.

    Scores that are known, of the same rows, folds, code and settings, are not computed again. The
    workers of a cluster compute the others, where there is one.

    Returns:
        The `Search` as plain JSON.

    Raises:
        UserError: If the rows are of another split, or too few, or a worker was ended.
    """
    halves = Halves.model_validate(split)
    halves.refuse_others(train=train)
    plan = plan_search(train, tournament, parameters, trial_cluster)
    with examiner(
        train, halves, contract, tournament, parameters, code_lineage, trial_scores, trial_cluster
    ) as examine:
        found = run_search(plan, examine)
    asked = {
        "train_sha256": halves.train_sha256,
        "asked_sha256": fingerprint_of(halves, contract, tournament, parameters),
    }
    return found.model_copy(update=asked).model_dump(mode="json")


def rank_trials(search: dict[str, Any]) -> pd.DataFrame:
    """Put the trials into a table, the best first."""
    return boards.leaderboard_table(Search.model_validate(search))


def plot_leaderboard(search: dict[str, Any], contract: Contract) -> bytes:
    """Draw the trials, as PNG.

    Raises:
        UserError: If all of them have failed.
    """
    unit = contract.target.unit or ""
    return style.as_png(boards.plot_leaderboard(Search.model_validate(search), unit))


def log_search(
    search: dict[str, Any],
    leaderboard: pd.DataFrame,
    split: dict[str, Any],
    contract: Contract,
    tournament: Tournament,
    parameters: DataScience,
) -> dict[str, Any]:
    """Log the whole search to MLflow, before its winner is trained.

    Returns:
        The `Search` as plain JSON, with the run of each trial.

    Raises:
        UserError: If all trials have failed, or the search is another one.
    """
    found = _search_of(search, split, contract, tournament, parameters)
    logged = searches.log_search(found, leaderboard, tournament.model_dump(mode="json"))
    return logged.model_dump(mode="json")


def choose_winner(
    logged_search: dict[str, Any],
    split: dict[str, Any],
    contract: Contract,
    tournament: Tournament,
    parameters: DataScience,
) -> WinningParameters:
    """Give the parameters of a plain run, with the model and the settings that have won.

    Raises:
        UserError: If all trials have failed, or the search is another one.
    """
    found = _search_of(logged_search, split, contract, tournament, parameters)
    model, settings = found.winner.model, found.winner.settings
    hyperparameters = dict(parameters.hyperparameters)
    if settings != hyperparameters.get(model, {}):
        hyperparameters[model] = settings
    chosen = {
        "model": model,
        "hyperparameters": hyperparameters,
        "train_sha256": found.train_sha256,
        "run_id": found.run_id,
    }
    return WinningParameters.model_validate({**dict(parameters), **chosen})


def _search_of(
    search: dict[str, Any],
    split: dict[str, Any],
    contract: Contract,
    tournament: Tournament,
    parameters: DataScience,
) -> Search:
    found, halves = Search.model_validate(search), Halves.model_validate(split)
    asked = fingerprint_of(halves, contract, tournament, parameters)
    found.refuse_others(halves.train_sha256, asked)
    return found
