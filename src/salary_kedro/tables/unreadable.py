"""Says why a file cannot be read, without its contents: salaries are personal data."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pandas.errors import EmptyDataError, ParserError, ParserWarning

from salary_kedro.contract import CsvDialect
from salary_kedro.errors import UserError


class Utf8Error(UnicodeError):
    """A text is UTF-8, but was to be read as an encoding that would make other letters of it."""


@contextmanager
def readable(path: Path, csv: CsvDialect, parameter: str | None = None) -> Iterator[None]:
    """Say why a table cannot be read, without its contents.

    Args:
        path: The file or folder.
        csv: How it is written, if it is CSV.
        parameter: What names it for a run, if it is read by the contract of a trained model,
            which no edit of contract.yml changes.

    Raises:
        UserError: If what is done meanwhile cannot be done.
    """
    try:
        with warnings.catch_warnings():
            # pandas only warns when it drops the fields that the header has no name for.
            warnings.filterwarnings("error", "Length of header", ParserWarning)
            yield
    except FileNotFoundError as error:
        way = f"pass --params {parameter}=FILE" if parameter else "correct the path"
        raise UserError(f"there is no file {path}: {way}, or put the file there") from error
    except pa.ArrowException as error:
        raise UserError(f"{path} is damaged or was not copied whole: bring it again") from error
    except OSError as error:
        raise UserError(explain_path(error, path)) from error
    except (ValueError, LookupError, ParserWarning) as error:
        message = explain_reader(
            error, path, csv.encoding, csv.delimiter, for_scoring=parameter is not None
        )
        raise UserError(message or f"{path} cannot be read as CSV") from (
            None if quotes_a_row(error) else error
        )


def explain_path(exc: OSError, path: Path) -> str:
    """Say why a file cannot be read or written, and what to do."""
    if isinstance(exc, IsADirectoryError):
        return (
            f"{path} is a folder, but should be a file. Name the file of the table, or a folder "
            f"of Parquet files."
        )
    if isinstance(exc, NotADirectoryError | FileExistsError):
        blocker = next((parent for parent in path.parents if parent.is_file()), path.parent)
        return f"{blocker} is a file, but {path} needs a folder there. Move the file away."
    if isinstance(exc, PermissionError):
        return (
            f"No permission for {path}. "
            "Give your user the right to read it and to write to its folder."
        )
    if isinstance(exc, FileNotFoundError):
        return f"There is no file {path}. Correct the path, or put the file there."
    return f"Cannot read or write {path}: {exc.strerror or exc}. Put that right, then run again."


def explain_reader(
    exc: BaseException | None,
    path: Path,
    encoding: str,
    delimiter: str,
    *,
    for_scoring: bool = False,
) -> str | None:
    """Say why pandas cannot read a file, without its contents: salaries are personal data.

    Args:
        exc: What pandas raised.
        path: The file.
        encoding: The encoding that it was read by.
        delimiter: What was to separate its fields.
        for_scoring: The file is read by the contract of a trained model, which no edit of
            contract.yml changes.

    Returns:
        The message, or None for an error that is not known here.
    """
    if isinstance(exc, OSError):
        return explain_path(exc, path)
    if isinstance(exc, EmptyDataError):
        return f"{path} is empty. It needs a header line and one line for each row."
    if isinstance(exc, ParserWarning):
        return (
            f"{path} has rows with more fields than its header has names. "
            f"Name every column in the header, and {_quote(delimiter, for_scoring)}."
        )
    if isinstance(exc, ParserError):
        return _explain_malformed_row(str(exc), path, _quote(delimiter, for_scoring))
    return _explain_encoding(exc, path, encoding, for_scoring)


def _explain_encoding(
    exc: BaseException | None, path: Path, encoding: str, for_scoring: bool
) -> str | None:
    if isinstance(exc, UnicodeError):
        remedy = (
            "Save it so, as the table was that the model learned from."
            if for_scoring
            else "Set `csv: {encoding: …}` under table in contract.yml to its own, such as cp1252 "
            "or utf-16, or save it as UTF-8."
        )
        told = ": it is UTF-8" if isinstance(exc, Utf8Error) else ""
        return f"{path} is not text in the encoding {encoding}{told}. {remedy}"
    if type(exc) is LookupError:  # not its subclasses, KeyError and IndexError
        return f"load_args.encoding is '{encoding}', which Python does not know. Try utf-8."
    return None


def _quote(delimiter: str, for_scoring: bool) -> str:
    remedy = (
        "save the file so that it does, as in the table that the model learned from"
        if for_scoring
        else "set `csv: {delimiter: …}` under table in contract.yml"
    )
    return (
        f"put a field that holds {delimiter!r} in double quotes; if {delimiter!r} does not "
        f"separate the fields, {remedy}"
    )


def _explain_malformed_row(reason: str, path: Path, remedy: str) -> str:
    """Quote only the numbers of pandas's message."""
    counts = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", reason)
    if counts:
        expected, line, found = counts.groups()
        return (
            f"{path}, line {line} has {found} fields, but {expected} are expected. "
            f"Correct the line: {remedy}."
        )
    open_quote = re.search(r"EOF inside string starting at row (\d+)", reason)
    where = f", row {open_quote[1]}" if open_quote else ""
    return f'{path}{where} is malformed. Look for a double quote (") that is not closed.'


def quotes_a_row(exc: BaseException | None) -> bool:
    """Tell whether an error's own message may hold a row: pyarrow's does."""
    return isinstance(exc, ParserError) and str(exc).startswith("CSV parse error")
