"""Reads the log of requests that a service has kept: a folder of Parquet parts."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import assert_never

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salary_kedro.contract import Boolean, Category, Contract, Date, Feature, Integer, Number
from salary_kedro.contract.logged import (
    ACTUAL,
    FORMAT,
    HIGH,
    HOUR,
    INPUT,
    LOW,
    MARK,
    MODEL,
    PREDICTED,
    VERSION,
    WARNED,
)
from salary_kedro.errors import UserError

#: What each row holds beside its inputs; those of some contracts the actual target too.
ANSWERS = (HOUR, PREDICTED, LOW, HIGH, WARNED)


@dataclass(frozen=True)
class LoggedRequests:
    """What a log holds of one model version.

    Attributes:
        inputs: The logged inputs of each row, by field name, as a clean table has them.
        answers: Of the same rows `hour`, `predicted`, `low`, `high`, `warned`, and `actual`, which
            is NaN where nobody sent a salary, or it was not asked for.
        others: Rows of other versions, by what these are called, which are set aside.
        unusable: Files that are no parts of this log or cannot be read, and why.
    """

    inputs: pd.DataFrame
    answers: pd.DataFrame
    others: Mapping[str, int]
    unusable: tuple[str, ...]


@dataclass(frozen=True)
class RequestLogReader:
    """A folder of parts.

    Attributes:
        path: The folder.
    """

    path: Path

    def read(
        self, contract: Contract, model: str, version: int, days: int | None = None
    ) -> LoggedRequests:
        """Read what was logged of a version.

        Args:
            contract: That of the version.
            model: Name of its registered model.
            version: Its number.
            days: How far to go back from the last of its requests; None reads all.

        Raises:
            UserError: If there is no such folder, or no part in it that can be read.
        """
        others: Counter[str] = Counter()
        tables, unusable = [], []
        for path in self._files():
            part = _read(path)
            if isinstance(part, str):
                unusable.append(f"{path.name} {part}")
            elif other := _other(part, model, version):
                others[other] += len(part)
            elif why := _misfit(part.schema, contract):
                unusable.append(f"{path.name} {why}")
            else:
                tables.append(part)
        if not tables and not others:
            raise UserError(self._nothing(unusable))
        inputs = [_inputs(part, contract) for part in tables]
        answers = [_answers(part) for part in tables]
        return _since(
            days,
            LoggedRequests(
                inputs=pd.concat([pd.DataFrame(), *inputs], ignore_index=True),
                answers=pd.concat([pd.DataFrame(), *answers], ignore_index=True),
                others=dict(sorted(others.items())),
                unusable=tuple(unusable),
            ),
        )

    def _files(self) -> list[Path]:
        if not self.path.is_dir():
            raise UserError(
                f"there is no log of requests in {self.path}: serve with SALARY_REQUEST_LOG set "
                f"to a folder, and run with the same setting"
            )
        return sorted(self.path.glob("[!.]*.parquet"))

    def _nothing(self, unusable: list[str]) -> str:
        if unusable:
            more = f", nor {len(unusable) - 1} more" if len(unusable) > 1 else ""
            return f"no file in {self.path} is a part of a log: {unusable[0]}{more}"
        return (
            f"the log of requests in {self.path} is empty: a service writes a part every five "
            f"minutes, and when it ends"
        )


def _read(path: Path) -> pa.Table | str:
    """A part; or why it is none."""
    try:
        with pq.ParquetFile(path) as file:
            if (file.schema_arrow.metadata or {}).get(MARK) != FORMAT:
                return "is a Parquet file of somebody else: move it away"
            table = file.read()
    except (OSError, pa.ArrowException) as error:
        return f"cannot be read ({type(error).__name__}): delete it"
    return table if len(table) else "holds no rows: delete it"


def _other(part: pa.Table, model: str, version: int) -> str | None:
    """What another version is called that a part is of; None if it is of this one."""
    name, number = part[MODEL][0].as_py(), part[VERSION][0].as_py()
    if name != model:
        return f"version {number} of {name}"
    return None if number == version else f"version {number}"


def _misfit(schema: pa.Schema, contract: Contract) -> str | None:
    """Why the columns of a part are not those of a contract; None if they are."""
    expected = {f"{INPUT}{item.name}" for item in contract.logged_inputs} | set(ANSWERS)
    if missing := sorted(expected - set(schema.names)):
        return f"lacks the column {missing[0]}, which the model's contract has: move it away"
    for item in contract.logged_inputs:
        if not _is_of(schema.field(f"{INPUT}{item.name}").type, item):
            return f"holds no {item.kind} as {item.name}: move it away"
    return None


def _is_of(kind: pa.DataType, column: Feature) -> bool:
    match column:
        case Number() | Integer():
            return bool(pa.types.is_float64(kind))
        case Boolean():
            return bool(pa.types.is_boolean(kind))
        case Category():
            return bool(pa.types.is_string(kind))
        case Date():
            return bool(pa.types.is_date32(kind))
    assert_never(column)


def _inputs(part: pa.Table, contract: Contract) -> pd.DataFrame:
    return pd.DataFrame(
        {item.name: _clean(part[f"{INPUT}{item.name}"], item) for item in contract.logged_inputs},
        index=range(len(part)),
    )


def _answers(part: pa.Table) -> pd.DataFrame:
    answers = {name: part[name].to_pandas() for name in ANSWERS}
    actual = part[ACTUAL].to_pandas() if ACTUAL in part.column_names else math.nan
    return pd.DataFrame({**answers, ACTUAL: actual})


def _clean(values: pa.ChunkedArray, column: Feature) -> pd.Series:
    """Values as a clean table has them."""
    if isinstance(column, Date):
        values = values.cast(pa.timestamp("ms"))
    found: pd.Series = values.to_pandas()
    match column:
        case Number() | Integer():
            return found.astype("float64")
        case Boolean():
            return found.astype("boolean")
        case Category():
            return found.astype(object)
        case Date():
            return found.astype("datetime64[ms]")
    assert_never(column)


def _since(days: int | None, found: LoggedRequests) -> LoggedRequests:
    if days is None or found.answers.empty:
        return found
    hours = found.answers[HOUR]
    kept = hours > hours.max() - timedelta(days=days)
    inputs, answers = (
        table[kept].reset_index(drop=True) for table in (found.inputs, found.answers)
    )
    return replace(found, inputs=inputs, answers=answers)
