"""Histories of a table that grows: who has seen the exam, and who wins it all the same."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.lineage import Lineage
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain
from salary_kedro.modelling.evaluation import holdout_metrics
from salary_kedro.modelling.names import ModelName
from salary_kedro.pipelines.data_engineering.nodes import (
    clean_salaries,
    split_salaries,
    validate_salaries,
)
from salary_kedro.pipelines.data_science.nodes import fit_model
from salary_kedro.pipelines.promotion.nodes import promote_if_better
from salary_kedro.project.parameters import CrossValidation, DataEngineering, DataScience
from salary_kedro.promotion.verdict import Policy
from salary_kedro.registry.tracking import log_training
from salary_kedro.tables.trained_rows import RowPrints
from samples import column, contract_of
from stores import NO_GROUPS, NO_REJECTED_ROWS, alias, own_registry, register, start_run

pytestmark = pytest.mark.slow
CONTRACT = contract_of(column("age"), column("years"))
SECRET = b"a secret of sixteen bytes"


@dataclass(frozen=True)
class Trained:
    """A version, and the rows of its run."""

    number: int
    model: Pipeline
    train: pd.DataFrame
    holdout: pd.DataFrame
    keys: pd.DataFrame
    split: dict[str, Any]


def people(rows: int, seed: int = 3) -> pd.DataFrame:
    """Salaries along a line, with noise: a tree that learns each row by heart is worse."""
    rng = np.random.default_rng(seed)
    age, years = rng.uniform(20, 60, rows), rng.uniform(0, 30, rows)
    salary = 20_000 + 800 * age + 500 * years + rng.normal(0, 15_000, rows)
    return pd.DataFrame({"Age": age, "Years": years, "Salary": salary})


def train(
    raw: pd.DataFrame, model: ModelName, contract: Contract = CONTRACT, **how: Any
) -> Trained:
    """Train and register a version, as a run does before its contest."""
    split = DataEngineering(train_size=0.7, random_state=234, repeats="together", **how)
    science = DataScience(
        model=model,
        random_state=234,
        cross_validation=CrossValidation(folds=5, repeats=1),
        hyperparameters={},
    )
    valid, rejected, keys, prints, _ = validate_salaries(raw, contract)
    salaries = clean_salaries(valid, rejected, contract)
    rows, holdout, record = split_salaries(salaries, keys, prints, contract, split)
    fitted = fit_model(rows, contract, science)
    with start_run():
        logged = log_training(
            model=fitted,
            contract=contract,
            domain=Domain(),
            metrics=holdout_metrics(fitted, holdout, contract),
            lineage=Lineage.model_validate({"git_commit": "abc"}),
            figures={},
            group_metrics=NO_GROUPS,
            rejected_rows=NO_REJECTED_ROWS,
            trained_rows=RowPrints.of(rows, keys, contract, SECRET).to_bytes(),
        )
    return Trained(register(logged).number, fitted, rows, holdout, keys, record)


def contest(
    trained: Trained, contract: Contract = CONTRACT, secret: bytes = SECRET
) -> dict[str, Any]:
    """Let it contest production, as a run does."""
    verdict, _ = promote_if_better(
        {"version": trained.number},
        {"version": None, "moves": []},
        trained.holdout,
        trained.keys,
        secret,
        trained.split,
        own_registry(),
        Policy(),
        contract,
    )
    return verdict


def rmse(trained: Trained, rows: pd.DataFrame) -> float:
    """By hand."""
    residuals = rows["salary"] - trained.model.predict(rows[["age", "years"]])
    return float(np.sqrt((residuals**2).mean()))


def unseen(trained: Trained, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that a version was not trained on, by their values."""
    known = {*trained.train.itertuples(index=False, name=None)}
    return rows[[row not in known for row in rows.itertuples(index=False, name=None)]]


# --- A table that grows -----------------------------------------------------------------


@pytest.mark.parametrize("share", [0.01, 0.1, 1])
def test_verdict_when_the_table_grows_then_names_the_overlap_and_scores_the_others(
    share: float, store: str
) -> None:
    grown = people(600)
    old = train(grown.head(300), "decision_tree")
    contest(old)
    new = train(grown.head(300 + round(300 * share)), "linear_regression")

    verdict = contest(new)

    others, total = unseen(old, new.holdout), len(new.holdout)
    champion, challenger = (verdict["evidence"][who] for who in ("champion", "challenger"))
    seen = total - len(others)
    assert 20 <= len(others) < total
    assert (champion["seen_rows"], challenger["seen_rows"]) == (seen, 0)
    assert verdict["evidence"]["unseen_rows"] == len(others)
    assert champion["unseen_rmse"] == pytest.approx(rmse(old, others), rel=1e-12)
    assert challenger["unseen_rmse"] == pytest.approx(rmse(new, others), rel=1e-12)
    assert champion["rmse"] == pytest.approx(rmse(old, new.holdout), rel=1e-12)
    assert f"on {len(others)} rows that neither was trained on" in verdict["reason"]
    assert verdict["reason"].endswith(f"; version 1 was trained on {seen} of the {total}")


def test_verdict_when_the_split_is_stable_then_nobody_has_seen_the_exam(store: str) -> None:
    grown = people(600)
    contest(train(grown.head(300), "decision_tree", split="stable"))

    verdict = contest(train(grown, "linear_regression", split="stable"))

    assert verdict["evidence"]["champion"]["seen_rows"] == 0
    assert verdict["evidence"]["unseen_rows"] == verdict["evidence"]["holdout_rows"]
    assert "trained on" not in verdict["reason"]


def test_verdict_when_few_rows_are_unseen_then_says_to_whom_it_is_unfair(store: str) -> None:
    grown = people(44)
    contest(train(grown.head(40), "decision_tree"))

    verdict = contest(train(grown, "linear_regression"))

    assert verdict["evidence"]["rests_on"] == "all"
    assert "; unfair to version 2: version 1 was trained on " in verdict["reason"]
    assert verdict["reason"].endswith("data_engineering.split=stable keeps rows on their side")


@pytest.mark.parametrize("how", ["another key", "no file"])
def test_verdict_when_the_overlap_is_unknown_then_says_why_and_decides(
    how: str, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest(train(people(60), "linear_regression"))
    new = train(people(90), "linear_regression")
    if how == "no file":
        monkeypatch.setattr("salary_kedro.promotion.judge.TRAINED_ROWS", "gone.bin")

    verdict = contest(new, secret=b"another secret of bytes" if how == "another key" else SECRET)

    why = {
        "another key": "version 1: the fingerprints of its training rows were taken by another key",
        "no file": "version 1 has no fingerprints of its training rows",
    }
    assert verdict["reason"].endswith(
        f"how many of the rows were trained on is not known ({why[how]})"
    )
    assert verdict["evidence"]["champion"]["seen_rows"] is None


# --- Histories that a naive comparison gets wrong --------------------------------------


def test_history_when_an_overfitted_champion_has_seen_the_exam_then_loses_to_the_better(
    store: str,
) -> None:
    grown, fresh = people(360), read(people(20_000, seed=99))
    tree = train(grown.head(300), "decision_tree")
    contest(tree)
    forest = train(grown, "random_forest")

    verdict = contest(forest)

    assert rmse(tree, fresh) > rmse(forest, fresh)  # on people that nobody has met
    champion, challenger = (verdict["evidence"][who] for who in ("champion", "challenger"))
    assert champion["rmse"] < challenger["rmse"]  # the naive comparison keeps the tree
    assert verdict["action"] == "promote"
    assert alias() == forest.number


def test_history_when_a_version_left_over_has_seen_the_exam_then_does_not_win_by_it(
    store: str,
) -> None:
    grown, fresh = people(360), read(people(20_000, seed=99))
    line = train(grown.head(290), "linear_regression", split="stable")
    contest(line)
    tree = train(grown.head(300), "decision_tree")  # its run ends before the contest
    later = train(grown, "linear_regression", split="stable")

    contest(later)

    record = next(r for r in own_registry().state().history.done if r.version == tree.number)
    evidence = record.evidence or {}
    assert rmse(tree, fresh) > rmse(line, fresh)
    sides = (evidence["evidence"][who] for who in ("champion", "challenger"))
    champion, challenger = sides
    assert challenger["rmse"] < champion["rmse"]  # the naive comparison promotes the tree
    assert record.action == "archiving"
    assert alias() != tree.number


def read(raw: pd.DataFrame) -> pd.DataFrame:
    return raw.rename(columns=str.lower)
