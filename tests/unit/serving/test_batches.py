"""What is read of a batch by column: only what the model of requests takes, and as it does."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinds import GOOD, all_kinds
from salary_kedro.contract import Contract
from salary_kedro.contract.request import request_values
from salary_kedro.serving.batches import read_columns
from salary_kedro.serving.body import check
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.schemas import Schemas
from samples import contracts_and_rows

#: Values as JSON has them, most of which are odd for most columns.
ODD = (
    "12.0", "-0.0", "1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1E2", "5.", "05", "0x1",
    "9" * 30, "9" * 400, "9007199254740993", "18446744073709551616", "true", "null", '"null"',
    '"\\ud800"', '"\\ud83d\\ude42"', '"caf\\u00e9"', '" Senior "', '"senior"', '"Senior"', '""',
    '"x:y"', '"x\\u003ay"', '"' + "x" * 201 + '"', "[]", "{}", '{"a": 1}', '"2015-06-30"',
    '"2015-W01-1"', '"2015-6-30"', '"2027-01-01"', "1435622400", '"5"', "\t40\n", "1e0", "40e-1",
    "[" * 2_000 + "]" * 2_000,
)  # fmt: skip


def by_rows(body: bytes, contract: Contract) -> list[list[Any]] | None:
    """The columns as the model of requests gives them; None if it refuses the batch."""
    found = {"schemas": Schemas.of(contract), "bundle": SimpleNamespace(contract=contract)}
    served: Any = SimpleNamespace(**found)
    try:
        batch: Any = check(body, served.schemas.batch, served)
    except RequestError:
        return None
    return [list(column) for column in zip(*map(request_values, batch.rows), strict=True)]


def agree(body: bytes, contract: Contract) -> bool:
    """Whether a batch is read by column as it is by row, types and signs of zeros included."""
    found = read_columns(body, contract)
    return found is None or repr(found) == repr(by_rows(body, contract))


def batch(*rows: str) -> str:
    """A batch of rows that are JSON already."""
    return '{"rows": [' + ",".join(rows) + "]}"


def names(contract: Contract) -> list[str]:
    return [*contract.feature_names, contract.target.name]


@given(contracts_and_rows(), st.booleans())
def test_batch_when_it_is_good_then_is_read_by_column_as_by_row(
    drawn: tuple[Contract, list[list[Any]]], compared: bool
) -> None:
    contract, rows = drawn
    target = [contract.target.example] if compared else []
    sent = [
        dict(zip(names(contract), [*row, *target], strict=False)) for row in rows if len(row)
    ] or [{}]
    body = json.dumps({"rows": sent}, default=str).encode()
    assert agree(body, contract)


@given(st.data())
def test_batch_when_something_in_it_is_odd_then_is_never_read_otherwise_than_by_row(
    data: st.DataObject,
) -> None:
    contract = all_kinds()
    rows = [{name: json.dumps(value) for name, value in GOOD.items()} for _ in range(3)]
    row = rows[data.draw(st.integers(0, 2))]
    name = data.draw(st.sampled_from(names(contract)))
    row[name] = data.draw(st.sampled_from(ODD))
    if data.draw(st.booleans()):
        del row[data.draw(st.sampled_from(list(row)))]
    told = [
        "{" + ",".join(f'"{key}": {value}' for key, value in each.items()) + "}" for each in rows
    ]
    body = ('{"rows": [' + ",".join(told) + "]}").encode()
    assert agree(body, contract)


ROW = json.dumps(GOOD)
OTHERWISE = {
    "a field twice": batch(ROW.replace("{", '{"hours": 41, ', 1)),
    "a field twice by an escape": batch(ROW.replace("{", '{"\\u0068ours": 41, ', 1)),
    "a field twice, another not": batch(ROW.replace('"level"', '"hours"', 1)),
    "the rows twice": batch(ROW).replace("{", '{"rows": [], ', 1),
    "something beside the rows": batch(ROW).replace("{", '{"more": 1, ', 1),
    "an unknown field": batch(ROW.replace("{", '{"more": 1, ', 1)),
    "an unknown field for an optional one": batch(ROW.replace('"bonus"', '"more"', 1)),
    "a row that is none": batch(ROW, "5"),
    "no row": '{"rows": []}',
    "too many rows": batch(*["{}"] * 10_001),
    "rows in an object": '{"rows": ' + ROW + "}",
    "a list": "[" + ROW + "]",
    "nothing": "",
    "a mark at its beginning": "\ufeff" + batch(ROW),
    "more behind it": batch(ROW) + "{}",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERWISE)
def test_batch_when_its_shape_is_another_then_is_left_to_the_model_of_requests(name: str) -> None:
    assert read_columns(OTHERWISE[name].encode(), all_kinds()) is None


def test_batch_when_it_is_not_utf_8_then_is_left_to_the_model_of_requests() -> None:
    assert (
        read_columns((batch(ROW)).replace("Analyst", "\xff").encode("latin-1"), all_kinds()) is None
    )


def test_batch_when_nothing_is_odd_then_is_read_by_column() -> None:
    contract, other = all_kinds(), {**GOOD, "salary": 75_000, "bonus": None}
    del other["site"]
    body = json.dumps({"rows": [GOOD, other]}).encode()
    found = read_columns(body, contract)
    assert found is not None
    assert repr(found) == repr(by_rows(body, contract))
    by_name = dict(zip(names(contract), found, strict=True))
    assert by_name["hours"] == [40.0, 40.0]
    assert by_name["bonus"] == [5.5, None]
    assert by_name["site"] == ["${x}", None]
    assert by_name["salary"] == [None, 75_000.0]
