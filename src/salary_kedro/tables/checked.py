"""A raw table that was checked against the contract: the valid rows, and why others are not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from salary_kedro.contract.model import Contract, ContractError
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.header import check_header, check_table, tidy_names
from salary_kedro.tables.left_out import REPEATED, ends_in_sum, find_left_out
from salary_kedro.tables.lines import line_numbers
from salary_kedro.tables.own_tables import rename_beside
from salary_kedro.tables.problems import find_problems, find_repeats, join_reasons


@dataclass(frozen=True)
class CheckedTable:
    """A raw table, and what became of its rows. All rows are numbered from 0.

    Attributes:
        raw: The table under its own headers.
        columns: The contract's columns of the rows that were checked, typed, under their
            field names, as `read_columns` gives them.
        by_column: By field name, one string a row that breaks the contract in that column:
            the header and what is allowed, never the value.
        repeats: One string a row that breaks the rules of the table as a whole.
        left_out: Numbers of the rows that are neither valid nor broken, by why.
    """

    raw: pd.DataFrame
    columns: pd.DataFrame
    by_column: Mapping[str, pd.Series]
    repeats: pd.Series
    left_out: Mapping[str, pd.Index]

    @cached_property
    def broken(self) -> pd.Index:
        """Numbers of the rows that break anything, in their order."""
        rows = self.repeats.index.unique()
        for reasons in self.by_column.values():
            rows = rows.union(reasons.index)
        return rows

    @cached_property
    def reasons(self) -> pd.Series:
        """One string a broken row: all of its reasons, those of the table's rules last."""
        return join_reasons([*self.by_column.values(), self.repeats])

    @property
    def valid(self) -> pd.DataFrame:
        """The columns of the rows that break nothing."""
        repeated = self.left_out.get(REPEATED, self.broken[:0])
        return self.columns.drop(index=self.broken.union(repeated))

    @property
    def lines(self) -> pd.Series:
        """Line on which each broken row starts in its file, the header being line 1."""
        return line_numbers(self.raw, self.broken)

    @property
    def rejected(self) -> pd.DataFrame:
        """The broken rows: `line` in the file, `reasons`, then the raw columns."""
        found = pd.DataFrame({"line": self.lines, "reasons": self.reasons})
        broken = self.raw.loc[self.broken]
        renamed = broken.set_axis(rename_beside(broken.columns, found.columns), axis="columns")
        return pd.concat([found, renamed], axis="columns")


def check(raw: object, contract: Contract, no_rows: pd.Index | None = None) -> CheckedTable:
    """Check every row of a raw table, or of a part of one.

    Args:
        raw: What the catalog gives as the table, under its own headers.
        contract: What the rows must keep to.
        no_rows: Numbers of the lines that are no rows, if a part of the columns is given alone.

    Raises:
        ContractError: If it is no pandas table, or lacks a column of the contract.
    """
    table = check_table(raw)
    table = table.set_axis(tidy_names(table.columns, contract), axis="columns")
    check_header(list(table.columns), contract)
    table = table.set_axis(pd.RangeIndex(len(table)))  # Parquet may repeat labels
    left_out = find_left_out(table, contract.table, no_rows)
    outside = [row for found in left_out.values() for row in found]
    rows = table.drop(index=outside) if outside else table
    columns = read_columns(rows, contract)
    checked = CheckedTable(
        raw=table,
        columns=columns,
        by_column=find_problems(rows, columns, contract),
        repeats=find_repeats(rows, columns, contract),
        left_out=left_out,
    )
    return _drop_repeats(checked) if contract.table.duplicates == "drop" else checked


def _drop_repeats(checked: CheckedTable) -> CheckedTable:
    """Leave out the valid rows that repeat an earlier one."""
    valid = checked.valid
    repeated = valid.index[valid.duplicated()]
    return replace(checked, left_out={**checked.left_out, REPEATED: repeated})


def refuse_weights(checked: CheckedTable, contract: Contract) -> None:
    """Check that every row has a weight: without some, the others stand for other people.

    Raises:
        ContractError: If some have none above 0; says how many, and the first line.
    """
    weight = contract.weight
    if weight is None or checked.by_column[weight.name].empty:
        return
    bad = checked.by_column[weight.name].index.sort_values()
    line = line_numbers(checked.raw, bad[:1]).iloc[0]
    raise ContractError(
        f"{len(bad):,} of {len(checked.columns):,} rows have no weight that is {weight.allowed} "
        f"in '{weight.column}' (first: line {line}): correct them, remove these rows from the "
        f"table, or leave the weights out with `use: ignore` in contract.yml"
    )


def refuse_sum(checked: CheckedTable, contract: Contract) -> None:
    """Check that the last line of a table is a person's, and not the sum of the others.

    Raises:
        ContractError: If it is; names the line.
    """
    salaries = checked.columns[contract.target.name].dropna()
    if ends_in_sum(salaries):
        line = line_numbers(checked.raw, salaries.index[-1:]).iloc[0]
        raise ContractError(
            f"line {line} holds the sum of '{contract.target.column}' in the lines above it, and "
            f"is no person's: delete it, or list how it begins as `csv: {{footer: […]}}` under "
            f"table in contract.yml"
        )
