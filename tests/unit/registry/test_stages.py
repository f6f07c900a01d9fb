"""Stages and the RMSE that their tags hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salary_kedro.errors import UserError
from salary_kedro.registry.stages import ALIAS, Stage, Version, format_rmse


def test_stages_when_listed_then_are_the_three_tags() -> None:
    assert [str(stage) for stage in Stage] == ["staging", "production", "archived"]
    assert ALIAS == "production"


@pytest.mark.parametrize(
    ("rmse", "text"),
    [
        (6311.262456108905, "6311.262456108905"),
        (5181.9071538939115, "5181.9071538939115"),
        (1e-7, "0.0000001"),
        (1e22, "10000000000000000000000"),
        (0.0, "0.0"),
        (np.float64(6302.016142341539), "6302.016142341539"),
    ],
)
def test_format_rmse_when_given_a_number_then_writes_all_of_its_decimals(
    rmse: float, text: str
) -> None:
    assert format_rmse(rmse) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_format_rmse_when_read_back_then_is_the_same_decimal_number(rmse: float) -> None:
    text = format_rmse(rmse)

    assert float(text) == rmse
    assert "e" not in text.lower()


@pytest.mark.parametrize("rmse", [math.nan, math.inf, -math.inf])
def test_format_rmse_when_not_finite_then_reads_back_as_such(rmse: float) -> None:
    assert float(format_rmse(rmse)) == pytest.approx(rmse, nan_ok=True)


@pytest.mark.parametrize("stage", Stage)
def test_rmse_when_a_stage_tag_holds_it_then_is_that_whichever_the_stage(stage: Stage) -> None:
    assert Version(number=1, stages={stage: "6311.25"}, run_id="r").rmse == 6311.25


def test_rmse_when_there_is_no_stage_tag_then_is_none() -> None:
    version = Version(number=1, stages={}, run_id="r")

    assert (version.recorded, version.rmse) == (None, None)


@pytest.mark.parametrize("text", ["", "low", "6,311.25", "6311.25 a year"])
def test_rmse_when_the_tag_holds_no_number_then_shows_it(text: str) -> None:
    version = Version(number=7, stages={Stage.STAGING: text}, run_id="r")

    with pytest.raises(UserError) as caught:
        _ = version.rmse

    assert str(caught.value) == (
        f"version 7: its stage tag holds {text!r}, not an RMSE; write the number from its run's "
        f"metrics into the tag with `make ui`"
    )
