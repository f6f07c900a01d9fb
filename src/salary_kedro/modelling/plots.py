"""Figures of one evaluation. They are drawn without pyplot, which would keep global state."""

import warnings
from io import BytesIO
from typing import Any, assert_never

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.calibration import NORMAL_QUANTILE, Calibration, Intervals
from salary_kedro.bundle.report import GroupReport, ImportanceReport, IntervalScores
from salary_kedro.contract import Boolean, Category, Column, Contract, Date, Integer, Number
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.tables.frames import encode_frame

CURVE_POINTS = 200
#: Of more rows, a sample is drawn: more dots hide each other, and take long.
MAX_DOTS = 10_000
SEED = 234
MAX_CATEGORIES = 20
MAX_GAPS = 60
#: Characters of a category.
MAX_TICK = 20

# What the font lacks is drawn as a box; nobody needs a warning for each.
warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)


def as_png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def plot_nothing(why: str) -> Figure:
    """A small figure that says why there is nothing to draw."""
    figure = Figure(figsize=(4, 0.6))
    figure.text(0.5, 0.5, why, ha="center", va="center", parse_math=False)
    return figure


def plot_predicted_vs_actual(model: Pipeline, holdout: pd.DataFrame, contract: Contract) -> Figure:
    """Predicted against actual target on the holdout rows, with the line of equality."""
    features, actual = features_and_target(_thin(holdout), contract)
    predicted = model.predict(features)
    figure, axes = _blank("Holdout rows: predicted against actual")
    axes.scatter(actual, predicted)
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    axes.plot(ends, ends, linestyle="--", color="grey", label="predicted = actual")
    axes.set_xlabel(f"Actual {_title(contract.target)}", parse_math=False)
    axes.set_ylabel(f"Predicted {_title(contract.target)}", parse_math=False)
    axes.legend()
    return figure


def plot_residuals(model: Pipeline, holdout: pd.DataFrame, contract: Contract) -> Figure:
    """Residuals (actual minus predicted) against the prediction, on the holdout rows."""
    features, actual = features_and_target(_thin(holdout), contract)
    predicted = model.predict(features)
    figure, axes = _blank("Holdout rows: residuals")
    axes.scatter(predicted, actual - predicted)
    axes.axhline(0, linestyle="--", color="grey")
    axes.set_xlabel(f"Predicted {_title(contract.target)}", parse_math=False)
    axes.set_ylabel("Residual (actual minus predicted)")
    return figure


def plot_coverage(scores: IntervalScores | None) -> Figure:
    """Share of holdout rows within their intervals, by confidence, with what chance can make of it.

    That is the normal 95 % range of a share of as many rows as they count for; without intervals,
    only the line of equality is drawn.
    """
    figure, axes = _blank("Coverage of the holdout rows by confidence")
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey", label="expected")
    if scores is not None:
        levels = np.linspace(0, 1, CURVE_POINTS)
        rows = scores.coverage.effective_rows or scores.coverage.rows
        reach = NORMAL_QUANTILE * np.sqrt(levels * (1 - levels) / rows)
        low, high = np.clip([levels - reach, levels + reach], 0, 1)
        axes.fill_between(levels, low, high, color="grey", alpha=0.2, label="by chance, 95 %")
        found = [(level.confidence, level.share) for level in scores.levels]
        axes.plot(
            *zip(*found, strict=True),
            marker="o",
            label=f"observed on {scores.coverage.rows:,} rows",
        )
    axes.set_xlabel("Confidence of the intervals")
    axes.set_ylabel("Share of rows within")
    axes.legend()
    return figure


def plot_fitted_curve(
    model: Pipeline,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    contract: Contract,
    calibration: Calibration,
    importance: ImportanceReport | None = None,
) -> Figure:
    """What the model makes of one input, with the data; the other inputs stay typical.

    That is a curve over the number or date that its error rests on most, or the first, if that is
    not known; without any, a dot for each frequent value of such an input. Typical are the
    training median and the most frequent value. Where there are prediction intervals, they are
    drawn about it.
    """
    feature, target = _drawn(contract, importance), contract.target
    figure, axes = _blank("Fitted curve over the data")
    train, holdout = _thin(train), _thin(holdout)
    encoded = [encode_frame(rows, contract) for rows in (train, holdout)]
    grid = _grid(encoded[0][feature.name], encoded[1][feature.name], feature)
    labels = ("training rows", "holdout rows")
    for rows, features, label in zip((train, holdout), encoded, labels, strict=True):
        places = _places(features[feature.name], grid, feature)
        axes.scatter(places, rows[target.name], label=label, alpha=0.7)
    if len(grid):
        predicted = model.predict(_typical_rows(encoded[0], grid, feature, contract))
        style = "D" if _is_grouped(feature) else "-"
        places = _places(pd.Series(grid), grid, feature)
        axes.plot(places, predicted, style, color="black", label="model")
        _draw_band(axes, places, calibration.intervals(predicted), _is_grouped(feature))
    _name_axes(axes, grid, feature, contract)
    return figure


def _draw_band(axes: Axes, places: pd.Series, found: Intervals | None, is_grouped: bool) -> None:
    if found is None:
        return
    label = f"{100 * found.confidence:.15g} % interval"
    if is_grouped:
        axes.vlines(places, found.low, found.high, color="black", alpha=0.5, label=label)
    else:
        axes.fill_between(places, found.low, found.high, color="black", alpha=0.1, label=label)


def plot_importance(report: ImportanceReport, contract: Contract) -> Figure:
    """By how much the RMSE rises if an input is shuffled, the most important first."""
    shown = report.inputs[:MAX_GAPS]
    labels = {column.name: _title(column) for column in contract.inputs}
    figure, axes = _blank("Holdout rows: rise of the RMSE if an input is shuffled")
    figure.set_figheight(max(4.5, 0.3 * len(shown)))
    axes.barh(
        range(len(shown)),
        [item.importance for item in shown],
        xerr=[item.spread for item in shown],
    )
    axes.set_yticks(range(len(shown)), [labels[item.input] for item in shown], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(f"Rise in {_title(contract.target)}", parse_math=False)
    return figure


def plot_pay_gaps(report: GroupReport, contract: Contract) -> Figure:
    """The unexplained gap of each group to the largest one of its column, with its interval."""
    gaps = [
        (f"{column.column}: {scores.group[:MAX_TICK]} - {str(column.reference)[:MAX_TICK]}", scores)
        for column in report.columns
        for scores in column.groups
        if scores.gap is not None
    ][:MAX_GAPS]
    figure, axes = _blank("Unexplained gap to the largest group")
    figure.set_figheight(max(4.5, 0.3 * len(gaps)))
    axes.axvline(0, linestyle="--", color="grey")
    for place, (_, scores) in enumerate(gaps):
        ends = np.array([scores.gap_low, scores.gap, scores.gap_high], dtype=np.float64)
        axes.plot(ends, [place] * 3, "|-", color="tab:blue")
        axes.plot(ends[1], place, "o", color="tab:blue")
    axes.set_yticks(range(len(gaps)), [label for label, _ in gaps], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(f"Difference in {_title(contract.target)}", parse_math=False)
    return figure


def _drawn(contract: Contract, importance: ImportanceReport | None) -> Column:
    """The input that is drawn from left to right."""
    known = {item.name: item for item in contract.inputs}
    ranked = (
        [*known.values()] if importance is None else [known[x.input] for x in importance.inputs]
    )
    return next((item for item in ranked if not _is_grouped(item)), ranked[0])


def _is_grouped(column: Column) -> bool:
    match column:
        case Category() | Boolean():
            return True
        case Number() | Integer() | Date():
            return False
    assert_never(column)


def _grid(train: pd.Series, holdout: pd.Series, feature: Column) -> list[Any]:
    """The values for which the model is drawn, in order."""
    if isinstance(feature, Category):
        counts = train.value_counts()
        # Rarer ones could tell of single persons.
        met = list(counts.index[counts >= feature.min_count][:MAX_CATEGORIES])
        return met if feature.listed is None else sorted(met, key=feature.listed.index)
    if isinstance(feature, Boolean):
        return [0.0, 1.0]
    values = pd.concat([train, holdout])
    return list(np.linspace(values.min(), values.max(), CURVE_POINTS))


def _places(values: pd.Series, grid: list[Any], feature: Column) -> pd.Series:
    """Where values lie from left to right; NaN for a category that is not drawn."""
    if not _is_grouped(feature):
        return values
    return values.map({value: float(place) for place, value in enumerate(grid)}).astype("float64")


def _typical_rows(
    train: pd.DataFrame, grid: list[Any], feature: Column, contract: Contract
) -> pd.DataFrame:
    """Encoded rows along the grid, the other inputs at their typical training value."""
    rows = {
        column.name: pd.Series([_typical(train[column.name], column)] * len(grid))
        for column in contract.inputs
    }
    return pd.DataFrame({**rows, feature.name: grid}).astype(train.dtypes)


def _typical(values: pd.Series, column: Column) -> Any:
    if _is_grouped(column):
        return next(iter(values.mode()), np.nan)
    return values.median()


def _name_axes(axes: Axes, grid: list[Any], feature: Column, contract: Contract) -> None:
    if _is_grouped(feature):
        texts = ["false", "true"] if isinstance(feature, Boolean) else [str(x) for x in grid]
        ticks = [text if len(text) <= MAX_TICK else f"{text[:MAX_TICK]}..." for text in texts]
        axes.set_xticks(range(len(grid)), ticks, rotation=30, ha="right", parse_math=False)
    if isinstance(feature, Date):
        axes.xaxis_date()  # Matplotlib counts the days since 1970 too
    axes.set_xlabel(_title(feature), parse_math=False)
    axes.set_ylabel(_title(contract.target), parse_math=False)
    axes.legend()


def _thin(rows: pd.DataFrame) -> pd.DataFrame:
    return rows if len(rows) <= MAX_DOTS else rows.sample(MAX_DOTS, random_state=SEED)


def _blank(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.grid(alpha=0.3)
    return figure, axes


def _title(column: Column) -> str:
    return f"{column.label} ({column.unit})" if column.unit else column.label
