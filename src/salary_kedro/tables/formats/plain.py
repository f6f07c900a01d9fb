"""Arrow's many types as the few that a table of people needs: numbers, texts, truths, times."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from salary_kedro.tables.described import Described

TEXT = pa.large_string()
#: Largest number of digits that 64 bits hold.
DIGITS = 18


def is_column(kind: Any) -> bool:
    """Tell whether a type is one of single values."""
    return not pa.types.is_nested(_stored(kind)) and not pa.types.is_union(_stored(kind))


def _stored(kind: Any) -> Any:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def plain_table(table: pa.Table) -> pa.Table:
    """Each column as numbers, texts, truth values or times; others are left as they are."""
    for place, field in enumerate(table.schema):
        if needs_change(field.type):
            column = plain_column(table.column(place))
            table = table.set_column(place, field.name, column)
    return table


def needs_change(kind: Any) -> bool:
    """Tell whether a type is none of those that all of the project knows."""
    types = pa.types
    if types.is_dictionary(kind):
        return bool(needs_change(kind.value_type))
    return (
        isinstance(kind, pa.BaseExtensionType)
        or _is_bytes(kind)
        or types.is_string_view(kind)
        or types.is_decimal(kind)
        or types.is_float16(kind)
        or types.is_time(kind)
        or types.is_duration(kind)
        or types.is_run_end_encoded(kind)
    )


def _is_bytes(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def plain_column(column: Any) -> Any:
    """A column of one of the types that need a change, changed."""
    types = pa.types
    column = _unwrapped(column)
    kind = column.type
    if types.is_decimal(kind):
        whole = kind.scale <= 0 and kind.precision <= DIGITS
        return column.cast(pa.int64() if whole else pa.float64())
    if types.is_float16(kind):
        return column.cast(pa.float32())
    if types.is_string_view(kind) or types.is_time(kind):
        return column.cast(TEXT)
    if types.is_duration(kind):
        return pa.array([cell and str(cell) for cell in column.to_pylist()], TEXT)
    return _decoded(column) if _is_bytes(kind) else column


def _unwrapped(column: Any) -> Any:
    """A column without what is around its values: an extension type, a dictionary, runs."""
    kind, types = column.type, pa.types
    if str(kind) == "extension<arrow.uuid>":
        return pa.array([cell and str(_uuid(cell)) for cell in column.to_pylist()], TEXT)
    if isinstance(kind, pa.BaseExtensionType):
        return _unwrapped(column.cast(kind.storage_type))
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return column.cast(kind.value_type)
    return column


def _uuid(cell: Any) -> UUID:
    return cell if isinstance(cell, UUID) else UUID(bytes=cell)


def _decoded(column: Any) -> Any:
    """Bytes as the texts they are in UTF-8; else as hexadecimal digits."""
    try:
        return column.cast(pa.large_binary()).cast(TEXT)
    except pa.ArrowInvalid:
        return pa.array([cell and cell.hex() for cell in column.to_pylist()], TEXT)


def same_kind(first: Any, second: Any) -> bool:
    """Tell whether values of two types can stand in one column, none of them changed."""
    kinds = [_widest(kind) for kind in (first, second)]
    return kinds[0] == kinds[1] or pa.null() in kinds


def _widest(kind: Any) -> Any:
    types = pa.types
    if types.is_dictionary(kind):
        return _widest(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_signed_integer(kind):
        return pa.int64()
    if types.is_float32(kind) or types.is_float64(kind):
        return pa.float64()
    return kind


def describe_dictionaries(table: pa.Table) -> Mapping[str, Described]:
    """The categories of the dictionaries whose order is said to mean something."""
    return {
        field.name: Described(levels=_levels(table.column(place)), ordered=True)
        for place, field in enumerate(table.schema)
        if pa.types.is_dictionary(field.type) and field.type.ordered
    }


def _levels(column: pa.ChunkedArray) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for chunk in column.chunks:
        values = (
            plain_column(chunk.dictionary)
            if needs_change(chunk.dictionary.type)
            else chunk.dictionary
        )
        found.update(dict.fromkeys(str(text) for text in values.to_pylist()))
    return tuple(found)


def as_texts(column: Any) -> Any:
    """A column as the texts that a CSV file would hold; missing stays missing.

    Whole numbers have no decimal point, days no midnight, truth values Python's words.
    """
    column = plain_column(column)
    kind, types = column.type, pa.types
    if types.is_boolean(kind):
        return pc.if_else(column, pa.scalar("True", TEXT), pa.scalar("False", TEXT))
    if types.is_timestamp(kind) or types.is_date(kind):
        return _times(column)
    return pc.cast(column, TEXT)


def _times(column: Any) -> Any:
    texts = pc.cast(column, TEXT)
    if pa.types.is_timestamp(column.type) and column.type.tz is None:
        return pc.replace_substring_regex(texts, r" 00:00:00(\.0+)?$", "")
    return texts
