"""Columns of dates, in the spellings of databases, spreadsheets and statistics packages."""

from datetime import date

import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.contract.columns import Date
from salary_kedro.tables.drafting.dates import Found, as_date, day_first, looks_like_date
from salary_kedro.tables.drafting.facts import Facts, look

THIS_YEAR = date.today().year
CENTURY = f"Years of two digits are read as {THIS_YEAR - 99} to {THIS_YEAR}; pivot_year says which."


def fact(cells: list[str], header: str = "X") -> Facts:
    """What a column of these cells shows."""
    return look(pd.DataFrame({header: cells}), CsvDialect())[0]


def dates(cells: list[str], header: str = "X") -> Found:
    """What a column of these cells, which are dates, is proposed as."""
    found = as_date(fact(cells, header))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("cells", "way"),
    [
        (["2019-03-01 00:00:00.000", "2020-12-31 00:00:00.000"], "%Y-%m-%d %H:%M:%S.%f"),
        (["2019-03-01T00:00:00Z", "2020-12-31T10:00:00Z"], "%Y-%m-%dT%H:%M:%SZ"),
        (["2019-03-01T00:00:00.000Z"], "%Y-%m-%dT%H:%M:%S.%fZ"),
        (["2019-03-01 00:00:00+00:00"], "%Y-%m-%d %H:%M:%S+00:00"),
        (["2019-03-01T00:00:00"], "%Y-%m-%dT%H:%M:%S"),
        (["2019-03-01 12:00"], "%Y-%m-%d %H:%M"),
        (["01-Mar-2019", "31-Dec-2020"], "%d-%b-%Y"),
        (["01JAN2020", "31DEC2020"], "%d%b%Y"),
        (["01jan2020"], "%d%b%Y"),
        (["01JAN2020:00:00:00"], "%d%b%Y:%H:%M:%S"),
        (["Mar 1, 2019", "Dec 31, 2020"], "%b %d, %Y"),
        (["March 1, 2019", "December 31, 2020"], "%B %d, %Y"),
        (["March 2019", "June 2020"], "%B %Y"),
        (["Mar 2019", "Jun 2020"], "%b %Y"),
        (["2019-03", "2020-12"], "%Y-%m"),
        (["8/6/20 18:57", "12/31/20 9:05"], "%m/%d/%y %H:%M"),
        (["8/16/2020 6:57 PM"], "%m/%d/%Y %I:%M %p"),
        (["20190301", "20201231"], "%Y%m%d"),
        (["13.1.2020", "1.2.2021"], "%d.%m.%Y"),
        (["2020年1月31日"], "%Y年%m月%d日"),
        ([" 2019-03-01", "2019-03-01\u00a0"], "%Y-%m-%d"),
    ],
)
def test_date_when_a_package_writes_it_then_names_the_format(cells: list[str], way: str) -> None:
    assert dates(cells)[0].format == way


@pytest.mark.parametrize("header", ["DOB", "DateofHire", "birth_date"])
def test_date_when_years_of_birth_have_two_digits_then_lie_in_the_past(header: str) -> None:
    column, remarks = dates(["03/15/65", "12/31/99", "07/20/01"], header)

    assert (column.format, column.pivot_year) == ("%m/%d/%y", THIS_YEAR)
    assert column.minimum == date(1964, 1, 1)
    assert remarks == (CENTURY,)


def test_date_when_two_digits_would_lie_ahead_then_the_pivot_is_this_year() -> None:
    assert dates(["03/15/65", "12/31/66"])[0].pivot_year == THIS_YEAR


def test_date_when_contracts_end_in_years_of_two_digits_then_they_may_lie_ahead() -> None:
    column, remarks = dates(["03/15/35", "12/31/36"], "contract_end")

    assert column.pivot_year is None
    assert remarks == ("Years of two digits are read as 1969 to 2068; pivot_year says which.",)


def test_date_when_the_table_goes_on_then_the_years_to_come_are_allowed() -> None:
    assert dates([f"{THIS_YEAR - 2}-03-01"])[0].maximum == date(THIS_YEAR + 10, 12, 31)
    assert dates(["1950-03-01"])[0].maximum == date(1951, 12, 31)


def test_date_when_few_cells_are_odd_then_keeps_the_kind_and_tells_their_lines() -> None:
    column, remarks = dates(["2019-03-01", "2020-12-31"] * 20 + ["soon"])

    assert column.format == "%Y-%m-%d"
    assert remarks == (
        "1 of 41 cells is not a date, and its row is rejected: of the shape 'aaaa' (1), line 42.",
    )


def test_date_when_another_column_tells_the_order_then_follows_it() -> None:
    either, settled = fact(["01/02/2020", "03/04/2021"]), fact(["12/31/2020", "01/02/2021"])

    order = day_first([either, settled])
    found = as_date(either, order)

    assert order is False
    assert found is not None
    assert (found[0].format, found[1]) == (
        "%m/%d/%Y",
        (
            (
                "Day and month are read as in the table's other dates, though '%d/%m/%Y' would fit "
                "as well."
            ),
        ),
    )


def test_date_when_columns_contradict_each_other_then_none_tells_the_order() -> None:
    assert day_first([fact(["12/31/2020"]), fact(["31/12/2020"])]) is None


@pytest.mark.parametrize("text", ["1. März 2019", "31-févr-2020", "2019/13/45", "12 mai 2020"])
def test_date_when_no_format_fits_then_it_still_looks_like_one(text: str) -> None:
    odd = fact([text] * 3)

    assert as_date(odd) is None
    assert looks_like_date(odd)


@pytest.mark.parametrize("text", ["40-50", "Grade 7", "555-1234", "1.2.3", "3.14", "A-12-2", "12"])
def test_date_when_texts_are_something_else_then_is_none(text: str) -> None:
    other = fact([text] * 3)

    assert as_date(other) is None
    assert not looks_like_date(other)


@pytest.mark.parametrize("way", ["%Y-%m", "%B %Y", "%Y-%m-%dT%H:%M:%S.%fZ", "%d%b%Y:%H:%M:%S"])
def test_format_when_a_table_writes_so_then_the_contract_takes_it(way: str) -> None:
    texts = {"column": "X", "name": "x", "label": "X", "example": "2020-01-31"}

    assert Date.model_validate({**texts, "kind": "date", "format": way}).format == way
