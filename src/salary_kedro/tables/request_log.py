"""Reads the log of requests that a service has kept: a folder of Parquet parts."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Self, assert_never

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salary_kedro.contract import Boolean, Category, Contract, Date, Feature, Integer, Number
from salary_kedro.contract.logged import (
    ACTUAL,
    BUNDLE,
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
    hour_of,
)
from salary_kedro.errors import UserError

#: What each row holds beside its inputs; those of some contracts the actual target too.
ANSWERS = (HOUR, PREDICTED, LOW, HIGH, WARNED)
#: What kind they are of, and which may be missing in a row.
KINDS: Mapping[str, tuple[str, Callable[[pa.DataType], bool]]] = {
    **dict.fromkeys((MODEL, BUNDLE), ("text", pa.types.is_string)),
    VERSION: ("whole number", pa.types.is_int64),
    HOUR: ("moment with a time zone", lambda kind: pa.types.is_timestamp(kind) and kind.tz),
    WARNED: ("truth value", pa.types.is_boolean),
    **dict.fromkeys((PREDICTED, LOW, HIGH, ACTUAL), ("number", pa.types.is_float64)),
}
OPTIONAL = (LOW, HIGH, ACTUAL)


@dataclass(frozen=True)
class LoggedRequests:
    """What a log holds of one bundle.

    Attributes:
        inputs: The logged inputs of each row, by field name, as a clean table has them.
        answers: Of the same rows `hour`, `predicted`, `low`, `high`, `warned`, and `actual`, which
            is NaN where nobody sent a salary, or it was not asked for.
        others: Rows of other versions and bundles, by what these are called, which are set aside.
        unusable: Files that are no parts of this log or cannot be read, and why.
    """

    inputs: pd.DataFrame
    answers: pd.DataFrame
    others: Mapping[str, int]
    unusable: tuple[str, ...]

    def at(self, places: pd.Index) -> Self:
        """The same of some rows alone, in the order of their places."""
        inputs, answers = (
            table.loc[places].reset_index(drop=True) for table in (self.inputs, self.answers)
        )
        return replace(self, inputs=inputs, answers=answers)


@dataclass(frozen=True)
class RequestLogReader:
    """A folder of parts.

    Attributes:
        path: The folder.
    """

    path: Path

    def read(
        self, contract: Contract, model: str, version: int, bundle: str, days: int | None = None
    ) -> LoggedRequests:
        """Read what was logged of a bundle.

        Args:
            contract: That of the bundle.
            model: Name of its registered model.
            version: Number of its version.
            bundle: Its own name.
            days: How far to go back from the last of its requests; None reads all.

        Raises:
            UserError: If there is no such folder, or no part in it that can be read.
        """
        others: Counter[str] = Counter()
        tables, unusable = [], []
        for path in _recent(self._files(), bundle, days):
            part = _read(path)
            if isinstance(part, str):
                unusable.append(f"{path.name} {part}")
            elif part is not None:
                own = _own(part, model, version, bundle, others)
                if len(own) and (why := _misfit(own, contract)):
                    unusable.append(f"{path.name} {why}")
                elif len(own):
                    tables.append(own)
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


def _recent(paths: list[Path], bundle: str, days: int | None) -> list[Path]:
    """Without the parts whose names say that they are too old; those of others may say nothing."""
    hours = {path: hour_of(path.name) for path in paths}
    own = [hour for path, hour in hours.items() if hour and f"Z-{bundle}-" in path.name]
    if days is None or not own:
        return paths
    return [path for path, hour in hours.items() if not hour or hour > max(own) - timedelta(days)]


def _read(path: Path) -> pa.Table | str | None:
    """A part; or why it is none; None if the service has just deleted it."""
    try:
        with pq.ParquetFile(path) as file:
            if (file.schema_arrow.metadata or {}).get(MARK) != FORMAT:
                return "is a Parquet file of somebody else: move it away"
            table = file.read()
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        return f"cannot be read ({type(error).__name__}): delete it"
    return (_strange(table) or table) if len(table) else "holds no rows: delete it"


def _strange(part: pa.Table) -> str | None:
    """Why a part has not the columns that every part has; None if it has."""
    names = part.schema.names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        return f"has more than one column {twice[0]}: move it away"
    for name, (words, is_of) in KINDS.items():
        if name not in names:
            if name == ACTUAL:
                continue
            return f"lacks the column {name}, which every part has: move it away"
        if not is_of(part.schema.field(name).type):
            return f"holds no {words} as {name}: move it away"
        if part[name].null_count and name not in OPTIONAL:
            return f"misses {name} in a row: move it away"
    return None


def _own(part: pa.Table, model: str, version: int, bundle: str, others: Counter[str]) -> pa.Table:
    """The rows of a part that a bundle has answered; the others are counted by who has."""
    mine = {MODEL: model, VERSION: version, BUNDLE: bundle}
    for row in part.group_by(list(mine)).aggregate([([], "count_all")]).to_pylist():
        rows = row.pop("count_all")
        if row != mine:
            others[_called(row, mine)] += rows
    for name, value in mine.items():
        part = part.filter(pc.equal(part[name], value))
    return part


def _called(other: Mapping[str, object], mine: Mapping[str, object]) -> str:
    """What another bundle is called, by what it differs in."""
    if other[MODEL] != mine[MODEL]:
        return f"version {other[VERSION]} of {other[MODEL]}"
    if other[VERSION] != mine[VERSION]:
        return f"version {other[VERSION]}"
    return f"version {other[VERSION]} in another bundle, {other[BUNDLE]}"


def _misfit(part: pa.Table, contract: Contract) -> str | None:
    """Why the columns of a part are not those of a contract; None if they are."""
    for item in contract.logged_inputs:
        if (name := f"{INPUT}{item.name}") not in part.column_names:
            return f"lacks the column {name}, which the model's contract has: move it away"
        if not _is_of(part.schema.field(name).type, item):
            return f"holds no {item.kind} as {item.name}: move it away"
    for field in part.schema:
        if not pa.types.is_float64(field.type):
            continue
        if not pc.all(pc.is_finite(part[field.name]), min_count=0).as_py():
            return f"holds a number as {field.name} that is infinite or none: move it away"
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
    moments = part[HOUR].cast(pa.timestamp("ms", "UTC"), safe=False)
    answers = {name: part[name].to_pandas() for name in ANSWERS} | {HOUR: moments.to_pandas()}
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
    return found.at(hours.index[hours > hours.max() - timedelta(days=days)])
