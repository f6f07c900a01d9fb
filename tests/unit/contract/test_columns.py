"""The kinds of columns: what each allows, how it says so, and what it refuses to be."""

import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from salary_kedro.contract import Category, Feature, Number, Target
from salary_kedro.contract.columns import MAX_TEXT, RESERVED_FOR_TARGET, RESERVED_NAMES
from samples import TARGET, boolean, category, column, contract_of, contracts, day

feature: TypeAdapter[Any] = TypeAdapter(Feature)
target: TypeAdapter[Any] = TypeAdapter(Target)


def make(**changes: Any) -> Any:
    return feature.validate_python(column("age", **changes))


def refusal(**changes: Any) -> str:
    """What is said when a column of numbers cannot be made."""
    return refused(column("age", **changes))


def refused(content: dict[str, Any], kind: TypeAdapter[Any] = feature) -> str:
    """What is said when a column cannot be made."""
    with pytest.raises(ValidationError) as caught:
        kind.validate_python(content)
    return str(caught.value.errors()[0]["msg"])


# --- What is allowed ----------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "value", "allowed"),
    [
        ({"minimum": 0}, 0, True),
        ({"minimum": 0}, -0.001, False),
        ({"maximum": 60}, 60, True),
        ({"maximum": 60}, 60.001, False),
        ({"exclusive_minimum": 0}, 0, False),
        ({"exclusive_minimum": 0}, 0.001, True),
        ({"exclusive_maximum": 60}, 60, False),
        ({"exclusive_maximum": 60}, 59.999, True),
        ({"kind": "integer"}, 4, True),
        ({"kind": "integer"}, 4.5, False),
        ({"kind": "number"}, 4.5, True),
        ({}, math.nan, False),
        ({}, math.inf, False),
        ({}, -math.inf, False),
        ({"kind": "integer"}, math.inf, False),
        ({}, 3.4e38, True),
        ({}, 3.5e38, False),  # more than a float32 holds, in which trees compare
        ({"kind": "integer"}, 2.0**53, True),
        ({"kind": "integer"}, 2.0**53 + 2, False),  # there, 2**53 + 1 would be 2**53
    ],
)
def test_allows_when_a_value_is_at_the_edge_then_says_whether_it_is_inside(
    bounds: dict[str, Any], value: float, allowed: bool
) -> None:
    assert make(**bounds).allows(value) is allowed


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ({}, "a number (units)"),
        ({"kind": "integer"}, "a whole number (units)"),
        ({"minimum": 0, "maximum": 60}, "a number from 0 to 60 (units)"),
        ({"minimum": 0.5}, "a number from 0.5 (units)"),
        ({"maximum": 60}, "a number at most 60 (units)"),
        ({"exclusive_minimum": 0}, "a number above 0 (units)"),
        ({"exclusive_maximum": 60}, "a number below 60 (units)"),
        ({"exclusive_minimum": 0, "maximum": 60}, "a number above 0 and at most 60 (units)"),
        ({"minimum": 0, "exclusive_maximum": 60}, "a number from 0 and below 60 (units)"),
    ],
)
def test_allowed_when_bounds_are_given_then_names_each(bounds: dict[str, Any], text: str) -> None:
    assert make(**bounds).allowed == text


@pytest.mark.parametrize("bound", [1_234_567, 72_861.25, 10_000_000])
def test_allowed_when_a_bound_has_many_digits_then_shows_them_all(bound: float) -> None:
    shown = make(maximum=bound).allowed.replace(",", "")

    assert f"at most {bound} (units)" in shown


# --- What a column may not be -----------------------------------------------------


def test_column_when_its_example_is_not_allowed_then_says_what_is() -> None:
    assert refusal(example=61, maximum=60) == (
        "Value error, example 61 is not allowed: it must be a number at most 60 (units)"
    )


def test_column_when_a_long_example_is_not_allowed_then_shows_all_of_its_digits() -> None:
    message = refusal(example=72_861.25, maximum=72_861.2).replace(",", "")

    assert "72861.25" in message


@pytest.mark.parametrize(
    "bounds",
    [
        {"minimum": 61, "maximum": 60},
        {"exclusive_minimum": 61, "maximum": 60},
        {"minimum": 61, "exclusive_maximum": 60},
    ],
)
def test_column_when_its_bounds_are_the_wrong_way_round_then_says_so(
    bounds: dict[str, float],
) -> None:
    assert refusal(**bounds) == "Value error, the minimum 61 is above the maximum 60"


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_column_when_its_name_is_one_of_the_answers_then_asks_to_rename_it(name: str) -> None:
    assert refusal(name=name) == (
        f"Value error, '{name}' is reserved for the service's answers; rename it"
    )


@pytest.mark.parametrize("name", ["", "Age", "1st", "years-of-work", "jähre", "a b", "age\n"])
def test_column_when_its_name_is_no_identifier_then_is_refused(name: str) -> None:
    assert refusal(name=name).startswith(f"Value error, {name!r} is not a field name: begin with")


@pytest.mark.parametrize("key", ["minimum", "maximum", "exclusive_minimum", "example"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_column_when_a_number_is_not_finite_then_is_refused(key: str, value: float) -> None:
    assert refusal(**{key: value}) == "Input should be a finite number"


def test_column_when_a_bound_is_text_then_is_refused() -> None:
    assert refusal(minimum="low").startswith("Input should be a valid number")


def test_column_when_it_is_made_then_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="Instance is frozen"):
        make().label = "Years"


# --- Categories ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("categories", "value", "allowed"),
    [
        (["a", "No"], "No", True),
        (["a", "No"], "no", False),
        (["a", "No"], "", False),
        ({"min_count": 3}, "anything", True),
        ({"min_count": 3}, "x" * MAX_TEXT, True),
        ({"min_count": 3}, "x" * (MAX_TEXT + 1), False),
        ({"min_count": 3}, "", False),
    ],
)
def test_category_when_asked_for_a_text_then_allows_the_listed_or_any(
    categories: Any, value: str, allowed: bool
) -> None:
    assert feature.validate_python(category("level", categories)).allows(value) is allowed


@pytest.mark.parametrize(
    ("categories", "text"),
    [
        (["a"], "one of 'a'"),
        (["b", "a"], "one of 'b', 'a'"),
        (
            [str(number) for number in range(14)],
            "one of '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11' and 2 more",
        ),
        ({"min_count": 3}, "a text of 1 to 200 characters"),
    ],
)
def test_category_when_it_tells_what_is_allowed_then_names_the_first_dozen(
    categories: Any, text: str
) -> None:
    assert feature.validate_python(category("level", categories)).allowed == text


def test_category_when_its_texts_are_learned_then_lists_none_and_has_a_least_count() -> None:
    learned: Category = feature.validate_python(category("level", {}))
    listed: Category = feature.validate_python(category("level", ["a"]))

    assert (learned.listed, learned.min_count) == (None, 10)
    assert (listed.listed, listed.min_count) == (("a",), 1)


@pytest.mark.parametrize(
    ("categories", "changes", "message"),
    [
        (
            [],
            {"example": "a"},
            "0 categories are listed; list 1 to 10,000, or let them be learned: {min_count: 10}",
        ),
        (["a", "b", "a"], {}, "category 'a' is listed twice"),
        (["a"], {"example": "b"}, "example 'b' is not allowed: it must be one of 'a'"),
        (
            {"min_count": 3},
            {"ordered": True},
            "ordered: list the categories in their order to have one",
        ),
    ],
    ids=["none", "twice", "example", "ordered"],
)
def test_category_when_its_list_cannot_be_then_says_why(
    categories: Any, changes: dict[str, Any], message: str
) -> None:
    assert refused(category("level", categories, **changes)) == f"Value error, {message}"


# --- Truth values ----------------------------------------------------------------------


def test_boolean_when_asked_then_allows_both_truth_values_in_words_of_json() -> None:
    found = feature.validate_python(boolean("remote", unit="at home"))

    assert (found.allows(True), found.allows(False)) == (True, True)
    assert found.allowed == "true or false (at home)"


def test_boolean_when_nothing_is_said_then_reads_what_programs_write() -> None:
    found = feature.validate_python(boolean("remote"))

    assert found.true_values == ("true", "True", "TRUE")
    assert found.false_values == ("false", "False", "FALSE")


def test_boolean_when_a_text_means_both_then_is_refused() -> None:
    assert refused(boolean("remote", true_values=["1"], false_values=["0", "1"])) == (
        "Value error, '1' is among true_values and false_values"
    )


# --- Dates -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "value", "allowed"),
    [
        ({"minimum": "2020-01-01"}, date(2020, 1, 1), True),
        ({"minimum": "2020-01-01"}, date(2019, 12, 31), False),
        ({"exclusive_maximum": "2021-01-01"}, date(2021, 1, 1), False),
        ({}, date(1, 1, 1), True),
    ],
)
def test_date_when_a_day_is_at_the_edge_then_says_whether_it_is_inside(
    bounds: dict[str, Any], value: date, allowed: bool
) -> None:
    assert feature.validate_python(day("hired", **bounds)).allows(value) is allowed


def test_date_when_it_tells_what_is_allowed_then_writes_days_as_requests_do() -> None:
    found = feature.validate_python(day("hired", minimum="2020-01-01", maximum="2020-12-31"))

    assert found.allowed == "a date, YYYY-MM-DD, from 2020-01-01 to 2020-12-31"


@pytest.mark.parametrize("value", ["2020", "20200229", "29/02/2020", "2021-02-29", 20200229, True])
def test_date_when_a_day_is_not_written_as_in_requests_then_is_refused(value: Any) -> None:
    assert refused(day("hired", example=value)) == (
        f"Value error, must be a date, as YYYY-MM-DD in quotes (found {value!r})"
    )


@pytest.mark.parametrize(
    "text", ["%Y-%m-%d", "%d/%m/%y", "%d %b %Y", "%B %d, %Y", "%Y%m%d", "%Y %j", "%d.%m.%Y %H:%M"]
)
def test_date_when_its_format_names_a_day_then_takes_it(text: str) -> None:
    assert feature.validate_python(day("hired", format=text)).format == text


@pytest.mark.parametrize(
    "text", ["DD/MM/YYYY", "%Y", "%Q %d %m %Y", "%x", "%d/%m", "%d-%m-%Y %z", "%", "%d%d%m%Y"]
)
def test_date_when_its_format_names_no_day_then_says_how(text: str) -> None:
    assert refused(day("hired", format=text)) == (
        f"Value error, {text!r} does not say how the table writes day, month and year; "
        f"'%d/%m/%Y' reads 23/11/2026, and '%d %b %Y' reads 23 Nov 2026"
    )


# --- Missing values --------------------------------------------------------------------


def test_column_when_a_required_value_is_to_be_indicated_then_is_refused() -> None:
    assert refusal(missing="indicate") == (
        "Value error, missing: 'indicate' has no meaning where a value is required"
    )
    assert make(missing="indicate", required=False).missing == "indicate"


# --- The target ------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"required": False}, {"use": "audit"}, {"use": "ignore"}])
def test_target_when_it_may_be_left_out_then_is_refused(changes: dict[str, Any]) -> None:
    assert refused({**TARGET, **changes}, target) == (
        "Value error, the target is always required and used: leave out these keys"
    )


@pytest.mark.parametrize("name", sorted(RESERVED_FOR_TARGET))
def test_target_when_its_name_is_one_of_the_answers_then_asks_to_rename_it(name: str) -> None:
    assert refused({**TARGET, "name": name}, target) == (
        f"Value error, '{name}' is reserved for the service's answers; rename it"
    )
    assert feature.validate_python(column("age", name=name)).name == name


@pytest.mark.parametrize("code", ["", "USD"])
def test_target_when_its_currency_is_a_code_or_none_then_takes_it(code: str) -> None:
    assert target.validate_python({**TARGET, "currency": code}).currency == code


@pytest.mark.parametrize("code", ["usd", "$", "EURO", "USD\n"])
def test_target_when_its_currency_is_no_code_then_is_refused(code: str) -> None:
    assert refused({**TARGET, "currency": code}, target) == (
        f"Value error, {code!r} is not a currency code: write three capitals, such as 'USD'"
    )


@pytest.mark.parametrize(
    "bounds", [{"exclusive_minimum": 0}, {"minimum": 1}, {"minimum": 0, "exclusive_minimum": 0}]
)
def test_target_when_its_values_lie_above_zero_then_may_be_fitted_on_a_log_scale(
    bounds: dict[str, float],
) -> None:
    content = {**TARGET, "exclusive_minimum": None, **bounds, "log_scale": True}

    assert target.validate_python(content).log_scale


@pytest.mark.parametrize("bounds", [{}, {"minimum": 0}, {"minimum": -1}, {"exclusive_minimum": -1}])
def test_target_when_its_values_may_be_zero_then_has_no_log_scale(
    bounds: dict[str, float],
) -> None:
    content = {**TARGET, "exclusive_minimum": None, **bounds, "log_scale": True}

    assert refused(content, target) == (
        "Value error, log_scale needs values above 0: set exclusive_minimum: 0"
    )


@settings(max_examples=50)
@given(contracts(), st.data())
def test_allows_when_a_column_is_made_then_takes_its_own_example(
    contract: Any, data: st.DataObject
) -> None:
    found = data.draw(st.sampled_from(contract.columns))

    assert found.allows(found.example)


def test_columns_when_the_contract_is_made_then_their_kinds_are_told_apart() -> None:
    contract = contract_of(
        column("a"), column("b", kind="integer"), category("c", ["x"]), boolean("d"), day("e")
    )

    assert [type(item).__name__ for item in contract.columns] == [
        "Number",
        "Integer",
        "Category",
        "Boolean",
        "Date",
        "NumberTarget",
    ]


# --- Weights ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{}, {"exclusive_minimum": -1}, {"minimum": 0}, {"exclusive_minimum": 0, "required": False}],
)
def test_weight_when_it_may_be_missing_or_0_then_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="needs a value above 0 in every row: set exclusive_"):
        contract_of(column("a"), column("w", use="weight", **changes))


@pytest.mark.parametrize("feature", [category("w", ["x"]), boolean("w"), day("w")])
def test_weight_when_it_is_no_number_then_is_refused(feature: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="is for a number that says how many people a row is"):
        contract_of(column("a"), {**feature, "use": "weight"})


@pytest.mark.parametrize("changes", [{"minimum": 0.5}, {"kind": "integer", "minimum": 1}])
def test_weight_when_its_bounds_are_above_0_then_is_taken(changes: dict[str, Any]) -> None:
    assert contract_of(column("a"), column("w", use="weight", **changes)).weight is not None


@pytest.mark.parametrize(
    ("value", "more"),
    [
        (1e300, ", and at most 3.4e+38"),
        (-1e300, ""),  # it is below the bound that is told
        (5, ""),
        (True, ""),
        ("x", ""),
        (None, ""),
    ],
)
def test_wanted_when_a_number_is_beyond_the_kind_alone_then_says_how_far_that_goes(
    value: object, more: str
) -> None:
    pay = contract_of(column("age", exclusive_minimum=0)).inputs[0]

    assert isinstance(pay, Number)
    assert pay.wanted(value) == f"a number above 0 (units){more}"
