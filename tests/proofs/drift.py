"""Proves that drift is found, and that chance alone raises no alarm, however few rows there are."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from proofs.tally import Tally
from salary_kedro.modelling.drift import (
    Baseline,
    Finding,
    Sample,
    Thresholds,
    compare,
    number_cells,
    text_cells,
)
from salary_kedro.modelling.profile import profile_numbers, profile_texts
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
Pair = tuple[Baseline, Sample]


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
