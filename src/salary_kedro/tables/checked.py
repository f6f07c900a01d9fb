"""A raw table that was checked against the contract: the valid rows, and why others are not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from salary_kedro.contract.model import Contract, ContractError
from salary_kedro.tables.columns import read_columns
from salary_kedro.tables.header import check_header, check_table, tidy_names
from salary_kedro.tables.left_out import (
    MIN_SUMMED,
    REPEATED,
    ends_in_sum,
    find_left_out,
    is_sum,
)
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

    @cached_property
    def valid(self) -> pd.DataFrame:
        """The columns of the rows that break nothing."""
        repeated = self.left_out.get(REPEATED, self.broken[:0])
        others = self.broken.union(repeated)
        return self.columns.drop(index=others) if len(others) else self.columns

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
    return _drop_repeats(checked, contract)


def _drop_repeats(checked: CheckedTable, contract: Contract) -> CheckedTable:
    """Leave out the valid rows that repeat an earlier one, if the contract says so."""
    if contract.table.duplicates != "drop":
        return checked
    before = {why: rows for why, rows in checked.left_out.items() if why != REPEATED}
    valid = replace(checked, left_out=before).valid
    repeated = valid.index[valid.duplicated()]
    return replace(checked, left_out={**before, REPEATED: repeated})


def reject_more(
    checked: CheckedTable, reasons: Mapping[str, pd.Index], contract: Contract
) -> CheckedTable:
    """Reject rows that break a rule of the table as a whole, of which this is a part.

    Args:
        checked: The part.
        reasons: By reason, the numbers of the rows; of a row that has it already, nothing changes.
        contract: What the rows must keep to.
    """
    found = [checked.repeats]
    for reason, rows in reasons.items():
        known = checked.repeats.index[checked.repeats.str.contains(reason, regex=False)]
        more = rows.difference(known)
        found.append(pd.Series(reason, index=more, dtype="str"))
    return _drop_repeats(replace(checked, repeats=join_reasons(found)), contract)


def refuse_weights(checked: CheckedTable, contract: Contract) -> None:
    """Check that every row has a weight: without some, the others stand for other people.

    Raises:
        ContractError: If some have none above 0; says how many, and the first line.
    """
    bad = unweighted(checked, contract)
    first = int(bad.iloc[0]) if len(bad) else 0
    refuse_unweighted(len(bad), len(checked.columns), first, contract)


def unweighted(checked: CheckedTable, contract: Contract) -> pd.Series:
    """The line of each row that has no weight, though the contract names one."""
    weight = contract.weight
    rows = checked.broken[:0] if weight is None else checked.by_column[weight.name].index
    return line_numbers(checked.raw, rows.sort_values())


def refuse_unweighted(bad: int, rows: int, line: int, contract: Contract) -> None:
    """Check that no row lacks a weight.

    Args:
        bad: How many do.
        rows: Of how many.
        line: The first one's line.
        contract: Names the column.

    Raises:
        ContractError: If some do.
    """
    if bad and contract.weight is not None:
        raise ContractError(
            f"{bad:,} of {rows:,} rows have no weight that is {contract.weight.allowed} in "
            f"'{contract.weight.column}' (first: line {line}): correct them, remove these rows "
            f"from the table, or leave the weights out with `use: ignore` in contract.yml"
        )


def refuse_sum(checked: CheckedTable, contract: Contract) -> None:
    """Check that the last line of a table is a person's, and not the sum of the others.

    Raises:
        ContractError: If it is; names the line.
    """
    if ends_in_sum(checked.columns[contract.target.name].dropna()):
        refuse_summed(last_salary(checked, contract), contract)


@dataclass(frozen=True)
class LastSalary:
    """The last target of a table, of rows that were checked, and those above it.

    Attributes:
        line: Its line; 0 if there is none.
        last: It.
        above: The sum of those above it.
        count: How many there are.
    """

    line: int = 0
    last: float = 0.0
    above: float = 0.0
    count: int = 0

    def below(self, earlier: "LastSalary") -> "LastSalary":
        """The last one of this part of a table and another one above it."""
        if not self.count:
            return earlier
        above = earlier.above + earlier.last + self.above
        return replace(self, above=above, count=earlier.count + self.count)


def last_salary(checked: CheckedTable, contract: Contract) -> LastSalary:
    """The last target of a checked table, or of a part of one."""
    salaries = checked.columns[contract.target.name].dropna()
    if salaries.empty:
        return LastSalary()
    return LastSalary(
        line=int(line_numbers(checked.raw, salaries.index[-1:]).iloc[0]),
        last=float(salaries.iloc[-1]),
        above=float(salaries.iloc[:-1].sum()),
        count=len(salaries),
    )


def refuse_summed(salary: LastSalary, contract: Contract) -> None:
    """Check that the last target of a table is not the sum of the others.

    Raises:
        ContractError: If it is; names the line.
    """
    if salary.count > MIN_SUMMED and is_sum(salary.last, salary.above):
        raise ContractError(
            f"line {salary.line} holds the sum of '{contract.target.column}' in the lines above "
            f"it, and is no person's: delete it, or list how it begins as `csv: {{footer: […]}}` "
            f"under table in contract.yml"
        )
