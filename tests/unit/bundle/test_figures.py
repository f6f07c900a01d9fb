"""Numbers as people read them."""

import pytest

from salary_kedro.bundle.figures import amount, figure, level, percent, signed, tick


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (0.0, "0"),
        (6311.26, "6,311"),
        (-4807.2, "−4,807"),
        (999.6, "1,000"),
        (131.4, "131"),
        (20.3, "20.3"),
        (0.0834, "0.0834"),
        (-0.5, "−0.500"),
        (1_234_567.8, "1,234,568"),
        (float("nan"), "nan"),
    ],
)
def test_amount_when_written_then_has_three_digits_or_none_behind_the_point(
    value: float | None, text: str
) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(6311.2624, "6,311.3"), (1.0, "1.0"), (0.0, "0.0"), (0.98765, "0.988"), (-0.0123, "−0.0123")],
)
def test_figure_when_a_decimal_would_say_nothing_then_writes_three_digits(
    value: float, text: str
) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2014.96, "+2,015"), (-1750.2, "−1,750"), (0.0, "+0"), (-0.5, "−0.500")]
)
def test_signed_when_written_then_has_a_sign(value: float, text: str) -> None:
    assert signed(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (6311.26, "6,311"),
        (1_234_567.8, "1,234,568"),
        (999.95, "1,000"),
        (12.5, "12.5"),
        (0.0, "0"),
        (-2500.0, "−2,500"),
    ],
)
def test_tick_when_written_beside_an_axis_then_has_few_digits(value: float, text: str) -> None:
    assert tick(value) == text


def test_percent_when_written_then_has_a_decimal() -> None:
    assert (percent(0.9), percent(0.908), percent(0.00625, 2)) == ("90.0 %", "90.8 %", "0.62 %")
    assert percent(81.847) == "8,184.7 %"


def test_level_when_written_then_has_no_zeros_behind() -> None:
    assert (level(0.9), level(0.975), level(1.0)) == ("90 %", "97.5 %", "100 %")
