"""Which changes of a contract break clients."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from salary_kedro.contract import Contract
from salary_kedro.contract.compatibility import Change, compare_contracts, compatible
from salary_kedro.contract.request import request_model
from samples import TARGET, column, contract_of, contracts

YEARS = column("years", minimum=0, maximum=60)
W = column("level", use="weight", exclusive_minimum=0)
LEVEL = column("level", kind="category", categories=["a", "b"], example="a")
DAY = column("day", kind="date", minimum="2000-01-01", example="2020-01-01")


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """The differences between two contracts of one feature each."""
    return compare_contracts(contract_of(before), contract_of(after))


def told(found: list[Change]) -> list[tuple[str, str, bool]]:
    return [(change.field, change.what, change.breaks) for change in found]


SPELLING = "what does not matter of texts differs"


def test_compare_when_nothing_differs_then_finds_nothing() -> None:
    assert changes(YEARS, YEARS) == []


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (YEARS, {**YEARS, "use": "audit"}, "is no longer an input, but of use 'audit'"),
        (YEARS, {**YEARS, "name": "time"}, "is renamed to 'time'"),
        (YEARS, {**YEARS, "name": "time", "column": "Time"}, "is removed"),
        ({**YEARS, "required": False}, YEARS, "becomes required"),
        (YEARS, {**YEARS, "kind": "integer"}, "kind number becomes integer"),
        (YEARS, {**YEARS, "maximum": 50}, "bounds are narrower"),
        (YEARS, {**YEARS, "minimum": None, "exclusive_minimum": 0}, "bounds are narrower"),
        (DAY, {**DAY, "minimum": "2001-01-01"}, "bounds are narrower"),
        (LEVEL, {**LEVEL, "categories": ["a", "c"]}, "categories removed: 'b'"),
        (
            {**LEVEL, "categories": {"min_count": 5}},
            LEVEL,
            "learned categories become a closed list",
        ),
        (YEARS, {**YEARS, "unit": "months"}, "unit 'units' becomes 'months'"),
        ({**LEVEL, "fold": True}, LEVEL, SPELLING),
    ],
)
def test_compare_when_requests_are_refused_or_mean_something_else_then_it_breaks(
    before: dict[str, Any], after: dict[str, Any], what: str
) -> None:
    other = column("other")

    found = compare_contracts(contract_of(before, other), contract_of(after, other))

    assert told(found)[0] == (before["name"], what, True)
    assert not compatible(found)


@pytest.mark.parametrize(
    ("before", "after", "breaks"),
    [
        ("currency units a year", "euros a year", False),  # what a draft leaves to be filled in
        ("currency units", "euros a year", False),
        ("logarithm of currency units", "logarithm of euros", False),
        ("dollars a year", "euros a year", True),
        ("logarithm of currency units", "dollars a year", True),
        ("thousand currency units", "dollars", True),
        ("currency units a year", "euros a month", True),
        ("currency units a year", " a year", True),
    ],
)
def test_compare_when_the_target_gets_another_unit_then_it_breaks_unless_a_draft_left_it_open(
    before: str, after: str, *, breaks: bool
) -> None:
    old, new = (contract_of(YEARS, target={**TARGET, "unit": unit}) for unit in (before, after))

    assert told(compare_contracts(old, new)) == [
        ("salary", f"unit '{before}' becomes '{after}'", breaks)
    ]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (YEARS, {**YEARS, "required": False}, "becomes optional"),
        (YEARS, {**YEARS, "maximum": 70}, "bounds are wider"),
        ({**YEARS, "kind": "integer"}, YEARS, "kind integer becomes number"),
        (LEVEL, {**LEVEL, "categories": ["a", "b", "c"]}, "categories added: 'c'"),
        (LEVEL, {**LEVEL, "categories": ["b", "a"]}, "the order of the categories differs"),
        (LEVEL, {**LEVEL, "categories": {"min_count": 5}}, "the closed list is dropped"),
        (YEARS, {**YEARS, "label": "Time"}, "label differs"),
        (YEARS, {**YEARS, "help": "More."}, "help differs"),
        (YEARS, {**YEARS, "column": "Time"}, "column differs"),
        (DAY, {**DAY, "format": "%d.%m.%Y"}, "format differs"),
        (YEARS, {**YEARS, "missing_values": ["-9"]}, "missing_values differs"),
        (YEARS, {**YEARS, "written": {"affixes": ["h"]}}, "written differs"),
        (LEVEL, {**LEVEL, "fold": True}, SPELLING),
        ({**LEVEL, "categories": {}, "fold": True}, {**LEVEL, "categories": {}}, SPELLING),
    ],
)
def test_compare_when_requests_are_still_right_then_it_is_harmless(
    before: dict[str, Any], after: dict[str, Any], what: str
) -> None:
    assert told(changes(before, after)) == [(before["name"], what, False)]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("integer", {"minimum": 1}, {"exclusive_minimum": 0}),
        ("integer", {"maximum": 9.5}, {"exclusive_maximum": 10}),
        ("date", {"minimum": "2000-01-02"}, {"exclusive_minimum": "2000-01-01"}),
    ],
)
def test_compare_when_bounds_are_the_same_in_other_words_then_finds_nothing(
    kind: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    example = "2020-01-01" if kind == "date" else 5
    plain = column("x", kind=kind, example=example)

    assert changes({**plain, **before}, {**plain, **after}) == []


@pytest.mark.parametrize(
    ("required", "what"), [(True, "is a new required input"), (False, "is a new optional input")]
)
def test_compare_when_an_input_is_new_then_it_breaks_if_it_is_required(
    required: bool, what: str
) -> None:
    after = contract_of(YEARS, {**LEVEL, "required": required})

    assert told(compare_contracts(contract_of(YEARS), after)) == [("level", what, required)]


@pytest.mark.parametrize(
    ("key", "value", "breaks"),
    [("name", "pay", True), ("unit", "a month", True), ("currency", "USD", False)],
)
def test_compare_when_answers_change_then_it_breaks(key: str, value: str, breaks: bool) -> None:
    after = contract_of(YEARS, target={**TARGET, key: value})

    (found,) = compare_contracts(contract_of(YEARS), after)

    assert (found.field, found.breaks) == ("salary", breaks)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ([], [{**LEVEL, "use": "audit"}], "is a new column of use 'audit'"),
        ([], [{**LEVEL, "use": "ignore"}], "is a new column of use 'ignore'"),
        ([], [W], "is a new column of use 'weight'"),
        ([{**LEVEL, "use": "audit"}], [], "is removed; it was not an input"),
        ([{**LEVEL, "use": "audit"}], [{**LEVEL, "use": "ignore"}], "differs; it is not an input"),
    ],
)
def test_compare_when_a_column_is_no_input_then_it_is_harmless(
    before: list[dict[str, Any]], after: list[dict[str, Any]], what: str
) -> None:
    found = compare_contracts(contract_of(YEARS, *before), contract_of(YEARS, *after))

    assert told(found) == [("level", what, False)]


def test_compare_when_other_things_are_logged_then_it_is_harmless() -> None:
    after = contract_of(YEARS, request_log={"share": 1.0})

    changes = told(compare_contracts(contract_of(YEARS), after))
    assert changes == [("request_log.share", "differs", False)]


def test_compare_when_the_table_is_read_otherwise_then_it_is_harmless() -> None:
    after = contract_of(YEARS, table={"csv": {"delimiter": ";"}})

    assert told(compare_contracts(contract_of(YEARS), after)) == [("table.csv", "differs", False)]


@pytest.mark.parametrize("trim", [True, False])
def test_compare_when_spaces_begin_to_matter_then_it_breaks_where_texts_are_listed(
    trim: bool,
) -> None:
    before, after = (contract_of(LEVEL, table={"trim": value}) for value in (trim, not trim))

    found = compare_contracts(before, after)

    assert ("level", SPELLING, trim) in told(found)
    assert compatible(found) is not trim


def test_compare_when_some_changes_break_then_they_come_first() -> None:
    found = changes(YEARS, {**YEARS, "label": "Time", "maximum": 10})

    assert [change.breaks for change in found] == [True, False]


# --- The promise: if nothing breaks, what was accepted is accepted ----------------------------


@st.composite
def changed(draw: st.DrawFn) -> tuple[Contract, Contract]:
    """A contract, and one made from it or from another by taking over some keys."""
    before, other = draw(contracts()), draw(contracts())
    kept = before.model_dump(mode="json", exclude_none=True)
    given_ = other.model_dump(mode="json", exclude_none=True)
    features = []
    for position, feature in enumerate(kept["features"]):
        new = given_["features"][min(position, len(given_["features"]) - 1)]
        keys = draw(st.lists(st.sampled_from(sorted(new.keys() - {"column", "name"}))))
        features.append({**feature, **{key: new[key] for key in keys}})
    try:
        return before, Contract.model_validate({**kept, "features": features})
    except ValidationError:
        return before, before


def _candidates(contract: Contract) -> dict[str, list[Any]]:
    """By field, values at and about its ends."""
    found: dict[str, list[Any]] = {}
    for feature in contract.inputs:
        content = feature.model_dump(mode="json", exclude_none=True)
        keys = ("example", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum")
        values = [content[key] for key in keys if key in content]
        if feature.kind in {"number", "integer"}:
            values += [value + step for value in values for step in (-1, 1, 0.5)]
            whole = [int(value) for value in values if value == int(value)]
            values = whole if feature.kind == "integer" else values
        listed = content.get("categories")
        values += listed if isinstance(listed, list) else []
        values += [True, False] if feature.kind == "boolean" else []
        found[feature.name] = [*values, None]
    return found


@given(changed(), st.data())
def test_compare_when_it_says_compatible_then_what_was_accepted_is_accepted(
    pair: tuple[Contract, Contract], data: st.DataObject
) -> None:
    before, after = pair
    if not compatible(compare_contracts(before, after)):
        return
    old, new = _candidates(before), _candidates(after)
    row = {name: data.draw(st.sampled_from([*old[name], *new.get(name, [])])) for name in old}
    # Trimmed, a text of spaces alone is none: nobody means it.
    assume(not any(isinstance(value, str) and not value.strip() for value in row.values()))
    body = json.dumps(row)
    try:
        request_model(before).model_validate_json(body)
    except ValidationError:
        return

    request_model(after).model_validate_json(body)
