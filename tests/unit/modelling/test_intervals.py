"""How intervals and percentiles did, against values worked out by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import Report
from salary_kedro.contract import Contract
from salary_kedro.modelling.intervals import (
    LEVELS,
    calibration_metrics,
    coverage,
    score_calibration,
    score_chances,
)
from samples import column, contract_of

#: Intervals reach 10 to each side, of 50 % only 1.
SURE = Calibration(
    reason="",
    rows=20,
    effective_rows=20,
    knots=(0,),
    shifts=(0,),
    spreads=(1,),
    levels=(0.5, 0.9),
    widths=(1, 10),
    scores=tuple(range(-9, 10)),
)


def score(
    actual: list[float], contract: Contract, calibration: Calibration = SURE, **columns: Any
) -> Report:
    """Of rows that are all predicted to have 100, unless told otherwise."""
    predicted = np.asarray(columns.pop("predicted", [100.0] * len(actual)))
    holdout = pd.DataFrame({"salary": actual, **columns})
    return score_calibration(predicted, holdout, calibration, contract)


def test_score_when_rows_lie_within_and_without_then_counts_them(contract: Contract) -> None:
    found = score([90, 110, 111, 100], contract).intervals

    assert found is not None
    assert (found.coverage.rows, found.coverage.share, found.mean_width) == (4, 0.75, 20)
    # Clopper and Pearson's for 3 of 4, from tables
    assert (found.coverage.low, found.coverage.high) == pytest.approx((0.1941, 0.9937), abs=1e-4)


@pytest.mark.parametrize(
    ("within", "rows", "ends"),
    [
        (5, 5, (0.025**0.2, 1)),
        (0, 5, (0, 1 - 0.025**0.2)),
        (90, 100, (0.8238, 0.9510)),
    ],
)
def test_coverage_when_counted_then_has_the_exact_interval(
    within: int, rows: int, ends: tuple[float, float]
) -> None:
    found = coverage(np.arange(rows) < within, np.ones(rows))

    assert (found.low, found.high) == pytest.approx(ends, abs=1e-4)


def test_chances_when_all_weights_fall_in_one_bin_then_its_share_is_1() -> None:
    chances = np.linspace(0.03, 0.04, 50)

    for seed in range(20):  # sums of such weights differ by their order
        found = score_chances(chances, np.random.default_rng(seed).uniform(0.1, 9, 50), 100.0)

        assert found.histogram[0] == pytest.approx(1)


def test_coverage_when_rows_have_weights_then_is_their_share_on_fewer_rows() -> None:
    weighted = coverage(np.array([True, False, False]), np.array([3.0, 1.0, 1.0]))

    assert weighted.share == pytest.approx(0.6)
    rows = 25 / 11  # as many would tell as much
    assert weighted.high - weighted.low > 0.85
    assert rows < weighted.rows


def test_score_when_the_contract_has_a_weight_then_rows_count_by_it() -> None:
    contract = contract_of(column("a"), column("w", use="weight", exclusive_minimum=0))

    found = score([100, 200], contract, w=[3.0, 1.0]).intervals

    assert found is not None
    assert found.coverage.share == 0.75


def test_score_when_there_are_thirds_then_tells_them_by_prediction(contract: Contract) -> None:
    predicted = [300.0] * 5 + [100.0] * 5 + [200.0] * 5
    actual = [0.0] * 5 + [100.0] * 5 + [200.0] * 4 + [0.0]

    found = score(actual, contract, predicted=predicted).intervals

    assert found is not None
    assert [third.share for third in found.thirds] == [1, 0.8, 0]


def test_score_when_thirds_are_of_several_persons_then_chance_is_that_of_these(
    contract: Contract,
) -> None:
    predicted = np.repeat(np.arange(100.0, 106.0), 4)  # each of a person
    holdout = pd.DataFrame({"salary": predicted})

    found = score_calibration(predicted, holdout, SURE, contract, np.repeat(np.arange(6), 4))

    assert found.intervals is not None
    assert [(third.rows, third.effective_rows) for third in found.intervals.thirds] == [(8, 2)] * 3


def test_score_when_thirds_would_be_small_then_withholds_them(contract: Contract) -> None:
    found = score([100.0] * 14, contract).intervals

    assert found is not None
    assert found.thirds == ()


def test_score_when_there_are_levels_then_tells_those_that_are_known(contract: Contract) -> None:
    found = score([100, 105], contract).intervals

    assert found is not None
    expected = {level: 0.5 if level <= 0.5 else 1.0 for level in LEVELS if level <= 0.9}
    assert {level.confidence: level.share for level in found.levels} == expected


def test_score_when_there_are_no_intervals_then_has_no_such_section(contract: Contract) -> None:
    found = score([100, 105], contract, Calibration())

    assert found == Report()
    assert calibration_metrics(found) == {}


def test_score_when_there_are_no_rows_then_has_no_section(contract: Contract) -> None:
    assert score([], contract) == Report()


def test_metrics_when_there_are_intervals_then_are_coverage_width_and_distance(
    contract: Contract,
) -> None:
    found = calibration_metrics(score([100.0, 200.0], contract))

    # Ranks 10 and 19 of 19: shares 0.5 and 0.95; half the rows lie at or below 0.5.
    assert found == pytest.approx(
        {"interval_coverage": 0.5, "interval_mean_width": 20, "percentile_ks": 0.5}
    )


def test_score_chances_when_even_then_are_far_from_doubtful() -> None:
    found = score_chances((np.arange(100) + 0.5) / 100, np.ones(100), 100)

    assert found.ks == pytest.approx(0.005)
    assert found.p_value == pytest.approx(1)
    assert found.histogram == pytest.approx([0.1] * 10)


def test_score_chances_when_all_are_high_then_are_doubtful() -> None:
    found = score_chances(np.full(100, 0.9), np.ones(100), 100)

    assert found.ks == pytest.approx(0.9)
    assert found.p_value < 1e-6


def test_score_chances_when_at_the_critical_value_then_has_its_p_value() -> None:
    # Ten even ones, moved by 0.36: Stephens gives (√10 + 0.12 + 0.11/√10) · 0.41 = 1.360,
    # which is the 5 % point of Kolmogorov's distribution, 1.358.
    found = score_chances(np.minimum((np.arange(10) + 0.5) / 10 + 0.36, 1), np.ones(10), 1e9)

    assert found.ks == pytest.approx(0.41)
    assert found.p_value == pytest.approx(0.05, abs=0.001)


def test_score_chances_when_residuals_are_as_few_as_rows_then_counts_half() -> None:
    few = score_chances(np.linspace(0, 0.8, 20), np.ones(20), 20)
    half = score_chances(np.linspace(0, 0.8, 10), np.ones(10), 1e9)

    assert few.p_value == pytest.approx(half.p_value, abs=0.01)


def test_score_chances_when_rows_are_few_then_draws_few_ranges() -> None:
    assert score_chances(np.array([0.1, 0.6, 0.7]), np.ones(3), 9).histogram == ()
    assert len(score_chances(np.linspace(0, 1, 12), np.ones(12), 9).histogram) == 2


def test_score_when_rows_are_one_persons_then_chance_is_that_of_persons(contract: Contract) -> None:
    # Ten persons of four rows each, five of them far above; one of these is outside.
    actual = [*[99.0] * 20, *[101.0] * 16, *[150.0] * 4]
    persons = np.repeat(np.arange(10), 4)
    holdout = pd.DataFrame({"salary": actual})

    found = score_calibration(np.full(40, 100.0), holdout, SURE, contract, persons)

    assert found.intervals is not None
    covered = found.intervals.coverage
    assert (covered.rows, covered.effective_rows, covered.share) == (40, pytest.approx(10), 0.9)
    # Clopper and Pearson's for 9 of 10, from tables
    assert (covered.low, covered.high) == pytest.approx((0.5550, 0.9975), abs=1e-4)
    assert found.percentiles is not None
    alone = score_calibration(np.full(40, 100.0), holdout, SURE, contract).percentiles
    assert alone is not None
    assert found.percentiles.p_value > alone.p_value
