"""What is learned from out-of-fold predictions, against values worked out by hand."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract import Contract
from salary_kedro.contract.columns import MAX_NUMBER
from salary_kedro.modelling.calibration import (
    KNOT_ROWS,
    LEVELS,
    MAX_SCORES,
    _shrunken,
    calibrate,
)
from samples import TARGET, column, contract_of


def out_of_fold(actual: Sequence[float], predicted: Sequence[float]) -> pd.DataFrame:
    """Rows in turn of five folds."""
    places = np.arange(len(actual))
    return pd.DataFrame(
        {
            "repeat": 0,
            "fold": places % 5,
            "place": places,
            "actual": np.asarray(actual, dtype=float),
            "predicted": np.asarray(predicted, dtype=float),
        }
    )


def test_calibrate_when_rows_are_few_then_takes_the_plain_quantile(contract: Contract) -> None:
    actual = [100, 199, 102, 197, 104, 195, 106, 193, 108, 191]  # 0, -1, 2, -3 ... off
    predicted = [100, 200] * 5

    found = calibrate(out_of_fold(actual, predicted), contract, 0.9)

    # The rank is ceil(11 · 0.9) = 10: the largest of ten, 9.
    assert found.interval(150) == (141, 159)
    assert found.interval(150, 0.5) == (145, 155)  # ceil(11 · 0.5) = 6, which is 5
    assert (found.knots, found.shifts, found.spreads) == ((0,), (0,), (1,))
    assert found.scores == (-9, -7, -5, -3, -1, 0, 2, 4, 6, 8)
    assert found.rows == found.effective_rows == 10


def test_calibrate_when_rows_are_several_persons_then_counts_these(contract: Contract) -> None:
    # Of ten rows, 5 to 9 were predicted, two of each of two persons and one of a third.
    found = out_of_fold([101, 101, 99, 99, 99], [100] * 5).assign(place=range(5, 10))
    persons = np.array([9, 9, 9, 9, 9, 0, 0, 1, 1, 2])

    # All rows of a person are alike: as many as would have weights of 2, 2 and 1.
    assert calibrate(found, contract, 0.9, persons).effective_rows == pytest.approx(25 / 9)


def test_calibrate_when_one_fold_is_far_off_then_its_scores_are_by_the_spread_of_the_others(
    contract: Contract,
) -> None:
    predicted = np.arange(1000.0, 1400.0)
    found = out_of_fold(predicted, predicted).assign(fold=np.arange(400) % 2)
    off = np.where(found["fold"] == 0, 10.0, 1.0) * np.where(np.arange(400) % 4 < 2, 1, -1)

    widths = calibrate(found.assign(actual=predicted + off), contract, 0.9).widths

    # By spreads of all rows, 5.5, no score were above 10 / 5.5; those of the other fold are 1.
    assert widths[-1] == pytest.approx(10, rel=0.05)
    assert widths[0] == pytest.approx(0.1, rel=0.05)


def test_calibrate_when_a_rank_is_a_whole_number_then_takes_it(contract: Contract) -> None:
    found = calibrate(out_of_fold(range(1, 50), [0] * 49), contract, 0.9)

    # (49 + 1) · 0.14 is 7.000000000000001 in floating point.
    assert [found.widths[found.levels.index(level)] for level in (0.14, 0.28, 0.9)] == [7, 14, 45]


@pytest.mark.parametrize(("rows", "there"), [(8, False), (9, True)])
def test_calibrate_when_the_rank_does_not_exist_then_says_so(
    contract: Contract, rows: int, there: bool
) -> None:
    found = calibrate(out_of_fold(range(rows), [0] * rows), contract, 0.9)

    assert (found.interval(0) is not None) == there
    expected = "8 training rows were predicted out of fold; an interval at 90 % takes 9"
    assert found.reason == ("" if there else expected)
    assert found.interval(0, 0.5) is not None


def test_calibrate_when_spread_grows_with_the_prediction_then_widens_with_it(
    contract: Contract,
) -> None:
    chance, predicted = np.random.default_rng(234), np.linspace(1_000, 10_000, 2_000)
    actual = predicted + chance.uniform(-1, 1, 2_000) * predicted

    found = calibrate(out_of_fold(actual, predicted), contract, 0.9).intervals(
        np.array([2_000.0, 8_000.0])
    )

    assert found is not None  # the half width is 0.9 times the prediction
    assert (found.high - found.low) / 2 == pytest.approx([1_800, 7_200], rel=0.1)


def test_calibrate_when_high_predictions_are_too_high_then_shifts_them(contract: Contract) -> None:
    chance, predicted = np.random.default_rng(234), np.linspace(0, 10_000, 2_000)
    actual = 5_000 + (predicted - 5_000) / 2 + chance.uniform(-100, 100, 2_000)

    found = calibrate(out_of_fold(actual, predicted), contract, 0.9).interval(7_000)

    assert found is not None
    assert found == pytest.approx((5_910, 7_000), abs=20)  # 6,000 ± 90, and the prediction itself


def test_calibrate_when_the_target_is_fitted_as_logarithm_then_learns_factors() -> None:
    contract = contract_of(column("a"), target={**TARGET, "log_scale": True})
    predicted = np.full(19, 100.0)
    actual = 100.0 * 2.0 ** np.arange(-9, 10)

    found = calibrate(out_of_fold(actual, predicted), contract, 0.9).interval(1_000)

    assert found == pytest.approx((1_000 / 2**9, 1_000 * 2**9))  # ceil(20 · 0.9) = 18: 9 doublings


def test_calibrate_when_the_target_has_bounds_then_takes_them_along(contract: Contract) -> None:
    found = calibrate(out_of_fold(range(10), [0] * 10), contract, 0.9)

    assert (found.minimum, found.maximum) == (0, MAX_NUMBER)


def test_calibrate_when_rows_have_weights_then_takes_weighted_quantiles(
    contract: Contract,
) -> None:
    rows = out_of_fold([1, 2, 3, 4], [0, 0, 0, 0]).assign(weight=[1.0, 1.0, 1.0, 5.0])

    found = calibrate(rows, contract, 0.3)

    # Shares of 8 + 2 (a new row has the mean weight): 0.1, 0.2, 0.3, 0.8
    assert [found.widths[found.levels.index(level)] for level in (0.1, 0.11, 0.3, 0.8)] == [
        1,
        2,
        3,
        4,
    ]
    assert found.levels[-1] == 0.8
    assert found.effective_rows == pytest.approx(64 / 28)


def test_calibrate_when_weights_are_equal_then_is_as_without(contract: Contract) -> None:
    chance = np.random.default_rng(234)
    rows = out_of_fold(chance.normal(size=500), chance.normal(size=500))

    weighted = calibrate(rows.assign(weight=1.0), contract, 0.9)

    assert weighted == calibrate(rows, contract, 0.9)


@pytest.mark.parametrize("weight", [0.1, 0.7, 1234.567])
@pytest.mark.parametrize("rows", [9, 19, 77])
def test_calibrate_when_equal_weights_are_no_round_numbers_then_is_as_without(
    contract: Contract, rows: int, weight: float
) -> None:
    frame = out_of_fold(np.random.default_rng(234).normal(size=rows), np.arange(rows))

    assert calibrate(frame.assign(weight=weight), contract, 0.9) == calibrate(frame, contract, 0.9)


def test_calibrate_when_weights_are_mixed_then_rounding_takes_no_level(contract: Contract) -> None:
    rows = out_of_fold(range(9), [0] * 9).assign(weight=[0.1, 0.2, 0.3] * 3)

    assert calibrate(rows, contract, 0.9).reason == ""  # nine rows always reach nine tenths


def test_calibrate_when_folds_are_repeated_then_takes_each_row_once(contract: Contract) -> None:
    rows = out_of_fold(range(10), [0] * 10)
    again = rows.assign(repeat=1, predicted=99.0)

    both = pd.concat([rows, again], ignore_index=True)

    assert calibrate(both, contract, 0.9) == calibrate(rows, contract, 0.9)


@pytest.mark.parametrize("rows", [2 * KNOT_ROWS, 10_000])
@pytest.mark.parametrize("values", [1, 2, 3])
def test_calibrate_when_many_rows_are_predicted_alike_then_has_no_two_equal_knots(
    contract: Contract, rows: int, values: int
) -> None:
    predicted = np.arange(rows) % values
    chance = np.random.default_rng(234).normal(size=rows)

    found = calibrate(out_of_fold(predicted + chance, predicted), contract, 0.9)

    assert found.interval(0.0) is not None
    assert len(set(found.knots)) == len(found.knots)


def test_calibrate_when_all_is_predicted_exactly_then_intervals_are_points(
    contract: Contract,
) -> None:
    exact = np.arange(500.0)

    assert calibrate(out_of_fold(exact, exact), contract, 0.9).interval(77.0) == (77, 77)


def test_calibrate_when_rows_are_many_then_stays_a_few_numbers(contract: Contract) -> None:
    chance = np.random.default_rng(234)
    found = calibrate(out_of_fold(chance.normal(size=9_999), np.zeros(9_999)), contract, 0.925)

    assert (len(found.scores), len(found.levels)) == (MAX_SCORES, len(LEVELS) + 1)
    assert found.scores[99] == pytest.approx(0, abs=0.05)  # the median
    assert 0.925 in found.levels


@pytest.mark.parametrize("predicted", [50_000.0, 50_000.3])
def test_calibrate_when_all_is_predicted_alike_then_is_about_as_wide_as_plain_conformal(
    contract: Contract, predicted: float
) -> None:
    errors = np.random.default_rng(0).normal(0, 9_000, 200)
    errors -= errors.mean()

    found = calibrate(out_of_fold(predicted + errors, [predicted] * 200), contract, 0.9)

    ends = found.interval(predicted)
    assert ends is not None
    plain = np.sort(np.abs(errors))[180]  # the 181st of 200
    assert (ends[1] - ends[0]) / 2 == pytest.approx(plain, rel=0.1)


def test_shrunken_when_means_are_apart_then_is_the_estimator_of_james_and_stein() -> None:
    values = np.array([-1.0, 1, 1, 3, 3, 5, 5, 7])  # means 0, 2, 4, 6, each of variance 1/2
    parts, weights = np.repeat(np.arange(4), 2), np.ones(8)

    found = _shrunken(values, weights, parts, 3.0)

    # The distance is (9 + 1 + 1 + 9) / (1/2) = 40.
    assert found == pytest.approx(3 + (1 - 2 / 40) * np.array([-3, -1, 1, 3]))


def test_shrunken_when_one_mean_is_left_then_it_stays() -> None:
    values, one = np.array([1.0, 2, 3]), np.zeros(3, dtype=np.intp)

    assert _shrunken(values, np.ones(3), one, 0.0) == pytest.approx([2])


@pytest.mark.parametrize("worst", [1e95, 1e200, -1e308, math.inf, -math.inf, math.nan])
def test_calibrate_when_one_prediction_is_beyond_measure_then_only_its_rank_counts(
    contract: Contract, worst: float
) -> None:
    chance = np.random.default_rng(234)
    actual, predicted = chance.normal(size=200), np.arange(200.0)
    plain = calibrate(out_of_fold(predicted + actual, predicted), contract, 0.9)
    predicted[7] = worst

    found = calibrate(out_of_fold(np.arange(200) + actual, predicted), contract, 0.9)

    assert found.interval(50.0) == pytest.approx(plain.interval(50.0), abs=0.5)
    assert found.reason == ""


def test_calibrate_when_a_logarithm_was_predicted_of_nothing_then_only_its_rank_counts() -> None:
    contract = contract_of(column("a"), target={**TARGET, "log_scale": True})
    rows = out_of_fold(range(1, 101), [0.0, *range(2, 101)])

    assert calibrate(rows, contract, 0.9).interval(50.0) == pytest.approx((50, 50))


def test_calibrate_when_too_many_predictions_are_beyond_measure_then_says_so(
    contract: Contract,
) -> None:
    found = calibrate(out_of_fold(range(20), [*[1e200] * 5, *range(5, 20)]), contract, 0.9)

    assert found.interval(3.0) is None
    assert found.reason == (
        "too many of 20 training rows were predicted so far off out of fold that an interval at "
        "90 % would have no ends"
    )


def test_calibrate_when_predictions_differ_by_rounding_alone_then_they_share_a_knot(
    contract: Contract,
) -> None:
    predicted = 1_000_000 + np.arange(400) * 1e-10
    chance = np.random.default_rng(234).normal(size=400)

    assert len(calibrate(out_of_fold(predicted + chance, predicted), contract, 0.9).knots) == 1
