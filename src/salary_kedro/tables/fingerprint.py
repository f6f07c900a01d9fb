"""The fingerprint of a table: what it holds, whatever it was read from."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import date
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pandas.api.types import (
    is_bool_dtype,
    is_complex_dtype,
    is_datetime64_any_dtype,
    is_numeric_dtype,
    is_object_dtype,
    is_string_dtype,
)

#: How fingerprints are taken; those of two methods say nothing about each other.
METHOD = "table-1"
#: Whole numbers up to here, of either sign, are exact as float64.
EXACT = 2**53

MISSING, NUMBER, LONG, TEXT, TRUTH, TIME, INSTANT, OTHER = range(8)
Kinds = NDArray[np.uint8]


def fingerprint(table: pd.DataFrame) -> str:
    """Give the SHA-256 of what a table holds, 64 hexadecimal digits.

    Two tables are the same if they have the same headers in the same order, and the same
    cells in the same order of rows. Of the cells, it counts

    - a number by its value as float64, whole numbers exactly: 1 is 1.0, -0.0 is 0,
      and a decimal is the float that is nearest to it;
    - a text by its characters, whether it is held as object, string or category;
    - a date as the midnight it begins with; a time with a zone as its instant;
    - as missing whatever pandas takes for it: None, NaN, NaT, NA.

    A number is not the text that spells it, nor 1 the boolean. The labels of the
    rows do not count. The same on every machine, and in every process.
    """
    digest = hashlib.sha256(str(len(table)).encode())
    for header, values in table.items():
        digest.update(_column(str(header), values))
    return digest.hexdigest()


def _column(header: str, values: pd.Series) -> bytes:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = _spelled_out(values)
    if isinstance(values.dtype, pd.ArrowDtype):  # its dates are no dates to pandas
        values = values.astype(object)
    kinds = _kinds(values)
    digest = hashlib.sha256(_pack_texts([header]) + kinds.tobytes())
    for kind, pack in _PACKED.items():
        found = kinds == kind
        if found.any():
            digest.update(pack(_only(values, found)))
    return digest.digest()


def _spelled_out(values: pd.Series) -> pd.Series:
    """A categorical column as one of what its categories are."""
    known = values.cat.categories
    if known.dtype == "str":
        texts = known.array.take(values.cat.codes.to_numpy(), allow_fill=True)
        return pd.Series(texts, index=values.index)
    return values.astype(known.dtype)


def _only(values: pd.Series, found: NDArray[np.bool_]) -> pd.Series:
    """Some cells of a column, which is not copied if these are all."""
    return values if found.all() else values[found]


def _kinds(values: pd.Series) -> Kinds:
    """What each cell is."""
    kinds = np.full(len(values), _kind_of_column(values), dtype=np.uint8)
    missing = values.isna().to_numpy(dtype=bool)
    if is_object_dtype(values.dtype):
        kinds[~missing] = [_kind_of_cell(value) for value in values[~missing]]
    kinds[missing] = MISSING
    numbers = kinds == NUMBER
    if numbers.any():
        sizes = np.abs(_numbers(_only(values, numbers)))
        kinds[np.flatnonzero(numbers)[(sizes >= EXACT) & np.isfinite(sizes)]] = LONG
    return kinds


def _kind_of_column(values: pd.Series) -> int:
    dtype = values.dtype
    if is_bool_dtype(dtype):
        return TRUTH
    if is_numeric_dtype(dtype) and not is_complex_dtype(dtype):
        return NUMBER
    if is_datetime64_any_dtype(dtype):
        return TIME if values.dt.tz is None else INSTANT
    return TEXT if is_string_dtype(dtype) else OTHER


def _kind_of_cell(value: object) -> int:
    match value:
        case str():
            return TEXT
        case bool() | np.bool_():
            return TRUTH
        case date() | np.datetime64():  # a datetime is a date
            return TIME if getattr(value, "tzinfo", None) is None else INSTANT
        case Number() if not isinstance(value, complex):
            return NUMBER
    return OTHER


def _numbers(values: pd.Series) -> NDArray[np.float64]:
    """Cells as float64; infinite if they are beyond it."""
    if is_object_dtype(values.dtype):
        return np.array([_as_float(value) for value in values], dtype=np.float64)
    return values.to_numpy(dtype=np.float64)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _pack_numbers(values: pd.Series) -> bytes:
    return (_numbers(values) + 0.0).astype("<f8").tobytes()  # -0.0 + 0.0 is 0.0


def _pack_long(values: pd.Series) -> bytes:
    return _pack_texts(str(int(value)) for value in values)


def _pack_texts(values: Iterable[str]) -> bytes:
    """Their lengths, then themselves: no two lists of texts give the same bytes."""
    texts = list(values)
    lengths = np.fromiter(map(len, texts), dtype="<i8", count=len(texts))
    return lengths.tobytes() + "".join(texts).encode("utf-8", "surrogatepass")


def _pack_column_of_texts(values: pd.Series) -> bytes:
    """The same of a column, none of whose cells is missing: pyarrow holds its texts so already."""
    try:
        texts = pa.array(values, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeError):  # half a surrogate pair is no UTF-8
        return _pack_texts(values)
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    lengths = pc.utf8_length(whole).cast(pa.int64()).to_numpy().astype("<i8")
    _, offsets, content = whole.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[whole.offset : whole.offset + len(whole) + 1]
    spelled = bytes(content[ends[0] : ends[-1]]) if content else b""
    return bytes(lengths.tobytes()) + spelled


def _pack_truths(values: pd.Series) -> bytes:
    return bytes(values.to_numpy(dtype=bool).tobytes())


def _pack_times(values: pd.Series) -> bytes:
    times = pd.to_datetime(values).to_numpy()
    days = times.astype("datetime64[D]")
    rest = (times - days).astype("timedelta64[ns]")
    return bytes(days.astype("<i8").tobytes() + rest.astype("<i8").tobytes())


def _pack_instants(values: pd.Series) -> bytes:
    return _pack_times(pd.to_datetime(values, utc=True).dt.tz_localize(None))


def _pack_others(values: pd.Series) -> bytes:
    """Whatever else a cell may be, by its type and how it is written."""
    plain = (bytes(v) if isinstance(v, memoryview | bytearray) else v for v in values)
    return _pack_texts(f"{type(value).__name__} {value!r}" for value in plain)


_PACKED: dict[int, Callable[[pd.Series], bytes]] = {
    NUMBER: _pack_numbers,
    LONG: _pack_long,
    TEXT: _pack_column_of_texts,
    TRUTH: _pack_truths,
    TIME: _pack_times,
    INSTANT: _pack_instants,
    OTHER: _pack_others,
}
