"""The contract: what it allows, how it says so, and what it refuses to be."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from salary_kedro.contract import Column, Contract, ContractError, TableRules
from salary_kedro.contract.model import RESERVED_NAMES
from samples import TARGET, column, contract_of, contracts


def make(**changes: Any) -> Column:
    return Column.model_validate(column("age", **changes))


def refusal(**changes: Any) -> str:
    """What is said when a column cannot be made."""
    with pytest.raises(ValidationError) as caught:
        make(**changes)
    return str(caught.value.errors()[0]["msg"])


def parse_error(content: dict[str, Any]) -> str:
    with pytest.raises(ContractError) as caught:
        Contract.parse(json.dumps(content))
    return str(caught.value)


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
        ({"exclusive_minimum": 0, "maximum": 60}, "a number above 0 at most 60 (units)"),
        ({"minimum": 0, "exclusive_maximum": 60}, "a number from 0 below 60 (units)"),
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
    assert refusal(**bounds) == "Value error, the minimum 61 lies above the maximum 60"


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_column_when_its_name_is_one_of_the_answers_then_asks_to_rename_it(name: str) -> None:
    assert refusal(name=name) == (
        f"Value error, name '{name}' is reserved for the service's answers; rename it"
    )


@pytest.mark.parametrize("name", ["", "Age", "1st", "years-of-work", "jähre", "a b", "age\n"])
def test_column_when_its_name_is_no_identifier_then_is_refused(name: str) -> None:
    assert "String should match pattern" in refusal(name=name)


@pytest.mark.parametrize("key", ["minimum", "maximum", "exclusive_minimum", "example"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_column_when_a_number_is_not_finite_then_is_refused(key: str, value: float) -> None:
    assert refusal(**{key: value}) == "Input should be a finite number"


def test_column_when_a_bound_is_text_then_is_refused() -> None:
    assert refusal(minimum="low").startswith("Input should be a valid number")


def test_column_when_it_is_made_then_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="Instance is frozen"):
        make().minimum = 3  # type: ignore[misc]


# --- The contract as a whole ----------------------------------------------------------


def test_contract_when_two_columns_share_a_name_then_names_it() -> None:
    with pytest.raises(ValidationError, match="name 'age' is given to more than one column"):
        contract_of(column("age"), column("age", column="Age 2"))


def test_contract_when_a_feature_reads_the_target_column_then_names_it() -> None:
    with pytest.raises(ValidationError, match="column 'Salary' is given to more than one column"):
        contract_of(column("age", column="Salary"))


def test_contract_when_it_has_no_features_then_is_refused() -> None:
    assert parse_error({"features": [], "target": TARGET}) == (
        "contract.features: Tuple should have at least 1 item after validation, not 0 (found [])"
    )


def test_columns_when_there_are_several_features_then_keep_their_order_before_the_target() -> None:
    contract = contract_of(column("b"), column("a"))

    assert [item.name for item in contract.columns] == ["b", "a", "salary"]
    assert contract.feature_names == ["b", "a"]


def test_feature_when_nothing_is_said_then_is_required() -> None:
    assert contract_of(column("age")).features[0].required is True


def test_table_rules_when_nothing_is_said_then_allow_a_twentieth_to_be_rejected() -> None:
    assert contract_of(column("age")).table == TableRules(max_rejected_share=0.05)


# --- Reading it from JSON ----------------------------------------------------------------


def test_parse_when_keys_are_misspelt_or_wrong_then_names_each_with_what_was_found() -> None:
    content = {
        "features": [column("age", minimun=3), column("rank")],
        "target": {**TARGET, "kind": "text"},
        "table": {"max_rejected_share": 1.5},
    }

    assert parse_error(content) == (
        "contract.features.0.minimun: unknown key; did you mean 'minimum'?; "
        "contract.target.kind: Input should be 'number' or 'integer' (found 'text'); "
        "contract.table.max_rejected_share: Input should be less than or equal to 1 (found 1.5)"
    )


def test_parse_when_a_key_is_missing_then_names_it() -> None:
    target = {key: value for key, value in TARGET.items() if key != "unit"}

    assert parse_error({"features": [column("age")], "target": target}) == (
        "contract.target.unit: Field required"
    )


def test_parse_when_the_only_feature_is_wrong_then_says_nothing_but_that() -> None:
    assert parse_error({"features": [column("age", maximum=4)], "target": TARGET}) == (
        "contract.features.0: example 5 is not allowed: it must be a number at most 4 (units)"
    )


def test_parse_when_the_text_is_not_json_then_is_a_contract_error() -> None:
    with pytest.raises(ContractError, match=r"^contract: Invalid JSON"):
        Contract.parse(b"{")


@settings(deadline=None, max_examples=50)
@given(contracts())
def test_parse_when_a_contract_was_written_as_json_then_gives_it_back(contract: Contract) -> None:
    assert Contract.parse(contract.model_dump_json()) == contract


@settings(deadline=None, max_examples=50)
@given(contracts())
def test_parse_when_a_contract_was_written_as_plain_values_then_gives_it_back(
    contract: Contract,
) -> None:
    assert Contract.parse(json.dumps(contract.model_dump(mode="json"))) == contract
