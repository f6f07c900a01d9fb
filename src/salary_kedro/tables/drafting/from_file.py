"""Drafts a contract from a file, and tries it on the rows that it was made from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from pandas.errors import EmptyDataError, ParserError, ParserWarning

from salary_kedro.contract import CsvDialect
from salary_kedro.errors import UserError
from salary_kedro.tables.checked import check
from salary_kedro.tables.drafting.draft import Draft
from salary_kedro.tables.drafting.features import soften
from salary_kedro.tables.drafting.infer import draft_contract
from salary_kedro.tables.drafting.oddities import KEPT_SHARE
from salary_kedro.tables.drafting.raw_file import (
    NOTHING,
    Asked,
    RawCsv,
    RawFile,
    RawTable,
    open_raw,
)
from salary_kedro.tables.drafting.target import UnreadableTargetError
from salary_kedro.tables.formats.database import DatabaseTable
from salary_kedro.tables.unreadable import explain_reader

#: Rows from which a contract is drafted.
DRAFT_ROWS = 100_000
#: More of a column's cells than this share may not break what was drafted from them.
TOLERATED = 1 - KEPT_SHARE


@dataclass(frozen=True)
class Drafted:
    """A draft, and what of the table it was made from.

    Attributes:
        draft: The draft.
        rows: Rows that it was made from.
        whole: Whether these are all rows of the table.
        suffix: Suffix of the copy of the table; empty for a database, which is not copied.
    """

    draft: Draft
    rows: int
    whole: bool
    suffix: str


def draft_table(
    path: Path, target: str | None, limit: int = DRAFT_ROWS, asked: Asked = NOTHING
) -> Drafted:
    """Draft a contract from the first rows of a file, and try it on them.

    Args:
        path: The file, or a folder of Parquet files.
        target: Header of the column to predict; None to find it.
        limit: Rows from which it is drafted.
        asked: What a person says about the file.

    Raises:
        UserError: If the file cannot be read, or nothing can be learned from it.
    """
    with _explained(path), open_raw(path, asked) as table:
        where = {"sheet": asked.sheet, "named_table": asked.named_table}
        return _draft(table, target, limit, where)


def draft_database(table: DatabaseTable, target: str | None, limit: int = DRAFT_ROWS) -> Drafted:
    """Draft a contract from the first rows of a table of a database, and try it on them.

    Raises:
        UserError: If it cannot be read, or nothing can be learned from it.
    """
    return _draft(RawTable(table, CsvDialect(), "", table.remarks), target, limit, {})


def _draft(table: RawFile, target: str | None, limit: int, where: Mapping[str, str]) -> Drafted:
    """Draft a contract, say where in the file its table is, and try it."""
    texts, dialect = table.texts(limit + 1)
    whole = len(texts) <= limit
    texts = texts if whole else texts.head(limit)
    with _doubting(table):
        draft = draft_contract(texts, dialect, target, table.described())
    decimal = draft.table.csv.decimal
    if isinstance(table, RawTable) and decimal != "." == dialect.decimal:
        # its numbers as its texts write them
        return _draft(table.marked(decimal), target, limit, where)
    rules = draft.table.model_copy(update=where)
    draft = replace(draft, table=rules, remarks=(*table.remarks, *draft.remarks))
    return Drafted(_tried(draft, table, len(texts)), len(texts), whole, table.suffix)


@contextmanager
def _doubting(table: RawFile) -> Iterator[None]:
    """Say that the encoding was guessed, if the column to predict cannot be read."""
    try:
        yield
    except UnreadableTargetError as error:
        if not isinstance(table, RawCsv) or not table.guessed:
            raise
        doubt = f"it was read as '{table.guessed}'; --encoding NAME reads it as another"
        raise UserError(f"{error} ({doubt})") from error


def _tried(draft: Draft, table: RawFile, rows: int) -> Draft:
    """Change what the rows break that the draft was made from."""
    for _ in range(3):
        checked = check(table.read(draft.contract, rows), draft.contract)
        found = checked.by_column
        broken = {name for name, rejected in found.items() if len(rejected) > TOLERATED * rows}
        if not broken - {draft.target.column.name}:
            break
        for feature in draft.features:
            if feature.column.name in broken:
                draft = soften(draft, feature.column.name, rows)
    return draft.allowing(len(checked.broken) / rows)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in one line why a file cannot be read, without its contents."""
    try:
        yield
    except (OSError, ValueError, ParserWarning) as error:
        if isinstance(error, pa.ArrowException):
            raise UserError(f"{path} is damaged or was not copied whole: bring it again") from error
        known = isinstance(error, OSError | UnicodeError | EmptyDataError | ParserError)
        text = explain_reader(error, path, "that was tried", ",")
        if text is None or not (known or isinstance(error, ParserWarning)):
            raise
        raise UserError(text) from error
