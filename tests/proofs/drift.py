"""Proves that drift is found, and that chance alone raises no alarm, however few rows there are."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from proofs.tally import Tally
from salary_kedro.bundle.calibration import Intervals
from salary_kedro.modelling.drift import (
    Baseline,
    Counts,
    Finding,
    Thresholds,
    compare,
    number_cells,
    text_cells,
)
from salary_kedro.modelling.estimators import build_estimator
from salary_kedro.modelling.names import ModelName
from salary_kedro.modelling.profile import measure_errors, profile_numbers, profile_texts
from salary_kedro.modelling.since import score_since
from salary_kedro.pipelines.monitoring.nodes import TESTS_BY_SOURCE
from salary_kedro.pipelines.monitoring.words import say_errors
from salary_kedro.project.parameters import Monitoring

REQUESTS, SHIFT, SEEDS = 2_000, 0.3, 100
#: Of a hundred: reports that may alarm without drift, and shifts that may be missed.
ALARMS, MISSED = 5, 25
#: Training rows; of few of them no test could find the shift.
SIZES, FINDABLE = (28, 278, 3_000, 10_000), (278, 3_000, 10_000)
TOWNS, SHARES = [*"abcde"], (0.5, 0.3, 0.15, 0.04, 0.01)
DEFAULTS = Monitoring()
THRESHOLDS = Thresholds(
    false_alarms=DEFAULTS.false_alarms,
    least_shift=DEFAULTS.least_shift,
    least_psi=DEFAULTS.least_psi,
    least_rows=DEFAULTS.min_rows,
)
#: What predicts, and rows that it learns from; a third of so many is held out.
SETTINGS: dict[ModelName, dict[str, int]] = {
    "linear_regression": {},
    "decision_tree": {},
    "random_forest": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 10},
}
LEARNT = (84, 700)
#: Training rows whose errors are compared with those since, and how these are distributed.
KNOWN = (28, 278, 1_000)
ERRORS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda random, rows: random.normal(0, 1, rows),
    "t4": lambda random, rows: random.standard_t(4, rows),
    "lognormal": lambda random, rows: random.lognormal(0, 0.6, rows) - np.exp(0.18),
}
CONFIDENCE = 0.9
Pair = tuple[Baseline, Counts]


def prove_drift(share: float, seed: int, tell: Callable[[str], None]) -> Iterator[Tally]:
    """Compare requests with training rows, with and without drift, at several sizes."""
    seeds = range(seed, seed + max(1, round(SEEDS * share)))
    for rows in SIZES:
        tell(f"drift: {rows:,} training rows      ")
        alarms = sum(_is_alarm(report(rows, number)) for number in seeds)
        what = f"{rows:,} training rows, no drift: {alarms} alarms in {len(seeds)} reports"
        yield _tally(what, alarms, ALARMS, len(seeds))
    for rows in FINDABLE:
        tell(f"drift: {rows:,} training rows, one field moved      ")
        found = sum(_is_found(report(rows, number, SHIFT)) for number in seeds)
        what = (
            f"{rows:,} training rows, {SHIFT} standard deviations: found in {found} of {len(seeds)}"
        )
        yield _tally(what, len(seeds) - found, MISSED, len(seeds))

    yield from _of_predictions(seeds, tell)
    yield from _of_errors(seeds, tell)


def _of_predictions(seeds: range, tell: Callable[[str], None]) -> Iterator[Tally]:
    """Reports on predictions of every estimator, of whole numbers and of others."""
    for model in SETTINGS:
        for rows in LEARNT:
            for digits in (0, 1):
                tell(f"drift: predictions by {model} of {rows} rows      ")
                pairs = (_predictions(model, rows, digits, seed) for seed in seeds)
                alarms = sum(_is_alarm(compare({"p": pair}, THRESHOLDS)) for pair in pairs)
                kind = "tenths" if digits else "whole numbers"
                what = f"{model}, {rows} rows of {kind}: {alarms} alarms in {len(seeds)} reports"
                yield _tally(what, alarms, ALARMS, len(seeds))


def _predictions(model: ModelName, rows: int, digits: int, seed: int) -> Pair:
    random = np.random.default_rng(seed)
    years = np.round(random.uniform(0, 12, rows + rows // 3 + REQUESTS), digits)[:, None]
    salaries = 25_000 + 9_500 * years[:, 0] + random.normal(0, 6_000, len(years))
    fitted = build_estimator(model, SETTINGS[model], seed).fit(years[:rows], salaries[:rows])
    predicted = fitted.predict(years[rows:])
    return _of_numbers(predicted[:-REQUESTS], predicted[-REQUESTS:])


def _of_errors(seeds: range, tell: Callable[[str], None]) -> Iterator[Tally]:
    """Reports on salaries that have become known, of a model that is as wrong as it was."""
    for name, draw in ERRORS.items():
        for rows in KNOWN:
            tell(f"drift: {name} errors, {rows:,} training rows      ")
            alarms = sum(_is_worse(draw, rows, seed) for seed in seeds)
            what = f"{name} errors of {rows:,} rows: {alarms} alarms in {len(seeds)} reports"
            yield _tally(what, alarms, ALARMS, len(seeds))


def _is_worse(draw: Callable[..., np.ndarray], rows: int, seed: int) -> bool:
    """Whether a report says so, where the intervals are those of split conformal prediction."""
    random = np.random.default_rng(seed)
    train, since = draw(random, rows), draw(random, REQUESTS)
    place = int(np.ceil((rows + 1) * CONFIDENCE)) - 1
    half = np.full(REQUESTS, np.sort(np.abs(train))[place])
    zeros, training = np.zeros(REQUESTS), measure_errors(np.zeros(rows), train)
    found = score_since(zeros, since, Intervals(-half, half, CONFIDENCE), training, rows)
    assert found is not None  # there are five rows and more
    chance = DEFAULTS.false_alarms / 2 / TESTS_BY_SOURCE
    return say_errors(found, CONFIDENCE, chance, DEFAULTS)[0]


def report(rows: int, seed: int, shift: float = 0.0) -> dict[str, Finding]:
    """The findings of one report on five fields, the first of which moved."""
    random = np.random.default_rng(seed)
    drawn = {
        "normal": (random.normal(0, 1, rows), random.normal(shift, 1, REQUESTS)),
        "skewed": (random.lognormal(0, 1, rows), random.lognormal(0, 1, REQUESTS)),
        "whole": (random.poisson(2, rows), random.poisson(2, REQUESTS)),
    }
    texts = {
        name: (random.choice(TOWNS, rows, p=SHARES), random.choice(TOWNS, REQUESTS, p=SHARES))
        for name in ("town", "team")
    }
    numbers = {name: _of_numbers(*pair) for name, pair in drawn.items()}
    return compare({**numbers, **{n: _of_texts(*pair) for n, pair in texts.items()}}, THRESHOLDS)


def _of_numbers(train: np.ndarray, asked: np.ndarray) -> Pair:
    profile = profile_numbers(train.astype(np.float64))
    assert profile is not None  # there are five rows and more
    return number_cells(profile, asked.astype(np.float64))


def _of_texts(train: np.ndarray, asked: np.ndarray) -> Pair:
    profile = profile_texts(pd.Series(train, dtype=object))
    assert profile is not None  # likewise
    return text_cells(profile, pd.Series(asked, dtype=object))


def _is_alarm(findings: dict[str, Finding]) -> bool:
    return any(finding.verdict in ("shifted", "other") for finding in findings.values())


def _is_found(findings: dict[str, Finding]) -> bool:
    return findings["normal"].verdict == "shifted"


def _tally(what: str, wrong: int, of_a_hundred: int, count: int) -> Tally:
    """Too many are more than the share, or than two where few are tried."""
    allowed = max(2 if count < SEEDS else 0, of_a_hundred * count // 100)
    return Tally(what, count, [f"{wrong} are wrong, {allowed} may be"] if wrong > allowed else [])
