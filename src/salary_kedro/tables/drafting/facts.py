"""What the rows of a table show about one column."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.contract.columns import MAX_NUMBER
from salary_kedro.contract.model import CsvDialect
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.described import UNKNOWN, Described
from salary_kedro.tables.drafting.sniff import to_numbers, without_missing

INDICATED_SHARE = 0.05


@dataclass(frozen=True)
class Facts:
    """What the rows of a table show about one column.

    Attributes:
        header: Its header in the file.
        name: Its field name.
        rows: Rows of the table, missing values included.
        counts: Rows by distinct text, without missing ones.
        numbers: The distinct texts as numbers, shape (texts,); NaN where one is none.
        described: What the file itself says about it.
    """

    header: str
    name: str
    rows: int
    counts: "pd.Series[Any]"
    numbers: NDArray[np.float64]
    described: Described = UNKNOWN

    @property
    def missing_share(self) -> float:
        """Share of the rows without a value, 0 to 1."""
        return 1 - int(self.counts.sum()) / self.rows if self.rows else 0.0

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers, and none is a code such as `0042`."""
        if not len(self.numbers) or np.isnan(self.numbers).any():
            return False
        return bool((np.abs(self.numbers) <= MAX_NUMBER).all()) and not self.has_codes

    @property
    def has_codes(self) -> bool:
        """Whether a number is written with a zero before it, as only codes are."""
        return bool(self.counts.index.str.fullmatch(r"0\d+").any())

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
        return {**self.titles, "required": self.missing_share == 0, "use": "feature"}

    @property
    def measured(self) -> dict[str, Any]:
        """Keys of a feature that the model sees as a number."""
        if self.missing_share == 0:
            return self.feature
        missing = "indicate" if self.missing_share > INDICATED_SHARE else "impute"
        return {**self.feature, "missing": missing}


def look(
    header: str,
    name: str,
    values: pd.Series,
    dialect: CsvDialect,
    missing: Sequence[str],
    described: Described = UNKNOWN,
) -> Facts:
    """Look at the texts of one column.

    Args:
        header: Its header in the file.
        name: Its field name.
        values: Its texts, of all rows.
        dialect: How numbers are written.
        missing: Texts that stand for a missing value, beside those that pandas knows.
        described: What the file itself says about the column.
    """
    counts = without_missing(values.value_counts(), missing)
    counts.index = counts.index.astype("str")
    numbers = to_numbers(counts.index, dialect.decimal, dialect.thousands)
    return Facts(header, name, len(values), counts, numbers, described)
