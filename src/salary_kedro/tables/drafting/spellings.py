"""Finds out how a column writes its numbers: currency signs, thousands, ranges, bounds."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.contract.columns import MAX_NUMBER
from salary_kedro.contract.spelling import RANGE, Marks, NumberReader, Written, tidy
from salary_kedro.tables.drafting.oddities import KEPT_SHARE, keeps_kind
from salary_kedro.tables.drafting.pay import CURRENCIES

#: Signs and words of currencies, and their code; empty where several countries use them.
MONEY = {
    **{code: code.upper() for code in CURRENCIES},
    "$": "",
    "us$": "USD",
    "usd$": "USD",
    "c$": "CAD",
    "a$": "AUD",
    "€": "EUR",
    "£": "GBP",
    "¥": "",
    "₹": "INR",
    "rs": "INR",
    "rs.": "INR",
    "₽": "RUB",
    "руб.": "RUB",
    "руб": "RUB",
    "₩": "KRW",
    "₺": "TRY",
    "tl": "TRY",
    "zł": "PLN",
    "kč": "CZK",
    "ft": "HUF",
    "r$": "BRL",
    "kr": "",
    "kr.": "",
    "fr.": "CHF",
    "sfr.": "CHF",
    "₴": "UAH",
    "₪": "ILS",
    "元": "CNY",
    "円": "JPY",
    "원": "KRW",
    "dollar": "",
    "dollars": "",
    "euro": "EUR",
    "euros": "EUR",
    "pounds": "GBP",
    "rupees": "INR",
    "/-": "INR",
}
#: Codes of what is written `$`.
DOLLARS = frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN"})
#: What multiplies the number before it.
FACTORS = {
    "k": 1e3,
    "thousand": 1e3,
    "tsd": 1e3,
    "tsd.": 1e3,
    "tys.": 1e3,
    "m": 1e6,
    "mn": 1e6,
    "mio": 1e6,
    "mio.": 1e6,
    "million": 1e6,
    "lakh": 1e5,
    "lakhs": 1e5,
    "lac": 1e5,
    "lpa": 1e5,
    "cr": 1e7,
    "crore": 1e7,
    "万": 1e4,
    "万円": 1e4,
    "만원": 1e4,
}
#: These are units too, such as metres and credits, where a column is no money.
UNITS_TOO = frozenset({"m", "mn", "cr", "lac"})
#: Periods of pay, as cells name them after a number, and such periods in a year of full work.
PERIODS = {
    "hour": (*("/h", "/hr", "/hour", "per hour", "an hour", "hourly", "p.h."), *("/std", "/ora")),
    "week": ("/wk", "/week", "per week", "a week", "weekly", "p.w."),
    "month": (*("/mo", "/month", "per month", "a month", "monthly", "p.m."), *("/monat", "/mois")),
    "year": (
        *("/yr", "/year", "per year", "a year", "yearly", "annually", "p.a.", "per annum"),
        *("/annum", "/jahr", "/an", "pa"),
    ),
}
PER_YEAR = {"hour": 2080, "week": 52, "month": 12, "year": 1}
PERCENT = "%"
#: Units, which say nothing that the column's name does not.
UNITS = frozenset(
    {PERCENT, "years", "year", "yrs", "yr", "months", "hours", "hrs", "days", "weeks"}
)
PERIOD_OF = {piece: period for period, pieces in PERIODS.items() for piece in pieces}
LONGEST_FIRST = sorted({*MONEY, *FACTORS, *PERIOD_OF, *UNITS}, key=len, reverse=True)
#: What stands before or after a number that a value lies below or above.
BELOW = ("<", "less than", "under", "below", "weniger als", "unter", "moins de")
ABOVE = (">", "more than", "over", "above", "mehr als", "über", "plus de", "≥", ">=", "at least")
MAX_BOUNDS, MAX_SHOWN = 40, 4
#: So many texts are looked at to tell whether a column may hold numbers at all.
TRIED = 200
CORE = r"[-+\u2212]?(?:\d[\d.,'\u2019 ]*\d|\d|[.,]\d+)(?:\.(?!\d))?(?:e[-+]?\d+)?"
AROUND = re.compile(rf"(?P<before>[^\d(]*?)\s*(?P<core>{CORE})\s*(?P<after>[^\d)]*)")
IN_PARENTHESES = re.compile(r"\((.+)\)")


@dataclass(frozen=True)
class Spelling:
    """How a column writes its numbers.

    Attributes:
        written: What the contract says of it; None where the numbers are plain.
        numbers: The distinct texts as numbers, shape (texts,); NaN where one is none.
        waiting: Whether a text is one only if a person says so: a range, or another unit.
        midpoints: The numbers midway of ranges, shape (texts,); NaN for other texts.
        least: Smaller numbers wait, as they may lack a factor; None if none do.
        currency: Code of the currency that its cells name; empty if they name none.
        period: What its cells say that they are paid for; empty if they say nothing.
        remarks: What the person who edits the draft should know.
        proposals: Keys for that person to use.
    """

    written: Written | None
    numbers: NDArray[np.float64]
    waiting: NDArray[np.bool_]
    midpoints: NDArray[np.float64]
    least: float | None = None
    currency: str = ""
    period: str = ""
    remarks: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()

    def only(self, kept: NDArray[np.bool_]) -> "Spelling":
        """The same, of some of the texts."""
        return replace(
            self,
            numbers=self.numbers[kept],
            waiting=self.waiting[kept],
            midpoints=self.midpoints[kept],
        )


@dataclass(frozen=True)
class _Cell:
    """What stands around the number of one text.

    Attributes:
        affixes: Currencies, periods and units.
        factors: What multiplies it.
        bound: What the value relates to the number by: `below`, `above` or nothing.
        in_parentheses: Whether it stands in parentheses.
        is_range: Whether there are two.
    """

    affixes: frozenset[str] = frozenset()
    factors: frozenset[str] = frozenset()
    bound: str = ""
    in_parentheses: bool = False
    is_range: bool = False

    @property
    def money(self) -> str:
        """Its currency by code or sign; empty without one."""
        found = (MONEY[piece] or piece for piece in self.affixes if piece in MONEY)
        return max(found, default="")  # US dollars, where `$` stands there too

    @property
    def multiplier(self) -> float:
        """How many times a number without what stands beside it is as large or small."""
        return math.prod(FACTORS[piece] for piece in self.factors) * (
            100 if PERCENT in self.affixes else 1
        )

    @property
    def period(self) -> str:
        """The period that it is paid for; empty without one."""
        return next((PERIOD_OF[piece] for piece in self.affixes if piece in PERIOD_OF), "")


def find_spelling(
    counts: "pd.Series[Any]", plain: NDArray[np.float64], marks: Marks, *, is_pay: bool
) -> Spelling:
    """Find out how a column writes its numbers.

    Args:
        counts: Rows by distinct text, without missing ones.
        plain: Those that are numbers without more ado, shape (texts,); NaN where one is none.
        marks: Decimal mark and what groups thousands.
        is_pay: Whether the column is called pay, or is to be predicted; only then two numbers
            may be a range, as groups of ages are texts, and `m` alone means millions.
    """
    nothing = Spelling(None, plain, np.zeros(len(plain), bool), np.full(len(plain), np.nan))
    strange = counts[np.isnan(plain)]
    if not any(map(_parse, strange.index[:TRIED])):
        return nothing
    texts = strange.index.tolist()
    cells = {text: cell for text in texts if (cell := _parse(text)) is not None}
    if not is_pay:
        cells = _without_money({text: cell for text, cell in cells.items() if not cell.is_range})
    found = _Column(counts, plain, marks, _with_dollars(cells)).spelling()
    known = ~np.isnan(found.numbers) | found.waiting
    return found if keeps_kind(counts, known) else nothing


def _without_money(cells: Mapping[str, _Cell]) -> dict[str, _Cell]:
    """The cells of a column that is not called pay: `12 m` alone are metres, `$12m` is money."""
    factors = {piece for cell in cells.values() for piece in cell.factors}
    if factors - UNITS_TOO or any(cell.money for cell in cells.values()):
        return dict(cells)
    return {
        text: replace(cell, affixes=cell.affixes | cell.factors, factors=frozenset())
        for text, cell in cells.items()
    }


def _with_dollars(cells: Mapping[str, _Cell]) -> dict[str, _Cell]:
    """The cells, of which `$` alone are US dollars where `USD` is the only code of dollars."""
    signs = {piece for cell in cells.values() for piece in cell.affixes if piece in MONEY}
    if {MONEY[piece] for piece in signs} & DOLLARS != {"USD"}:
        return dict(cells)
    return {
        text: replace(cell, affixes=cell.affixes | {"usd"}) if cell.money == "$" else cell
        for text, cell in cells.items()
    }


def core_of(text: str) -> str:
    """The number within a text, without what stands around it; the text if there is none."""
    found = AROUND.fullmatch(tidy(text).casefold())
    return found["core"] if found and _parse(text) else text


def holds_number(text: str) -> bool:
    """Whether a text is a number by some marks, with or without known signs and units."""
    return _parse(text) is not None


def _parse(text: str) -> _Cell | None:
    """What stands around the number of a text; None if it is not known, or there is none."""
    plain = tidy(text).casefold()
    if inner := IN_PARENTHESES.fullmatch(plain):
        cell = _parse(inner[1])
        return replace(cell, in_parentheses=True) if cell else None
    if found := AROUND.fullmatch(plain):
        return _around(found["before"].strip().lstrip("+-\u2212").strip(), found["after"].strip())
    ends = RANGE.fullmatch(plain)
    cells = [_parse(end) for end in ends.groups()] if ends else [None]
    if None in cells:
        return None
    low, high = (cell for cell in cells if cell)
    return _Cell(low.affixes | high.affixes, low.factors | high.factors, is_range=True)


def _around(before: str, after: str) -> _Cell | None:
    bound, before = _bound(before)
    if after.startswith("+"):
        bound, after = "above", after[1:].strip()
    first, last = _pieces(before), _pieces(after)
    if first is None or last is None or first & FACTORS.keys():
        return None
    return _Cell((first | last) - FACTORS.keys(), last & FACTORS.keys(), bound)


def _bound(before: str) -> tuple[str, str]:
    """Whether a value lies below or above its number, and the rest of what stands before it."""
    for name, words in (("below", BELOW), ("above", ABOVE)):
        word = next((word for word in words if before.startswith(word)), None)
        if word is not None:
            return name, before[len(word) :].strip()
    return "", before


@lru_cache(maxsize=4_096)  # cells of a column have the same around their numbers
def _pieces(text: str) -> frozenset[str] | None:
    """The known pieces that a text is made of; None if it holds another."""
    found: set[str] = set()
    while text:
        piece = next((piece for piece in LONGEST_FIRST if text.startswith(piece)), None)
        if piece is None:
            return None
        found.add(piece)
        text = text[len(piece) :].strip()
    return frozenset(found)


@dataclass(frozen=True)
class _Mixture:
    """Numbers beside a sign that multiplies them, and others as small as they are without it.

    Attributes:
        marked: The cells with such a sign.
        least: What is smaller is as small; None where numbers with the sign are as small, too, so
            that nothing tells them apart.
        small: Cells that are.
        rows: Cells with such a sign.
    """

    marked: Mapping[str, _Cell]
    least: float | None
    small: int
    rows: int

    @property
    def are_rarer(self) -> bool:
        """Whether those with a sign are the rarer ones, which wait for a decision."""
        return self.least is not None and self.rows < self.small

    @property
    def signs(self) -> str:
        """The signs, in quotes."""
        return ", ".join(f"'{sign}'" for sign in sorted(self.pieces))

    @property
    def pieces(self) -> frozenset[str]:
        """The signs."""
        found = frozenset[str]().union(
            *(cell.factors | cell.affixes for cell in self.marked.values())
        )
        return found & {*FACTORS, PERCENT}


@dataclass(frozen=True)
class _Column:
    """The texts of a column whose numbers are not all plain."""

    counts: "pd.Series[Any]"
    plain: NDArray[np.float64]
    marks: Marks
    cells: Mapping[str, _Cell]

    def spelling(self) -> Spelling:
        """How the column writes its numbers."""
        money, period = self._commonest("money"), self._commonest("period")
        own, other = self._sorted_out(money, period)
        mixture = self._mixture(own)
        aside = mixture.marked if mixture and mixture.are_rarer else {}
        own = {text: cell for text, cell in own.items() if text not in aside}
        ranges = {
            text: cell
            for text, cell in other.items()
            if cell.is_range and _is_of(cell, money, period)
        }
        written = self._written({**own, **ranges})
        every = self._read(own, NumberReader(self.marks, written))
        least = mixture.least if mixture and not aside else None
        numbers = every if least is None else np.where(every < least, np.nan, every)
        wider = NumberReader(self.marks, _wider(written, {**other, **aside}))
        later = self._read({**other, **aside}, wider)
        texts = self.counts.index.tolist()
        is_range = [text in other and other[text].is_range for text in texts]
        return Spelling(
            written=_said(written),
            numbers=numbers,
            waiting=np.isnan(numbers) & ~np.isnan(np.fmax(every, later)),
            midpoints=np.where(is_range, later, np.nan),
            least=least,
            currency=MONEY.get(money, money) if len(money) != 1 else "",
            period=period,
            remarks=(*self._remarks(own, other, written), *_mixed_remarks(mixture)),
            proposals=(*self._proposals(other, period, written), *_in_unit(mixture)),
        )

    def _mixture(self, own: Mapping[str, _Cell]) -> "_Mixture | None":
        """Whether `40` stands beside `40k`, or `0.12` beside `12%`; None if not."""
        marked = {text: cell for text, cell in own.items() if cell.multiplier != 1}
        if not marked:
            return None
        numbers = self._read(own, NumberReader(self.marks, self._written(own)))
        is_marked = np.asarray(self.counts.index.isin(list(marked))) & ~np.isnan(numbers)
        rows = self.counts.to_numpy()
        values = np.repeat(numbers[is_marked], rows[is_marked])
        middle = float(np.median(values)) if len(values) else 0.0
        times = min(cell.multiplier for cell in marked.values())
        least = float(f"{middle / times**0.5:.2g}")  # nearer to what stands before the sign
        small = ~is_marked & (numbers < least)
        if not (small & (numbers > 0)).any():
            return None
        apart = (values >= least).mean() >= KEPT_SHARE
        return _Mixture(marked, least if apart else None, int(rows[small].sum()), len(values))

    def _commonest(self, what: str) -> str:
        """The commonest currency of the cells that have one, or the commonest period of all."""
        weights = Counter[str]()
        for text, cell in self.cells.items():
            weights[getattr(cell, what)] += int(self.counts[text])
        if what == "money":
            del weights[""]
        elif not np.isnan(self.plain).all():
            weights[""] += int(self.counts[~np.isnan(self.plain)].sum())
        return max(weights, key=lambda key: weights[key], default="")

    def _sorted_out(self, money: str, period: str) -> tuple[dict[str, _Cell], dict[str, _Cell]]:
        """The cells of the column's own unit, and those that a person must decide on."""
        own: dict[str, _Cell] = {}
        other: dict[str, _Cell] = {}
        for text, cell in self.cells.items():
            same = _is_of(cell, money, period) and not cell.is_range
            (own if same else other)[text] = cell
        return own, other

    def _written(self, own: Mapping[str, _Cell]) -> Written:
        affixes = {piece for cell in own.values() for piece in cell.affixes}
        factors = {piece for cell in own.values() for piece in cell.factors}
        negative = any(cell.in_parentheses for cell in own.values())
        written = Written(
            affixes=tuple(p.upper() if p in CURRENCIES else p for p in sorted(affixes)),
            factors={piece: FACTORS[piece] for piece in sorted(factors)},
            parentheses="negative" if negative else "reject",
        )
        bounded = {text: cell for text, cell in own.items() if cell.bound}
        values = {text: _value(text, cell, self.marks, written) for text, cell in bounded.items()}
        known = {text: value for text, value in values.items() if value is not None}
        return written.model_copy(update={"values": known if len(known) <= MAX_BOUNDS else {}})

    def _read(self, cells: Mapping[str, _Cell], reader: NumberReader) -> NDArray[np.float64]:
        """The distinct texts as numbers; those that are not among the cells as plain ones."""
        numbers = self.plain.copy()
        for place in np.flatnonzero(np.isnan(numbers)).tolist():
            if (text := self.counts.index[place]) in cells:
                numbers[place] = _within_bounds(reader.read(text))
        return numbers

    def _remarks(
        self, own: Mapping[str, _Cell], other: Mapping[str, _Cell], written: Written
    ) -> Iterable[str]:
        pieces = [f"'{piece}'" for piece in (*written.affixes, *written.factors)]
        if pieces:
            yield f"Its numbers are written with {', '.join(pieces)}: see `written`."
        if units := [f"'{piece}'" for piece in written.affixes if piece in FACTORS]:
            yield (
                f"{', '.join(units)} is taken for a unit, as the column is not called pay: if it "
                f"multiplies, move it from `affixes` to `factors`."
            )
        if written.values:
            shown = [f"'{text}' as {value:g}" for text, value in written.values.items()]
            yield f"Read {', '.join(shown[:MAX_SHOWN])}: correct `values` if that is not meant."
        if written.parentheses == "negative":
            yield "Numbers in parentheses are negative, as accountants write them."
        ranges = self._cells_of(text for text, cell in other.items() if cell.is_range)
        if ranges:
            yield (
                f"{_are(ranges, 'a range', 'ranges')}, such as 40-50k, and rejected unless you "
                f"set `ranges: midpoint` under `written`."
            )
        for unit in sorted({_unit_of(cell) for cell in other.values() if not cell.is_range}):
            cells = self._cells_of(t for t, c in other.items() if _unit_of(c) == unit)
            yield (
                f"{_are(cells, f'in {unit}', f'in {unit}')}, unlike the others, and rejected "
                f"unless you give a factor under `written`: units are never mixed."
            )

    def _cells_of(self, texts: Iterable[str]) -> int:
        return int(self.counts[list(texts)].sum())

    def _proposals(
        self, other: Mapping[str, _Cell], period: str, written: Written
    ) -> Iterable[str]:
        base = PER_YEAR[period or "year"]
        pieces = {piece for cell in other.values() for piece in cell.affixes if not cell.is_range}
        factors = {
            piece: f"{PER_YEAR[PERIOD_OF[piece]] / base:g}" if piece in PERIOD_OF else "RATE"
            for piece in sorted(pieces - UNITS - {*map(str.casefold, written.affixes)})
        }
        if factors:
            shown = ", ".join(f'"{piece}": {factor}' for piece, factor in factors.items())
            yield f"written: {{factors: {{{shown}}}}}"
        if any(cell.is_range for cell in other.values()):
            yield "written: {ranges: midpoint}"


def _said(written: Written) -> Written | None:
    """What the contract says, without defaults; None where that is nothing."""
    return Written(**written.model_dump(exclude_defaults=True)) if written != Written() else None


def _mixed_remarks(mixture: _Mixture | None) -> Iterable[str]:
    if mixture is None:
        return
    if mixture.are_rarer:
        yield (
            f"{_are(mixture.rows, 'written', 'written')} with {mixture.signs}, beside numbers as "
            f"small without, and rejected unless you say under `written` what that means."
        )
    elif mixture.least is None:
        yield (
            f"{_are(mixture.small, 'a small number', 'small numbers')} without {mixture.signs}, "
            f"and read as they stand: correct the table if some mean what others say with it."
        )
    else:
        yield (
            f"{_are(mixture.small, 'a number', 'numbers')} without {mixture.signs}, so small that "
            f"it may be meant, and rejected as less than {mixture.least:,.15g} until you correct "
            f"the table: units are never mixed."
        )


def _in_unit(mixture: _Mixture | None) -> Iterable[str]:
    """A key that takes the rarer cells with signs for what the others are."""
    if mixture is None or not mixture.are_rarer:
        return
    base = min((FACTORS[piece] for piece in mixture.pieces if piece in FACTORS), default=1)
    factors = {piece: FACTORS.get(piece, 0.01) for piece in sorted(mixture.pieces)}
    shown = [
        f'"{piece}": {factor if piece == PERCENT else factor / base:g}'
        for piece, factor in factors.items()
    ]
    yield f"written: {{factors: {{{', '.join(shown)}}}}}"


def _wider(written: Written, other: Mapping[str, _Cell]) -> Written:
    """How numbers are written where units that differ are let through as they are."""
    affixes = {piece for cell in other.values() for piece in cell.affixes}
    factors = {piece: FACTORS[piece] for cell in other.values() for piece in cell.factors}
    return written.model_copy(
        update={
            "affixes": (*written.affixes, *affixes),
            "factors": {**written.factors, **factors},
            "ranges": "midpoint",
        }
    )


def _is_of(cell: _Cell, money: str, period: str) -> bool:
    """Whether a cell is of the column's own currency and period, as far as it says."""
    return cell.money in ("", money) and cell.period in ("", period)


def _unit_of(cell: _Cell) -> str:
    return " ".join(filter(None, (cell.money, f"pay by the {cell.period}" if cell.period else "")))


def _value(text: str, cell: _Cell, marks: Marks, written: Written) -> float | None:
    """The number that `25+` or `<1` stands for: the bound itself, or half of it."""
    plain = tidy(text).casefold().strip("()")
    found = AROUND.fullmatch(plain)
    after = found["after"].replace("+", "", 1) if found else ""
    number = NumberReader(marks, written).read(f"{found['core']}{after}") if found else None
    if number is None:
        return None
    return number / 2 if cell.bound == "below" else number


def _within_bounds(number: float | None) -> float:
    return number if number is not None and abs(number) <= MAX_NUMBER else np.nan


def _are(count: int, one: str, many: str) -> str:
    return f"1 cell is {one}" if count == 1 else f"{count:,} cells are {many}"
