"""Arrays against scikit-learn: every estimator, on rows that are meant to part them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.runtime.agreement import make_runtime
from salary_kedro.bundle.runtime.evaluate import Evaluator
from salary_kedro.bundle.runtime.form import Plain
from salary_kedro.contract import Category, Column, Contract, Date, Integer, Number
from salary_kedro.contract.encoding import Encoded, as_matrix, decode, encode
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from salary_kedro.tables.frames import encode_frame, encoded_columns, learn_domain

#: Rows of which each value is drawn by itself, and how many of them are asked for one by one.
ROWS, ALONE = 2_000, 200
LINES = ("linear_regression", "ridge", "spline_ridge")
TOLERANCE = 1e-9


def compare_arrays(contract: Contract, data: Path) -> Iterator[str]:
    """Train every estimator on the rows of a run, and compare its arrays; what went wrong.

    Args:
        contract: That of the run.
        data: The folder of its training and holdout rows.
    """
    train, holdout = (pd.read_parquet(data / f"{name}.parquet") for name in ("train", "holdout"))
    features, target = features_and_target(train, contract)
    domain = learn_domain(train, contract)
    seen = encoded_columns(encode_frame(pd.concat([train, holdout]), contract), contract)
    for model in MODEL_NAMES:
        fitted = build_pipeline(contract, model, {}, 234, domain).fit(features, target)
        files = make_runtime(fitted, contract, seen)
        plain = Plain.parse(files["runtime.json"], files.get("runtime.npz"), contract)
        if plain.form.reason:
            yield f"{model} has no arrays: {plain.form.reason}"
        else:
            yield from _compare(model, fitted, plain, contract, hostile_rows(seen, contract))


def _compare(
    model: ModelName, fitted: Pipeline, plain: Plain, contract: Contract, rows: Sequence[Encoded]
) -> Iterator[str]:
    with np.errstate(all="ignore"):  # extremes may have no finite answer
        expected = fitted.predict(as_matrix(rows, contract))
        found = Evaluator(plain, contract).predict_columns(rows)
    tolerance = TOLERANCE if model in LINES else 0
    wrong = np.flatnonzero(~np.isclose(found, expected, rtol=tolerance, atol=0, equal_nan=True))
    for row in wrong[np.isfinite(expected[wrong]) | np.isfinite(found[wrong])][:3]:
        values = [column[row] for column in rows]
        yield f"{model} predicts {expected[row]!r} for {values}, its arrays {found[row]!r}"
    by_itself = Evaluator(plain, contract).predict_row
    for row in range(ALONE):
        pairs = zip(rows, contract.inputs, strict=True)
        alone = by_itself([decode(values[row], column) for values, column in pairs])
        if alone != found[row] and np.isfinite(alone):
            yield f"the arrays of {model} predict {alone!r} for row {row}, {found[row]!r} among all"


def hostile_rows(seen: Sequence[Encoded], contract: Contract) -> list[Encoded]:
    """Rows by encoded column, each value drawn from those that the kind of column fears most."""
    random = np.random.default_rng(234)
    found: list[Encoded] = []
    for values, column in zip(seen, contract.inputs, strict=True):
        feared = _feared(values, column)
        drawn = random.integers(len(feared), size=ROWS)
        is_text = isinstance(values, list)
        found.append([feared[place] for place in drawn] if is_text else np.array(feared)[drawn])
    return found


def _feared(values: Encoded, column: Column) -> list[Any]:
    lost = [] if column.required else [np.nan]
    if isinstance(column, Category):
        met = sorted({value for value in values if isinstance(value, str)})
        return [*met, "never met", "", *lost]
    numbers = np.unique(np.asarray(values, dtype=np.float64))
    numbers = numbers[np.isfinite(numbers)]
    near = [*numbers, *(numbers[1:] / 2 + numbers[:-1] / 2)]  # where trees divide
    if isinstance(column, Date):
        return [*np.floor(near), *_ends(column), *lost]
    around = [_around(value) for value in near]
    ends = _ends(column) if isinstance(column, Number | Integer) else []
    return [*np.concatenate([near, *around, ends, [0.0, -0.0, 1e-320]]).tolist(), *lost]


def _around(value: float) -> NDArray[np.float64]:
    narrow = np.float32(value)
    steps = [np.nextafter(value, end) for end in (-np.inf, np.inf)]
    narrow_steps = [np.nextafter(narrow, np.float32(end)) for end in (-np.inf, np.inf)]
    return np.array([narrow, *steps, *narrow_steps], dtype=np.float64)


def _ends(column: Number | Integer | Date) -> list[float]:
    ends = (column.interval.low, column.interval.high, column.example)
    return [float(encode(end, column)) for end in ends]
