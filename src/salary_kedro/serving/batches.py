"""Answers to many rows, column by column from the bytes of the request to those of the answer.

What is unusual in a request, or wrong, is left to the model of requests, row by row: it alone
says what is refused, and why. What is read here, it would have read alike.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, assert_never

import numpy as np
import orjson
from numpy.typing import NDArray

from salary_kedro.contract import Contract
from salary_kedro.contract.columns import (
    Boolean,
    Category,
    Column,
    Date,
    Integer,
    Number,
    read_day,
)
from salary_kedro.contract.domain import impossible
from salary_kedro.contract.encoding import Value
from salary_kedro.contract.request import request_values
from salary_kedro.serving import limits
from salary_kedro.serving.answers import Answer, in_short
from salary_kedro.serving.body import check
from salary_kedro.serving.predictions import no_prediction, standing
from salary_kedro.serving.predictor import Served
from salary_kedro.serving.request_log import RequestLog
from salary_kedro.serving.request_metrics import buckets_of, request_metrics

Columns = list[list[Value]]
NONE = type(None)


def read_columns(body: bytes | bytearray, contract: Contract) -> Columns | None:
    """The columns of a batch in which nothing is unusual; None of any other.

    Args:
        body: JSON, `{"rows": [...]}`.
        contract: Names the fields.

    Returns:
        Checked values of each input, in the contract's order, and of the target, None where there
        is none; all equally long.
    """
    try:
        whole = orjson.loads(body)
    except ValueError:
        return None
    rows = whole.get("rows") if type(whole) is dict and len(whole) == 1 else None
    if type(rows) is not list or not 1 <= len(rows) <= limits.MAX_BATCH_ROWS:
        return None
    if set(map(type, rows)) != {dict}:
        return None
    given = sum(map(len, rows))
    if body.count(b":") != 1 + given:  # a field twice, or a colon within a text
        return None
    return _columns_of(rows, given, contract)


def _columns_of(
    rows: Sequence[Mapping[str, Any]], given: int, contract: Contract
) -> Columns | None:
    """The columns of rows that hold so many fields, if all are known and allowed."""
    columns: Columns = []
    for column in (*contract.inputs, contract.target):
        name = column.name
        found = [row.get(name) for row in rows]
        missing = found.count(None)
        required = column.required and column is not contract.target
        checked = None if missing and required else _check(found, column, contract.table.trim)
        if checked is None:
            return None
        columns.append(checked)
        given -= sum(name in row for row in rows) if missing else len(rows)
    return None if given else columns


def _check(found: list[Any], column: Column, trim: bool) -> list[Any] | None:
    """The values of a column as the model of requests gives them; None if one is unusual."""
    kinds = set(map(type, found)) - {NONE}
    match column:
        case Number():
            if not kinds <= {float, int}:
                return None
            values = [value if value is None else float(value) for value in found]
            return values if _are_within(values, column) else None
        case Integer():
            return found if kinds <= {int} and _are_within(found, column) else None
        case Boolean():
            return found if kinds <= {bool} else None
        case Category():
            return _translate(found, lambda text: _spell(text, column, trim), kinds)
        case Date():
            return _translate(found, lambda text: _day(text, column), kinds)
    assert_never(column)


def _are_within(values: Sequence[Any], column: Number | Integer) -> bool:
    given = [value for value in values if value is not None] if None in values else values
    return not given or (min(given) in column.interval and max(given) in column.interval)


def _translate(
    found: list[Any], read: Callable[[str], Value], kinds: set[type]
) -> list[Value] | None:
    """What the texts of a column mean, each read once; None if one means nothing."""
    if not kinds <= {str}:
        return None
    meanings: dict[Any, Value] = {text: read(text) for text in set(found) - {None}}
    if None in meanings.values():
        return None
    meanings[None] = None
    return [meanings[text] for text in found]


def _spell(text: str, column: Category, trim: bool) -> str | None:
    spelled = column.spelled(text, trim=trim)
    return spelled if column.allows(spelled) else None


def _day(text: str, column: Date) -> Value:
    try:
        day: Value = read_day(text)
    except ValueError:
        return None
    return day if day in column.interval else None


def answer_batch(
    served: Served, body: bytes | bytearray, log: RequestLog | None, explores: bool = False
) -> Answer:
    """Predict for the rows of a request.

    Args:
        served: What answers.
        body: The request's body.
        log: Takes note of what was answered; None if nobody does.
        explores: Whether the rows are made up, so that nobody takes note of them.

    Raises:
        RequestError: 400 or 422.
    """
    columns = read_columns(body, served.bundle.contract)
    if columns is None:
        batch: Any = check(body, served.schemas.batch, served)
        columns = [list(column) for column in zip(*map(request_values, batch.rows), strict=True)]
    *inputs, actuals = columns
    try:
        salaries = served.bundle.predict_columns(inputs)
    except ValueError as error:  # a number that the model does not take
        raise no_prediction() from error
    if not np.isfinite(salaries).all():
        raise no_prediction()
    answered = _Batch(served, inputs, salaries, actuals)
    return answered.answer() if explores else answered.noted_answer(log)


class _Batch:
    """Rows and what is predicted for them."""

    def __init__(
        self, served: Served, inputs: Columns, salaries: NDArray[np.float64], actuals: list[Any]
    ) -> None:
        self._served, self._inputs, self._actuals = served, inputs, actuals
        self._salaries, self._target = salaries, served.bundle.contract.target
        self._warned = served.check.warn_columns(inputs)
        found = served.bundle.calibration.intervals(salaries)
        self._intervals: list[tuple[float, float]] | None = None
        if found is not None:
            self._intervals = [*zip(found.low.tolist(), found.high.tolist(), strict=True)]

    def answer(self, tell: Callable[[], None] | None = None) -> Answer:
        """The answer, with what it tells when it is sent."""
        warnings = {place: [*warned.values()] for place, warned in self._warned.items()}
        for place, text in self._impossible.items():
            warnings.setdefault(place, []).append(text)
        return in_short({"predictions": self._rows(warnings), **self._served.version}, tell)

    def noted_answer(self, log: RequestLog | None) -> Answer:
        """The answer, of which metrics and log take note when it is sent."""
        beyond = Counter(field for warned in self._warned.values() for field in warned)
        buckets = buckets_of(self._salaries)
        total = float(self._salaries.sum())

        def tell() -> None:
            metrics = request_metrics()
            metrics.predicted("/predict_batch", buckets, total)
            metrics.out_of_range("warned", beyond)
            metrics.out_of_range("predicted", {self._target.name: len(self._impossible)})
            if log is not None:
                log.note_columns(
                    self._served, self._inputs, self._salaries, self._intervals, self._actuals
                )

        return self.answer(tell)

    @cached_property
    def _impossible(self) -> dict[int, str]:
        """Warnings of predictions that the target itself may not be, by the row's place."""
        bounds, salaries = self._served.possible, self._salaries
        if float(salaries.min()) in bounds and float(salaries.max()) in bounds:
            return {}
        told = ((place, impossible(x, self._target)) for place, x in enumerate(salaries.tolist()))
        return {place: text for place, text in told if text}

    def _rows(self, warnings: Mapping[int, list[str]]) -> list[dict[str, Any]]:
        served, name, none = self._served, self._target.name, list[str]()
        confidence = served.bundle.calibration.confidence if self._intervals else None
        intervals: Any = self._intervals or [(None, None)] * len(self._actuals)
        rows: list[dict[str, Any]] = [
            {name: salary, "low": low, "high": high, "confidence": confidence, "warnings": none}
            for salary, (low, high) in zip(self._salaries.tolist(), intervals, strict=True)
        ]
        for place, actual in enumerate(self._actuals if any_given(self._actuals) else ()):
            if actual is not None:
                rows[place] |= standing(served, rows[place][name], actual)
        for place, texts in warnings.items():
            rows[place]["warnings"] = texts
        return rows


def any_given(values: Sequence[Value]) -> bool:
    """Whether there is any."""
    return values.count(None) < len(values)
