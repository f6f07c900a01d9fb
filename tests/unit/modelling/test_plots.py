"""Figures: what is drawn, where, and what the axes say."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from salary_kedro.contract import Contract
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.plots import (
    plot_fitted_curve,
    plot_predicted_vs_actual,
    plot_residuals,
)
from samples import column, contract_of, straight_line

HOLDOUT = pd.DataFrame({"experience_years": [1.0, 3.0], "salary": [1500.0, 2000.0]})
TRAIN = pd.DataFrame({"experience_years": [0.0, 2.0, 5.0], "salary": [10.0, 2000.0, 5100.0]})


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def points(axes: Axes, position: int = 0) -> list[list[float]]:
    found: list[list[float]] = np.asarray(axes.collections[position].get_offsets()).tolist()
    return found


def test_predicted_vs_actual_when_drawn_then_has_a_point_a_row_and_the_line_of_equality(
    contract: Contract,
) -> None:
    axes = axes_of(plot_predicted_vs_actual(straight_line(contract), HOLDOUT, contract))

    np.testing.assert_allclose(points(axes), [[1500, 1000], [2000, 3000]])
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1000, 1000], [3000, 3000]])


def test_predicted_vs_actual_when_drawn_then_names_target_and_unit(contract: Contract) -> None:
    axes = axes_of(plot_predicted_vs_actual(straight_line(contract), HOLDOUT, contract))

    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Actual Salary (a year, gross)",
        "Predicted Salary (a year, gross)",
    )


def test_residuals_when_drawn_then_are_actual_minus_predicted_around_zero(
    contract: Contract,
) -> None:
    axes = axes_of(plot_residuals(straight_line(contract), HOLDOUT, contract))

    np.testing.assert_allclose(points(axes), [[1000, 500], [3000, -1000]])
    assert list(axes.lines[0].get_ydata()) == [0, 0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Predicted Salary (a year, gross)",
        "Residual (actual minus predicted)",
    )


def test_fitted_curve_when_drawn_then_shows_both_sets_of_rows_and_the_model_over_their_range(
    contract: Contract,
) -> None:
    axes = axes_of(plot_fitted_curve(straight_line(contract), TRAIN, HOLDOUT, contract))

    np.testing.assert_allclose(points(axes, 0), [[0, 10], [2, 2000], [5, 5100]])
    np.testing.assert_allclose(points(axes, 1), [[1, 1500], [3, 2000]])
    years, salaries = axes.lines[0].get_data()
    np.testing.assert_allclose(years, np.linspace(0, 5, 200))
    np.testing.assert_allclose(salaries, 1000 * np.linspace(0, 5, 200), atol=1e-6)
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Professional experience (years)",
        "Salary (a year, gross)",
    )


def test_fitted_curve_when_there_are_more_features_then_keeps_them_at_their_training_medians() -> (
    None
):
    contract = contract_of(column("age"), column("rank"))
    train = pd.DataFrame({"age": [1.0, 2.0, 4.0], "rank": [10.0, 20.0, 60.0]})
    train["salary"] = 3 * train["age"] + 5 * train["rank"]  # median rank 20
    holdout = pd.DataFrame({"age": [3.0] * 4, "rank": [90.0] * 4, "salary": [459.0] * 4})
    model = build_pipeline(contract, "linear_regression", {}, 234)
    model.fit(*features_and_target(train, contract))

    axes = axes_of(plot_fitted_curve(model, train, holdout, contract))

    ages, salaries = axes.lines[0].get_data()
    np.testing.assert_allclose(salaries, 3 * np.asarray(ages) + 5 * 20)


def test_fitted_curve_when_drawn_then_leaves_the_rows_as_they_were(contract: Contract) -> None:
    train, holdout = TRAIN.copy(deep=True), HOLDOUT.copy(deep=True)

    plot_fitted_curve(straight_line(contract), train, holdout, contract)

    pd.testing.assert_frame_equal(train, TRAIN)
    pd.testing.assert_frame_equal(holdout, HOLDOUT)
