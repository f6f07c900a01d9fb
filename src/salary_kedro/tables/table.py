"""Checks tables against the contract: every broken row gets its line and its reasons."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray
from pandas.api.types import (
    infer_dtype,
    is_bool_dtype,
    is_datetime64_any_dtype,
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
from salary_kedro.tables.csv_arguments import listed_texts

HEADER_LINES = 1


def check_table(raw: object) -> pd.DataFrame:
    """Check that what the catalog gives as a raw table is one, and give it.

    Raises:
        ContractError: Names what it is instead.
    """
    if not isinstance(raw, pd.DataFrame):
        raise ContractError(
            f"raw_salaries gives a {type(raw).__name__}, not one pandas table: correct its entry "
            f"in catalog.yml (of a spreadsheet, name one sheet: `load_args: {{sheet_name: 0}}`)"
        )
    return raw


def check_header(header: Sequence[object], contract: Contract, advice: str | None = None) -> None:
    """Check that a raw table has every column of the contract.

    Args:
        header: Headers of the table.
        contract: Names the columns.
        advice: What to do about missing ones, where the contract cannot be changed.

    Raises:
        ContractError: Names the missing columns, the ones found, and the likely cause;
            or a column that is there twice.
    """
    names = [column.column for column in contract.columns]
    keys = [name for name in contract.table.primary_key if name not in names]
    names += keys
    known = {*names, *(feature.column for feature in contract.features)}
    # pandas has renamed a second column of the same name.
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
    hint = advice or _header_hint(header, "primary_key" if set(missing) <= set(keys) else "column")
    raise ContractError(f"the table has no column {wanted}; it has {found}: {hint}")


def _header_hint(header: Sequence[object], setting: str) -> str:
    """What to do about missing columns; `setting` names them in the contract."""
    hint = f"correct the file's header, or `{setting}` in contract.yml"
    if len(header) == 1 and (delimiter := _other_delimiter(str(header[0]))):
        quoted = '"\\t"' if delimiter == "\t" else f'"{delimiter}"'  # as YAML reads it
        setting = f"csv: {{delimiter: {quoted}}}"
        hint = (
            f"its delimiter seems to be {delimiter!r}: set `{setting}` under table in contract.yml"
        )
    return hint


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
            return pa.Column("datetime64[ms]", _range_check(column), nullable=nullable)
    checks = [_range_check(column)]
    if isinstance(column, Integer):
        checks.append(pa.Check(lambda values: values == np.floor(values), name="whole"))
    return pa.Column("float64", checks, nullable=nullable)


def _text_checks(column: Category) -> list[pa.Check]:
    if column.listed is not None:
        return [pa.Check.isin(column.listed)]
    return [pa.Check.str_length(max_value=MAX_TEXT)]


def _range_check(column: Number | Integer | Date) -> pa.Check:
    """One check for all bounds of a column, and for what its kind can hold."""
    as_value: Any = pd.Timestamp if isinstance(column, Date) else float
    ends = column.interval
    return pa.Check.in_range(
        as_value(ends.low),
        as_value(ends.high),
        include_min=ends.low_inclusive,
        include_max=ends.high_inclusive,
    )


def read_columns(raw: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Take the contract's columns out of a raw table, typed, under their field names.

    Numbers become float64, categories pandas' `category` of texts, truth values
    `boolean`, dates `datetime64[ms]`. What is not of its kind becomes missing.
    """
    csv = contract.table.csv
    return pd.DataFrame(
        {column.name: _read(raw[column.column], column, csv) for column in contract.columns}
    )


def _read(values: pd.Series, column: Column, csv: CsvDialect) -> pd.Series:
    match column:
        case Category():
            return _to_texts(values)
        case Boolean():
            known = dict.fromkeys(column.true_values, True)
            known |= dict.fromkeys(column.false_values, False)
            return _recode(_to_texts(values), pd.Series(known, dtype="boolean"))
        case Date():
            return _to_days(values, column)
    return _to_float(values, csv)


def _to_float(values: pd.Series, csv: CsvDialect) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if is_object_dtype(values):  # truth values among others are no numbers
        values = values.mask(values.map(lambda value: isinstance(value, bool)))
    elif is_string_dtype(values):
        values = _plain_numbers(values, csv)
    elif is_bool_dtype(values) or not is_numeric_dtype(values):
        return pd.Series(np.nan, index=values.index)
    return pd.to_numeric(values, errors="coerce").astype("float64")


def _plain_numbers(texts: pd.Series, csv: CsvDialect) -> pd.Series:
    """Texts of numbers as Python writes them.

    pandas applies a dialect's marks to a column of numbers alone: one cell that is none
    makes it a column of texts.
    """
    if csv.thousands:
        texts = texts.str.replace(csv.thousands, "", regex=False)
    if csv.decimal != ".":
        texts = texts.mask(texts.str.contains(".", regex=False, na=False))
        texts = texts.str.replace(csv.decimal, ".", regex=False)
    return texts


def _to_texts(values: pd.Series) -> pd.Series:
    """Cells as texts, a whole number without a decimal point; an empty text is missing."""
    if is_object_dtype(values):  # they may be of several types, and not all can be hashed
        values = values.map(_text, na_action="ignore").astype("str")
    if not isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype("category")
    known = values.cat.categories.map(_text).astype("str")
    texts = known.unique().drop("", errors="ignore")
    if len(texts) == len(known):
        return values.cat.rename_categories(list(texts))
    places = np.append(texts.get_indexer(known), -1)  # a missing cell has the code -1
    found = places[values.cat.codes.to_numpy()]
    return pd.Series(pd.Categorical.from_codes(found, texts), index=values.index)


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _recode(texts: pd.Series, values: pd.Series) -> pd.Series:
    """Replace each text by its value; missing where it has none."""
    by_code = values.reindex(texts.cat.categories).array
    found = by_code.take(texts.cat.codes.to_numpy(), allow_fill=True)
    return pd.Series(found, index=texts.index)


def _to_days(values: pd.Series, column: Date) -> pd.Series:
    if is_object_dtype(values) and infer_dtype(values, skipna=True) == "date":
        values = pd.to_datetime(values)
    if is_datetime64_any_dtype(values):
        days: pd.Series = values.dt.tz_localize(None).dt.normalize().astype("datetime64[ms]")
        return days
    texts = _to_texts(values)
    known = texts.cat.categories
    midnights = pd.to_datetime(known, format=column.format, errors="coerce").normalize()
    return _recode(texts, pd.Series(midnights, index=known).astype("datetime64[ms]"))


def find_problems(
    raw: pd.DataFrame, clean: pd.DataFrame, contract: Contract
) -> dict[str, pd.Series]:
    """Find the rows that break the contract, all failures of a row at once.

    Args:
        raw: The raw table, one row a record, under its own headers.
        clean: The same rows as `read_columns` gives them.
        contract: What the rows must keep to.

    Returns:
        By field name, one string a row that is broken in that column, indexed like the
        table: the reason, which names the column and what is allowed, never the value.
    """
    broken = _broken_cells(clean, contract)
    return {column.name: _reasons(raw, clean, column, broken) for column in contract.columns}


def join_reasons(parts: Iterable[pd.Series]) -> pd.Series:
    """Join several findings: one string a row, in the order of the parts."""
    reasons = pd.concat(list(parts))
    if reasons.index.has_duplicates:
        reasons = reasons.groupby(level=0).agg("; ".join)
    return cast("pd.Series", reasons.sort_index())


def find_repeats(raw: pd.DataFrame, clean: pd.DataFrame, contract: Contract) -> pd.Series:
    """Find the rows that repeat earlier ones, by the table's rules.

    Returns:
        One string a row that breaks a rule; the whole table is looked at.
    """
    found = []
    if key := list(contract.table.primary_key):
        names = ", ".join(key)
        lacking = pd.concat([is_missing(raw[name]) for name in key], axis=1).any(axis="columns")
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


def _broken_cells(clean: pd.DataFrame, contract: Contract) -> dict[str, pd.Series]:
    """Index labels of the cells that pandera refuses, by field name."""
    try:
        # Nothing in the environment may switch the contract off.
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
        ):
            # It changes nothing, but would copy the table first.
            table_schema(contract).validate(clean, lazy=True, inplace=True)
    except pa.errors.SchemaErrors as error:
        cells: pd.DataFrame = error.failure_cases[["column", "index"]].drop_duplicates()
        return {str(name): rows["index"] for name, rows in cells.groupby("column")}
    return {}


def _reasons(
    raw: pd.DataFrame, clean: pd.DataFrame, column: Column, broken: Mapping[str, pd.Series]
) -> pd.Series:
    """Why each row breaks the contract in one column, for the rows that do."""
    empty = clean.index[clean[column.name].isna()]
    missing = is_missing(raw.loc[empty, column.column]).to_numpy()
    refused = pd.Index(broken.get(column.name, empty[:0]), dtype=clean.index.dtype)
    unreadable = empty[~missing]
    rows = refused.union(unreadable)
    texts = np.select(
        [rows.isin(unreadable), rows.isin(empty)],
        [f"{column.column}: {_unreadable(column)}", f"{column.column}: missing"],
        default=f"{column.column}: must be {column.allowed}",
    )
    return pd.Series(texts, index=rows, dtype="str")


def is_missing(values: pd.Series) -> pd.Series:
    """Tell which cells of a raw column are missing: empty texts are, too."""
    return values.isna() | (values == "")


def _unreadable(column: Column) -> str:
    match column:
        case Boolean():
            texts = ", ".join(f"'{text}'" for text in listed_texts(column))
            return f"must be one of {texts}"
        case Date():
            return f"not a date written as {column.format} (`format` in contract.yml)"
    return "not a number"


def rename_beside(names: Iterable[str], own: Collection[str]) -> list[str]:
    """Names for raw columns that stand beside columns of our own: none bears the name of one."""
    names = list(names)
    taken = {*names, *own}
    renamed = []
    for name in names:
        new = name
        while name in own and new in taken:
            new = f"{new} (raw)"
        renamed.append(new)
    return renamed


def line_numbers(raw: pd.DataFrame, rows: pd.Index) -> pd.Series:
    """Line on which some records start in their file, the header being line 1.

    Quoted cells may hold line breaks; the lines they add are counted.

    Args:
        raw: The whole table.
        rows: Labels of the records.
    """
    if rows.empty:
        return pd.Series([], dtype="int64", index=rows)  # most tables have no broken rows
    header = HEADER_LINES + sum(str(name).count("\n") for name in raw.columns)
    lines = np.arange(len(raw)) + header + 1
    texts = raw.select_dtypes(["str", "category"])
    for name in texts:
        added = _line_breaks(texts[name])
        if added.any():
            lines[1:] += added.cumsum()[:-1]
    return pd.Series(lines, index=raw.index)[rows]


def _line_breaks(cells: pd.Series) -> NDArray[np.int64]:
    """Line breaks within each cell."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        within = [str(text).count("\n") for text in cells.cat.categories]
        by_code = np.array([*within, 0], dtype=np.int64)  # a missing cell has the code -1
        return by_code[cells.cat.codes.to_numpy()]
    return np.asarray(cells.str.count("\n").fillna(0), dtype=np.int64)
