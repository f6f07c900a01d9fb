"""Checks that a raw table is one, and has the columns of the contract, spaces aside."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from salary_kedro.contract import CsvDialect
from salary_kedro.contract.model import Contract, ContractError
from salary_kedro.contract.spelling import tidy


def check_table(raw: object) -> pd.DataFrame:
    """Check that what the catalog gives as a raw table is one, and give it.

    Raises:
        ContractError: Names what it is instead.
    """
    if not isinstance(raw, pd.DataFrame):
        raise ContractError(
            f"raw_salaries gives a {type(raw).__name__}, not one pandas table: correct its entry "
            f"in catalog.yml (of a spreadsheet, name one sheet: `load_args: {{sheet_name: 0}}`)"
        )
    return raw


def tidy_names(header: Iterable[object], contract: Contract) -> list[Any]:
    """The headers of a table as the contract has them, where they differ by spaces alone.

    They stay as they are where two would become one.
    """
    found = list(header)
    if not contract.table.trim:
        return found
    known = {tidy(name): name for name in contract.headers}
    tidied = [
        name if name in contract.headers else known.get(tidy(str(name)), name) for name in found
    ]
    return tidied if len(set(tidied)) == len(set(found)) else found


def check_header(header: Sequence[object], contract: Contract, advice: str | None = None) -> None:
    """Check that a raw table has every column of the contract.

    Args:
        header: Headers of the table.
        contract: Names the columns.
        advice: What to do about missing ones, where the contract cannot be changed.

    Raises:
        ContractError: Names the missing columns, the ones found, and the likely cause;
            or a column that is there twice. Where lines other than one of names stand above
            the rows, the found ones are counted alone: they may be cells of people.
    """
    names, own = contract.headers, {column.column for column in contract.columns}
    keys = [name for name in contract.table.primary_key if name not in own]
    known = {*names, *(feature.column for feature in contract.features)}
    # pandas has renamed a second column of the same name.
    twice = [name for name in names if f"{name}.1" in header and f"{name}.1" not in known]
    if twice:
        raise ContractError(
            f"the table has more than one column '{twice[0]}': give each its own name"
        )
    missing = [name for name in names if name not in header]
    if not missing:
        return
    found = _found(header, contract.table.csv)
    wanted = ", ".join(f"'{name}'" for name in missing)
    hint = advice or _header_hint(header, "primary_key" if set(missing) <= set(keys) else "column")
    raise ContractError(f"the table has no column {wanted}; it has {found}: {hint}")


def _found(header: Sequence[object], csv: CsvDialect) -> str:
    """The headers of a table, or how many, where what was read as them may be a row."""
    if names_may_be_cells(csv):
        comment = f", comments above it: {csv.comment!r}" if csv.comment else ""
        return (
            f"{len(header):,} columns (lines expected above the header: {csv.skip_rows:,}, of the "
            f"header: {csv.header_rows:,}{comment})"
        )
    return ", ".join(f"'{name}'" for name in header)


def names_may_be_cells(csv: CsvDialect) -> bool:
    """Whether a file whose header is the first line would give cells of people as its names."""
    return csv.skip_rows > 0 or csv.header_rows > 1 or csv.comment is not None


def _header_hint(header: Sequence[object], setting: str) -> str:
    """What to do about missing columns; `setting` names them in the contract."""
    hint = f"correct the file's header, or `{setting}` in contract.yml"
    if len(header) == 1 and (delimiter := _other_delimiter(str(header[0]))):
        quoted = '"\\t"' if delimiter == "\t" else f'"{delimiter}"'  # as YAML reads it
        setting = f"csv: {{delimiter: {quoted}}}"
        hint = (
            f"its delimiter seems to be {delimiter!r}: set `{setting}` under table in contract.yml"
        )
    return hint


def _other_delimiter(header: str) -> str | None:
    return next((mark for mark in (";", "\t", "|", ",") if mark in header), None)
