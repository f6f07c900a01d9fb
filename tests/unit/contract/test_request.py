"""The request model: strict, bounded, and explained in words."""

import contextlib
import json
import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from kinds import AWKWARD, GOOD, all_kinds, category, learned
from salary_kedro.contract import Contract
from salary_kedro.contract.encoding import Value
from salary_kedro.contract.request import (
    example_request,
    explain_invalid,
    request_model,
    request_values,
)
from salary_kedro.tables.checked import check
from samples import TARGET, column, contract_of, contracts

ALLOWED = "it must be a number from 0 to 60 (years)"


def values(body: str, contract: Contract) -> list[Value]:
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


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"age": 1}', [1, None]),
        ('{"age": 1, "salary": null}', [1, None]),
        ('{"salary": 2000.5, "age": 1}', [1, 2000.5]),
    ],
)
def test_request_when_a_target_may_be_compared_then_gives_it_last(
    body: str, expected: list[Value]
) -> None:
    model = request_model(contract_of(column("age")), compared=True)

    assert request_values(model.model_validate_json(body)) == expected


@pytest.mark.parametrize("salary", ["2000.5", "0", '"2000"', "true", "NaN"])
def test_request_when_a_compared_target_is_not_of_its_kind_then_says_so_without_quoting_it(
    salary: str,
) -> None:
    whole = {**TARGET, "kind": "integer", "minimum": 1, "maximum": 9_999}
    del whole["exclusive_minimum"]
    contract = contract_of(column("age"), target={**whole, "example": 5_000})

    model, body = request_model(contract, compared=True), f'{{"age": 1, "salary": {salary}}}'

    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(body)

    assert explain_invalid(caught.value, contract, compared=True) == [
        {
            "field": "salary",
            "message": "what was sent is not allowed; it must be a whole number from 1 to "
            "9,999 (a year)",
        }
    ]


@pytest.mark.parametrize("body", ["{}", '{"age": null}'])
def test_request_when_an_optional_value_is_missing_then_gives_none(body: str) -> None:
    assert values(body, contract_of(column("age", required=False))) == [None]


@pytest.mark.parametrize(
    ("sent", "whole"),
    [
        ("5", 5),
        ("5.0", 5),
        ("5e0", 5),
        ("-0.0", 0),
        ("9007199254740991.0", 2**53 - 1),
        ("9007199254740992", 2**53),
    ],
)
def test_request_when_a_whole_number_is_wanted_then_takes_it_with_a_point_or_without(
    sent: str, whole: int
) -> None:
    (value,) = values(f'{{"age": {sent}}}', contract_of(column("age", kind="integer")))
    assert value == whole
    assert type(value) is int


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
        {"field": "", "message": "it is not an object; the fields are experience_years"}
    ]


def test_explain_when_a_row_of_many_is_wrong_then_says_which(contract: Contract) -> None:
    rows: TypeAdapter[list[BaseModel]] = TypeAdapter(list[request_model(contract)])  # type: ignore[misc]
    with pytest.raises(ValidationError) as caught:
        rows.validate_python([{"experience_years": 5.0}, {"experience_years": 99.0}])

    assert explain_invalid(caught.value, contract) == [
        {"field": "1.experience_years", "message": f"99.0 is not allowed; {ALLOWED}"}
    ]


@pytest.mark.parametrize(
    ("value", "shown", "limit"),
    [
        *[(text, text, "") for text in ("5.5", "true", '"5"')],
        ("9007199254740993", "9007199254740993", ", and at most 9007199254740992"),
        ("1e300", "1e+300", ", and at most 9007199254740992"),
        ("-1e300", "-1e+300", ", and at least -9007199254740992"),
        ("9007199254740993.0", "9007199254740992.0", ""),
    ],
)
def test_request_when_a_whole_number_is_wanted_then_refuses_others(
    value: str, shown: str, limit: str
) -> None:
    contract = contract_of(column("age", kind="integer"))

    message = f"{shown} is not allowed; it must be a whole number (units){limit}"
    assert explain(f'{{"age": {value}}}', contract) == [{"field": "age", "message": message}]


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
                "description": "At hiring. A whole number from 1 and below 70 (units)",
                "examples": [5],
                "type": "integer",
                "minimum": 1,
                "maximum": 69,
            },
            "bonus": {
                "title": "Bonus",
                "description": "A number above 0 and at most 9.5 (units)",
                "examples": [5.0],
                "default": None,
                "anyOf": [
                    {"type": "number", "exclusiveMinimum": 0, "maximum": 9.5},
                    {"type": "null"},
                ],
            },
        },
    }


@pytest.mark.parametrize(
    ("bounds", "schema"),
    [
        (
            {"kind": "integer"},
            {"type": "integer", "minimum": -9007199254740992, "maximum": 9007199254740992},
        ),
        (
            {"kind": "integer", "minimum": 0.5, "exclusive_minimum": 1, "exclusive_maximum": 9.5},
            {"type": "integer", "minimum": 2, "maximum": 9},
        ),
        ({"kind": "number"}, {"type": "number", "minimum": -3.4e38, "maximum": 3.4e38}),
        (
            {"minimum": 0, "exclusive_minimum": 0, "maximum": 9, "exclusive_maximum": 10},
            {"type": "number", "exclusiveMinimum": 0.0, "maximum": 9.0},
        ),
    ],
    ids=["whole, open", "whole, both", "open", "both"],
)
def test_request_model_when_bounds_are_open_or_double_then_its_json_schema_tells_the_tightest(
    bounds: dict[str, Any], schema: dict[str, Any]
) -> None:
    contract = contract_of(column("age", **bounds))

    found = request_model(contract).model_json_schema()["properties"]["age"]
    assert {**found, **schema} == found
    assert found.keys() == {"title", "description", "examples", *schema}


# --- The other kinds -----------------------------------------------------------------


def day(**changes: Any) -> dict[str, Any]:
    return column("hired", kind="date", unit="", example="2015-06-30", **changes)


def flag(**changes: Any) -> dict[str, Any]:
    return column("manager", kind="boolean", unit="", example=True, **changes)


def test_request_when_every_kind_is_given_then_gives_the_values_in_the_contracts_order() -> None:
    assert values(json.dumps(dict(reversed(GOOD.items()))), all_kinds()) == [
        *(40, 5.5, 5, "Senior", "${x}", "Analyst", False, True),
        date(2015, 6, 30),
    ]


def test_request_when_every_optional_value_is_missing_then_gives_none_for_each() -> None:
    contract = contract_of(
        category("site", "a", required=False),
        learned("job", "Analyst", required=False),
        flag(required=False),
        day(required=False),
    )
    assert values("{}", contract) == [None] * 4


@pytest.mark.parametrize("text", AWKWARD)
def test_request_when_a_listed_text_is_awkward_then_takes_it(text: str) -> None:
    assert values(json.dumps({"site": text}), contract_of(category("site", *AWKWARD))) == [text]


@pytest.mark.parametrize("text", ["x", "No", "\U0001f642" * 200])
def test_request_when_categories_are_learned_then_takes_any_text(text: str) -> None:
    contract = contract_of(learned("job", "Analyst"))
    assert values(json.dumps({"job": text}), contract) == [text]


@pytest.mark.parametrize("text", ["Low ", "\u00a0Low", "lOW", "low\u200b"])
def test_request_when_a_text_differs_by_what_does_not_matter_then_takes_it(text: str) -> None:
    folded = contract_of(category("level", "Low", "High", fold=True))
    any_text = contract_of(learned("level", "low", fold=True))

    assert values(json.dumps({"level": text}), folded) == ["Low"]
    assert values(json.dumps({"level": text}), any_text) == ["low"]


def test_request_when_spaces_matter_then_refuses_what_is_not_listed_so() -> None:
    contract = contract_of(category("level", "Low", "High"), table={"trim": False})

    (problem,) = explain(json.dumps({"level": "Low "}), contract)

    assert problem["message"] == "\"Low \" is not allowed; it must be one of 'Low', 'High'"


LISTED = "one of 'Low', 'High'"
ANY_TEXT = "a text of 1 to 200 characters"
TRUTH = "true or false"
DAY = "a date, YYYY-MM-DD, from 2000-01-01 to 2026-12-31"


@pytest.mark.parametrize(
    ("feature", "value", "allowed"),
    [
        (category("grade", "Low", "High"), value, LISTED)
        for value in ("low", "Lo w", "", None, 1, True, ["Low"])
    ]
    + [(learned("job", "Analyst"), value, ANY_TEXT) for value in ("", " ", "x" * 201, 5, None)]
    + [(flag(), value, TRUTH) for value in (1, 0, "true", "yes", None)]
    + [
        (day(minimum="2000-01-01", maximum="2026-12-31"), value, DAY)
        for value in (
            *("1999-12-31", "2027-01-01", "2015-02-29", "30.06.2015", "2015-6-30", "20150630"),
            *("2015-06-30T00:00:00", "2015-06-30Z", " 2015-06-30", "", 16616, 1435622400, None),
        )
    ],
)
def test_explain_when_a_value_is_not_of_its_kind_then_says_what_is_allowed(
    feature: dict[str, Any], value: object, allowed: str
) -> None:
    ((problem),) = explain(json.dumps({feature["name"]: value}), contract_of(feature))
    assert problem["field"] == feature["name"]
    assert problem["message"].endswith(f" is not allowed; it must be {allowed}")


def test_explain_when_a_column_is_no_input_then_it_is_an_unknown_field() -> None:
    contract = contract_of(
        column("age"), category("sex", "f", "m", use="audit"), learned("note", "x", use="ignore")
    )
    told = "unknown field; the fields are age"
    assert explain('{"age": 1, "sex": "f", "note": "x"}', contract) == [
        {"field": "sex", "message": told},
        {"field": "note", "message": told},
    ]


def test_explain_when_many_rows_break_a_long_list_then_stays_small() -> None:
    """10,000 rows and as many categories: 100 million texts, if each error repeated the list."""
    contract = contract_of(category("site", *(f"site number {i}" for i in range(10_000))))
    rows: TypeAdapter[list[BaseModel]] = TypeAdapter(list[request_model(contract)])  # type: ignore[misc]
    with pytest.raises(ValidationError) as caught:
        rows.validate_json(json.dumps([{"site": "x"}] * 10_000))

    assert sum(len(item["message"]) for item in explain_invalid(caught.value, contract)) < 5e6


def test_example_request_when_made_then_is_accepted() -> None:
    body = json.dumps(example_request(all_kinds()))
    assert len(values(body, all_kinds())) == 9


def test_request_model_when_kinds_are_not_numbers_then_its_json_schema_tells_them() -> None:
    contract = contract_of(
        category("grade", "Low", "High", help="Of the post."),
        learned("job", "Analyst", required=False),
        flag(),
        day(minimum="2000-01-01"),
    )

    assert request_model(contract).model_json_schema()["properties"] == {
        "grade": {
            "title": "Grade",
            "description": "Of the post. One of 'Low', 'High'",
            "examples": ["Low"],
            "type": "string",
            "enum": ["Low", "High"],
        },
        "job": {
            "title": "Job",
            "description": "A text of 1 to 200 characters",
            "examples": ["Analyst"],
            "default": None,
            "anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "null"}],
        },
        "manager": {
            "title": "Manager",
            "description": "True or false",
            "examples": [True],
            "type": "boolean",
        },
        "hired": {
            "title": "Hired",
            "description": "A date, YYYY-MM-DD, from 2000-01-01",
            "examples": ["2015-06-30"],
            "type": "string",
            "format": "date",
        },
    }


# --- The same verdict as the table's -----------------------------------------------------


def accepted_by_request(row: dict[str, Any], contract: Contract) -> bool:
    try:
        request_model(contract).model_validate_json(json.dumps(row))
    except ValidationError:
        return False
    return True


def in_table(feature: Any, value: Any) -> Any:
    """A cell as a raw file holds it: booleans are texts there, and days are in its format."""
    if feature.kind == "date" and isinstance(value, str):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(value).strftime(feature.format)
    if feature.kind == "boolean" and isinstance(value, bool):
        return feature.true_values[0] if value else feature.false_values[0]
    return value


def accepted_by_table(row: dict[str, Any], contract: Contract) -> bool:
    values = {item.name: item.example for item in contract.features} | row
    known = {item.column: in_table(item, values[item.name]) for item in contract.features}
    raw = pd.DataFrame([{**known, contract.target.column: contract.target.example}])
    return check(raw, contract).reasons.empty


def near_bounds(feature: Any) -> st.SearchStrategy[Any]:
    """Numbers near a bound, odd ones and none."""
    edges = [edge for edge in (*bounds(feature), feature.example) if edge is not None]
    near = [np.nextafter(edge, end) for edge in edges for end in (-math.inf, math.inf)]
    odd = [math.inf, -math.inf, True, None, "five", 5]
    values = st.sampled_from([float(edge) for edge in [*edges, *near]])
    values |= st.floats(allow_nan=False) | st.sampled_from(odd)
    return st.tuples(values, st.booleans()).map(lambda drawn: spelled(*drawn))


def spelled(value: Any, pointed: bool) -> Any:
    """A whole number with a point or without; from 2^53 on requests take it without alone."""
    if not isinstance(value, float) or not value.is_integer():
        return value
    return value if pointed and abs(value) < 2**53 else int(value)


def days_near_bounds(feature: Any) -> st.SearchStrategy[Any]:
    """Days near a bound, odd ones and none."""
    edges = [edge for edge in (*bounds(feature), feature.example) if edge is not None]
    near = [edge + timedelta(days=step) for edge in edges for step in (-1, 0, 1)]
    odd = ["2015-02-29", "2015-06-30x", "x", None]
    return st.sampled_from(near).map(date.isoformat) | st.sampled_from(odd)


def bounds(feature: Any) -> tuple[Any, ...]:
    return (
        feature.minimum,
        feature.maximum,
        feature.exclusive_minimum,
        feature.exclusive_maximum,
    )


def cells(feature: Any) -> st.SearchStrategy[Any]:
    """Values of one feature, of which about half are refused."""
    match feature.kind:
        case "category":
            known = list(feature.listed or ["x" * 200, "x" * 201])
            return st.sampled_from([*known, *AWKWARD, "other", None]) | st.text(TEXT, min_size=1)
        case "boolean":
            return st.sampled_from([True, False, "yes", None])
        case "date":
            return days_near_bounds(feature)
    return near_bounds(feature)


#: What both JSON and a table can hold: no halves of a surrogate pair.
TEXT = st.characters(exclude_categories=["Cs"])


@st.composite
def kind_columns(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A valid column of any kind but number and integer."""
    required = {"required": draw(st.booleans())}
    match draw(st.sampled_from(["listed", "learned", "boolean", "date"])):
        case "listed":
            texts = st.text(TEXT, min_size=1, max_size=20) | st.sampled_from(AWKWARD)
            listed = draw(st.lists(texts, min_size=1, max_size=5, unique=True))
            return category(name, *listed, **required)
        case "learned":
            return learned(name, "Analyst", **required)
        case "boolean":
            return column(name, kind="boolean", unit="", example=draw(st.booleans()), **required)
    example = draw(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
    gaps = st.none() | st.integers(1, 10_000).map(lambda days: timedelta(days=days))
    below, above, far_below, far_above = (draw(gaps) for _ in range(4))
    return column(
        name,
        kind="date",
        unit="",
        example=example,
        minimum=below and example - below,
        maximum=above and example + above,
        exclusive_minimum=far_below and example - far_below,
        exclusive_maximum=far_above and example + far_above,
        **required,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Contract, dict[str, Any]]:
    """A contract, and a row of which each cell is near one of its bounds, odd or missing."""
    numbers = draw(contracts())
    others = [draw(kind_columns(f"other_{i}")) for i in range(draw(st.integers(0, 3)))]
    features = [*(feature.model_dump() for feature in numbers.features), *others]
    contract = Contract.model_validate({**numbers.model_dump(), "features": features})
    return contract, {feature.name: draw(cells(feature)) for feature in contract.inputs}


@settings(max_examples=100)
@given(cases())
@pytest.mark.slow
def test_request_when_a_row_is_given_then_accepts_it_if_and_only_if_the_table_checks_do(
    case: tuple[Contract, dict[str, Any]],
) -> None:
    contract, row = case

    assert accepted_by_request(row, contract) == accepted_by_table(row, contract)


@pytest.mark.parametrize("text", ["1735689600", "1735689600000", "2026-W47-1", "2026-11-23T00:00"])
def test_request_when_a_date_is_written_otherwise_then_refuses_it(text: str) -> None:
    contract = contract_of(column("start", kind="date", unit="", example="2026-11-23"))

    assert [item["field"] for item in explain(json.dumps({"start": text}), contract)] == ["start"]


@pytest.mark.parametrize("bound", ["minimum", "exclusive_minimum"])
def test_request_when_a_bound_lies_beyond_what_models_take_then_refuses_the_value(
    bound: str,
) -> None:
    contract = contract_of(column("age", **{bound: -1e300}))

    assert [item["field"] for item in explain('{"age": -1e299}', contract)] == ["age"]
    assert values('{"age": -1e38}', contract) == [-1e38]
