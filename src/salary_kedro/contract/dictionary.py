"""The data dictionary: what every column means, for people who meet the data or the model."""

import csv
import io
from typing import assert_never

from salary_kedro.contract.columns import Boolean, Category, Column, Date, Integer, Number
from salary_kedro.contract.formulas import safe_text
from salary_kedro.contract.model import Contract


def data_dictionary(contract: Contract) -> str:
    """Describe every column of the contract, the target last, as CSV with a header.

    Spreadsheets take none of its texts for a formula.
    """
    rows = [_describe(column) for column in (*contract.features, contract.target)]
    rows[-1].update({"use": "target", "model sees": ""})
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in rows)
    return written.getvalue()


def _safe(value: object) -> object:
    return safe_text(value) if isinstance(value, str) else value


def _describe(column: Column) -> dict[str, object]:
    return {
        "column": column.column,
        "field": column.name,
        "kind": column.kind,
        "unit": column.unit,
        "allowed": column.allowed,
        "required": "yes" if column.required else "no",
        "missing": _missing(column),
        "use": column.use,
        "model sees": _seen(column) if column.use == "feature" else "",
        "label": column.label,
        "help": column.help,
        "example": _example(column),
    }


def _missing(column: Column) -> str:
    """What becomes of a missing value."""
    if column.required:
        return "not allowed"
    if column.use != "feature":
        return "allowed"
    if isinstance(column, Category):
        return "a category of its own"
    return {
        "impute": "the training median takes its place",
        "indicate": "the training median takes its place, and a further input says so",
    }[column.missing]


def _seen(column: Column) -> str:
    match column:
        case Number() | Integer():
            return "the number"
        case Category():
            return "the text"
        case Boolean():
            return "1 for true, 0 for false"
        case Date():
            return "days since 1970-01-01"
    assert_never(column)


def _example(column: Column) -> object:
    if isinstance(column, Boolean):
        return str(column.example).lower()
    return f"{column.example:.15g}" if isinstance(column.example, float) else column.example
