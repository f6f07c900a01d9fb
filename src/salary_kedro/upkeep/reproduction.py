"""Compares a retrained model with the version it repeats: pure functions."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from salary_kedro.bundle.lineage import Lineage

#: What must be the same for a training to repeat itself, by its field of `Lineage`.
INGREDIENTS = {
    "code": "code_sha256",
    "data": "data_sha256",
    "lock": "lock_sha256",
    "parameters": "parameters_sha256",
}

#: Metrics by name; None for one that is not a finite number, which JSON cannot hold.
Recorded = Mapping[str, float | None]
Values = Sequence[float] | NDArray[np.float64]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ingredient(_Frozen):
    """One thing that a model is made from.

    Attributes:
        recorded: Its fingerprint when the version was trained; None if it was not recorded.
        now: Its fingerprint today; None if it cannot be taken as the recorded one was.
    """

    recorded: str | None
    now: str | None

    @property
    def differs(self) -> bool:
        """Whether it is not what it was, or was not recorded."""
        return self.recorded is None or self.now not in (None, self.recorded)


class Deviation(_Frozen):
    """How far values are from the recorded ones, at the most.

    Attributes:
        absolute: Largest absolute difference, 0 if all are identical; None if values
            cannot be compared: missing, or not a finite number, on one side.
        relative: Largest absolute difference as a share of the recorded value; None
            likewise, and if that value is 0.
    """

    absolute: float | None
    relative: float | None


class Metric(Deviation):
    """One metric, then and now.

    Attributes:
        recorded: Its value when the version was trained; None if there was none, or it
            was not a finite number.
        now: Its value after retraining; None likewise.
    """

    recorded: float | None
    now: float | None


class Reproduction(_Frozen):
    """What came of training a version once more.

    Attributes:
        version: Version number.
        identical: Whether metrics, predictions and calibration are the same, to the last digit.
        differs: Names of the ingredients that are not the same today.
        ingredients: Code, data, lock and parameters, then and now.
        git_commit: The commits; they may differ while the code is the same.
        metrics: The metrics, by name.
        predictions: Deviation of predictions on the `holdout` rows, in the target's
            unit, and on the recorded `examples`.
        calibration: Deviation of the numbers that intervals are made from; None if the version
            was trained before there were any.
    """

    version: int
    identical: bool
    differs: list[str]
    ingredients: dict[str, Ingredient]
    git_commit: Ingredient
    metrics: dict[str, Metric]
    predictions: dict[str, Deviation]
    calibration: Deviation | None


def compare(
    version: int,
    lineages: tuple[Lineage, Lineage],
    metrics: tuple[Recorded, Recorded],
    predictions: Mapping[str, tuple[Values, Values]],
    calibrations: tuple[Values, Values] | None = None,
) -> Reproduction:
    """Compare a version with its retrained model.

    Args:
        version: Version number.
        lineages: The recorded lineage, and today's.
        metrics: The recorded metrics, and those after retraining.
        predictions: By kind of rows, the version's predictions and the retrained
            model's, both of shape (rows,).
        calibrations: The numbers of both calibrations; None if the version has none.
    """
    ingredients = {name: _ingredient(lineages, key) for name, key in INGREDIENTS.items()}
    compared = _compare_metrics(*metrics)
    deviations = {kind: deviation(*pair) for kind, pair in predictions.items()}
    sureness = None if calibrations is None else deviation(*calibrations)
    gaps = [*compared.values(), *deviations.values(), *([] if sureness is None else [sureness])]
    return Reproduction(
        version=version,
        identical=all(gap.absolute == 0 for gap in gaps),
        differs=[name for name, ingredient in ingredients.items() if ingredient.differs],
        ingredients=ingredients,
        git_commit=_ingredient(lineages, "git_commit"),
        metrics=compared,
        predictions=deviations,
        calibration=sureness,
    )


def as_recorded(recorded: Lineage, now: Lineage, file_sha256: str | None) -> Lineage:
    """Today's lineage, with the data's fingerprint taken as that of a version was.

    Args:
        recorded: The version's lineage; without a `data_method`, its `data_sha256` is that of
            the raw file's bytes, as releases before this method recorded it.
        now: Today's lineage.
        file_sha256: That of today's raw file; None if there is none.

    Returns:
        Today's lineage, without `data_sha256` if it cannot be taken so.
    """
    if recorded.data_method == now.data_method:
        return now
    is_of_file = recorded.data_method is None
    told = {"data_sha256": file_sha256 if is_of_file else None, "data_method": None}
    return now.model_copy(update=told)


def _ingredient(lineages: tuple[Lineage, Lineage], key: str) -> Ingredient:
    recorded, now = lineages
    return Ingredient(recorded=getattr(recorded, key), now=getattr(now, key))


def _compare_metrics(recorded: Recorded, now: Recorded) -> dict[str, Metric]:
    names = [*recorded, *(name for name in now if name not in recorded)]
    return {name: _compare_metric(_value(recorded, name), _value(now, name)) for name in names}


def _compare_metric(recorded: list[float], now: list[float]) -> Metric:
    gap = deviation(recorded, now)
    shown = [value[0] if value and math.isfinite(value[0]) else None for value in (recorded, now)]
    return Metric(recorded=shown[0], now=shown[1], absolute=gap.absolute, relative=gap.relative)


def _value(metrics: Recorded, name: str) -> list[float]:
    """A metric's value; empty if there is none, NaN for whatever is not a finite number."""
    if name not in metrics:
        return []
    value = metrics[name]
    return [value if value is not None and math.isfinite(value) else math.nan]


def deviation(recorded: Values, now: Values) -> Deviation:
    """Measure how far values are from the recorded ones; two NaNs are the same."""
    old, new = np.asarray(recorded, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if old.shape != new.shape:
        return Deviation(absolute=None, relative=None)
    same = (old == new) | (np.isnan(old) & np.isnan(new))
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = np.where(same, 0.0, np.abs(new - old))
        shares = np.where(same, 0.0, gaps / np.abs(old))
    return Deviation(absolute=_largest(gaps), relative=_largest(shares))


def _largest(values: NDArray[np.float64]) -> float | None:
    largest = float(np.max(values, initial=0.0))
    return largest if np.isfinite(largest) else None
