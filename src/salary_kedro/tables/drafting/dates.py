"""Recognises columns of dates, and how they are written."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.contract.columns import Date
from salary_kedro.contract.spelling import tidy
from salary_kedro.tables.drafting import headers
from salary_kedro.tables.drafting.facts import Facts
from salary_kedro.tables.drafting.headers import word_set
from salary_kedro.tables.drafting.oddities import KEPT_SHARE, odd_remark

TIMES = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f"),
    *(" %I:%M %p", " %I:%M:%S %p", ":%H:%M:%S", ":%H:%M:%S.%f"),
)
ZONES = ("", "Z", "+00:00", " UTC", "+0000", "+00")
DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"),
    *("%m-%d-%Y", "%d-%b-%Y", "%d%b%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
    *("%b %d %Y", "%B %d %Y", "%d. %B %Y", "%d-%B-%Y", "%Y-%b-%d", "%Y年%m月%d日"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y", "%d-%b-%y", "%d%b%y"),
)
MONTHS = (
    *("%Y-%m", "%Y/%m", "%m/%Y", "%m.%Y", "%B %Y", "%b %Y", "%b-%Y", "%b-%y", "%Y-%b", "%B-%Y"),
    "%Y年%m月",
)
#: So many texts of a column tell of which shape they are.
CHECKED = 200
COMPACT_DATE = "%Y%m%d"
YEARS = (1800, 2200)
#: A maximum leaves so many years from today, where the dates reach near to it.
RECENT_YEARS, YEARS_TO_COME = 20, 10
SAMPLE = datetime(2026, 11, 23, 18, 57, 9, 123456)
#: Dates that lie in the past, so that `65` is 1965.
PAST = word_set(
    """
    birth born dob birthdate birthday hire hired hiredate start started joined join joining entry
    geburtsdatum eintritt eintrittsdatum naissance embauche nacimiento ingreso
    """
)
#: Dates that may lie ahead.
AHEAD = word_set("end ends expiry expires expiration until due retirement retire planned next to")
LOOK = re.compile(
    r"(?:\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4})\b.*"
    r"|\d{1,2}\D{1,3}[^\W\d]{3,12}\D{1,3}\d{2,4}\b.*"
    r"|[^\W\d]{3,12}\D{1,3}\d{4}|\d{4}\D{1,3}[^\W\d]{3,12}",
)
#: A month and its year, which a decimal point makes a number of.
MONTH_YEAR, MONTH_YEAR_FORMAT = r"(?:0?[1-9]|1[0-2])\.(?:19|20)\d\d", "%m.%Y"
YEAR = r"(?:19|20)\d\d"
LOOKS_SO = "It looks like a date: set kind to date and say its format."

Found = tuple[Date, tuple[str, ...]]


@dataclass(frozen=True)
class Way:
    """A format by which a column may be read.

    Attributes:
        format: The format, in codes of `strptime`.
        fits: Whether each distinct text is a day of a likely year by it.
        days: The days; missing where a text is none.
    """

    format: str
    fits: NDArray[np.bool_]
    days: pd.DatetimeIndex

    @property
    def day_first(self) -> bool | None:
        """Whether the day stands before the month; None where a format could not have either."""
        found = re.match("%([dm]).%[dm]", self.format)
        return None if found is None else found[1] == "d"


def as_date(fact: Facts, day_first: bool | None = None) -> Found | None:
    """A column of dates, and remarks; None if it holds something else.

    Args:
        fact: What its rows show.
        day_first: Whether the table's other dates begin with the day; None if none tells.
    """
    ways = fitting(fact)
    if not ways:
        return None
    settled = [way for way in ways if day_first is not None and way.day_first is day_first]
    best = (settled or ways)[0]
    others = [f"'{way.format}'" for way in ways if way is not best]
    century = _century(fact.header, best)
    odd = fact.odd(best.fits)
    remarks = (
        _ambiguous(others, settled=bool(settled)) if others else "",
        _said(century) if "%y" in best.format else "",
        odd_remark(odd, "date") if odd else "",
    )
    return _column(fact, best, century), tuple(filter(None, remarks))


def _ambiguous(others: Sequence[str], *, settled: bool) -> str:
    fit = f"{', '.join(others)} would fit as well"
    if settled:
        return f"Day and month are read as in the table's other dates, though {fit}."
    return f"Day and month are ambiguous: {fit}; check format."


def day_first(facts: Sequence[Facts]) -> bool | None:
    """Whether dates begin with the day, by those columns that can be read in one way only."""
    read = [fitting(fact) for fact in facts]
    told = {ways[0].day_first for ways in read if len(ways) == 1} - {None}
    return told.pop() if len(told) == 1 else None


def looks_like_date(fact: Facts) -> bool:
    """Whether most texts look like dates, though in no way that is known."""
    texts = [tidy(text) for text in fact.counts.index[:CHECKED]]
    return len(texts) > 0 and all(map(LOOK.fullmatch, texts))


def mixes_months(fact: Facts) -> Iterator[str]:
    """Why a column of years and of months, such as `2022` and `04.2005`, is none of numbers."""
    texts = fact.counts.index
    months, years = texts.str.fullmatch(MONTH_YEAR), texts.str.fullmatch(YEAR)
    if months.any() and years.any() and fact.keeps_kind(np.asarray(months | years)):
        yield (
            f"It mixes years ({fact.counts[years].sum():,} rows) and months with their year, such "
            f"as 04.2005 ({fact.counts[months].sum():,} rows), so it is read as texts: write all "
            f"of them in one way, and draft again."
        )


def fitting(fact: Facts) -> list[Way]:
    """The formats by which the most texts are dates, and nearly all of them."""
    likely = _likely(fact, _tidied(fact.counts.index[:CHECKED]))
    if not likely:
        return []
    texts = _tidied(fact.counts.index)
    ways = [_read(texts, way) for way in likely]
    ways = [way for way in ways if fact.keeps_kind(way.fits)]
    cells = [int(fact.counts[way.fits].sum()) for way in ways]
    return [way for way, count in zip(ways, cells, strict=True) if count == max(cells)]


def _tidied(texts: pd.Index) -> pd.Index:
    return pd.Index([tidy(text) for text in texts.tolist()], dtype="str")


def _likely(fact: Facts, texts: pd.Index) -> Sequence[str]:
    """The formats whose letters, digits and marks stand as in most of these texts."""
    if texts.empty:
        return ()
    if fact.is_numeric:
        if texts.str.fullmatch(MONTH_YEAR).all():
            return (MONTH_YEAR_FORMAT,)
        return (COMPACT_DATE,) if texts.str.fullmatch(r"\d{8}").all() else ()
    counts = fact.counts.iloc[:CHECKED].groupby([_shape(text) for text in texts]).sum()
    known = FORMATS.get(str(counts.idxmax()), [])
    return known if counts.max() >= KEPT_SHARE * counts.sum() else ()


def _read(texts: pd.Index, way: str) -> Way:
    days = pd.to_datetime(texts, format=way, errors="coerce")
    likely = (days.year >= YEARS[0]) & (days.year <= YEARS[1])
    return Way(way, np.asarray(likely), days)


def _century(header: str, way: Way) -> int | None:
    """The last year that two digits may mean; None where the usual reading is as good."""
    found, today = set(headers.words(header)), date.today().year
    if "%y" not in way.format or AHEAD & found:
        return None
    return today if PAST & found or way.days[way.fits].year.max() > today else None


def _said(century: int | None) -> str:
    first, last = (1969, 2068) if century is None else (century - 99, century)
    return f"Years of two digits are read as {first} to {last}; pivot_year says which."


def _column(fact: Facts, way: Way, century: int | None) -> Date:
    years = way.days[way.fits].year
    years = years.where(~(years > (century or years.max())), years - 100)
    first, last = int(years.min()) - 1, int(years.max()) + 1
    today = date.today().year
    if last >= today - RECENT_YEARS:  # the table goes on
        last = max(last, today + YEARS_TO_COME)
    column = Date(
        **fact.measured,
        kind="date",
        format=way.format,
        minimum=date(first, 1, 1),
        maximum=date(last, 12, 31),
        example=date((first + int(years.max()) + 1) // 2, 7, 1),
    )
    return column if century is None else column.model_copy(update={"pivot_year": century})


def _shape(text: str) -> str:
    """Where digits and letters stand: `9 a 9` for `23 Nov 2026`."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", text))


def _formats() -> dict[str, list[str]]:
    """The known formats by their shape, the commonest first."""
    found: dict[str, list[str]] = {}
    timed = (day + time for time in TIMES for day in DAYS)
    zoned = (way + zone for way, zone in itertools.product(timed, ZONES) if not zone or ":" in way)
    for way in (*MONTHS, *zoned):
        found.setdefault(_shape(SAMPLE.strftime(way)), []).append(way)
    return found


FORMATS = _formats()
