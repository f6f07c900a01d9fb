"""Eight bytes that name a row, whatever stands beside it and wherever it is in its table."""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.contract.columns import Column
from salary_kedro.contract.model import Contract
from salary_kedro.tables.columns import plain_spelling, to_texts
from salary_kedro.tables.frames import encode_column

Keys = NDArray[np.uint64]
#: Column of the table of keys.
KEY = "key"
#: Bytes of a key, and rows that are turned into bytes at once.
SIZE, CHUNK = 8, 1 << 14
EVERY = slice(None)
#: How a cell is told: whether it is missing, and 64 bits of what it is.
PACKED = np.dtype([("missing", "u1"), ("cell", "<u8")])
Cells = tuple[NDArray[np.bool_], NDArray[Any]]


def named_by(contract: Contract) -> list[str]:
    """What names a row: the headers of the primary key, else all fields of the contract, sorted."""
    return list(contract.table.primary_key) or sorted(column.name for column in contract.columns)


def row_keys(raw: pd.DataFrame, valid: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Name each valid row by its primary key, or by all of its values if there is none.

    It depends neither on other rows nor on their order, nor on columns that the contract does
    not name. Two tables of 5 million rows share a key by accident once in a million times
    (birthday bound of 64 bits).

    Args:
        raw: The raw table, whose headers are tidy.
        valid: Its valid rows, typed, indexed by their place in it.
        contract: Tells what names a row.

    Returns:
        Column `key`, unsigned whole numbers, in the order of the valid rows, numbered from 0.
    """
    if names := contract.table.primary_key:
        spell = plain_spelling(contract.table)
        columns = [to_texts(raw.loc[valid.index, name], spell) for name in names]
    else:
        fields = {column.name: column for column in contract.columns}
        columns = [_encoded(valid[name], fields[name]) for name in named_by(contract)]
    cells = [_cells(values) for values in columns]
    chunks = [slice(start, start + CHUNK) for start in range(0, len(valid), CHUNK)]
    keys = [_digests(_rows(_pack(cells, chunk)), b"") for chunk in chunks]
    return pd.DataFrame({KEY: np.concatenate(keys) if keys else np.empty(0, dtype=np.uint64)})


def value_keys(values: pd.Series, column: Column) -> Keys:
    """Name each value of a field, shape (rows,); 0 where it is missing."""
    keys = _digests(_rows(_pack([_cells(_encoded(values, column))])), b"")
    return np.where(values.isna().to_numpy(dtype=bool), np.uint64(0), keys)


def keyed_hashes(keys: Keys, secret: bytes) -> Keys:
    """Hash each key by a secret of up to 64 bytes, without which nobody can tell whose it is.

    BLAKE2b with a key and a digest of 8 bytes (RFC 7693).
    """
    return _digests(_rows(keys.astype("<u8").reshape(-1, 1)), secret)


def _encoded(values: pd.Series, column: Column) -> pd.Series:
    """A column as its cells are named: categories as they are, others as numbers."""
    is_category = isinstance(values.dtype, pd.CategoricalDtype)
    return values if is_category else encode_column(values, column)


def _cells(values: pd.Series) -> Cells:
    """Whether each cell is missing, and 64 bits that tell what it is: a number, or a hash."""
    missing = values.isna().to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(values):
        return missing, values.to_numpy(dtype=np.float64)
    codes, texts = _codes(values)
    known = _digests((str(text).encode("utf-8", "surrogatepass") for text in texts), b"")
    return missing, np.append(known, np.uint64(0))[codes]


def _pack(cells: Sequence[Cells], chunk: slice = EVERY) -> NDArray[np.void]:
    """Nine bytes a cell, shape (rows, columns): whether it is missing, and what it is."""
    packed = np.empty((len(cells[0][0][chunk]), len(cells)), dtype=PACKED)
    for place, (missing, found) in enumerate(cells):
        is_missing, values = missing[chunk], found[chunk]
        if values.dtype == np.float64:
            values = np.where(is_missing, 0.0, values + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
        packed["missing"][:, place] = is_missing
        packed["cell"][:, place] = values
    return packed


def _codes(values: pd.Series) -> tuple[NDArray[np.integer], Iterable[object]]:
    """The place of each cell's text among the texts, -1 for a missing one; and the texts."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy(), values.cat.categories
    return pd.factorize(values.astype(object))


def _rows(cells: NDArray[Any]) -> Iterator[bytes]:
    """The bytes of each row of a table of cells."""
    width = cells.shape[1] * cells.itemsize
    return (row for (row,) in struct.iter_unpack(f"{width}s", cells.tobytes()))


def _digests(contents: Iterable[bytes], secret: bytes) -> Keys:
    empty, found = hashlib.blake2b(digest_size=SIZE, key=secret), []
    for content in contents:
        state = empty.copy()  # half the time of a new one
        state.update(content)
        found.append(state.digest())
    return np.frombuffer(b"".join(found), dtype="<u8").astype(np.uint64)
