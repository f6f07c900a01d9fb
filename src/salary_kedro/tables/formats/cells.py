"""Cells that Python holds one by one, as columns: numbers, texts, truth values, times."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

TEXT, TIME = pa.large_string(), pa.timestamp("ms")
#: The kinds of cells that one column may hold beside each other, and the column's type.
COLUMNS: tuple[tuple[frozenset[type], Any], ...] = (
    (frozenset({str}), TEXT),
    (frozenset({float}), pa.float64()),
    (frozenset({int}), pa.int64()),
    (frozenset({float, int, Decimal}), pa.float64()),
    (frozenset({bool}), pa.bool_()),
    (frozenset({date, datetime}), TIME),
)
NONE: type = type(None)


def as_column(cells: Sequence[Any], kinds: Iterable[type] = (), decimal: str = ".") -> pa.Array:
    """Cells as one column; those of several kinds as the texts that a CSV file would hold.

    Args:
        cells: The cells; an empty text is a missing value.
        kinds: Kinds of the cells of the whole column, of which these are a part.
        decimal: The decimal mark of numbers among texts.
    """
    found = set(kinds or map(type, cells))
    if str in found and "" in cells:
        cells = [None if cell == "" else cell for cell in cells]
        found = set(kinds or map(type, cells))
    found.discard(NONE)
    for known, kind in COLUMNS:
        if found <= known:
            return _typed(cells, found, kind)
    return _as_texts(cells, decimal)


def _as_texts(cells: Sequence[Any], decimal: str = ".") -> pa.Array:
    return pa.array([None if cell is None else as_text(cell, decimal) for cell in cells], TEXT)


def _typed(cells: Sequence[Any], kinds: set[type], kind: Any) -> pa.Array:
    if Decimal in kinds or (int in kinds and float in kinds):
        cells = [None if cell is None else float(cell) for cell in cells]
    if kinds == {date}:
        return pa.array(cells, pa.date32()).cast(TIME)
    if date in kinds:
        cells = [datetime.combine(c, time()) if type(c) is date else c for c in cells]
    if datetime in kinds and any(isinstance(c, datetime) and c.tzinfo for c in cells):
        return pa.array(cells, pa.timestamp("ms", "UTC")).cast(TIME)
    try:
        return pa.array(cells, kind)
    except (pa.ArrowInvalid, OverflowError):  # whole numbers beyond 64 bits, lone surrogates
        return _as_texts(cells)


def as_text(cell: Any, decimal: str = ".") -> str:
    """A cell as a CSV file would hold it: a whole number without a decimal point, ISO dates."""
    match cell:
        case str():
            text = cell.encode("utf-8", "replace").decode()
        case float() | Decimal() if cell == cell // 1:
            text = str(int(cell))
        case float() | Decimal():
            text = str(cell).replace(".", decimal)
        case datetime():
            is_day = cell.time() == time() and cell.tzinfo is None
            text = cell.date().isoformat() if is_day else cell.isoformat(" ")
        case bytes():
            text = cell.decode("utf-8", "replace")
        case _:
            text = str(cell)
    return text


def unify(tables: Iterable[pa.Table], decimal: str = ".") -> pa.Table:
    """Put tables of the same columns below each other; a column of several types is of texts."""
    parts = list(tables)
    columns = [
        _joined([part.column(place) for part in parts], decimal)
        for place in range(len(parts[0].schema))
    ]
    return pa.table(columns, parts[0].column_names)


def _joined(parts: list[pa.ChunkedArray], decimal: str) -> pa.ChunkedArray:
    kinds = {part.type for part in parts if part.null_count < len(part)} or {parts[0].type}
    if len(kinds) > 1:
        cells = [cell for part in parts for cell in part.to_pylist()]
        return pa.chunked_array([as_column(cells, decimal=decimal)])
    (kind,) = kinds
    chunks = [
        part.combine_chunks() if part.type == kind else pa.nulls(len(part), kind) for part in parts
    ]
    return pa.chunked_array(chunks, kind)
