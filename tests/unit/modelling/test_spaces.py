"""What values a setting of a candidate may take."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from salary_kedro.modelling.spaces import Candidates, Setting, samples

CANDIDATES: TypeAdapter[Any] = TypeAdapter(Candidates)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs low and high, or choices"),
        ({"low": 1}, "needs low and high, or choices"),
        ({"low": 2, "high": 2}, "low must be below high (found 2 and 2)"),
        ({"low": 0, "high": 2, "log": True}, "low must be above 0 where log is true (found 0)"),
        ({"low": 1, "high": 9, "log": True, "step": 2}, "step has no meaning where log is true"),
        ({"low": 1, "high": 9, "step": 0}, "step must be above 0 (found 0)"),
        ({"low": 1, "high": 10, "step": 2}, "step must lead from low to high (found 2, from 1 to"),
        ({"low": 0.1, "high": 1.0, "step": 0.2}, "step must lead from low to high (found 0.2, "),
        ({"choices": [1], "low": 1}, "choices are no range"),
        ({"choices": [1], "log": True}, "choices are no range"),
        ({"choices": []}, "at least 1 item"),
        ({"low": 1, "high": float("inf")}, "must be a number (found inf)"),
        ({"lowest": 1, "high": 2}, "Extra inputs are not permitted"),
    ],
)
def test_setting_when_it_is_no_range_and_no_choice_then_says_why(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Setting.model_validate(given)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "is_whole"),
    [
        ({"low": 1, "high": 9}, True),
        ({"low": 1, "high": 9, "step": 2}, True),
        ({"low": 1.0, "high": 9}, False),
        ({"low": 1, "high": 9, "step": 0.5}, False),
    ],
)
def test_setting_when_its_ends_are_whole_then_so_are_its_values(
    given: dict[str, Any], is_whole: bool
) -> None:
    assert Setting.model_validate(given).is_whole is is_whole


def test_candidates_when_an_environment_makes_some_null_then_they_take_no_part() -> None:
    found = CANDIDATES.validate_python(
        {"ridge": {"alpha": {"low": 1, "high": 2}, "tol": None}, "decision_tree": None}
    )

    assert found == {"ridge": {"alpha": Setting(low=1, high=2)}}


def test_setting_when_an_environment_makes_the_range_of_base_null_then_takes_its_choices() -> None:
    range_of_base = {"low": None, "high": None, "log": None, "step": None}

    found = Setting.model_validate({**range_of_base, "choices": [0.1, None]})

    assert found == Setting(choices=(0.1, None))


def test_setting_when_steps_are_no_floats_but_decimals_then_lead_to_the_end() -> None:
    assert Setting(low=0.1, high=0.7, step=0.1).bounds == (0.1, 0.7)


def test_candidates_when_the_number_of_threads_is_among_them_then_is_refused() -> None:
    with pytest.raises(ValidationError, match="n_jobs is not searched for"):
        CANDIDATES.validate_python({"random_forest": {"n_jobs": {"choices": [1, 2]}}})


@pytest.mark.parametrize("given", [{}, {"ridge": None}, {"forest": {}}, {"ridge": 3}])
def test_candidates_when_there_is_none_or_an_unknown_one_then_are_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        CANDIDATES.validate_python(given)


def test_samples_when_taken_then_hold_each_end_and_each_choice() -> None:
    space = {"depth": Setting(low=2, high=9), "rule": Setting(choices=("a", "b", None))}

    assert list(samples(space, {"seed": 1})) == [
        {"seed": 1},
        {"seed": 1, "depth": 2, "rule": "a"},
        {"seed": 1, "depth": 9, "rule": "a"},
        {"seed": 1, "depth": 2, "rule": "a"},
        {"seed": 1, "depth": 2, "rule": "b"},
        {"seed": 1, "depth": 2, "rule": None},
    ]
