"""Warnings about one row outside of what training covered."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings

from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain, DomainCheck, impossible
from salary_kedro.tables.frames import domain_warnings, encode_frame, learn_domain
from samples import (
    TARGET,
    boolean,
    category,
    clean_column,
    column,
    contract_of,
    contracts_and_rows,
    day,
)

CONTRACT = contract_of(
    column("age", required=False),
    category("level", {}, required=False),
    boolean("remote", required=False),
    day("hired", required=False),
)
CHECK = DomainCheck(
    Domain(ranges={"age": (30, 50.5), "hired": (0, 2)}, categories={"level": ("junior",)}), CONTRACT
)
LOG_SCALE = "a model with log_scale predicts no such value"
OUTSIDE = "is outside the training range:"


@pytest.mark.parametrize(
    ("row", "warnings"),
    [
        ([30, "junior", True, "1970-01-01"], []),
        ([50.5, "junior", False, "1970-01-03"], []),
        ([None, None, None, None], []),
        ([29.9, None, None, None], [f"Age {OUTSIDE} 30 to 50.5 units"]),
        ([50.6, None, None, None], [f"Age {OUTSIDE} 30 to 50.5 units"]),
        ([None, None, None, "1970-01-04"], [f"Hired {OUTSIDE} 1970-01-01 to 1970-01-03"]),
        (
            [None, "Junior", None, None],
            ["Level 'Junior' did not occur in the training data"],
        ),
        (
            [None, "x" * 41, None, None],
            [f"Level '{'x' * 40}...' did not occur in the training data"],
        ),
        (
            [0, "boss", None, "2020-01-01"],
            [
                f"Age {OUTSIDE} 30 to 50.5 units",
                "Level 'boss' did not occur in the training data",
                f"Hired {OUTSIDE} 1970-01-01 to 1970-01-03",
            ],
        ),
    ],
)
def test_warn_when_a_row_is_given_then_names_each_value_outside(
    row: list[Any], warnings: list[str]
) -> None:
    assert CHECK.warn(row) == warnings
    by_place = CHECK.warn_columns([[None, value] for value in row])
    assert {place: [*told.values()] for place, told in by_place.items()} == (
        {1: warnings} if warnings else {}
    )


def test_warn_when_the_domain_is_not_known_then_says_nothing() -> None:
    assert DomainCheck(Domain(), CONTRACT).warn([1e9, "boss", True, "2999-01-01"]) == []


def test_domain_when_written_as_json_then_is_read_back() -> None:
    domain = Domain(ranges={"age": (1, 2)}, categories={"level": ("${x}", "é")})

    assert Domain.model_validate_json(domain.model_dump_json()) == domain


@settings(max_examples=50)
@given(contracts_and_rows())
def test_warn_when_rows_are_checked_one_by_one_then_says_what_is_said_of_the_frame(
    pair: tuple[Contract, list[list[Any]]],
) -> None:
    contract, rows = pair
    clean = pd.DataFrame(
        {
            feature.name: clean_column([row[place] for row in rows], feature)
            for place, feature in enumerate(contract.inputs)
        }
    )
    domain = learn_domain(clean.iloc[: len(rows) // 2], contract)
    check = DomainCheck(domain, contract)

    found = domain_warnings(encode_frame(clean, contract), domain, contract)

    assert found.tolist() == ["; ".join(check.warn(row)) for row in rows]
    told = {place: check.warn_by_field(row) for place, row in enumerate(rows) if check.warn(row)}
    assert check.warn_columns([[*values] for values in zip(*rows, strict=True)]) == told


@pytest.mark.parametrize(
    ("target", "value", "warning"),
    [
        ({}, 0.01, None),
        (
            {},
            -16568.4,
            f"Salary is predicted as -16,568.4, but must be a number above 0 (a year): {LOG_SCALE}",
        ),
        (
            {"exclusive_minimum": -5},
            -6,
            "Salary is predicted as -6, but must be a number above -5 (a year)",
        ),
        (
            {"maximum": 60000},
            60001,
            (
                "Salary is predicted as 60,001, but must be a number above 0 and at most 60,000 "
                "(a year)"
            ),
        ),
        ({"kind": "integer"}, 5.5, None),
    ],
)
def test_impossible_when_a_prediction_is_outside_the_targets_bounds_then_says_so(
    target: dict[str, Any], value: float, warning: str | None
) -> None:
    assert impossible(value, contract_of(column("age"), target=TARGET | target).target) == warning


def test_warnings_when_training_met_rarer_texts_then_another_one_is_not_strange() -> None:
    contract = contract_of(category("job", {"min_count": 2}, example="x"))
    rows = pd.DataFrame({"job": pd.Categorical(["clerk", "clerk", "rare"])})

    domain = learn_domain(rows, contract)

    assert domain.others == ("job",)
    assert DomainCheck(domain, contract).warn(["new"]) == []
    assert domain_warnings(encode_frame(rows, contract), domain, contract).tolist() == [""] * 3


def test_warnings_when_training_met_no_rarer_text_then_another_one_is_strange() -> None:
    contract = contract_of(category("job", {"min_count": 2}, example="x"))
    rows = pd.DataFrame({"job": pd.Categorical(["clerk", "clerk"])})

    domain = learn_domain(rows, contract)

    assert DomainCheck(domain, contract).warn(["new"]) == [
        "Job 'new' did not occur in the training data"
    ]
