"""What the rows of a table show about one column."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.contract.columns import MAX_NUMBER
from salary_kedro.contract.model import CsvDialect
from salary_kedro.tables.described import UNKNOWN, Described
from salary_kedro.tables.drafting import headers, pay
from salary_kedro.tables.drafting.codes import (
    code_remarks,
    missing_codes,
    missing_words,
    possible_codes,
)
from salary_kedro.tables.drafting.oddities import KEPT_SHARE, Oddities, keeps_kind, odd_cells
from salary_kedro.tables.drafting.sniff import to_numbers, without_missing
from salary_kedro.tables.drafting.spellings import Spelling, core_of, find_spelling
from salary_kedro.tables.far_off import (
    far_off_remark,
    find_far_off,
    find_too_small,
    too_small_remark,
)
from salary_kedro.tables.lines import line_numbers

INDICATED_SHARE = 0.05
#: Zeros before numbers in no more cells than this are slips of the pen.
STRAY_SHARE = 0.01
#: Numbers by which is told whether a mark could be another.
MARKED = 1_000


@dataclass(frozen=True)
class Facts:
    """What the rows of a table show about one column.

    Attributes:
        header: Its header in the file.
        name: Its field name.
        rows: Rows of the table, missing values included.
        counts: Rows by distinct text, without missing ones.
        spelling: How its numbers are written, and what they are.
        values: The texts of all rows, missing ones included.
        lines: The line of the file on which each row starts.
        decimal: The decimal mark of its numbers.
        described: What the file itself says about it.
        missing_values: Texts among its numbers that mean no value; they are no cells here.
        remarks: What the person who edits the draft should know of these.
    """

    header: str
    name: str
    rows: int
    counts: "pd.Series[Any]"
    spelling: Spelling
    values: pd.Series
    lines: pd.Series
    decimal: str = "."
    described: Described = UNKNOWN
    missing_values: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value, 0 to 1."""
        return 1 - int(self.counts.sum()) / self.rows if self.rows else 0.0

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The distinct texts as numbers, shape (texts,).

        NaN where one is none, or none that a column can hold.
        """
        return self.spelling.numbers

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """What bounds are drafted from, shape (cells,): the numbers, and the middle of ranges."""
        found = np.where(np.isnan(self.numbers), self.spelling.midpoints, self.numbers)
        every = np.repeat(found, self.counts)
        sizes: NDArray[np.float64] = every[~np.isnan(every)]
        return sizes

    @property
    def are_numbers(self) -> NDArray[np.bool_]:
        """Whether each distinct text is a number, or would be if a person says so."""
        found: NDArray[np.bool_] = ~np.isnan(self.numbers) | self.spelling.waiting
        return found

    @cached_property
    def is_numeric(self) -> bool:
        """Whether the values are numbers, but for a few, and no codes such as `0042`."""
        return len(self.sizes) > 0 and self.keeps_kind(self.are_numbers) and not self.has_codes

    def keeps_kind(self, fits: NDArray[np.bool_]) -> bool:
        """Whether so many cells are of a kind that the others do not decide.

        Args:
            fits: Whether each distinct text is of the kind, shape (texts,).
        """
        return keeps_kind(self.counts, fits)

    def odd(self, fits: NDArray[np.bool_]) -> Oddities | None:
        """The cells that are not of a kind; None if all are.

        Args:
            fits: Whether each distinct text is of the kind, shape (texts,).
        """
        return odd_cells(self.values, self.lines, self.counts, fits)

    @property
    def far_off(self) -> tuple[str, ...]:
        """A remark on the cells whose numbers are far beyond the others; often none."""
        found = find_far_off(self._cells)
        return () if found is None else (far_off_remark(found, self.lines[found.rows]),)

    @property
    def too_small(self) -> tuple[str, ...]:
        """A remark on the cells of pay that are far below the others; often none."""
        found = find_too_small(self._cells)
        return () if found.empty else (too_small_remark(self.lines[found]),)

    @property
    def _cells(self) -> "pd.Series[float]":
        """All cells as numbers; NaN where one is none."""
        by_text = dict(zip(self.counts.index.tolist(), self.numbers, strict=True))
        return self.values.map(by_text).astype("float64")

    @cached_property
    def has_codes(self) -> bool:
        """Whether numbers are written with zeros before them, as only codes are.

        One `08` among numbers of any width is a number. `3E2` is a grade where every cell is
        a digit, a letter and a digit.
        """
        if len(self.counts) and self.counts.index.str.fullmatch(r"\d+[A-Za-z]\d+").all():
            return True
        digits = self.counts[self.counts.index.str.fullmatch(r"\d+")]
        padded = int(digits[digits.index.str.match(r"0\d")].sum())
        cells = int(self.counts.sum())
        if padded <= STRAY_SHARE * cells:
            return padded > 0 and padded == cells
        widths = digits.groupby(digits.index.str.len()).sum()
        return padded > cells / 2 or int(widths.max()) >= KEPT_SHARE * cells

    def only_mark(self, whole: str = r"[-+]?\d+") -> str | None:
        """The mark in numbers like `45.000`, which may be thousands; None if others tell.

        Args:
            whole: A pattern of the whole numbers that may stand beside them.
        """
        cores = self.counts.index[self.are_numbers][:MARKED].map(core_of)
        for mark in ".,":
            grouped = cores.str.fullmatch(rf"[-+]?[1-9]\d{{0,2}}\{mark}\d{{3}}")
            if grouped.any() and (grouped | cores.str.fullmatch(whole)).all():
                return mark
        return None

    def mark_remark(self, mark: str) -> str:
        """How a mark is read that could be another."""
        reading = "the decimal mark" if mark == self.decimal else "what groups thousands"
        return f"'{mark}' is read as {reading}, though it could be either: see `csv`."

    @property
    def unique_share(self) -> float:
        """Distinct texts by rows that have one."""
        return len(self.counts) / max(int(self.counts.sum()), 1)

    @property
    def titles(self) -> dict[str, Any]:
        """Keys of any column: what it is called."""
        label = self.described.label or headers.label_of(self.header, self.name)
        return {"column": self.header, "name": self.name, "label": label, "help": ""}

    @property
    def feature(self) -> dict[str, Any]:
        """Keys of any feature: beside what it is called, whether it is required."""
        missing = {"missing_values": self.missing_values} if self.missing_values else {}
        return {**self.titles, "required": self.missing_share == 0, "use": "feature", **missing}

    @property
    def written(self) -> dict[str, Any]:
        """Keys of a column of numbers: how they are written, and which of them are none."""
        keys = {"written": self.spelling.written, "missing_values": self.missing_values}
        return {key: value for key, value in keys.items() if value}

    @property
    def measured(self) -> dict[str, Any]:
        """Keys of a feature that the model sees as a number."""
        if self.missing_share == 0:
            return self.feature
        missing = "indicate" if self.missing_share > INDICATED_SHARE else "impute"
        return {**self.feature, "missing": missing}


def look(
    texts: pd.DataFrame,
    dialect: CsvDialect,
    described: Mapping[str, Described] = MappingProxyType({}),
    lines: pd.Series | None = None,
    target: str | None = None,
) -> list[Facts]:
    """Look at the texts of each column.

    Args:
        texts: All rows, under the file's headers.
        dialect: How numbers are written.
        described: By header, what the file itself says about columns.
        lines: The line of the file on which each row starts, indexed like the table; None if
            these are all of its rows.
        target: Header of the column to predict; None if nobody has said it.
    """
    lines = line_numbers(texts, texts.index) if lines is None else lines
    found = []
    for header, name in zip(texts.columns, headers.field_names(texts.columns), strict=True):
        counts = without_missing(texts[header].value_counts())
        counts.index = counts.index.astype("str")
        is_pay = header == target or pay.is_called(header)
        fact = Facts(
            header=header,
            name=name,
            rows=len(texts),
            counts=counts,
            spelling=_spelling(counts, dialect, is_pay=is_pay),
            values=texts[header],
            lines=lines,
            decimal=dialect.decimal,
            described=described.get(header, UNKNOWN),
        )
        found.append(_without_codes(fact, dialect, is_pay=is_pay))
    return found


def _spelling(counts: "pd.Series[Any]", dialect: CsvDialect, *, is_pay: bool) -> Spelling:
    numbers = to_numbers(counts.index, dialect.decimal, dialect.thousands)
    usable = np.where(np.abs(numbers) <= MAX_NUMBER, numbers, np.nan)
    spelling = find_spelling(counts, usable, dialect, is_pay=is_pay)
    if spelling.numbers.any() and not (counts.index == "0").any():
        spelling.numbers[counts.index.str.fullmatch("00+")] = np.nan  # nobody writes 0 so
    return spelling


def _without_codes(fact: Facts, dialect: CsvDialect, *, is_pay: bool) -> Facts:
    """A column of numbers without the words and codes among them that mean no value."""
    words = missing_words(fact.counts)
    counts = fact.counts.drop(list(words))
    spelling = _spelling(counts, dialect, is_pay=is_pay) if words else fact.spelling
    found = replace(fact, counts=counts, spelling=spelling)
    if not found.is_numeric:
        return fact
    labelled = fact.described.missing
    codes = missing_codes(counts, spelling.numbers, labelled)
    kept = ~np.asarray(counts.index.isin(codes))
    possible = possible_codes(counts[kept], spelling.numbers[kept])
    remarks = tuple(code_remarks((*words, *codes), possible, fact.counts, labelled))
    return replace(
        found,
        counts=counts[kept],
        spelling=spelling.only(kept),
        missing_values=(*words, *codes),
        remarks=remarks,
    )
