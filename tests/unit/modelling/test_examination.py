"""Entries on folds, against the cross-validation of any training."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from salary_kedro.contract import Contract
from salary_kedro.modelling import examination as examining
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import cross_validation_metrics, predict_out_of_fold
from salary_kedro.modelling.examination import (
    Examination,
    FoldScore,
    Task,
    examine_on,
    score_entries,
    score_fold,
)
from salary_kedro.modelling.folding import ByGroup, ByTime, Splitting, fold_rows
from salary_kedro.modelling.search import Entry
from samples import column, contract_of

PAY = contract_of(
    column("years", minimum=0),
    column("person", use="split"),
    column("people", use="weight", exclusive_minimum=0),
)
ROWS = pd.DataFrame(
    {
        "years": [float(n % 7) for n in range(24)],
        "person": [float(n // 2) for n in range(24)],
        "people": [1.0 + n % 3 for n in range(24)],
        "salary": [100.0 + 10 * (n % 7) + n % 5 for n in range(24)],
    }
)
TREE = Entry("decision_tree", {"max_depth": 2})


def examination(splitting: Splitting, contract: Contract = PAY) -> Examination:
    folding = fold_rows(ROWS, splitting, folds=3, repeats=2, random_state=234)
    return examine_on(ROWS, contract, folding, 234)


@pytest.mark.parametrize(
    "split", ["random", ByGroup(group="person"), ByTime(time="person")], ids=str
)
def test_score_when_entries_are_scored_on_folds_then_is_that_of_a_training(split: object) -> None:
    splitting = Splitting(train_size=0.7, random_state=234, split=split)  # type: ignore[arg-type]
    given = examination(splitting)

    def score_here(tasks: Sequence[Task]) -> list[FoldScore]:
        return [score_fold(given, task) for task in tasks]

    (found,) = score_entries([TREE], len(given.folds), score_here)

    model = build_pipeline(PAY, TREE.model, TREE.settings, 234, given.domain)
    expected = cross_validation_metrics(predict_out_of_fold(model, ROWS, PAY, given.folds))
    assert {"cv_rmse_mean": found.mean, "cv_rmse_sd": found.sd} == expected
    assert found.seconds > 0


def test_score_fold_when_a_fit_is_asked_for_more_threads_then_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = examination(Splitting(train_size=0.7, random_state=234))
    built: list[dict[str, Any]] = []

    def build(*arguments: Any) -> Any:
        built.append(arguments[2])
        return build_pipeline(*arguments)

    monkeypatch.setattr(examining, "build_pipeline", build)

    score_fold(given, Task(Entry("random_forest", {"n_estimators": 3, "n_jobs": 2}), 0))

    assert built == [{"n_estimators": 3, "n_jobs": 1}]


def test_score_fold_when_the_fit_fails_then_says_why() -> None:
    given = examination(Splitting(train_size=0.7, random_state=234))

    found = score_fold(given, Task(Entry("decision_tree", {"max_depth": -1}), 0))

    assert found.rmse is None
    assert "max_depth" in found.problem


def test_score_fold_when_predictions_are_no_numbers_then_it_has_failed() -> None:
    given = examination(Splitting(train_size=0.7, random_state=234))
    lost = replace(given, target=given.target * 1e307)

    found = score_fold(lost, Task(Entry("linear_regression", {}), 0))

    assert found.rmse is None
    assert found.problem


def test_score_entries_when_a_fold_fails_then_its_entry_does_and_the_others_do_not() -> None:
    scores = [
        FoldScore(1.0, 0.1),
        FoldScore(None, 0.2, "no"),
        FoldScore(3.0, 0.3),
        FoldScore(5.0, 0.4),
    ]

    first, second = score_entries([TREE, TREE], 2, lambda _: scores)

    assert (first.mean, first.problem) == (None, "no")
    assert first.seconds == pytest.approx(0.3)
    assert (second.mean, second.problem) == (4, "")


def test_score_entries_when_folds_are_done_then_gives_each_entry_as_soon_as_it_can() -> None:
    done = []

    def score_slowly(tasks: Sequence[Task]) -> Iterator[FoldScore]:
        for task in tasks:
            done.append(task.fold)
            yield FoldScore(1.0, 0.1)

    scores = score_entries([TREE, TREE], 3, score_slowly)
    next(scores)

    assert done == [0, 1, 2]
