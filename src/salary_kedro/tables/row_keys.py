"""Eight bytes that name a row, whatever stands beside it and wherever it is in its table."""

import hashlib
from collections.abc import Iterable, Sequence

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
SIZE, CHUNK = 8, 100_000


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
        columns = [encode_column(valid[name], fields[name]) for name in named_by(contract)]
    packed = [_pack(values) for values in columns]
    starts = range(0, len(valid), CHUNK)
    parts = [np.hstack([cells[start : start + CHUNK] for cells in packed]) for start in starts]
    keys = [_hashes(rows, b"") for rows in parts]
    return pd.DataFrame({KEY: np.concatenate(keys) if keys else np.empty(0, dtype=np.uint64)})


def value_keys(values: pd.Series, column: Column) -> Keys:
    """Name each value of a field, shape (rows,); 0 where it is missing."""
    keys = _hashes(_pack(encode_column(values, column)), b"")
    return np.where(values.isna().to_numpy(dtype=bool), np.uint64(0), keys)


def keyed_hashes(keys: Keys, secret: bytes) -> Keys:
    """Hash each key by a secret of up to 64 bytes, without which nobody can tell whose it is.

    BLAKE2b with a key and a digest of 8 bytes (RFC 7693).
    """
    return _hashes(keys.astype("<u8").view(np.uint8).reshape(-1, SIZE), secret)


def _pack(values: pd.Series) -> NDArray[np.uint8]:
    """Nine bytes a cell, shape (rows, 9): whether it is missing, and what it is."""
    missing = values.isna().to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=np.float64) + 0.0  # -0.0 + 0.0 is 0.0
        cells = np.where(missing, 0.0, numbers).astype("<f8").view(np.uint8).reshape(-1, SIZE)
    else:
        codes, texts = pd.factorize(values.astype(object))
        known = _digests((str(text).encode("utf-8", "surrogatepass") for text in texts), b"")
        cells = np.append(known, np.uint64(0))[codes].astype("<u8").view(np.uint8)
        cells = cells.reshape(-1, SIZE)
    return np.hstack([missing.astype(np.uint8)[:, None], cells])


def _hashes(rows: NDArray[np.uint8], secret: bytes) -> Keys:
    content, width = np.ascontiguousarray(rows).tobytes(), rows.shape[1]
    return _digests(
        (content[place : place + width] for place in range(0, len(content), width)), secret
    )


def _digests(contents: Iterable[bytes], secret: bytes) -> Keys:
    found: Sequence[bytes] = [
        hashlib.blake2b(content, digest_size=SIZE, key=secret).digest() for content in contents
    ]
    return np.frombuffer(b"".join(found), dtype="<u8").astype(np.uint64)
