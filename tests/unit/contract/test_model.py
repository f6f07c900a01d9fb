"""The contract: what it allows, how it says so, and what it refuses to be."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from salary_kedro.contract import Contract, ContractError, TableRules
from salary_kedro.contract.scoring import scoring_contract
from samples import TARGET, category, column, contract_of, contracts


def parse_error(content: dict[str, Any]) -> str:
    with pytest.raises(ContractError) as caught:
        Contract.parse(json.dumps(content))
    return str(caught.value)


# --- The contract as a whole ----------------------------------------------------------


def test_contract_when_two_columns_share_a_name_then_names_it() -> None:
    with pytest.raises(ValidationError, match="name 'age' is given to more than one column"):
        contract_of(column("age"), column("age", column="Age 2"))


def test_contract_when_a_feature_reads_the_target_column_then_names_it() -> None:
    with pytest.raises(ValidationError, match="column 'Salary' is given to more than one column"):
        contract_of(column("age", column="Salary"))


def test_contract_when_it_has_no_features_then_is_refused() -> None:
    assert parse_error({"features": [], "target": TARGET}) == (
        "contract.features: must hold at least 1 (found [])"
    )


def test_columns_when_there_are_several_features_then_keep_their_order_before_the_target() -> None:
    contract = contract_of(column("b"), column("a"))

    assert [item.name for item in contract.columns] == ["b", "a", "salary"]
    assert contract.feature_names == ["b", "a"]


W = column("w", use="weight", exclusive_minimum=0)


def test_columns_when_features_have_uses_then_each_use_finds_its_own() -> None:
    contract = contract_of(
        column("a"), column("b", use="audit"), column("c", use="ignore"), category("d", ["x"]), W
    )

    assert [item.name for item in contract.columns] == ["a", "b", "d", "w", "salary"]
    assert contract.feature_names == ["a", "d"]
    assert [item.name for item in contract.audits] == ["b"]
    assert contract.weight is contract.features[4]


def test_columns_when_one_serves_the_split_then_is_read_and_nothing_else_sees_it() -> None:
    contract = contract_of(column("a"), column("person", use="split"))

    assert [item.name for item in contract.columns] == ["a", "person", "salary"]
    assert contract.feature_names == ["a"]
    assert contract.audits == ()
    assert [item.name for item in scoring_contract(contract).columns] == ["a"]


def test_weight_when_no_column_is_one_then_is_none() -> None:
    assert contract_of(column("a")).weight is None


def test_contract_when_two_columns_are_weights_then_is_refused() -> None:
    with pytest.raises(ValidationError, match="'w' and 'v' are of use 'weight', but a row has one"):
        contract_of(column("a"), W, {**W, "column": "V", "name": "v"})


@pytest.mark.parametrize("use", ["audit", "ignore"])
def test_has_categories_when_the_only_one_is_no_feature_then_is_false(use: str) -> None:
    assert not contract_of(column("a"), category("d", ["x"], use=use)).has_categories
    assert contract_of(column("a"), category("d", ["x"])).has_categories


def test_contract_when_nothing_is_of_use_then_is_refused() -> None:
    with pytest.raises(ValidationError, match="no feature is of use 'feature'"):
        contract_of(column("a", use="audit"))


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
        "contract.features.age.minimun: unknown key; did you mean 'minimum'?; "
        "contract.target: kind 'text' is not known; it is one of number, integer; "
        "contract.table.max_rejected_share: must be at most 1 (found 1.5)"
    )


def test_parse_when_a_key_is_missing_then_names_it() -> None:
    target = {key: value for key, value in TARGET.items() if key != "unit"}

    assert parse_error({"features": [column("age")], "target": target}) == (
        "contract.target.unit: is missing"
    )


def test_parse_when_the_only_feature_is_wrong_then_says_nothing_but_that() -> None:
    assert parse_error({"features": [column("age", maximum=4)], "target": TARGET}) == (
        "contract.features.age: example 5 is not allowed: it must be a number at most 4 (units)"
    )


def test_parse_when_the_text_is_not_json_then_is_a_contract_error() -> None:
    with pytest.raises(ContractError, match=r"^contract: Invalid JSON"):
        Contract.parse(b"{")


@settings(max_examples=50)
@given(contracts())
def test_parse_when_a_contract_was_written_as_json_then_gives_it_back(contract: Contract) -> None:
    assert Contract.parse(contract.model_dump_json()) == contract


@settings(max_examples=50)
@given(contracts())
def test_parse_when_a_contract_was_written_as_plain_values_then_gives_it_back(
    contract: Contract,
) -> None:
    assert Contract.parse(json.dumps(contract.model_dump(mode="json"))) == contract


def test_parse_when_it_was_written_before_trim_was_known_then_texts_are_not_trimmed(
    contract: Contract,
) -> None:
    written = contract.model_dump(mode="json")
    del written["table"]["trim"]

    assert not Contract.parse(json.dumps(written)).table.trim
    assert Contract.of(written).table.trim


def test_contract_when_the_log_names_a_field_that_no_request_holds_then_says_which_do() -> None:
    audited = [column("years"), column("staff"), column("sex", use="audit")]
    with pytest.raises(ValidationError) as raised:
        contract_of(*audited, request_log={"fields": ["years", "sex"]})

    assert raised.value.errors()[0]["msg"] == (
        "Value error, request_log.fields names 'sex', which no request holds: name any of years, "
        "staff"
    )


def test_logged_inputs_when_some_are_named_then_keep_the_order_of_the_inputs() -> None:
    both = [column("years"), column("staff"), column("level")]

    some = contract_of(*both, request_log={"fields": ["level", "years"]})

    assert [item.name for item in some.logged_inputs] == ["years", "level"]
    assert contract_of(*both).logged_inputs == contract_of(*both).inputs
    assert contract_of(*both, request_log={"fields": []}).logged_inputs == ()
