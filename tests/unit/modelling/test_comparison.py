"""Comparing the errors of two models on the same rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from salary_kedro.contract import Contract
from salary_kedro.modelling import comparison
from salary_kedro.modelling.comparison import MAX_RESAMPLED_ROWS, Errors, gain_interval, rmse
from salary_kedro.modelling.estimators import ModelName, build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from samples import raw_salaries

FINITE = st.floats(-1e6, 1e6)


def errors(*values: float) -> Errors:
    return np.array(values, dtype=float)


def errors_of(model: ModelName, contract: Contract) -> Errors:
    """Errors of an estimator, as the project ships it, on the default data's 12 holdout rows."""
    names = {column.column: column.name for column in contract.columns}
    table = raw_salaries().rename(columns=names)
    train, holdout = train_test_split(table, train_size=0.7, random_state=234)
    fitted = build_pipeline(contract, model, {}, 234).fit(*features_and_target(train, contract))
    features, actual = features_and_target(holdout, contract)
    return np.asarray(actual - fitted.predict(features), dtype=float)


# --- RMSE ---------------------------------------------------------------------------


def test_rmse_when_errors_are_given_then_is_the_root_of_their_mean_square() -> None:
    assert rmse(errors(3, 4, 5, 12)) == pytest.approx(np.sqrt(194 / 4))


def test_rmse_when_an_axis_is_given_then_goes_along_it() -> None:
    assert rmse(np.array([[3.0, 3.0], [4.0, 4.0]]), axis=1).tolist() == [3.0, 4.0]


# --- The default data ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("champion", "challenger", "gain", "low", "high"),
    [
        ("linear_regression", "decision_tree", 9.246, -1750, 2015),
        ("decision_tree", "random_forest", 1120.109, -266, 2296),
    ],
)
def test_gain_interval_when_on_the_default_data_then_is_the_known_one(
    champion: ModelName,
    challenger: ModelName,
    gain: float,
    low: float,
    high: float,
    contract: Contract,
) -> None:
    old, new = errors_of(champion, contract), errors_of(challenger, contract)

    found = gain_interval(old, new, 0.95)

    assert len(old) == 12
    assert float(rmse(old) - rmse(new)) == pytest.approx(gain, abs=0.001)
    assert found is not None
    assert [round(end) for end in found] == [low, high]


# --- Small tables -------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1])
def test_gain_interval_when_there_are_fewer_than_two_rows_then_is_none(rows: int) -> None:
    assert gain_interval(np.ones(rows), np.ones(rows), 0.95) is None


def test_gain_interval_when_there_are_two_rows_then_spans_what_resampling_them_gives() -> None:
    # One row twice, the other twice, or both: gains of 4 − 3, 2 − 1, √10 − √5.
    assert gain_interval(errors(4, 2), errors(3, 1), 0.95) == pytest.approx(
        (np.sqrt(10) - 5**0.5, 1)
    )


def test_gain_interval_when_every_row_gains_alike_then_has_no_width() -> None:
    assert gain_interval(np.full(12, -5.0), np.full(12, 3.0), 0.95) == pytest.approx((2, 2))


def test_gain_interval_when_both_models_err_alike_then_is_zero() -> None:
    values = errors(1, -2, 3)

    assert gain_interval(values, values, 0.95) == (0.0, 0.0)


def test_gain_interval_when_rows_are_paired_then_their_common_noise_does_not_widen_it() -> None:
    noise = np.random.default_rng(234).normal(0, 100, 200)

    found = gain_interval(noise * 1.1, noise, 0.95)

    assert found is not None
    assert found[0] > 0


def test_gain_interval_when_asked_twice_then_is_the_same() -> None:
    old, new = errors(1, 2, 3, 4), errors(2, 1, 4, 3)

    assert gain_interval(old, new, 0.95) == gain_interval(old, new, 0.95)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=20))
@settings(max_examples=20)  # each draws 9,999 resamples
def test_gain_interval_when_the_two_are_swapped_then_is_mirrored(
    pairs: list[tuple[float, float]],
) -> None:
    old, new = np.array(pairs).T

    forth, back = gain_interval(old, new, 0.9), gain_interval(new, old, 0.9)

    assert forth is not None
    assert back is not None
    assert forth == pytest.approx((-back[1], -back[0]), rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=20))
@settings(max_examples=20)  # each draws 9,999 resamples
def test_gain_interval_when_more_confidence_is_asked_for_then_is_no_narrower(
    pairs: list[tuple[float, float]],
) -> None:
    old, new = np.array(pairs).T

    some, more = gain_interval(old, new, 0.6), gain_interval(old, new, 0.99)

    assert some is not None
    assert more is not None
    rounding = 1e-12 * np.abs([old, new]).max()
    assert more[0] - rounding <= some[0] <= some[1] <= more[1] + rounding


@given(st.lists(FINITE, min_size=2, max_size=20), st.sampled_from([-1.0, 2.0, 1024.0]))
@settings(max_examples=20)  # each draws 9,999 resamples
def test_gain_interval_when_the_unit_is_another_then_scales_with_it(
    values: list[float], unit: float
) -> None:
    old, new = np.array(values), np.array(values[::-1])

    plain, scaled = gain_interval(old, new, 0.9), gain_interval(old * unit, new * unit, 0.9)

    assert plain is not None
    assert scaled == pytest.approx([end * abs(unit) for end in plain], rel=1e-6, abs=1e-3)


# --- Large tables ---------------------------------------------------------------------------


def large(rows: int) -> tuple[Errors, Errors]:
    """Errors of a model and of one a tenth better, with some noise of its own."""
    random = np.random.default_rng(234)
    old = random.normal(0, 100, rows)
    return old, old * 0.9 + random.normal(0, 20, rows)


def test_gain_interval_when_there_are_many_rows_then_agrees_with_the_bootstrap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = large(2000)  # the bootstrap of as many as are resampled takes seconds

    drawn = gain_interval(old, new, 0.95)
    monkeypatch.setattr(comparison, "MAX_RESAMPLED_ROWS", 1999)
    limit = gain_interval(old, new, 0.95)

    assert limit is not None
    assert drawn is not None
    assert limit != drawn
    assert limit == pytest.approx(drawn, rel=0.03)
    assert limit[1] - limit[0] == pytest.approx(drawn[1] - drawn[0], rel=0.03)


def test_gain_interval_when_there_are_many_rows_then_is_centred_on_the_gain() -> None:
    old, new = large(MAX_RESAMPLED_ROWS + 1)

    found = gain_interval(old, new, 0.95)

    assert found is not None
    assert sum(found) / 2 == pytest.approx(float(rmse(old) - rmse(new)))


@pytest.mark.parametrize("value", [0.0, 5.0])
def test_gain_interval_when_there_are_many_rows_and_no_difference_then_is_zero(
    value: float,
) -> None:
    values = np.full(MAX_RESAMPLED_ROWS + 1, value)

    assert gain_interval(values, values, 0.95) == (0.0, 0.0)


def test_gain_interval_when_squares_of_many_rows_overflow_then_its_ends_are_not_finite() -> None:
    values = np.full(MAX_RESAMPLED_ROWS + 1, 1e200)

    found = gain_interval(values, values / 2, 0.95)

    assert found is not None
    assert not np.isfinite(found).any()


# --- Weights ---------------------------------------------------------------------------


def test_rmse_when_rows_have_weights_then_is_that_of_the_people() -> None:
    assert rmse(errors(3, 5), weights=errors(3, 1)) == pytest.approx(np.sqrt((3 * 9 + 25) / 4))


def test_gain_interval_when_all_weights_are_equal_then_they_change_nothing() -> None:
    old, new = large(50)

    found = gain_interval(old, new, 0.9, np.full(50, 7.0))

    assert found == pytest.approx(gain_interval(old, new, 0.9))


def test_gain_interval_when_rows_have_weights_then_is_around_the_gain_of_the_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = large(2000)
    weights = np.random.default_rng(1).uniform(1, 20, 2000)

    drawn = gain_interval(old, new, 0.95, weights)
    monkeypatch.setattr(comparison, "MAX_RESAMPLED_ROWS", 1999)
    limit = gain_interval(old, new, 0.95, weights)

    assert drawn is not None
    assert limit is not None
    gain = float(rmse(old, weights=weights) - rmse(new, weights=weights))
    assert sum(limit) / 2 == pytest.approx(gain)
    assert limit == pytest.approx(drawn, rel=0.03)


def test_gain_interval_when_one_row_outweighs_the_others_then_is_wider() -> None:
    old, new = large(50)
    heavy = np.ones(50)
    heavy[7] = 25.0

    plain, found = gain_interval(old, new, 0.9), gain_interval(old, new, 0.9, heavy)

    assert plain is not None
    assert found is not None
    assert found[1] - found[0] > plain[1] - plain[0]


@pytest.mark.parametrize("weighted", [False, True])
def test_gain_interval_when_rows_are_copies_of_a_persons_then_is_that_of_the_persons(
    monkeypatch: pytest.MonkeyPatch, weighted: bool
) -> None:
    old, new = large(60)
    weights = np.random.default_rng(1).uniform(1, 3, 60) if weighted else None
    copied = np.repeat(np.arange(60), 4)
    many = None if weights is None else weights[copied] / 4

    alone = gain_interval(old, new, 0.9, weights)
    together = gain_interval(old[copied], new[copied], 0.9, many, copied)
    monkeypatch.setattr(comparison, "MAX_RESAMPLED_ROWS", 10)
    limit = gain_interval(old[copied], new[copied], 0.9, many, copied)

    assert together == pytest.approx(alone)
    assert limit == pytest.approx(gain_interval(old, new, 0.9, weights))


def test_gain_interval_when_all_rows_are_one_persons_then_says_nothing() -> None:
    old, new = large(10)

    assert gain_interval(old, new, 0.9, None, np.zeros(10, dtype=int)) is None
