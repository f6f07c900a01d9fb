"""From the raw table to training and holdout rows."""

from typing import Any

import pandas as pd

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.clusters import field_astride
from salary_kedro.modelling.folding import split_rows
from salary_kedro.project.parameters import DataEngineering, Halves
from salary_kedro.tables.checked import CheckedTable, check, refuse_sum, refuse_weights
from salary_kedro.tables.fingerprint import METHOD, fingerprint
from salary_kedro.tables.frames import count_repeats
from salary_kedro.tables.header import check_table
from salary_kedro.tables.row_keys import row_keys
from salary_kedro.tables.tally import count_top_coded


def validate_salaries(
    raw_salaries: pd.DataFrame, contract: Contract
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, str], dict[str, int]]:
    """Separate the rows that keep to the contract from those that break it.

    Args:
        raw_salaries: The raw table, under its own headers.
        contract: What the rows must keep to.

    Returns:
        The good rows (typed columns under the contract's field names, indexed by their
        place in the table); the rejected rows (`line` in the file, `reasons`, then the raw
        columns); what names each good row, as `tables.row_keys` gives it; the fingerprint of the
        raw table as it was loaded here, `data_sha256`, with its `data_method`, and that of the
        good rows, `rows_sha256`; and what else there is to say of the rows, as `row_counts`
        gives it.

    Raises:
        ContractError: If a column of the contract is missing, or it is no pandas table; or its
            last line is the sum of the others; or a row has no weight.
    """
    data_sha256 = fingerprint(check_table(raw_salaries))  # while nothing else takes memory
    checked = check(raw_salaries, contract)
    refuse_sum(checked, contract)
    refuse_weights(checked, contract)
    valid = checked.valid
    prints = {
        "data_sha256": data_sha256,
        "data_method": METHOD,
        "rows_sha256": fingerprint(valid),
    }
    keys = row_keys(checked.raw, valid, contract)
    return valid, checked.rejected, keys, prints, row_counts(checked, contract)


def row_counts(checked: CheckedTable, contract: Contract) -> dict[str, int]:
    """Count what a person should know of the rows that were not rejected.

    Returns:
        Rows that were left out, by why, valid rows that are `repeats` of an earlier one, and
        those whose target is `top_coded`.
    """
    valid = checked.valid
    return {
        **{why: len(rows) for why, rows in checked.left_out.items()},
        "repeats": count_repeats(valid),
        "top_coded": count_top_coded(valid, contract),
    }


def clean_salaries(
    valid_salaries: pd.DataFrame, rejected_rows: pd.DataFrame, contract: Contract
) -> pd.DataFrame:
    """Accept the good rows, if not too many were rejected.

    Returns:
        The good rows, numbered from 0.

    Raises:
        UserError: If there are no rows, or the rejected share is above the contract's.
    """
    refuse_rejected(len(valid_salaries), rejected_rows, contract)
    return valid_salaries.reset_index(drop=True)


def refuse_rejected(valid: int, rejected_rows: pd.DataFrame, contract: Contract) -> None:
    """Check that there are rows, and that not too many of them were rejected.

    Raises:
        UserError: If there are no rows, or the rejected share is above the contract's.
    """
    rejected, total = len(rejected_rows), len(rejected_rows) + valid
    if total == 0:
        raise UserError("the raw table has a header but no rows: bring at least one row of data")
    if rejected / total > contract.table.max_rejected_share:
        first = rejected_rows.iloc[0]
        raise UserError(
            f"{rejected} of {total} rows break the contract, more than the allowed share of "
            f"{contract.table.max_rejected_share * 100:.15g}%: rejected_rows.csv in "
            f"02_intermediate lists each line with its reasons (first: line {first['line']}, "
            f"{first['reasons']}); correct the data, or contract.yml"
        )


def split_salaries(
    salaries: pd.DataFrame,
    row_keys: pd.DataFrame,
    data_fingerprint: dict[str, str],
    contract: Contract,
    parameters: DataEngineering,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Split clean rows into training and holdout rows.

    Equal rows are put on one side, unless the parameters say otherwise: an estimator that has
    seen a row knows its answer.

    Returns:
        Training rows, holdout rows, and the `Halves` as plain JSON, by which whoever reads
        both can tell that they are of one split, and of which table.

    Raises:
        UserError: If there are too few rows for both, they lack what they are split by, all
            training rows have the same target, or the fingerprint is not theirs.
    """
    refuse_other_rows(fingerprint(salaries), data_fingerprint)
    sides = split_rows(salaries, row_keys, contract.target.name, parameters)
    train, holdout = (salaries.iloc[places] for places in sides)
    refuse_constant(train, contract)
    known = len(salaries) - len(holdout)
    halves = tell_halves(train, holdout, row_keys, data_fingerprint, contract, parameters)
    drawn = {"drawn_from": known if known > len(train) else None}
    return train, holdout, halves.model_copy(update=drawn).model_dump(mode="json")


def tell_halves(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    keys: pd.DataFrame,
    data_fingerprint: dict[str, str],
    contract: Contract,
    parameters: DataEngineering,
) -> Halves:
    """What tells that both halves, or samples of them, and their keys are of one split."""
    return Halves(
        data_sha256=data_fingerprint["data_sha256"],
        data_method=data_fingerprint["data_method"],
        parameters=parameters,
        train_sha256=fingerprint(train),
        holdout_sha256=fingerprint(holdout),
        keys_sha256=fingerprint(keys),
        astride=field_astride(train, holdout, contract, parameters),
    )


def refuse_other_rows(rows_sha256: str, data_fingerprint: dict[str, str]) -> None:
    """Check that clean rows are those of which there is a fingerprint.

    Raises:
        UserError: If they are others.
    """
    if rows_sha256 != data_fingerprint["rows_sha256"]:
        raise UserError(
            "the clean rows are not those of data_fingerprint.json: an earlier run was "
            "interrupted; run the pipeline data_engineering again"
        )


def refuse_constant(train: pd.DataFrame, contract: Contract) -> None:
    """Check that there is something to learn.

    Raises:
        UserError: If several training rows all have the same target.
    """
    target = contract.target
    refuse_one_target(len(train), train[target.name].min(), train[target.name].max(), contract)


def refuse_one_target(rows: int, lowest: float, highest: float, contract: Contract) -> None:
    """Check that several training rows do not all have the same target.

    Raises:
        UserError: If they do.
    """
    target = contract.target
    if rows > 1 and lowest == highest:
        raise UserError(
            f"all {rows:,} training rows have the same '{target.column}', so there is "
            f"nothing to learn: bring rows that differ in it, or name another target in "
            f"contract.yml"
        )
