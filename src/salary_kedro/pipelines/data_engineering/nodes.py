"""From the raw table to training and holdout rows."""

import pandas as pd
from sklearn.model_selection import train_test_split

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.project.parameters import DataEngineering
from salary_kedro.tables.table import (
    check_header,
    find_problems,
    find_repeats,
    join_reasons,
    line_numbers,
    read_columns,
    rename_beside,
)


def validate_salaries(
    raw_salaries: pd.DataFrame, contract: Contract
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Separate the rows that keep to the contract from those that break it.

    Args:
        raw_salaries: The raw table, under its file's headers.
        contract: What the rows must keep to.

    Returns:
        The good rows (typed columns under the contract's field names, indexed by their
        place in the table), and the rejected rows (`line` in the file, `reasons`, then the raw
        columns). The good rows carry the raw file's sha256 in their `attrs`, and so do
        all tables made from them, in memory and in Parquet.

    Raises:
        ContractError: If a column of the contract is missing.
    """
    check_header(list(raw_salaries.columns), contract)
    raw = raw_salaries.set_axis(pd.RangeIndex(len(raw_salaries)))  # Parquet may repeat labels
    columns = read_columns(raw, contract)
    reasons = find_problems(raw, columns, contract)
    repeats = find_repeats(raw, columns, contract)
    if not repeats.empty:
        reasons = join_reasons([reasons, repeats])
    found = pd.DataFrame({"line": line_numbers(raw, reasons.index), "reasons": reasons})
    broken = raw.loc[reasons.index].set_axis(rename_beside(raw.columns, found.columns), axis=1)
    valid = columns.drop(index=reasons.index)
    valid.attrs["sha256"] = raw_salaries.attrs["sha256"]
    return valid, pd.concat([found, broken], axis="columns")


def clean_salaries(
    valid_salaries: pd.DataFrame, rejected_rows: pd.DataFrame, contract: Contract
) -> pd.DataFrame:
    """Accept the good rows, if not too many were rejected.

    Returns:
        The good rows, numbered from 0.

    Raises:
        UserError: If there are no rows, or the rejected share is above the contract's.
    """
    rejected, total = len(rejected_rows), len(rejected_rows) + len(valid_salaries)
    if total == 0:
        raise UserError("the raw table has a header but no rows: bring at least one row of data")
    if rejected / total > contract.table.max_rejected_share:
        first = rejected_rows.iloc[0]
        raise UserError(
            f"{rejected} of {total} rows break the contract, more than the allowed share of "
            f"{contract.table.max_rejected_share * 100:.15g}%: rejected_rows.csv in "
            f"02_intermediate names each line and its reasons (first: line {first['line']}, "
            f"{first['reasons']}); correct the data, or contract.yml"
        )
    return valid_salaries.reset_index(drop=True)


def split_salaries(
    salaries: pd.DataFrame, parameters: DataEngineering
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split clean rows at random into training and holdout rows.

    Both carry in their `attrs` how they were split, so that halves of two splits can be told.

    Raises:
        UserError: If there are too few rows for both.
    """
    try:
        train, holdout = train_test_split(
            salaries, train_size=parameters.train_size, random_state=parameters.random_state
        )
    except ValueError as error:
        raise UserError(
            f"data_engineering.train_size: {len(salaries)} rows cannot be split into "
            f"{parameters.train_size:.0%} training rows and a holdout: bring more rows"
        ) from error
    for part in (train, holdout):
        part.attrs = {**salaries.attrs, "split": parameters.model_dump()}
    return train, holdout
