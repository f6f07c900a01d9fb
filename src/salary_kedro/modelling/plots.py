"""Figures of one evaluation. They are drawn without pyplot, which would keep global state."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Contract
from salary_kedro.modelling.evaluation import features_and_target

CURVE_POINTS = 200


def plot_predicted_vs_actual(model: Pipeline, holdout: pd.DataFrame, contract: Contract) -> Figure:
    """Predicted against actual target on the holdout rows, with the line of equality."""
    features, actual = features_and_target(holdout, contract)
    predicted = model.predict(features)
    figure, axes = _blank("Holdout rows: predicted against actual")
    axes.scatter(actual, predicted)
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    axes.plot(ends, ends, linestyle="--", color="grey", label="predicted = actual")
    axes.set_xlabel(f"Actual {_title(contract.target.label, contract.target.unit)}")
    axes.set_ylabel(f"Predicted {_title(contract.target.label, contract.target.unit)}")
    axes.legend()
    return figure


def plot_residuals(model: Pipeline, holdout: pd.DataFrame, contract: Contract) -> Figure:
    """Residuals (actual minus predicted) against the prediction, on the holdout rows."""
    features, actual = features_and_target(holdout, contract)
    predicted = model.predict(features)
    figure, axes = _blank("Holdout rows: residuals")
    axes.scatter(predicted, actual - predicted)
    axes.axhline(0, linestyle="--", color="grey")
    axes.set_xlabel(f"Predicted {_title(contract.target.label, contract.target.unit)}")
    axes.set_ylabel("Residual (actual minus predicted)")
    return figure


def plot_fitted_curve(
    model: Pipeline, train: pd.DataFrame, holdout: pd.DataFrame, contract: Contract
) -> Figure:
    """The model's curve over its first feature, with the data.

    The other features stay at their training medians.
    """
    feature = contract.features[0]
    figure, axes = _blank("Fitted curve over the data")
    for rows, label in ((train, "training rows"), (holdout, "holdout rows")):
        axes.scatter(rows[feature.name], rows[contract.target.name], label=label, alpha=0.7)
    curve = _curve(train, pd.concat([train, holdout])[feature.name], contract)
    axes.plot(curve[feature.name], model.predict(curve), color="black", label="model")
    axes.set_xlabel(_title(feature.label, feature.unit))
    axes.set_ylabel(_title(contract.target.label, contract.target.unit))
    axes.legend()
    return figure


def _curve(train: pd.DataFrame, values: pd.Series, contract: Contract) -> pd.DataFrame:
    """Rows along the range of the first feature, the others at their training medians."""
    medians = train[contract.feature_names].median()
    curve = pd.DataFrame([medians] * CURVE_POINTS, columns=contract.feature_names)
    return curve.assign(**{str(values.name): np.linspace(values.min(), values.max(), CURVE_POINTS)})


def _blank(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.grid(alpha=0.3)
    return figure, axes


def _title(label: str, unit: str) -> str:
    return f"{label} ({unit})"
