"""Finds columns that tell in which currency, or for which time, each row's salary is."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from salary_kedro.tables.drafting import pay
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.headers import word_set, words
from salary_kedro.tables.drafting.oddities import KEPT_SHARE
from salary_kedro.tables.drafting.text import quote

#: A column of units has no more texts than this.
MAX_UNITS = 60
#: Periods of pay by the words for them, and such periods in a year of full work.
PERIOD_WORDS = {
    "hour": ("hour", "hourly", "hr", "hrs", "h", "per hour", "phour", "hours", "stunde", "heure"),
    "day": ("day", "daily", "per day", "tag", "jour"),
    "week": ("week", "weekly", "wk", "per week", "woche", "semaine"),
    "two weeks": ("biweekly", "bi weekly", "every two weeks", "fortnightly", "fortnight"),
    "half month": ("semimonthly", "semi monthly"),
    "month": ("month", "monthly", "mth", "mo", "per month", "monat", "monatlich", "mois", "mes"),
    "year": (
        *("year", "yearly", "yr", "annual", "annually", "per annum", "per year", "pa", "annum"),
        *("jahr", "jahrlich", "an", "annee", "anual", "salaried"),
    ),
}
PER_YEAR = {
    "hour": 2080,
    "day": 260,
    "week": 52,
    "two weeks": 26,
    "half month": 24,
    "month": 12,
    "year": 1,
}
#: Codes of currencies beside those that headers name.
MORE_CURRENCIES = frozenset(
    """
    aed afn all amd ang aoa ars azn bam bbd bdt bgn bhd bob bwp byn clp cop crc dop dzd egp etb
    gel ghs gtq hnl hrk idr iqd irr isk jmd jod kes kgs khr kwd kzt lbp lkr mad mdl mga mkd mmk
    mop mur mvr mwk myr mzn nad ngn nio npr omr pab pen php pkr pyg qar rsd rub rwf sar sdg thb
    tmt tnd ttd twd tzs uah ugx uyu uzs ves vnd xaf xof yer zmw
    """.split()  # noqa: SIM905 - it is read as a list of words
)
#: How columns of currencies are called.
MONEY = word_set("currency currencies curr ccy waehrung wahrung devise moneda valuta valuuta")
#: A code before its label, as `USD - US dollar`; all staff are not paid in Albanian lek.
LABELLED = re.compile(r"(?!ALL\b)([A-Z]{3})(?:\s|\s*[-–:,(])[^\d]+")


@dataclass(frozen=True)
class Units:
    """What other columns tell of the target's unit.

    Attributes:
        currency: Code of the currency of the rows that are kept; empty if no column tells.
        period: Time that these rows are paid for; empty if no column tells.
        filter: By header, the text of the rows that are kept, where there are several.
        told: By header of a column that tells the unit, why it is no feature.
        doubts: What the person who edits the draft must know first.
        proposals: Keys of the target for that person to use instead of the filter.
    """

    currency: str = ""
    period: str = ""
    filter: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()


def is_currency(fact: Facts) -> bool:
    """Whether a column holds codes of currencies.

    One code alone, always before a label, may also be a word: `CAD designer`.
    """
    if not _holds(fact, _code_of):
        return False
    texts = [str(text) for text in fact.counts.index]
    several = len({*map(_code_of, texts)} - {""}) > 1
    named = bool(MONEY & set(words(fact.header)))
    return several or named or not all(LABELLED.fullmatch(text.strip()) for text in texts)


def has_currencies(facts: Sequence[Facts]) -> bool:
    """Whether a column tells that the rows are in several currencies."""
    return any(is_currency(fact) and len(fact.counts) > 1 for fact in facts)


def find_units(facts: Sequence[Facts], target: Facts) -> Units:
    """Find what other columns tell of the target's unit.

    Rows of the commonest unit are kept where there are several: units are never mixed, and
    nothing is converted by figures that nobody has given.

    Args:
        facts: All columns.
        target: The column to predict, which tells its own unit first.
    """
    currency, period = pay.pay_of(target.header)
    is_own = not currency and "converted" not in words(target.header)
    found = Units()
    for fact in facts:
        if fact is target:
            continue
        if is_own and not found.currency and is_currency(fact):
            found = _with(found, fact, target.header, _code_of)
        elif not period and not found.period and _holds(fact, period_of):
            found = _with(found, fact, target.header, period_of)
    return found


def period_of(text: str) -> str:
    """The period of pay that a text names; empty if it names none."""
    return _periods().get(" ".join(words(text)), "")


@cache
def _periods() -> Mapping[str, str]:
    return {word: period for period, known in PERIOD_WORDS.items() for word in known}


def _code_of(text: str) -> str:
    """The code of a currency that a text is, or begins with before a label; empty if none."""
    plain = text.strip()
    labelled = LABELLED.fullmatch(plain)
    code = (labelled[1] if labelled else plain).upper()
    return code if code.casefold() in pay.CURRENCIES | MORE_CURRENCIES else ""


def _holds(fact: Facts, test: Any) -> bool:
    """Whether nearly all cells of a column are units."""
    if not 0 < len(fact.counts) <= MAX_UNITS:
        return False
    known = int(sum(count for text, count in fact.counts.items() if test(str(text))))
    return known >= KEPT_SHARE * int(fact.counts.sum())


def _with(units: Units, fact: Facts, target: str, unit_of: Any) -> Units:
    """What is known with one more column that tells a unit."""
    by_unit = fact.counts.groupby(fact.counts.index.map(lambda text: unit_of(str(text)))).sum()
    unit = str(by_unit.drop("", errors="ignore").idxmax())
    kept = tuple(sorted(text for text in fact.counts.index if unit_of(str(text)) == unit))
    is_money = unit_of is _code_of
    several = len(kept) < len(fact.counts)
    doubt = (
        f"'{fact.header}' tells that '{target}' is in {len(by_unit)} units: only rows in {unit} "
        f"({by_unit[unit] / fact.rows:.1%}) are kept (table.filter), unless you give "
        f"conversions."
    )
    why = f"It tells the unit of '{target}'."
    return Units(
        currency=unit if is_money else units.currency,
        period=units.period if is_money else unit,
        filter={**units.filter, **({fact.header: kept} if several else {})},
        told={**units.told, fact.header: why},
        doubts=(*units.doubts, *((doubt,) if several else ())),
        proposals=(*units.proposals, *(_conversion(fact, unit, unit_of) if several else ())),
    )


def _conversion(fact: Facts, unit: str, unit_of: Any) -> Iterator[str]:
    """A key that converts to the commonest unit; a person must fill in rates."""
    factors = []
    for text in fact.counts.index:
        own = unit_of(str(text))
        base = PER_YEAR.get(unit)
        factor = f"{PER_YEAR[own] / base:.6g}" if base and own in PER_YEAR else "RATE"
        factors.append(f"{quote(str(text))}: {'1' if own == unit else factor}")
    yield f"conversions: [{{column: {quote(fact.header)}, factors: {{{', '.join(factors)}}}}}]"
