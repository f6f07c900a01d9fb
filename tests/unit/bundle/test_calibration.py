"""Intervals and percentiles out of a few numbers, against values worked out by hand."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from salary_kedro.bundle.calibration import MOST, Calibration, are_apart
from salary_kedro.bundle.files import FileError
from salary_kedro.errors import UserError

# At 100 nothing is shifted; at 200, predictions are 10 too high, and residuals three times as wide.
NUMBERS: dict[str, Any] = {
    "reason": "",
    "rows": 9,
    "effective_rows": 9,
    "knots": (100, 200),
    "shifts": (0, -10),
    "spreads": (1, 3),
    "levels": (0.1, 0.5, 0.9),
    "widths": (1, 5, 10),
    "scores": (-4, -1, 0, 1, 1),
}


def calibration(**changes: Any) -> Calibration:
    return Calibration(**{**NUMBERS, **changes})


# --- Intervals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        (100, (90, 110)),
        (150, (125, 165)),  # in the middle: 5 too high, twice as wide
        (200, (160, 220)),
        (300, (260, 320)),  # beyond the last knot nothing changes any more
        (50, (40, 60)),
    ],
)
def test_interval_when_between_and_beyond_knots_then_is_shifted_and_scaled(
    predicted: float, expected: tuple[float, float]
) -> None:
    assert calibration().interval(predicted) == pytest.approx(expected)


def test_interval_when_the_shift_leaves_the_prediction_outside_then_reaches_to_it() -> None:
    assert calibration().interval(200, 0.1) == pytest.approx((187, 200))  # 190 ± 3


def test_interval_when_a_level_lies_between_two_then_is_as_wide_as_the_higher() -> None:
    assert calibration().interval(100, 0.7) == calibration().interval(100, 0.9)


def test_interval_when_the_target_has_bounds_then_keeps_to_them() -> None:
    assert calibration(minimum=95, maximum=105).interval(100) == (95, 105)


def test_interval_when_the_prediction_is_out_of_bounds_then_holds_it() -> None:
    assert calibration(minimum=95).interval(80) == (80, 90)


def test_interval_when_on_a_log_scale_then_is_a_factor() -> None:
    plain = {"log_scale": True, "knots": (0,), "shifts": (0,), "spreads": (1,)}
    found = calibration(**plain, levels=(0.9,), widths=(math.log(2),)).interval(50_000)

    assert found == pytest.approx((25_000, 100_000))


def test_interval_when_a_level_is_too_high_for_the_rows_then_is_none() -> None:
    assert calibration().interval(100, 0.95) is None
    assert calibration().intervals(np.array([100.0]), 0.95) is None


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 90.0, math.nan])
def test_interval_when_a_level_is_no_share_then_names_it(level: float) -> None:
    with pytest.raises(UserError, match=f"confidence is {level}; it must be above 0 and below 1"):
        calibration().interval(100, level)


def test_interval_when_nothing_was_calibrated_then_is_none_and_says_why() -> None:
    found = Calibration.parse(b"{}")

    assert found.interval(100) is None
    assert found.standing(100, 100) is None
    assert found.reason == "its training recorded no calibration"


@pytest.mark.parametrize("log_scale", [False, True])
@pytest.mark.parametrize("knots", [(100, 200), (2, 5), (3,)])
def test_intervals_when_given_many_predictions_then_are_those_of_each(
    log_scale: bool, knots: tuple[float, ...]
) -> None:
    lines = {"shifts": (0.1, -0.3)[: len(knots)], "spreads": (0.2, 0.7)[: len(knots)]}
    found = calibration(log_scale=log_scale, knots=knots, minimum=1, maximum=1e9, **lines)
    predicted = np.geomspace(1e-300, 1e300, 1_001)

    many = found.intervals(predicted)

    assert many is not None
    assert [found.interval(float(one)) for one in predicted] == list(
        zip(many.low, many.high, strict=True)
    )
    assert (many.low <= predicted).all()
    assert (predicted <= many.high).all()
    assert np.isfinite(many.high).all()


def test_intervals_when_the_level_rises_then_never_narrow() -> None:
    predicted = np.linspace(50, 250, 100)
    found = [calibration().intervals(predicted, level) for level in (0.05, 0.1, 0.3, 0.5, 0.9)]

    lows = np.array([ends.low for ends in found if ends is not None])
    highs = np.array([ends.high for ends in found if ends is not None])
    assert (np.diff(lows, axis=0) <= 0).all()
    assert (np.diff(highs, axis=0) >= 0).all()


# --- Percentiles -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (145, 3 / 6),  # score 0, the third of five
        (144, 2.5 / 6),  # half-way between the scores -1 and 0
        (147, 4.5 / 6),  # score 1, which is two of them
        (0, 1 / 6),
        (1_000, 5 / 6),
    ],
)
def test_standing_when_scores_are_known_then_is_their_share_below(
    actual: float, expected: float
) -> None:
    found = calibration().standing(150, actual)

    assert found is not None
    assert found.percentile == pytest.approx(100 * expected)


def test_standing_when_there_are_nine_rows_then_has_the_margin_of_wilson() -> None:
    found = calibration().standing(150, 145)

    # z² / n = 0.42683; √(0.42683 · 0.25 + 0.42683² / 4) / 1.42683
    assert found is not None
    assert found.margin == pytest.approx(27.347, abs=0.001)


def test_standing_when_on_a_log_scale_then_compares_logarithms() -> None:
    plain = {"log_scale": True, "knots": (0,), "shifts": (0,), "spreads": (1,)}
    found = calibration(**plain).standing(50_000, 50_000 * math.exp(-0.5))

    assert found is not None
    assert found.percentile == pytest.approx(100 * 2.5 / 6)


# --- What a file may hold --------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"knots": (200, 100)}, "knots must rise"),
        ({"knots": (100, 100)}, "knots must rise"),
        ({"knots": (0, 5e-324)}, "knots must rise, by more than rounding"),
        ({"knots": (1e9, 1e9 + 1e-6)}, "knots must rise, by more than rounding"),
        ({"levels": (0.1, 0.9, 0.5)}, "levels must rise"),
        ({"levels": (0.1, 0.5, 1.0)}, "less than 1"),
        ({"widths": (1, 10, 5)}, "widths must rise from 0 on"),
        ({"widths": (-1, 5, 10)}, "widths must rise from 0 on"),
        ({"scores": (1, 0)}, "scores rise"),
        ({"shifts": (0,)}, "knots, shifts and spreads must be equally many"),
        ({"widths": (1, 5)}, "levels and widths must be equally many"),
        ({"spreads": (0, 3)}, "greater than or equal to 0.00"),
        ({"shifts": (0, 1e101)}, "less than or equal to"),
        ({"effective_rows": 0}, "scores need rows"),
        ({"effective_rows": 1e-320}, "at least 1 effective one"),
        ({"scores": (), "effective_rows": 0.5}, "at least 1 effective one"),
        ({"minimum": 5, "maximum": -5}, "minimum must not be above maximum"),
        ({"knots": (), "shifts": (), "spreads": ()}, "widths and scores need a knot"),
        ({"scores": tuple(range(301))}, "at most 300 items"),
        ({"confidence": 1.5}, "less than 1"),
    ],
)
def test_parse_when_numbers_do_not_fit_then_says_so(changes: dict[str, Any], said: str) -> None:
    content = Calibration.model_construct(**{**NUMBERS, **changes}).model_dump_json().encode()

    with pytest.raises(FileError, match=f"^calibration.json.* is not what .*{said}"):
        Calibration.parse(content)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999"])
def test_parse_when_a_number_is_not_finite_then_refuses_it(text: str) -> None:
    with pytest.raises(FileError, match=r"^calibration\.json"):
        Calibration.parse(f'{{"knots": [{text}], "shifts": [0], "spreads": [1]}}'.encode())


BOUNDED = st.floats(-MOST, MOST)
ANY = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    """Whatever a file may hold."""
    knots = draw(st.lists(BOUNDED, min_size=1, max_size=4, unique=True).map(sorted))
    assume(all(are_apart(*pair) for pair in itertools.pairwise(knots)))
    count = len(knots)
    ends = draw(st.tuples(BOUNDED, BOUNDED).map(sorted))
    return Calibration(
        rows=1,
        effective_rows=draw(st.floats(1, allow_infinity=False)),
        log_scale=draw(st.booleans()),
        minimum=ends[0],
        maximum=ends[1],
        knots=tuple(knots),
        shifts=draw(st.tuples(*[BOUNDED] * count)),
        spreads=draw(st.tuples(*[st.floats(1 / MOST, MOST)] * count)),
        levels=(0.5,),
        widths=(draw(st.floats(0, MOST)),),
        scores=tuple(draw(st.lists(BOUNDED, min_size=1, max_size=4).map(sorted))),
    )


@settings(max_examples=300)
@given(calibrations(), st.lists(ANY, min_size=1, max_size=4), ANY)
def test_calibration_when_it_is_valid_then_answers_finite_numbers_around_the_prediction(
    found: Calibration, predictions: list[float], actual: float
) -> None:
    predicted = np.array([*predictions, *(knot * (1 - 1e-16) for knot in found.knots)])
    many = found.intervals(predicted, 0.5)

    assert many is not None
    assert np.isfinite(many.low).all()
    assert np.isfinite(many.high).all()
    assert (many.low <= predicted).all()
    assert (predicted <= many.high).all()
    ends = list(zip(many.low, many.high, strict=True))
    assert [found.interval(float(one), 0.5) for one in predicted] == ends
    standing = found.standing(predictions[0], actual)
    assert standing is not None
    assert 0 < standing.percentile < 100
    assert 0 <= standing.margin <= 50
    chances = found.chances(predicted, np.full(len(predicted), actual))
    assert chances is not None
    assert 100 * found.margins(chances)[0] == standing.margin


def test_spread_when_rounding_would_make_it_negative_then_is_the_least_of_all() -> None:
    steep = calibration(knots=(0, 1), shifts=(0, 0), spreads=(1e100, 1), minimum=-1e100)

    found = steep.standing(math.nextafter(1, 0), 2)

    assert found is not None
    assert 0 < found.percentile < 100


def test_parse_when_written_then_reads_the_same() -> None:
    assert Calibration.parse(calibration().model_dump_json().encode()) == calibration()
