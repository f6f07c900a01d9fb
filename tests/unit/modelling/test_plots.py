"""Figures: what is drawn, where, what the axes say, and that nobody can be read off them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection, PathCollection
from matplotlib.figure import Figure

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import (
    ColumnScores,
    Coverage,
    Fit,
    GroupReport,
    GroupScores,
    ImportanceReport,
    InputImportance,
    IntervalScores,
    Level,
)
from salary_kedro.contract import Contract
from salary_kedro.modelling.fit import learn_fit
from salary_kedro.modelling.plots import (
    DrawnRows,
    plot_coverage,
    plot_curves,
    plot_importance,
    plot_pay_gaps,
    plot_predicted_vs_actual,
    plot_residuals,
)
from salary_kedro.modelling.style import Subject
from samples import boolean, category, column, contract_of

SUBJECT = Subject("ridge", 5.0, 12)
#: No intervals, and intervals of ± 100.
UNSURE = Calibration()
SURE = Calibration(
    reason="", minimum=-1e6, knots=(0,), shifts=(0,), spreads=(1,), levels=(0.9,), widths=(100,)
)


def axes_of(figure: Figure) -> Axes:
    (axes,) = figure.axes
    return axes


def dots(axes: Axes) -> list[Any]:
    return [item for item in axes.collections if isinstance(item, PathCollection)]


def cells(axes: Axes) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right and top of each cell that is drawn."""
    paths = [
        path.get_extents()
        for item in axes.collections
        if isinstance(item, PatchCollection)
        for path in item.get_paths()
    ]
    return [(box.x0, box.y0, box.x1, box.y1) for box in paths]


def fit_of(contract: Contract, *, is_public: bool, rows: int = 60) -> Fit:
    predicted = np.linspace(1_000, 7_000, rows)
    holdout = pd.DataFrame({"salary": predicted + 50 * np.sin(np.arange(rows))})
    return learn_fit(predicted, holdout, contract, is_public=is_public)


def test_predicted_vs_actual_when_the_table_is_public_then_has_a_dot_a_row(
    contract: Contract,
) -> None:
    fit = fit_of(contract, is_public=True)

    axes = axes_of(plot_predicted_vs_actual(fit, UNSURE, contract, SUBJECT))

    (drawn,) = dots(axes)
    np.testing.assert_allclose(drawn.get_offsets(), fit.points)


def test_predicted_vs_actual_when_drawn_then_is_a_square_of_one_scale(contract: Contract) -> None:
    axes = axes_of(
        plot_predicted_vs_actual(fit_of(contract, is_public=False), UNSURE, contract, SUBJECT)
    )

    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_aspect() == 1
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "Predicted Salary (a year, gross)",
        "Actual Salary (a year, gross)",
    )


def test_predicted_vs_actual_when_the_table_is_ones_own_then_cells_are_those_of_the_report(
    contract: Contract,
) -> None:
    fit = fit_of(contract, is_public=False)

    axes = axes_of(plot_predicted_vs_actual(fit, UNSURE, contract, SUBJECT))

    assert dots(axes) == []
    assert cells(axes) == [
        (x.predicted_low, x.actual_low, x.predicted_high, x.actual_high) for x in fit.cells
    ]
    assert all(cell.rows >= 5 for cell in fit.cells)


def test_residuals_when_the_table_is_ones_own_then_shows_bands_alone(contract: Contract) -> None:
    fit = fit_of(contract, is_public=False)

    axes = axes_of(plot_residuals(fit, SURE, contract, SUBJECT))

    assert dots(axes) == []
    assert list(axes.lines[0].get_ydata()) == [band.mean_residual for band in fit.bands]
    assert axes.get_ylim()[0] < -100 < 100 < axes.get_ylim()[1]  # the interval's ends
    assert all(band.rows >= 5 for band in fit.bands)


def test_residuals_when_there_is_no_row_then_draws_no_band(contract: Contract) -> None:
    empty = Fit(rows=0, min_rows=5, withheld=0, cells=(), bands=())

    assert dots(axes_of(plot_residuals(empty, SURE, contract, SUBJECT))) == []
    assert cells(axes_of(plot_predicted_vs_actual(empty, SURE, contract, SUBJECT))) == []


def test_coverage_when_drawn_then_shows_levels_and_what_chance_can_do() -> None:
    scores = IntervalScores(
        confidence=0.9,
        coverage=Coverage(rows=100, share=0.9, low=0.8, high=0.95),
        mean_width=5,
        levels=(Level(confidence=0.5, share=0.6), Level(confidence=0.9, share=0.9)),
    )

    axes = axes_of(plot_coverage(scores, SUBJECT))

    np.testing.assert_allclose(axes.lines[1].get_xydata(), [[0.5, 0.6], [0.9, 0.9]])
    band = axes.collections[0].get_paths()[0].vertices
    middle = band[np.isclose(band[:, 0], 100 / 199)][:, 1]  # next to 0.5: ± 1.96 · √(0.25 / 100)
    np.testing.assert_allclose(np.sort(middle), [0.4045, 0.6005], atol=5e-4)


def test_coverage_when_there_are_no_intervals_then_draws_equality_alone() -> None:
    assert len(axes_of(plot_coverage(None, SUBJECT)).lines) == 1


# --- Curves ---------------------------------------------------------------------------


def drawn(table: pd.DataFrame, *, is_public: bool = False, people: int | None = None) -> DrawnRows:
    whose = np.arange(len(table)) % (people or len(table))
    return DrawnRows(rows=table, whose=whose, min_people=5, is_public=is_public)


AGES = contract_of(column("age"), column("rank"))
TABLE = pd.DataFrame({"age": np.arange(20.0), "rank": np.arange(20.0) % 2})
TABLE["salary"] = 100 + 3 * TABLE["age"] + 4 * TABLE["rank"]


def line(features: pd.DataFrame) -> Any:
    """Three a year, and four a rank; half of the rows have rank 1."""
    return 100 + 3 * features["age"] + 4 * features["rank"]


def test_curves_when_there_are_several_inputs_then_draw_the_average_and_its_spread() -> None:
    first, second = plot_curves(line, drawn(TABLE), AGES, UNSURE, SUBJECT).axes

    ages, average = first.lines[-3].get_data()
    # of ranks 0 and 1, alike often: 4 · 0.5 on average, with a standard deviation of 2
    np.testing.assert_allclose(average, 102 + 3 * np.asarray(ages))
    np.testing.assert_allclose(first.lines[-1].get_ydata() - average, 2.0)
    assert (first.get_xlabel(), second.get_xlabel()) == ("Age (units)", "Rank (units)")


def test_curves_when_an_input_matters_more_then_it_comes_first() -> None:
    inputs = tuple(
        InputImportance(input=name, importance=9.0, spread=1.0) for name in ("rank", "age")
    )
    importance = ImportanceReport(rows=2, repeats=5, inputs=inputs)

    first, _ = plot_curves(line, drawn(TABLE), AGES, UNSURE, SUBJECT, importance).axes

    assert first.get_xlabel() == "Rank (units)"


def test_curves_when_there_is_one_input_then_draws_its_intervals(contract: Contract) -> None:
    table = pd.DataFrame({"experience_years": np.arange(20.0), "salary": np.arange(20.0)})

    def predict(features: pd.DataFrame) -> Any:
        return 1_000 * features["experience_years"]

    figure = plot_curves(predict, drawn(table, is_public=True), contract, SURE, SUBJECT)
    axes = axes_of(figure)

    (rows,) = dots(axes)
    np.testing.assert_allclose(rows.get_offsets(), table)
    years, pay = axes.lines[0].get_data()
    assert (years[0], years[-1]) == (0, 19)
    np.testing.assert_allclose(axes.lines[1].get_ydata(), np.asarray(pay) - 100)
    assert axes.get_legend_handles_labels()[1] == ["rows", "model", "90 % interval"]


def test_curves_when_the_table_is_ones_own_then_every_cell_holds_five_people() -> None:
    random = np.random.default_rng(7)
    table = pd.DataFrame({"age": random.normal(40, 9, 90), "rank": random.uniform(0, 1, 90)})
    table["salary"] = line(table) * random.uniform(0.8, 1.2, 90)
    table.loc[0, ["age", "salary"]] = [400.0, 9e6]  # whom no picture may show

    rows = drawn(table, people=60)
    for name, axes in zip(
        AGES.feature_names, plot_curves(line, rows, AGES, UNSURE, SUBJECT).axes, strict=True
    ):
        assert dots(axes) == []
        shown = cells(axes)
        assert len(shown) > 10
        for left, bottom, right, top in shown:
            across, up = table[name], table["salary"]
            beyond = [
                -np.inf if left == min(x[0] for x in shown) else left,
                np.inf if right == max(x[2] for x in shown) else right,
                -np.inf if bottom == min(x[1] for x in shown if x[0] == left) else bottom,
                np.inf if top == max(x[3] for x in shown if x[0] == left) else top,
            ]
            within = (across > beyond[0]) & (across <= beyond[1])
            within &= (up > beyond[2]) & (up <= beyond[3])
            assert len(np.unique(rows.whose[within])) >= 5
        assert axes.get_xlim()[1] < 200
        assert axes.get_ylim()[1] < 1e6


def test_curves_when_it_goes_over_categories_then_every_cell_holds_as_many_as_are_asked_for() -> (
    None
):
    contract = contract_of(category("job", ["clerk", "cook", "chief"]))
    pay = [*np.linspace(100, 200, 30), *np.linspace(300, 400, 29), 9e6, 500.0]
    jobs = pd.Categorical(["clerk"] * 30 + ["cook"] * 30 + ["chief"])
    table = pd.DataFrame({"job": jobs, "salary": pay})
    rows = DrawnRows(rows=table, whose=np.arange(61), min_people=7, is_public=False)

    figure = plot_curves(
        lambda features: np.full(len(features), 250.0), rows, contract, UNSURE, SUBJECT
    )

    axes = axes_of(figure)
    shown = cells(axes)
    assert {(left, right) for left, _, right, _ in shown} == {(-0.4, 0.4), (0.6, 1.4)}
    for place, job in enumerate(["clerk", "cook"]):
        stack = sorted(cell[1::2] for cell in shown if cell[0] == place - 0.4)
        inner = [-np.inf, *(top for _, top in stack[:-1]), np.inf]
        counts = np.histogram(table["salary"][table["job"] == job], inner)[0]
        assert counts.min() >= 7
        assert counts.sum() == 30
    assert axes.get_ylim()[1] < 1_000  # nothing tells of the one with 9 million, nor of the chief
    assert [text.get_text() for text in axes.get_xticklabels()] == ["clerk", "cook"]


@pytest.mark.parametrize("is_rich", [True, False])
def test_curves_when_one_is_far_from_all_others_then_the_line_goes_as_far_as_without(
    is_rich: bool,
) -> None:
    table = TABLE.copy()
    table.loc[19, "age"] = 900.0 if is_rich else 19.0

    first, _ = plot_curves(line, drawn(table), AGES, UNSURE, SUBJECT).axes

    ages = first.lines[-3].get_xdata()
    # two bands: 0 to 9, and 10 to 19, whose median is 14.5: its distance from 9.5, once more,
    # is 19.5, and a fifth of that distance is 1; ages begin with 0
    assert (ages[0], ages[-1]) == (0.0, 20.0)


def test_curves_when_a_category_is_of_few_people_then_its_text_is_not_drawn() -> None:
    contract = contract_of(category("name", {"min_count": 2}))
    names = ["red"] * 6 + ["blue"] * 5 + ["Ann Onymous"] * 4
    table = pd.DataFrame({"name": pd.Categorical(names), "salary": np.arange(15.0)})

    axes = axes_of(
        plot_curves(lambda rows: np.ones(len(rows)), drawn(table), contract, UNSURE, SUBJECT)
    )

    assert [text.get_text() for text in axes.get_xticklabels()] == ["red", "blue"]


def test_curves_when_there_is_truth_alone_then_draws_no_and_yes() -> None:
    contract = contract_of(boolean("remote"))
    table = pd.DataFrame(
        {"remote": pd.array([True, False] * 6, "boolean"), "salary": np.arange(12.0)}
    )

    axes = axes_of(
        plot_curves(lambda rows: rows["remote"] * 10, drawn(table), contract, UNSURE, SUBJECT)
    )

    assert [text.get_text() for text in axes.get_xticklabels()] == ["false", "true"]
    np.testing.assert_allclose(axes.lines[-1].get_xydata(), [[0, 0], [1, 10]])


def test_curves_when_they_go_over_dates_then_the_axis_shows_dates() -> None:
    contract = contract_of(column("hired", kind="date", unit="", example="2020-01-01"))
    days = pd.Series(pd.date_range("2020-01-01", periods=20, freq="YS")).astype("datetime64[ms]")
    table = pd.DataFrame({"hired": days, "salary": np.arange(20.0)})

    figure = plot_curves(
        lambda rows: np.ones(len(rows)), drawn(table, is_public=True), contract, UNSURE, SUBJECT
    )

    figure.draw_without_rendering()
    shown = [text.get_text() for text in axes_of(figure).get_xticklabels()]
    assert shown
    assert all(2015 <= int(year) <= 2045 for year in shown)


def test_curves_when_all_rows_are_of_four_people_then_draws_nothing_of_them() -> None:
    for axes in plot_curves(line, drawn(TABLE, people=4), AGES, UNSURE, SUBJECT).axes:
        assert (cells(axes), dots(axes), list(axes.lines)) == ([], [], [])
        assert [text.get_text() for text in axes.texts] == ["known of fewer than 5 people"]


def test_curves_when_drawn_then_leave_the_rows_as_they_were() -> None:
    before = TABLE.copy(deep=True)

    plot_curves(line, drawn(TABLE), AGES, UNSURE, SUBJECT)

    pd.testing.assert_frame_equal(TABLE, before)


# --- Reports --------------------------------------------------------------------------


def test_importance_when_drawn_then_the_most_important_input_is_on_top() -> None:
    inputs = tuple(
        InputImportance(input=name, importance=size, spread=1.0)
        for name, size in (("rank", 9.0), ("age", 2.0))
    )
    report = ImportanceReport(rows=20, repeats=5, inputs=inputs)

    axes = axes_of(plot_importance(report, AGES, SUBJECT))

    assert [text.get_text() for text in axes.get_yticklabels()] == ["Rank", "Age"]
    assert [bar.get_width() for bar in axes.patches] == [9.0, 2.0]
    assert axes.yaxis_inverted()


@pytest.mark.parametrize("rows", [5, 1_200])
def test_pay_gaps_when_drawn_then_name_both_groups_and_count_rows(rows: int) -> None:
    contract = contract_of(column("age"), category("sex", ["f", "m"], use="audit"))
    scores = {"mean_residual": 0, "low": 0, "high": 0, "rmse": 1, "mae": 1}
    groups = (
        GroupScores(group="m", rows=2_000, **scores),
        GroupScores(group="f", rows=rows, gap=-5, gap_low=-9, gap_high=-1, **scores),
    )
    columns = (ColumnScores(column="sex", withheld=0, reference="m", groups=groups),)
    report = GroupReport(rows=2_000, min_rows=5, confidence=0.95, columns=columns)

    axes = axes_of(plot_pay_gaps(report, contract, SUBJECT))

    (tick,) = axes.get_yticklabels()
    assert tick.get_text() == f"Sex: f against m (n = {rows:,})"
    assert list(axes.lines[1].get_xdata()) == [-9, -5, -1]


def test_figures_when_there_is_nothing_to_draw_then_say_why(contract: Contract) -> None:
    texts = [
        figure.texts[0].get_text()
        for figure in (
            plot_importance(None, contract, SUBJECT),
            plot_pay_gaps(None, contract, SUBJECT),
        )
    ]

    assert texts == [
        "there is one input, and no other to compare it with",
        "no column is of use audit",
    ]
