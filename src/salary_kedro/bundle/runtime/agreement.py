"""Makes the plain form of a fitted Pipeline, and compares both: on rows, and where they could part.

Compared are rows as they were seen, every text, what is missing and what is unknown, the bounds of
the contract and of float32, and the thresholds of trees and knots of curves with their neighbours.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.files import FileError
from salary_kedro.bundle.runtime.compile import UncompilableError, compile_model, sums_in_order
from salary_kedro.bundle.runtime.evaluate import Evaluator, take
from salary_kedro.bundle.runtime.form import (
    Agreement,
    CategoryInput,
    Curves,
    Form,
    NumberInput,
    Plain,
)
from salary_kedro.contract import Category, Contract
from salary_kedro.contract.columns import Boolean, Column, Date, Integer, Number
from salary_kedro.contract.encoding import Encoded, as_matrix, decode, encode, encode_columns
from salary_kedro.contract.examples import example_rows

#: Lines and curves may differ by the order of their sums alone, as a share of the prediction.
TOLERANCE = 1e-9
#: Where terms cancel, as a share of a common prediction.
ROUNDING = 1e-12
#: Rows as they were seen, thresholds and single rows that are looked at, at most.
MAX_ROWS, MAX_THRESHOLDS, MAX_SINGLE = 2_000, 2_000, 500
#: A text that is no category.
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
FLOAT32_INF = np.float32(np.inf)
Columns = list[Encoded]


def make_runtime(
    model: Pipeline, contract: Contract, rows: Sequence[Encoded] | None = None
) -> dict[str, bytes]:
    """Make the files of a model's plain form, if it has one that predicts the same.

    Args:
        model: The fitted Pipeline.
        contract: The contract it was fitted by.
        rows: Rows to compare on, by encoded column; None for those of the contract alone.

    Returns:
        `runtime.json`, which says why there are no arrays if there are none, and `runtime.npz`
        if the arrays are of trees.
    """
    try:
        plain = compile_model(model, contract)
        agreement = compare(model, plain, contract, rows)
        return replace(plain, form=plain.form.model_copy(update={"agreement": agreement})).dump()
    except (UncompilableError, FileError) as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - a model of any make: the exact one serves
        reason = f"{type(error).__name__} where it was made into arrays"
    return Plain(Form(reason=reason[:1_000])).dump()


def compare(
    model: Pipeline, plain: Plain, contract: Contract, rows: Sequence[Encoded] | None = None
) -> Agreement:
    """Compare a plain form with the Pipeline that it was made of.

    Raises:
        UncompilableError: If they differ anywhere.
    """
    seen = encode_columns(example_rows(contract), contract)
    if rows is not None:
        seen = _joined(seen, _spaced(rows, MAX_ROWS))
    thresholds = _thresholds(plain)
    probes = _joined(seen, _probes(seen, _values(plain, contract, thresholds)))
    with np.errstate(all="ignore"):  # extremes may have no finite answer
        expected = np.asarray(model.predict(as_matrix(probes, contract)), dtype=np.float64)
    found = Evaluator(plain, contract).predict_columns(probes)
    tolerance = 0.0 if plain.nodes is not None and sums_in_order(model) else TOLERANCE
    sizes = np.abs(expected[: _count(seen)])
    common = ROUNDING * float(np.median(sizes)) if np.isfinite(sizes).all() else 0.0
    largest = _differ(found, expected, tolerance, common)
    _compare_single(plain, contract, probes, found)
    return Agreement(
        rows=len(expected),
        thresholds=sum(len(_few(found)) for found in thresholds.values()),
        of=sum(map(len, thresholds.values())),
        tolerance=tolerance,
        largest=largest,
        scikit_learn=version("scikit-learn"),
    )


def _differ(
    found: NDArray[np.float64], expected: NDArray[np.float64], tolerance: float, common: float
) -> float:
    """The largest relative difference of predictions that agree; those that are no numbers do."""
    finite = np.isfinite(expected)
    if (finite != np.isfinite(found)).any():
        raise UncompilableError("the arrays predict a number where the model does not, or not")
    gaps, sizes = np.abs(found[finite] - expected[finite]), np.abs(expected[finite])
    relative = gaps / np.maximum(sizes, common if common > 0 else 1.0)
    if (gaps > (tolerance * sizes + common if tolerance else 0)).any():
        worst = int(np.argmax(relative))
        raise UncompilableError(
            f"the arrays predict {float(found[finite][worst])!r} where the model predicts "
            f"{float(expected[finite][worst])!r}"
        )
    return float(np.max(relative, initial=0.0))


def _compare_single(
    plain: Plain, contract: Contract, probes: Columns, among: NDArray[np.float64]
) -> None:
    """One row by itself must give what it gives among others, to the last bit."""
    places = _spread(len(among), MAX_SINGLE)
    alone = Evaluator(plain, contract)  # what another has predicted, it would know
    values = [
        [decode(value, column) for value in take(probe, places)]
        for probe, column in zip(probes, contract.inputs, strict=True)
    ]
    with np.errstate(all="ignore"):
        single = np.array([alone.predict_row(row) for row in zip(*values, strict=True)])
    if not np.array_equal(among[places], single, equal_nan=True):
        raise UncompilableError("the arrays predict a row by itself otherwise than among others")


def _thresholds(plain: Plain) -> dict[int, NDArray[np.float64]]:
    """Thresholds of trees, or knots of curves, by column that holds a number, ascending."""
    columns = [item.column for item in plain.form.inputs if isinstance(item, NumberInput)]
    if isinstance(plain.form.model, Curves):
        curves = plain.form.model.curves
        return {column: np.array(curves[column].knots) for column in columns}
    if plain.nodes is None:
        return {}
    of_column = [plain.nodes.numbers[plain.nodes.features == column] for column in columns]
    return {
        column: np.unique(found[np.isfinite(found)])
        for column, found in zip(columns, of_column, strict=True)
    }


def _few(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    return thresholds[_spread(len(thresholds), MAX_THRESHOLDS)]


def _spread(count: int, most: int) -> NDArray[np.intp]:
    """Places spread evenly over some, all of them if they are few."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.intp))


def _values(
    plain: Plain, contract: Contract, thresholds: Mapping[int, NDArray[np.float64]]
) -> Iterator[Encoded]:
    """By input: the values at which something may change."""
    for item, column in zip(plain.form.inputs, contract.inputs, strict=True):
        lost = [] if column.required else [np.nan]
        if isinstance(item, CategoryInput):
            yield [*item.texts, UNKNOWN, *lost]
        else:
            told = _few(thresholds.get(item.column, np.empty(0)))
            yield np.array([*_allowed(told, column), *lost])


def _allowed(thresholds: NDArray[np.float64], column: Column) -> NDArray[np.float64]:
    """Thresholds and their neighbours, bounds and extremes that a column can hold."""
    ends = [] if isinstance(column, Boolean | Category) else _ends(column)
    if isinstance(column, Date):
        whole, limits = np.floor(thresholds), column.limits
        low, high = (float(encode(day, column)) for day in (limits.low, limits.high))
        days: NDArray[np.float64] = np.concatenate([whole, whole + 1, ends])
        return np.clip(days, low, high)
    narrow = thresholds.astype(np.float32)
    near = [
        thresholds,
        *(np.nextafter(thresholds, end) for end in (-np.inf, np.inf)),
        *(np.nextafter(narrow, end).astype(float) for end in (-FLOAT32_INF, FLOAT32_INF)),
        narrow.astype(float),
        np.array([0.0, 1.0, np.finfo(float).tiny, -1.0, *ends]),
    ]
    most = column.limits.high if isinstance(column, Number | Integer) else 1.0
    found: NDArray[np.float64] = np.concatenate(near)
    return np.clip(found, -most, most)


def _ends(column: Number | Integer | Date) -> list[float]:
    found = column.interval
    return [float(encode(end, column)) for end in (found.low, found.high, column.example)]


def _probes(seen: Columns, values: Iterable[Encoded]) -> Columns:
    """Rows as they were seen, in turn, each with one value put in."""
    told = [*values]
    bases = np.arange(sum(map(len, told))) % _count(seen)
    found, start = [take(column, bases) for column in seen], 0
    for column, instead in zip(found, told, strict=True):
        column[start : start + len(instead)] = instead
        start += len(instead)
    return found


def _count(columns: Sequence[Encoded]) -> int:
    return len(columns[0])


def _spaced(columns: Sequence[Encoded], most: int) -> Columns:
    places = _spread(_count(columns), most)
    return [take(column, places) for column in columns]


def _joined(first: Columns, second: Columns) -> Columns:
    return [
        [*one, *two] if isinstance(one, list) else np.concatenate([one, np.asarray(two)])
        for one, two in zip(first, second, strict=True)
    ]
