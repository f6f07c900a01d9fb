"""Opens the table of a file, whatever its format; CSV, whose cells need a contract, is not here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from salary_kedro.errors import UserError
from salary_kedro.tables.formats.arrow import ArrowTable
from salary_kedro.tables.formats.json_lines import JsonLinesTable
from salary_kedro.tables.formats.packed import packing, unpacked_file
from salary_kedro.tables.formats.parquet import ParquetTable
from salary_kedro.tables.formats.recognise import Format
from salary_kedro.tables.formats.spreadsheet import SpreadsheetTable
from salary_kedro.tables.formats.statistics import StatisticsTable
from salary_kedro.tables.formats.wanted import FileTable, Wanted

#: What a file of each format is called that is copied, and what people call it.
SUFFIXES: dict[Format, str] = {
    "csv": ".csv",
    "parquet": ".parquet",
    "arrow": ".arrow",
    "arrow stream": ".arrows",
    "orc": ".orc",
    "jsonl": ".jsonl",
    "xlsx": ".xlsx",
    "xlsb": ".xlsb",
    "xls": ".xls",
    "ods": ".ods",
    "dta": ".dta",
    "sav": ".sav",
    "por": ".por",
    "sas7bdat": ".sas7bdat",
    "xpt": ".xpt",
}


def suffix_of(path: Path, kind: Format) -> str:
    """What the name of a copy of a file ends in."""
    return SUFFIXES[kind] + (packing(path) or "")


@contextmanager
def open_table(path: Path, kind: Format, wanted: Wanted) -> Iterator[FileTable]:
    """Open a file that is not CSV.

    Args:
        path: The file or folder.
        kind: Its format, as `recognise` tells.
        wanted: Where in it the table is.

    Raises:
        UserError: If it is damaged.
    """
    if kind == "jsonl":
        yield JsonLinesTable(path, wanted.decimal)
        return
    with unpacked_file(path) as place:
        try:
            yield _opened(place, kind, wanted)
        except UserError as error:
            if place == path:
                raise
            raise UserError(str(error).replace(str(place), str(path))) from error
        except pa.ArrowException as error:
            raise UserError(f"{path} is damaged or was not copied whole: bring it again") from error


def _opened(path: Path, kind: Format, wanted: Wanted) -> FileTable:
    match kind:
        case "parquet":
            return ParquetTable(path)
        case "arrow" | "arrow stream" | "orc":
            return ArrowTable(path, kind)
        case "xlsx" | "xlsb" | "xls" | "ods":
            return SpreadsheetTable.open(path, wanted)
    return StatisticsTable(path, kind, wanted)
