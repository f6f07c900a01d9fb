"""The fingerprint of a table: what it holds, whatever it was read from."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
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
    is_integer_dtype,
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
#: What a hash takes: bytes, or an array's.
Buffer = bytes | memoryview | NDArray[Any]
Packed = Iterable[Buffer]
#: Rows that are packed at once.
CHUNK = 1 << 16
#: By pandas' unit of time, how many of it are a day.
TICKS = {"s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}


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
        if values.cat.categories.dtype == "str":
            return _column_of_categories(header, values)
        values = values.astype(values.cat.categories.dtype)
    if isinstance(values.dtype, pd.ArrowDtype):  # its dates are no dates to pandas
        values = values.astype(object)
    kinds = _kinds(values)
    digest = _begin(header, kinds)
    for kind, pack in _PACKED.items():
        found = kinds == kind
        if found.any():
            _add(digest, pack(_only(values, found)))
    return digest.digest()


def _column_of_categories(header: str, values: pd.Series) -> bytes:
    """The same of categories of texts, which need not be spelled out for every row at once."""
    codes = values.cat.codes.to_numpy()
    kinds = np.where(codes < 0, MISSING, TEXT).astype(np.uint8)
    digest = _begin(header, kinds)
    _add(digest, _pack_categories(codes[codes >= 0], values.cat.categories))
    return digest.digest()


def _begin(header: str, kinds: Kinds) -> "hashlib._Hash":
    digest = hashlib.sha256()
    _add(digest, [*_pack_texts([header]), kinds])
    return digest


def _add(digest: "hashlib._Hash", packed: Iterable[Buffer]) -> None:
    for part in packed:
        digest.update(part.data if isinstance(part, np.ndarray) else part)


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
        found = _numbers(_only(values, numbers))
        if np.fmax.reduce(found) >= EXACT or np.fmin.reduce(found) <= -EXACT:
            is_long = (np.abs(found) >= EXACT) & np.isfinite(found)
            kinds[np.flatnonzero(numbers)[is_long]] = LONG
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


def _pack_numbers(values: pd.Series) -> Packed:
    for chunk in _chunks(_numbers(values)):
        yield (chunk + 0.0).astype("<f8", copy=False)  # -0.0 + 0.0 is 0.0


def _pack_long(values: pd.Series) -> Packed:
    if is_integer_dtype(values.dtype):
        numbers = values.to_numpy()
        native = numbers.astype(numbers.dtype.newbyteorder("="), copy=False)
        return _pack_arrow(pa.array(native).cast(pa.large_string()))
    return _pack_texts(str(int(value)) for value in values)


def _pack_texts(values: Iterable[str]) -> Packed:
    """Their lengths, then themselves: no two lists of texts give the same bytes."""
    texts = list(values)
    yield np.fromiter(map(len, texts), dtype="<i8", count=len(texts))
    yield "".join(texts).encode("utf-8", "surrogatepass")


def _pack_column_of_texts(values: pd.Series) -> Packed:
    """The same of a column, none of whose cells is missing: pyarrow holds its texts so already."""
    try:
        texts = pa.array(values, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeError):  # half a surrogate pair is no UTF-8
        return _pack_texts(values)
    return _pack_arrow(texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts)


def _pack_arrow(texts: pa.LargeStringArray) -> Packed:
    yield _lengths(texts)
    yield _content(texts)


def _pack_categories(codes: NDArray[np.integer], texts: pd.Index) -> Packed:
    """The same of texts by their places, some rows at a time."""
    try:
        known = pa.array(texts, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeError):  # half a surrogate pair is no UTF-8
        yield from _pack_texts(texts[code] for code in codes)
        return
    known = known.combine_chunks() if isinstance(known, pa.ChunkedArray) else known
    lengths = _lengths(known)
    yield from (lengths[chunk] for chunk in _chunks(codes))
    yield from (_content(known.take(pa.array(chunk))) for chunk in _chunks(codes))


def _chunks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Some cells at a time: what is made of them stays in the processor's cache."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def _lengths(texts: pa.LargeStringArray) -> NDArray[np.int64]:
    """How many characters each text has."""
    return np.asarray(pc.utf8_length(texts).cast(pa.int64()).to_numpy().astype("<i8", copy=False))


def _content(texts: pa.LargeStringArray) -> Buffer:
    """All texts, one after the other, in UTF-8."""
    _, offsets, content = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(content)[ends[0] : ends[-1]] if content else b""


def _pack_truths(values: pd.Series) -> Packed:
    yield np.ascontiguousarray(values.to_numpy(dtype=bool))


def _pack_times(values: pd.Series) -> Packed:
    times = pd.to_datetime(values).to_numpy()
    ticks, a_day = times.view(np.int64), TICKS[np.datetime_data(times.dtype)[0]]
    for chunk in _chunks(ticks):
        yield (chunk // a_day).astype("<i8", copy=False)
    for chunk in _chunks(ticks):
        rest = chunk - chunk // a_day * a_day  # numpy's % takes longer
        yield (rest * (TICKS["ns"] // a_day)).astype("<i8", copy=False)


def _pack_instants(values: pd.Series) -> Packed:
    return _pack_times(pd.to_datetime(values, utc=True).dt.tz_localize(None))


def _pack_others(values: pd.Series) -> Packed:
    """Whatever else a cell may be, by its type and how it is written."""
    plain = (bytes(v) if isinstance(v, memoryview | bytearray) else v for v in values)
    return _pack_texts(f"{type(value).__name__} {value!r}" for value in plain)


_PACKED: dict[int, Callable[[pd.Series], Packed]] = {
    NUMBER: _pack_numbers,
    LONG: _pack_long,
    TEXT: _pack_column_of_texts,
    TRUTH: _pack_truths,
    TIME: _pack_times,
    INSTANT: _pack_instants,
    OTHER: _pack_others,
}
