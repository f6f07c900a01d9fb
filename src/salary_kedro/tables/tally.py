"""Counts what a table's rows would be rejected for, column by column; never shows a value."""

from typing import Any

import pandas as pd

from salary_kedro.contract.columns import Column
from salary_kedro.contract.model import Contract
from salary_kedro.tables.checked import check
from salary_kedro.tables.problems import is_missing

SHOWN_LINES = 5

Report = dict[str, Any]


def tally(raw: pd.DataFrame, contract: Contract) -> Report:
    """Check a raw table against the contract.

    Args:
        raw: The table, under its file's headers.
        contract: What its rows must keep to.

    Returns:
        Plain JSON: `rows`, `rejected` and their shares; `columns`, each with its missing
        share, and reasons with rows and first lines; `table`, the reasons of its rules;
        `unnamed`, headers that the contract does not name.

    Raises:
        ContractError: If a column of the contract is missing, or it is no pandas table.
    """
    checked = check(raw, contract)
    raw, lines = checked.raw, checked.lines
    share = len(lines) / len(raw) if len(raw) else 0.0
    return {
        "rows": len(raw),
        "rejected": len(lines),
        "rejected_share": share,
        "allowed_share": contract.table.max_rejected_share,
        "accepted": bool(len(raw)) and share <= contract.table.max_rejected_share,
        "columns": [
            _column_report(raw[column.column], column, checked.by_column[column.name], lines)
            for column in contract.columns
        ],
        "table": _reasons(checked.repeats, lines),
        "ignored": [item.column for item in contract.features if item.use == "ignore"],
        "unnamed": _unnamed(raw, contract),
    }


def _column_report(raw: pd.Series, column: Column, reasons: pd.Series, lines: pd.Series) -> Report:
    return {
        "column": column.column,
        "name": column.name,
        "kind": column.kind,
        "use": column.use,
        "missing_share": float(is_missing(raw).mean()) if len(raw) else 0.0,
        "rejected": len(reasons),
        "reasons": _reasons(reasons, lines),
    }


def _reasons(found: pd.Series, lines: pd.Series) -> list[Report]:
    """Each reason with its rows, the commonest first."""
    return [
        {
            "reason": reason,
            "rows": int(count),
            "first_lines": lines[found.index[found == reason][:SHOWN_LINES]].tolist(),
        }
        for reason, count in found.value_counts().items()
    ]


def _unnamed(raw: pd.DataFrame, contract: Contract) -> list[str]:
    named = {contract.target.column, *(feature.column for feature in contract.features)}
    return [str(name) for name in raw.columns if name not in {*named, *contract.table.primary_key}]
