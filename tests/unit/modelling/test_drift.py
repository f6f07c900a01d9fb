"""Whether requests are distributed as the training rows were, by more than chance explains."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from salary_kedro.bundle.profile import CategoryProfile, NumberProfile
from salary_kedro.modelling.drift import (
    Baseline,
    Counts,
    Finding,
    Thresholds,
    compare,
    holm,
    number_cells,
    psi,
    text_cells,
)
from salary_kedro.modelling.profile import profile_numbers, profile_texts

STRICT = Thresholds(false_alarms=0.01, least_shift=0.1, least_psi=0.02, least_rows=100)


def bins(*counts: int) -> Baseline:
    """A number whose training rows lie so in its bins."""
    return Baseline(tuple(map(str, counts)), np.array(counts), len(counts))


def categories(*counts: int) -> Baseline:
    return Baseline(tuple(map(str, range(len(counts)))), np.array(counts))


def sample(*counts: int) -> Counts:
    return np.array(counts)


def judge(baseline: Baseline, asked: Counts, thresholds: Thresholds = STRICT) -> Finding:
    return compare({"x": (baseline, asked)}, thresholds)["x"]


# --- The figures ------------------------------------------------------------------------


def test_psi_when_shares_differ_then_is_the_sum_over_cells() -> None:
    # with half a row more in each cell: 1/2 and 1/2 against 3/4 and 1/4
    found = psi(np.array([1, 1]), np.array([4, 1]))

    assert np.isclose(found, 0.25 * math.log(1.5) - 0.25 * math.log(0.5))


def test_psi_when_a_cell_is_empty_then_is_a_number() -> None:
    # 5/6 and 1/6 against 1/6 and 5/6
    assert np.isclose(psi(np.array([2, 0]), np.array([0, 2])), 2 * (4 / 6) * math.log(5))


def test_psi_when_shares_are_alike_then_is_nothing() -> None:
    assert psi(np.array([7, 3]), np.array([7, 3])) == 0


def test_psi_when_there_are_many_draws_then_is_one_figure_each() -> None:
    assert psi(np.array([1, 1]), np.array([[1, 1], [4, 1]])).shape == (2,)


def test_holm_when_p_values_are_several_then_the_smallest_counts_most() -> None:
    assert np.allclose(holm([0.01, 0.04, 0.03, 0.9]), [0.04, 0.09, 0.09, 0.9])


def test_holm_when_they_are_large_then_none_is_above_one() -> None:
    assert holm([0.6, 0.7]) == [1.0, 1.0]


# --- Cells ------------------------------------------------------------------------------

AGE = NumberProfile(edges=(30.0, 40.0), counts=(5, 6, 7), missing=5)


def test_number_cells_when_values_are_missing_then_these_have_a_cell() -> None:
    baseline, asked = number_cells(AGE, np.array([20.0, 30.0, 41.0, np.nan]))

    assert baseline.names == ("up to 30", "30 to 40", "above 40", "(no value)")
    assert (baseline.counts.tolist(), baseline.bins) == ([5, 6, 7, 5], 3)
    assert asked.tolist() == [2, 0, 1, 1]


def test_number_cells_when_training_does_not_tell_of_missing_values_then_they_are_left_out() -> (
    None
):
    withheld = AGE.model_copy(update={"missing": None})

    baseline, asked = number_cells(withheld, np.array([20.0, np.nan]))

    assert (len(baseline.counts), asked.tolist()) == (3, [1, 0, 0])


def test_text_cells_when_texts_are_rare_or_unknown_then_they_are_others() -> None:
    profile = CategoryProfile(categories={"a": 9, "b": 6}, missing=0, others=5)

    baseline, asked = text_cells(profile, pd.Series(["a", "b", "b", "z", None], dtype=object))

    assert baseline.names == ("a", "b", "(no value)", "(any other)")
    assert (baseline.counts.tolist(), baseline.bins) == ([9, 6, 0, 5], 0)
    assert asked.tolist() == [1, 2, 1, 1]


def test_text_cells_when_missing_ones_are_among_the_others_then_they_stay_there() -> None:
    profile = CategoryProfile(categories={"a": 9}, missing=None, others=5)

    baseline, asked = text_cells(profile, pd.Series(["a", None], dtype=object))

    assert (baseline.names, asked.tolist()) == (("a", "(any other)"), [1, 1])


# --- Verdicts -----------------------------------------------------------------------------


def test_compare_when_a_number_has_moved_then_says_by_how_much() -> None:
    found = judge(bins(100, 100, 100, 100), sample(300, 400, 550, 750))

    assert found.verdict == "shifted"
    # mean scores: 1.1503 and 0.3186 by 0.15, 0.2, 0.275, 0.375, so 0.2827; over
    # (2 x 0.8317 x 0.3178 + 0.6372 x 0.3989) = 0.7828 of one
    assert found.shift == pytest.approx(0.3612, abs=0.002)
    # none of 9,999 draws is so far off: 1 of 10,000, on either side
    assert np.isclose(found.p_shift, 2 / 10_000)


def test_compare_when_a_number_is_spread_otherwise_then_says_so() -> None:
    found = judge(bins(100, 100, 100, 100), sample(800, 200, 200, 800))

    assert found.verdict == "other"
    assert found.p_psi < 0.001
    assert found.p_shift > 0.1


def test_compare_when_a_category_has_become_common_then_says_so() -> None:
    found = judge(categories(200, 50), sample(1000, 1000))

    assert found.verdict == "other"
    assert math.isnan(found.shift)


def test_compare_when_shares_are_alike_then_is_quiet() -> None:
    found = judge(bins(100, 100, 100, 100), sample(490, 510, 505, 495))

    assert found.verdict == "quiet"
    assert found.p_shift == found.p_psi == 1


def test_compare_when_rows_are_countless_then_a_tiny_shift_does_not_matter() -> None:
    quarter = 1_000_000
    found = judge(bins(*[quarter] * 4), sample(quarter - 9_000, quarter, quarter, quarter + 9_000))

    assert found.verdict == "small"
    assert found.p_shift < 0.001


def test_compare_when_training_rows_are_few_then_chance_explains_much() -> None:
    few = bins(*[3, 3, 3, 3, 3, 3, 3, 3, 2, 2])

    found = judge(few, sample(*[100, 300] * 5))

    assert found.psi > 0.2  # for which a fixed bound would call it drift
    assert found.verdict == "quiet"
    assert np.isclose(found.chance_psi, 9 * (1 / 28 + 1 / 2000), rtol=0.25)


def test_compare_when_requests_are_few_then_there_is_no_verdict() -> None:
    found = judge(bins(100, 100), sample(99, 0))

    assert (found.verdict, found.rows) == ("unknown", 99)


def test_compare_when_training_had_one_value_then_there_is_no_verdict() -> None:
    assert judge(bins(100), sample(1000)).verdict == "unknown"


def test_compare_when_one_value_is_far_off_then_counts_no_more_than_its_bin() -> None:
    random = np.random.default_rng(1)
    profile = profile_numbers(random.normal(0, 1, 3000))
    asked = random.normal(-0.3, 1, 2000)
    asked[0] = 1e6
    assert profile is not None

    found = judge(*number_cells(profile, asked))

    assert found.verdict == "shifted"
    assert found.shift == pytest.approx(-0.3, abs=0.06)


@pytest.mark.parametrize(("asked", "verdict"), [(60.0, "other"), (40.0, "quiet"), (9.0, "other")])
def test_compare_when_training_had_one_number_then_finds_others(asked: float, verdict: str) -> None:
    profile = profile_numbers(np.full(1000, 40.0))
    assert profile is not None

    found = judge(*number_cells(profile, np.full(2000, asked)))

    assert (found.verdict, found.names) == (verdict, ("below 40", "40", "above 40"))


@pytest.mark.parametrize(("asked", "verdict"), [("true", "other"), ("false", "quiet")])
def test_compare_when_nearly_all_said_no_then_finds_yes(asked: str, verdict: str) -> None:
    profile = profile_texts(pd.Series(["false"] * 997 + ["true"] * 3, dtype=object))
    assert profile is not None

    assert judge(*text_cells(profile, pd.Series([asked] * 2000, dtype=object))).verdict == verdict


def test_compare_when_false_alarms_are_rare_then_draws_are_bounded() -> None:
    rare = replace(STRICT, false_alarms=0.0001)

    found = judge(bins(100, 100), sample(2000, 0), rare)

    assert found.verdict == "shifted"
    assert np.isclose(found.p_shift, 2 / 200_001, rtol=1e-3)  # of 200,000 draws, on either side


def test_compare_when_fields_are_many_then_each_needs_more() -> None:
    moved: tuple[Baseline, Counts] = (bins(100, 100), sample(900, 1100))
    alike: dict[str, Any] = {
        str(place): (bins(100, 100), sample(1000, 1000)) for place in range(20)
    }

    alone, among = compare({"x": moved}, STRICT)["x"], compare({"x": moved, **alike}, STRICT)["x"]

    assert alone.p_shift < among.p_shift


def test_compare_when_asked_twice_then_finds_the_same() -> None:
    pair = (bins(20, 30, 50), sample(300, 300, 400))

    assert judge(*pair) == judge(*pair)


@pytest.mark.parametrize(("rows", "least"), [(28, 0.77), (400, 0.22), (10_000, 0.1)])
def test_detectable_when_training_rows_are_few_then_is_large(rows: int, least: float) -> None:
    # two tests at 0.01 and a power of 0.8: (2.807 + 0.842) sqrt(1 / rows + 1 / 2000)
    found = judge(bins(rows // 2, rows // 2), sample(1000, 1000))

    assert found.detectable == pytest.approx(least, abs=0.08)
