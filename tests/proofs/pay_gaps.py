"""Proves that a planted pay gap is found, and that chance alone does not trip the gate."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from proofs.tally import Tally
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import GroupScores
from salary_kedro.contract import Contract
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import (
    features_and_target,
    fit_weighted,
    predict_out_of_fold,
    weights_of,
)
from salary_kedro.modelling.folding import Splitting, fold_rows
from salary_kedro.modelling.groups import score_groups, unseen_rows
from salary_kedro.modelling.names import ModelName
from salary_kedro.promotion.verdict import Contestant, Evidence, Gap, Policy, decide
from salary_kedro.tables.frames import learn_domain
from samples import category, column, contract_of

ROWS, GAP, SEEDS = 500, -4_000.0, 100
#: Of a hundred: intervals that may miss the gap, and gates that chance may trip.
MISSED, TRIPPED = 10, 5
SPLIT = Splitting(train_size=0.7, random_state=234)
#: One per cent of the mean salary: a gate stricter than any that is used, but above nothing, which
#: chance alone passes in up to 5 of 100.
STRICT = Policy(max_group_gap=600)
MODELS: Mapping[ModelName, dict[str, Any]] = {
    "linear_regression": {},
    "ridge": {},
    "decision_tree": {},
    "random_forest": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 30},
}


@dataclass(frozen=True)
class World:
    """How pay comes about.

    Attributes:
        name: What is planted in it.
        carried: How much the inputs tell of the sex, 0 to 1.
        weighted: Whether rows stand for different numbers of people.
    """

    name: str
    carried: float = 0.0
    weighted: bool = False

    @property
    def contract(self) -> Contract:
        weight = column("w", use="weight", exclusive_minimum=0)
        features = (
            column("years"),
            column("level"),
            category("sex", ["Female", "Male"], use="audit", required=False),
            category("team", list("abcd"), use="audit"),
        )
        return contract_of(*features, *([weight] if self.weighted else []))

    def rows(self, gap: float, seed: int) -> pd.DataFrame:
        """People of two sexes, some unstated, and four teams that are paid alike."""
        random = np.random.default_rng(seed)
        female = random.random(ROWS) < 0.4
        years = random.uniform(0, 30, ROWS) * (1 - 0.5 * self.carried * female)
        level = np.clip(np.round(random.normal(3 - self.carried * female, 1)), 1, 5)
        salary = 30_000 + 900 * years + 6_000 * level + gap * female
        sex = pd.Series(np.where(female, "Female", "Male")).where(random.random(ROWS) > 0.05)
        return pd.DataFrame(
            {
                "years": years,
                "level": level,
                "sex": pd.Categorical(sex),
                "team": pd.Categorical(random.choice([*"abcd"], ROWS)),
                "salary": salary + random.normal(0, 6_000, ROWS),
                "w": random.uniform(0.5, 3, ROWS),
            }
        )


NOT_CARRIED = World("inputs tell nothing of the group")
CARRIED = World("inputs carry the group", carried=1.0)
WEIGHTED = World("rows have weights", carried=0.5, weighted=True)
CASES: tuple[tuple[World, ModelName], ...] = (
    (NOT_CARRIED, "linear_regression"),
    (NOT_CARRIED, "decision_tree"),
    *((CARRIED, model) for model in MODELS),
    (WEIGHTED, "linear_regression"),
)


def prove_pay_gaps(share: float, seed: int, tell: Callable[[str], None]) -> Iterator[Tally]:
    """Plant a gap and none, and count intervals that hold it, and gates that stay quiet."""
    seeds = range(seed, seed + max(1, round(SEEDS * share)))
    for world, model in CASES:
        tell(f"pay gaps: {world.name}, {model}      ")
        yield _planted(world, model, seeds)
        yield _quiet(world, model, seeds)


def _planted(world: World, model: ModelName, seeds: range) -> Tally:
    found = [_gap_of_women(_gaps(world, model, GAP, seed)) for seed in seeds]
    held = sum(gap.low <= GAP <= gap.high for gap in found)
    mean = np.mean([gap.gap for gap in found])
    width = np.mean([gap.high - gap.low for gap in found])
    what = (
        f"{model}, {world.name}: {held} of {len(seeds)} intervals hold a gap of {GAP:,.0f} "
        f"(mean {mean:,.0f}, width {width:,.0f})"
    )
    return _tally(what, len(seeds) - held, MISSED, len(seeds))


def _quiet(world: World, model: ModelName, seeds: range) -> Tally:
    tripped = sum(_refused(_gaps(world, model, 0.0, seed)) for seed in seeds)
    what = (
        f"{model}, {world.name}: without a gap, the gate is quiet in "
        f"{len(seeds) - tripped} of {len(seeds)}"
    )
    return _tally(what, tripped, TRIPPED, len(seeds))


def _tally(what: str, wrong: int, of_a_hundred: int, count: int) -> Tally:
    """Too many are more than the share, or than two where few are tried."""
    allowed = max(2 if count < SEEDS else 0, of_a_hundred * count // 100)
    return Tally(what, count, [f"{wrong} are wrong, {allowed} may be"] if wrong > allowed else [])


def _gaps(world: World, model: ModelName, gap: float, seed: int) -> list[Gap]:
    """The gaps that a training reports, as the policy takes them."""
    contract, rows = world.contract, world.rows(gap, seed)
    train, holdout = (
        part.reset_index(drop=True)
        for part in train_test_split(rows, train_size=0.7, random_state=234)
    )
    domain = learn_domain(train, contract)
    unfitted = build_pipeline(contract, model, MODELS[model], 234, domain)
    fitted = fit_weighted(
        unfitted, *features_and_target(train, contract), weights_of(train, contract)
    )
    folding = fold_rows(train, SPLIT, folds=5, repeats=1, random_state=234)
    out_of_fold = predict_out_of_fold(fitted, train, contract, folding)
    unseen = unseen_rows(fitted, train, holdout, out_of_fold, contract, SPLIT)
    report = score_groups(unseen, contract, Calibration(), 5)
    return [
        _as_gap(column.column, scores, report.confidence)
        for column in report.columns
        for scores in column.groups
        if scores.gap is not None
    ]


def _as_gap(name: str, scores: GroupScores, confidence: float) -> Gap:
    ends = scores.gap, scores.gap_low, scores.gap_high
    gap, low, high = (np.nan if end is None else end for end in ends)
    return Gap(
        column=name,
        group=scores.group,
        reference="",
        gap=gap,
        low=low,
        high=high,
        confidence=confidence,
    )


def _gap_of_women(gaps: list[Gap]) -> Gap:
    return next(gap for gap in gaps if gap.group == "Female")


def _refused(gaps: list[Gap]) -> bool:
    largest = max(gaps, key=lambda gap: gap.surely)
    evidence = Evidence(
        challenger=Contestant(version=1, rmse=1.0),
        champion=None,
        holdout_rows=ROWS,
        largest_gap=largest,
    )
    return decide(evidence, STRICT).action == "archive"
