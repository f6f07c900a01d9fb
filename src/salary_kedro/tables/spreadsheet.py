"""Whole columns and tables of texts, made harmless to spreadsheets and read back."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salary_kedro.contract.formulas import (
    NUMBER,
    QUOTE,
    QUOTED,
    SUSPICIOUS,
    plain_text,
    safe_text,
)

Texts = Any  # a column of pyarrow's, which has no types


def make_safe(texts: Texts) -> Texts:
    """Treat each text as `safe_text` does."""
    suspicious = pc.match_substring_regex(texts, SUSPICIOUS)
    if not pc.any(suspicious).as_py():
        return texts
    unsafe = pc.and_not(suspicious, pc.match_substring_regex(texts, f"^{NUMBER}$"))
    mark, nothing = (pa.scalar(text, texts.type) for text in (QUOTE, ""))
    return pc.if_else(unsafe, pc.binary_join_element_wise(mark, texts, nothing), texts)


def restore(texts: Texts) -> Texts:
    """Give the texts that `make_safe` was given."""
    quoted = pc.match_substring_regex(texts, QUOTED)
    if not pc.any(quoted).as_py():
        return texts
    return pc.if_else(quoted, pc.utf8_slice_codeunits(texts, 1), texts)


def safe_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its texts made harmless, those of its header included."""
    return _each_text(frame, safe_text)


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The table that `safe_frame` was given."""
    return _each_text(frame, plain_text)


def _each_text(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    def changed(value: Any) -> Any:
        return change(value) if isinstance(value, str) else value

    result = frame.copy()
    for position, kind in enumerate(frame.dtypes):
        if kind == "str" or kind.kind == "O":  # numbers, dates and booleans hold no texts
            values: Any = frame.iloc[:, position].astype(object).map(changed)
            result.isetitem(position, values.astype(_kept(kind)))
    result.columns = frame.columns.map(changed)
    return result


def _kept(kind: Any) -> Any:
    return object if isinstance(kind, pd.CategoricalDtype) else kind
