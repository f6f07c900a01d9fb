"""Scores one chunk of rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from salary_kedro.bundle import Bundle
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import impossible
from salary_kedro.contract.model import TableRules
from salary_kedro.tables.checked import check
from salary_kedro.tables.columns import plain_spelling, to_texts
from salary_kedro.tables.frames import (
    domain_warnings,
    encode_column,
    encode_frame,
    encoded_columns,
    join_warnings,
)
from salary_kedro.tables.left_out import find_no_rows
from salary_kedro.tables.own_tables import SCORED, rename_beside
from salary_kedro.tables.problems import join_reasons
from salary_kedro.tables.reader import Chunk

#: Columns of the interval of each prediction, which stand after it.
INTERVAL = ("low", "high", "confidence")
#: The columns that stand after those where the rows bring what people earn.
PERCENTILE = ("percentile", "percentile_margin")
#: What stands after the reason why a row's own target has none.
NO_PERCENTILE = ", so that it has no percentile"


@dataclass(frozen=True)
class Scores:
    """What became of the rows of a chunk, by their places in it.

    Attributes:
        predicted: The target of each scored row, in its unit.
        actual: What the row brings as its target, NaN where that is missing or not allowed; None
            where the table has no such column.
        warnings: Of each scored row, what training did not cover, and that the target may not
            be as predicted, joined; often empty.
        reasons: Of each rejected row, why.
        left_out: How many lines are no rows, and neither scored nor rejected.
    """

    predicted: pd.Series
    actual: pd.Series | None
    warnings: pd.Series
    reasons: pd.Series
    left_out: int

    def count(self) -> dict[str, int]:
        """Count the rows that were `scored`, `rejected`, `left_out`, and scored with warnings."""
        return {
            "scored": len(self.predicted),
            "rejected": len(self.reasons),
            "left_out": self.left_out,
            "warned": int((self.warnings != "").sum()),
        }


@dataclass(frozen=True)
class Names:
    """What the columns of a scored file are called.

    Attributes:
        prediction: The prediction.
        raw_mark: What is put after the name of a raw column that one of ours bears.
        compared: Whether the rows bring their target, so that there are percentiles.
    """

    prediction: str
    raw_mark: str
    compared: bool

    @property
    def added(self) -> tuple[str, ...]:
        """Those of the columns that `scored_table` adds."""
        return (self.prediction, *INTERVAL, *(PERCENTILE if self.compared else ()), *SCORED)


def score(chunk: Chunk, bundle: Bundle, inputs: Contract, truth: Contract | None) -> Scores:
    """Predict the target of each row that keeps to the contract.

    Args:
        chunk: The rows.
        bundle: The model.
        inputs: Its contract, restricted to the model's inputs.
        truth: Its contract, restricted to the target, if the rows bring it.
    """
    checked = check(chunk.values, inputs, no_rows_of(chunk.cells, inputs))
    reasons, encoded = checked.reasons, encode_frame(checked.valid, inputs)
    predicted = pd.Series(_predict(bundle, encoded), index=encoded.index)
    finite = np.isfinite(predicted)
    if not finite.all():
        text = f"{inputs.target.column}: the model predicts no finite number"
        lost = pd.Series(text, index=predicted.index[~finite], dtype="str")
        reasons = join_reasons([reasons, lost])
        predicted, encoded = predicted[finite], encoded[finite]
    warnings = join_warnings(
        domain_warnings(encoded, bundle.domain, inputs), _impossible(predicted, inputs)
    )
    left_out = sum(map(len, checked.left_out.values()))
    others = _others(chunk.cells, bundle.contract.table).reindex(predicted.index, fill_value="")
    if truth is None:
        return Scores(predicted, None, join_warnings(warnings, others), reasons, left_out)
    actual, odd = (part.reindex(predicted.index) for part in _actual(chunk, truth))
    odd = (others + NO_PERCENTILE).where(others != "", odd.fillna(""))
    actual = actual.where(others == "")
    return Scores(predicted, actual, join_warnings(warnings, odd), reasons, left_out)


def _actual(chunk: Chunk, truth: Contract) -> tuple[pd.Series, pd.Series]:
    """The targets that keep to the contract; and warnings about others that are not missing."""
    checked = check(chunk.values, truth, pd.RangeIndex(0))
    odd = checked.reasons[checked.reasons != f"{truth.target.column}: missing"]
    return encode_column(checked.valid[truth.target.name], truth.target), odd + NO_PERCENTILE


def _others(cells: pa.Table, rules: TableRules) -> pd.Series:
    """Warnings about the rows that training would have left out by its filter, by their places."""
    texts, spell = (
        pd.Series("", index=pd.RangeIndex(len(cells)), dtype="str"),
        plain_spelling(rules),
    )
    for name, kept in rules.filter.items():
        if name in cells.column_names:
            found = to_texts(cells[name].to_pandas(), spell).astype("str")
            other = found[~found.isin([*map(spell, kept)])].fillna("")
            learned = " or ".join(f"'{text}'" for text in kept)
            warning = name + " '" + other + f"': predicted as if it were {learned}"
            texts[other.index] = join_warnings(texts[other.index], warning)
    return texts


def no_rows_of(cells: pa.Table, inputs: Contract) -> pd.Index:
    """Which lines are no rows, by all of their cells: a model does not need each first one."""
    csv = inputs.table.csv
    marked = csv.comment or csv.footer
    return find_no_rows(cells.to_pandas(), csv) if marked else pd.RangeIndex(0)


def _impossible(predicted: pd.Series, inputs: Contract) -> pd.Series:
    """Warnings about the predictions that the target may not be."""
    ends, texts = inputs.target.bounds, pd.Series("", index=predicted.index, dtype="str")
    low = -np.inf if ends.low is None else ends.low
    high = np.inf if ends.high is None else ends.high
    strange = predicted[(predicted <= low) | (predicted >= high)]  # few, each with its own words
    found = [impossible(value, inputs.target) or "" for value in strange]
    texts.loc[strange.index] = np.array(found, dtype=object)
    return texts


def _predict(bundle: Bundle, encoded: pd.DataFrame) -> NDArray[np.float64]:
    if encoded.empty:
        return np.empty(0)  # scikit-learn predicts no empty tables
    return bundle.predict_encoded(encoded_columns(encoded, bundle.contract))


def scored_table(
    cells: pa.Table, scores: Scores, bundle: Bundle, moment: datetime, names: Names
) -> pa.Table:
    """The scored rows: their cells as they were, the prediction, and where that is from."""
    count = len(scores.predicted)
    predicted = scores.predicted.to_numpy()
    columns = (
        pa.array(predicted),
        *_interval(predicted, bundle.calibration),
        *_percentile(scores, bundle.calibration),
        pa.array(scores.warnings, pa.large_string()),
        pa.repeat(pa.scalar(bundle.model_name), count),
        pa.repeat(pa.scalar(bundle.version), count),
        pa.repeat(pa.scalar(moment, pa.timestamp("s", "UTC")), count),
    )
    added = dict(zip(names.added, columns, strict=True))
    taken = cells if count == len(cells) else cells.take(pa.array(scores.predicted.index))
    return _join(_rename(taken, added, names.raw_mark), added)


def _interval(predicted: NDArray[np.float64], calibration: Calibration) -> Iterator[pa.Array]:
    """The columns of `INTERVAL`; null where there is no interval."""
    found = calibration.intervals(predicted)
    if found is None:
        yield from repeat(pa.nulls(len(predicted), pa.float64()), len(INTERVAL))
        return
    yield from map(pa.array, (found.low, found.high))
    yield pa.repeat(pa.scalar(found.confidence), len(predicted))


def _percentile(scores: Scores, calibration: Calibration) -> Iterator[pa.Array]:
    """How many percent of those predicted alike have less than each row brings, give or take."""
    if scores.actual is None:
        return
    found = calibration.chances(scores.predicted.to_numpy(), scores.actual.to_numpy())
    if found is None:
        yield from repeat(pa.nulls(len(scores.predicted), pa.float64()), len(PERCENTILE))
        return
    for values in (found, calibration.margins(found)):
        yield pa.array(100 * values, mask=np.isnan(found))


def rejected_table(chunk: Chunk, scores: Scores, mark: str) -> pa.Table:
    """The rejected rows: `line` in the file, `reasons`, then their cells as they were."""
    rows = scores.reasons.index.to_numpy(np.int64)
    found = {
        "line": pa.array(chunk.lines[rows]),
        "reasons": pa.array(scores.reasons, pa.large_string()),
    }
    taken = _rename(chunk.cells.take(pa.array(rows)), found, mark)
    return _join(pa.table(found), dict(zip(taken.column_names, taken.columns, strict=True)))


def _rename(cells: pa.Table, own: Mapping[str, Any], mark: str) -> pa.Table:
    return cells.rename_columns(rename_beside(cells.column_names, own, mark))


def _join(table: pa.Table, more: Mapping[str, Any]) -> pa.Table:
    for name, values in more.items():
        table = table.append_column(name, values)
    return table
