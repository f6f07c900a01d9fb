"""How wrong a model has been since, and how another one would differ."""

import math

import numpy as np
import pytest
from scipy.stats import binom, f

from salary_kedro.bundle.calibration import Intervals
from salary_kedro.bundle.profile import Errors
from salary_kedro.modelling.since import Cell, compare_predictions, score_since

ZEROS = np.zeros(100)


def intervals(low: float, high: float, rows: int = 100) -> Intervals:
    return Intervals(np.full(rows, low), np.full(rows, high), 0.9)


def test_score_when_errors_are_all_alike_then_the_rmse_is_sure() -> None:
    found = score_since(ZEROS, np.where(np.arange(100) % 2, 3.0, -3.0), None, None)

    assert found is not None
    assert (found.rows, found.rmse, found.rmse_low, found.rmse_high) == (100, 3.0, 3.0, 3.0)
    assert (found.training_rmse, found.p_value, found.coverage) == (None, None, None)


def test_score_when_errors_differ_then_the_interval_holds_the_rmse() -> None:
    errors = np.random.default_rng(1).normal(0, 2, 400)

    found = score_since(np.zeros(400), errors, None, None)

    # the mean square's standard error is 4 sqrt(2 / 400), the RMSE's a quarter of that: 0.07
    assert found is not None
    assert found.rmse_high - found.rmse_low == pytest.approx(4 * 0.07, rel=0.15)
    assert found.rmse_low < found.rmse < found.rmse_high


def test_score_when_rows_are_many_then_the_interval_is_the_normal_one() -> None:
    errors = np.random.default_rng(1).normal(0, 2, 40_000)

    found = score_since(np.zeros(40_000), errors, None, None)

    assert found is not None
    assert found.rmse_high - found.rmse_low == pytest.approx(4 * 0.007, rel=0.1)


def test_score_when_training_errors_were_smaller_then_says_how_unlikely_that_is() -> None:
    training = Errors(rows=100, mean_square=4.0, spread=4.0)
    actual = np.where(np.arange(100) % 2, 3.0, -3.0)

    found = score_since(ZEROS, actual, None, training)

    # as of normal errors, for which 1 is too little spread: F of 100 and 100 above 9 / 4
    assert found is not None
    assert found.training_rmse == 2.0
    assert found.p_value == pytest.approx(3.29e-5, rel=0.01)


def test_score_when_errors_lie_far_off_then_they_count_as_fewer() -> None:
    spreads = (4.0 * math.sqrt(2), 4.0 * 4)  # of normal errors, and of such far off

    normal, heavy = (
        score_since(ZEROS, ZEROS + 3, None, Errors(rows=100, mean_square=4.0, spread=spread))
        for spread in spreads
    )

    # 2 x 100 / 16 = 12.5 degrees of freedom
    assert normal is not None
    assert heavy is not None
    assert normal.p_value == pytest.approx(f.sf(2.25, 100, 100))
    assert heavy.p_value == pytest.approx(f.sf(2.25, 12.5, 12.5))


def test_score_when_training_errors_were_as_large_then_chance_explains_it() -> None:
    training = Errors(rows=100, mean_square=9.0, spread=4.0)

    found = score_since(ZEROS, ZEROS + 3, None, training)

    assert found is not None
    assert found.p_value == pytest.approx(0.5)


def test_score_when_there_are_intervals_then_counts_the_rows_within() -> None:
    actual = np.array([5.0] * 10 + [0.0] * 90)

    found = score_since(ZEROS, actual, intervals(-1, 1), None)

    assert found is not None
    assert found.coverage is not None
    assert (found.coverage.rows, found.coverage.share) == (100, 0.9)
    assert found.coverage.low == pytest.approx(0.824, abs=0.001)  # Clopper and Pearson, 90 of 100


def test_score_when_intervals_rest_on_few_rows_then_chance_leaves_more_outside() -> None:
    actual = np.array([5.0] * 20 + [0.0] * 80)

    sure, unsure = (score_since(ZEROS, actual, intervals(-1, 1), None, rows) for rows in (1e9, 19))

    assert sure is not None
    assert unsure is not None
    # of 100 rows with a chance of 0.9, 80 and fewer: 0.002; of a beta (18, 2) and those, 0.106
    assert sure.p_coverage == pytest.approx(binom.cdf(80, 100, 0.9), rel=0.001)
    assert unsure.p_coverage == pytest.approx(0.106, abs=0.001)


def test_score_when_rows_are_fewer_than_five_then_says_nothing() -> None:
    assert score_since(np.zeros(4), np.ones(4), None, None) is None


def test_compare_when_a_challenger_differs_then_says_how_and_where() -> None:
    served = np.full(100, 100.0)
    challenger = served + np.array([20.0] * 40 + [5.0] * 60)
    towns = np.array(["Bern"] * 40 + ["Basel"] * 60, dtype=object)

    found = compare_predictions(
        served,
        challenger,
        (intervals(90, 110), intervals(80, 120)),
        {"town": towns, "grade": np.full(100, "A", dtype=object)},
        beyond=0.1,
    )

    assert (found.rows, found.mean, found.beyond, found.outside) == (100, 11.0, 0.4, 0.4)
    assert found.quantiles == {"0.05": 5.0, "0.25": 5.0, "0.5": 5.0, "0.75": 20.0, "0.95": 20.0}
    assert found.wider == 2.0
    assert found.most == (Cell("town", "Bern", 40, 20.0), Cell("grade", "A", 100, 11.0))
    # sd of 20 (40) and 5 (60) is 15 sqrt(0.24 100 / 99) = 7.386; 1.96 of it over 10
    assert found.mean_high - found.mean == pytest.approx(1.4476, abs=0.0005)


def test_compare_when_a_cell_has_few_rows_then_it_is_not_told() -> None:
    towns = np.array(["Bern"] * 29 + ["Basel"] * 71, dtype=object)
    gaps = np.array([50.0] * 29 + [1.0] * 71)

    found = compare_predictions(ZEROS, gaps, (None, None), {"town": towns}, beyond=0.1)

    assert found.most == (Cell("town", "Basel", 71, 1.0),)
    assert (found.outside, found.wider) == (None, None)


def test_score_when_errors_since_lie_far_off_then_they_count_as_fewer_too() -> None:
    training = Errors(rows=100, mean_square=4.0, spread=4.0 * math.sqrt(2))
    actual = np.array([30.0] + [0.0] * 99)

    found = score_since(ZEROS, actual, None, training)

    # squares of mean 9 and standard deviation 90: 2 x 100 / (90 / 9)^2 = 2 degrees of freedom
    assert found is not None
    assert found.p_value == pytest.approx(f.sf(9 / 4, 2, 2))


def test_compare_when_a_challenger_predicts_less_then_what_lies_below_is_outside() -> None:
    served = np.full(100, 100.0)
    challenger = served + np.array([-20.0] * 30 + [20.0] * 10 + [5.0] * 60)

    found = compare_predictions(served, challenger, (intervals(90, 110), None), {}, beyond=0.1)

    assert (found.outside, found.wider) == (0.4, None)
