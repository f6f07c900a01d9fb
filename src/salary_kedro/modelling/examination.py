"""What the entries of a tournament are examined on: the folds of the training rows."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import pandas as pd

from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import (
    Weights,
    features_and_target,
    fold_rmse,
    predict_fold,
    weights_of,
)
from salary_kedro.modelling.folding import Fold
from salary_kedro.modelling.search import Entry, Score
from salary_kedro.modelling.spaces import Settings
from salary_kedro.tables.frames import learn_domain


@dataclass(frozen=True)
class Examination:
    """Training rows and their folds; the same for every entry.

    Attributes:
        contract: Names the features and the target.
        domain: What the training rows cover.
        features: Of the training rows, encoded.
        target: Their target.
        weights: How many people each stands for; None if all are one.
        folds: Places of the rows to fit and to score on.
        random_state: Seed of everything random in a fit.
    """

    contract: Contract
    domain: Domain
    features: pd.DataFrame
    target: pd.Series
    weights: Weights | None
    folds: tuple[Fold, ...]
    random_state: int


class Task(NamedTuple):
    """One entry on one fold; the smallest piece of work, so that all workers stay busy."""

    entry: Entry
    fold: int


class FoldScore(NamedTuple):
    """How an entry did on a fold.

    Attributes:
        rmse: In the target's unit; None if it failed.
        seconds: How long fitting and predicting took.
        problem: Why it failed; empty if it did not.
    """

    rmse: float | None
    seconds: float
    problem: str = ""


#: Scores tasks, in their order: in this process, in others, on a cluster.
Map = Callable[[Sequence[Task]], Iterable[FoldScore]]


def examine_on(
    train: pd.DataFrame, contract: Contract, folding: Iterable[Fold], random_state: int
) -> Examination:
    """Prepare the training rows once for all entries."""
    features, target = features_and_target(train, contract)
    return Examination(
        contract=contract,
        domain=learn_domain(train, contract),
        features=features,
        target=target,
        weights=weights_of(train, contract),
        folds=tuple(folding),
        random_state=random_state,
    )


def score_fold(examination: Examination, task: Task) -> FoldScore:
    """Fit an entry on the rows of a fold, and score it on the others."""
    begun = time.perf_counter()
    try:
        rmse, problem = _rmse(examination, task), ""
    except Exception as error:  # noqa: BLE001 - whatever a fit fails by, other entries go on
        rmse, problem = math.nan, " ".join(f"{type(error).__name__}: {error}".split())
    seconds = time.perf_counter() - begun
    if not math.isfinite(rmse):
        return FoldScore(None, seconds, problem or "it predicts no finite numbers")
    return FoldScore(rmse, seconds)


def _rmse(examination: Examination, task: Task) -> float:
    model = build_pipeline(
        examination.contract,
        task.entry.model,
        _in_order(task.entry.settings),
        examination.random_state,
        examination.domain,
    )
    rows = examination.features, examination.target, examination.weights
    return fold_rmse(predict_fold(model, *rows, examination.folds[task.fold]))


def _in_order(settings: Settings) -> Settings:
    """Settings of one thread: several end in other digits, by which of them is first."""
    return {**settings, "n_jobs": 1} if "n_jobs" in settings else settings


def score_entries(entries: Sequence[Entry], folds: int, score_all: Map) -> Iterator[Score]:
    """Score entries on all folds, each as soon as its last fold is done.

    Args:
        entries: The entries.
        folds: How many folds there are.
        score_all: Scores tasks.

    Yields:
        The scores, in the order of the entries.
    """
    scores = iter(score_all([Task(entry, fold) for entry in entries for fold in range(folds)]))
    for _ in entries:
        yield _joined([*islice(scores, folds)])


def _joined(scores: Sequence[FoldScore]) -> Score:
    found = [score.rmse for score in scores if score.rmse is not None]
    return Score(
        rmses=tuple(found) if len(found) == len(scores) else (),
        seconds=sum(score.seconds for score in scores),
        problem=next((score.problem for score in scores if score.problem), ""),
    )
