"""Figures of one evaluation, in the style of `style`.

Rows are drawn in cells of at least five people, and one by one only if their table is public. What
is drawn of the holdout comes from the report alone, which tells of no single person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from salary_kedro.bundle.calibration import NORMAL_QUANTILE, Calibration, Intervals
from salary_kedro.bundle.report import Fit, GroupReport, ImportanceReport, IntervalScores
from salary_kedro.contract import Boolean, Category, Contract, Date, Feature, Integer, Number
from salary_kedro.modelling.plane import Cell, bin_plane
from salary_kedro.modelling.profile import as_texts
from salary_kedro.modelling.style import (
    INK,
    MODEL,
    QUIET,
    Subject,
    add_legend,
    blank,
    count_in_dates,
    count_in_thousands,
    draw_cells,
    draw_dots,
    draw_range,
    label,
    name_axes,
    panel,
    plot_nothing,
    say_inside,
    short,
)
from salary_kedro.tables.frames import encode_frame

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
Predict = Callable[[pd.DataFrame], Numbers]
CURVE_POINTS = 200
#: Of more rows, so many are drawn, and so many have their input changed.
MAX_DOTS, MAX_AVERAGED = 10_000, 100
SEED = 234
MAX_CATEGORIES, MAX_GAPS, MAX_PANELS, PANEL_COLUMNS = 12, 60, 6, 2
#: How far dots of a category lie beside each other, where the next one is 1 away.
JITTER = 0.18
#: Values of a number that an average is taken at.
AVERAGED_POINTS = 30


def plot_predicted_vs_actual(
    fit: Fit, calibration: Calibration, contract: Contract, subject: Subject
) -> Figure:
    """Actual against predicted target on the holdout rows, on a square, with the intervals."""
    figure = blank("Predicted against actual", subject, (6, 6.4))
    axes, target = panel(figure), label(contract.target)
    _draw_fit(axes, fit)
    if (ends := _ends_of(fit)) is not None:
        line = np.linspace(*ends, CURVE_POINTS)
        _draw_intervals(axes, line, calibration.intervals(line), np.zeros(CURVE_POINTS))
        axes.plot(ends, ends, "--", color=QUIET, lw=1, label="predicted = actual")
        axes.set(xlim=ends, ylim=ends, aspect="equal")
    count_in_thousands(axes.xaxis, axes.yaxis)
    axes.tick_params(axis="x", rotation=30)
    name_axes(axes, f"Predicted {target}", f"Actual {target}")
    add_legend(figure)
    return figure


def plot_residuals(
    fit: Fit, calibration: Calibration, contract: Contract, subject: Subject
) -> Figure:
    """Actual minus predicted target against the prediction, on the holdout rows."""
    figure = blank("Residuals: actual minus predicted", subject)
    axes = panel(figure)
    if fit.points:
        predicted, actual = np.array(fit.points).T
        draw_dots(axes, predicted, actual - predicted, "holdout rows")
    middles = [(band.low + band.high) / 2 for band in fit.bands]
    axes.errorbar(
        middles,
        [band.mean_residual for band in fit.bands],
        xerr=[(band.high - band.low) / 2 for band in fit.bands],
        yerr=[band.spread for band in fit.bands],
        fmt="o",
        color=INK,
        capsize=3,
        lw=1.2,
        label="mean ± standard deviation of a band",
    )
    if fit.bands:
        line = np.linspace(fit.bands[0].low, fit.bands[-1].high, CURVE_POINTS)
        _draw_intervals(axes, line, calibration.intervals(line), line)
    axes.axhline(0, linestyle="--", color=QUIET, lw=1)
    count_in_thousands(axes.xaxis, axes.yaxis)
    name_axes(axes, f"Predicted {label(contract.target)}", "Residual")
    add_legend(figure)
    return figure


def plot_coverage(scores: IntervalScores | None, subject: Subject) -> Figure:
    """Share of holdout rows within their intervals, by confidence, with what chance can make of it.

    That is the normal 95 % range of a share of as many rows as they count for; without intervals,
    only the line of equality is drawn.
    """
    figure = blank("Coverage of the holdout rows by confidence", subject, (6, 6.2))
    axes = panel(figure)
    axes.plot([0, 1], [0, 1], linestyle="--", color=QUIET, lw=1, label="expected")
    if scores is not None:
        levels = np.linspace(0, 1, CURVE_POINTS)
        rows = scores.coverage.effective_rows or scores.coverage.rows
        reach = NORMAL_QUANTILE * np.sqrt(levels * (1 - levels) / rows)
        low, high = np.clip([levels - reach, levels + reach], 0, 1)
        axes.fill_between(levels, low, high, color=QUIET, alpha=0.15, label="by chance, 95 %")
        found = [(level.confidence, level.share) for level in scores.levels]
        axes.plot(*zip(*found, strict=True), marker="o", ms=4, color=MODEL, label="observed")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    axes.set_aspect("equal")
    name_axes(axes, "Confidence of the intervals", "Share of rows within")
    add_legend(figure)
    return figure


@dataclass(frozen=True)
class DrawnRows:
    """The rows that lie under a curve.

    Attributes:
        rows: Clean rows, of training and holdout.
        whose: Whose each is, numbered from 0.
        min_people: Fewest people that a cell, or a category, may rest on.
        is_public: Whether they may be drawn one by one.
    """

    rows: pd.DataFrame
    whose: Places
    min_people: int
    is_public: bool


def plot_curves(
    predict: Predict,
    drawn: DrawnRows,
    contract: Contract,
    calibration: Calibration,
    subject: Subject,
    importance: ImportanceReport | None = None,
) -> Figure:
    """What the model makes of each input: the average prediction, were it the same for all rows.

    That is partial dependence (Friedman 2001, Annals of Statistics 29(5)), with the standard
    deviation over the rows where there are other inputs, and the prediction interval where there
    are none; the inputs that its error rests on most, up to six of them.
    """
    inputs = _ranked(contract, importance)[:MAX_PANELS]
    across = min(PANEL_COLUMNS, len(inputs))
    down = -(-len(inputs) // across)
    size = (7.0 if across == 1 else 9.5, 4.5 if down == 1 else 3.4 * down)
    figure = blank("What the model makes of each input", subject, size)
    encoded = encode_frame(drawn.rows, contract)
    for place, feature in enumerate(inputs, start=1):
        axes = panel(figure, down, across, place)
        count_in_thousands(axes.yaxis)
        _draw_rows(axes, encoded[feature.name], feature, drawn, contract)
        _draw_average(axes, predict, encoded, feature, drawn, contract, calibration)
        name_axes(
            axes, label(feature), contract.target.label if place % across == 1 % across else ""
        )
    add_legend(figure)
    return figure


def _draw_rows(
    axes: Axes, values: pd.Series, feature: Feature, drawn: DrawnRows, contract: Contract
) -> None:
    """The rows: numbers and dates from left to right, categories side by side."""
    known = values.notna().to_numpy()
    pay = drawn.rows[contract.target.name].to_numpy(dtype=np.float64)
    if _is_grouped(feature):
        shown = _grid(values, feature, drawn)
        places = values.map({value: float(at) for at, value in enumerate(shown)})
        known, values = known & places.notna().to_numpy(), places
    across = values[known].to_numpy(dtype=np.float64)
    owners, pay = drawn.whose[known], pay[known]
    if drawn.is_public:
        some = _some(len(across), MAX_DOTS)
        aside = np.random.default_rng(SEED).uniform(-JITTER, JITTER, len(some))
        draw_dots(axes, across[some] + aside * _is_grouped(feature), pay[some], "rows")
    elif _is_grouped(feature):
        for at in np.unique(across):
            _draw_stack(axes, at, pay[across == at], owners[across == at], drawn.min_people)
    else:
        draw_cells(axes, bin_plane(across, pay, owners, drawn.min_people).cells, drawn.min_people)


def _draw_stack(axes: Axes, at: float, pay: Numbers, whose: Places, min_people: int) -> None:
    """The rows of one category, beside those of the others."""
    cells = bin_plane(np.zeros(len(pay)), pay, whose, min_people).cells
    beside = [Cell(at - 0.4, at + 0.4, cell.bottom, cell.top, cell.rows) for cell in cells]
    draw_cells(axes, beside, min_people, is_named=at == 0)


def _draw_average(
    axes: Axes,
    predict: Predict,
    encoded: pd.DataFrame,
    feature: Feature,
    drawn: DrawnRows,
    contract: Contract,
    calibration: Calibration,
) -> None:
    grid = _grid(encoded[feature.name], feature, drawn)
    if not grid:
        say_inside(axes, f"known of fewer than {drawn.min_people} people")
        return
    average, spread = _averages(predict, encoded, feature, grid)
    places = np.arange(len(grid)) if _is_grouped(feature) else np.array(grid, dtype=np.float64)
    low, high, name = average - spread, average + spread, "± standard deviation"
    if len(contract.inputs) == 1:
        found = calibration.intervals(average)
        low, high, name = (found.low, found.high, _name_of(found)) if found else (low, high, "")
    if _is_grouped(feature):
        axes.plot(places, average, "D", color=MODEL, ms=5, label="model")
        axes.vlines(places, low, high, color=MODEL, lw=1.5, label=name)
        texts = as_texts(pd.Series(grid), feature).map(str)
        axes.set_xticks(
            places, [short(text) for text in texts], rotation=25, ha="right", parse_math=False
        )
    else:
        axes.plot(places, average, "-", color=MODEL, lw=2, label="model")
        draw_range(axes, places, low, high, name)
    if isinstance(feature, Date):
        count_in_dates(axes.xaxis)


def _averages(
    predict: Predict, encoded: pd.DataFrame, feature: Feature, grid: list[object]
) -> tuple[Numbers, Numbers]:
    """Mean and standard deviation of the predictions, had all rows each value in turn."""
    some = encoded.iloc[_some(len(encoded), MAX_AVERAGED)]
    many = pd.concat([some] * len(grid), ignore_index=True)
    values = pd.Series([value for value in grid for _ in range(len(some))])
    many[feature.name] = values.astype(encoded[feature.name].dtype)
    predicted = np.asarray(predict(many)).reshape(len(grid), len(some))
    return predicted.mean(axis=1), predicted.std(axis=1)


def _grid(values: pd.Series, feature: Feature, drawn: DrawnRows) -> list[object]:
    """The values for which the model is drawn: categories of enough people, or a range of them."""
    if _is_grouped(feature):
        counts = values.value_counts()
        people = pd.Series(drawn.whose).groupby(values.to_numpy()).nunique()
        least = 1 if drawn.is_public else drawn.min_people
        rare = feature.min_count if isinstance(feature, Category) else 1
        met = [x for x in counts.index if people.get(x, 0) >= least and counts[x] >= rare]
        if isinstance(feature, Category) and feature.listed is not None:
            return sorted(met, key=feature.listed.index)[:MAX_CATEGORIES]
        return (sorted(met) if isinstance(feature, Boolean) else met)[:MAX_CATEGORIES]
    known = values[values.notna()].to_numpy(dtype=np.float64)
    if not len(known):
        return []
    ends = (known.min(), known.max())
    if not drawn.is_public:
        whose = drawn.whose[values.notna().to_numpy()]
        bands = bin_plane(known, known, whose, drawn.min_people).bands  # without the outer few
        if not bands:
            return []
        ends = (bands[0].low, bands[-1].high)
    return list(np.linspace(*ends, AVERAGED_POINTS))


def plot_importance(
    report: ImportanceReport | None, contract: Contract, subject: Subject
) -> Figure:
    """By how much the RMSE rises if an input is shuffled, the most important first."""
    if report is None or len(report.inputs) < 2:
        return plot_nothing("there is one input, and no other to compare it with")
    shown = report.inputs[:MAX_GAPS]
    names = {column.name: short(column.label) for column in contract.inputs}
    figure = blank("What the error rests on", subject, (7, max(2.6, 1.4 + 0.32 * len(shown))))
    axes = panel(figure)
    axes.barh(
        range(len(shown)),
        [item.importance for item in shown],
        xerr=[item.spread for item in shown],
        color=MODEL,
        ecolor=INK,
        height=0.6,
    )
    axes.set_yticks(range(len(shown)), [names[item.input] for item in shown], parse_math=False)
    axes.invert_yaxis()
    count_in_thousands(axes.xaxis)
    unit = f" ({contract.target.unit})" if contract.target.unit else ""
    axes.set_xlabel(f"Rise of the RMSE if the input is shuffled{unit}", parse_math=False)
    return figure


def plot_pay_gaps(report: GroupReport | None, contract: Contract, subject: Subject) -> Figure:
    """The unexplained gap of each group to the largest one of its column, with its interval."""
    if report is None:
        return plot_nothing("no column is of use audit")
    labels = {column.name: column.label for column in contract.audits}
    gaps = [
        (f"{short(scores.group)} against {short(str(column.reference))}", column.column, scores)
        for column in report.columns
        for scores in column.groups
        if scores.gap is not None
    ][:MAX_GAPS]
    figure = blank("Unexplained pay gaps", subject, (7, max(2.6, 1.6 + 0.42 * len(gaps))))
    axes = panel(figure)
    axes.axvline(0, linestyle="--", color=QUIET, lw=1)
    for place, (_, _, scores) in enumerate(gaps):
        ends = np.array([scores.gap_low, scores.gap, scores.gap_high], dtype=np.float64)
        axes.plot(ends, [place] * 3, "|-", color=MODEL, lw=1.5)
        axes.plot(ends[1], place, "o", color=MODEL)
    ticks = [f"{labels[column]}: {name} (n = {scores.rows:,})" for name, column, scores in gaps]
    axes.set_yticks(range(len(gaps)), ticks, parse_math=False)
    axes.invert_yaxis()
    count_in_thousands(axes.xaxis)
    unit = contract.target.unit or contract.target.label
    name = f"Difference ({unit}), with its {100 * report.confidence:.0f} % interval"
    axes.set_xlabel(name, parse_math=False)
    return figure


def _draw_fit(axes: Axes, fit: Fit) -> None:
    if fit.points:
        predicted, actual = np.array(fit.points).T
        draw_dots(axes, predicted, actual, "holdout rows")
        return
    cells = [
        Cell(x.predicted_low, x.predicted_high, x.actual_low, x.actual_high, x.rows)
        for x in fit.cells
    ]
    draw_cells(axes, cells, fit.min_rows)


def _ends_of(fit: Fit) -> tuple[float, float] | None:
    """The ends of both axes, a little beyond what is drawn; None if nothing is."""
    ends = [end for point in fit.points for end in point] or [
        end
        for x in fit.cells
        for end in (x.predicted_low, x.predicted_high, x.actual_low, x.actual_high)
    ]
    if not ends:
        return None
    reach = 0.04 * (max(ends) - min(ends)) or 1.0
    return min(ends) - reach, max(ends) + reach


def _draw_intervals(axes: Axes, places: Numbers, found: Intervals | None, less: Numbers) -> None:
    if found is not None:
        low, high, name = found.low - less, found.high - less, _name_of(found)
        draw_range(axes, places, low, high, name)


def _name_of(found: Intervals) -> str:
    return f"{100 * found.confidence:.15g} % interval"


def _ranked(contract: Contract, importance: ImportanceReport | None) -> list[Feature]:
    """The inputs, the most important first, as far as that is known."""
    known: dict[str, Feature] = {item.name: item for item in contract.inputs}
    return [*known.values()] if importance is None else [known[x.input] for x in importance.inputs]


def _is_grouped(column: Feature) -> bool:
    match column:
        case Category() | Boolean():
            return True
        case Number() | Integer() | Date():
            return False
    assert_never(column)


def _some(rows: int, most: int) -> Places:
    """Places of all rows, or of a sample of many."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(SEED).choice(rows, most, replace=False))
