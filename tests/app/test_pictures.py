"""Pictures as HTML: where things lie on them, and what they say to a screen reader."""

import pytest

from pictures import Bin, Point, Scale, bars_picture, curve_picture, interval_picture

LOW = Point(0, "0 years", 30000, 20000, 40000)
HIGH = Point(10, "10 years", 80000, 70000, 90000)


@pytest.mark.parametrize(
    ("values", "ends", "ticks"),
    [
        ([75763, 149810], (60000, 160000), [60000, 80000, 100000, 120000, 140000, 160000]),
        ([0.0, 1.0], (0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([-3, 4], (-4, 4), [-4, -2, 0, 2, 4]),
    ],
)
def test_scale_when_it_is_around_values_then_ends_and_ticks_are_round_numbers(
    values: list[float], ends: tuple[float, float], ticks: list[float]
) -> None:
    scale = Scale.around(values)
    assert (scale.low, scale.high) == pytest.approx(ends)
    assert scale.ticks() == pytest.approx(ticks)


@pytest.mark.parametrize("value", [0.0, 5.0, -5.0, 1e12, 1e-9])
def test_scale_when_all_values_are_one_then_holds_it_between_its_ends(value: float) -> None:
    scale = Scale.around([value, value])
    assert scale.low < value < scale.high


def test_scale_when_a_value_lies_outside_then_it_is_at_the_end() -> None:
    scale = Scale(0, 200)
    assert [scale.at(value) for value in (-1, 0, 50, 200, 999)] == [0, 0, 25, 100, 100]


def test_interval_when_a_salary_is_compared_then_both_are_marked_and_said() -> None:
    picture = interval_picture(Point(0, "Salary", 50, 25, 75), 100, Scale(0, 100))
    said = 'aria-label="Salary: 50 (25 to 75) on a scale from 0 to 100; 100 to compare"'
    assert said in picture
    assert "left:25.00%;width:50.00%" in picture
    assert "left:calc(50.00% - 2px)" in picture
    assert "left:calc(100.00% - 2px)" in picture


def test_curve_when_drawn_then_says_its_ends_and_yours_and_has_a_table() -> None:
    picture = curve_picture([LOW, HIGH], HIGH, [Bin(0, 5, 1.0)], str, "Experience (years)")
    said = (
        "Prediction along Experience (years): 0 years: 30,000 (20,000 to 40,000); "
        "10 years: 80,000 (70,000 to 90,000); yours 10 years: 80,000 (70,000 to 90,000)"
    )
    assert f'aria-label="{said}"' in picture
    assert "<td>10 years</td><td>80,000</td><td>70,000–90,000</td>" in picture


def test_curve_when_there_are_no_intervals_then_says_none() -> None:
    points = [Point(x, f"{x}", 10.0 * x, None, None) for x in (1, 2)]
    assert "1: 10; 2: 20" in curve_picture(points, None, [], str, "x")


def test_bars_when_a_category_is_chosen_then_it_stands_out_with_its_training_rows() -> None:
    points = [Point(0, "A", 10, None, None), Point(1, "B", 20, None, None)]
    picture = bars_picture(points, "B", {"A": 1234})
    assert "<span>A <small>n=1,234</small></span>" in picture
    assert "<strong>B</strong>" in picture


def test_pictures_when_texts_hold_html_then_show_it_as_text() -> None:
    evil = Point(0, '<img src=x onerror=alert(1)>"', 10, None, None)
    for picture in (
        bars_picture([evil], None, {}),
        curve_picture([evil, HIGH], None, [], lambda _: evil.text, evil.text),
        interval_picture(evil, None, Scale(0, 100)),
    ):
        assert "<img" not in picture
        assert "&lt;img src=x onerror=alert(1)&gt;&quot;" in picture
