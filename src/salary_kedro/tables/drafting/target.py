"""Finds the column to predict, and the columns that are made from it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from salary_kedro.contract.columns import CURRENCY_UNITS, NumberTarget
from salary_kedro.contract.model import ContractError
from salary_kedro.tables.drafting import pay
from salary_kedro.tables.drafting.codes import cut_off
from salary_kedro.tables.drafting.draft import TargetDraft
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.numbers import with_head_room
from salary_kedro.tables.drafting.oddities import odd_remark, share_of
from salary_kedro.tables.drafting.units import Units, has_currencies


class UnreadableTargetError(ContractError):
    """The column to predict holds no numbers, as far as its cells can be read."""


def find_target(facts: Sequence[Facts], target: str | None) -> tuple[int, tuple[str, ...]]:
    """Position of the column to predict, and what is doubted about the choice.

    A column that is called a salary is the one, or none is: what its cells hold decides only
    whether it can be read.

    Args:
        facts: All columns.
        target: Its header; None to find it by what headers say.

    Raises:
        ContractError: If it is not clear which, or it does not hold numbers.
    """
    if target is not None:
        return _readable(facts, _named_target(facts, target)), ()
    best = _called_best(facts)
    if len(best) > 1:
        shown = _quoted(facts, best)
        raise ContractError(
            f"more than one column sounds like the salary to predict: {shown}; name one with "
            f"--target COLUMN"
        )
    if best:
        return _readable(facts, best[0]), _doubts(facts[best[0]].header)
    return _without_name(facts)


def _called_best(facts: Sequence[Facts]) -> list[int]:
    """Positions of the columns that sound most like a salary."""
    ranks = {
        position: rank
        for position, fact in enumerate(facts)
        if (rank := pay.target_rank(fact.header)) is not None
        and (rank <= pay.CALLED or fact.is_numeric)
    }
    plain = {i: rank for i, rank in ranks.items() if not pay.is_logarithm(facts[i].header)}
    if any(rank < pay.CALLED for rank in plain.values()):
        ranks = plain  # a logarithm beside what it is of is its twin
    is_mixed = has_currencies(facts)
    orders = {
        position: _order(facts[position].header, rank, is_mixed=is_mixed)
        for position, rank in ranks.items()
    }
    return [position for position, order in orders.items() if order == min(orders.values())]


def _order(header: str, rank: int, *, is_mixed: bool) -> tuple[bool, int, int]:
    """What decides between columns that sound like a salary; the least is the best.

    Beside a column of several currencies, pay in one of them comes first.
    """
    currency, period = pay.pay_of(header)
    in_one = is_mixed and bool(currency) and rank < pay.CALLED
    return not in_one, rank, pay.LONGEST_FIRST.index(period)


def _without_name(facts: Sequence[Facts]) -> tuple[int, tuple[str, ...]]:
    """The only column of numbers, where no header sounds like a salary."""
    numeric = [position for position, fact in enumerate(facts) if fact.is_numeric]
    if len(numeric) == 1:
        header = facts[numeric[0]].header
        why = f"'{header}' is the target only because no other column holds numbers"
        return numeric[0], (f"{why}: if it is not the salary, draft again with --target COLUMN.",)
    if not numeric:
        raise ContractError(
            "no column sounds like the salary to predict, and none holds numbers: is this a "
            "table? If it is, name the column with --target COLUMN"
        )
    raise ContractError(
        f"no column sounds like the salary to predict; the columns of numbers are "
        f"{_quoted(facts, numeric)}: name one with --target COLUMN"
    )


def _quoted(facts: Sequence[Facts], positions: Sequence[int]) -> str:
    return ", ".join(f"'{facts[position].header}'" for position in positions)


def _doubts(header: str) -> tuple[str, ...]:
    doubts = []
    if pay.target_rank(header) in (pay.CALLED, pay.ALIKE):
        doubts.append(
            f"'{header}' is the target because no other column sounds more like a salary: if it "
            f"is not the whole pay, draft again with --target COLUMN."
        )
    if pay.is_logarithm(header):
        doubts.append(
            f"'{header}' is the target, and by its name the logarithm of a salary: the model "
            f"predicts logarithms, no money."
        )
    return tuple(doubts)


def _named_target(facts: Sequence[Facts], target: str) -> int:
    position = next((i for i, fact in enumerate(facts) if fact.header == target), None)
    if position is None:
        known = _quoted(facts, range(len(facts)))
        raise ContractError(f"--target '{target}' is not a column of the table; it has {known}")
    return position


def _readable(facts: Sequence[Facts], position: int) -> int:
    """The position of a target, if its column can be read.

    Raises:
        UnreadableTargetError: If it holds no numbers; says how many cells are none, of which shapes
            and on which lines.
    """
    fact = facts[position]
    if fact.is_numeric:
        return position
    fits = fact.are_numbers & (not fact.has_codes)
    odd = fact.odd(fits)
    if odd is None:
        raise ContractError(
            f"'{fact.header}' is called a salary, but has no value in any row: fill it in, or "
            f"name another column with --target COLUMN"
        )
    raise UnreadableTargetError(
        f"'{fact.header}' is the column to predict, but {odd.count:,} of its {odd.cells:,} cells "
        f"are not numbers: {odd}. Correct them, or name another column with --target COLUMN"
    )


def as_target(fact: Facts, units: Units) -> TargetDraft:
    """Propose a column as the one to predict.

    Args:
        fact: The column.
        units: What other columns tell of its unit.
    """
    currency, period = (
        said or fact_said or told
        for said, fact_said, told in zip(
            pay.pay_of(fact.header),
            (fact.spelling.currency, fact.spelling.period),
            (units.currency, units.period),
            strict=True,
        )
    )
    column = NumberTarget(
        **fact.titles,
        **_bounds(fact),
        **fact.written,
        kind="number",
        unit=_unit(fact, currency, period),
        currency=currency,
        period=period,
        log_scale=False,
    )
    asked = {"currency (three letters)": currency, "period": period}
    return TargetDraft(
        column,
        fact.missing_share,
        remarks=tuple(_remarks(fact, [what for what, found in asked.items() if not found])),
        odd_share=share_of(fact.odd(fact.are_numbers)),
        waiting_share=share_of(fact.odd(~fact.spelling.waiting)),
        proposals=(*fact.spelling.proposals, *units.proposals),
    )


def _bounds(fact: Facts) -> dict[str, Any]:
    """Bounds of a target, where higher values were cut off, and an example."""
    numbers = fact.sizes
    low, high = float(numbers.min()), float(numbers.max())
    lower, _, _ = with_head_room(low, high, whole=False)
    example = float(f"{np.median(numbers):.2g}")  # so rounded, it is nobody's salary
    cut, least = cut_off(fact.counts, fact.numbers), fact.spelling.least
    bounds = {"exclusive_minimum": 0} if low > 0 else {"minimum": lower if low else 0}
    return {
        **({} if cut is None else {"top_code": cut[0]}),
        **(bounds if least is None else {"minimum": least}),
        "example": example if example > 0 or low <= 0 else high,
    }


def _remarks(fact: Facts, lacking: Sequence[str]) -> Iterator[str]:
    yield "What the model predicts."
    yield from fact.far_off
    if not pay.is_logarithm(fact.header):
        yield from fact.too_small
    if _in_thousands(fact):
        yield (
            "By its header it is in thousands, and so are predictions: multiply the table by 1,000 "
            "to have them in full, and correct `unit` then."
        )
    if lacking and not pay.is_logarithm(fact.header):
        yield f"Say which {' and '.join(lacking)} it is in."
    if (mark := fact.only_mark()) is not None:
        yield fact.mark_remark(mark)
    yield from fact.spelling.remarks
    yield from fact.remarks
    if cut := cut_off(fact.counts, fact.numbers):
        share = cut[1] / fact.counts.sum()
        yield (
            f"{cut[1]:,} rows ({share:.1%}) are cut off at {cut[0]:,.15g}, it seems: the model "
            f"cannot predict above (top_code)."
        )
    if zeros := int(fact.counts[fact.numbers == 0].sum()):
        yield (
            f"{zeros:,} rows ({zeros / fact.counts.sum():.1%}) have 0: if that means no pay, add "
            f"'0' to missing_values."
        )
    if odd := fact.odd(fact.are_numbers):
        yield odd_remark(odd)


def _unit(fact: Facts, currency: str, period: str) -> str:
    """Unit of pay in words."""
    plain = f"{currency or CURRENCY_UNITS}{f' a {period}' if period else ''}"
    counted = f"thousand {plain}" if _in_thousands(fact) else plain
    return f"logarithm of {counted}" if pay.is_logarithm(fact.header) else counted


def _in_thousands(fact: Facts) -> bool:
    """Whether the numbers of a target are in thousands, and are not read in full: `45k`."""
    is_read = fact.spelling.written is not None and bool(fact.spelling.written.factors)
    return pay.in_thousands(fact.header) and not is_read
