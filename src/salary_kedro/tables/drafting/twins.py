"""Finds the columns that give the target away: other pay, and what is made from it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salary_kedro.tables.drafting import headers, pay
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.headers import word_set

#: Rows by which a column may be found to be made from the target.
MAX_ROWS, MIN_ROWS, MIN_INEXACT_ROWS = 20_000, 30, 100
#: Rank correlations with the target: of a column that is it, of one that surely is made from
#: it, and of one to ask about.
EXACT, CERTAIN, DOUBTFUL = 0.9999, 0.999, 0.985
#: Shares of the rows in which a column equals the target: it is made from it, or to be asked about.
MOSTLY_EQUAL, OFTEN_EQUAL = 0.5, 0.05
#: A column with fewer values than these cannot be told from a rank, such as a step of a scale.
MIN_VALUES, MIN_VALUES_SHARE = 30, 0.5
#: Groups in which ranks are compared: how many, and of how many rows.
MAX_GROUPS, MIN_GROUP_ROWS = 50, 10

PAY = pay.TARGETS | word_set(
    """
    bonus bonuses commission commissions tips rsu allowance stipend benefits bens bensal totcomp
    gross net takehome inc faminc nwifeinc othinc lothinc hhinc hinc fincp hincp pincp wagp pernp
    incwage inctot incearn pcinc rincome pramie prime tantieme
    provision provisionen urlaubsgeld weihnachtsgeld sonderzahlung sonderzahlungen gratifikation
    auszahlung auszahlungsbetrag arbeitgeberkosten rsus ahv
    """
)
PAY_PARTS = re.compile("wage|salar|earn|incom|gehalt|lohn|bonus|totcomp|pay$|(?:brut|net)to$")
#: Words written together that name a part of pay, or what is reckoned from it.
PAY_JOINED = re.compile(
    r"totalcomp|comptotal|monetarycomp|comparatio|1[34]thmonth|(?:rv|kv|pv|av|sv)(?:anteil|beitrag)"
    r"|pensioncontrib|employercost|lifeinsurance|stock(?:grant|award|unit|comp)"
    r"|^(?:annual|total)?equity"
)
#: A column called so beside a word for pay holds grades, unless its texts are amounts.
BANDS, AMOUNTS = frozenset({"band", "bands"}), r"\d\d.*[^\d.,].*\d\d"
NO_PAY, MINIMUM = ("learn", "sewage", "wager"), re.compile("min(imum)?wage")
#: Beside them, a word of pay means what it depends on, not how much it is.
ABOUT_PAY = word_set(
    """
    grade grades scale step level zone schedule frequency freq basis type period currency code id
    year plan satisfaction hike raise increase growth date status table structure method class
    category unit
    """
)
RATES = word_set("hourly daily weekly monthly annual annually yearly")
OF_RATES = word_set("rate rates rt rts mean median avg average total amount usd eur gbp")
STATISTIC = re.compile(r"[ah]_(?:pct\d+|mean|median)", re.IGNORECASE)
SIDES = word_set("high low above below over under hi")

PAID = (
    "Pay beside the target, which gives it away: left out. If it is known before the target is, "
    "set use to feature."
)
LEAK = "It rises or falls exactly with the target and seems to be derived from it."
NEARLY = "It rises and falls so nearly with the target{} that it seems to be derived from it."
ASK = "It rises and falls nearly with the target{}: ignore it if it is derived from it."
EQUAL = "It equals the target in {:.0%} of the rows and seems to be another form of it."
ASK_EQUAL = "It equals the target in {:.0%} of the rows: ignore it if it is another form of it."


@dataclass(frozen=True)
class Twin:
    """How a column gives the target away.

    Attributes:
        why: What was found, for people.
        certain: Whether that is enough to leave it out.
    """

    why: str
    certain: bool


def find_twins(texts: pd.DataFrame, facts: Sequence[Facts], position: int) -> dict[str, Twin]:
    """Find, by header, the columns that give the target away.

    Args:
        texts: The rows of the table.
        facts: All its columns.
        position: Which of them is the target.
    """
    target = facts[position]
    others = [fact for fact in facts if fact is not target]
    found = _compared(texts.head(MAX_ROWS), others, target)
    paid = [fact for fact in others if is_pay(target.header) and _tells_pay(fact)]
    return found | {fact.header: Twin(PAID, certain=True) for fact in paid}


def is_pay(header: str) -> bool:
    """Whether a header names an amount of pay."""
    found = headers.words(header)
    joined = "".join(found)
    if any(word.startswith(NO_PAY) for word in found) or MINIMUM.search(joined):
        return False
    if ABOUT_PAY & set(found) or pay.names_grade(found):
        return False
    if PAY & {word.strip("0123456789") for word in found} or _is_rate(header, set(found)):
        return True
    if PAY_JOINED.search(joined) or pay.is_comp(found):
        return True
    return any(map(PAY_PARTS.search, found))


def _is_rate(header: str, found: set[str]) -> bool:
    statistic = STATISTIC.fullmatch(header) is not None
    return statistic or (bool(RATES & found) and found <= RATES | OF_RATES)


def _tells_pay(fact: Facts) -> bool:
    """Whether a column holds amounts of pay, brackets of them, or on which side of one it is."""
    if not is_pay(fact.header) or not len(fact.counts):
        return False
    if BANDS & set(headers.words(fact.header)):
        return bool(fact.counts.index.str.contains(AMOUNTS, regex=True).mean() > 0.5)
    if fact.is_numeric and len(fact.counts) > 2:
        return True
    is_bracket = fact.counts.index.str.contains(r"\d\d", regex=True).mean() > 0.5
    words = "".join(headers.words(fact.header))
    return bool(is_bracket) or any(words.startswith(side) for side in SIDES)


def _compared(head: pd.DataFrame, others: Sequence[Facts], target: Facts) -> dict[str, Twin]:
    """What numbers tell: equal cells, and ranks, also within groups."""
    numeric = [fact for fact in others if fact.is_numeric and len(fact.counts) >= MIN_VALUES]
    if len(head) < MIN_ROWS or len(target.counts) < MIN_VALUES or not numeric:
        return {}
    numbers = pd.DataFrame({fact.header: _numbers(head, fact) for fact in numeric})
    own = _numbers(head, target)
    groups = [fact.header for fact in others if 1 < len(fact.counts) <= MAX_GROUPS]
    alike = numbers.rank().corrwith(own.rank()).abs()
    exact = {name: Twin(LEAK, certain=True) for name in alike.index[alike > EXACT]}
    fine = numbers.loc[:, numbers.nunique() >= MIN_VALUES_SHARE * own.nunique()]
    found = [*_equal(numbers, own), *_near(fine, own, head[groups])]
    doubted = {name: twin for name, twin in found if not twin.certain}
    return doubted | {name: twin for name, twin in found if twin.certain} | exact


def _numbers(head: pd.DataFrame, fact: Facts) -> "pd.Series[Any]":
    numbers = fact.numbers
    found = np.where(np.isnan(numbers), fact.spelling.midpoints, numbers)
    return head[fact.header].map(pd.Series(found, index=fact.counts.index))


def _equal(numbers: pd.DataFrame, own: "pd.Series[Any]") -> Iterator[tuple[str, Twin]]:
    """Columns that equal the target in many rows."""
    shares = numbers.eq(own, axis="index").sum() / (numbers.notna().mul(own.notna(), axis=0)).sum()
    for name, share in shares[shares >= OFTEN_EQUAL].items():
        certain = share >= MOSTLY_EQUAL
        yield str(name), Twin((EQUAL if certain else ASK_EQUAL).format(share), certain)


def _near(
    numbers: pd.DataFrame, own: "pd.Series[Any]", groups: pd.DataFrame
) -> Iterator[tuple[str, Twin]]:
    """Columns whose ranks are nearly those of the target, in the whole table or within groups."""
    if len(numbers) < MIN_INEXACT_ROWS:
        return
    yield from _judge(numbers.rank().corrwith(own.rank()).abs(), "")
    for name in groups.columns:
        sizes = groups[name].map(groups[name].value_counts())
        kept = (sizes >= MIN_GROUP_ROWS) & (groups[name] != "")
        if kept.sum() >= MIN_INEXACT_ROWS:
            by = groups.loc[kept, name]
            ranks = numbers[kept].groupby(by).rank(pct=True)
            alike = ranks.corrwith(own[kept].groupby(by).rank(pct=True)).abs()
            yield from _judge(alike, f" within each '{name}'")


def _judge(alike: "pd.Series[Any]", where: str) -> Iterator[tuple[str, Twin]]:
    for name, rank in alike[alike >= DOUBTFUL].items():
        certain = rank >= CERTAIN
        yield str(name), Twin((NEARLY if certain else ASK).format(where), certain)
