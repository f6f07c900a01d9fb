"""Says why a file cannot be read, without its contents: salaries are personal data."""

import re
from pathlib import Path

from pandas.errors import EmptyDataError, ParserError, ParserWarning


def explain_path(exc: OSError, path: Path) -> str:
    """Say why a file cannot be read or written, and what to do."""
    if isinstance(exc, IsADirectoryError):
        return f"{path} is a folder, but should be a file. Remove it, or correct filepath."
    if isinstance(exc, NotADirectoryError | FileExistsError):
        blocker = next((parent for parent in path.parents if parent.is_file()), path.parent)
        return f"{blocker} is a file, but {path} needs a folder there. Move the file away."
    if isinstance(exc, PermissionError):
        return (
            f"No permission for {path}. "
            "Give your user the right to read it and to write to its folder."
        )
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
        return f"{path} is not text in the encoding {encoding}. {remedy}"
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
