"""Counts what a table's rows would be rejected for, column by column; never shows a value."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from salary_kedro.contract.columns import Column, Integer, IntegerTarget, Number, NumberTarget
from salary_kedro.contract.model import Contract, TableRules
from salary_kedro.tables.checked import CheckedTable, check, refuse_sum, refuse_weights
from salary_kedro.tables.columns import missing_cells
from salary_kedro.tables.far_off import (
    far_off_remark,
    find_far_off,
    find_too_small,
    too_small_remark,
)
from salary_kedro.tables.lines import line_numbers

SHOWN_LINES = 5

Report = dict[str, Any]


def tally(raw: pd.DataFrame, contract: Contract) -> Report:
    """Check a raw table against the contract, and count.

    Args:
        raw: The table, under its file's headers.
        contract: What its rows must keep to.

    Raises:
        ContractError: As `count_checked`, or if a column of the contract is missing, or it is no
            pandas table.
    """
    return count_checked(check(raw, contract), contract)


def count_checked(checked: CheckedTable, contract: Contract) -> Report:
    """Count what the rows of a checked table would be rejected for.

    Returns:
        Plain JSON: `rows`, `rejected` and their shares; `columns`, each with its missing
        share, and reasons with rows and first lines; `table`, the reasons of its rules;
        `left_out`, rows that are not checked, by why; `top_coded`, rows whose target is cut
        off at the top code; `far_off`, remarks on numbers far beyond the others of their
        column, and on pay far below; `unnamed`, headers that the contract does not name.

    Raises:
        ContractError: If its last line is the sum of the others, or a row has no weight.
    """
    refuse_sum(checked, contract)
    refuse_weights(checked, contract)
    rows, lines = len(checked.columns), checked.lines
    share = len(lines) / rows if rows else 0.0
    return {
        "rows": rows,
        "rejected": len(lines),
        "rejected_share": share,
        "allowed_share": contract.table.max_rejected_share,
        "accepted": bool(rows) and share <= contract.table.max_rejected_share,
        "columns": [
            _column_report(checked, column, lines, contract.table) for column in contract.columns
        ],
        "table": _reasons(checked.repeats, lines),
        "left_out": {why: len(rows) for why, rows in checked.left_out.items()},
        "top_coded": count_top_coded(checked.valid, contract),
        "far_off": [*_far_off(checked, contract)],
        "ignored": [item.column for item in contract.features if item.use == "ignore"],
        "unnamed": _unnamed(checked.raw, contract),
    }


def count_top_coded(valid: pd.DataFrame, contract: Contract) -> int:
    """Count the rows whose target was cut off at the contract's top code."""
    code = contract.target.top_code
    return 0 if code is None else int((valid[contract.target.name] >= code).sum())


def _far_off(checked: CheckedTable, contract: Contract) -> Iterator[str]:
    """Remarks on the valid numbers far beyond the others of their column, and on pay far below."""
    valid = checked.valid
    numeric = [item for item in contract.inputs if isinstance(item, Number | Integer)]
    for column in (*numeric, contract.target):
        found = find_far_off(valid[column.name])
        if found is not None:
            remark = far_off_remark(found, line_numbers(checked.raw, found.rows))
            yield f"{column.column}: {remark}"
    target = contract.target
    small = find_too_small(valid[target.name])
    if len(small) and not target.unit.startswith("logarithm"):
        yield f"{target.column}: {too_small_remark(line_numbers(checked.raw, small))}"


def _column_report(
    checked: CheckedTable, column: Column, lines: pd.Series, rules: TableRules
) -> Report:
    reasons = checked.by_column[column.name]
    return {
        "column": column.column,
        "name": column.name,
        "kind": column.kind,
        "use": "target" if isinstance(column, NumberTarget | IntegerTarget) else column.use,
        "missing_share": _missing_share(checked, column, rules),
        "rejected": len(reasons),
        "reasons": _reasons(reasons, lines),
    }


def _missing_share(checked: CheckedTable, column: Column, rules: TableRules) -> float:
    """Share of the rows without a value, 0 to 1; what could not be read is one."""
    values = checked.columns[column.name]
    unread = checked.raw.loc[values.index[values.isna()], column.column]
    return int(missing_cells(unread, column, rules).sum()) / len(values) if len(values) else 0.0


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
    named = {*contract.headers, *(feature.column for feature in contract.features)}
    return [str(name) for name in raw.columns if name not in named]
