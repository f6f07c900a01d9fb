"""Checks tables against the contract: every broken row gets its line and its reasons."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandas.api.types import (
    is_bool_dtype,
    is_datetime64_any_dtype,
    is_float_dtype,
    is_numeric_dtype,
    is_object_dtype,
    is_string_dtype,
)
from pandera.config import ValidationDepth, config_context

from salary_kedro.contract.columns import (
    MAX_TEXT,
    Boolean,
    Category,
    Column,
    Date,
    Integer,
    Number,
)
from salary_kedro.contract.model import Contract, ContractError, CsvDialect

HEADER_LINES = 1


def csv_arguments(contract: Contract) -> dict[str, Any]:
    """How `pandas.read_csv` must read a raw table.

    Cells of categories, dates and truth values stay texts as they are in the file.
    """
    csv = contract.table.csv
    texts = {
        column.column: "category" if _never_numbers(column) else "str"
        for column in contract.columns
        if not _is_numeric(column)
    }
    missing = {"na_values": ["", *csv.missing], "keep_default_na": False} if csv.missing else {}
    return {
        "sep": csv.delimiter,
        "decimal": csv.decimal,
        "thousands": csv.thousands,
        "encoding": csv.encoding,
        "dtype": texts,
        **missing,
        "index_col": False,
        "skip_blank_lines": False,
        "low_memory": False,
    }


def _is_numeric(column: Column) -> bool:
    return isinstance(column, Number | Integer)


def _never_numbers(column: Column) -> bool:
    """Whether a file that keeps to the contract holds cells that are no numbers in this column.

    Read as `category`, cells take less time and memory, but pandas makes numbers or truth
    values of them if all of them look so: `007` would become 7.
    """
    match column:
        case Category() if column.listed is not None:
            return all(map(_is_plain_text, column.listed))
        case Boolean():
            return all(map(_is_plain_text, (*column.true_values, *column.false_values)))
        case Date():
            return "-" in column.format or "/" in column.format
    return False


def _is_plain_text(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        is_word = any(sign.isalpha() for sign in text)
        return is_word and text.strip().lower() not in {"true", "false"}
    return False


def check_header(header: Sequence[object], contract: Contract) -> None:
    """Check that a raw table has every column of the contract.

    Raises:
        ContractError: Names the missing columns, the ones found, and the likely cause;
            or a column that is there twice.
    """
    names = [column.column for column in contract.columns]
    names += [name for name in contract.table.primary_key if name not in names]
    # pandas has renamed a second column of the same name.
    known = {*names, *(feature.column for feature in contract.features)}
    twice = [name for name in names if f"{name}.1" in header and f"{name}.1" not in known]
    if twice:
        raise ContractError(
            f"the table has more than one column '{twice[0]}': give each a name of its own"
        )
    missing = [name for name in names if name not in header]
    if not missing:
        return
    found = ", ".join(f"'{name}'" for name in header)
    wanted = ", ".join(f"'{name}'" for name in missing)
    hint = "correct the file's header, or `column` in contract.yml"
    if len(header) == 1 and (delimiter := _other_delimiter(str(header[0]))):
        quoted = '"\\t"' if delimiter == "\t" else f'"{delimiter}"'  # as YAML reads it
        setting = f"csv: {{delimiter: {quoted}}}"
        hint = (
            f"its delimiter seems to be {delimiter!r}: set `{setting}` under table in contract.yml"
        )
    raise ContractError(f"the table has no column {wanted}; it has {found}: {hint}")


def _other_delimiter(header: str) -> str | None:
    return next((mark for mark in (";", "\t", "|", ",") if mark in header), None)


def table_schema(contract: Contract) -> pa.DataFrameSchema:
    """Derive the pandera schema of a table whose columns bear the contract's field names."""
    return pa.DataFrameSchema(
        {column.name: _schema_column(column) for column in contract.columns}, strict=True
    )


def _schema_column(column: Column) -> pa.Column:
    nullable = not column.required
    match column:
        case Category():
            return pa.Column(None, _text_checks(column), nullable=nullable)
        case Boolean():
            return pa.Column("boolean", nullable=nullable)
        case Date():
            return pa.Column("datetime64[ms]", _bound_checks(column), nullable=nullable)
    checks = [pa.Check.in_range(-column.limit, column.limit), *_bound_checks(column)]
    if isinstance(column, Integer):
        checks.append(pa.Check(lambda values: values == np.floor(values), name="whole"))
    return pa.Column("float64", checks, nullable=nullable)


def _text_checks(column: Category) -> list[pa.Check]:
    if column.listed is not None:
        return [pa.Check.isin(column.listed)]
    return [pa.Check.str_length(max_value=MAX_TEXT)]


def _bound_checks(column: Number | Integer | Date) -> list[pa.Check]:
    bounds = (
        (pa.Check.ge, column.minimum),
        (pa.Check.le, column.maximum),
        (pa.Check.gt, column.exclusive_minimum),
        (pa.Check.lt, column.exclusive_maximum),
    )
    as_values = pd.Timestamp if isinstance(column, Date) else float
    return [check(as_values(bound)) for check, bound in bounds if bound is not None]


def read_columns(raw: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Take the contract's columns out of a raw table, typed, under their field names.

    Numbers become float64, categories pandas' `category` of texts, truth values
    `boolean`, dates `datetime64[ms]`. What is not of its kind becomes missing.
    """
    return pd.DataFrame(
        {
            column.name: _read(raw[column.column], column, contract.table.csv)
            for column in contract.columns
        }
    )


def _read(values: pd.Series, column: Column, csv: CsvDialect) -> pd.Series:
    match column:
        case Category():
            return _to_texts(values)
        case Boolean():
            yes, no = (
                dict.fromkeys(column.true_values, True),
                dict.fromkeys(column.false_values, False),
            )
            return _recode(_to_texts(values), pd.Series({**yes, **no}), "boolean")
        case Date():
            return _to_days(values, column)
    return _to_float(values, csv)


def _to_float(values: pd.Series, csv: CsvDialect) -> pd.Series:
    if not (is_numeric_dtype(values) or is_string_dtype(values) or is_object_dtype(values)):
        return pd.Series(np.nan, index=values.index)  # dates are no numbers
    if is_bool_dtype(values):
        return pd.Series(np.nan, index=values.index)
    if is_object_dtype(values):
        values = values.mask(
            values.map(lambda value: isinstance(value, bool))
        )  # nor are truth values among others
    if is_string_dtype(values):
        values = _to_plain_digits(values, csv)
    return pd.to_numeric(values, errors="coerce").astype("float64")


def _to_plain_digits(values: pd.Series, csv: CsvDialect) -> pd.Series:
    """Numbers as Python writes them: one cell that is no number leaves a whole column as texts."""
    if csv.thousands:
        values = values.str.replace(csv.thousands, "", regex=False)
    if csv.decimal != ".":
        values = values.mask(values.str.contains(".", regex=False, na=False))
        values = values.str.replace(csv.decimal, ".", regex=False)
    return values


def _to_texts(values: pd.Series) -> pd.Series:
    """Cells as texts, a whole number without a decimal point; an empty text is missing."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        if is_float_dtype(values) and (values.dropna() % 1 == 0).all():
            values = values.astype("Int64")
        values = values.astype("category")
    codes, known = values.cat.codes.to_numpy(), values.cat.categories.map(str)
    texts = pd.Index(known.unique(), dtype="str")
    places = texts.get_indexer(known)
    places[known == ""] = -1
    found = np.where(codes < 0, -1, places[codes]) if len(known) else np.full(len(codes), -1)
    return pd.Series(pd.Categorical.from_codes(found, texts), index=values.index)


def _recode(texts: pd.Series, values: pd.Series, dtype: str) -> pd.Series:
    """Replace each text by its value; missing where it has none."""
    by_code = values.reindex(texts.cat.categories).astype(dtype).array
    return pd.Series(
        by_code.take(texts.cat.codes.to_numpy(), allow_fill=True), index=texts.index, dtype=dtype
    )


def _to_days(values: pd.Series, column: Date) -> pd.Series:
    if is_datetime64_any_dtype(values):
        return values.dt.tz_localize(None).dt.normalize().astype("datetime64[ms]")
    texts = _to_texts(values)
    known = texts.cat.categories
    times = pd.to_datetime(known, format=column.format, errors="coerce")
    days = times.normalize().astype("datetime64[ms]")
    return _recode(texts, pd.Series(days, index=known), "datetime64[ms]")


def find_problems(raw: pd.DataFrame, clean: pd.DataFrame, contract: Contract) -> pd.Series:
    """Find the rows that break the contract, all failures of a row at once.

    Args:
        raw: The raw table, one row a record, under its own headers.
        clean: The same rows as `read_columns` gives them.
        contract: What the rows must keep to.

    Returns:
        One string a broken row, indexed like the table: the reasons, each naming
        its column and what is allowed, never the value.
    """
    return join_reasons(problems_by_column(raw, clean, contract).values())


def problems_by_column(
    raw: pd.DataFrame, clean: pd.DataFrame, contract: Contract
) -> dict[str, pd.Series]:
    """By field name, the reasons of `find_problems` that are about that column alone."""
    broken = _broken_cells(clean, contract)
    return {column.name: _reasons(raw, clean, column, broken) for column in contract.columns}


def join_reasons(parts: Iterable[pd.Series]) -> pd.Series:
    """Join several findings: one string a row, in the order of the parts."""
    reasons: pd.Series = pd.concat(list(parts)).groupby(level=0, sort=True).agg("; ".join)
    return reasons


def find_repeats(raw: pd.DataFrame, clean: pd.DataFrame, contract: Contract) -> pd.Series:
    """Find the rows that repeat earlier ones, by the table's rules.

    Arguments and answer are those of `find_problems`; the whole table is looked at.
    """
    found = []
    if key := list(contract.table.primary_key):
        names = ", ".join(key)
        lacking = raw[key].isna().any(axis="columns")
        again = raw.duplicated(key) & ~lacking
        found += [
            _say(f"{names}: a part of the key is missing", lacking),
            _say(f"{names}: the key of an earlier row", again),
        ]
    if contract.table.duplicates == "reject":
        found.append(_say("repeats an earlier row", clean.duplicated()))
    return join_reasons(found) if found else pd.Series([], dtype="str", index=raw.index[:0])


def _say(text: str, rows: pd.Series) -> pd.Series:
    return pd.Series(text, index=rows.index[rows], dtype="str")


def _broken_cells(clean: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The cells pandera refuses: columns `column` and `index`, once each."""
    try:
        # Nothing in the environment may switch the contract off.
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
        ):
            table_schema(contract).validate(clean, lazy=True)
    except pa.errors.SchemaErrors as error:
        cells: pd.DataFrame = error.failure_cases[["column", "index"]].drop_duplicates()
        return cells
    return pd.DataFrame({"column": [], "index": []})


def _reasons(
    raw: pd.DataFrame, clean: pd.DataFrame, column: Column, broken: pd.DataFrame
) -> pd.Series:
    """Why each row breaks the contract in one column, for the rows that do."""
    missing = is_missing(raw[column.column])
    unreadable = clean[column.name].isna() & ~missing
    refused = clean.index.isin(broken.loc[broken["column"] == column.name, "index"])
    rows = unreadable | refused
    texts = np.select(
        [unreadable[rows], missing[rows]],
        [f"{column.column}: {_unreadable(column)}", f"{column.column}: missing"],
        default=f"{column.column}: must be {column.allowed}",
    )
    return pd.Series(texts, index=clean.index[rows], dtype="str")


def is_missing(values: pd.Series) -> pd.Series:
    """Tell which cells of a raw column are missing: empty texts are, too."""
    if isinstance(values.dtype, pd.CategoricalDtype) or is_string_dtype(values):
        return values.isna() | (values == "")
    return values.isna()


def _unreadable(column: Column) -> str:
    match column:
        case Boolean():
            return f"must be '{column.true_values[0]}' or '{column.false_values[0]}'"
        case Date():
            return f"not a date written as {column.format}"
    return "not a number"


def line_numbers(raw: pd.DataFrame) -> pd.Series:
    """Line on which each record starts in its file, the header being line 1.

    Quoted cells may hold line breaks; the lines they add are counted.
    """
    added = pd.Series(0.0, index=raw.index)
    texts: pd.DataFrame = raw.select_dtypes(["str", "category"])
    for name in texts.columns:
        added += texts[name].astype("str").str.count("\n").fillna(0)
    header = HEADER_LINES + sum(str(name).count("\n") for name in raw.columns)
    before = added.cumsum().shift(fill_value=0)
    return (before + np.arange(len(raw)) + header + 1).astype("int64")
