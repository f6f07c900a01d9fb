"""Finds the column to predict, and the columns that are made from it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from salary_kedro.contract.columns import NumberTarget
from salary_kedro.contract.model import ContractError
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.draft import TargetDraft
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.numbers import with_head_room

#: Rows by which a column may be found to be made from the target.
LEAK_ROWS, MIN_LEAK_ROWS, LEAK_CORRELATION = 20_000, 30, 0.9999


def find_target(facts: Sequence[Facts], target: str | None) -> int:
    """Position of the column to predict.

    Args:
        facts: All columns.
        target: Its header; None to find it by what headers say.

    Raises:
        ContractError: If it is not clear which, or it does not hold numbers alone.
    """
    numeric = [position for position, fact in enumerate(facts) if fact.is_numeric]
    shown = ", ".join(f"'{facts[position].header}'" for position in numeric) or "none"
    if target is not None:
        return _named_target(facts, target, numeric, shown)
    ranks = {position: headers.target_rank(facts[position].header) for position in numeric}
    named = {position: rank for position, rank in ranks.items() if rank is not None}
    best = [position for position, rank in named.items() if rank == min(named.values())]
    if len(best) == 1:
        return best[0]
    if not named and len(numeric) == 1:
        return numeric[0]
    if not numeric:
        raise ContractError(
            "no column holds numbers alone, so there is no salary to predict: is this a table, "
            "and are currency symbols and words left out of its numbers?"
        )
    found = "no column" if not named else "more than one column"
    raise ContractError(
        f"{found} sounds like the salary to predict; the columns of numbers are {shown}: name one "
        f"with --target COLUMN (a number has no currency symbol)"
    )


def _named_target(facts: Sequence[Facts], target: str, numeric: list[int], shown: str) -> int:
    position = next((i for i, fact in enumerate(facts) if fact.header == target), None)
    if position is None:
        known = ", ".join(f"'{fact.header}'" for fact in facts)
        raise ContractError(f"--target '{target}' is not a column of the table; it has {known}")
    if position not in numeric:
        raise ContractError(
            f"--target '{target}' does not hold numbers alone, and only numbers can be predicted; "
            f"the columns of numbers are {shown}: take out currency symbols and words"
        )
    return position


def as_target(fact: Facts) -> TargetDraft:
    """Propose a column as the one to predict."""
    low, high = float(fact.numbers.min()), float(fact.numbers.max())
    currency, period = headers.pay_of(fact.header)
    lower, _, _ = with_head_room(low, high, whole=False)
    example = float(f"{np.median(fact.numbers):.2g}")  # so rounded, it is nobody's salary
    bounds = {"exclusive_minimum": 0} if low > 0 else {"minimum": 0 if low == 0 else lower}
    column = NumberTarget(
        **fact.titles,
        **bounds,
        kind="number",
        unit=f"{currency or 'currency units'}{f' a {period}' if period else ''}",
        currency=currency,
        period=period,
        log_scale=False,
        example=example if example > 0 or low <= 0 else high,
    )
    remarks = ["What the model predicts."]
    asked = {"currency (three letters)": currency, "period": period}
    if lacking := [what for what, found in asked.items() if not found]:
        remarks.append(f"Say which {' and '.join(lacking)} it is in.")
    return TargetDraft(column, fact.missing_share, tuple(remarks))


def made_from_target(texts: pd.DataFrame, facts: Sequence[Facts], position: int) -> frozenset[str]:
    """Headers of the columns of numbers that have the target's very order."""
    if len(texts) < MIN_LEAK_ROWS:
        return frozenset()
    head = texts.head(LEAK_ROWS)
    ranks = {
        fact.header: head[fact.header].map(_by_text(fact)).rank()
        for fact in facts
        if fact.is_numeric and len(fact.counts) >= MIN_LEAK_ROWS
    }
    if (own := facts[position].header) not in ranks:
        return frozenset()
    alike = pd.DataFrame(ranks).corrwith(ranks[own]).abs()
    return frozenset(alike.index[alike > LEAK_CORRELATION]) - {own}


def _by_text(fact: Facts) -> "pd.Series[Any]":
    return pd.Series(fact.numbers, index=fact.counts.index)
