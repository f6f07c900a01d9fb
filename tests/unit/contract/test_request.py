"""The request model: strict, bounded, and explained in words."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from salary_kedro.contract import Contract
from salary_kedro.contract.request import explain_invalid, request_model, request_values
from salary_kedro.contract.table import find_problems, read_columns
from samples import column, contract_of, contracts

ALLOWED = "it must be a number from 0 to 60 (years)"


def values(body: str, contract: Contract) -> list[float | None]:
    return request_values(request_model(contract).model_validate_json(body))


def explain(body: str, contract: Contract) -> list[dict[str, str]]:
    with pytest.raises(ValidationError) as caught:
        request_model(contract).model_validate_json(body)
    return explain_invalid(caught.value, contract)


# --- What is accepted --------------------------------------------------------------


@pytest.mark.parametrize(("value", "expected"), [("5", 5.0), ("2.5", 2.5), ("0", 0.0), ("60", 60)])
def test_request_when_a_number_is_allowed_then_gives_it(
    value: str, expected: float, contract: Contract
) -> None:
    assert values(f'{{"experience_years": {value}}}', contract) == [expected]


def test_request_values_when_the_body_is_in_another_order_then_keep_the_contracts() -> None:
    contract = contract_of(column("b"), column("a"))

    assert values('{"a": 1, "b": 2}', contract) == [2, 1]


@pytest.mark.parametrize("body", ["{}", '{"age": null}'])
def test_request_when_an_optional_value_is_missing_then_gives_none(body: str) -> None:
    assert values(body, contract_of(column("age", required=False))) == [None]


def test_request_when_a_whole_number_is_wanted_then_takes_it() -> None:
    assert values('{"age": 5}', contract_of(column("age", kind="integer"))) == [5]


def test_request_when_field_names_are_those_of_pydantic_then_are_fields_all_the_same() -> None:
    names = ["model_config", "model_fields", "copy", "schema", "json", "f1", "f0", "class"]
    contract = contract_of(*(column(name) for name in names))
    body = json.dumps(dict(zip(names, range(8), strict=True)))

    assert values(body, contract) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_request_when_it_is_read_then_cannot_be_changed(contract: Contract) -> None:
    request = request_model(contract).model_validate({"experience_years": 5.0})

    with pytest.raises(ValidationError, match="Instance is frozen"):
        request.f0 = 99.0  # type: ignore[attr-defined]


# --- What is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("60.5", "60.5"),
        ("-1", "-1"),
        ('"5"', '"5"'),
        ("true", "true"),
        ("null", "null"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e400", "Infinity"),
        ("[5]", "[5]"),
        ('"' + "x" * 50 + '"', '"' + "x" * 39 + "..."),
    ],
)
def test_explain_when_a_value_is_refused_then_says_what_was_found_and_what_is_allowed(
    value: str, shown: str, contract: Contract
) -> None:
    assert explain(f'{{"experience_years": {value}}}', contract) == [
        {"field": "experience_years", "message": f"{shown} is not allowed; {ALLOWED}"}
    ]


def test_explain_when_a_field_is_missing_then_says_what_is_allowed(contract: Contract) -> None:
    assert explain("{}", contract) == [
        {"field": "experience_years", "message": f"missing; {ALLOWED}"}
    ]


def test_explain_when_a_field_is_unknown_then_names_the_fields() -> None:
    contract = contract_of(column("age"), column("rank"))

    assert explain('{"age": 1, "rank": 2, "agee": 3}', contract) == [
        {"field": "agee", "message": "unknown field; the fields are age, rank"}
    ]


def test_explain_when_several_things_are_wrong_then_gives_each(contract: Contract) -> None:
    assert explain('{"experience_years": 99, "salary": 1}', contract) == [
        {"field": "experience_years", "message": f"99 is not allowed; {ALLOWED}"},
        {"field": "salary", "message": "unknown field; the fields are experience_years"},
    ]


def test_explain_when_the_body_is_a_list_then_names_the_fields(contract: Contract) -> None:
    assert explain("[5]", contract) == [
        {"field": "", "message": "input should be an object; the fields are experience_years"}
    ]


def test_explain_when_a_row_of_many_is_wrong_then_says_which(contract: Contract) -> None:
    rows: TypeAdapter[list[BaseModel]] = TypeAdapter(list[request_model(contract)])  # type: ignore[misc]
    with pytest.raises(ValidationError) as caught:
        rows.validate_python([{"experience_years": 5.0}, {"experience_years": 99.0}])

    assert explain_invalid(caught.value, contract) == [
        {"field": "1.experience_years", "message": f"99.0 is not allowed; {ALLOWED}"}
    ]


@pytest.mark.parametrize("value", ["5.5", "true", '"5"'])
def test_request_when_a_whole_number_is_wanted_then_refuses_others(value: str) -> None:
    contract = contract_of(column("age", kind="integer"))

    assert explain(f'{{"age": {value}}}', contract)[0]["field"] == "age"


@pytest.mark.parametrize(("value", "accepted"), [(0, False), (1, True), (9, True), (10, False)])
def test_request_when_a_whole_number_has_fractional_bounds_then_keeps_to_them(
    value: int, accepted: bool
) -> None:
    contract = contract_of(column("age", kind="integer", minimum=0.5, maximum=9.5))

    assert accepted_by_request({"age": value}, contract) is accepted


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_request_when_a_number_is_too_large_for_a_float_then_refuses_it(kind: str) -> None:
    contract = contract_of(column("age", kind=kind))

    problems = explain(f'{{"age": 1{"0" * 400}}}', contract)

    assert [problem["field"] for problem in problems] == ["age"]


# --- The schema -------------------------------------------------------------------------


def test_request_model_when_its_json_schema_is_asked_for_then_tells_the_whole_contract() -> None:
    contract = contract_of(
        column("age", kind="integer", minimum=1, exclusive_maximum=70, help="At hiring."),
        column("bonus", exclusive_minimum=0, maximum=9.5, required=False),
    )

    assert request_model(contract).model_json_schema() == {
        "title": "Request",
        "type": "object",
        "additionalProperties": False,
        "required": ["age"],
        "properties": {
            "age": {
                "title": "Age",
                "description": "At hiring. a whole number from 1 below 70 (units)",
                "examples": [5],
                "type": "integer",
                "minimum": 1,
                "maximum": 69,
            },
            "bonus": {
                "title": "Bonus",
                "description": "a number above 0 at most 9.5 (units)",
                "examples": [5.0],
                "default": None,
                "anyOf": [
                    {"type": "number", "exclusiveMinimum": 0, "maximum": 9.5},
                    {"type": "null"},
                ],
            },
        },
    }


# --- The same verdict as the table's -----------------------------------------------------


def accepted_by_request(row: dict[str, Any], contract: Contract) -> bool:
    try:
        request_model(contract).model_validate_json(json.dumps(row))
    except ValidationError:
        return False
    return True


def accepted_by_table(row: dict[str, Any], contract: Contract) -> bool:
    known = {item.column: row.get(item.name) for item in contract.features}
    raw = pd.DataFrame([{**known, contract.target.column: contract.target.example}])
    return bool(find_problems(raw, read_columns(raw, contract), contract).empty)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Contract, dict[str, Any]]:
    """A contract, and a row of which each cell is near one of its bounds, odd or missing."""
    contract = draw(contracts())
    row = {}
    for feature in contract.features:
        bounds = [
            feature.minimum,
            feature.maximum,
            feature.exclusive_minimum,
            feature.exclusive_maximum,
            feature.example,
        ]
        edges = [bound for bound in bounds if bound is not None]
        near = [np.nextafter(edge, end) for edge in edges for end in (-math.inf, math.inf)]
        value = draw(
            st.sampled_from([float(edge) for edge in [*edges, *near]])
            | st.floats(allow_nan=False)
            | st.sampled_from([math.inf, -math.inf, True, None, "five", 5])
        )
        if feature.kind == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON of a whole number has no point
        row[feature.name] = value
    return contract, row


@settings(deadline=None, max_examples=40)
@given(cases())
def test_request_when_a_row_is_given_then_accepts_it_if_and_only_if_the_table_checks_do(
    case: tuple[Contract, dict[str, Any]],
) -> None:
    contract, row = case

    assert accepted_by_request(row, contract) == accepted_by_table(row, contract)
