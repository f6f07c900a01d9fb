"""Columns that tell in which currency, or for which time, a row's salary is."""

from typing import Any

import pandas as pd
import pytest
import yaml

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.drafting.draft import Draft
from salary_kedro.tables.drafting.infer import draft_contract
from salary_kedro.tables.drafting.text import contract_yaml
from salary_kedro.tables.drafting.units import period_of

ROWS = 40


def draft(**columns: list[Any]) -> Draft:
    """Draft from columns that are repeated to 40 rows, beside years and a salary."""
    table = {"years": [row % 9 for row in range(ROWS)]}
    table |= {name: (cells * ROWS)[:ROWS] for name, cells in columns.items()}
    table.setdefault("salary", [30_000 + row * 13 % 41 for row in range(ROWS)])
    return draft_contract(pd.DataFrame(table).astype("str"), CsvDialect())


def test_units_when_salaries_are_in_several_currencies_then_the_commonest_is_kept() -> None:
    found = draft(currency=["USD", "USD", "EUR", "INR"])

    assert found.table.filter == {"currency": ("USD",)}
    assert (found.target.keys["currency"], found.target.keys["unit"]) == ("USD", "USD")
    assert found.remarks[0] == (
        "'currency' tells that 'salary' is in 3 units: only rows in USD (50.0%) are kept "
        "(table.filter), unless you give conversions."
    )
    assert found.target.proposals == (
        'conversions: [{column: "currency", factors: {"USD": 1, "EUR": RATE, "INR": RATE}}]',
    )
    assert found.features[1].keys["use"] == "ignore"
    assert 'filter: {"currency": ["USD"]}' in contract_yaml(found, [])


@pytest.mark.parametrize(
    ("dollar", "euro"),
    [
        ("USD\tUnited States dollar", "EUR\tEuropean Euro"),
        ("USD United States dollar", "EUR European Euro"),
        ("USD - US dollar", "EUR - Euro"),
        ("USD (US dollar)", "EUR (Euro)"),
    ],
)
def test_units_when_codes_of_currencies_have_labels_then_are_known(dollar: str, euro: str) -> None:
    found = draft(currency=[dollar, dollar, euro])

    assert found.table.filter == {"currency": (dollar,)}
    assert found.target.keys["currency"] == "USD"
    assert "is in 2 units: only rows in USD" in found.remarks[0]
    assert yaml.safe_load(found.target.proposals[0]) == {
        "conversions": [{"column": "currency", "factors": {dollar: 1, euro: "RATE"}}]
    }


def test_units_when_three_letters_only_begin_texts_then_are_no_currencies() -> None:
    found = draft(team=["ALL STAFF", "ALL managers", "Try again", "Top"])

    assert found.table.filter == {}


@pytest.mark.parametrize(("header", "currency"), [("role", ""), ("Currency", "CAD")])
def test_units_when_one_code_stands_before_all_labels_then_the_header_decides(
    header: str, currency: str
) -> None:
    found = draft(**{header: ["CAD designer", "CAD engineer"]})

    assert found.target.keys["currency"] == currency


def test_units_when_pay_was_converted_then_its_currency_is_not_that_of_the_row() -> None:
    pay = [30_000 + row for row in range(ROWS)]
    table = {"currency": (["USD", "EUR", "INR"] * ROWS)[:ROWS], "ConvertedSalary": pay}
    found = draft_contract(pd.DataFrame(table).astype("str"), CsvDialect())

    assert found.table.filter == {}
    assert found.target.keys["currency"] == ""


def test_units_when_pay_is_by_the_hour_and_by_the_year_then_figures_are_only_proposed() -> None:
    pay = [50_000, 52_000, 54_000, 25]
    found = draft(pay_basis=["Yearly", "Yearly", "yearly", "Hourly"], salary=pay)

    assert found.table.filter == {"pay_basis": ("Yearly", "yearly")}
    assert found.target.keys["period"] == "year"
    assert found.target.proposals == (
        'conversions: [{column: "pay_basis", factors: {"Yearly": 1, "yearly": 1, "Hourly": 2080}}]',
    )


def test_units_when_rows_are_left_out_then_bounds_are_of_the_others() -> None:
    pay = [500.0, 520.0, 540.0, -25.0]
    found = draft(per=["month", "month", "month", "hour"], salary=pay)

    assert found.target.keys["exclusive_minimum"] == 0


def test_units_when_all_rows_are_in_one_then_the_target_is_and_nothing_is_left_out() -> None:
    found = draft(currency=["GBP"], basis=["annual"])

    assert (found.target.keys["currency"], found.target.keys["period"]) == ("GBP", "year")
    assert found.table.filter == {}


def test_units_when_pay_stands_in_one_currency_too_then_that_is_predicted() -> None:
    pay = [30_000 + row * 13 % 41 for row in range(ROWS)]
    found = draft(salary=pay, salary_currency=["USD", "EUR"], salary_in_usd=pay[::-1])

    assert found.target.keys["column"] == "salary_in_usd"
    assert found.target.keys["currency"] == "USD"
    assert found.table.filter == {}


def test_units_when_a_column_only_looks_like_codes_then_it_stays_a_feature() -> None:
    found = draft(team=["ALL", "DEV", "OPS"])

    assert found.table.filter == {}
    assert found.features[1].keys["use"] == "feature"


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("Hourly", "hour"),
        ("per Annum", "year"),
        ("Bi-Weekly", "two weeks"),
        ("jährlich", "year"),
        ("sometimes", ""),
    ],
)
def test_period_when_a_text_names_one_then_is_known(text: str, period: str) -> None:
    assert period_of(text) == period
