"""What headers tell about pay."""

import pytest

from salary_kedro.tables.drafting.pay import is_logarithm, pay_of, target_rank


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
        ("CompFreq", None),
        ("SV-Brutto", None),
        ("lwage", 1),
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
