"""A whole table, of any format, as a run and `check` take it."""

import logging
from pathlib import Path

import pandas as pd

from salary_kedro.contract import Contract
from salary_kedro.tables.csv_arguments import csv_arguments
from salary_kedro.tables.csv_chunks import put_together
from salary_kedro.tables.csv_rows import open_rows
from salary_kedro.tables.formats.cells import unify
from salary_kedro.tables.formats.database import DatabaseTable
from salary_kedro.tables.formats.opening import open_table
from salary_kedro.tables.formats.recognise import Format, recognise
from salary_kedro.tables.formats.wanted import Wanted
from salary_kedro.tables.lines import FIRST_LINE, FIRST_ROW, HEADER_LINES
from salary_kedro.tables.reader import as_frame
from salary_kedro.tables.unreadable import readable

logger = logging.getLogger(__name__)

#: Rows that are read at once; of CSV, which pandas holds in several times the memory meanwhile.
ROWS, CSV_ROWS = 1 << 18, 1 << 20


def read_table(path: Path, contract: Contract) -> pd.DataFrame:
    """Read a whole table under its own headers.

    Cells of CSV are numbers where the contract has numbers, else texts; those of other formats
    are as the file holds them.

    Raises:
        UserError: If it cannot be read; says why, without its contents.
    """
    with readable(path, contract.table.csv):
        kind = recognise(path)
        return _read_csv(path, contract) if kind == "csv" else _read_other(path, kind, contract)


def _read_csv(path: Path, contract: Contract) -> pd.DataFrame:
    with open_rows(path, contract) as file:
        arguments = {**csv_arguments(contract), **file.names}
        with pd.read_csv(file.source, chunksize=CSV_ROWS, **arguments) as chunks:
            found = put_together(list(chunks))
    if found is None:  # what pandas makes of a column depends on all of its cells
        with open_rows(path, contract) as file:
            found = pd.read_csv(file.source, **arguments)
    if file.first_line != HEADER_LINES + 1:
        found.attrs[FIRST_LINE] = file.first_line
    return found


def _read_other(path: Path, kind: Format, contract: Contract) -> pd.DataFrame:
    wanted = Wanted.of(contract)
    with open_table(path, kind, wanted) as table:
        frame = as_frame(unify(table.chunks(ROWS), wanted.decimal))
        frame.attrs[FIRST_ROW] = table.first_row
        for remark in table.remarks:
            logger.info("%s: %s", path.name, remark)
        return frame


def read_database(table: DatabaseTable, contract: Contract | None = None) -> pd.DataFrame:
    """Read a whole table of a database under its own headers.

    Args:
        table: The table.
        contract: Says how numbers among texts are read; None if there are none.

    Raises:
        UserError: If it cannot be read; says why.
    """
    table = table if contract is None else table.by(Wanted.of(contract))
    frame = as_frame(unify(table.chunks(ROWS), table.decimal))
    frame.attrs[FIRST_ROW] = table.first_row
    return frame
