"""The data dictionary: one line a column, made from the contract alone."""

import csv
import io

from salary_kedro.contract.dictionary import data_dictionary
from samples import category, column, contract_of

CONTRACT = contract_of(
    column("age", minimum=20, maximum=60, example=30, unit="years", help="Full years, or parts."),
    category("job", ["clerk", "cook"], required=False),
    column("remote", kind="boolean", unit="", example=True, required=False, missing="indicate"),
    column("hired", kind="date", unit="", example="2020-02-01", required=False),
    category("sex", ["F", "M"], use="audit"),
)


def lines() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data_dictionary(CONTRACT))))


def test_data_dictionary_when_made_then_has_a_line_a_column_and_the_target_last() -> None:
    assert [(line["field"], line["use"]) for line in lines()] == [
        ("age", "feature"),
        ("job", "feature"),
        ("remote", "feature"),
        ("hired", "feature"),
        ("sex", "audit"),
        ("salary", "target"),
    ]


def test_data_dictionary_when_made_then_says_all_about_a_column() -> None:
    assert lines()[0] == {
        "column": "Age",
        "field": "age",
        "kind": "number",
        "unit": "years",
        "allowed": "a number from 20 to 60 (years)",
        "required": "yes",
        "missing": "not allowed",
        "use": "feature",
        "model sees": "the number",
        "label": "Age",
        "help": "Full years, or parts.",
        "example": "30",
    }


def test_data_dictionary_when_values_may_be_missing_then_says_what_becomes_of_them() -> None:
    assert [line["missing"] for line in lines()[1:4]] == [
        "a category of its own",
        "the training median takes its place, and a further input says so",
        "the training median takes its place",
    ]


def test_data_dictionary_when_the_model_sees_something_else_then_says_what() -> None:
    assert [line["model sees"] for line in lines()[1:]] == [
        "the text", "1 for true, 0 for false", "days since 1970-01-01", "", ""
    ]  # fmt: skip


def test_data_dictionary_when_made_then_examples_are_as_requests_have_them() -> None:
    assert [line["example"] for line in lines()[1:5]] == ["clerk", "true", "2020-02-01", "F"]
