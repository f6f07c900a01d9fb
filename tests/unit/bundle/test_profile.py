"""What a file of counts may hold."""

import json
from typing import Any

import pytest

from salary_kedro.bundle.files import FileError
from salary_kedro.bundle.profile import Profile
from samples import category, column, contract_of

CONTRACT = contract_of(column("age"), category("sex", ["f", "m"]))
AGE: dict[str, Any] = {"edges": [30.0], "counts": [5, 6], "missing": 0}
SEX: dict[str, Any] = {"categories": {"f": 5}, "missing": None, "others": 6}


def parse(**fields: Any) -> Profile:
    return Profile.parse(json.dumps({"fields": fields}).encode(), CONTRACT)


def test_parse_when_there_is_nothing_then_nothing_can_be_compared() -> None:
    assert Profile.parse(b"{}", CONTRACT) == Profile()


def test_parse_when_it_was_written_then_is_the_same() -> None:
    found = parse(age=AGE, sex=SEX)

    assert Profile.parse(found.model_dump_json().encode(), CONTRACT) == found


def test_parse_when_it_is_of_the_first_ones_then_passes_over_what_is_no_longer_used() -> None:
    assert parse(age={**AGE, "mean": 1.0, "spread": 2.0}) == parse(age=AGE)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pay": AGE}, "holds 'pay', which is not an input"),
        ({"age": SEX}, "age holds what no number is"),
        ({"sex": AGE}, "sex holds what no category is"),
        ({"age": {**AGE, "counts": [5]}}, "one bin more than edges"),
        ({"age": {**AGE, "edges": [2.0, 1.0], "counts": [5, 5, 5]}}, "edges must rise"),
        ({"age": {**AGE, "edges": [2.0, 2.0], "counts": [5, 5, 5]}}, "edges must rise"),
        ({"age": {**AGE, "counts": [5, -1]}}, "is not what an export writes"),
    ],
)
def test_parse_when_it_is_not_of_the_contract_then_is_refused(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(FileError, match=message):
        parse(**fields)
