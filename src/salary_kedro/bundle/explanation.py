"""How much each input contributes to one prediction: Shapley values, with NumPy alone.

An input's Shapley value is what the prediction changes by when the input's value is put into a
background row, averaged over all orders of putting the inputs in and over the background: Štrumbelj
and Kononenko 2014, Knowledge and Information Systems 41(3). They add up to the prediction minus the
background's average, on the scale of the salary itself, also where its logarithm was fitted. Where
each input adds its part by itself, as in a linear model, one order gives them exactly.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salary_kedro.bundle.background import SEED
from salary_kedro.bundle.bundle import Bundle
from salary_kedro.contract import Category
from salary_kedro.contract.encoding import Encoded, Row, encode_rows

#: Background rows, and the most predictions that one explanation asks the model for, about.
ROWS, MAX_PREDICTIONS = 64, 4_096

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Explanation:
    """What a prediction is made of, in the target's unit.

    Attributes:
        average: Mean prediction of the background, which stands for the training rows.
        prediction: Prediction of the row.
        contributions: By input, how far its value moves the prediction from the average;
            they add up to `prediction - average`.
    """

    average: float
    prediction: float
    contributions: Mapping[str, float]


def explain(bundle: Bundle, row: Row) -> Explanation | None:
    """Explain the prediction of one row.

    Up to six inputs, all of their subsets are looked at; with more, as many orders as
    `MAX_PREDICTIONS` allows, the same ones for each row.

    Args:
        bundle: The model, its contract and background.
        row: A checked row, with the inputs in the contract's order; None for a missing value.

    Returns:
        The explanation; None if the bundle has no background, as it was packed before releases
        recorded one.
    """
    names = bundle.contract.feature_names
    if not bundle.background.inputs:
        return None
    predict = _Mixed(bundle, row)
    few = 2 ** len(names) * ROWS <= MAX_PREDICTIONS
    values, average, prediction = _by_subsets(predict) if few else _by_orders(predict)
    return Explanation(average, prediction, dict(zip(names, values.tolist(), strict=True)))


class _Mixed:
    """Predicts background rows that have some values of the row that is explained."""

    def __init__(self, bundle: Bundle, row: Row) -> None:
        self._bundle = bundle
        self.row = encode_rows([row], bundle.contract)
        self.inputs = self.row.shape[1]
        self._is_text = [isinstance(item, Category) for item in bundle.contract.inputs]
        steps = max(1, self.inputs - 1)
        self.rows = max(1, min(ROWS, MAX_PREDICTIONS // steps))
        #: Orders for each background row.
        self.orders = max(1, MAX_PREDICTIONS // steps // self.rows)
        self._background = bundle.background.rows(self.rows, bundle.contract)

    def __call__(self, own: NDArray[np.bool_]) -> Numbers:
        """Predict, for each mask of inputs that are the row's own and each background row.

        Args:
            own: Shape (masks, background rows or 1, inputs).

        Returns:
            Shape (masks, background rows).
        """
        mixed: NDArray[Any] = np.where(own, self.row, self._background)
        rows = mixed.reshape(-1, self.inputs)
        columns = [_column(rows[:, place], kind) for place, kind in enumerate(self._is_text)]
        return self._bundle.predict_encoded(columns).reshape(len(own), self.rows)


def _column(values: NDArray[Any], is_text: bool) -> Encoded:
    return values.tolist() if is_text else values.astype(np.float64)


def _by_subsets(predict: _Mixed) -> tuple[Numbers, float, float]:
    """Shapley values by their definition: all subsets of the inputs (Shapley 1953)."""
    count = predict.inputs
    subsets = np.arange(2**count)
    own = (subsets[:, None] >> np.arange(count) & 1).astype(bool)
    values = predict(own[:, None, :]).mean(axis=1)
    sizes = own.sum(axis=1)
    shares = np.array([1 / (count * math.comb(count - 1, size)) for size in range(count)])
    found = np.empty(count)
    for place in range(count):
        without = subsets[~own[:, place]]
        gains = values[without | 1 << place] - values[without]
        found[place] = np.sum(shares[sizes[without]] * gains)
    return found, float(values[0]), float(values[-1])


def _by_orders(predict: _Mixed) -> tuple[Numbers, float, float]:
    """Shapley values by some orders of the inputs, every second of which is one reversed.

    Reversed orders make the sample's error smaller: Mitchell, Cooper, Frank and Holmes 2022,
    Journal of Machine Learning Research 23(43).
    """
    ranks = _ranks(predict.orders, predict.rows, predict.inputs)
    steps = np.arange(predict.inputs + 1)[:, None, None, None]
    own = (ranks < steps).reshape(-1, predict.rows, predict.inputs)
    values = predict(own).reshape(len(steps), predict.orders, predict.rows)
    gains = np.diff(values, axis=0)  # by the rank of the input that was put in
    found = np.take_along_axis(np.moveaxis(gains, 0, -1), ranks, axis=-1)
    return found.mean(axis=(0, 1)), float(values[0].mean()), float(values[-1].mean())


def _ranks(orders: int, rows: int, inputs: int) -> NDArray[np.intp]:
    """When each input is put in, shape (orders, rows, inputs), from 0."""
    random = np.random.default_rng(SEED)
    half = np.tile(np.arange(inputs), ((orders + 1) // 2, rows, 1))
    drawn = random.permuted(half, axis=-1)
    both = np.stack([drawn, inputs - 1 - drawn], axis=1).reshape(-1, rows, inputs)
    return both[:orders]
