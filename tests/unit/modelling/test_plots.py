"""Figures: what is drawn, where, and what the axes say."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import (
    Coverage,
    ImportanceReport,
    InputImportance,
    IntervalScores,
    Level,
)
from salary_kedro.contract import Contract
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.plots import (
    plot_coverage,
    plot_fitted_curve,
    plot_predicted_vs_actual,
    plot_residuals,
)
from salary_kedro.tables.frames import encode_frame, learn_domain
from samples import category, column, constant, contract_of, straight_line

HOLDOUT = pd.DataFrame({"experience_years": [1.0, 3.0], "salary": [1500.0, 2000.0]})
TRAIN = pd.DataFrame({"experience_years": [0.0, 2.0, 5.0], "salary": [10.0, 2000.0, 5100.0]})


#: No intervals, and intervals of ± 100.
UNSURE = Calibration()
SURE = Calibration(
    reason="", minimum=0, knots=(0,), shifts=(0,), spreads=(1,), levels=(0.9,), widths=(100,)
)


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
    axes = axes_of(plot_fitted_curve(straight_line(contract), TRAIN, HOLDOUT, contract, UNSURE))

    np.testing.assert_allclose(points(axes, 0), [[0, 10], [2, 2000], [5, 5100]])
    np.testing.assert_allclose(points(axes, 1), [[1, 1500], [3, 2000]])
    years, salaries = axes.lines[0].get_data()
    np.testing.assert_allclose(years, np.linspace(0, 5, 200))
    np.testing.assert_allclose(salaries, 1000 * np.linspace(0, 5, 200), atol=1e-6)
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Professional experience (years)",
        "Salary (a year, gross)",
    )


def test_fitted_curve_when_there_are_intervals_then_draws_them_as_a_band(
    contract: Contract,
) -> None:
    model = straight_line(contract)

    axes = axes_of(plot_fitted_curve(model, TRAIN, HOLDOUT, contract, SURE))

    band = axes.collections[2].get_datalim(axes.transData)
    np.testing.assert_allclose([band.x0, band.x1, band.y0, band.y1], [0, 5, 0, 5100], atol=1e-9)
    assert axes.get_legend_handles_labels()[1][-1] == "90 % interval"


def test_fitted_curve_when_it_goes_over_categories_then_draws_intervals_as_lines() -> None:
    contract = contract_of(category("job", ["clerk", "cook"]))
    table = pd.DataFrame({"job": pd.Categorical(["cook", "clerk"]), "salary": [500.0, 900.0]})
    model = build_pipeline(contract, "linear_regression", {}, 234)
    model.fit(*features_and_target(table, contract))

    axes = axes_of(plot_fitted_curve(model, table, table, contract, SURE))

    lines = [line.tolist() for line in axes.collections[2].get_segments()]
    np.testing.assert_allclose(lines, [[[0, 800], [0, 1000]], [[1, 400], [1, 600]]])


def test_coverage_when_drawn_then_shows_levels_and_what_chance_can_do() -> None:
    scores = IntervalScores(
        confidence=0.9,
        coverage=Coverage(rows=100, share=0.9, low=0.8, high=0.95),
        mean_width=5,
        levels=(Level(confidence=0.5, share=0.6), Level(confidence=0.9, share=0.9)),
    )

    axes = axes_of(plot_coverage(scores))

    np.testing.assert_allclose(axes.lines[1].get_xydata(), [[0.5, 0.6], [0.9, 0.9]])
    band = axes.collections[0].get_paths()[0].vertices
    middle = band[np.isclose(band[:, 0], 100 / 199)][:, 1]  # next to 0.5: ± 1.96 · √(0.25 / 100)
    np.testing.assert_allclose(np.sort(middle), [0.4045, 0.6005], atol=5e-4)


def test_coverage_when_there_are_no_intervals_then_draws_equality_alone() -> None:
    assert len(axes_of(plot_coverage(None)).lines) == 1


def test_fitted_curve_when_there_are_more_features_then_keeps_them_at_their_training_medians() -> (
    None
):
    contract = contract_of(column("age"), column("rank"))
    train = pd.DataFrame({"age": [1.0, 2.0, 4.0], "rank": [10.0, 20.0, 60.0]})
    train["salary"] = 3 * train["age"] + 5 * train["rank"]  # median rank 20
    holdout = pd.DataFrame({"age": [3.0] * 4, "rank": [90.0] * 4, "salary": [459.0] * 4})
    model = build_pipeline(contract, "linear_regression", {}, 234)
    model.fit(*features_and_target(train, contract))

    axes = axes_of(plot_fitted_curve(model, train, holdout, contract, UNSURE))

    ages, salaries = axes.lines[0].get_data()
    np.testing.assert_allclose(salaries, 3 * np.asarray(ages) + 5 * 20)


def test_fitted_curve_when_another_input_matters_more_then_goes_over_that() -> None:
    contract = contract_of(column("age"), category("city", ["Oslo"]), column("rank"))
    table = pd.DataFrame({"age": [1.0, 2.0], "city": ["Oslo"] * 2, "rank": [10.0, 60.0]})
    table = table.assign(city=pd.Categorical(table["city"]), salary=[100.0, 200.0])
    model = build_pipeline(contract, "linear_regression", {}, 234)
    model.fit(*features_and_target(table, contract))
    inputs = tuple(
        InputImportance(input=name, importance=9.0, spread=1.0) for name in ("city", "rank", "age")
    )
    importance = ImportanceReport(rows=2, repeats=5, inputs=inputs)

    axes = axes_of(plot_fitted_curve(model, table, table, contract, UNSURE, importance))

    assert (axes.lines[0].get_xdata()[0], axes.lines[0].get_xdata()[-1]) == (10, 60)


def test_fitted_curve_when_drawn_then_leaves_the_rows_as_they_were(contract: Contract) -> None:
    train, holdout = TRAIN.copy(deep=True), HOLDOUT.copy(deep=True)

    plot_fitted_curve(straight_line(contract), train, holdout, contract, UNSURE)

    pd.testing.assert_frame_equal(train, TRAIN)
    pd.testing.assert_frame_equal(holdout, HOLDOUT)


def drawn(contract: Contract, train: pd.DataFrame, holdout: pd.DataFrame) -> Axes:
    """The fitted curve of a decision tree."""
    domain = learn_domain(train, contract)
    model = build_pipeline(contract, "decision_tree", {}, 234, domain)
    model.fit(encode_frame(train, contract), train[contract.target.name])
    return axes_of(plot_fitted_curve(model, train, holdout, contract, UNSURE))


def ticks(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def test_fitted_curve_when_the_first_input_is_a_category_then_goes_over_the_first_number() -> None:
    contract = contract_of(category("job", ["clerk", "cook"]), column("age"))
    train = pd.DataFrame(
        {
            "job": pd.Categorical(["cook", "cook", "clerk"]),
            "age": [1.0, 2.0, 1.0],
            "salary": [10.0, 20.0, 90.0],
        }
    )

    axes = drawn(contract, train, train)

    ages, salaries = axes.lines[0].get_data()
    assert (axes.get_xlabel(), ages[0], ages[-1]) == ("Age (units)", 1.0, 2.0)
    assert (salaries[0], salaries[-1]) == (10.0, 20.0)  # of a cook, the most frequent job


def test_fitted_curve_when_it_goes_over_dates_then_the_axis_shows_dates() -> None:
    contract = contract_of(column("hired", kind="date", unit="", example="2020-01-01"))
    days = pd.Series(["2020-01-01", "2022-01-01"]).astype("datetime64[ms]")
    table = pd.DataFrame({"hired": days, "salary": [10.0, 20.0]})

    axes = drawn(contract, table, table)

    axes.figure.draw_without_rendering()
    assert any(text.startswith("2020-") for text in ticks(axes))


def test_fitted_curve_when_there_are_categories_alone_then_draws_a_dot_for_each_that_is_met() -> (
    None
):
    contract = contract_of(category("grade", ["low", "mid", "high"]))
    train = pd.DataFrame(
        {"grade": pd.Categorical(["high", "high", "low"]), "salary": [30.0, 32.0, 10.0]}
    )
    holdout = pd.DataFrame({"grade": pd.Categorical(["high", "mid"]), "salary": [35.0, 20.0]})

    axes = drawn(contract, train, holdout)

    assert ticks(axes) == ["low", "high"]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 10], [1, 31]])
    assert points(axes, 1)[0] == [1.0, 35.0]


def test_fitted_curve_when_there_is_truth_alone_then_draws_false_and_true() -> None:
    contract = contract_of(column("remote", kind="boolean", unit="", example=True))
    table = pd.DataFrame({"remote": pd.array([True, False], "boolean"), "salary": [20.0, 10.0]})

    axes = drawn(contract, table, table)

    assert (ticks(axes), axes.get_xlabel()) == (["false", "true"], "Remote")
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 10], [1, 20]])


def test_fitted_curve_when_a_learned_category_is_rare_then_its_text_is_not_drawn() -> None:
    contract = contract_of(category("name", {"min_count": 2}))
    names = pd.Categorical(["red", "red", "Ann Onymous"])
    table = pd.DataFrame({"name": names, "salary": [10.0, 10.0, 20.0]})

    assert ticks(drawn(contract, table, table)) == ["red"]


def test_fitted_curve_when_no_category_is_frequent_then_draws_no_model() -> None:
    contract = contract_of(category("name", {"min_count": 2}))
    table = pd.DataFrame({"name": pd.Categorical(["Ann", "Bo"]), "salary": [10.0, 20.0]})

    assert len(drawn(contract, table, table).lines) == 0


def test_figures_when_texts_look_like_formulas_then_are_drawn_as_they_are() -> None:
    contract = contract_of(category("$\\bad$", ["$\\frac$", "b"], name="job", column="Job"))
    table = pd.DataFrame({"job": pd.Categorical(["$\\frac$", "b"]), "salary": [10.0, 20.0]})

    axes = drawn(contract, table, table)

    axes.figure.draw_without_rendering()
    assert ticks(axes) == ["$\\frac$", "b"]


def test_figures_when_there_are_many_rows_then_draw_a_sample(contract: Contract) -> None:
    many = pd.DataFrame({"experience_years": np.arange(10_001.0), "salary": 1.0})

    assert len(points(axes_of(plot_residuals(constant(1), many, contract)))) == 10_000
