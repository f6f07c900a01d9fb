"""From training rows to the parameters of the winner, with the workers' tasks done here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient

from salary_kedro.contract import Contract
from salary_kedro.datasets.trial_scores import TrialScores
from salary_kedro.errors import UserError
from salary_kedro.modelling.evaluation import cross_validation_metrics
from salary_kedro.modelling.examination import Examination, FoldScore, Map, Task, score_fold
from salary_kedro.pipelines.data_engineering.nodes import (
    clean_salaries,
    split_salaries,
    validate_salaries,
)
from salary_kedro.pipelines.data_science.nodes import cross_validate, fit_model
from salary_kedro.pipelines.tournament import examining
from salary_kedro.pipelines.tournament.nodes import (
    choose_winner,
    log_search,
    plot_leaderboard,
    rank_trials,
    search_models,
)
from salary_kedro.project.parameters import (
    CrossValidation,
    DataEngineering,
    DataScience,
    Tournament,
    TrainedBy,
    WinningParameters,
    parameters_lineage,
)
from salary_kedro.tables.fingerprint import fingerprint
from samples import default_contract, raw_salaries
from stores import start_run

CODE = {"code_sha256": "code", "lock_sha256": "lock"}
TOURNAMENT = Tournament.model_validate(
    {
        "candidates": {
            "linear_regression": {},
            "ridge": {"alpha": {"low": 0.01, "high": 10.0, "log": True}},
            "decision_tree": {"max_depth": {"low": 1, "high": 4}},
        },
        "trials": 11,
        "workers": 2,
        "cross_validation": {"folds": 3, "repeats": 1},
    }
)
SCIENCE = DataScience(
    model="linear_regression",
    random_state=234,
    cross_validation=CrossValidation(folds=3, repeats=1),
    hyperparameters={"decision_tree": {"min_samples_leaf": 2}, "ridge": {"alpha": 0.5}},
)
TARGET = default_contract().target.model_copy(update={"unit": "other"})
OTHER_CONTRACT = default_contract().model_copy(update={"target": TARGET})
Split = tuple[pd.DataFrame, dict[str, Any]]


@pytest.fixture
def split(contract: Contract) -> Split:
    """Training rows of the default table, and how they were split."""
    valid, rejected, keys, prints, _ = validate_salaries(raw_salaries(), contract)
    salaries = clean_salaries(valid, rejected, contract)
    how = DataEngineering(train_size=0.7, random_state=234)
    train, _, record = split_salaries(salaries, keys, prints, contract, how)
    return train, record


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """The tasks that were computed, in this process."""
    computed: list[Task] = []

    @contextmanager
    def here(examination: Examination, count: int) -> Iterator[Map]:
        def score_all(tasks: Sequence[Task]) -> Iterator[FoldScore]:
            for task in tasks:
                computed.append(task)
                yield score_fold(examination, task)

        yield score_all

    monkeypatch.setattr(examining, "worker_processes", here)
    return computed


def search(split: Split, contract: Contract, known: Path, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "train": split[0],
        "split": split[1],
        "contract": contract,
        "tournament": TOURNAMENT,
        "parameters": SCIENCE,
        "code_lineage": CODE,
        **changes,
    }
    return search_models(trial_scores=TrialScores(known), **given)


def untimed(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**trial, "seconds": 0} for trial in found["trials"]]


def test_search_when_done_then_scores_plain_runs_as_they_cross_validate_themselves(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task]
) -> None:
    found = search(split, contract, tmp_path / "scores")

    science = SCIENCE.model_copy(update={"model": "decision_tree"})
    fitted = fit_model(split[0], contract, science)
    expected = cross_validation_metrics(cross_validate(fitted, *split, contract, science))
    tree = found["trials"][2]
    assert (tree["model"], tree["settings"]) == ("decision_tree", {"min_samples_leaf": 2})
    assert {name: tree[name] for name in expected} == expected
    assert len(found["trials"]) == 11


def test_search_when_scores_are_known_then_computes_none_again_and_is_the_same(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task]
) -> None:
    first = search(split, contract, tmp_path / "scores")
    done.clear()

    assert search(split, contract, tmp_path / "scores") == first
    assert done == []


@pytest.mark.parametrize("left", [0, 1, 5])
def test_search_when_some_scores_are_known_then_computes_the_others_and_is_the_same(
    left: int, split: Split, contract: Contract, tmp_path: Path, done: list[Task]
) -> None:
    first, known = search(split, contract, tmp_path / "scores"), tmp_path / "scores"
    lines = known.read_bytes().split(b"\n\n")
    known.write_bytes(b"\n\n".join(lines[:left]) + b'\n{"key": "cut')
    done.clear()

    again = search(split, contract, known)

    assert untimed(again) == untimed(first)
    assert len(done) == 3 * (len(lines) - left)


@pytest.mark.parametrize(
    "change",
    [
        {"code_lineage": {**CODE, "code_sha256": "other"}},
        {"code_lineage": {**CODE, "lock_sha256": "other"}},
        {"parameters": SCIENCE.model_copy(update={"random_state": 1})},
        {
            "tournament": TOURNAMENT.model_copy(
                update={"cross_validation": CrossValidation(folds=4, repeats=1)}
            )
        },
        {"contract": OTHER_CONTRACT},
    ],
    ids=["code", "lock", "seed", "folds", "contract"],
)
def test_search_when_something_else_is_examined_then_takes_no_score_for_another(
    change: dict[str, Any], split: Split, contract: Contract, tmp_path: Path, done: list[Task]
) -> None:
    search(split, contract, tmp_path / "scores")
    before = len((tmp_path / "scores").read_bytes().splitlines())

    search(split, known=tmp_path / "scores", **{"contract": contract, **change})

    assert len((tmp_path / "scores").read_bytes().splitlines()) >= 1.5 * before


def test_search_when_rows_or_split_are_others_then_takes_no_score_for_another(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task]
) -> None:
    train, record = split
    few = train.iloc[1:]
    other_rows = few, {**record, "train_sha256": fingerprint(few)}
    how = DataEngineering(train_size=0.6, random_state=234).model_dump(mode="json")
    other_split = train, {**record, "parameters": how}
    search(split, contract, tmp_path / "scores")

    for other in (other_rows, other_split):
        done.clear()
        search(other, contract, tmp_path / "scores")
        assert len(done) >= 3 * len(TOURNAMENT.candidates)


@pytest.mark.parametrize("package", ["scikit-learn", "numpy", "scipy", "pandas"])
def test_search_when_another_release_is_installed_then_takes_no_score_of_the_old_one(
    package: str,
    split: Split,
    contract: Contract,
    tmp_path: Path,
    done: list[Task],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search(split, contract, tmp_path / "scores")
    done.clear()
    installed = examining.version
    monkeypatch.setattr(
        examining, "version", lambda name: "0.0" if name == package else installed(name)
    )

    search(split, contract, tmp_path / "scores")

    assert len(done) >= 3 * len(TOURNAMENT.candidates)


@pytest.mark.parametrize("what", ["machine", "python_version"])
def test_search_when_python_or_the_machine_are_others_then_takes_no_score_of_the_old_one(
    what: str,
    split: Split,
    contract: Contract,
    tmp_path: Path,
    done: list[Task],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search(split, contract, tmp_path / "scores")
    done.clear()
    monkeypatch.setattr(f"platform.{what}", lambda: "other")

    search(split, contract, tmp_path / "scores")

    assert len(done) >= 3 * len(TOURNAMENT.candidates)


def test_search_when_rows_are_of_another_split_then_is_refused(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task]
) -> None:
    with pytest.raises(UserError, match="come from different raw tables or splits"):
        search((split[0].iloc[1:], split[1]), contract, tmp_path / "scores")


def test_search_when_there_are_too_few_rows_for_its_folds_then_names_its_own_parameter(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task]
) -> None:
    many = TOURNAMENT.model_copy(update={"cross_validation": CrossValidation(folds=99, repeats=1)})

    with pytest.raises(UserError, match=r"^tournament\.cross_validation\.folds: 99 folds need "):
        search(split, contract, tmp_path / "scores", tournament=many)


def test_winner_when_chosen_then_is_trained_by_the_other_parameters_of_a_plain_run(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task], store: str
) -> None:
    found = search(split, contract, tmp_path / "scores")
    board = rank_trials(found)
    with start_run() as run:
        logged = log_search(found, board, split[1], contract, TOURNAMENT, SCIENCE)

    winner = choose_winner(logged, split[1], contract, TOURNAMENT, SCIENCE)

    best = board.iloc[0]
    assert (winner.model, found["trials"][best["trial"] - 1]["settings"]) == (
        best["model"],
        winner.hyperparameters[winner.model],
    )
    others = {"model", "hyperparameters", "train_sha256", "run_id"}
    assert {**dict(winner), **dict.fromkeys(others)} == {**dict(SCIENCE), **dict.fromkeys(others)}
    assert (winner.train_sha256, winner.run_id) == (fingerprint(split[0]), run.info.run_id)
    nested = MlflowClient().search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    )
    assert len(nested) == 11


def test_winner_when_no_other_settings_are_better_then_repeats_a_plain_run(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task], store: str
) -> None:
    how = DataEngineering(train_size=0.7, random_state=234)
    for model in ("decision_tree", "linear_regression"):
        alone = TOURNAMENT.model_copy(update={"candidates": {model: {}}, "trials": 1})
        found = search(split, contract, tmp_path / model, tournament=alone)
        with start_run():
            logged = log_search(found, rank_trials(found), split[1], contract, alone, SCIENCE)
        plain = SCIENCE.model_copy(update={"model": model})

        winner = choose_winner(logged, split[1], contract, alone, SCIENCE)

        assert parameters_lineage(
            contract, TrainedBy(data_engineering=how, data_science=winner)
        ) == parameters_lineage(contract, TrainedBy(data_engineering=how, data_science=plain))


def test_plot_when_drawn_then_is_a_png(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task]
) -> None:
    found = search(split, contract, tmp_path / "scores")

    assert plot_leaderboard(found, contract).startswith(b"\x89PNG")


# --- Searches, and winners, of something else ------------------------------------------


OTHER_ROWS = {"train_sha256": "0" * 64}
OTHER_TRIALS = TOURNAMENT.model_copy(update={"trials": 12})
OTHER_SEED = SCIENCE.model_copy(update={"random_state": 1})


def asked(split: Split, contract: Contract) -> dict[str, Any]:
    given = {"tournament": TOURNAMENT, "parameters": SCIENCE}
    return {"split": split[1], "contract": contract, **given}


@pytest.mark.parametrize(
    ("rows", "change"),
    [
        (OTHER_ROWS, {}),
        ({}, {"tournament": OTHER_TRIALS}),
        ({}, {"parameters": OTHER_SEED}),
        ({}, {"contract": OTHER_CONTRACT}),
    ],
    ids=["rows", "tournament", "seed", "contract"],
)
def test_search_when_it_is_of_something_else_then_is_neither_logged_nor_won(
    rows: dict[str, str],
    change: dict[str, Any],
    split: Split,
    contract: Contract,
    tmp_path: Path,
    done: list[Task],
    store: str,
) -> None:
    found = search(split, contract, tmp_path / "scores")
    others = {**asked((split[0], {**split[1], **rows}), contract), **change}

    with start_run() as run:
        with pytest.raises(UserError, match="the search is of other training rows or parameters"):
            log_search(found, rank_trials(found), **others)
        with pytest.raises(UserError, match="the search is of other training rows or parameters"):
            choose_winner({**found, "run_id": run.info.run_id}, **others)

    assert MlflowClient().get_run(run.info.run_id).data.metrics == {}


def test_search_when_more_workers_go_on_with_it_then_is_the_same(
    split: Split, contract: Contract, tmp_path: Path, done: list[Task], store: str
) -> None:
    found = search(split, contract, tmp_path / "scores")
    more = asked(split, contract)
    more["tournament"] = TOURNAMENT.model_copy(update={"workers": 7})

    with start_run():
        logged = log_search(found, rank_trials(found), **more)

    assert choose_winner(logged, **more).train_sha256 == split[1]["train_sha256"]


def winning(split: Split, run_id: str) -> WinningParameters:
    return WinningParameters.model_validate(
        {**dict(SCIENCE), "train_sha256": split[1]["train_sha256"], "run_id": run_id}
    )


def test_fit_when_the_winner_was_chosen_on_other_rows_then_is_refused(
    split: Split, contract: Contract, store: str
) -> None:
    with start_run() as run:
        winner = winning(split, run.info.run_id)
        fit_model(split[0], contract, winner)

        with pytest.raises(UserError, match="was chosen on other training rows"):
            fit_model(split[0].iloc[1:], contract, winner)


def test_fit_when_the_search_is_logged_in_another_run_then_is_refused(
    split: Split, contract: Contract, store: str
) -> None:
    with start_run() as run:
        winner = winning(split, run.info.run_id)

    with start_run(), pytest.raises(UserError, match="run again from the node log_search"):
        fit_model(split[0], contract, winner)


def test_lineage_when_a_winner_is_trained_then_is_that_of_a_plain_run(
    split: Split, contract: Contract
) -> None:
    how = DataEngineering(train_size=0.7, random_state=234)

    of_winner, of_plain = (
        parameters_lineage(contract, TrainedBy(data_engineering=how, data_science=science))
        for science in (winning(split, "run"), SCIENCE)
    )

    assert of_winner == of_plain
