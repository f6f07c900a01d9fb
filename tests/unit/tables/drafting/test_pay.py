"""What headers tell about pay."""

import pytest

from salary_kedro.tables.drafting.pay import in_thousands, is_logarithm, pay_of, target_rank


@pytest.mark.parametrize(
    ("header", "pay"),
    [
        ("Monthly salary (EUR)", ("EUR", "month")),
        ("hourly_wage", ("", "hour")),
        ("Salary £", ("GBP", "")),
        ("Salary", ("", "")),
        ("Bruttojahresgehalt", ("", "year")),
        ("Jahresbruttovergütung in EUR", ("EUR", "year")),
        ("monatsentgelt", ("", "month")),
        ("Stundenlohn", ("", "hour")),
        ("Bruttogehalt", ("", "")),
        ("Jahresbrutto", ("", "year")),
        ("Monatsbrutto €", ("EUR", "month")),
        ("ConvertedCompYearly", ("", "year")),
        ("Annual Salary (£000s)", ("GBP", "year")),
        ("Salaire annuel (k€)", ("EUR", "year")),
        ("Jahresgehalt in TEUR", ("EUR", "year")),
        ("Salary kUSD", ("USD", "")),
        ("Pay £k", ("GBP", "")),
    ],
)
def test_pay_when_a_header_names_it_then_is_known(header: str, pay: tuple[str, str]) -> None:
    assert pay_of(header) == pay


@pytest.mark.parametrize(
    ("header", "rank"),
    [
        ("Salary", 0),
        ("annual_salary", 1),
        ("salary_in_usd", 1),
        ("Bruttojahresgehalt", 0),
        ("Jahresbruttoentgelt (EUR)", 1),
        ("Grundgehalt", 0),
        ("Jahresbrutto", 0),
        ("Bruttolohn", 0),
        ("ConvertedCompYearly", 2),
        ("comp_yearly", 2),
        ("Gehaltsgruppe", None),
        ("Lohngruppe", None),
        ("Entgeltgruppe", None),
        ("CompTotal", None),
        ("comp_year", None),
        ("CompFreq", None),
        ("SV-Brutto", None),
        ("lwage", 1),
        ("Annual Salary (£000s)", 1),
        ("Annual Salary last year (£000s)", 2),
        ("pay last year at work", 2),
        ("A_MEDIAN", 2),
        ("Bonus pay", 3),
        ("starting salary", 3),
        ("repwage", 4),
        ("salary_currency", None),
        ("payGrade", None),
        ("experience", None),
        ("learning", None),
    ],
)
def test_target_rank_when_a_header_names_pay_then_tells_how_surely(
    header: str, rank: int | None
) -> None:
    assert target_rank(header) == rank


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        ("lwage", True),
        ("lnwage", True),
        ("log_salary", True),
        ("log_Bruttojahresgehalt", True),
        ("lnBruttolohn", True),
        ("logjahresbruttoentgelt", True),
        ("Lohn", False),
        ("Bruttojahresgehalt", False),
        ("logins", False),
    ],
)
def test_logarithm_when_a_header_names_pay_in_any_way_then_is_known(
    header: str, *, is_one: bool
) -> None:
    assert is_logarithm(header) is is_one


@pytest.mark.parametrize(
    "header",
    [
        "Annual Salary (£000s)",
        "Salary ($000)",
        "Salary '000",
        "Salary (1,000s)",
        "Lohn in 1000 EUR",
        "Salaire annuel (k€)",
        "Salary (in thousands)",
        "Annual salary (USD thousands)",
        "Gehalt (T€)",
        "Gehalt_T€",
        "Jahresgehalt in TEUR",
        "salary_keur",
        "Salary (USDk)",
        "Pay £k",
        "salary_k",
        "salaryK",
    ],
)
def test_in_thousands_when_a_header_says_so_then_is_known(header: str) -> None:
    assert in_thousands(header)


@pytest.mark.parametrize(
    "header",
    [
        "Salary",
        "Salary (EUR)",
        "salary_in_usd",
        "Pay above 50,000",
        "K-12 teacher salary",
        "Salary after 401(k)",
        "Gehalt in €",
        "Net€",
        "weekly wage",
        "salary 2000",
    ],
)
def test_in_thousands_when_a_header_does_not_say_so_then_is_not(header: str) -> None:
    assert not in_thousands(header)
