"""Predicts by a model as plain numbers, with Python for one row and NumPy for many.

One row gives the same bits as the same row among others.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from salary_kedro.bundle.runtime.form import (
    MAX_COEFFICIENTS,
    CategoryInput,
    Curve,
    Curves,
    Linear,
    NumberInput,
    Plain,
    Trees,
)
from salary_kedro.bundle.runtime.walking import Forest
from salary_kedro.contract import Contract
from salary_kedro.contract.columns import EPOCH, Column, Date
from salary_kedro.contract.encoding import Encoded, Row, Value

Numbers = NDArray[np.float64]
MOST = float(np.finfo(np.float64).max)
#: Rows are told apart by no more combinations of intervals and texts than this.
MAX_CELLS = 2**19
#: Numbers in the columns of rows that are walked at once.
MAX_NUMBERS = 2**22
Read = Callable[[Any], float]
FIRST = EPOCH.toordinal()


class Evaluator:
    """Predicts the target; several threads may ask at once."""

    def __init__(self, plain: Plain, contract: Contract) -> None:
        """Prepare a model that was checked, see `form`, and that has arrays."""
        model = plain.form.model
        exponents = int(plain.form.log_target) + int(isinstance(model, Trees) and model.exponential)
        if isinstance(model, Linear | Curves):
            self._model: _Sum | _Wood = _Sum(model, plain, contract, exponents)
        elif isinstance(model, Trees):
            self._model = _Wood(model, plain, contract, exponents)
        else:
            raise ValueError("there are no arrays")
        #: Predicts one row, with the contract's inputs in their order; None for a missing one. It
        #: raises a ValueError for a number beyond what the model takes.
        self.predict_row: Callable[[Row], float] = self._model.predict_row

    def predict_columns(self, columns: Sequence[Encoded]) -> Numbers:
        """Predict rows that are given by encoded column, see `encode_column`.

        Returns:
            Shape (rows,).

        Raises:
            ValueError: If a number is beyond what the model takes.
        """
        with np.errstate(all="ignore"):  # what is not finite is refused by those who ask
            return self._model.predict_columns(columns)


def _raised(values: Any, exponents: int) -> Any:
    """Numbers, or an array of them, from the scale that they are added on to the target's."""
    with np.errstate(all="ignore"):  # what is not finite is refused by those who ask
        for _ in range(exponents):
            values = np.exp(values)
    return values


class _Sum:
    """A sum: each input adds its part to the intercept, in the contract's order."""

    def __init__(
        self, model: Linear | Curves, plain: Plain, contract: Contract, exponents: int
    ) -> None:
        self._intercept, self._exponents = model.intercept, exponents
        self._parts = [
            _part(item, model, feature)
            for item, feature in zip(plain.form.inputs, contract.inputs, strict=True)
        ]
        self._terms = [part.term for part in self._parts]

    def predict_row(self, row: Row) -> float:
        total = self._intercept
        for term, value in zip(self._terms, row, strict=True):
            total += term(value)
        return float(_raised(total, self._exponents)) if self._exponents else total

    def predict_columns(self, columns: Sequence[Encoded]) -> Numbers:
        total = np.full(len(columns[0]), self._intercept)
        for part, column in zip(self._parts, columns, strict=True):
            total += part.terms(column)
        found: Numbers = _raised(total, self._exponents)
        return found


def _part(
    item: NumberInput | CategoryInput, model: Linear | Curves, column: Column
) -> "_StraightPart | _CurvedPart | _CategoryPart":
    """What an input adds."""
    if isinstance(item, CategoryInput):
        return _CategoryPart(item, model)
    if isinstance(model, Curves):
        return _CurvedPart(item, model, column)
    return _StraightPart(item, model, column)


def _added(model: Linear | Curves, column: int, value: float) -> float:
    """What a column adds that holds a value."""
    if isinstance(model, Curves):
        return _height(model.curves[column], value)
    return (value - model.means[column]) / model.scales[column] * model.coefficients[column]


def _fixed(item: NumberInput, model: Linear | Curves) -> tuple[float, float | None]:
    """What an input adds besides its number, and what a missing one adds, if that is known."""
    mark = item.indicator
    base = 0.0 if mark is None else _added(model, mark, 0.0)
    marked = 0.0 if mark is None else _added(model, mark, 1.0)
    return base, None if item.fill is None else _added(model, item.column, item.fill) + marked


class _StraightPart:
    """What a number adds by a line."""

    def __init__(self, item: NumberInput, model: Linear, column: Column) -> None:
        mean, scale, coefficient = (
            numbers[item.column] for numbers in (model.means, model.scales, model.coefficients)
        )
        base, missing = _fixed(item, model)
        read = _reader(column)

        def term(value: Value) -> float:
            number = read(value)
            if -MOST <= number <= MOST:
                return (number - mean) / scale * coefficient + base
            return _missing(number, missing)

        def terms(values: Encoded) -> Numbers:
            numbers = _numbers(values, MOST)
            found: Numbers = (numbers - mean) / scale * coefficient + base
            if (lost := np.isnan(numbers)).any():
                found[lost] = _missing(math.nan, missing)
            return found

        self.term, self.terms = term, terms


class _CurvedPart:
    """What a number adds by a curve."""

    def __init__(self, item: NumberInput, model: Curves, column: Column) -> None:
        curve, read = model.curves[item.column], _reader(column)
        bend = _Bend(curve)
        base, missing = _fixed(item, model)

        def term(value: Value) -> float:
            number = read(value)
            if -MOST <= number <= MOST:
                return _height(curve, number) + base
            return _missing(number, missing)

        def terms(values: Encoded) -> Numbers:
            numbers = _numbers(values, MOST)
            found = bend.at_all(numbers) + base
            if (lost := np.isnan(numbers)).any():
                found[lost] = _missing(math.nan, missing)
            return found

        self.term, self.terms = term, terms


def _height(curve: Curve, number: float) -> float:
    """What a curve adds at a number: the piece where that lies, by Horner's rule."""
    piece = bisect_right(curve.knots, number)
    beyond, total = number - curve.knots[max(piece - 1, 0)], 0.0
    for coefficient in reversed(curve.pieces[piece]):
        total = total * beyond + coefficient
    return total


class _Bend:
    """A curve, evaluated for many numbers with the bits that it has for one."""

    def __init__(self, curve: Curve) -> None:
        self._knots = np.array(curve.knots)
        self._begins = np.array([curve.knots[0], *curve.knots])
        missing = [MAX_COEFFICIENTS - len(piece) for piece in curve.pieces]
        padded = [
            (*piece, *[0.0] * more) for piece, more in zip(curve.pieces, missing, strict=True)
        ]
        self._table = np.array(padded).T[::-1]

    def at_all(self, numbers: Numbers) -> Numbers:
        pieces = np.searchsorted(self._knots, numbers, side="right")
        beyond, total = numbers - self._begins[pieces], np.zeros(len(numbers))
        for coefficients in self._table:
            total = total * beyond + coefficients[pieces]
        return total


class _CategoryPart:
    """What a text adds."""

    def __init__(self, item: CategoryInput, model: Linear | Curves) -> None:
        rows = (*item.codes, item.missing, item.unknown)
        added = [sum(map(_added, [model] * len(row), item.columns, row), 0.0) for row in rows]
        self._places, self._added = _places(item), np.array(added)
        by_text = {text: added[place] for text, place in self._places.items()}
        unknown = added[-1]
        self.term: Callable[[Any], float] = lambda text: by_text.get(text, unknown)

    def terms(self, values: Encoded) -> Numbers:
        found: Numbers = self._added[_find_texts(values, self._places)]
        return found


class _Wood:
    """Trees. Rows that no threshold and no text tells apart are one *cell*, predicted once.

    Cells are filled as rows come, where there are not too many of them.
    """

    def __init__(self, model: Trees, plain: Plain, contract: Contract, exponents: int) -> None:
        if plain.nodes is None:
            raise ValueError("there are no trees")
        self._forest, self._columns = Forest(plain.nodes, model), plain.form.columns
        self._exponents = exponents
        most = math.inf if model.most is None else model.most
        self._inputs = [
            _NumberStates(item, self._forest, feature, most)
            if isinstance(item, NumberInput)
            else _CategoryStates(item, self._forest)
            for item, feature in zip(plain.form.inputs, contract.inputs, strict=True)
        ]
        count = math.prod(item.count for item in self._inputs)
        self._cells = np.full(count if count <= MAX_CELLS else 0, np.nan)
        self._filled: Any = memoryview(self._cells)  # type: ignore[arg-type] # Python reads it faster
        self._strides = _strides([item.count for item in self._inputs])
        pairs = zip(self._inputs, self._strides, strict=True)
        self._states = [item.state_of(stride) for item, stride in pairs if self._filled]

    def predict_row(self, row: Row) -> float:
        if not self._filled:
            return self._walk_row(row)
        cell = 0
        for state, value in zip(self._states, row, strict=True):
            cell += state(value)
        found: float = self._filled[cell]
        if found != found:  # noqa: PLR0124 - NaN: the cell is empty
            self._filled[cell] = found = self._walk_row(row)
        return found

    def _walk_row(self, row: Row) -> float:
        columns = [0.0] * self._columns
        for item, value in zip(self._inputs, row, strict=True):
            item.put(value, columns)
        total = self._forest.add_row(columns)
        return float(_raised(total, self._exponents)) if self._exponents else total

    def predict_columns(self, columns: Sequence[Encoded]) -> Numbers:
        if not self._filled:
            return self._walk(columns)
        cells = np.zeros(len(columns[0]), np.intp)
        for item, stride, column in zip(self._inputs, self._strides, columns, strict=True):
            cells += item.states(column) * stride
        found: Numbers = self._cells[cells]
        if (empty := np.isnan(found)).any():
            which, first = np.unique(cells[empty], return_index=True)
            rows = np.flatnonzero(empty)[first]
            self._cells[which] = self._walk([take(column, rows) for column in columns])
            found = self._cells[cells]
        return found

    def _walk(self, columns: Sequence[Encoded]) -> Numbers:
        sums, at_once = np.empty(len(columns[0])), max(1, MAX_NUMBERS // self._columns)
        for start in range(0, len(sums), at_once):
            block = slice(start, start + at_once)
            rows = np.empty((len(sums[block]), self._columns))
            for item, column in zip(self._inputs, columns, strict=True):
                item.put_all(column[block], rows)
            sums[block] = self._forest.add(rows)
        found: Numbers = _raised(sums, self._exponents)
        return found


def _strides(counts: Sequence[int]) -> list[int]:
    return [math.prod(counts[:place]) for place in range(len(counts))]


def take(column: Encoded, rows: NDArray[np.intp]) -> Encoded:
    """Some rows of an encoded column, by their places."""
    return [column[row] for row in rows] if isinstance(column, list) else column[rows]


class _NumberStates:
    """Where a number lies among the thresholds of the trees, or that it is missing."""

    def __init__(self, item: NumberInput, forest: Forest, column: Column, most: float) -> None:
        self._item, self._read, self._most = item, _reader(column), most
        self._filled_most = most if item.fill is None else min(most, MOST)
        self._thresholds = forest.thresholds(item.column)
        marked = item.indicator is not None and forest.looks_at(item.indicator)
        is_told = marked or (len(self._thresholds) > 0 and item.fill is None)
        own = len(self._thresholds) + 1
        #: What a missing one's state is; the last of all states if it is told from others.
        self._missing = own if is_told else int(np.searchsorted(self._thresholds, item.fill or 0.0))
        self.count = own + is_told

    def _filled(self, number: float) -> float:
        return number if self._item.fill is None else self._item.fill

    def state_of(self, stride: int) -> Callable[[Any], int]:
        """What gives the state of a value, times a stride."""
        read, most, thresholds = self._read, self._filled_most, self._thresholds.tolist()
        missing = self._missing * stride

        def state(value: Value) -> int:
            number = read(value)
            if -most <= number <= most:
                return bisect_left(thresholds, number) * stride
            if number != number:  # noqa: PLR0124 - NaN
                return missing
            raise _beyond(number)

        return state

    def states(self, values: Encoded) -> NDArray[np.intp]:
        """The states of encoded values."""
        numbers = _numbers(values, self._filled_most)
        found = np.searchsorted(self._thresholds, numbers)
        if (lost := np.isnan(numbers)).any():
            found[lost] = self._missing
        return found

    def put(self, value: Value, columns: list[float]) -> None:
        """Put a value into its columns."""
        number = self._read(value)
        is_missing = math.isnan(number)
        if not is_missing and abs(number) > self._filled_most:
            raise _beyond(number)
        columns[self._item.column] = self._filled(number) if is_missing else number
        if self._item.indicator is not None:
            columns[self._item.indicator] = float(is_missing)

    def put_all(self, values: Encoded, columns: Numbers) -> None:
        """Put encoded values into their columns."""
        numbers = _numbers(values, self._filled_most)
        lost = np.isnan(numbers)
        columns[:, self._item.column] = np.where(lost, self._filled(math.nan), numbers)
        if self._item.indicator is not None:
            columns[:, self._item.indicator] = lost


class _CategoryStates:
    """Which text it is, of those that are told apart."""

    def __init__(self, item: CategoryInput, forest: Forest) -> None:
        self._item, self._places = item, _places(item)
        self._codes = [*item.codes, item.missing, item.unknown]
        self._table = np.array(self._codes)
        self._is_told = any(map(forest.looks_at, item.columns))
        self.count = len(self._codes) if self._is_told else 1

    def state_of(self, stride: int) -> Callable[[Any], int]:
        """What gives the state of a value, times a stride."""
        factor = stride if self._is_told else 0
        states = {text: place * factor for text, place in self._places.items()}
        unknown = (len(self._codes) - 1) * factor
        return lambda text: states.get(text, unknown)

    def states(self, values: Encoded) -> NDArray[np.intp]:
        """The states of encoded values."""
        return _find_texts(values, self._places) * self._is_told

    def put(self, value: Value, columns: list[float]) -> None:
        """Put a value into its columns."""
        codes = self._codes[self._places.get(cast("str | None", value), -1)]
        for column, code in zip(self._item.columns, codes, strict=True):
            columns[column] = code

    def put_all(self, values: Encoded, columns: Numbers) -> None:
        """Put encoded values into their columns."""
        columns[:, self._item.columns] = self._table[_find_texts(values, self._places)]


def _places(item: CategoryInput) -> dict[str | None, int]:
    """The place of each text's code, and of a missing one's; that of any other is the next."""
    return {text: place for place, text in enumerate((*item.texts, None))}


def _find_texts(values: Encoded, places: Mapping[str | None, int]) -> NDArray[np.intp]:
    """The places of texts, of which missing ones are None or NaN."""
    found = [*map(places.get, values)]
    if None in found:  # a text that is not known, or NaN, which equals nothing
        unknown, missing = len(places), places[None]
        for place, state in enumerate(found):
            if state is None:
                found[place] = unknown if isinstance(values[place], str) else missing
    return np.array(found, dtype=np.intp)


def _numbers(values: Encoded, most: float) -> Numbers:
    """Encoded numbers, none of which is beyond a bound; NaN for a missing one."""
    numbers = np.asarray(values, dtype=np.float64)
    if (beyond := np.abs(numbers) > most).any():
        raise _beyond(float(numbers[beyond][0]))
    return numbers


def _missing(number: float, added: float | None) -> float:
    """What a number adds that is missing, as far as that is known."""
    if math.isnan(number) and added is not None:
        return added
    raise _beyond(number)


def _beyond(number: float) -> ValueError:
    return ValueError(f"{number} is not a number that the model takes")


def _reader(column: Column) -> Read:
    """What turns one value into a number: NaN for a missing one, days since 1970 for a day."""

    def day(value: Any) -> float:
        if value is None:
            return math.nan
        found = value if isinstance(value, date) else date.fromisoformat(value)
        return float(found.toordinal() - FIRST)

    def number(value: Any) -> float:
        return math.nan if value is None else float(value)

    return day if isinstance(column, Date) else number
