"""Columns that give the target away: other pay, and what is made from it."""

import numpy as np
import pandas as pd
import pytest

from salary_kedro.contract import CsvDialect
from salary_kedro.tables.drafting.facts import look
from salary_kedro.tables.drafting.twins import PAID, Twin, find_twins, is_pay

ROWS = 400
RANDOM = np.random.default_rng(7)
SALARY = np.round(np.exp(RANDOM.normal(10.8, 0.4, ROWS)), 2)


def twins(columns: dict[str, object], target: str = "salary") -> dict[str, Twin]:
    """The twins of a salary that stands beside these columns."""
    texts = pd.DataFrame({target: SALARY, **columns}).astype("str")
    facts = look(texts, CsvDialect())
    return find_twins(texts, facts, 0)


@pytest.mark.parametrize(
    "header",
    """
    salary_in_usd lwage logwage hrwage annearn hourly_wage HourlyRate total_comp bonus A_PCT10
    H_MEAN A_MEDIAN wage_percentile expected_salary reservation_wage spouse_wage huswage faminc
    nwifeinc repwage AnnualRt hourly_rt TotalPay BasePay Gehalt Bruttolohn
    netpay income2 tsalary ltotcomp Provision commission Urlaubsgeld Weihnachtsgeld Sonderzahlung
    13th_month 13.Monatsgehalt pension_contribution stock_grants equity RSU life_insurance_cover
    other_monetary_comp SV-Brutto AHV-Beitrag RV-Anteil compa_ratio CompTotal Jahresbrutto
    """.split(),  # noqa: SIM905 - a list of them would take a page
)
def test_is_pay_when_a_header_names_an_amount_of_it_then_is_known(header: str) -> None:
    assert is_pay(header)


@pytest.mark.parametrize(
    "header",
    """
    pay_grade PayScale salary_currency pay_basis pay_frequency salary_band_code learning
    Machine_learning_specialist years mileage minwage PercentSalaryHike pay_year exper expersq
    StockOptionLevel payroll_system province zinc year_number Lohngruppe Entgeltgruppe Tarifgruppe
    Besoldungsgruppe Gehaltsstufe Lohnart company return_on_equity component
    """.split(),  # noqa: SIM905 - a list of them would take a page
)
def test_is_pay_when_a_header_says_what_it_depends_on_then_is_not(header: str) -> None:
    assert not is_pay(header)


def test_twins_when_pay_stands_beside_pay_then_leaves_it_out_whatever_its_numbers() -> None:
    noise = RANDOM.permutation(SALARY)
    brackets = pd.cut(SALARY, [0, 30_000, 60_000, 10**9]).astype("str")

    found = twins({"bonus": noise, "income_group": brackets, "pay_grade": noise.round(-4)})

    assert found == dict.fromkeys(["bonus", "income_group"], Twin(PAID, certain=True))


def test_twins_when_a_band_of_pay_is_a_grade_then_may_be_learned_from_unlike_amounts() -> None:
    shuffled = SALARY[::-1]
    grade = pd.Series(shuffled).rank().floordiv(50).astype(int)
    amounts = pd.cut(shuffled, [0, 30_000, 60_000, 10**9]).astype("str")
    bands = {"pay_band": grade, "Salary band": "Band " + grade.astype("str")}

    assert twins({**bands, "band_of_pay": amounts}) == {"band_of_pay": Twin(PAID, certain=True)}


def test_twins_when_the_target_is_no_pay_then_pay_may_be_learned_from() -> None:
    assert twins({"income": RANDOM.permutation(SALARY)}, target="price") == {}


def test_twins_when_a_column_has_the_order_of_the_target_then_leaves_it_out() -> None:
    found = twins({"x": np.sqrt(SALARY), "exper": RANDOM.integers(0, 40, ROWS)})

    assert found["x"].certain
    assert list(found) == ["x"]


def test_twins_when_many_cells_equal_the_target_then_says_how_many() -> None:
    noise = RANDOM.permutation(SALARY)
    rows = np.arange(ROWS)

    found = twins(
        {
            "often": np.where(rows < ROWS // 10, SALARY, noise),
            "mostly": np.where(rows < ROWS * 0.6, SALARY, noise),
            "never": noise,
        }
    )

    assert found["often"] == Twin(
        "It equals the target in 10% of the rows: ignore it if it is another form of it.",
        certain=False,
    )
    assert found["mostly"].certain
    assert "60%" in found["mostly"].why
    assert "never" not in found


@pytest.mark.parametrize(("noise", "certain"), [(1e-4, True), (0.02, False)])
def test_twins_when_ranks_agree_within_each_currency_then_names_it(
    noise: float, certain: bool
) -> None:
    places = RANDOM.integers(0, 5, ROWS)
    rates = np.array([1, 0.013, 110, 1.3, 7])[places]
    local = SALARY / rates * np.exp(RANDOM.normal(0, noise, ROWS))
    currency = np.array(["USD", "INR", "JPY", "EUR", "CNY"])[places]

    found = twins({"amount": local, "currency": currency})

    assert found["amount"].certain is certain
    assert "within each 'currency'" in found["amount"].why


def test_twins_when_steps_within_a_grade_make_the_salary_then_they_are_no_twins() -> None:
    grade, step = np.divmod(np.arange(ROWS) % 60, 10)
    pay = 30_000 + 9000 * grade + 700 * step
    texts = pd.DataFrame({"salary": pay, "grade": grade, "step": step}).astype("str")
    facts = look(texts, CsvDialect())

    assert find_twins(texts, facts, 0) == {}
