"""Which values of a category the form knows, and which it calls unusual."""

from dataclasses import replace

import pytest

from fields import folded, is_unusual, known_as
from salary_kedro.contract.spelling import fold
from service_client import Feature

JOB = Feature.from_json(
    {"name": "job", "kind": "category", "categories": {"min_count": 2}, "example": "Clerk"},
    {"categories": {"job": ["Clerk", "Driver"]}},
)


@pytest.mark.parametrize(("text", "expected"), [("Clerk", False), ("clerk", True), ("Cook", True)])
def test_unusual_when_spellings_are_told_apart_then_is_what_training_did_not_meet(
    text: str, expected: bool
) -> None:
    assert is_unusual(JOB, text) is expected


@pytest.mark.parametrize(("text", "known"), [("CLERK", "Clerk"), (" clerk", "Clerk"), ("x", "x")])
def test_known_when_spellings_are_one_then_is_the_one_that_is_offered(
    text: str, known: str
) -> None:
    folding = replace(JOB, folds=True)
    assert known_as(folding, text) == known
    assert is_unusual(folding, text) is (known == "x")


def test_unusual_when_training_met_rarer_texts_too_then_none_is() -> None:
    domain = {"categories": {"job": ["Clerk"]}, "others": ["job"]}
    rare = Feature.from_json({"name": "job", "kind": "category"}, domain)
    assert not is_unusual(rare, "Cook")
    assert is_unusual(replace(rare, knows_others=False), "Cook")


@pytest.mark.parametrize(
    "text",
    ["Full-Time", " full\u2011 time", "FULL\u00a0time", "\uff26ull\u200btime", "Stra\u00dfe"],
)
def test_folded_when_a_text_is_any_then_is_what_the_contract_makes_of_it(text: str) -> None:
    assert folded(text) == fold(text)
