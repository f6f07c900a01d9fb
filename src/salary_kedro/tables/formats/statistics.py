"""Files of Stata, SPSS and SAS: codes with their labels, declared missing codes, dates."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyreadstat
from pyreadstat import PyreadstatError, ReadstatError

from salary_kedro.errors import UserError
from salary_kedro.tables.described import Described
from salary_kedro.tables.formats.cells import as_column, as_text
from salary_kedro.tables.formats.wanted import Wanted

READERS: Mapping[str, Callable[..., Any]] = {
    "dta": pyreadstat.read_dta,
    "sav": pyreadstat.read_sav,
    "por": pyreadstat.read_por,
    "sas7bdat": pyreadstat.read_sas7bdat,
    "xpt": pyreadstat.read_xport,
}
TEXT = pa.large_string()
#: Rows that are looked at to tell a column of categories from one of numbers.
LOOK = 100_000


@dataclass(frozen=True)
class StatisticsTable:
    """The table of a statistics package.

    Attributes:
        path: The file.
        kind: Its format, a key of `READERS`.
        wanted: Which columns are wanted as labels.
    """

    path: Path
    kind: str
    wanted: Wanted
    first_row = 1

    @cached_property
    def _meta(self) -> Any:
        declares = {} if self.kind in ("por", "xpt") else {"user_missing": True}
        return self._read(metadataonly=True, **declares)[1]

    def _read(self, **options: Any) -> Any:
        """Rows and what is said about them; declared missing codes are missing in the rows."""
        try:
            return READERS[self.kind](str(self.path), **options)
        except (ReadstatError, PyreadstatError, UnicodeDecodeError, ValueError) as error:
            raise UserError(
                f"{self.path} is damaged, or not as its format asks: write it again"
            ) from error

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which codes count as missing."""
        ranges = getattr(self._meta, "missing_ranges", None) or {}
        names = ", ".join(f"'{name}'" for name in ranges)
        return (f"The file declares codes of {names} as missing, and so they are.",) * bool(ranges)

    def by(self, wanted: Wanted) -> "StatisticsTable":
        """The same file, of which other columns are wanted as labels."""
        return replace(self, wanted=wanted)

    def header(self) -> list[str]:
        """Names of the columns."""
        return list(self._meta.column_names)

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """All rows, so many at a time."""
        labels = self._labels()
        start = 0
        while True:
            frame, _ = self._read(row_offset=start, row_limit=rows, dates_as_pandas_datetime=True)
            if len(frame) or start == 0:
                yield _as_table(frame, labels)
            start += len(frame)
            if len(frame) < rows:
                return

    def _labels(self) -> Mapping[str, Mapping[Any, str]]:
        """By column that is wanted as labels, the label of each code."""
        known: Mapping[str, Mapping[Any, str]] = self._meta.variable_value_labels
        if self.wanted.labelled is None:
            return {name: known[name] for name in known if name in self._categories}
        return {name: known[name] for name in known if name in self.wanted.labelled}

    @cached_property
    def _categories(self) -> frozenset[str]:
        """The columns whose first values all have a label."""
        known = self._meta.variable_value_labels
        if not known:
            return frozenset()
        frame, _ = self._read(row_limit=LOOK, usecols=[*known])
        return frozenset(name for name in known if _all_labelled(frame[name], known[name]))

    def described(self) -> Mapping[str, Described]:
        """Labels of columns and of their values."""
        titles = self._meta.column_names_to_labels
        return {name: self._describe(name, titles.get(name)) for name in self.header()}

    def _describe(self, name: str, title: str | None) -> Described:
        label = " ".join((title or "").split())
        labels = self._meta.variable_value_labels.get(name, {})
        codes = [code for code in sorted(labels, key=_code) if not self._is_missing(name, code)]
        if name not in self._labels():
            return Described(label, missing=tuple(map(as_text, codes)))
        return Described(
            label, tuple(dict.fromkeys(labels[code] or as_text(code) for code in codes))
        )

    def _is_missing(self, name: str, code: Any) -> bool:
        """Whether the file declares a code as missing; those of Stata and SAS are letters."""
        if self.kind != "sav":
            return isinstance(code, str) and len(code) == 1
        ranges = self._meta.missing_ranges.get(name, ())
        alike = (part for part in ranges if type(part["lo"]) is type(code))
        return any(part["lo"] <= code <= part["hi"] for part in alike)


def _code(code: Any) -> tuple[bool, Any]:
    return isinstance(code, str), code


def _all_labelled(values: pd.Series, labels: Mapping[Any, str]) -> bool:
    found = values.dropna().unique()
    found = found[found != ""] if found.dtype == object else found
    return len(found) > 0 and set(found) <= set(labels)


def _as_table(frame: pd.DataFrame, labels: Mapping[str, Mapping[Any, str]]) -> pa.Table:
    columns = [
        _labelled(frame[name], labels[name]) if name in labels else _column(frame[name])
        for name in frame.columns
    ]
    return pa.table(columns, list(frame.columns))


def _labelled(values: pd.Series, labels: Mapping[Any, str]) -> pa.Array:
    """Codes as their labels; a code without one as it is written."""
    places, codes = pd.factorize(values)
    texts = [labels.get(code) or as_text(code) or None for code in codes]
    found = pa.array(np.maximum(places, 0), pa.int32(), mask=places < 0)
    return pa.DictionaryArray.from_arrays(found, pa.array(texts, TEXT)).cast(TEXT)


def _column(values: pd.Series) -> pa.Array:
    """Numbers as float64, so that all chunks agree; times; texts, of which an empty one is none."""
    if values.dtype.kind in "iufb":
        return pa.array(values.astype("float64"), from_pandas=True)
    if values.dtype.kind == "M":
        return pa.array(values.astype("datetime64[ms]"))
    return as_column(values.astype(object).where(values.notna(), None).tolist())
