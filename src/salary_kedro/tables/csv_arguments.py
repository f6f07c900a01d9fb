"""How pandas must read a CSV file of a contract; asks for neither pandas nor the file."""

from typing import Any, assert_never

from salary_kedro.contract.columns import Boolean, Category, Column, Date, Integer, Number
from salary_kedro.contract.model import Contract

#: What `pandas.read_csv` takes for missing, beside an empty cell, unless it is told otherwise.
KNOWN_MISSING = (
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)


def csv_arguments(contract: Contract) -> dict[str, Any]:
    """How `pandas.read_csv` must read a raw table.

    Cells of categories, dates, booleans and keys stay texts as they are in the file.
    """
    csv = contract.table.csv
    texts = dict.fromkeys(contract.table.primary_key, "str")  # 007 is another key than 7
    texts |= dict.fromkeys(contract.table.filter, "str")
    for column in contract.columns:
        if isinstance(column, Number | Integer):
            texts |= {conversion.column: "str" for conversion in column.conversions}
    for column in contract.columns:
        if isinstance(column, Number | Integer):
            texts.pop(column.column, None)
            # pandas takes no decimal mark that delimits.
            if csv.decimal == csv.delimiter:
                texts[column.column] = "str"
        else:
            texts[column.column] = "category" if _never_numbers(column) else "str"
    return {
        "sep": csv.delimiter,
        "decimal": "." if csv.decimal == csv.delimiter else csv.decimal,
        "encoding": csv.encoding,
        "dtype": texts,
        **_missing_arguments(contract),
        "index_col": False,
        "skip_blank_lines": False,
        "low_memory": False,
    }


def _missing_arguments(contract: Contract) -> dict[str, Any]:
    """Which texts pandas must take for a missing value; a text that a column lists is none."""
    texts = KNOWN_MISSING if contract.table.csv.missing is None else contract.table.csv.missing
    lists = {column.column: set(listed_texts(column)) for column in contract.columns}
    if not any(listed & set(texts) for listed in lists.values()):
        own = contract.table.csv.missing
        return {} if own is None else {"na_values": ["", *own], "keep_default_na": False}
    lists |= {name: set() for name in contract.table.primary_key if name not in lists}
    kept = {name: [text for text in texts if text not in lists[name]] for name in lists}
    return {
        "na_values": {name: ["", *found] for name, found in kept.items()},
        "keep_default_na": False,
    }


def listed_texts(column: Column) -> tuple[str, ...]:
    """The texts that the contract itself gives a meaning."""
    match column:
        case Boolean():
            return (*column.true_values, *column.false_values)
        case Category():
            return column.listed or ()
        case Number() | Integer() | Date():
            return ()
    assert_never(column)


def _never_numbers(column: Category | Boolean | Date) -> bool:
    """Whether a file that keeps to the contract holds cells that are no numbers in this column.

    Read as `category`, cells take less time and memory, but pandas makes numbers or truth
    values of them if all of them look so: `007` would become 7.
    """
    match column:
        case Category():
            return column.listed is not None and all(map(_is_plain_text, column.listed))
        case Boolean():
            return all(map(_is_plain_text, listed_texts(column)))
        case Date():
            return "-" in column.format or "/" in column.format
    assert_never(column)


def _is_plain_text(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        is_word = any(char.isalpha() for char in text)
        return is_word and text.strip().lower() not in {"true", "false"}
    return False
