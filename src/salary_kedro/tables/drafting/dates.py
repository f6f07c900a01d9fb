"""Recognises columns of dates, and how they are written."""

from collections.abc import Iterable, Iterator
from datetime import date

import pandas as pd

from salary_kedro.contract.columns import Date
from salary_kedro.tables.drafting.facts import Facts

TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S")
DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
DATES = (*(day + time for day in DAYS for time in TIMES), "%d.%m.%y", "%d/%m/%y", "%m/%d/%y")
COMPACT_DATE = "%Y%m%d"
YEARS = (1800, 2200)


def as_date(fact: Facts) -> tuple[Date, tuple[str, ...]] | None:
    """A column of dates, and remarks; None if it holds something else."""
    texts = fact.counts.index
    compact = fact.is_numeric and bool(texts.str.fullmatch(r"\d{8}").all())
    formats = (COMPACT_DATE,) if compact else () if fact.is_numeric else DATES
    fitting = list(_fitting(texts, formats))
    if not fitting:
        return None
    years = pd.to_datetime(texts, format=fitting[0]).year
    first, last = int(years.min()) - 1, int(years.max()) + 1
    column = Date(
        **fact.measured,
        kind="date",
        format=fitting[0],
        minimum=date(first, 1, 1),
        maximum=date(last, 12, 31),
        example=date((first + last) // 2, 7, 1),
    )
    other = [f"'{way}'" for way in fitting[1:]]
    remark = f"Day and month are ambiguous: {', '.join(other)} would fit as well; check format."
    return column, (remark,) if other else ()


def _fitting(texts: pd.Index, formats: Iterable[str]) -> Iterator[str]:
    """The formats by which all texts are days of a likely year."""
    for way in formats if len(texts) else ():
        if pd.to_datetime(texts[:20], format=way, errors="coerce").isna().any():
            continue
        days = pd.to_datetime(texts, format=way, errors="coerce")
        if days.notna().all() and days.year.min() >= YEARS[0] and days.year.max() <= YEARS[1]:
            yield way
